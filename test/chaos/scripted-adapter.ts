// Adapters to the scripted service, one for each way in which providers differ after a crash: jobs that can be found again,
// submits that may be repeated, and neither, with the picture in the answer or behind a job id.
import type { Clock } from '../../src/kernel/clock.ts';
import type { Logger } from '../../src/kernel/log.ts';
import { createOutbound, type Outbound, type OutboundRequest } from '../../src/kernel/outbound.ts';
import { OutboundError } from '../../src/kernel/outbound-error.ts';
import { multipart } from '../../src/providers/comfyui/picture-upload.ts';
import {
  type Capabilities,
  type JobCall,
  type LookupResult,
  type PollResult,
  type ProviderAdapter,
  type ProviderCall,
  ProviderError,
  type ProviderModel,
  type SubmitCall,
  type SubmitResult,
} from '../../src/providers/provider.ts';
import type { ProviderEntry } from '../../src/providers/providers.ts';

/** Lane → what the engine may do when it does not know the outcome of a submit. */
export const LANES = {
  'chaos-plain': { lookup: false, idempotentSubmit: false },
  'chaos-sync': { lookup: false, idempotentSubmit: false },
  'chaos-lookup': { lookup: true, idempotentSubmit: false },
  'chaos-idempotent': { lookup: false, idempotentSubmit: true },
} as const;

export type Lane = keyof typeof LANES;

export const PRICE_MICROS = 250_000;
const CONCURRENCY = 16;
const DEADLINE_MS = 10 * 60_000;
/** Who hangs is given up after this. */
const CALL_LIMIT_MS = 3_000;
const POLL_AFTER_MS = 100;

const MODEL: Omit<Capabilities, 'lookup' | 'idempotentSubmit'> = {
  modes: ['text-to-image', 'image-to-image'],
  sizes: { minSide: 16, maxSide: 1024, maxPixels: 1_048_576, multiple: 1 },
  aspectRatios: ['1:1'],
  maxImages: 1,
  maxInputImages: 1,
  negativePrompt: true,
  seed: true,
  mask: false,
  strength: true,
  cancel: false,
  progress: true,
  callback: false,
};

class ScriptedAdapter implements ProviderAdapter {
  readonly name: Lane;
  readonly models: readonly ProviderModel[];
  readonly endpoints: readonly string[];
  readonly #url: string;
  readonly #outbound: Outbound;
  readonly lookup?: (call: ProviderCall) => Promise<LookupResult>;

  constructor(name: Lane, url: string, outbound: Outbound) {
    this.name = name;
    this.#url = `${url}/${name}`;
    this.#outbound = outbound;
    this.endpoints = [this.#url];
    const title = { en: name, zh: name };
    const capabilities = { ...MODEL, ...LANES[name] };
    this.models = [{ name, title, capabilities, priceMicros: PRICE_MICROS, typicalSeconds: 1 }];
    if (capabilities.lookup) this.lookup = (call) => this.#lookUp(call);
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    await this.#upload(call);
    const body = JSON.stringify({ ref: call.clientRef, prompt: call.request.prompt });
    const answer = await this.#ask({ method: 'POST', url: `${this.#url}/jobs`, body }, call, 'unknown');
    const { job, picture } = answer as { job: string; picture: string | null };
    if (picture === null) return { state: 'accepted', jobId: job, pollAfterMs: POLL_AFTER_MS };
    const bytes = Buffer.from(picture, 'base64');
    const file = await call.spool(
      (async function* () {
        yield bytes;
      })(),
    );
    return { state: 'done', jobId: job, outputs: [{ file, seed: null }] };
  }

  async poll(call: JobCall): Promise<PollResult> {
    const url = `${this.#url}/jobs/${call.jobId}`;
    const job = (await this.#ask({ method: 'GET', url }, call, 'yes')) as
      | { state: 'running'; progress: number }
      | { state: 'done'; path: string };
    if (job.state === 'running')
      return { state: 'running', progress: job.progress, pollAfterMs: POLL_AFTER_MS };
    return { state: 'done', outputs: [{ url: new URL(job.path, this.#url).href, seed: null }] };
  }

  async probe({ signal }: { signal: AbortSignal }) {
    await this.#ask({ method: 'GET', url: `${this.#url}/health` }, { signal }, 'no');
    return { note: null };
  }

  async close() {}

  async #lookUp(call: ProviderCall): Promise<LookupResult> {
    const url = `${this.#url}/refs/${call.clientRef}`;
    const { job } = (await this.#ask({ method: 'GET', url }, call, 'unknown')) as { job: string | null };
    return job === null ? { state: 'absent' } : { state: 'found', jobId: job };
  }

  async #upload({ request, signal }: SubmitCall): Promise<void> {
    for (const file of request.images) {
      const { headers, body } = multipart({}, { field: 'image', name: 'input.png', file });
      await this.#ask({ method: 'POST', url: `${this.#url}/uploads`, headers, body }, { signal }, 'no');
    }
  }

  /** `created` is what a failure after the request was sent leaves of a job. */
  async #ask(
    request: Pick<OutboundRequest, 'method' | 'url' | 'headers' | 'body'>,
    { signal }: { signal: AbortSignal },
    created: ProviderError['created'],
  ): Promise<unknown> {
    try {
      const limits = { totalTimeoutMs: CALL_LIMIT_MS, allow: 'configured', purpose: this.name } as const;
      const response = await this.#outbound.request({ ...request, ...limits, signal });
      if (response.status === 200) return await response.readJson();
      response.discard();
    } catch (error) {
      if (!(error instanceof OutboundError)) throw error;
      if (error.phase === 'not_sent') throw new ProviderError('unreachable', 'no', error.message);
      throw new ProviderError('timeout', created, error.message);
    }
    throw new ProviderError('unavailable', created, 'The scripted service failed.');
  }
}

/** The scripted lanes of a node, on the service at `url`. */
export function scriptedEntries(url: string, world: { clock: Clock; log: Logger }): ProviderEntry[] {
  const outbound = createOutbound(world);
  return (Object.keys(LANES) as Lane[]).map((name) => ({
    adapter: new ScriptedAdapter(name, url, outbound),
    lane: { concurrency: CONCURRENCY, deadlineMs: DEADLINE_MS },
    trustedHosts: [new URL(url).host],
  }));
}
