// The interface every provider adapter translates to. An adapter owns no retries, no timers and no storage:
// the task engine does. What it must get right is the class of each outcome, above all whether a job exists.

export type Mode = 'text-to-image' | 'image-to-image' | 'upscale';

/** What a model can do, as data: the studio draws its form from it, validation and the engine decide by it. */
export interface Capabilities {
  modes: readonly Mode[];
  /** Sizes in pixels: each side within limits and a multiple of `multiple`. */
  sizes: { minSide: number; maxSide: number; maxPixels: number; multiple: number };
  /** Ratios offered in the studio, as `w:h`. */
  aspectRatios: readonly string[];
  /** Largest `n` that one task may ask for. */
  maxImages: number;
  /** Largest number of input images (0 = none). */
  maxInputImages: number;
  negativePrompt: boolean;
  seed: boolean;
  mask: boolean;
  strength: boolean;
  /** A running job can be stopped. */
  cancel: boolean;
  /** `poll` reports a fraction. */
  progress: boolean;
  /** A job can be found again by our own client reference; decides what an unknown submit may do. */
  lookup: boolean;
  /** Submitting the same client reference twice makes one job. */
  idempotentSubmit: boolean;
}

/** A model that one provider serves. */
export interface ProviderModel {
  /** The provider's own name for it. */
  name: string;
  title: { en: string; zh: string };
  capabilities: Capabilities;
  /** Integer micro-credits for one picture. */
  priceMicros: number;
  /** Typical seconds from submit to picture, shown until measured ones exist. */
  typicalSeconds: number;
}

/** A file on local disk that the engine hands to, or takes from, an adapter. */
export interface LocalFile {
  path: string;
  bytes: number;
  mime: string;
}

/** One generation as an adapter sees it; sizes are final pixels, the model is the provider's own name. */
export interface GenerationRequest {
  mode: Mode;
  model: string;
  prompt: string;
  negativePrompt: string | null;
  width: number;
  height: number;
  n: number;
  seed: number;
  /** 0 keeps the input image, 1 ignores it; null where the model has no such setting. */
  strength: number | null;
  images: readonly LocalFile[];
  mask: LocalFile | null;
}

export interface ProviderCall {
  /** Aborted at the task's deadline, at cancel, and when this node loses its lease. */
  signal: AbortSignal;
  /** Ours, unique for the attempt: the provider's idempotency or look-up key where it has one. */
  clientRef: string;
}

export interface SubmitCall extends ProviderCall {
  request: GenerationRequest;
  /** Writes bytes that came inside an answer to a file on local disk, under the engine's size cap. */
  spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile>;
  /** For a provider that answers in the submit call itself; a fraction from 0 to 1. */
  onProgress(fraction: number): void;
}

export interface JobCall extends ProviderCall {
  jobId: string;
  request: GenerationRequest;
  spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile>;
}

/** One picture: a URL for the engine to download, or a file that `spool` returned. */
export type Output = ({ url: string } | { file: LocalFile }) & { seed: number | null };

export type SubmitResult =
  | { state: 'accepted'; jobId: string; pollAfterMs: number }
  | { state: 'done'; jobId: string | null; outputs: readonly Output[] };

export type PollResult =
  | { state: 'running'; progress: number | null; pollAfterMs: number }
  | { state: 'done'; outputs: readonly Output[] }
  /** The job failed for good; the provider will deliver nothing more. */
  | { state: 'failed'; error: ProviderError }
  /** The provider does not know the job. The engine confirms this before it believes it. */
  | { state: 'lost' };

export type LookupResult = { state: 'found'; jobId: string } | { state: 'absent' };
export type CancelResult = { state: 'cancelled' } | { state: 'not_cancellable'; note: string };

export interface ProviderAdapter {
  readonly name: string;
  readonly models: readonly ProviderModel[];
  /** Throws `ProviderError`, whose `created` decides whether the engine may ever send this again. */
  submit(call: SubmitCall): Promise<SubmitResult>;
  /** Throws `ProviderError` when the question failed (asked again later); a failed job is an answer, not an error. */
  poll(call: JobCall): Promise<PollResult>;
  lookup?(call: ProviderCall): Promise<LookupResult>;
  cancel?(call: ProviderCall & { jobId: string }): Promise<CancelResult>;
  /** Costs nothing; throws `ProviderError` when the credential is refused or the service does not answer. */
  probe(call: { signal: AbortSignal }): Promise<{ note: string | null }>;
  close(): Promise<void>;
}

/** Why a provider call failed. */
export type ProviderErrorKind =
  | 'unreachable'
  | 'timeout'
  | 'rate_limited'
  | 'credentials_missing'
  | 'credentials_expired'
  | 'quota_exhausted'
  | 'content_blocked'
  | 'invalid_request'
  | 'unavailable'
  | 'bad_answer';

/** A provider call that failed. */
export class ProviderError extends Error {
  readonly kind: ProviderErrorKind;
  /** Whether a job exists (and may be billed); `unknown` is never sent again without proof. */
  readonly created: 'no' | 'yes' | 'unknown';
  /** What the provider asked us to wait, if it did. */
  readonly retryAfterMs: number | null;

  constructor(
    kind: ProviderErrorKind,
    created: 'no' | 'yes' | 'unknown',
    message: string,
    options: { retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ProviderError';
    this.kind = kind;
    this.created = created;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}
