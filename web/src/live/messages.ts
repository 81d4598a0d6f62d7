// What pages and the shared worker say to each other.
import type { ServerEvent } from './sse.ts';
import type { LiveState } from './stream.ts';

/** Where the stream is, and how its reader proves who it is. */
export interface StreamSource {
  url: string;
  /** For another server: its key, and where the key is traded for a ticket; null for the cookie of our own. */
  access: { key: string; ticketUrl: string } | null;
}

export type ToWorker =
  | { kind: 'open'; source: StreamSource }
  | { kind: 'wake' }
  | { kind: 'leave' }
  | { kind: 'sign-out' };
export type FromWorker = { kind: 'state'; state: LiveState } | { kind: 'event'; event: ServerEvent };

/** After so many failures in a row another server is asked only now and then. */
const OTHER_SERVER_EARLY_ATTEMPTS = 5;

/** How often a lost stream is asked for quickly; undefined where the stream itself decides. */
export function earlyAttemptsOf({ access }: StreamSource): number | undefined {
  return access ? OTHER_SERVER_EARLY_ATTEMPTS : undefined;
}

function openStream(
  url: string,
  credentials: RequestCredentials,
  lastEventId: string,
  signal: AbortSignal,
): Promise<Response> {
  return fetch(url, {
    headers: { accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }) },
    credentials,
    cache: 'no-store',
    signal,
  });
}

/** Opens the stream with the session cookie, or with a ticket of the other server. */
export async function fetchStream(
  { url, access }: StreamSource,
  lastEventId: string,
  signal: AbortSignal,
): Promise<Response> {
  if (!access) return openStream(url, 'same-origin', lastEventId, signal);
  const answer = await fetch(access.ticketUrl, {
    method: 'POST',
    headers: { accept: 'application/json', authorization: `Bearer ${access.key}` },
    credentials: 'omit',
    signal,
  });
  if (!answer.ok) return answer;
  const { ticket } = (await answer.json()) as { ticket: string };
  const withTicket = new URL(url);
  withTicket.searchParams.set('ticket', ticket);
  return openStream(withTicket.href, 'omit', lastEventId, signal);
}
