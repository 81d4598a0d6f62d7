// The closed registry of error codes and the one error class that carries them to API, CLI and studio.
// Titles, causes and fixes are in the message catalogue, in English and Chinese; docs/errors.md is generated from both.
import { detailIn } from './error-details.ts';
import { fieldReason } from './field-reasons.ts';
import { errorsEn } from './messages/errors-en.ts';
import { errorsZh } from './messages/errors-zh.ts';

interface ErrorKind {
  status: number;
  /** Whether the same request may succeed later without a change. */
  retryable: boolean;
}

export const ERROR_CODES = {
  malformed_request: { status: 400, retryable: false },
  validation_failed: { status: 422, retryable: false },
  authentication_required: { status: 401, retryable: false },
  permission_denied: { status: 403, retryable: false },
  not_found: { status: 404, retryable: false },
  request_timeout: { status: 408, retryable: true },
  idempotency_in_progress: { status: 409, retryable: true },
  idempotency_mismatch: { status: 422, retryable: false },
  conflict: { status: 409, retryable: false },
  insufficient_credits: { status: 402, retryable: false },
  spending_limit_reached: { status: 402, retryable: false },
  storage_quota_reached: { status: 403, retryable: false },
  rate_limited: { status: 429, retryable: true },
  payload_too_large: { status: 413, retryable: false },
  unsupported_media_type: { status: 415, retryable: false },
  model_not_found: { status: 404, retryable: false },
  provider_credentials_missing: { status: 503, retryable: true },
  provider_credentials_expired: { status: 503, retryable: true },
  provider_quota_exhausted: { status: 503, retryable: true },
  provider_unavailable: { status: 503, retryable: true },
  provider_rejected: { status: 502, retryable: false },
  provider_timeout: { status: 504, retryable: true },
  submit_unknown: { status: 502, retryable: false },
  secret_refused: { status: 422, retryable: false },
  secrets_key_wrong: { status: 503, retryable: false },
  content_blocked: { status: 422, retryable: false },
  image_invalid: { status: 422, retryable: false },
  storage_full: { status: 503, retryable: true },
  storage_unavailable: { status: 503, retryable: true },
  database_unavailable: { status: 503, retryable: true },
  deadline_exceeded: { status: 504, retryable: true },
  cancelled: { status: 409, retryable: false },
  internal_error: { status: 500, retryable: true },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_CODES;
export type Language = 'en' | 'zh';

export interface ErrorText {
  title: string;
  cause: string;
  fix: string;
}

/** One wrong field: `pointer` is a JSON pointer into the body, or `query/…`, `path/…`, `header/…`; `detail` is English. */
export interface FieldError {
  pointer: string;
  detail: string;
}

const inOneLine = (field: FieldError | undefined) => field && `${field.pointer}: ${field.detail}`;

export interface AppErrorOptions {
  /** What happened this time, in plain English; never a secret, a path of the machine or an internal name. */
  detail?: string;
  /** The wrong fields; the first one is the detail where none is given. */
  errors?: FieldError[];
  retryAfterS?: number;
  /** Replaces the registry's likely cause or fix where this occurrence knows better. */
  cause?: string;
  fix?: string;
}

/** An expected error: its code says which, its text comes from the registry. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly options: AppErrorOptions;

  constructor(code: ErrorCode, options: AppErrorOptions = {}) {
    super(options.detail ?? inOneLine(options.errors?.[0]) ?? errorsEn[code].title);
    this.name = 'AppError';
    this.code = code;
    this.options = options;
  }

  get status(): number {
    return ERROR_CODES[this.code].status;
  }
}

export function errorText(code: ErrorCode, language: Language): ErrorText {
  return (language === 'zh' ? errorsZh : errorsEn)[code];
}

/** The members of an `application/problem+json` body, less `type` and `request_id`, which the HTTP layer knows. */
export function describeError(error: AppError, language: Language) {
  const text = errorText(error.code, language);
  const { retryAfterS, detail } = error.options;
  const errors = error.options.errors?.map((one) => ({
    pointer: one.pointer,
    detail: fieldReason(one.detail, language),
  }));
  return {
    title: text.title,
    status: error.status,
    code: error.code,
    detail: (detail === undefined ? inOneLine(errors?.[0]) : detailIn(language, detail)) ?? text.title,
    cause: detailIn(language, error.options.cause ?? text.cause),
    fix: detailIn(language, error.options.fix ?? text.fix),
    retryable: ERROR_CODES[error.code].retryable,
    ...(retryAfterS === undefined ? {} : { retry_after_s: retryAfterS }),
    ...(errors ? { errors } : {}),
  };
}

/** An error as plain data, to cross a worker's port or to be stored. */
export type ErrorRecord =
  | { kind: 'app'; code: ErrorCode; options: AppErrorOptions }
  | { kind: 'other'; name: string; message: string; stack: string | null; code: string | null };

export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof AppError) return { kind: 'app', code: error.code, options: error.options };
  const other = error instanceof Error ? error : new Error(String(error));
  const code = (other as { code?: unknown }).code;
  return {
    kind: 'other',
    name: other.name,
    message: other.message,
    stack: other.stack ?? null,
    code: typeof code === 'string' ? code : null,
  };
}

export function fromErrorRecord(record: ErrorRecord): Error {
  if (record.kind === 'app') return new AppError(record.code, record.options);
  const error = new Error(record.message);
  error.name = record.name;
  if (record.stack) error.stack = record.stack;
  return Object.assign(error, record.code ? { code: record.code } : {});
}
