// A provider whose every answer a test decides, with a job log of its own: what it was sent, and which jobs it has.
import sharp from 'sharp';
import type {
  Capabilities,
  JobCall,
  LookupResult,
  PollResult,
  ProviderAdapter,
  ProviderCall,
  ProviderModel,
  SubmitCall,
  SubmitResult,
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

export type SubmitStep = (call: SubmitCall, provider: ScriptedProvider) => Promise<SubmitResult>;
export type PollStep = (call: JobCall, provider: ScriptedProvider) => Promise<PollResult>;

export class ScriptedProvider implements ProviderAdapter {
  readonly name = 'scripted';
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
  readonly #capabilities: Capabilities;

  constructor(options: { capabilities?: Partial<Capabilities>; priceMicros?: number } = {}) {
    this.#capabilities = { ...CAPABILITIES, ...options.capabilities };
    this.models = [
      {
        name: 'scripted',
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
