// A provider whose every answer a test decides, with a job log of its own: what it was sent, and which jobs it has.
import { createHmac } from 'node:crypto';
import sharp from 'sharp';
import type {
  CallbackRequest,
  CallbackVerdict,
  Capabilities,
  JobCall,
  LookupResult,
  PollResult,
  ProviderAdapter,
  ProviderCall,
  ProviderModel,
  SubmitCall,
  SubmitResult,
  WatchCall,
} from '../../src/providers/provider.ts';

const CAPABILITIES: Capabilities = {
  modes: ['text-to-image', 'image-to-image', 'upscale'],
  sizes: { minSide: 16, maxSide: 2048, maxPixels: 4_194_304, multiple: 1 },
  aspectRatios: ['1:1'],
  maxImages: 8,
  maxInputImages: 2,
  negativePrompt: true,
  seed: true,
  mask: true,
  strength: true,
  cancel: true,
  progress: true,
  lookup: true,
  idempotentSubmit: true,
  callback: false,
};

/** How old a signed call back may be, in milliseconds. */
const CALLBACK_WINDOW_MS = 300_000;

export type SubmitStep = (call: SubmitCall, provider: ScriptedProvider) => Promise<SubmitResult>;
export type PollStep = (call: JobCall, provider: ScriptedProvider) => Promise<PollResult>;

export class ScriptedProvider implements ProviderAdapter {
  readonly name: string;
  readonly models: readonly ProviderModel[];
  readonly endpoints: readonly string[] = [];
  /** Every submit that reached it, by client reference. */
  readonly submits: string[] = [];
  /** Client reference → job id of every job that it made. */
  readonly jobs = new Map<string, string>();
  readonly cancels: string[] = [];
  polls = 0;
  /** Consumed one a call; when empty, the default answers. */
  readonly submitScript: SubmitStep[] = [];
  readonly pollScript: PollStep[] = [];
  onPoll: PollStep = async (call) => ({ state: 'done', outputs: await pictures(call, call.request.n) });
  onCancel: () => Promise<{ state: 'cancelled' } | { state: 'not_cancellable'; note: string }> =
    async () => ({ state: 'cancelled' });
  /** Every channel that was opened, in order. */
  readonly watches: (WatchCall & { isStopped: boolean })[] = [];
  readonly watch?: (call: WatchCall) => () => void;
  readonly parseCallback?: (request: CallbackRequest) => CallbackVerdict;
  readonly #capabilities: Capabilities;

  /** `watch`: keeps a channel for each job. With the capability `callback` call backs are judged by their signature. */
  constructor(
    options: {
      name?: string;
      capabilities?: Partial<Capabilities>;
      priceMicros?: number;
      watch?: boolean;
    } = {},
  ) {
    this.name = options.name ?? 'scripted';
    this.#capabilities = { ...CAPABILITIES, ...options.capabilities };
    if (options.watch) {
      this.watch = (call) => {
        const channel = Object.assign(call, { isStopped: false });
        this.watches.push(channel);
        return () => {
          channel.isStopped = true;
        };
      };
    }
    if (this.#capabilities.callback) this.parseCallback = judgeCallback;
    this.models = [
      {
        name: this.name,
        title: { en: 'Scripted', zh: '脚本' },
        capabilities: this.#capabilities,
        priceMicros: options.priceMicros ?? 1_000_000,
        typicalSeconds: 1,
      },
    ];
  }

  /** Makes the job of a client reference, or finds the one it made. */
  makeJob(clientRef: string): string {
    const known = this.#capabilities.idempotentSubmit ? this.jobs.get(clientRef) : undefined;
    const jobId = known ?? `j${this.jobs.size + 1}-${clientRef}`;
    this.jobs.set(clientRef, jobId);
    return jobId;
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    this.submits.push(call.clientRef);
    const step = this.submitScript.shift();
    if (step) return step(call, this);
    return { state: 'accepted', jobId: this.makeJob(call.clientRef), pollAfterMs: 0 };
  }

  async poll(call: JobCall): Promise<PollResult> {
    this.polls += 1;
    return (this.pollScript.shift() ?? this.onPoll)(call, this);
  }

  async lookup(call: ProviderCall): Promise<LookupResult> {
    const jobId = this.jobs.get(call.clientRef);
    return jobId === undefined ? { state: 'absent' } : { state: 'found', jobId };
  }

  async cancel(call: ProviderCall & { jobId: string }) {
    this.cancels.push(call.jobId);
    return this.onCancel();
  }

  async probe() {
    return { note: null };
  }

  async close() {}
}

/** A call back as the scripted provider sends it: the signature covers the time and the body. */
export function signedCallback(
  jobId: string | null,
  sentAtMs: number,
): { body: string; headers: Record<string, string> } {
  const body = JSON.stringify({ job: jobId });
  const signature = signatureOf(`${sentAtMs}.${body}`);
  return { body, headers: { 'x-sent-at': String(sentAtMs), 'x-signature': signature } };
}

const signatureOf = (text: string) => createHmac('sha256', 'the scripted key').update(text).digest('hex');

function judgeCallback({ headers, body, nowMs }: CallbackRequest): CallbackVerdict {
  const text = Buffer.from(body).toString('utf8');
  const sentAt = headers['x-sent-at'] ?? '';
  if (headers['x-signature'] !== signatureOf(`${sentAt}.${text}`)) return { state: 'forged' };
  if (Math.abs(nowMs - Number(sentAt)) > CALLBACK_WINDOW_MS) return { state: 'stale' };
  const { job } = JSON.parse(text) as { job: string | null };
  return { state: 'wake', jobId: job };
}

const painted = new Map<number, Promise<Buffer>>();

/** A small real PNG; a different one for each number. */
export function png(seed: number): Promise<Buffer> {
  const known = painted.get(seed);
  if (known) return known;
  const background = { r: (seed * 53) % 256, g: (seed * 97) % 256, b: (seed * 193) % 256 };
  const made = sharp({ create: { width: 32, height: 32, channels: 3, background } })
    .png()
    .toBuffer();
  painted.set(seed, made);
  return made;
}

/** `count` pictures, spooled as an adapter does with bytes inside an answer. */
export function pictures(call: Pick<JobCall, 'spool'>, count: number) {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const bytes = await png(i + 1);
      const file = await call.spool(
        (async function* () {
          yield bytes;
        })(),
      );
      return { file, seed: i };
    }),
  );
}
