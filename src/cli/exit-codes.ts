// What the exit code of a command says, the same for every command.
import type { ErrorCode } from '../kernel/errors.ts';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  partial: 3,
  auth: 4,
  notFound: 5,
  unavailable: 6,
  /** The server ended by itself to be started anew: EX_TEMPFAIL. */
  recycle: 75,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_ERROR: Partial<Record<ErrorCode, ExitCode>> = {
  malformed_request: EXIT.usage,
  validation_failed: EXIT.usage,
  secrets_key_wrong: EXIT.usage,
  authentication_required: EXIT.auth,
  permission_denied: EXIT.auth,
  not_found: EXIT.notFound,
  model_not_found: EXIT.notFound,
  rate_limited: EXIT.unavailable,
  request_timeout: EXIT.unavailable,
  provider_credentials_missing: EXIT.unavailable,
  provider_credentials_expired: EXIT.unavailable,
  provider_quota_exhausted: EXIT.unavailable,
  provider_unavailable: EXIT.unavailable,
  storage_full: EXIT.unavailable,
  storage_unavailable: EXIT.unavailable,
  database_unavailable: EXIT.unavailable,
};

/** The exit code for an error code of the API; an unknown one is a plain failure. */
export function exitCodeFor(code: string): ExitCode {
  return BY_ERROR[code as ErrorCode] ?? EXIT.failure;
}
