// What a call that broke off means, for everyone who calls a service that does costly work: whether anything may have
// been begun there, and in words that show no address. Only a connection that never stood proves that nothing was.
import type { OutboundError, OutboundErrorKind } from './outbound-error.ts';

export interface LostCall {
  kind: 'unreachable' | 'timeout' | 'bad_answer' | 'unavailable';
  /** Whether the other side may have begun the work. */
  created: 'no' | 'unknown';
  /** An English sentence without a full stop. */
  message: string;
}

/** Statuses by which a gateway says that it stopped waiting: the work behind it may go on. */
const GATEWAY_TIMEOUTS: ReadonlySet<number> = new Set([408, 499, 504, 522, 524]);

const TIMEOUTS: ReadonlySet<OutboundErrorKind> = new Set([
  'connect_timeout',
  'headers_timeout',
  'idle_timeout',
  'total_timeout',
  'too_slow',
  'aborted',
]);

const UNREADABLE: ReadonlySet<OutboundErrorKind> = new Set(['too_large', 'bad_answer', 'truncated']);

const NOT_REACHED: Partial<Record<OutboundErrorKind, string>> = {
  dns: 'the name of its server is not known',
  refused: 'the connection was refused',
  connect_timeout: 'the connection could not be opened in time',
  tls: 'the secure connection failed',
  proxy: 'the proxy failed',
  aborted: 'the call was stopped',
  blocked_address: 'its address is not public',
  blocked_url: 'its address is not public',
};

export function isGatewayTimeout(status: number): boolean {
  return GATEWAY_TIMEOUTS.has(status);
}

/** Judges a call to `service` (its name for people) that ended without an answer. */
export function judgeLostCall({ kind, phase }: OutboundError, service: string): LostCall {
  if (phase === 'not_sent') {
    const why = NOT_REACHED[kind] ?? 'no connection';
    return { kind: 'unreachable', created: 'no', message: `${service} was not reached: ${why}` };
  }
  if (TIMEOUTS.has(kind)) {
    return { kind: 'timeout', created: 'unknown', message: `${service} did not answer in time` };
  }
  if (UNREADABLE.has(kind)) {
    const message = `The answer of ${service} could not be read (${kind.replace('_', ' ')})`;
    return { kind: 'bad_answer', created: 'unknown', message };
  }
  return { kind: 'unavailable', created: 'unknown', message: `The connection to ${service} was lost` };
}
