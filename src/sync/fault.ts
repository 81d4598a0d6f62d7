// Why a transfer or a whole sync failed, from a closed set: whether the same file may be tried again, and whether going on with
// the others makes sense. The text is plain English, for the log and the table of failures; it never holds a secret.

export type SyncFaultKind =
  /** The connection broke or never came to be. */
  | 'connection'
  /** User name, password or key were refused. */
  | 'sign_in'
  /** Nobody vouches for the host's key. */
  | 'host_unknown'
  /** The host shows another key than the known one. */
  | 'host_key'
  /** The target has no room. */
  | 'full'
  /** The target does not let us write there. */
  | 'denied'
  /** The file changed or went away while it was read. */
  | 'source'
  /** What lies at the target is not what was sent. */
  | 'hash'
  /** Something appeared under this name since the target was listed. */
  | 'appeared'
  /** The target asks to wait. */
  | 'busy'
  /** The target cannot do what is asked of it, such as running a command. */
  | 'unable'
  | 'failed';

const RETRYABLE: ReadonlySet<SyncFaultKind> = new Set(['connection', 'hash', 'busy']);
const STOPPING: ReadonlySet<SyncFaultKind> = new Set(['sign_in', 'host_unknown', 'host_key', 'full']);

export class SyncFault extends Error {
  readonly kind: SyncFaultKind;

  constructor(kind: SyncFaultKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SyncFault';
    this.kind = kind;
  }

  get isRetryable(): boolean {
    return RETRYABLE.has(this.kind);
  }

  /** Every other file would fail in the same way. */
  get stopsAll(): boolean {
    return STOPPING.has(this.kind);
  }
}

/** Whatever was thrown, as a fault. */
export function toSyncFault(error: unknown): SyncFault {
  if (error instanceof SyncFault) return error;
  return new SyncFault('failed', error instanceof Error ? error.message : String(error), error);
}
