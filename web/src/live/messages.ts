// What pages and the shared worker say to each other.
import type { ServerEvent } from './sse.ts';
import type { LiveState } from './stream.ts';

export type ToWorker =
  | { kind: 'open'; url: string }
  | { kind: 'wake' }
  | { kind: 'leave' }
  | { kind: 'sign-out' };
export type FromWorker = { kind: 'state'; state: LiveState } | { kind: 'event'; event: ServerEvent };

/** Opens the stream with the session cookie. */
export function fetchStream(url: string, lastEventId: string, signal: AbortSignal): Promise<Response> {
  return fetch(url, {
    headers: { accept: 'text/event-stream', ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }) },
    credentials: 'same-origin',
    cache: 'no-store',
    signal,
  });
}
