// Whole servers on one PostgreSQL whose network, server and clock fail: what was accepted is done, once, and goes on within
// seconds of the database's return.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { type Clock, systemClock } from '../../src/kernel/clock.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { FaultProxy, type Faults } from '../harness/fault-proxy.ts';
import { type PostgresServer, postgresServer, postgresUnavailable } from '../harness/postgres.ts';
import { MIGRATED_DATABASE } from '../harness/postgres-template.ts';
import { pictures, ScriptedProvider } from '../harness/scripted-provider.ts';
import { EventClient } from '../whole/event-client.ts';

const LANE = { concurrency: 4, deadlineMs: 600_000 };
/** A caller learns within this that there is no database. */
const ANSWER_WITHIN_MS = 2_000;
/** From the database's return to the first progress (goal G8). */
const PROGRESS_WITHIN_MS = 5_000;
/** Others take over when a node is silent (goal G8). */
const TAKEOVER_WITHIN_MS = 15_000;
const HOUR_MS = 3_600_000;

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Cluster {
  server: PostgresServer;
  database: string;
  provider: ScriptedProvider;
  /** Starts a node with a network of its own to the database. */
  node(options?: Partial<TestAppOptions>, faults?: Faults): Promise<TestApp & { network: FaultProxy }>;
}

async function startCluster(provider = new ScriptedProvider()): Promise<Cluster> {
  const server = await postgresServer();
  const database = await server.createDatabase(MIGRATED_DATABASE);
  cleanups.push(() => server.dropDatabase(database));
  const media = mkdtempSync(join(tmpdir(), 'drawbridge-media-'));
  cleanups.push(() => rmSync(media, { recursive: true, force: true }));
  return {
    server,
    database,
    provider,
    async node(options = {}, faults = {}) {
      const network = await FaultProxy.start({ path: join(server.socketDir, '.s.PGSQL.5432') });
      cleanups.push(() => network.close());
      network.faults = faults;
      const app = await startTestApp({
        providers: [{ adapter: provider, lane: LANE }],
        ...options,
        env: {
          DATABASE_URL: `postgres://postgres@127.0.0.1:${network.port}/${database}`,
          DRAWBRIDGE_MEDIA_ROOT: media,
          ...options.env,
        },
      });
      cleanups.push(async () => {
        network.faults = {};
        await app.close();
      });
      return Object.assign(app, { network });
    },
  };
}

async function create(app: TestApp, prompt: string, headers: Record<string, string> = {}): Promise<string> {
  const { status, json } = await app.request('POST', '/v1/tasks', { prompt, model: 'scripted' }, headers);
  assert.equal(status, 202, JSON.stringify(json));
  return json.id;
}

async function statusOf(app: TestApp, id: string): Promise<string> {
  const { status, json } = await app.request('GET', `/v1/tasks/${id}`);
  return status === 200 ? json.status : `HTTP ${status}`;
}

const succeeded = (app: TestApp, id: string) =>
  until(async () => (await statusOf(app, id)) === 'succeeded', { what: `the end of ${id}`, limitMs: 40_000 });

/** A provider whose jobs end when `release` is called. */
function heldProvider() {
  const provider = new ScriptedProvider();
  let isReleased = false;
  provider.onPoll = async (call) =>
    isReleased
      ? { state: 'done', outputs: await pictures(call, call.request.n) }
      : { state: 'running', progress: 0.5, pollAfterMs: 50 };
  const release = () => {
    isReleased = true;
  };
  return { provider, release };
}

/** The books are right and nothing was made twice. */
async function isSound(app: TestApp, provider: ScriptedProvider, tasks: number): Promise<void> {
  assert.equal(provider.jobs.size, tasks, 'jobs at the provider');
  const { json } = await app.request('POST', '/v1/admin/doctor', { deep: true });
  const errors = json.findings.filter(({ severity }: { severity: string }) => severity === 'error');
  assert.deepEqual(errors, []);
}

describe('nodes on a PostgreSQL server that fails', { skip: postgresUnavailable() ?? false }, () => {
  test('A4 without the database a task is refused in under two seconds with Retry-After, and nothing is held', async () => {
    const cluster = await startCluster();
    const app = await cluster.node();
    const { network } = app;
    const before = (await app.request('GET', '/v1/credits')).text;
    for (const faults of [{ refuse: true }, { blackHole: 'both' as const }]) {
      network.faults = faults;
      if ('refuse' in faults) network.resetAll();
      const startedMs = performance.now();
      const { status, headers, json } = await app.request('POST', '/v1/tasks', {
        prompt: 'x',
        model: 'scripted',
      });
      const tookMs = performance.now() - startedMs;
      assert.equal(status, 503, JSON.stringify(json));
      assert.equal(json.code, 'database_unavailable');
      assert.ok(Number(headers.get('retry-after')) > 0);
      assert.ok(tookMs < ANSWER_WITHIN_MS, `${Math.round(tookMs)} ms`);
      network.faults = {};
      network.resetAll();
    }
    const after = await until(async () => {
      const answer = await app.request('GET', '/v1/credits');
      return answer.status === 200 ? answer.text : null;
    });
    assert.equal(after, before);
    await succeeded(app, await create(app, 'after'));
    await isSound(app, cluster.provider, 1);
  });

  test('A5 a create whose COMMIT answer is cut off is answered as accepted, and its key leads to the same task', async () => {
    const cluster = await startCluster();
    const app = await cluster.node();
    let cuts = 0;
    app.network.faults = {
      onData(data, direction, link) {
        if (direction === 'to-server') {
          if (data.includes('idempotency')) link.note = 'create';
          if (link.note === 'create' && data.includes('commit\0')) link.note = 'committed';
          return 'deliver';
        }
        if (link.note !== 'committed') return 'deliver';
        link.note = '';
        cuts += 1;
        return 'reset';
      },
    };
    const id = await create(app, 'cut off', { 'idempotency-key': 'k1' });
    app.network.faults = {};
    assert.ok(cuts > 0, 'the fault never happened');
    assert.equal(await create(app, 'cut off', { 'idempotency-key': 'k1' }), id);
    await succeeded(app, id);
    await isSound(app, cluster.provider, 1);
  });

  test('X5 the server is stopped, killed and started again under load: all is done once, with progress within 5 s', async () => {
    const cluster = await startCluster();
    const { server, provider } = cluster;
    const app = await cluster.node();
    await cluster.node();
    const ids: string[] = [];
    const more = async (count: number) => {
      for (let i = 0; i < count; i += 1) ids.push(await create(app, `under load ${ids.length}`));
    };
    await more(8);
    for (const end of ['kill', 'killPostmaster'] as const) {
      await server[end]();
      await until(async () => (await statusOf(app, ids[0] ?? '')) === 'HTTP 503', { what: 'the outage' });
      await server.start();
      const backMs = performance.now();
      await until(
        async () => {
          const { status, json } = await app.request('POST', '/v1/tasks', {
            prompt: 'back',
            model: 'scripted',
          });
          if (status === 202) ids.push(json.id);
          return status === 202;
        },
        { what: 'the first task after it' },
      );
      await succeeded(app, ids.at(-1) ?? '');
      const tookMs = performance.now() - backMs;
      assert.ok(tookMs < PROGRESS_WITHIN_MS, `${Math.round(tookMs)} ms to the first progress`);
      await more(4);
    }
    for (const id of ids) await succeeded(app, id);
    await isSound(app, provider, ids.length);
  });

  test('Q6 Q3 a node cut off from the database stops by the end of its lease, another takes over, and its late words change nothing', async () => {
    const { provider, release } = heldProvider();
    const cluster = await startCluster(provider);
    const first = await cluster.node();
    const id = await create(first, 'handed over');
    await until(() => provider.polls > 2, { what: 'the job' });
    const second = await cluster.node();
    first.network.faults = { refuse: true };
    first.network.resetAll();
    const cutMs = performance.now();
    // Nobody is asked any more by the first: its lease is over before the second may take the task.
    await until(() => first.log.text().includes('not_renewed'), {
      what: 'the end of the lease',
      limitMs: TAKEOVER_WITHIN_MS,
    });
    await until(() => second.log.text().includes('took over the tasks'), { limitMs: TAKEOVER_WITHIN_MS });
    assert.ok(performance.now() - cutMs < TAKEOVER_WITHIN_MS);
    release();
    await succeeded(second, id);
    assert.equal(first.app.tasks.engine.running, 0);
    // It comes back under another name and works again.
    const oldMs = performance.now();
    first.network.faults = {};
    await until(() => first.log.text().includes('has a lease again'), { what: 'the way back' });
    const next = await create(first, 'after the way back');
    await succeeded(first, next);
    assert.ok(performance.now() - oldMs < PROGRESS_WITHIN_MS + 2_000);
    await isSound(second, provider, 2);
  });

  test('Q5 a node whose signal connection fell silent hears of what others do within 5 s', async () => {
    const cluster = await startCluster();
    const first = await cluster.node();
    const faults: Faults = {
      onData(data, direction, link) {
        if (direction === 'to-server' && data.includes('listen drawbridge')) link.note = 'signals';
        return 'deliver';
      },
    };
    const second = await cluster.node({}, faults);
    const events: string[] = [];
    const stream = new EventClient({
      target: () => ({
        url: `${second.url}/v1/events`,
        headers: { authorization: `Bearer ${second.adminKey}` },
      }),
      onEvent: ({ event, data }) => events.push(`${event} ${data.id}`),
    }).start();
    cleanups.push(() => stream.close());
    await until(() => stream.lastEventId);
    const silent = [...second.network.links].filter(({ note }) => note === 'signals');
    assert.equal(silent.length, 1);
    for (const link of silent) link.isSilent = true;
    const startedMs = performance.now();
    const id = await create(first, 'elsewhere');
    await until(() => events.includes(`task.finished ${id}`), { what: 'the event' });
    const tookMs = performance.now() - startedMs;
    assert.ok(tookMs < PROGRESS_WITHIN_MS, `${Math.round(tookMs)} ms`);
  });

  test('NT5 a stream that moves from node to node with its last event id misses nothing and sees nothing twice', async () => {
    const cluster = await startCluster();
    const nodes = [await cluster.node(), await cluster.node()];
    const [first] = nodes;
    assert.ok(first);
    let turn = 0;
    const ids: string[] = [];
    const finished: string[] = [];
    const stream = new EventClient({
      target() {
        turn += 1;
        const node = nodes[turn % nodes.length] ?? first;
        return { url: `${node.url}/v1/events`, headers: { authorization: `Bearer ${node.adminKey}` } };
      },
      onEvent({ id, event, data }) {
        ids.push(id);
        if (event === 'task.finished') finished.push(data.id);
      },
    }).start();
    cleanups.push(() => stream.close());
    await until(() => stream.lastEventId);
    const made: string[] = [];
    for (let i = 0; i < 12; i += 1) {
      made.push(await create(nodes[i % 2] ?? first, `on the move ${i}`));
      if (i % 3 !== 2) continue;
      // A line that is not open yet cannot be cut.
      const cuts = Math.floor(i / 3);
      await until(() => stream.connections > cuts, { what: 'the stream on the next node' });
      stream.cut();
    }
    await until(() => finished.length >= made.length, { what: 'the end of all tasks' });
    assert.deepEqual([...finished].sort(), made.sort());
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(turn > 3, `${turn} connections`);
  });

  test('X8 a node whose wall clock is an hour off, or steps, neither ends tasks nor leases early', async () => {
    const { provider, release } = heldProvider();
    const cluster = await startCluster(provider);
    let skewMs = HOUR_MS;
    const skewed: Clock = { ...systemClock, now: () => systemClock.now() + skewMs };
    const normal = await cluster.node();
    const odd = await cluster.node({ machineClock: skewed });
    const id = await create(normal, 'running');
    const held = await create(odd, 'made on the odd node');
    await until(() => provider.jobs.size === 2);
    skewMs = -HOUR_MS;
    // Longer than a lease: both nodes renew, and neither takes the other for dead.
    const until9s = performance.now() + 9_000;
    await until(() => performance.now() > until9s);
    for (const each of [id, held]) assert.equal(await statusOf(normal, each), 'running');
    const { json } = await odd.request('GET', `/v1/tasks/${held}`);
    assert.ok(Math.abs(Date.parse(json.created_at) - Date.now()) < 60_000, json.created_at);
    for (const node of [normal, odd]) assert.ok(!node.log.text().includes('took over the tasks'));
    release();
    for (const each of [id, held]) await succeeded(odd, each);
    await isSound(normal, provider, 2);
  });
});
