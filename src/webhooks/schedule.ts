// When a message is tried again, and when it is given up: the schedule that Standard Webhooks recommends, about 75 hours.
import { randomInt } from 'node:crypto';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
/** Waits between one attempt and the next; the first attempt is made at once. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
/** A wait is this much longer or shorter, so that what failed together does not come again together. */
export const JITTER_RATIO = 0.1;
const JITTER_STEPS = 10_000;
/** A receiver that asks for more patience than this is asked again all the same. */
export const MAX_RETRY_AFTER_MS = 24 * HOUR_MS;
/** The step of a message that is tried once only. */
export const LAST_STEP = RETRY_DELAYS_MS.length;
/** Answers whose `Retry-After` is heeded. */
const BUSY_STATUSES: readonly number[] = [429, 503];
const GONE = 410;

/** What came of one attempt. */
export interface Answer {
  /** Null when no answer came. */
  statusCode: number | null;
  /** The header, if there was one. */
  retryAfter: string | null;
}

export type Verdict =
  | { outcome: 'delivered' }
  /** `nextAt` in epoch milliseconds. */
  | { outcome: 'retry'; nextAt: number }
  | { outcome: 'dead'; reason: 'attempts_exhausted' | 'gone' };

/** Decides about a message after attempt number `step` (0 is the first) that ended at `now`, in epoch milliseconds. */
export function judge(answer: Answer, step: number, now: number): Verdict {
  const { statusCode } = answer;
  if (statusCode !== null && statusCode >= 200 && statusCode < 300) return { outcome: 'delivered' };
  if (statusCode === GONE) return { outcome: 'dead', reason: 'gone' };
  const delayMs = RETRY_DELAYS_MS[step];
  if (delayMs === undefined) return { outcome: 'dead', reason: 'attempts_exhausted' };
  const isBusy = statusCode !== null && BUSY_STATUSES.includes(statusCode);
  const askedMs = isBusy ? retryAfterMs(answer.retryAfter, now) : 0;
  return { outcome: 'retry', nextAt: now + Math.max(jittered(delayMs), askedMs) };
}

function jittered(delayMs: number): number {
  const deviation = (randomInt(-JITTER_STEPS, JITTER_STEPS + 1) / JITTER_STEPS) * JITTER_RATIO;
  return Math.round(delayMs * (1 + deviation));
}

/** `Retry-After` in milliseconds from `now`, seconds or a date, at most a day; 0 for none and for nonsense. */
export function retryAfterMs(header: string | null, now: number): number {
  if (header === null) return 0;
  const text = header.trim();
  const wanted = /^\d{1,9}$/.test(text) ? Number(text) * SECOND_MS : Date.parse(text) - now;
  return Number.isFinite(wanted) ? Math.min(Math.max(0, wanted), MAX_RETRY_AFTER_MS) : 0;
}
