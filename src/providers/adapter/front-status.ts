// What an HTTP status means that came without the service's own words: then something in front of the service spoke, a
// proxy, a gateway or a wall. Only a status that surely came before any work says that no job exists.
import { isGatewayTimeout } from '../../kernel/lost-call.ts';
import type { Created, ProviderErrorKind } from '../provider.ts';

export interface FrontVerdict {
  kind: ProviderErrorKind;
  created: Created;
  /** An English sentence without a full stop. */
  message: string;
}

/** A wall, or a wrong address: the service itself was not reached. */
const WALLS: ReadonlySet<number> = new Set([401, 403, 404, 405, 407]);
/** The client is said to have been too slow, or to have left: the work may go on. */
const UNCERTAIN: ReadonlySet<number> = new Set([408, 499]);

export function isWall(status: number): boolean {
  return WALLS.has(status);
}

/** Judges a `status` other than 2xx that something in front of `service` (its name for people) answered with. */
export function judgeFrontStatus(status: number, service: string): FrontVerdict {
  const answered = `The server in front of ${service} answered with HTTP ${status}`;
  if (status === 429) return { kind: 'rate_limited', created: 'no', message: answered };
  // After 303 the work may be done; the others say that it is to be asked for elsewhere.
  if (status >= 300 && status < 400) {
    const message = `${service} redirects elsewhere (HTTP ${status}), which is not followed; check its address`;
    return { kind: 'unavailable', created: status === 303 ? 'unknown' : 'no', message };
  }
  if (isWall(status)) return { kind: 'unavailable', created: 'no', message: answered };
  if (status >= 400 && status < 500 && !UNCERTAIN.has(status)) {
    return { kind: 'invalid_request', created: 'no', message: answered };
  }
  const kind = isGatewayTimeout(status) ? 'timeout' : 'unavailable';
  return { kind, created: 'unknown', message: answered };
}
