// Turns every way in which a call can fail into one ProviderError. Two questions, answered apart: what is wrong (the
// error's own code before the HTTP status, since a 429 may mean an empty account) and whether a picture may have been
// made and billed (only what provably came before the work says no). Texts are plain, short, and free of secrets,
// addresses and HTML.
import { isGatewayTimeout } from '../../kernel/lost-call.ts';
import { OutboundError } from '../../kernel/outbound-error.ts';
import { quotable } from '../../kernel/quotable.ts';
import { type AnswerHeaders, parseRetryAfter } from '../../kernel/retry-after.ts';
import {
  ERROR_WORDS,
  type ErrorFields,
  type ErrorMeaning,
  errorFieldsOf,
  jsonOf,
  meaningByWord,
  unsentError,
} from '../adapter/openai-style.ts';
import { type Created, ProviderError, type ProviderErrorKind } from '../provider.ts';
import { AnswerShapeError, SpoolFailure } from './picture-answer.ts';

export type Failure =
  /** No answer, or one that broke off: what was thrown. */
  | { at: 'exchange'; error: unknown }
  /** A status other than 2xx, with as much of the body as was read. */
  | { at: 'status'; status: number; headers: AnswerHeaders; body: string }
  /** A 2xx answer whose body is an error, or holds no picture. */
  | { at: 'answer'; fields: ErrorFields }
  /** An error event in a stream that had begun: the service had taken the request, and has ended it. */
  | { at: 'stream'; fields: ErrorFields };

export interface ClassifyContext {
  /** Wall time, to read dates in `Retry-After`. */
  nowMs: number;
  secrets: readonly string[];
  /** A probe creates nothing, whatever happens to it. */
  isProbe?: boolean;
  /** The request asked for a stream. */
  isStreamed?: boolean;
}

/** The service does not know streams, and refused the request for that alone: nothing was made. */
export class StreamRefusedError extends ProviderError {}

/** Beside the words that all such services use; `WORDS` is asked with the error's code, then with its type. */
const WORDS: Readonly<Record<string, ErrorMeaning>> = {
  ...ERROR_WORDS,
  billing_limit_user_error: 'quota',
  organization_usage_limit_exceeded: 'quota',
  token_concurrency_limit_reached: 'rate',
};

/** For relays that pass on only the message; believed only with the statuses named. */
const PHRASES: readonly { statuses: readonly number[]; pattern: RegExp; meaning: ErrorMeaning }[] = [
  {
    statuses: [401, 402, 403, 429],
    pattern:
      /exceeded your current quota|insufficient (?:balance|quota|credit)|余额不足|额度不足|额度已用尽|quota (?:is )?exhausted/i,
    meaning: 'quota',
  },
  { statuses: [400, 403], pattern: /safety system|content policy|内容安全/i, meaning: 'content' },
];

const KINDS: Readonly<Record<ErrorMeaning, ProviderErrorKind>> = {
  quota: 'quota_exhausted',
  content: 'content_blocked',
  credentials: 'credentials_expired',
  rate: 'rate_limited',
  model: 'invalid_request',
};

/** What users read; null where the provider's own words help more. */
const TEXTS: Readonly<Record<ErrorMeaning, string | null>> = {
  quota: 'The account at the image service has no credit left, or has reached its spending limit.',
  credentials: 'The image service refused the API key: it is wrong, expired, or not allowed to do this.',
  rate: 'The image service asks to send fewer requests.',
  content: null,
  model: null,
};

/** These are told before any work, whatever status they come with. */
const NEVER_CREATED: ReadonlySet<ErrorMeaning> = new Set(['content', 'model']);

/** 4xx statuses that do not say that nothing was done. */
const UNCERTAIN: ReadonlySet<number> = new Set([408, 409, 499]);
/** Redirects that ask for the same request elsewhere, so it was not carried out here; 302 and 303 may be an answer. */
const MOVED: ReadonlySet<number> = new Set([301, 307, 308]);
/** Client errors for which the same request is never right, even without a readable body. */
const ALWAYS_WRONG: ReadonlySet<number> = new Set([413, 414, 415, 422, 431]);

/** Statuses that refuse a request as it is written. */
const STREAM_REFUSALS: ReadonlySet<number> = new Set([400, 404, 405, 422, 501]);
const STREAM_PARAMETERS = /\b(?:stream|streaming|partial_images)\b/i;
const NOT_TAKEN =
  /unknown|unsupported|unrecogni[sz]ed|unexpected|invalid|forbidden|not (?:\w+ )?(?:support|allow|permit|implement|accept|available)|does(?:n't| not) support|不支持|未知/i;
/** A relay that lost the stream of the server behind it, which may have painted. */
const BROKEN_STREAM = /stream (?:error|id|read|reset|closed|ended|interrupted|disconnected)|upstream|EOF/i;
const STREAM_REFUSED_TEXT =
  'The image service takes no streamed requests for this model; it is asked without a stream.';

/** The one place that decides what a failure means; see the head of the file. */
export function classify(failure: Failure, context: ClassifyContext): ProviderError {
  if (context.isProbe) {
    const { kind, message, retryAfterMs, cause } = classify(failure, { ...context, isProbe: false });
    return new ProviderError(kind, 'no', message, { retryAfterMs, cause });
  }
  switch (failure.at) {
    case 'exchange':
      return classifyThrown(failure.error, context);
    case 'status':
      return classifyStatus(failure, context);
    case 'answer':
      return classifyAnswer(failure.fields, 'unknown', context);
    case 'stream':
      return classifyAnswer(failure.fields, 'yes', context);
  }
}

function classifyThrown(error: unknown, context: ClassifyContext): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof SpoolFailure) {
    const text = `The picture arrived but could not be kept: ${quotable(error.message, context.secrets)}`;
    return new ProviderError('bad_answer', 'yes', text, { cause: error });
  }
  if (error instanceof AnswerShapeError) {
    return new ProviderError(
      'bad_answer',
      'unknown',
      'The image service sent an answer that cannot be read.',
      {
        cause: error,
      },
    );
  }
  if (!(error instanceof OutboundError)) {
    return new ProviderError('bad_answer', 'unknown', 'The call to the image service failed unexpectedly.', {
      cause: error,
    });
  }
  return error.phase === 'not_sent' ? unsentError(error, 'image service') : classifySent(error);
}

function classifySent(error: OutboundError): ProviderError {
  const fail = (kind: ProviderErrorKind, text: string) =>
    new ProviderError(kind, 'unknown', text, { cause: error });
  switch (error.kind) {
    case 'headers_timeout':
    case 'idle_timeout':
    case 'total_timeout':
    case 'connect_timeout':
    case 'too_slow':
      return fail('timeout', 'The image service did not answer in time.');
    case 'aborted':
      return fail('timeout', 'The request was stopped before the image service answered.');
    case 'too_large':
      return fail('bad_answer', 'The image service sent more than it may.');
    case 'truncated':
    case 'bad_answer':
      return fail('bad_answer', 'The image service sent an answer that is broken.');
    default:
      return fail('unavailable', 'The connection to the image service broke before its answer was complete.');
  }
}

function classifyStatus(
  { status, headers, body }: Extract<Failure, { at: 'status' }>,
  context: ClassifyContext,
): ProviderError {
  const fields = errorFieldsOf(jsonOf(body));
  const retryAfterMs = parseRetryAfter(headers, context.nowMs);
  const meaning = meaningOf(fields ?? {}, status);
  if (context.isStreamed && fields && !meaning && refusesStream(status, fields)) {
    return new StreamRefusedError('unavailable', 'no', STREAM_REFUSED_TEXT, { retryAfterMs: 0 });
  }
  const isClientError = status >= 400 && status < 500 && !UNCERTAIN.has(status);
  if (meaning) {
    const created = isClientError || NEVER_CREATED.has(meaning) ? 'no' : 'unknown';
    // A gateway that has no channel for a model now may have one later.
    const kind = meaning === 'model' && status >= 500 ? 'unavailable' : KINDS[meaning];
    return new ProviderError(kind, created, textOf(meaning, fields, context), { retryAfterMs });
  }
  if (MOVED.has(status)) {
    const text = `The image service has moved (status ${status}); redirects are not followed. Check the base URL.`;
    return new ProviderError('unavailable', 'no', text);
  }
  if (!isClientError) {
    const kind = isGatewayTimeout(status) ? 'timeout' : status < 400 ? 'bad_answer' : 'unavailable';
    return new ProviderError(kind, 'unknown', failedText(status, fields, context), { retryAfterMs });
  }
  // Without the service's own JSON it may be a wall in front of it, or a wrong address: worth another try later.
  const isFinal = fields !== null || ALWAYS_WRONG.has(status);
  const text = isFinal ? refusedText(status, fields, context) : failedText(status, null, context);
  return new ProviderError(isFinal ? 'invalid_request' : 'unavailable', 'no', text, { retryAfterMs });
}

/** Whether the service's own words say that it takes no streams; a job that broke off is told in other words. */
function refusesStream(status: number, { param, code, type, message = '' }: ErrorFields): boolean {
  if (!STREAM_REFUSALS.has(status)) return false;
  if (param && STREAM_PARAMETERS.test(param)) return true;
  if (!STREAM_PARAMETERS.test(message) || BROKEN_STREAM.test(message)) return false;
  return [code, type, message].some((said) => said !== undefined && NOT_TAKEN.test(said));
}

/** What the words of an error and its status mean together; null where they say nothing special. */
function meaningOf(fields: ErrorFields, status: number): ErrorMeaning | null {
  const said = meaningByWord(fields, WORDS);
  if (said) return said;
  const { message = '' } = fields;
  const phrase = PHRASES.find(({ statuses, pattern }) => statuses.includes(status) && pattern.test(message));
  if (phrase) return phrase.meaning;
  if (status === 402) return 'quota';
  if (status === 429) return 'rate';
  if (status === 401) return 'credentials';
  // A 403 page without JSON comes from a wall in front of the service, which knows nothing of keys.
  return status === 403 && Object.keys(fields).length > 0 ? 'credentials' : null;
}

function classifyAnswer(fields: ErrorFields, otherwise: Created, context: ClassifyContext): ProviderError {
  const meaning = meaningByWord(fields, WORDS);
  if (meaning) {
    const created = otherwise === 'unknown' && NEVER_CREATED.has(meaning) ? 'no' : otherwise;
    return new ProviderError(KINDS[meaning], created, textOf(meaning, fields, context));
  }
  const said = quotable(fields.message ?? '', context.secrets);
  const text = said
    ? `The image service reported an error: ${said}`
    : 'The image service answered without a picture.';
  return new ProviderError('bad_answer', otherwise, text);
}

function textOf(meaning: ErrorMeaning, fields: ErrorFields | null, context: ClassifyContext): string {
  const fixed = TEXTS[meaning];
  if (fixed !== null) return fixed;
  const said = quotable(fields?.message ?? '', context.secrets);
  const lead =
    meaning === 'content'
      ? 'The image service refused the content of this request'
      : 'The image service does not serve this model';
  return said ? `${lead}: ${said}` : `${lead}.`;
}

function failedText(status: number, fields: ErrorFields | null, context: ClassifyContext): string {
  const said = quotable(fields?.message ?? '', context.secrets);
  const lead = isGatewayTimeout(status)
    ? `A gateway gave up waiting for the image service (status ${status})`
    : `The image service, or a gateway before it, answered with status ${status}`;
  return said ? `${lead}: ${said}` : `${lead}.`;
}

function refusedText(status: number, fields: ErrorFields | null, context: ClassifyContext): string {
  const said = quotable(fields?.message ?? '', context.secrets);
  const lead = `The image service refused the request (status ${status})`;
  return said ? `${lead}: ${said}` : `${lead}.`;
}
