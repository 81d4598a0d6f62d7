// Counts what somebody tries, in windows of a fixed length, for this process: the most tries of a key in one window is a promise,
// also when many come at once, since each counts before it is made and is given back when it was right.
import ipaddr from 'ipaddr.js';
import type { Clock } from './clock.ts';

const MAX_COUNTED = 20_000;
/** Groups of an IPv6 address that name a customer's network; what follows, callers choose freely. */
const IPV6_NETWORK_GROUPS = 4;

/** Who tries, for counting: an IPv4 address, or the /64 network that one IPv6 customer has. */
export function countedAddress(ip: string): string {
  if (!ipaddr.isValid(ip)) return ip;
  const address = ipaddr.process(ip);
  if (address.kind() === 'ipv4') return address.toString();
  return address.toNormalizedString().split(':').slice(0, IPV6_NETWORK_GROUPS).join(':');
}

/** The oldest counts go when there are very many. */
export class TryCounter {
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #counts = new Map<string, { tries: number; endsAtMs: number }>();

  constructor(clock: Clock, windowMs: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Counts a try and returns 0, or the milliseconds until the next is heard. */
  take(key: string, limit: number): number {
    const nowMs = this.#clock.monotonicMs();
    let count = this.#counts.get(key);
    if (!count || count.endsAtMs <= nowMs) {
      this.#counts.delete(key);
      count = { tries: 0, endsAtMs: nowMs + this.#windowMs };
      this.#counts.set(key, count);
      const oldest = this.#counts.keys().next().value;
      if (this.#counts.size > MAX_COUNTED && oldest !== undefined) this.#counts.delete(oldest);
    }
    if (count.tries >= limit) return Math.max(1, count.endsAtMs - nowMs);
    count.tries += 1;
    return 0;
  }

  /** The try was right after all: it does not count. */
  giveBack(key: string): void {
    const count = this.#counts.get(key);
    if (count && count.tries > 0) count.tries -= 1;
  }

  /** After the right password nothing counts against its owner. */
  forget(key: string): void {
    this.#counts.delete(key);
  }
}
