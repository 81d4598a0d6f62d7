// What services in the style of OpenAI have in common when they refuse: the shapes of an error body, the words of their
// error codes, and what it means when a request never left. What a failure says of a job is for each adapter to judge.
import type { OutboundError, OutboundErrorKind } from '../../kernel/outbound-error.ts';
import { ProviderError } from '../provider.ts';

/** Entries of a list of wrong fields that are looked at. */
const MOST_DETAILS = 8;

/** What an error body says; every field may be missing. */
export interface ErrorFields {
  code?: string | undefined;
  type?: string | undefined;
  /** The parameter that is wrong. */
  param?: string | undefined;
  message?: string | undefined;
}

export type ErrorMeaning = 'quota' | 'content' | 'credentials' | 'rate' | 'model';

/** Values of `error.code` and `error.type`: OpenAI's own, and those of new-api. */
export const ERROR_WORDS: Readonly<Record<string, ErrorMeaning>> = {
  insufficient_quota: 'quota',
  billing_hard_limit_reached: 'quota',
  billing_not_active: 'quota',
  credit_balance_exhausted: 'quota',
  organization_spend_limit_exceeded: 'quota',
  project_spend_limit_exceeded: 'quota',
  insufficient_user_quota: 'quota',
  pre_consume_token_quota_failed: 'quota',
  moderation_blocked: 'content',
  content_policy_violation: 'content',
  content_filter: 'content',
  sensitive_words_detected: 'content',
  prompt_blocked: 'content',
  invalid_api_key: 'credentials',
  account_deactivated: 'credentials',
  access_denied: 'credentials',
  authentication_error: 'credentials',
  permission_error: 'credentials',
  rate_limit_exceeded: 'rate',
  rate_limit_error: 'rate',
  slow_down: 'rate',
  model_not_found: 'model',
};

/** What the code of an error means by `words`, or its type where the code says nothing. */
export function meaningByWord<Meaning>(
  { code, type }: ErrorFields,
  words: Readonly<Record<string, Meaning>>,
): Meaning | undefined {
  for (const name of [code, type]) {
    const key = name?.toLowerCase() ?? '';
    if (Object.hasOwn(words, key)) return words[key];
  }
  return undefined;
}

/** The value of a JSON text, or undefined. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

const asText = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

/** The list of wrong fields that FastAPI servers send, as `body.stream: Extra inputs are not permitted`. */
function detailsText(detail: unknown): string | undefined {
  if (!Array.isArray(detail)) return undefined;
  const said = detail.slice(0, MOST_DETAILS).flatMap((entry) => {
    const { loc, msg } = (entry ?? {}) as { loc?: unknown; msg?: unknown };
    const where = Array.isArray(loc) ? loc.slice(0, MOST_DETAILS).map(String).join('.') : 'request';
    return typeof msg === 'string' ? [`${where}: ${msg}`] : [];
  });
  return said.length > 0 ? said.join('; ') : undefined;
}

/** The fields of an error in any of the usual shapes; null when it is no object. */
export function errorFieldsOf(value: unknown): ErrorFields | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const outer = value as Record<string, unknown>;
  const isNested = typeof outer.error === 'object' && outer.error !== null;
  const inner = isNested ? (outer.error as Record<string, unknown>) : outer;
  return {
    code: asText(inner.code),
    type: asText(inner.type),
    param: asText(inner.param),
    message:
      asText(inner.message) ?? asText(outer.error) ?? asText(outer.detail) ?? detailsText(outer.detail),
  };
}

const unsentTexts = (service: string): Partial<Record<OutboundErrorKind, string>> => ({
  dns: `The name of the ${service} cannot be found.`,
  refused: `The ${service} refused the connection.`,
  tls: `No secure connection to the ${service}: its certificate was not accepted.`,
  proxy: `The proxy in front of the ${service} did not let the request through.`,
  connect_timeout: `The ${service} could not be reached in time.`,
  aborted: 'The request was stopped before it was sent.',
});

/** A request that never left; `service` is its name for people, such as `image service`. */
export function unsentError(error: OutboundError, service: string): ProviderError {
  if (error.kind === 'bad_request' || error.kind === 'blocked_url') {
    const text =
      'The request cannot be sent: the API key or the base URL has characters that are not allowed.';
    return new ProviderError('invalid_request', 'no', text, { cause: error });
  }
  const text = unsentTexts(service)[error.kind] ?? `The ${service} cannot be reached.`;
  return new ProviderError('unreachable', 'no', text, { cause: error });
}
