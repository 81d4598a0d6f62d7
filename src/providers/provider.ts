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
  /** The provider calls back when a job moves; a call back only wakes the engine, which then polls. */
  callback: boolean;
}

/** One of several accounts at a provider. The engine chooses one for each attempt and stays with it. */
export interface Credential {
  /** A fingerprint, the same after a restart; safe to store, log and show. */
  id: string;
  /** What an operator recognises it by, such as "session 2 of 3"; never part of the secret. */
  label: string;
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
  /** Which of the adapter's `credentials` this attempt uses; null or absent where it has only one. */
  credential?: string | null;
}

/** What a running job shows before it is done. */
export interface JobReport {
  /** A fraction from 0 to 1. */
  onProgress(fraction: number): void;
  /** An unfinished picture, to be shown and then dropped; the latest replaces those before. */
  onPreview(preview: Preview): void;
}

/** An unfinished picture as the provider sent it: unchecked bytes. */
export interface Preview {
  bytes: Uint8Array;
  mime: 'image/png' | 'image/jpeg' | 'image/webp';
}

export interface SubmitCall extends ProviderCall, JobReport {
  request: GenerationRequest;
  /** Where the provider may call back about this attempt, unguessable; null where nothing can reach this server. */
  callbackUrl: string | null;
  /** Writes bytes that came inside an answer to a file on local disk, under the engine's size cap. */
  spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile>;
}

export interface JobCall extends ProviderCall {
  jobId: string;
  request: GenerationRequest;
  spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile>;
}

/** A look at a job over a channel that the provider keeps open. */
export interface WatchCall extends ProviderCall, JobReport {
  jobId: string;
  /** Something happened: the engine polls at once. */
  onWake(): void;
  /** The channel is gone and its adapter does not open it again itself: the engine calls `watch` anew, after a while. */
  onEnd?(): void;
}

/** A provider's call back as it arrived; `body` is at most 1 MiB. */
export interface CallbackRequest {
  /** Names in lower case. */
  headers: Readonly<Record<string, string | undefined>>;
  body: Uint8Array;
  nowMs: number;
}

/** `wake`: poll the attempt. Anything else changes nothing; `stale` and `forged` are refused with 401. */
export type CallbackVerdict = { state: 'wake'; jobId: string | null } | { state: 'stale' | 'forged' };

/** One picture: a URL for the engine to download, or a file that `spool` returned. */
export type Output = ({ url: string } | { file: LocalFile }) & { seed: number | null };

export type SubmitResult =
  | { state: 'accepted'; jobId: string; pollAfterMs: number }
  | { state: 'done'; jobId: string | null; outputs: readonly Output[] }
  /** The provider took the job, and it has failed for good. */
  | { state: 'failed'; jobId: string | null; error: ProviderError };

export type PollResult =
  | { state: 'running'; progress: number | null; pollAfterMs: number }
  | { state: 'done'; outputs: readonly Output[] }
  /** The job failed for good; the provider will deliver nothing more. */
  | { state: 'failed'; error: ProviderError }
  /** The provider does not know the job. The engine confirms this before it believes it. */
  | { state: 'lost' };

export type LookupResult = { state: 'found'; jobId: string } | { state: 'absent' };
export type CancelResult = { state: 'cancelled' } | { state: 'not_cancellable'; note: string };

/** What a probe learned; null where the provider does not say. */
export interface ProbeResult {
  /** A remark for the operator, in plain words, such as credits left. */
  note: string | null;
  /** Offered models that the service says it does not have; absent where it does not say. */
  missingModels?: readonly string[];
}

/** One of several machines that an adapter spreads its jobs over, as operators see it. */
export interface PoolServer {
  /** Such as `ComfyUI server 2`. */
  label: string;
  /** Host and port, without user name, password and path. */
  host: string;
  state: 'closed' | 'open' | 'half_open';
  /** The last failure in plain words; null while it works. */
  reason: string | null;
  /** Finishes what it has and gets nothing new. */
  draining: boolean;
  /** Null before it was asked. */
  version: string | null;
  /** Jobs running and waiting there when it was last asked; null before. */
  queueLength: number | null;
  /** Progress and previews come at once, and not only with the next poll. */
  live: boolean;
  /** Wall time of the next trial in milliseconds; null unless it is open. */
  nextProbeAtMs: number | null;
  /** Oldest first. */
  history: readonly { atMs: number; from: string; to: string; reason: string | null }[];
}

export interface ProviderAdapter {
  readonly name: string;
  readonly models: readonly ProviderModel[];
  /** Base addresses that its calls go to, without user names and passwords; empty for a provider inside this process. */
  readonly endpoints: readonly string[];
  /** Several accounts that take turns; absent where there is one or none. */
  readonly credentials?: readonly Credential[];
  /** Throws `ProviderError`, whose `created` decides whether the engine may ever send this again. */
  submit(call: SubmitCall): Promise<SubmitResult>;
  /** Throws `ProviderError` when the question failed (asked again later); a failed job is an answer, not an error. */
  poll(call: JobCall): Promise<PollResult>;
  lookup?(call: ProviderCall): Promise<LookupResult>;
  cancel?(call: ProviderCall & { jobId: string }): Promise<CancelResult>;
  /**
   * Follows a running job until the returned function is called or `signal` aborts. Polling goes on beside it, so a
   * channel that breaks costs only liveliness: it never throws and never decides anything.
   */
  watch?(call: WatchCall): () => void;
  /** The machines behind it as this process sees them; absent where there is one address. */
  servers?(): readonly PoolServer[];
  /** Whether a call back is the provider's own and new, judged by its signature; the address was already found right. */
  parseCallback?(request: CallbackRequest): CallbackVerdict;
  /** Costs nothing; throws `ProviderError` when the credential is refused or the service does not answer. */
  probe(call: { signal: AbortSignal; credential?: string | null }): Promise<ProbeResult>;
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

/** Whether a job exists (and may be billed); `unknown` is never sent again without proof. */
export type Created = 'no' | 'yes' | 'unknown';

/** A provider call that failed. */
export class ProviderError extends Error {
  readonly kind: ProviderErrorKind;
  readonly created: Created;
  /** What the provider asked us to wait, if it did. */
  readonly retryAfterMs: number | null;

  constructor(
    kind: ProviderErrorKind,
    created: Created,
    message: string,
    options: { retryAfterMs?: number | null | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'ProviderError';
    this.kind = kind;
    this.created = created;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }
}
