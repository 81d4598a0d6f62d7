// What an account may name as a receiver: a public http or https address, and headers of its own that can neither steer the
// connection nor pass for what Drawbridge itself says. Names are resolved and checked again at every connect.
import { AppError } from '../kernel/errors.ts';
import { checkUrl, hostAndPort, isAllowedAddress } from '../kernel/outbound-address.ts';
import { OutboundError } from '../kernel/outbound-error.ts';

export const MAX_URL_CHARS = 2_000;
export const MAX_HEADERS = 20;
const MAX_HEADER_NAME_CHARS = 100;
const MAX_HEADER_VALUE_CHARS = 1_000;

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Printable ASCII: no line break, no other control character. */
const HEADER_VALUE = /^[\x20-\x7e]+$/;
/** Hop-by-hop, framing and routing headers, and those that say who is speaking. */
const REFUSED_HEADERS = new Set([
  'host',
  'connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'content-length',
  'content-type',
  'content-encoding',
  'accept-encoding',
  'expect',
  'user-agent',
  'forwarded',
  'via',
  'x-real-ip',
  'x-account-id',
  'x-request-id',
]);
const REFUSED_PREFIXES = ['proxy-', 'webhook-', 'x-forwarded-', 'x-accel-', ':'];

/** Why an account may not set this header, or null. */
export function headerProblem(name: string, value: string): string | null {
  const lower = name.toLowerCase();
  if (name.length > MAX_HEADER_NAME_CHARS || !HEADER_NAME.test(name)) return 'is not the name of a header';
  if (REFUSED_HEADERS.has(lower) || REFUSED_PREFIXES.some((prefix) => lower.startsWith(prefix)))
    return 'is set by Drawbridge or belongs to the connection';
  if (value.length > MAX_HEADER_VALUE_CHARS || !HEADER_VALUE.test(value))
    return `must have 1 to ${MAX_HEADER_VALUE_CHARS} printable ASCII characters`;
  return null;
}

/**
 * Refuses at once what would be refused at every connect. Throws `validation_failed` for `pointer` with the same words
 * whatever the address is, so that the answer maps no network. `allowHosts`: the operator's own exceptions, `host:port`.
 */
export function checkReceiverUrl(text: string, allowHosts: readonly string[], pointer: string): void {
  if (!isPossibleReceiver(text, allowHosts)) {
    const detail =
      'must be a public http or https address on port 80 or 443, without a user name and without a fragment';
    throw new AppError('validation_failed', {
      detail: `The receiver's address ${detail}.`,
      errors: [{ pointer, detail }],
    });
  }
}

function isPossibleReceiver(text: string, allowHosts: readonly string[]): boolean {
  if (text.length > MAX_URL_CHARS || !URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.hash !== '') return false;
  const allowed = new Set(allowHosts.map((host) => host.toLowerCase()));
  try {
    checkUrl(url, 'public', allowed, 'webhook');
  } catch (error) {
    if (error instanceof OutboundError) return false;
    throw error;
  }
  if (allowed.has(hostAndPort(url))) return true;
  const host = url.hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  if (host === 'localhost' || host.endsWith('.localhost')) return false;
  const isLiteral = host.includes(':') || /^[\d.]+$/.test(host);
  return !isLiteral || isAllowedAddress(host, 'public');
}
