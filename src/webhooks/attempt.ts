// One attempt to deliver one message: a single signed POST, never redirected, bounded in time and bytes. The answer's status
// decides; of its body the first characters are kept for the account to read, without anything that looks like a secret.
import type { Clock } from '../kernel/clock.ts';
import type { Outbound, OutboundResponse } from '../kernel/outbound.ts';
import { OutboundError, type OutboundErrorKind } from '../kernel/outbound-error.ts';
import { createRedactor } from '../kernel/redact.ts';
import { signatureHeader } from './signature.ts';

/** The standard asks for 15 to 30 seconds. */
export const ATTEMPT_TIMEOUT_MS = 15_000;
export const MAX_ANSWER_BYTES = 64 * 1024;
export const KEPT_ANSWER_CHARS = 500;
/** Enough for the kept characters in any script. */
const KEPT_ANSWER_BYTES = KEPT_ANSWER_CHARS * 4;
/** Of a header that is a number of seconds or a date. */
const MAX_RETRY_AFTER_CHARS = 60;

export const ATTEMPT_ERRORS = [
  'http_status',
  'redirect',
  'timeout',
  'connection_failed',
  'tls_failed',
  'address_not_allowed',
  'bad_answer',
  'interrupted',
] as const;
/**
 * Why an attempt failed. A name that does not resolve and one that leads to a private address are both
 * `address_not_allowed`: told apart, they would map the operator's network.
 */
export type AttemptError = (typeof ATTEMPT_ERRORS)[number];

export interface Parcel {
  /** The `webhook-id`, the same at every attempt. */
  id: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** The newest first; a second one only while a rotation lasts. */
  secrets: readonly string[];
  body: string;
}

export interface AttemptResult {
  statusCode: number | null;
  error: AttemptError | null;
  /** The beginning of the answer's body; null without an answer. */
  answer: string | null;
  retryAfter: string | null;
  /** Milliseconds; null where the time would tell about the operator's network. */
  durationMs: number | null;
}

const ERROR_OF_KIND: Readonly<Record<OutboundErrorKind, AttemptError>> = {
  dns: 'address_not_allowed',
  blocked_address: 'address_not_allowed',
  blocked_url: 'address_not_allowed',
  refused: 'connection_failed',
  unreachable: 'connection_failed',
  reset: 'connection_failed',
  truncated: 'connection_failed',
  proxy: 'connection_failed',
  tls: 'tls_failed',
  connect_timeout: 'timeout',
  headers_timeout: 'timeout',
  idle_timeout: 'timeout',
  total_timeout: 'timeout',
  too_slow: 'timeout',
  too_large: 'bad_answer',
  bad_answer: 'bad_answer',
  bad_request: 'bad_answer',
  redirect_refused: 'redirect',
  aborted: 'interrupted',
};

/** Sends the parcel once. Never throws for what the receiver or the network does. */
export async function attemptDelivery(
  outbound: Outbound,
  clock: Clock,
  parcel: Parcel,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const startedAt = clock.monotonicMs();
  const timestampS = Math.floor(clock.now() / 1000);
  const { id, url, headers, secrets, body } = parcel;
  try {
    const response = await outbound.request({
      method: 'POST',
      url,
      headers: {
        ...headers,
        'content-type': 'application/json',
        'accept-encoding': 'identity',
        'webhook-id': id,
        'webhook-timestamp': String(timestampS),
        'webhook-signature': signatureHeader(secrets, { id, timestampS, body }),
      },
      body,
      purpose: 'webhook',
      allow: 'public',
      connectTimeoutMs: ATTEMPT_TIMEOUT_MS,
      idleTimeoutMs: ATTEMPT_TIMEOUT_MS,
      totalTimeoutMs: ATTEMPT_TIMEOUT_MS,
      // Read up to our own bound below: a long answer is no reason to deliver a message twice.
      maxBytes: Number.MAX_SAFE_INTEGER,
      signal,
    });
    const answer = await beginningOf(response, [...secrets, ...Object.values(headers)]);
    const retryAfter = response.headers['retry-after'];
    return {
      statusCode: response.status,
      error: errorOfStatus(response.status),
      answer,
      retryAfter: typeof retryAfter === 'string' ? retryAfter.slice(0, MAX_RETRY_AFTER_CHARS) : null,
      durationMs: Math.round(clock.monotonicMs() - startedAt),
    };
  } catch (error) {
    if (!(error instanceof OutboundError)) throw error;
    const kind = ERROR_OF_KIND[error.kind];
    const durationMs = kind === 'address_not_allowed' ? null : Math.round(clock.monotonicMs() - startedAt);
    return { statusCode: null, error: kind, answer: null, retryAfter: null, durationMs };
  }
}

function errorOfStatus(status: number): AttemptError | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? 'redirect' : 'http_status';
}

async function beginningOf(response: OutboundResponse, secrets: readonly string[]): Promise<string> {
  const kept: Uint8Array[] = [];
  let keptBytes = 0;
  let bytes = 0;
  try {
    for await (const chunk of response.body) {
      bytes += chunk.byteLength;
      if (keptBytes < KEPT_ANSWER_BYTES) {
        kept.push(chunk.subarray(0, KEPT_ANSWER_BYTES - keptBytes));
        keptBytes += chunk.byteLength;
      }
      if (bytes >= MAX_ANSWER_BYTES) break;
    }
  } catch (error) {
    // The status has said all that counts; a body that ends early changes nothing.
    if (!(error instanceof OutboundError)) throw error;
  }
  const text = new TextDecoder().decode(Buffer.concat(kept)).replace(/[^\P{Cc}\n\t]/gu, '');
  return createRedactor(secrets).text(text).slice(0, KEPT_ANSWER_CHARS);
}
