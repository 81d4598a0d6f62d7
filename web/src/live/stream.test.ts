import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LiveState, LiveStream, STALE_AFTER_MS, type StreamTimers } from './stream.ts';

/** Timers turned by hand. */
function manualTimers() {
  let nowMs = 0;
  const waiting = new Set<{ atMs: number; callback: () => void }>();
  const timers: StreamTimers = {
    after(delayMs, callback) {
      const entry = { atMs: nowMs + delayMs, callback };
      waiting.add(entry);
      return () => waiting.delete(entry);
    },
    nowMs: () => nowMs,
    random: () => 0.5,
  };
  return {
    timers,
    async turn(byMs: number) {
      nowMs += byMs;
      for (const entry of [...waiting]) {
        if (entry.atMs > nowMs || !waiting.delete(entry)) continue;
        entry.callback();
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** A server that records what each connection asked for and writes when told to. */
function scriptedServer() {
  const lastEventIds: string[] = [];
  let writer: ReadableStreamDefaultController<Uint8Array> | null = null;
  let status = 200;
  return {
    lastEventIds,
    answerWith(next: number) {
      status = next;
    },
    write: (text: string) => writer?.enqueue(new TextEncoder().encode(text)),
    end: () => writer?.close(),
    async open(lastEventId: string, signal: AbortSignal): Promise<Response> {
      lastEventIds.push(lastEventId);
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          writer = controller;
          signal.addEventListener('abort', () => {
            try {
              controller.error(signal.reason);
            } catch {
              // Already closed by the script.
            }
          });
        },
      });
      return new Response(status === 200 ? body : null, { status });
    },
  };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

function startStream() {
  const clock = manualTimers();
  const server = scriptedServer();
  const events: string[] = [];
  const states: LiveState[] = [];
  const stream = new LiveStream({
    open: server.open,
    onEvent: (event) => events.push(`${event.name} ${event.data}`),
    onState: (state) => states.push(state),
    timers: clock.timers,
  });
  stream.start();
  return { clock, server, events, states, stream };
}

test('resumes after the last id when the server ends the stream', async () => {
  const { clock, server, events, states, stream } = startStream();
  await settle();
  server.write('id: 41\nevent: task.updated\ndata: a\n\n');
  await settle();
  server.end();
  await settle();
  assert.deepEqual(states, ['connecting', 'open', 'waiting']);
  await clock.turn(1_500);
  await settle();
  assert.deepEqual(server.lastEventIds, ['', '41']);
  assert.deepEqual(events, ['task.updated a']);
  stream.stop();
});

test('silence longer than the limit is a dead connection, a heartbeat is not silence', async () => {
  const { clock, server, states, stream } = startStream();
  await settle();
  await clock.turn(STALE_AFTER_MS - 1);
  server.write(':\n\n');
  await settle();
  await clock.turn(STALE_AFTER_MS - 1);
  assert.equal(states.at(-1), 'open');
  await clock.turn(1);
  await settle();
  assert.equal(states.at(-1), 'waiting');
  stream.stop();
});

test('waking skips the wait, and a lost session stops until started again', async () => {
  const { server, states, stream } = startStream();
  await settle();
  server.end();
  await settle();
  server.answerWith(401);
  stream.wake();
  await settle();
  await settle();
  assert.equal(states.at(-1), 'signed-out');
  server.answerWith(200);
  stream.start();
  await settle();
  assert.equal(states.at(-1), 'open');
  stream.stop();
});
