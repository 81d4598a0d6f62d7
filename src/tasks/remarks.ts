// What a task says about itself while it waits or cannot be stopped: plain English that is stored and sent, and the code and
// values that it was made from, so that pages can say it in any language. Invariant: a text made here is recognised here, also
// after years in a database.
import type { ErrorCode } from '../kernel/errors.ts';

/** The first text of a code is how it is said today; the others were said by providers or older versions. */
const TEXTS = {
  provider_stopped: ['"{provider}" takes no work just now: {detail}'],
  provider_stopped_until: ['"{provider}" takes no work just now (until {until} at least): {detail}'],
  provider_gone: ['The provider "{provider}" is not configured any more.'],
  model_gone: ['The provider "{provider}" does not offer the model "{model}" any more.'],
  address_gone: [
    'The job was sent to another address of "{provider}" ({addresses}) than is configured now; it waits until that is back.',
  ],
  account_gone: [
    'The job was sent with an account of "{provider}" that is not configured any more; it waits until that is back.',
  ],
  provider_silent: ['"{provider}" does not answer: {detail}'],
  store_away: ['The picture cannot be stored yet: {detail}'],
  cannot_stop: ['This provider cannot stop a job; the picture will be delivered and charged.'],
  stop_unasked: ['The provider could not be asked: {detail}'],
  stopped_too_late: [
    'The picture was finished before it could be stopped.',
    'The pictures are already painted',
  ],
} as const;

type SpokenCode = keyof typeof TEXTS;

/** `attempt_failed`: `error` is the code of what went wrong. `other`: only `detail`, in English. */
export const REMARK_CODES = [
  ...(Object.keys(TEXTS) as [SpokenCode, ...SpokenCode[]]),
  'attempt_failed',
  'other',
] as const;
export type RemarkCode = (typeof REMARK_CODES)[number];

export interface Remark {
  code: RemarkCode;
  params: Record<string, string>;
}

const VALUE = /\{(\w+)\}/g;

/** A remark in English. Every value that its text names must be given. */
export function sayRemark(code: SpokenCode, params: Record<string, string> = {}): string {
  return TEXTS[code][0].replace(VALUE, (_, name: string) => params[name] ?? '');
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** A text as a pattern with a named group for each value. */
function patternOf(text: string): RegExp {
  const parts = text.split(VALUE).map((part, at) => (at % 2 === 0 ? literal(part) : `(?<${part}>[^]*?)`));
  return new RegExp(`^${parts.join('')}$`);
}

const PATTERNS = (Object.entries(TEXTS) as [SpokenCode, readonly string[]][]).flatMap(([code, texts]) =>
  texts.map((text) => ({ code, pattern: patternOf(text) })),
);

/** The code and values of a remark; what was not made here is `other`. */
export function parseRemark(text: string): Remark {
  for (const { code, pattern } of PATTERNS) {
    const match = pattern.exec(text);
    if (match) return { code, params: { ...match.groups } };
  }
  return { code: 'other', params: { detail: text } };
}

/** As `parseRemark`, for the reason of a task whose last attempt ended with this error. */
export function remarkAfter(text: string, lastError: { code: ErrorCode; detail: string } | null): Remark {
  if (lastError?.detail === text)
    return { code: 'attempt_failed', params: { error: lastError.code, detail: text } };
  return parseRemark(text);
}
