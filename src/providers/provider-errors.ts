// Which error a caller or an operator is shown for what a provider call threw.
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import type { Reason } from './breaker.ts';
import { ProviderError, type ProviderErrorKind } from './provider.ts';

const CODES: Record<ProviderErrorKind, ErrorCode> = {
  unreachable: 'provider_unavailable',
  timeout: 'provider_timeout',
  rate_limited: 'provider_unavailable',
  credentials_missing: 'provider_credentials_missing',
  credentials_expired: 'provider_credentials_expired',
  quota_exhausted: 'provider_quota_exhausted',
  content_blocked: 'content_blocked',
  invalid_request: 'provider_rejected',
  unavailable: 'provider_unavailable',
  bad_answer: 'provider_unavailable',
};

export function errorCodeOf(error: unknown): ErrorCode {
  if (error instanceof ProviderError) return CODES[error.kind];
  if (error instanceof AppError) return error.code;
  return 'provider_unavailable';
}

export function reasonOf(error: unknown): Reason {
  return { code: errorCodeOf(error), detail: error instanceof Error ? error.message : String(error) };
}
