// How long to wait before the next try: exponential with jitter, and what the provider asked for, within reason.
import { createHash } from 'node:crypto';

const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
/** A provider that asks for more is asked again earlier; some send absurd values (fault row S5). */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000;

/** A fraction from 0 to 1, fixed by `key`, so that a replayed run waits the same. */
function jitter(key: string): number {
  return createHash('sha256').update(key).digest().readUInt32BE(0) / 0xffff_ffff;
}

/**
 * Milliseconds before try number `failures + 1`. `key` spreads tasks that failed together; at least half of the
 * exponential delay, at least what the provider asked for.
 */
export function retryDelayMs(failures: number, retryAfterMs: number | null, key: string): number {
  const exponential = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures, 10));
  const spread = exponential * (0.5 + 0.5 * jitter(`${key}:${failures}`));
  const asked = Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, retryAfterMs ?? 0));
  return Math.round(Math.max(spread, asked));
}
