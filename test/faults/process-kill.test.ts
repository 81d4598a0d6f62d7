// Processes that die between a picture and its money, in the middle of a download, or by their own fault, and what the next
// start makes of it: every task is finished once and paid once, and nothing is asked of a provider twice.
import assert from 'node:assert/strict';
import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import pg from 'pg';
import { photo } from '../../src/media/test-pictures.ts';
import { until } from '../harness/clock.ts';
import { startFakeKie } from '../harness/fake-kie.ts';
import { SERVED_KINDS, type ServedData, servedData, type Wire } from './served-data.ts';

const DAY_MS = 24 * 3_600_000;
/** SIGTERM must be over by then. */
const DRAIN_LIMIT_MS = 30_000;

/** Runs one query on the data's database, whoever else has it open. */
async function query(data: ServedData, sql: string): Promise<Wire[]> {
  if (data.databaseUrl === null) {
    const sqlite = new DatabaseSync(join(data.dataDir, 'drawbridge.db'), { readOnly: true, timeout: 5_000 });
    const rows = sqlite.prepare(sql).all();
    sqlite.close();
    return rows;
  }
  const client = new pg.Client({ connectionString: data.databaseUrl });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows;
}

for (const { kind, skip } of SERVED_KINDS) {
  test(`C1 killed between the picture and its money, and inside the last transaction, a task ends once, on ${kind}`, {
    skip,
  }, async (t) => {
    const data = await servedData(t, kind);
    for (const [index, point] of ['kp12', 'kp13'].entries()) {
      const dying = await data.start({ DRAWBRIDGE_CRASH_POINT: point });
      const before = (await data.ask('GET', '/v1/credits')).json.available_credits;
      await data.create({ prompt: `killed at ${point}`, n: 2 });
      assert.equal((await dying.closed).signal, 'SIGKILL', point);
      const finishes = `select count(*) as n from events where type = 'task.finished'`;
      assert.equal(Number((await query(data, finishes))[0].n), index, point);
      const next = await data.start();
      const [task] = await data.ended();
      assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
      assert.equal(task.images.length, 2);
      assert.deepEqual(task.cost, { held: 0, captured: 0.5, released: 0 });
      assert.equal((await data.ask('GET', '/v1/credits')).json.available_credits, before - 0.5);
      for (const { url } of task.images) assert.equal((await fetch(url)).status, 200);
      assert.equal(Number((await query(data, finishes))[0].n), index + 1, point);
      assert.equal((await data.jobs()).length, index + 1);
      await data.examine();
      await next.kill('SIGTERM');
    }
  });
}

test('D6 killed in the middle of a download it is fetched again, no second job is made and the rest is cleared', async (t) => {
  const fake = await startFakeKie(t);
  fake.picture = await photo('png', 512);
  const data = await servedData(t, 'sqlite', {
    KIE_AI_API_KEY: 'faults-kie-key-00112233',
    KIE_AI_BASE_URL: fake.url,
  });
  const dying = await data.start({ DRAWBRIDGE_CRASH_POINT: 'kp9' });
  const models = (await data.ask('GET', '/v1/models')).json.data;
  const model = models.find(
    ({ owned_by, drawbridge }: Wire) =>
      owned_by === 'kie' && drawbridge.capabilities.modes.includes('text-to-image'),
  );
  await data.ask('POST', '/v1/tasks', { prompt: 'cut off', model: model.id });
  assert.equal((await dying.closed).signal, 'SIGKILL');
  assert.deepEqual([fake.tasks.length, fake.downloads.length], [1, 1]);
  const staging = join(data.dataDir, 'media', '.staging');
  const left = readdirSync(staging);
  assert.ok(left.length > 0, 'the download left nothing behind');

  await data.start();
  const [task] = await data.ended();
  assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
  assert.equal(task.attempts.length, 1);
  assert.deepEqual([fake.tasks.length, fake.downloads.length], [1, 2]);
  // What a dead process left is cleared when it is surely nobody's any more.
  const old = new Date(Date.now() - 2 * DAY_MS);
  for (const name of left) utimesSync(join(staging, name), old, old);
  const { json } = await data.ask('POST', '/v1/admin/gc');
  assert.equal(json.staged_removed, left.length, JSON.stringify(json));
  assert.deepEqual(readdirSync(staging), []);
  await data.examine();
});

/** Asks for pictures without pause until it is stopped; knows which wishes were answered. */
function busyClients(data: ServedData, count: number, name: string) {
  const accepted = new Map<string, string>();
  const asked: string[] = [];
  let isOver = false;
  const work = Array.from({ length: count }, async (_, client) => {
    for (let i = 0; !isOver; i += 1) {
      const key = `${name}-${client}-${i}`;
      asked.push(key);
      try {
        const { status, json } = await data.create({ prompt: key }, { 'idempotency-key': key });
        if (status === 202) accepted.set(key, json.id);
      } catch {
        // The server ended, which is what the test is about.
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  });
  return {
    accepted,
    asked,
    async stop() {
      isOver = true;
      await Promise.all(work);
    },
  };
}

/** Starts again, repeats every wish that got no answer, and proves that each was fulfilled once. */
async function fulfilAll(data: ServedData, clients: readonly ReturnType<typeof busyClients>[]) {
  const server = await data.start();
  const ids = new Set<string>();
  for (const { asked, accepted } of clients) {
    for (const key of asked) {
      const { status, json } = await data.create({ prompt: key }, { 'idempotency-key': key });
      assert.equal(status, 202, JSON.stringify(json));
      assert.ok(!accepted.has(key) || accepted.get(key) === json.id, `${key} was accepted and is lost`);
      ids.add(json.id);
    }
  }
  const tasks = await data.ended(120_000);
  assert.deepEqual(new Set(tasks.map(({ id }) => id)), ids);
  for (const { id, status, error, images } of tasks)
    assert.deepEqual([status, images.length], ['succeeded', 1], `${id}: ${JSON.stringify(error)}`);
  const jobs = await data.jobs();
  assert.equal(jobs.length, tasks.length, 'a picture was painted twice');
  const { json } = await data.ask('GET', '/v1/credits');
  assert.deepEqual([json.held_credits, json.available_credits], [0, 1000 - tasks.length * 0.25]);
  await data.examine();
  return server;
}

for (const { kind, skip } of SERVED_KINDS) {
  test(`X9 SIGTERM under load drains in time, hands its leases back and loses nothing, on ${kind}`, {
    skip,
  }, async (t) => {
    const data = await servedData(t, kind, { DRAWBRIDGE_SANDBOX_CONCURRENCY: '4' });
    const server = await data.start();
    const clients = busyClients(data, 6, 'load');
    await until(() => clients.accepted.size >= 40, { limitMs: 60_000, what: 'some load' });
    const startedAt = performance.now();
    const { code, signal } = await server.kill('SIGTERM');
    const drainMs = performance.now() - startedAt;
    await clients.stop();
    assert.deepEqual([code, signal], [0, null], server.stderr());
    assert.ok(drainMs < DRAIN_LIMIT_MS, `${drainMs} ms`);
    assert.deepEqual(await query(data, 'select id from nodes'), []);
    const open = await query(data, `select id from tasks where status in ('queued', 'running')`);
    assert.ok(open.length > 0, 'there was no load when it ended');
    await fulfilAll(data, [clients]);
  });
}

/** What an operator's `node --import` runs first in the server: a bug, or an appetite, on demand. */
const preload = (onSignal: string) =>
  `--import=data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${onSignal} })`)}`;

const DEATHS: readonly {
  what: string;
  nodeOptions: string;
  signal: 'SIGUSR2' | 'SIGKILL';
  exit: { code: number | null; signal: string | null };
  says: RegExp;
}[] = [
  {
    what: 'an unhandled rejection',
    nodeOptions: preload(`Promise.reject(new Error('provoked'))`),
    signal: 'SIGUSR2',
    exit: { code: 1, signal: null },
    says: /nothing handled this rejection/,
  },
  {
    what: 'the heap limit',
    nodeOptions: `--max-old-space-size=160 ${preload('globalThis.kept = []; for (;;) globalThis.kept.push(new Array(1000).fill({}));')}`,
    signal: 'SIGUSR2',
    exit: { code: null, signal: 'SIGABRT' },
    says: /heap out of memory/i,
  },
  // The kernel's OOM killer sends exactly this.
  {
    what: 'the OOM killer',
    nodeOptions: '',
    signal: 'SIGKILL',
    exit: { code: null, signal: 'SIGKILL' },
    says: /./,
  },
];

test('X10 a bug, the heap limit and the OOM killer end the process, and the next one leaves no half state', async (t) => {
  const data = await servedData(t, 'sqlite', { DRAWBRIDGE_SANDBOX_CONCURRENCY: '4' });
  const clients: ReturnType<typeof busyClients>[] = [];
  // A task that sees its server die three times is taken for the cause: each death is got over before the next.
  for (const { what, nodeOptions, signal, exit, says } of DEATHS) {
    const server = await data.start({ NODE_OPTIONS: nodeOptions });
    const busy = busyClients(data, 4, what.replaceAll(' ', '-'));
    clients.push(busy);
    await until(() => busy.accepted.size >= 12, { limitMs: 60_000, what: 'some load' });
    process.kill(server.pid, signal);
    assert.deepEqual(await server.exited, exit, `${what}: ${server.stderr().slice(-2_000)}`);
    await busy.stop();
    // Helpers that outlive it would hold the data; and what it said is here to its end only then.
    await server.closed;
    assert.match(server.stdout() + server.stderr(), says, what);
    const next = await fulfilAll(data, clients);
    await next.kill('SIGTERM');
  }
});
