// Server-sent events over a reply that was taken over: headers that no proxy buffers, heartbeats, and back-pressure. A
// client that reads slowly makes its stream wait, never this process remember.
import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import { type Clock, sleep, timeoutSignal } from './clock.ts';

export const HEARTBEAT_MS = 15_000;
/** What browsers wait before they come back. */
const RETRY_MS = 3_000;
/** A client that has not taken its bytes by then is gone. */
const DRAIN_TIMEOUT_MS = 60_000;

export interface StreamEvent {
  id?: string;
  event: string;
  data: unknown;
}

export interface EventSource {
  /** Where the stream starts: what a client that is cut off before its first event comes back with. */
  startId: string;
  /** The next events, or none when there is nothing new. */
  next(): Promise<readonly StreamEvent[]>;
  /** Registers a wake-up for when there may be more; returns its unsubscriber. */
  onWake(wake: () => void): () => void;
  /** Ends the stream. */
  signal: AbortSignal;
}

/** Streams until the client goes or `source.signal` is aborted. */
export async function serveEventStream(
  reply: FastifyReply,
  clock: Clock,
  source: EventSource,
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, source.signal]);
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  });
  let isPending = true;
  let wake = () => {};
  const unsubscribe = source.onWake(() => {
    isPending = true;
    wake();
  });
  try {
    // Without data this is no event, but it sets the client's last event id.
    await write(raw, clock, `retry: ${RETRY_MS}\nid: ${source.startId}\n\n`, signal);
    while (!signal.aborted) {
      if (isPending) {
        isPending = false;
        const events = await source.next();
        if (events.length > 0) isPending = true;
        for (const event of events) await write(raw, clock, format(event), signal);
        continue;
      }
      const idle = new AbortController();
      wake = () => idle.abort();
      if (isPending) continue;
      await sleep(clock, HEARTBEAT_MS, AbortSignal.any([signal, idle.signal])).then(
        () => write(raw, clock, ': heartbeat\n\n', signal),
        () => {},
      );
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    unsubscribe();
    raw.end();
  }
}

function format({ id, event, data }: StreamEvent): string {
  // JSON has no raw line breaks, so one data line holds it.
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

async function write(
  raw: FastifyReply['raw'],
  clock: Clock,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  if (raw.write(text)) return;
  const timeout = timeoutSignal(clock, DRAIN_TIMEOUT_MS);
  await once(raw, 'drain', { signal: AbortSignal.any([signal, timeout]) }).catch((error: unknown) => {
    raw.destroy();
    throw error;
  });
}
