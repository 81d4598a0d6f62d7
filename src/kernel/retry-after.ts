// What another server asked us to wait, from the headers of its answer. Anything that is not clearly a time says
// nothing, and no wish is longer than an hour: some servers send absurd values, in good faith or not.

export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

export const LONGEST_RETRY_AFTER_MS = 60 * 60_000;
const MS_PER_S = 1000;
const NUMBER = /^\d+(?:\.\d+)?$/;
/** The three forms that HTTP allows; Date.parse alone would make something of almost any text. */
const HTTP_DATES: readonly RegExp[] = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

function bounded(ms: number): number | null {
  return Number.isNaN(ms) ? null : Math.round(Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms)));
}

function headerText(headers: AnswerHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
}

/** Milliseconds until an HTTP date, which is always UTC; NaN when the text is none. */
function untilDate(text: string, nowMs: number): number {
  if (!HTTP_DATES.some((pattern) => pattern.test(text))) return Number.NaN;
  return Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) - nowMs;
}

/**
 * The wait that an answer asks for, in whole milliseconds from 0 to an hour, or null when it asks for none that makes
 * sense. Reads `retry-after-ms`, then `retry-after` in seconds or as an HTTP date; a date that has passed is 0.
 * `headers` has its names in lower case; `nowMs` is wall time.
 */
export function parseRetryAfter(headers: AnswerHeaders, nowMs: number): number | null {
  const exact = headerText(headers, 'retry-after-ms');
  if (NUMBER.test(exact)) return bounded(Number(exact));
  const text = headerText(headers, 'retry-after');
  return bounded(NUMBER.test(text) ? Number(text) * MS_PER_S : untilDate(text, nowMs));
}
