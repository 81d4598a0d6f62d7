// A task's stored error: which code, and what happened this time. Texts come from the registry when it is shown.
import { AppError, describeError, ERROR_CODES, type ErrorCode, type Language } from '../kernel/errors.ts';

const MAX_DETAIL_CHARS = 1000;

export interface StoredError {
  code: ErrorCode;
  detail: string;
}

export function encodeError(code: ErrorCode, detail: string): string {
  return JSON.stringify({ code, detail: detail.slice(0, MAX_DETAIL_CHARS) } satisfies StoredError);
}

export function decodeError(text: string): StoredError {
  const stored = JSON.parse(text) as StoredError;
  return stored.code in ERROR_CODES ? stored : { code: 'internal_error', detail: stored.detail };
}

/** What a task's answer shows of its error. */
export function showError(text: string, language: Language) {
  const { code, detail } = decodeError(text);
  const { title, cause, fix, retryable } = describeError(new AppError(code, { detail }), language);
  return { code, title, detail, cause, fix, retryable };
}
