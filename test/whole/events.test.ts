// Event streams of the whole program, over real connections that break at random moments.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { FastifyReply } from 'fastify';
import { serveEventStream } from '../../src/kernel/event-stream.ts';
import { formatCursor, parseCursor, pruneEvents, readEvents } from '../../src/kernel/outbox.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { FakeClock, until } from '../harness/clock.ts';
import { pictures, ScriptedProvider } from '../harness/scripted-provider.ts';
import { EventClient, type ReceivedEvent } from './event-client.ts';
import { appendUpdate } from './event-writes.ts';

const MAX_STREAMS = 5;
const LANE = { concurrency: 4, deadlineMs: 600_000 };

let app: TestApp;
const provider = new ScriptedProvider();

before(async () => {
  provider.onPoll = async (call) =>
    provider.polls % 3 === 0
      ? { state: 'done', outputs: await pictures(call, call.request.n) }
      : { state: 'running', progress: 0.5, pollAfterMs: 5 };
  app = await startTestApp({
    providers: [{ adapter: provider, lane: LANE }],
    env: { DRAWBRIDGE_LIMITS_STREAMS_PER_ACCOUNT: String(MAX_STREAMS) },
  });
});
after(async () => {
  await app.close();
  const errors = app.log.records.filter(({ level }) => level === 'error');
  assert.deepEqual(errors, [], 'lines of errors in the log');
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

function listen(path = '/v1/events', options: { key?: string; lastEventId?: string } = {}) {
  const events: ReceivedEvent[] = [];
  const comments: string[] = [];
  const client = new EventClient({
    target: () => ({ url: `${app.url}${path}`, headers: bearer(options.key ?? app.adminKey) }),
    onEvent: (event) => events.push(event),
    onComment: (text) => comments.push(text),
    ...(options.lastEventId === undefined ? {} : { lastEventId: options.lastEventId }),
  });
  return { client, events, comments };
}

async function connected(path?: string, options?: { key?: string; lastEventId?: string }) {
  const stream = listen(path, options);
  stream.client.start();
  await until(() => stream.client.lastEventId, { what: 'the stream' });
  return stream;
}

async function createTask(prompt: string, headers: Record<string, string> = {}) {
  const { json, status } = await app.request('POST', '/v1/tasks', { prompt, model: 'scripted' }, headers);
  assert.equal(status, 202);
  return json as { id: string; urls: { events: string } };
}

async function newAccount(name: string): Promise<{ id: string; key: string }> {
  const { json: account } = await app.request('POST', '/v1/admin/accounts', { name });
  const { json } = await app.request('POST', '/v1/keys', { name }, { 'x-account-id': account.id });
  return { id: account.id, key: json.key };
}

const comparable = (id: string) => {
  const cursor = parseCursor(id);
  assert.ok(cursor, id);
  return `${String(cursor.change).padStart(16, '0')}-${cursor.id}`;
};

test('whoever was away hears that a task finished, also when it was changed once more after that', async () => {
  const key = await newAccount('away');
  const away = await connected('/v1/events', { key: key.key });
  const since = away.client.lastEventId;
  await away.client.close();
  const { json } = await app.request(
    'POST',
    '/v1/tasks',
    { prompt: 'late', model: 'scripted' },
    bearer(key.key),
  );
  const finished = await until(
    async () => {
      const { json: task } = await app.request('GET', `/v1/tasks/${json.id}`, undefined, bearer(key.key));
      return task.finished_at === null ? null : task;
    },
    { what: 'the end of the task' },
  );
  await app.app.db.write(appendUpdate, {
    accountId: key.id,
    taskId: finished.id,
    version: finished.version,
    nowMs: Date.now(),
  });
  const { client, events } = listen('/v1/events', { key: key.key, lastEventId: String(since) });
  client.start();
  const [heard] = await until(() => (events.length > 0 ? events : null), { what: 'what was missed' });
  assert.equal(heard?.event, 'task.finished');
  assert.equal(events.length, 1);
  await client.close();
});

test('a task’s own stream starts with how it stands and ends with how it ended', async () => {
  const task = await createTask('followed');
  const { client, events } = await connected(`/v1/tasks/${task.id}/events`);
  await until(() => events.some(({ event }) => event === 'task.finished'));
  await client.close();
  assert.ok(events.every(({ data }) => data.id === task.id));
  const versions = events.map(({ data }) => data.version as number);
  assert.deepEqual(
    versions,
    [...versions].sort((a, b) => a - b),
  );
  const last = events.at(-1)?.data;
  assert.equal(last.status, 'succeeded');
  assert.ok(last.images[0].url.startsWith(`${app.url}/media/`));
  // Whoever comes when all is over learns that, too.
  const late = await connected(`/v1/tasks/${task.id}/events`);
  await until(() => late.events.length === 1);
  await late.client.close();
  assert.equal(late.events[0]?.event, 'task.finished');
});

test('NT5 nothing is missing after connections that broke at random moments', async () => {
  const { client, events } = await connected();
  const first = comparable(client.lastEventId ?? '');
  let isOver = false;
  const cutting = (async () => {
    while (!isOver) {
      await new Promise((resolve) => setTimeout(resolve, randomInt(60)));
      client.cut();
    }
  })();
  const tasks = [];
  for (let i = 0; i < 60; i += 1) tasks.push(await createTask(`one of many ${i}`));
  const finished = () => events.filter(({ event }) => event === 'task.finished');
  await until(() => finished().length >= tasks.length, { what: 'the end of all tasks' });
  isOver = true;
  await cutting;
  await client.close();
  assert.ok(client.connections > 5, `only ${client.connections} connections`);
  assert.deepEqual(
    finished()
      .map(({ data }) => data.id)
      .sort(),
    tasks.map(({ id }) => id).sort(),
  );
  const ids = events.map(({ id }) => comparable(id));
  assert.deepEqual(ids, [...new Set(ids)].sort(), 'in order, none twice');
  // The stream may leave out a change when a newer one of the same task follows at once, never the newest.
  const all = await readEvents(app.app.db.read, { after: null, limit: 10_000 });
  const known = new Set(all.map((row) => comparable(formatCursor(row))));
  assert.ok(ids.every((id) => known.has(id)));
  for (const row of all) {
    const at = comparable(formatCursor(row));
    if (at <= first) continue;
    const isCovered = events.some(({ id, data }) => data.id === row.entity_id && comparable(id) >= at);
    assert.ok(isCovered, `${row.type} ${row.version} of ${row.entity_id} was never sent`);
  }
});

test('NT5 a client that was cut off before its first event misses nothing either', async () => {
  const { client, events } = await connected();
  await client.close();
  const task = await createTask('while away');
  await until(async () => (await app.request('GET', `/v1/tasks/${task.id}`)).json.status === 'succeeded');
  const again = await connected('/v1/events', { lastEventId: client.lastEventId ?? '' });
  await until(() => again.events.some(({ event, data }) => event === 'task.finished' && data.id === task.id));
  await again.client.close();
  assert.equal(events.length, 0);
});

test('?last_event_id= resumes as the header does', async () => {
  const { client } = await connected();
  await client.close();
  const task = await createTask('by query');
  const again = listen(`/v1/events?topics=tasks&last_event_id=${client.lastEventId}`);
  again.client.start();
  await until(() => again.events.some(({ data }) => data.id === task.id));
  await again.client.close();
});

test('NT5 a place that is not kept any more gives reset, and the stream goes on from now', async () => {
  const before = await connected();
  await before.client.close();
  const task = await createTask('to be pruned');
  await until(async () => (await app.request('GET', `/v1/tasks/${task.id}`)).json.status === 'succeeded');
  await app.app.db.write(pruneEvents, { beforeMs: Date.now() + 1_000, limit: 100_000 });
  for (const lastEventId of [before.client.lastEventId ?? '', 'nonsense']) {
    const { client, events } = listen('/v1/events', { lastEventId });
    client.start();
    await until(() => events.length > 0);
    assert.equal(events[0]?.event, 'reset');
    const next = await createTask('after the reset');
    await until(() => events.some(({ event, data }) => event === 'task.finished' && data.id === next.id));
    await client.close();
    assert.equal(events.filter(({ event }) => event === 'reset').length, 1);
  }
});

test('a ticket opens a stream, and nothing else', async () => {
  assert.equal((await fetch(`${app.url}/v1/events`)).status, 401);
  const { json, status } = await app.request('POST', '/v1/stream-tickets');
  assert.equal(status, 201);
  assert.equal(json.expires_in_s, 60);
  const events: ReceivedEvent[] = [];
  const client = new EventClient({
    target: () => ({ url: `${app.url}/v1/events?ticket=${json.ticket}`, headers: {} }),
    onEvent: (event) => events.push(event),
  }).start();
  await until(() => client.lastEventId);
  const task = await createTask('seen with a ticket');
  await until(() => events.some(({ data }) => data.id === task.id));
  await client.close();
  assert.equal((await fetch(`${app.url}/v1/tasks?ticket=${json.ticket}`)).status, 401);
  assert.equal((await fetch(`${app.url}/v1/tasks/${task.id}?ticket=${json.ticket}`)).status, 401);
  assert.equal((await fetch(`${app.url}/v1/events?ticket=${json.ticket}x`)).status, 401);
  assert.ok(!app.log.text().includes(json.ticket), 'the ticket is in the log');
});

test('another account sees nothing', async () => {
  const other = await newAccount('other');
  const foreign = await connected('/v1/events', { key: other.key });
  const own = await connected();
  const task = await createTask('private');
  await until(() => own.events.some(({ event, data }) => event === 'task.finished' && data.id === task.id));
  const theirs = await createTask('theirs', bearer(other.key));
  await until(() => foreign.events.some(({ event }) => event === 'task.finished'));
  assert.deepEqual([...new Set(foreign.events.map(({ data }) => data.id))], [theirs.id]);
  assert.ok(own.events.every(({ data }) => data.id !== theirs.id));
  await Promise.all([foreign.client.close(), own.client.close()]);
  const answer = await app.request('GET', `/v1/tasks/${task.id}/events`, undefined, bearer(other.key));
  assert.equal(answer.status, 404);
});

test('an account may hold only so many streams, and gets its places back', async () => {
  const { key } = await newAccount('crowded');
  const open = await Promise.all(Array.from({ length: MAX_STREAMS }, () => connected('/v1/events', { key })));
  const refused = await app.request('GET', '/v1/events', undefined, bearer(key));
  assert.equal(refused.status, 429);
  assert.equal(refused.json.code, 'rate_limited');
  assert.ok(Number(refused.headers.get('retry-after')) > 0);
  await Promise.all(open.map(({ client }) => client.close()));
  await until(async () => {
    const { client } = listen('/v1/events', { key });
    const stop = new AbortController();
    const reading = client.readOnce(stop.signal).catch(() => {});
    await until(() => client.status !== 0);
    stop.abort();
    await reading;
    return client.status === 200;
  });
});

test('NT5 streams end when the server stops', async () => {
  const own = await startTestApp({ providers: [{ adapter: new ScriptedProvider(), lane: LANE }] });
  const client = new EventClient({
    target: () => ({ url: `${own.url}/v1/events`, headers: bearer(own.adminKey) }),
    onEvent: () => {},
  });
  const reading = client.readOnce(new AbortController().signal);
  await until(() => client.lastEventId);
  const startedAt = performance.now();
  await own.close();
  await reading;
  assert.ok(performance.now() - startedAt < 5_000);
});

test('a silent stream shows a heartbeat every 15 s', async () => {
  const clock = new FakeClock();
  const own = await startTestApp({ clock, providers: [{ adapter: new ScriptedProvider(), lane: LANE }] });
  const comments: string[] = [];
  const client = new EventClient({
    target: () => ({ url: `${own.url}/v1/events`, headers: bearer(own.adminKey) }),
    onEvent: () => {},
    onComment: (text) => comments.push(text),
  }).start();
  await until(() => client.lastEventId);
  const startedAt = clock.now();
  await until(() => comments.length >= 2, { clock, stepMs: 1_000 });
  const elapsedMs = clock.now() - startedAt;
  assert.ok(elapsedMs >= 29_000 && elapsedMs <= 40_000, `${elapsedMs} ms for two heartbeats`);
  assert.ok(comments.every((text) => text === 'heartbeat'));
  const closing = client.close();
  await own.close();
  await closing;
});

describe('a reader that does not read', () => {
  const BIG = 'x'.repeat(64 * 1024);

  test('NT5 makes its stream wait, not this process remember, and is given up after a minute', async () => {
    const clock = new FakeClock();
    let reads = 0;
    let response: ServerResponse | null = null;
    let ended: Promise<void> | null = null;
    const server = createServer((_request, raw) => {
      response = raw;
      const reply = { raw, hijack: () => {}, getHeaders: () => ({}) } as unknown as FastifyReply;
      ended = serveEventStream(reply, clock, {
        startId: '0',
        next: async () => {
          reads += 1;
          return [{ id: String(reads), event: 'big', data: BIG }];
        },
        onWake: () => () => {},
        signal: new AbortController().signal,
      }).catch(() => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.pause();
    let before = -1;
    // The kernel's own buffers fill first; then nothing moves any more.
    await until(
      async () => {
        const isStill = reads > 0 && reads === before;
        before = reads;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return isStill;
      },
      { what: 'the stream to wait' },
    );
    const stuckAt = reads;
    assert.ok((response as unknown as ServerResponse).writableLength < 4 * BIG.length);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(reads, stuckAt);
    clock.advance(60_000);
    await ended;
    assert.equal((response as unknown as ServerResponse).destroyed, true);
    socket.destroy();
    server.close();
  });
});
