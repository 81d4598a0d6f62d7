// What a failed call to KIE AI means: which kind of failure, and whether a task exists. Most failures arrive as HTTP 200
// with another `code` in the body; real statuses and the edge's HTML pages occur as well.
// Only a refusal in KIE's own words, or before anything was sent, proves that no task was made.
import { judgeLostCall } from '../../kernel/lost-call.ts';
import type { OutboundError } from '../../kernel/outbound-error.ts';
import { withQuote } from '../../kernel/quotable.ts';
import { type AnswerHeaders, parseRetryAfter } from '../../kernel/retry-after.ts';
import { judgeFrontStatus } from '../adapter/front-status.ts';
import { isSuccess } from '../adapter/read-answer.ts';
import { type Created, ProviderError, type ProviderErrorKind } from '../provider.ts';

/** One failed exchange, as far as it got. */
export type Failure =
  /** No whole answer came. */
  | { error: OutboundError; status: null }
  /** An answer that is not a success; `text` is null when its body could not be read. */
  | { status: number; text: string | null; headers: AnswerHeaders; nowMs: number };

export interface FailureContext {
  /** Known beforehand for calls that make no task; null where the failure decides. */
  created: 'no' | 'yes' | null;
  /** Values that no message may repeat. */
  secrets: readonly string[];
}

interface Verdict {
  kind: ProviderErrorKind;
  created: Created;
  message: string;
  /** Append what KIE said. */
  quote?: boolean;
  /** Least wait, whatever the headers say. */
  waitMs?: number;
}

/** KIE counts new tasks in windows of 10 s. */
const RATE_WINDOW_MS = 10_000;
const LATER_MS = 30_000;
const FIX = 'Set a working key: "drawbridge providers set-secret kie", or KIE_AI_API_KEY and a restart.';

const REJECTED_KEY: Verdict = {
  kind: 'credentials_expired',
  created: 'no',
  message: `KIE AI does not accept the API key. ${FIX}`,
};
const NO_CREDIT: Verdict = {
  kind: 'quota_exhausted',
  created: 'no',
  message: 'The KIE AI account has no credits left',
};
const LIMITED: Verdict = {
  kind: 'rate_limited',
  created: 'no',
  message: 'KIE AI takes no more tasks for the moment',
  waitMs: RATE_WINDOW_MS,
};
const INVALID: Verdict = {
  kind: 'invalid_request',
  created: 'no',
  message: 'KIE AI refused the request',
  quote: true,
};
const BLOCKED: Verdict = {
  kind: 'content_blocked',
  created: 'no',
  message: 'KIE AI refused the content of the prompt or picture',
};
const ERROR: Verdict = {
  kind: 'unavailable',
  created: 'unknown',
  message: 'KIE AI reported an error',
  quote: true,
};

const BY_CODE: Readonly<Record<number, Verdict>> = {
  400: INVALID,
  401: REJECTED_KEY,
  402: NO_CREDIT,
  403: {
    kind: 'credentials_expired',
    created: 'no',
    message: `KIE AI refuses this key here: its rights, spending limit or list of allowed addresses. ${FIX}`,
  },
  404: INVALID,
  405: LIMITED,
  // Something that exists already may be the task itself.
  409: { ...INVALID, created: 'unknown' },
  422: INVALID,
  429: LIMITED,
  430: LIMITED,
  451: { kind: 'unavailable', created: 'no', message: 'KIE AI could not fetch the input picture' },
  455: { kind: 'unavailable', created: 'no', message: 'KIE AI is in maintenance', waitMs: LATER_MS },
  500: ERROR,
  501: { ...INVALID, message: 'KIE AI could not make this picture' },
  505: { ...INVALID, message: 'KIE AI has switched this model off' },
  550: { kind: 'unavailable', created: 'no', message: 'The queue of KIE AI is full', waitMs: LATER_MS },
};

/** Codes whose message may tell that the content was the reason. */
const CONTENT_CODES = new Set([400, 422, 500, 501]);
const CONTENT_WORDS =
  /sensitive|content polic|usage polic|safety|prohibited|nsfw|moderat|violat|flagged|inappropriate|敏感|违规|审核/i;

/** A status without KIE's own words comes from something in front of it. */
function statusVerdict(status: number): Verdict {
  if (status === 401) return REJECTED_KEY;
  if (status === 402) return NO_CREDIT;
  if (status === 429) return LIMITED;
  return judgeFrontStatus(status, 'KIE AI');
}

/** The common envelope of every answer; `code` is null when the body is not one. */
export interface Envelope {
  code: number | null;
  message: string;
  data: unknown;
}

/** Reads any text as an envelope; never throws. */
export function readEnvelope(text: string | null): Envelope {
  const none = { code: null, message: '', data: null };
  if (text === null) return none;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return none;
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return none;
  const { code, msg, message, data } = body as Record<string, unknown>;
  const said = [msg, message].find((one) => typeof one === 'string' && one !== '');
  return {
    code:
      typeof code === 'number' || (typeof code === 'string' && /^\d{1,4}$/.test(code)) ? Number(code) : null,
    message: typeof said === 'string' ? said : '',
    data: data ?? null,
  };
}

function envelopeVerdict(code: number, message: string): Verdict {
  if (CONTENT_CODES.has(code) && CONTENT_WORDS.test(message)) return BLOCKED;
  return BY_CODE[code] ?? ERROR;
}

/** Every failure of a call, as the engine needs it. */
export function classify(failure: Failure, context: FailureContext): ProviderError {
  if (failure.status === null) {
    return toError(judgeLostCall(failure.error, 'KIE AI'), { context, said: '', cause: failure.error });
  }
  const { status, text, headers, nowMs } = failure;
  const { code, message } = readEnvelope(text);
  const waitMs = parseRetryAfter(headers, nowMs);
  if (code !== null && code !== 200 && (isSuccess(status) || Object.hasOwn(BY_CODE, code))) {
    return toError(envelopeVerdict(code, message), { context, said: message, waitMs });
  }
  if (!isSuccess(status)) return toError(statusVerdict(status), { context, said: '', waitMs });
  const unknown: Verdict = {
    kind: 'bad_answer',
    created: 'unknown',
    message: 'The answer of KIE AI is not one that it gives',
  };
  return toError(unknown, { context, said: '' });
}

function toError(
  verdict: Verdict,
  from: { context: FailureContext; said: string; waitMs?: number | null; cause?: OutboundError },
): ProviderError {
  const { context, said, waitMs, cause } = from;
  const message = withQuote(verdict.message, verdict.quote ? said : '', context.secrets);
  const wait = Math.max(waitMs ?? 0, verdict.waitMs ?? 0);
  const isKnown = (waitMs ?? verdict.waitMs) !== undefined;
  return new ProviderError(verdict.kind, context.created ?? verdict.created, message, {
    retryAfterMs: isKnown ? wait : null,
    cause,
  });
}

/** Why a task that KIE took has failed for good. */
export function taskFailure(
  failCode: string,
  failMessage: string,
  secrets: readonly string[],
): ProviderError {
  if (CONTENT_WORDS.test(failMessage))
    return new ProviderError('content_blocked', 'yes', `${BLOCKED.message}.`);
  const code = /^[\w.-]{1,20}$/.test(failCode) ? ` (${failCode})` : '';
  const message = withQuote(`KIE AI could not make this picture${code}`, failMessage, secrets);
  return new ProviderError('invalid_request', 'yes', message);
}
