// The service behind a provider: the one place that knows which jobs were truly made, whatever its answers say. Every
// answer is drawn from the seed: taken, refused, taken without an answer, never arrived, slow, lost, never done, done late.
import {
  type CancelResult,
  type Capabilities,
  type LookupResult,
  type Output,
  type PollResult,
  type ProviderAdapter,
  type ProviderCall,
  ProviderError,
  type SubmitCall,
  type SubmitResult,
  type WatchCall,
} from '../../src/providers/provider.ts';
import { pictureOf } from './disk.ts';
import type { SimProcess, World } from './world.ts';

/** A request is there or lost within this; a process that starts again takes longer. */
const LONGEST_TRIP_MS = 40;
const LONGEST_SLOW_MS = 12_000;
const LONGEST_PAINT_MS = 8_000;
const POLL_AFTER_MS = 700;

export interface ServiceTraits {
  lookup: boolean;
  idempotentSubmit: boolean;
  cancel: boolean;
  /** Pictures come inside the answer to the submit. */
  isImmediate: boolean;
  watch: boolean;
  /** Share of answers that are not what one hopes for, 0 to 1. */
  trouble: number;
}

export interface Job {
  id: string;
  clientRef: string;
  pictures: number;
  doneAtMs: number;
  end: 'done' | 'failed' | 'never';
  state: 'alive' | 'cancelled' | 'lost';
  /** Says once that it does not know the job, although it does. */
  isForgetful: boolean;
}

/** One submit as it left a process. */
export interface SubmitNote {
  clientRef: string;
  process: SimProcess;
  sentAtMs: number;
  arrived: boolean;
}

type Answer<T> = { ok: T } | { error: ProviderError };

export class SimService {
  readonly name: string;
  readonly traits: ServiceTraits;
  readonly submits: SubmitNote[] = [];
  readonly jobs = new Map<string, Job>();
  /** No faults any more: everything is answered, and jobs end. */
  isHealed = false;
  isAway = false;
  readonly #world: World;
  readonly #watchers = new Set<{ jobId: string; wake: () => void; process: SimProcess }>();

  constructor(world: World, name: string, traits: ServiceTraits) {
    this.#world = world;
    this.name = name;
    this.traits = traits;
  }

  jobsOf(clientRef: string): Job[] {
    return [...this.jobs.values()].filter((job) => job.clientRef === clientRef);
  }

  /** The adapter as one process has it. */
  adapterFor(process: SimProcess): ProviderAdapter {
    const { lookup, cancel, watch } = this.traits;
    return {
      name: this.name,
      models: [
        {
          name: 'brush',
          title: { en: 'Brush', zh: '画笔' },
          capabilities: this.#capabilities(),
          priceMicros: 1_000,
          typicalSeconds: 1,
        },
      ],
      endpoints: [`https://${this.name}.example`],
      submit: (call) => this.#submit(process, call),
      poll: async (call) => {
        const result = await this.#call(process, call, `poll ${call.jobId}`, () => this.#poll(call.jobId));
        return result.state === 'done'
          ? { state: 'done', outputs: await this.#outputs(call, call.jobId) }
          : result;
      },
      ...(lookup
        ? { lookup: (call) => this.#call(process, call, 'lookup', () => this.#lookup(call.clientRef)) }
        : {}),
      ...(cancel
        ? { cancel: (call) => this.#call(process, call, 'cancel', () => this.#cancel(call.jobId)) }
        : {}),
      ...(watch ? { watch: (call) => this.#watch(process, call) } : {}),
      probe: (call) =>
        this.#call(process, { ...call, clientRef: '' }, 'probe', () => ({ ok: { note: null } })),
      close: async () => {},
    };
  }

  #capabilities(): Capabilities {
    const { lookup, idempotentSubmit, cancel } = this.traits;
    return {
      modes: ['text-to-image'],
      sizes: { minSide: 16, maxSide: 2048, maxPixels: 4_194_304, multiple: 1 },
      aspectRatios: ['1:1'],
      maxImages: 4,
      maxInputImages: 0,
      negativePrompt: true,
      seed: true,
      mask: false,
      strength: false,
      cancel,
      progress: true,
      lookup,
      idempotentSubmit,
      callback: false,
    };
  }

  /** A round trip: the request may not arrive, its answer may not come; an aborted caller learns nothing. */
  #call<T>(
    process: SimProcess,
    { signal, clientRef }: Pick<ProviderCall, 'signal' | 'clientRef'>,
    what: string,
    handle: () => Answer<T>,
    onArrival: () => void = () => {},
  ): Promise<T> {
    const world = this.#world;
    const { random } = world;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(new ProviderError('timeout', 'no', 'aborted before it was sent'));
      const onAbort = () => reject(new ProviderError('timeout', 'unknown', 'aborted'));
      signal.addEventListener('abort', onAbort, { once: true });
      const answerLater = (delayMs: number, answer: Answer<T>) =>
        world.schedule(
          delayMs,
          () => {
            signal.removeEventListener('abort', onAbort);
            if ('ok' in answer) resolve(answer.ok);
            else reject(answer.error);
          },
          process,
        );
      world.schedule(world.latency(LONGEST_TRIP_MS), () => {
        // What a process had handed to the network may still arrive after its death.
        if (process.state === 'dead' && random.chance(0.5)) return;
        if (!this.isHealed && (this.isAway || random.chance(this.traits.trouble / 4))) {
          world.note(`${process.name} ${this.name} ${what} ${clientRef} does not arrive`);
          const kind = this.isAway ? 'unreachable' : 'timeout';
          const created = this.isAway ? 'no' : 'unknown';
          const error = new ProviderError(kind, created, 'the connection broke');
          answerLater(world.latency(LONGEST_SLOW_MS), { error });
          return;
        }
        onArrival();
        const answer = handle();
        world.note(`${process.name} ${this.name} ${what} ${clientRef} ${outlineOf(answer)}`);
        if (!this.isHealed && random.chance(this.traits.trouble / 4)) {
          const error = new ProviderError('timeout', 'unknown', 'no answer came');
          answerLater(world.latency(LONGEST_SLOW_MS), { error });
        } else
          answerLater(world.latency(this.isHealed || !random.chance(0.1) ? 60 : LONGEST_SLOW_MS), answer);
      });
    });
  }

  async #submit(process: SimProcess, call: SubmitCall): Promise<SubmitResult> {
    const note: SubmitNote = {
      clientRef: call.clientRef,
      process,
      sentAtMs: this.#world.elapsedMs,
      arrived: false,
    };
    if (!call.signal.aborted) this.submits.push(note);
    const answer = await this.#call(
      process,
      call,
      'submit',
      () => this.#take(call.clientRef, call.request.n),
      () => {
        note.arrived = true;
      },
    );
    if (answer.state !== 'done') return answer;
    return { ...answer, outputs: await this.#outputs(call, answer.jobId ?? '') };
  }

  #take(clientRef: string, pictures: number): Answer<SubmitResult> {
    const { random } = this.#world;
    const { idempotentSubmit, isImmediate, trouble } = this.traits;
    const known = idempotentSubmit ? this.jobsOf(clientRef)[0] : undefined;
    if (!known && !this.isHealed && random.chance(trouble / 2)) return { error: this.#refusal() };
    const job = known ?? this.#make(clientRef, pictures);
    if (!isImmediate) return { ok: { state: 'accepted', jobId: job.id, pollAfterMs: POLL_AFTER_MS } };
    if (job.end === 'done') return { ok: { state: 'done', jobId: job.id, outputs: [] } };
    const error = new ProviderError('unavailable', 'yes', 'the painter failed');
    return { ok: { state: 'failed', jobId: job.id, error } };
  }

  #refusal(): ProviderError {
    const { random } = this.#world;
    const kind = random.pick([
      'rate_limited',
      'unavailable',
      'unavailable',
      'content_blocked',
      'bad_answer',
    ] as const);
    const retryAfterMs = random.between(100, 3_000);
    return new ProviderError(kind, 'no', 'refused', kind === 'rate_limited' ? { retryAfterMs } : {});
  }

  #make(clientRef: string, pictures: number): Job {
    const { random, elapsedMs } = this.#world;
    const isCalm = this.isHealed || !random.chance(this.traits.trouble / 2);
    const job: Job = {
      id: `j${this.jobs.size + 1}@${this.name}`,
      clientRef,
      pictures: isCalm ? pictures : random.between(1, pictures + 1),
      doneAtMs: elapsedMs + (isCalm ? random.between(100, 2_000) : random.between(100, LONGEST_PAINT_MS)),
      end: isCalm ? 'done' : random.pick(['done', 'done', 'failed', 'never'] as const),
      state: isCalm || this.traits.isImmediate || !random.chance(0.2) ? 'alive' : 'lost',
      isForgetful: !isCalm && random.chance(0.3),
    };
    this.jobs.set(job.id, job);
    return job;
  }

  #poll(jobId: string): Answer<PollResult> {
    const job = this.jobs.get(jobId);
    if (job?.state !== 'alive') return { ok: { state: 'lost' } };
    if (job.isForgetful) {
      job.isForgetful = false;
      return { ok: { state: 'lost' } };
    }
    const { elapsedMs } = this.#world;
    if (job.end === 'never' || elapsedMs < job.doneAtMs) {
      const progress = Math.min(0.9, elapsedMs / Math.max(1, job.doneAtMs));
      return { ok: { state: 'running', progress, pollAfterMs: POLL_AFTER_MS } };
    }
    if (job.end === 'done') return { ok: { state: 'done', outputs: [] } };
    return { ok: { state: 'failed', error: new ProviderError('unavailable', 'yes', 'the painter failed') } };
  }

  #lookup(clientRef: string): Answer<LookupResult> {
    const [job] = this.jobsOf(clientRef);
    return { ok: job ? { state: 'found', jobId: job.id } : { state: 'absent' } };
  }

  #cancel(jobId: string): Answer<CancelResult> {
    const job = this.jobs.get(jobId);
    if (job?.state === 'cancelled') return { ok: { state: 'cancelled' } };
    const isOver = job?.state !== 'alive' || this.#world.elapsedMs >= job.doneAtMs;
    if (isOver) return { ok: { state: 'not_cancellable', note: 'It is over.' } };
    job.state = 'cancelled';
    return { ok: { state: 'cancelled' } };
  }

  #watch(process: SimProcess, { jobId, onWake, signal }: WatchCall): () => void {
    const watcher = { jobId, wake: onWake, process };
    const job = this.jobs.get(jobId);
    this.#watchers.add(watcher);
    const stop = () => this.#watchers.delete(watcher);
    signal.addEventListener('abort', stop, { once: true });
    const waitMs = (job?.doneAtMs ?? 0) - this.#world.elapsedMs;
    this.#world.schedule(waitMs, () => this.#watchers.has(watcher) && onWake(), process);
    return stop;
  }

  /** The pictures of a job: files when they come inside the answer, else addresses. */
  async #outputs(call: Pick<SubmitCall, 'spool'>, jobId: string): Promise<Output[]> {
    const job = this.jobs.get(jobId);
    const outputs: Output[] = [];
    for (let index = 0; index < (job?.pictures ?? 0); index += 1) {
      if (this.traits.isImmediate) {
        const file = await call.spool(inParts(pictureOf(jobId, index)));
        outputs.push({ file, seed: index });
      } else outputs.push({ url: `https://${this.name}.example/${jobId}/${index}`, seed: index });
    }
    return outputs;
  }

  /** A download of one of those addresses: it may break off, or in the middle. */
  async download(url: string): Promise<AsyncIterable<Uint8Array>> {
    const { random } = this.#world;
    const [, jobId = '', index = ''] = /example\/([^/]+)\/(\d+)$/.exec(url) ?? [];
    const isCalm = this.isHealed || !random.chance(this.traits.trouble / 2);
    if (!isCalm && random.chance(0.5)) throw new Error('the download broke off');
    const content = pictureOf(jobId, Number(index));
    return inParts(isCalm ? content : content.slice(0, -4));
  }
}

async function* inParts(content: string): AsyncGenerator<Uint8Array> {
  const half = Math.ceil(content.length / 2);
  yield Buffer.from(content.slice(0, half));
  yield Buffer.from(content.slice(half));
}

function outlineOf(answer: Answer<unknown>): string {
  if ('error' in answer) return `${answer.error.kind} (created: ${answer.error.created})`;
  const { state, jobId } = answer.ok as { state?: string; jobId?: string };
  return `${state ?? 'fine'}${jobId ? ` ${jobId}` : ''}`;
}
