// Turns every way in which a chat call can fail into one ProviderError: the error's own words before the HTTP status,
// since a 429 may mean an empty account, a busy engine or too many requests. Texts are plain, short, and free of
// secrets, addresses and HTML.
import { isGatewayTimeout } from '../../kernel/lost-call.ts';
import { OutboundError, type OutboundErrorKind } from '../../kernel/outbound-error.ts';
import { createRedactor } from '../../kernel/redact.ts';
import type { AnswerHeaders } from '../../kernel/retry-after.ts';
import {
  ERROR_WORDS,
  type ErrorFields,
  type ErrorMeaning,
  meaningByWord,
  unsentError,
} from '../adapter/openai-style.ts';
import { ProviderError, type ProviderErrorKind } from '../provider.ts';

export interface ClassifyContext {
  /** Wall time, to read dates in `Retry-After`. */
  nowMs: number;
  secrets: readonly string[];
  refusedKeyHint: string;
}

type Meaning = ErrorMeaning | 'overload' | 'request';

/** Beside the words that all such services use, Moonshot's own. */
const WORDS: Readonly<Record<string, Meaning>> = {
  ...ERROR_WORDS,
  exceeded_current_quota_error: 'quota',
  invalid_authentication_error: 'credentials',
  incorrect_api_key_error: 'credentials',
  permission_denied_error: 'credentials',
  rate_limit_reached_error: 'rate',
  engine_overloaded_error: 'overload',
  overloaded_error: 'overload',
  server_error: 'overload',
  unexpected_output: 'overload',
  resource_not_found_error: 'model',
  invalid_request_error: 'request',
};

/** For services that say it only in the message; believed only with the statuses named. */
const PHRASES: readonly { statuses: readonly number[]; pattern: RegExp; meaning: Meaning }[] = [
  {
    statuses: [402, 403, 429],
    pattern:
      /exceeded your current quota|insufficient (?:balance|quota|credit|funds)|suspended due to|余额不足|额度不足|欠费/i,
    meaning: 'quota',
  },
  { statuses: [429, 503], pattern: /overloaded/i, meaning: 'overload' },
  {
    statuses: [400, 403],
    pattern: /high risk|content policy|content filter|safety system|内容安全|敏感/i,
    meaning: 'content',
  },
];

const KINDS: Readonly<Record<Meaning, ProviderErrorKind>> = {
  quota: 'quota_exhausted',
  content: 'content_blocked',
  credentials: 'credentials_expired',
  rate: 'rate_limited',
  overload: 'unavailable',
  model: 'invalid_request',
  request: 'invalid_request',
};

const MAX_TEXT_CHARS = 300;
/** A bound against loops. */
const DEEPEST_CAUSE = 5;
const MS_PER_S = 1000;
/** Beyond this it is not a wish to wait but a mistake. */
const MAX_RETRY_AFTER_MS = 24 * 3600 * MS_PER_S;

const SENT_KINDS: Partial<Record<OutboundErrorKind, ProviderErrorKind>> = {
  headers_timeout: 'timeout',
  idle_timeout: 'timeout',
  total_timeout: 'timeout',
  connect_timeout: 'timeout',
  too_slow: 'timeout',
  aborted: 'timeout',
  too_large: 'bad_answer',
  truncated: 'bad_answer',
  bad_answer: 'bad_answer',
};

const SENT_TEXTS: Partial<Record<ProviderErrorKind, string>> = {
  timeout: 'The writing service did not finish in time.',
  bad_answer: 'The writing service sent an answer that is broken or too long.',
  unavailable: 'The connection to the writing service broke before its answer was complete.',
};

/** The first of our own errors in a chain of causes: the SDK wraps what looks to it like a network's. */
function ownError(thrown: unknown): unknown {
  let current = thrown;
  for (let depth = 0; depth < DEEPEST_CAUSE && current instanceof Error; depth += 1) {
    if (current instanceof ProviderError || current instanceof OutboundError) return current;
    current = current.cause;
  }
  return thrown;
}

/** What was thrown while a request was sent or its answer read. */
export function classifyThrown(thrown: unknown): ProviderError {
  const error = ownError(thrown);
  if (error instanceof ProviderError) return error;
  if (!(error instanceof OutboundError)) {
    return new ProviderError(
      'bad_answer',
      'unknown',
      'The writing service sent an answer that cannot be read.',
      {
        cause: error,
      },
    );
  }
  if (error.phase === 'not_sent') return unsentError(error, 'writing service');
  const kind = SENT_KINDS[error.kind] ?? 'unavailable';
  return new ProviderError(kind, 'unknown', SENT_TEXTS[kind] ?? 'The writing service failed.', {
    cause: error,
  });
}

/** An answer with a status other than 2xx. */
export function classifyStatus(
  answer: { status: number; headers: AnswerHeaders; fields: ErrorFields | null },
  context: ClassifyContext,
): ProviderError {
  const { status, headers, fields } = answer;
  const meaning = meaningOf(fields, status);
  const retryAfterMs = parseRetryAfter(headers, context.nowMs);
  const created = status >= 400 && status < 500 && !isGatewayTimeout(status) ? 'no' : 'unknown';
  if (meaning) {
    return new ProviderError(KINDS[meaning], created, textOf(meaning, fields, status, context), {
      retryAfterMs,
    });
  }
  const said = plainText(fields?.message ?? '', context.secrets);
  const told = (lead: string) => (said ? `${lead}: ${said}` : `${lead}.`);
  if (status >= 300 && status < 400) {
    const text = `The writing service has moved (status ${status}); redirects are not followed. Check the base URL.`;
    return new ProviderError('unavailable', 'no', text);
  }
  if (isGatewayTimeout(status)) {
    const text = told(`A gateway gave up waiting for the writing service (status ${status})`);
    return new ProviderError('timeout', created, text, { retryAfterMs });
  }
  // Without the service's own JSON a 4xx is a wall in front of it, or a wrong address: worth another try later.
  const isFinal = status >= 400 && status < 500 && fields !== null;
  const lead = isFinal
    ? `The writing service refused the request (status ${status})`
    : `The writing service, or a gateway before it, answered with status ${status}`;
  return new ProviderError(isFinal ? 'invalid_request' : 'unavailable', created, told(lead), {
    retryAfterMs,
  });
}

/** An error inside an answer that had begun well. */
export function classifyAnswer(fields: ErrorFields, context: ClassifyContext): ProviderError {
  const meaning = meaningByWord(fields, WORDS);
  if (meaning && meaning !== 'request') {
    return new ProviderError(KINDS[meaning], 'unknown', textOf(meaning, fields, null, context));
  }
  const said = plainText(fields.message ?? '', context.secrets);
  const text = said
    ? `The writing service reported an error: ${said}`
    : 'The writing service reported an error.';
  return new ProviderError('bad_answer', 'unknown', text);
}

/** The service, or the model itself, refused what was asked. */
export function contentBlocked(): ProviderError {
  const text = 'The writing service refused the content of this request.';
  return new ProviderError('content_blocked', 'unknown', text);
}

/** What the words of an error and its status mean together; null where they say nothing special. */
function meaningOf(fields: ErrorFields | null, status: number): Meaning | null {
  const said = fields ? meaningByWord(fields, WORDS) : undefined;
  if (said && said !== 'request') return said;
  const { message = '' } = fields ?? {};
  const phrase = PHRASES.find(({ statuses, pattern }) => statuses.includes(status) && pattern.test(message));
  if (phrase) return phrase.meaning;
  if (status === 402) return 'quota';
  if (status === 429) return 'rate';
  if (status === 401) return 'credentials';
  // A 403 page without JSON comes from a wall in front of the service, which knows nothing of keys.
  if (status === 403 && fields !== null) return 'credentials';
  return said ?? null;
}

function textOf(
  meaning: Meaning,
  fields: ErrorFields | null,
  status: number | null,
  context: ClassifyContext,
): string {
  const said = plainText(fields?.message ?? '', context.secrets);
  const told = (lead: string) => (said ? `${lead}: ${said}` : `${lead}.`);
  switch (meaning) {
    case 'quota':
      return 'The account at the writing service has no credit left, or has reached its spending limit.';
    case 'credentials':
      return status === 403
        ? `The writing service does not allow this to the API key. ${context.refusedKeyHint}`
        : `The writing service refused the API key: it is wrong or expired. ${context.refusedKeyHint}`;
    case 'rate':
      return told('The writing service asks to send fewer requests');
    case 'overload':
      return 'The writing service is overloaded at the moment.';
    case 'content':
      return told('The writing service refused the content of this request');
    case 'model':
      return told('The writing service does not serve this model to this key');
    case 'request':
      return told('The writing service refused the request');
  }
}

/** Milliseconds that the service asked to wait; null when it did not, or not in a way that makes sense. */
export function parseRetryAfter(headers: AnswerHeaders, nowMs: number): number | null {
  const value = headers['retry-after'];
  const header = (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
  if (header === '') return null;
  const seconds = Number(header);
  const wait = Number.isNaN(seconds) ? Date.parse(header) - nowMs : seconds * MS_PER_S;
  if (Number.isNaN(wait) || wait < 0) return null;
  return Math.round(Math.min(wait, MAX_RETRY_AFTER_MS));
}

const HTML = /<[a-z!/][^>]*>/i;
const URL_OR_PATH = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>)]+/gi;
const IP_ADDRESS = /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[[0-9a-f:]{2,}\](?::\d+)?/gi;
/** With a letter in it, so that ratios and times stay. */
const HOST_AND_PORT = /\b(?=[\w.-]*[a-z])(?:[\w-]+\.)*[\w-]+:\d{2,5}\b/gi;
const INTERNAL_NAME =
  /\b(?:[\w-]+\.)+(?:internal|local|localdomain|lan|svc|cluster|corp|intranet)\b[\w.-]*/gi;
const ACCOUNT_ID = /\b(?:org|proj|user|ak)-[\w-]{6,}/g;

/** A service's words made fit for users: one short line without secrets, addresses, account names and HTML. */
export function plainText(text: string, secrets: readonly string[]): string {
  if (HTML.test(text)) return '';
  const plain = createRedactor(secrets)
    .text(text)
    .replace(URL_OR_PATH, '[address]')
    .replace(IP_ADDRESS, '[address]')
    .replace(INTERNAL_NAME, '[address]')
    .replace(HOST_AND_PORT, '[address]')
    .replace(ACCOUNT_ID, '[account]')
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  return plain.length > MAX_TEXT_CHARS ? `${plain.slice(0, MAX_TEXT_CHARS - 1)}…` : plain;
}
