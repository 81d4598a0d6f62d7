// Turns every error into an answer: problem+json, OpenAI's form on the OpenAI-compatible routes, or what older pages read.
// Whatever is not an expected error becomes a 500 that says nothing but the request id.
import type { z } from 'zod';
import { AppError, describeError, type FieldError, type Language } from './errors.ts';
import type { ErrorStyle } from './route.ts';

/** How many wrong fields one answer lists. */
const MAX_FIELD_ERRORS = 20;
const JSON_TYPE = 'application/json; charset=utf-8';

export interface ProblemContext {
  language: Language;
  requestId: string;
  baseUrl: string;
}

/** The first of en and zh that the client asks for; English when it asks for neither. */
export function languageOf(acceptLanguage: string | undefined): Language {
  for (const part of (acceptLanguage ?? '').toLowerCase().split(',')) {
    const tag = part.trim();
    if (tag.startsWith('zh')) return 'zh';
    if (tag.startsWith('en')) return 'en';
  }
  return 'en';
}

const PART_PREFIX: Record<string, string> = {
  body: '',
  querystring: 'query',
  query: 'query',
  params: 'path',
  headers: 'header',
};

/** zod's issues as field errors; a pointer is a JSON pointer into the body, or starts with `query/`, `path/`, `header/`. */
export function fieldErrors(error: z.core.$ZodError, part: string): FieldError[] {
  const prefix = PART_PREFIX[part] ?? part;
  return error.issues.slice(0, MAX_FIELD_ERRORS).flatMap((issue) => {
    const base = [
      prefix,
      ...issue.path.map((key) => String(key).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')),
    ];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.slice(0, MAX_FIELD_ERRORS).map((key) => ({
        pointer: [...base, key.slice(0, 100)].join('/'),
        detail: 'is not known here',
      }));
    }
    return [{ pointer: base.join('/') || '/', detail: issue.message }];
  });
}

/** Fastify's own errors by what they mean; anything else of a 4xx status is a malformed request. */
const FASTIFY_ERRORS: Record<string, AppError['code']> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_REQ_FILE_TOO_LARGE: 'payload_too_large',
  FST_FILES_LIMIT: 'validation_failed',
  FST_PARTS_LIMIT: 'validation_failed',
  FST_FIELDS_LIMIT: 'validation_failed',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_request',
};

/** What the form parser says of a form that is cut off or has no usable boundary; its errors carry no code. */
const FORM_ERROR = /multipart|^The needle cannot/i;

/** An error as the registry knows it; `unexpected` ones are logged by the caller. `bodyLimit` is the route's own, in bytes. */
export function toAppError(error: unknown, bodyLimit?: number): { appError: AppError; unexpected: boolean } {
  if (error instanceof AppError) return { appError: error, unexpected: false };
  const { code, statusCode, message } = error as { code?: string; statusCode?: number; message?: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE' && bodyLimit !== undefined) {
    const detail = `The body is larger than the ${Math.floor(bodyLimit / 1024 / 1024)} MB that this call takes.`;
    return { appError: new AppError('payload_too_large', { detail }), unexpected: false };
  }
  if (code === undefined && message !== undefined && FORM_ERROR.test(message)) {
    const detail = 'The form (multipart/form-data) is cut off, or its boundary is missing or too long.';
    return { appError: new AppError('malformed_request', { detail }), unexpected: false };
  }
  const known = code ? FASTIFY_ERRORS[code] : undefined;
  if (known) return { appError: new AppError(known, { detail: message ?? known }), unexpected: false };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    const detail = (message ?? 'The request could not be read.').slice(0, 200);
    const appCode =
      statusCode === 413 ? 'payload_too_large' : statusCode === 408 ? 'request_timeout' : 'malformed_request';
    return { appError: new AppError(appCode, { detail }), unexpected: false };
  }
  return { appError: new AppError('internal_error'), unexpected: true };
}

/** OpenAI's `type` for a status, as its clients sort errors by. */
function openaiType(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

const SENTENCE_END = /[.!?。！？…]$/;

/** OpenAI's error object; also the body of a late failure on its routes. */
export function openaiError(error: AppError, { language, requestId }: ProblemContext) {
  const problem = describeError(error, language);
  const stop = SENTENCE_END.test(problem.detail) ? '' : language === 'zh' ? '。' : '.';
  const fixText = problem.fix ? ` ${problem.fix}` : '';
  return {
    error: {
      message: `${problem.detail}${stop}${fixText} (request id ${requestId})`,
      type: openaiType(openaiStatus(problem.status)),
      param: problem.errors?.[0]?.pointer.replace(/^\//, '') ?? null,
      code: error.code,
    },
  };
}

/** OpenAI answers 400 for everything that is wrong with a request itself. */
const UNPROCESSABLE = 422;
const openaiStatus = (status: number) => (status === UNPROCESSABLE ? 400 : status);

/** The status, body and content type of an error answer. */
export function problemAnswer(error: AppError, style: ErrorStyle, context: ProblemContext) {
  if (style === 'openai') {
    const body = openaiError(error, context);
    return { status: openaiStatus(error.status), body, contentType: JSON_TYPE };
  }
  const { language, requestId, baseUrl } = context;
  const problem = {
    type: `${baseUrl}/docs/errors#${error.code}`,
    ...describeError(error, language),
    request_id: requestId,
  };
  if (style === 'older') return { status: error.status, body: olderError(problem), contentType: JSON_TYPE };
  return { status: error.status, body: problem, contentType: 'application/problem+json; charset=utf-8' };
}

/** What pages of the older systems look at (`success` and `error`, or `detail`), with the whole problem around it. */
export function olderError<Problem extends { detail: string }>(problem: Problem) {
  return { success: false as const, error: problem.detail, ...problem };
}
