// Why an outbound request failed, from a closed set, and whether any byte of it may have reached the other side.
// Only `not_sent` proves that nothing happened there; everything else must be treated as unknown by whoever cares.
import { redactText } from './redact.ts';

export type OutboundErrorKind =
  | 'dns'
  | 'refused'
  | 'unreachable'
  | 'tls'
  | 'proxy'
  | 'connect_timeout'
  | 'headers_timeout'
  | 'idle_timeout'
  | 'total_timeout'
  /** Data comes, but slower than the least rate asked for. */
  | 'too_slow'
  | 'reset'
  /** The body ended before its declared end. */
  | 'truncated'
  | 'too_large'
  /** Not HTTP, not the declared encoding, or not JSON. */
  | 'bad_answer'
  /** We built a request that cannot be sent, for example with a line break in a header. */
  | 'bad_request'
  /** The caller's signal. */
  | 'aborted'
  | 'redirect_refused'
  | 'blocked_address'
  /** Scheme, port or user name in the address. */
  | 'blocked_url';

/** `sent` from the moment the request line may have been written to a connected peer. */
export type OutboundPhase = 'not_sent' | 'sent';

const TOO_LARGE_TEXT = 'The file at this address is larger than allowed.';
const FAILED_TEXT =
  'The address could not be used: it must be a public http or https address that answers with the expected content.';

export class OutboundError extends Error {
  readonly kind: OutboundErrorKind;
  readonly phase: OutboundPhase;

  constructor(kind: OutboundErrorKind, phase: OutboundPhase, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'OutboundError';
    this.kind = kind;
    this.phase = phase;
  }

  /** For a user who gave the address: the same words for every kind of failure, so that they map no network. */
  get userDetail(): string {
    return this.kind === 'too_large' ? TOO_LARGE_TEXT : FAILED_TEXT;
  }
}

const BY_CODE: Readonly<Record<string, OutboundErrorKind>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  ECONNREFUSED: 'refused',
  ENOENT: 'refused',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EHOSTDOWN: 'unreachable',
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  ETIMEDOUT: 'connect_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'headers_timeout',
  UND_ERR_BODY_TIMEOUT: 'idle_timeout',
  UND_ERR_HEADERS_OVERFLOW: 'bad_answer',
  UND_ERR_INVALID_ARG: 'bad_request',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'bad_request',
  UND_ERR_NOT_SUPPORTED: 'bad_request',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'truncated',
  UND_ERR_PRX_TLS: 'proxy',
  UND_ERR_PRX_CONN: 'proxy',
  UND_ERR_SOCKS5: 'proxy',
};

const TLS_CODE =
  /^(ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_(CA|PURPOSE)|EPROTO$)/;
/** Causes are nested two deep when a proxy refuses (undici 8); the bound is against loops. */
const DEEPEST_CAUSE = 5;

function kindOf(error: unknown, phase: OutboundPhase): OutboundErrorKind {
  let current = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && current instanceof Error; depth += 1) {
    const code = String((current as { code?: unknown }).code ?? '');
    const known = BY_CODE[code];
    // Once connected, a time-out of the socket itself is a lost connection.
    if (known) return known === 'connect_timeout' && phase === 'sent' ? 'reset' : known;
    if (TLS_CODE.test(code)) return 'tls';
    if (code.startsWith('HPE_') || current.name === 'HTTPParserError') return 'bad_answer';
    if (/^Proxy response |SOCKS5/i.test(current.message)) return 'proxy';
    if (current instanceof AggregateError && current.errors.length > 0) current = current.errors[0];
    else current = current.cause;
  }
  return 'reset';
}

/** Turns whatever the HTTP client threw into an `OutboundError`; one that is already stays as it is. */
export function toOutboundError(error: unknown, phase: OutboundPhase, about: string): OutboundError {
  if (error instanceof OutboundError) return error;
  let inner: unknown = error;
  for (let depth = 0; depth < DEEPEST_CAUSE && inner instanceof Error; depth += 1) {
    if (inner instanceof OutboundError) return inner;
    inner =
      inner instanceof AggregateError
        ? inner.errors.find((one) => one instanceof OutboundError)
        : inner.cause;
  }
  const kind = kindOf(error, phase);
  const text = error instanceof Error ? error.message : String(error);
  return new OutboundError(kind, phase, `${about}: ${kind} (${redactText(text)})`, error);
}
