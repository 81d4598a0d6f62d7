// The limits that every provider's section may set, whatever its adapter: one parser for all of them, so that a limit is
// spelt and checked the same everywhere.
import { z } from 'zod';
import { AppError } from '../kernel/errors.ts';

const MS_PER_S = 1000;
const MAX_SECONDS = 24 * 3600;
const MAX_CONCURRENCY = 1000;
const MAX_REQUESTS_PER_MINUTE = 1_000_000;

/** Limits of one provider, over all nodes. */
export interface LaneSettings {
  /** Tasks at the provider at once, waiting ones included. */
  concurrency: number;
  /** From creation; a task that is not finished by then fails and costs nothing. */
  deadlineMs: number;
  /** Tasks started in a minute; absent or null: as fast as places get free. */
  requestsPerMinute?: number | null;
  /** The same two for each of several accounts; absent or null: only the provider's own limits count. */
  credentialConcurrency?: number | null;
  credentialRequestsPerMinute?: number | null;
}

const count = (most: number) => z.coerce.number().int().min(1).max(most).nullish();

const limits = z.object({
  concurrency: count(MAX_CONCURRENCY),
  deadline_s: z.coerce.number().positive().max(MAX_SECONDS).nullish(),
  requests_per_minute: count(MAX_REQUESTS_PER_MINUTE),
  credential_concurrency: count(MAX_CONCURRENCY),
  credential_requests_per_minute: count(MAX_REQUESTS_PER_MINUTE),
});

/**
 * The lane of the section `providers.<name>`: `defaults` where it sets nothing. Throws `validation_failed` that names the
 * setting, never its value.
 */
export function parseLaneSettings(
  name: string,
  raw: Readonly<Record<string, unknown>>,
  defaults: LaneSettings,
): LaneSettings {
  // An empty value is one that was not set, as everywhere in the configuration.
  const set = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== ''));
  const parsed = limits.safeParse(set);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const detail = `providers.${name}.${String(issue?.path[0] ?? '')} is wrong: ${issue?.message ?? 'not readable'}`;
    throw new AppError('validation_failed', { detail });
  }
  const values = parsed.data;
  const deadlineS = values.deadline_s ?? null;
  return {
    concurrency: values.concurrency ?? defaults.concurrency,
    deadlineMs: deadlineS === null ? defaults.deadlineMs : Math.round(deadlineS * MS_PER_S),
    requestsPerMinute: values.requests_per_minute ?? defaults.requestsPerMinute ?? null,
    credentialConcurrency: values.credential_concurrency ?? defaults.credentialConcurrency ?? null,
    credentialRequestsPerMinute:
      values.credential_requests_per_minute ?? defaults.credentialRequestsPerMinute ?? null,
  };
}
