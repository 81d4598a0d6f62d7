// What a failed call to jimeng means: which kind of failure, whether a job may exist, and what it says about the session.
// The service answers 200 to everything; a negative `code` inside the body is the failure.
// A job may exist whenever the request may have been read and no refusal proves otherwise. A refusal proves it only
// while it comes before the service's first question about the job: later the same codes can come from that question.
import { judgeLostCall } from '../../kernel/lost-call.ts';
import type { OutboundError } from '../../kernel/outbound-error.ts';
import { withQuote } from '../../kernel/quotable.ts';
import { type AnswerHeaders, parseRetryAfter } from '../../kernel/retry-after.ts';
import { isWall, judgeFrontStatus } from '../adapter/front-status.ts';
import { isSuccess } from '../adapter/read-answer.ts';
import { type Created, ProviderError, type ProviderErrorKind } from '../provider.ts';
import type { SessionState } from './sessions.ts';

/** One failed exchange, as far as it got. */
export type Failure =
  /** No whole answer came. */
  | { error: OutboundError; status: null }
  /** An answer that is not a success; `text` is null when its body could not be read. */
  | { status: number; text: string | null; headers: AnswerHeaders; nowMs: number };

export interface FailureContext {
  /** From the start of the call to its failure. */
  elapsedMs: number;
  /** Values that no message may repeat. */
  secrets: readonly string[];
}

export interface Judgement {
  error: ProviderError;
  /** What the session that made the call turned out to be, if the failure tells. */
  session: SessionState | null;
  /** jimeng took the job and ended it without a picture: nothing will come of it, and it is no question of the session. */
  isEnded: boolean;
  /** jimeng-api is there, but jimeng behind it was not reached. */
  isOffline: boolean;
}

interface Verdict {
  kind: ProviderErrorKind;
  /** `early`: no job, if the refusal came before the first question about it. */
  created: Created | 'early';
  message: string;
  session?: SessionState;
  /** Append what the service said. */
  quote?: boolean;
  /** `late`: only if it came after the first question about the job, of which it was the answer then. */
  isEnded?: true | 'late';
  /** To wait where no header says how long. */
  waitMs?: number;
}

/** The check does not see risk control; asking again at once would only prolong it. */
export const RESTRICTED_REST_MS = 15 * 60_000;
/** The service asks about a job every 10 s. */
const FIRST_QUESTION_MS = 10_000;

const EXPIRED: Verdict = {
  kind: 'credentials_expired',
  created: 'early',
  session: 'expired',
  message: 'jimeng says the session has expired',
};
const NO_POINTS: Verdict = {
  kind: 'quota_exhausted',
  created: 'early',
  session: 'exhausted',
  message: 'The jimeng account has no points left',
};
const BLOCKED: Verdict = {
  kind: 'content_blocked',
  created: 'no',
  message: 'jimeng refused the content of the prompt or picture',
};
const INVALID: Verdict = {
  kind: 'invalid_request',
  created: 'no',
  message: 'jimeng refused the request',
  quote: true,
};
const INVALID_EARLY: Verdict = { ...INVALID, created: 'early' };
/** A pause of this account, not of the service: the next one goes on. */
const RESTRICTED: Verdict = {
  kind: 'rate_limited',
  created: 'early',
  session: 'restricted',
  message: 'jimeng restricts this account for now (risk control or region)',
  waitMs: RESTRICTED_REST_MS,
};
const NETWORK: Verdict = {
  kind: 'unavailable',
  created: 'unknown',
  message: 'jimeng-api could not reach jimeng',
};
const UNCLEAR: Verdict = {
  kind: 'unavailable',
  created: 'unknown',
  message: 'jimeng reported an error',
  quote: true,
};
const ENDED: Verdict = {
  kind: 'invalid_request',
  created: 'yes',
  message: 'jimeng could not make this picture',
  quote: true,
  isEnded: true,
};
/** The finished picture, or what it was made from, did not pass. */
const BLOCKED_AFTERWARDS: Verdict = { ...BLOCKED, created: 'yes', isEnded: true };
const NEVER_FINISHED: Verdict = {
  kind: 'timeout',
  created: 'yes',
  message: 'jimeng took the request but delivered no picture in time; it may have charged it',
  isEnded: true,
};

const BY_CODE: Readonly<Record<number, Verdict>> = {
  [-1001]: INVALID,
  [-1002]: INVALID,
  [-2000]: INVALID,
  [-2002]: EXPIRED,
  [-2003]: INVALID,
  [-2004]: INVALID,
  [-2006]: { ...BLOCKED, isEnded: 'late' },
  [-2009]: NO_POINTS,
};

/** Numbers of jimeng itself inside the message of a request that failed (-2001); seen in reports, not documented. */
const BY_UPSTREAM_NUMBER: Readonly<Record<string, Verdict>> = {
  '1015': EXPIRED,
  '34010105': EXPIRED,
  '1019': RESTRICTED,
  '-4': RESTRICTED,
  '3000': RESTRICTED,
  '3018': INVALID_EARLY,
  '34010100': INVALID_EARLY,
  '4001': BLOCKED,
  '4002': INVALID_EARLY,
  '5000': NO_POINTS,
};

/** Numbers inside the message of a generation that failed (-2007). */
const CONTENT_FAIL_CODES = new Set(['2038', '2047']);
const FAILED_TASK_STATE = '30';

/** The words of the picture check that comes before a job from input pictures. */
const PICTURE_REFUSED = /\b2003\b|risk not pass|detected risk/i;
const NETWORK_WORDS =
  /timeout of \d+ ?ms|ECONN|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|socket|network error|status code \d|aborted/i;
const REQUEST_WORDS = /unsupported|不支持|参数|required|missing|invalid|缺少|必须|JSON/i;

const numbersIn = (text: string): string[] => text.match(/(?<![\w.-])-?\d{1,9}(?![\w.]| ms)/g) ?? [];

function bodyVerdict(code: number, message: string): Verdict {
  const known = BY_CODE[code];
  if (known) return known;
  const numbers = numbersIn(message);
  if (code === -2007) {
    if (numbers.some((one) => CONTENT_FAIL_CODES.has(one))) return BLOCKED_AFTERWARDS;
    return numbers.includes(FAILED_TASK_STATE) ? ENDED : NEVER_FINISHED;
  }
  if (PICTURE_REFUSED.test(message)) return BLOCKED;
  if (code === -2001) {
    const number = numbers.find((one) => Object.hasOwn(BY_UPSTREAM_NUMBER, one));
    return (number === undefined ? undefined : BY_UPSTREAM_NUMBER[number]) ?? UNCLEAR;
  }
  if (code === -1000 && NETWORK_WORDS.test(message)) return NETWORK;
  if (code === -1000 && REQUEST_WORDS.test(message)) return INVALID;
  return UNCLEAR;
}

/** A status other than 2xx comes from something in front of the service, which itself only says 200. */
function statusVerdict(status: number): Verdict {
  const verdict = judgeFrontStatus(status, 'jimeng-api');
  const hint = isWall(status)
    ? '; check the address of jimeng-api'
    : status === 413
      ? ': the pictures are too large for it'
      : '';
  return { ...verdict, message: `${verdict.message}${hint}` };
}

/** `code` and `message` of a body that reports a failure; null when it is no such body. */
export function failureBody(text: string): { code: number; message: string } | null {
  const body = parsed(text);
  if (typeof body !== 'object' || body === null || !('code' in body)) return null;
  const message = 'message' in body && typeof body.message === 'string' ? body.message : '';
  return { code: Number(body.code), message };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Every failure of a call, as the engine and the sessions need it. */
export function classify(failure: Failure, { elapsedMs, secrets }: FailureContext): Judgement {
  if (failure.status === null) return judge(judgeLostCall(failure.error, 'jimeng-api'), '', failure.error);
  const { status, text, headers, nowMs } = failure;
  const body = text === null ? null : failureBody(text);
  if (!isSuccess(status)) {
    const retryAfterMs = parseRetryAfter(headers, nowMs);
    // Some set-ups turn the envelope into a status of its own; its code is still the better witness.
    const verdict = body && body.code < 0 ? bodyVerdict(body.code, body.message) : statusVerdict(status);
    return judge(verdict, body?.message ?? '', undefined, retryAfterMs);
  }
  if (body) return judge(bodyVerdict(body.code, body.message), body.message);
  const message = 'The answer of jimeng-api is not one that it gives';
  return judge({ kind: 'bad_answer', created: 'unknown', message }, '');

  function judge(
    verdict: Verdict,
    said: string,
    cause?: OutboundError,
    retryAfterMs: number | null = null,
  ): Judgement {
    const isEarly = elapsedMs < FIRST_QUESTION_MS;
    const isEnded = verdict.isEnded === true || (verdict.isEnded === 'late' && !isEarly);
    const known = verdict.created === 'early' ? (isEarly ? 'no' : 'unknown') : verdict.created;
    const created = isEnded ? 'yes' : known;
    const message = `${withQuote(verdict.message, verdict.quote ? said : '', secrets)}.`;
    const waitMs = retryAfterMs ?? verdict.waitMs;
    const error = new ProviderError(verdict.kind, created, message, { retryAfterMs: waitMs, cause });
    return { error, session: verdict.session ?? null, isEnded, isOffline: verdict === NETWORK };
  }
}
