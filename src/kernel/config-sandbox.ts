// The names by which the settings call the faults of the built-in sandbox.

/** The faults that the sandbox knows, by its own names. */
export const SANDBOX_FAULTS = [
  'unreachable',
  'rate_limited',
  'unavailable',
  'content_blocked',
  'submit_timeout',
  'submit_timeout_created',
  'submit_timeout_absent',
  'poll_error',
  'failed',
  'lost',
  'stuck',
  'corrupt',
  'slow_download',
  'fewer',
  'extra',
] as const;
