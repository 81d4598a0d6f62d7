// Traces for OpenTelemetry: a span for each request, and for each task that ended, with its wait and its attempts below it. They
// are built from what is committed anyway, so that a server without a collector carries nothing of it: the library is loaded when
// OTEL_EXPORTER_OTLP_ENDPOINT is set. Losing one is no error of the program.
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';
import type { Clock } from '../kernel/clock.ts';
import { processEnvironment } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { Logger } from '../kernel/log.ts';
import { VERSION } from '../kernel/version.ts';
import type { ObservedRequest } from './metrics.ts';
import { listTracedAttempts } from './trace-store.ts';

const FIRST_SERVER_ERROR = 500;

/** What a trace takes from a task's row. */
export interface TracedTask {
  id: string;
  status: string;
  mode: string;
  model: string;
  lane: string;
  pictures: number;
  error: string | null;
  created_at: number;
  started_at: number | null;
  finished_at: number | null;
}

export interface TracesOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  /** The standard environment variables of OpenTelemetry. */
  environment?: Readonly<Record<string, string | undefined>>;
}

interface Library {
  api: typeof import('@opentelemetry/api');
  tracer: Tracer;
  shutdown(): Promise<void>;
}

interface SpanFacts {
  startedAt: number;
  endedAt: number;
  attributes: Attributes;
  failed?: string | null;
  within?: Context;
  isServer?: boolean;
}

export class Traces {
  readonly #options: TracesOptions;
  readonly #isOn: boolean;
  #library: Promise<Library> | null = null;

  constructor(options: TracesOptions) {
    this.#options = options;
    const environment = options.environment ?? processEnvironment();
    const has = (name: string) => (environment[name] ?? '') !== '';
    this.#isOn =
      (has('OTEL_EXPORTER_OTLP_ENDPOINT') || has('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')) &&
      environment.OTEL_SDK_DISABLED !== 'true' &&
      environment.OTEL_TRACES_EXPORTER !== 'none';
  }

  /** A request that has ended. */
  request({ method, route, status, durationMs }: ObservedRequest): void {
    if (!this.#isOn) return;
    const endedAt = this.#options.clock.now();
    const attributes = {
      'http.request.method': method,
      'http.route': route,
      ...(status === null ? {} : { 'http.response.status_code': status }),
    };
    const failed =
      status === null ? 'the client went away' : status >= FIRST_SERVER_ERROR ? `${status}` : null;
    void this.#with(({ api, tracer }) => {
      const facts = { startedAt: endedAt - durationMs, endedAt, attributes, failed, isServer: true };
      addSpan(api, tracer, `${method} ${route}`, facts);
    });
  }

  /** A change of a task; the one that ends it makes its spans. */
  task(task: TracedTask): void {
    const { finished_at: finishedAt } = task;
    if (!this.#isOn || finishedAt === null) return;
    void this.#with(async (library) => this.#addTask(library, task, finishedAt));
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    await (await this.#library?.catch(() => null))?.shutdown().catch(() => {});
  }

  async #addTask({ api, tracer }: Library, task: TracedTask, finishedAt: number): Promise<void> {
    const attempts = await listTracedAttempts(this.#options.db.read, task.id);
    const failed = task.status === 'failed' ? errorCode(task.error) : null;
    const attributes = {
      'drawbridge.task.id': task.id,
      'drawbridge.task.status': task.status,
      'drawbridge.task.mode': task.mode,
      'drawbridge.task.pictures': task.pictures,
      'drawbridge.model': task.model,
      'drawbridge.provider': task.lane,
    };
    const whole = { startedAt: task.created_at, endedAt: finishedAt, attributes, failed };
    const parent = addSpan(api, tracer, 'task', whole);
    const within = api.trace.setSpan(api.ROOT_CONTEXT, parent);
    const begunAt = task.started_at ?? finishedAt;
    addSpan(api, tracer, 'wait', { startedAt: task.created_at, endedAt: begunAt, attributes: {}, within });
    for (const { n, provider, outcome, started_at: startedAt, saving_at: savingAt, ended_at } of attempts) {
      const endedAt = ended_at ?? finishedAt;
      const about = {
        'drawbridge.attempt': n,
        'drawbridge.provider': provider,
        'drawbridge.outcome': outcome,
      };
      const wasLost = outcome === 'succeeded' ? null : outcome;
      const facts = { startedAt, endedAt, attributes: about, failed: wasLost, within };
      const attempt = addSpan(api, tracer, 'attempt', facts);
      if (savingAt === null) continue;
      // Download, check, store and commit, which belong to us and not to the provider.
      const below = api.trace.setSpan(api.ROOT_CONTEXT, attempt);
      addSpan(api, tracer, 'save', { startedAt: savingAt, endedAt, attributes: {}, within: below });
    }
  }

  async #with(use: (library: Library) => void | Promise<void>): Promise<void> {
    try {
      this.#library ??= loadLibrary();
      await use(await this.#library);
    } catch (error) {
      this.#options.log.debug({ err: error }, 'a trace could not be made');
    }
  }
}

async function loadLibrary(): Promise<Library> {
  const [api, { BatchSpanProcessor, TracerProvider }, { OTLPTraceExporter }, resources] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { detectResources, envDetector, resourceFromAttributes } = resources;
  const own = resourceFromAttributes({ 'service.name': 'drawbridge', 'service.version': VERSION });
  const provider = new TracerProvider({
    // Names that the operator gave win.
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
  });
  return { api, tracer: provider.getTracer('drawbridge', VERSION), shutdown: () => provider.shutdown() };
}

function addSpan(api: Library['api'], tracer: Tracer, name: string, facts: SpanFacts): Span {
  const { startedAt, endedAt, attributes, failed, isServer = false } = facts;
  const kind = isServer ? api.SpanKind.SERVER : api.SpanKind.INTERNAL;
  const span = tracer.startSpan(
    name,
    { startTime: startedAt, attributes, kind },
    facts.within ?? api.ROOT_CONTEXT,
  );
  if (failed) span.setStatus({ code: api.SpanStatusCode.ERROR, message: failed });
  span.end(Math.max(startedAt, endedAt));
  return span;
}

function errorCode(error: string | null): string {
  try {
    return String((JSON.parse(error ?? '{}') as { code?: unknown }).code ?? 'failed');
  } catch {
    return 'failed';
  }
}
