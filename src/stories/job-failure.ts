// What follows when a job of a story fails: it is tried again after a while, it waits for an operator to mend something, or it has
// failed for good and says why.
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import { ProviderError } from '../providers/provider.ts';
import { errorCodeOf } from '../providers/providers.ts';
import type { JobRow } from './store.ts';

const MAX_TRIES = 5;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;
/** The service is asked again now and then; a new secret wakes the job at once. */
const LONGEST_WAIT_MS = 300_000;
/** Whether a provider takes work is known here: looking costs nothing. */
const PICTURE_WAIT_MS = 2_000;
const MAX_DETAIL_CHARS = 1000;

/** Somebody must do something, and then it goes on. */
const MENDABLE: ReadonlySet<ErrorCode> = new Set([
  'provider_credentials_missing',
  'provider_credentials_expired',
  'provider_quota_exhausted',
]);
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'provider_unavailable',
  'provider_timeout',
  'rate_limited',
  'storage_full',
  'storage_unavailable',
  'database_unavailable',
]);

export interface RetryPlan {
  error: { code: ErrorCode; detail: string };
  retryAt: number | null;
  isWaiting: boolean;
  isBug: boolean;
}

/** What a try that threw `error` leads to. */
export function planRetry(job: Pick<JobRow, 'kind' | 'attempt'>, thrown: unknown, now: number): RetryPlan {
  const isExpected = thrown instanceof AppError || thrown instanceof ProviderError;
  if (!isExpected) {
    const error = { code: 'internal_error', detail: 'Something went wrong inside the server.' } as const;
    return { error, retryAt: null, isWaiting: false, isBug: true };
  }
  const code = errorCodeOf(thrown);
  const error = { code, detail: thrown.message.slice(0, MAX_DETAIL_CHARS) };
  const asked = thrown instanceof ProviderError ? (thrown.retryAfterMs ?? 0) : 0;
  const backoffMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(job.attempt - 1, 8));
  if (MENDABLE.has(code)) {
    const waitMs = job.kind === 'picture' ? PICTURE_WAIT_MS : Math.min(LONGEST_WAIT_MS, backoffMs * 4);
    return { error, retryAt: now + Math.max(waitMs, asked), isWaiting: true, isBug: false };
  }
  if (PASSING.has(code) && job.kind === 'picture')
    return { error, retryAt: now + PICTURE_WAIT_MS, isWaiting: true, isBug: false };
  const tries = isBadAnswer(thrown) || code === 'content_blocked' ? 2 : PASSING.has(code) ? MAX_TRIES : 1;
  const isOver = job.attempt >= tries;
  const retryAt = isOver ? null : now + (tries === 2 ? 0 : Math.max(backoffMs, asked));
  return { error, retryAt, isWaiting: false, isBug: false };
}

/** A writer that answered, and not well, is asked once more. */
function isBadAnswer(thrown: unknown): boolean {
  return thrown instanceof ProviderError && thrown.kind === 'bad_answer';
}
