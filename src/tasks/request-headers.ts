// The request headers that say how a task is to be accepted and answered.
import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../kernel/errors.ts';
import { MAX_WAIT_S } from './contract.ts';

/** `Idempotency-Key`, quoted as the draft standard has it or bare as Stripe's clients send it; null without one. */
export function idempotencyKey(headers: IncomingHttpHeaders): string | null {
  const raw = headers['idempotency-key'];
  if (raw === undefined) return null;
  if (Array.isArray(raw)) throw new AppError('malformed_request', { detail: 'Give one Idempotency-Key.' });
  const quoted = /^"(.*)"$/.exec(raw.trim());
  return quoted?.[1] ?? raw.trim();
}

/** The seconds of `Prefer: wait=n`, at most 60; 0 without one. */
export function preferredWaitS(headers: IncomingHttpHeaders): number {
  const match = /(?:^|[,;\s])wait\s*=\s*(\d{1,5})/.exec(String(headers.prefer ?? ''));
  return match ? Math.min(Number(match[1]), MAX_WAIT_S) : 0;
}
