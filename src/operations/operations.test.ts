import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { FakeClock, until } from '../../test/harness/clock.ts';
import { ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import { controlSocketPath } from '../kernel/control-socket.ts';
import { Upkeep } from './upkeep.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LANE = { concurrency: 2, deadlineMs: 60_000 };

const ANONYMOUS = { authorization: '' };
/** As a proxy on this machine passes on: not a caller on this machine. */
const PROXIED = { authorization: '', 'x-forwarded-for': '203.0.113.7' };

describe('health', () => {
  let app: TestApp;
  let clock: FakeClock;
  before(async () => {
    clock = new FakeClock();
    app = await startTestApp({ clock });
  });
  after(() => app.close());

  test('alive, ready and healthy for anybody, without details for strangers', async () => {
    assert.deepEqual((await app.request('GET', '/healthz', undefined, PROXIED)).json, { status: 'ok' });
    assert.deepEqual((await app.request('GET', '/readyz', undefined, PROXIED)).json, { status: 'ready' });
    const { status, json } = await app.request('GET', '/health', undefined, PROXIED);
    assert.equal(status, 200);
    assert.deepEqual(json, { status: 'ok', hasSession: true });
  });

  test('with every part for administrators and callers on this machine', async () => {
    for (const headers of [ANONYMOUS, {}]) {
      const { json } = await app.request('GET', '/health', undefined, headers);
      const names = json.parts.map(({ name }: { name: string }) => name);
      assert.deepEqual(names, ['database', 'store', 'engine', 'provider:sandbox']);
    }
  });

  test('without the volume of the pictures nothing is ready, and it comes back by itself', async () => {
    const media = join(app.dataDir, 'media');
    await rename(media, `${media}-away`);
    assert.equal((await app.request('GET', '/readyz')).status, 200, 'a result is shared for 5 s');
    clock.advance(5_000);
    const { status, json } = await app.request('GET', '/readyz', undefined, PROXIED);
    assert.equal(status, 503);
    assert.deepEqual(json, { status: 'not_ready', reasons: ['store is not usable'] });
    const health = await app.request('GET', '/health', undefined, PROXIED);
    assert.deepEqual([health.status, health.json.error], [503, 'Not usable: store']);
    await rename(`${media}-away`, media);
    clock.advance(5_000);
    assert.equal((await app.request('GET', '/readyz')).status, 200);
  });

  test('numbers are for operators alone', async () => {
    assert.equal((await app.request('GET', '/metrics', undefined, PROXIED)).status, 401);
    await app.request('GET', '/metrics');
    await app.request('GET', '/v1/tasks/task_x');
    const answer = await fetch(`${app.url}/metrics`);
    assert.equal(answer.status, 200, 'a caller on this machine needs no key');
    const { headers } = answer;
    const text = await answer.text();
    assert.match(headers.get('content-type') ?? '', /^text\/plain/);
    assert.match(
      text,
      /drawbridge_http_requests_total\{method="GET",route="\/v1\/tasks\/:id",status="404"\} 1/,
    );
    for (const line of [
      /drawbridge_part_up\{part="store"\} 1/,
      /drawbridge_tasks_running 0/,
      /drawbridge_event_lag_seconds 0/,
      /drawbridge_media_free_bytes \d/,
      /process_resident_memory_bytes \d/,
    ])
      assert.match(text, line);
  });

  test('the status names each part and what is going on', async () => {
    const { status, json } = await app.request('GET', '/v1/admin/status');
    assert.equal(status, 200);
    assert.deepEqual([json.status, json.database, json.tasks], ['ok', 'sqlite', []]);
    assert.equal(json.pid, process.pid);
  });

  test('whoever may open the control socket sees everything without a key', async () => {
    const answer = await new Promise<number | undefined>((resolve, reject) => {
      const options = { socketPath: controlSocketPath(app.dataDir), path: '/v1/admin/status' };
      httpRequest(options, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });
    assert.equal(answer, 200);
  });
});

test('a provider that is down makes the server unready, though the sandbox would work', async () => {
  const clock = new FakeClock();
  const adapter = new ScriptedProvider();
  adapter.probe = async () => {
    throw new Error('no route to host');
  };
  const app = await startTestApp({ clock, providers: [{ adapter, lane: LANE }] });
  try {
    const ready = await app.request('GET', '/readyz', undefined, PROXIED);
    assert.deepEqual(ready.json, {
      status: 'not_ready',
      reasons: ['no provider is usable; provider:scripted (The provider cannot be reached)'],
    });
    const health = await app.request('GET', '/health');
    assert.deepEqual(
      [health.status, health.json.error],
      [503, 'Not usable: provider:scripted (The provider cannot be reached)'],
    );
    const { json } = await app.request('POST', '/v1/admin/doctor', {});
    const finding = json.findings.find(({ id }: { id: string }) => id === 'provider:scripted');
    assert.deepEqual([finding.severity, finding.what], ['error', 'no route to host']);
    assert.equal((await app.request('GET', '/v1/admin/status')).json.status, 'down');
  } finally {
    await app.close();
  }
});

test('upkeep prunes hourly and collects daily', async () => {
  const clock = new FakeClock();
  const first = await startTestApp({ clock, sandbox: { instantPicture: true } });
  const sql = new DatabaseSync(join(first.dataDir, 'drawbridge.db'), { timeout: 5_000 });
  let upkeep: Upkeep | null = null;
  try {
    await first.request('POST', '/v1/tasks', { prompt: 'x' }, { 'idempotency-key': 'k' });
    await until(() => sql.prepare(`select 1 from tasks where status = 'succeeded'`).get(), {
      clock,
      stepMs: 10,
      what: 'the task',
    });
    // A clock of its own: eight days of the whole program's timers would be a million wake-ups.
    const upkeepClock = new FakeClock(clock.now());
    const startedAt = clock.now();
    const { db, media } = first.app;
    const log = first.log.child({ component: 'upkeep' });
    upkeep = new Upkeep({ db, media, log, clock: upkeepClock, idempotencyMs: DAY_MS });
    upkeep.start();
    const marked = (job: string) => {
      const found = sql.prepare('select at from operation_marks where name = ?').get(`upkeep:${job}`);
      return found ? Number(found.at) - startedAt : null;
    };
    // The next round is set only once the last one has ended, so the clock must go on.
    const steps = { clock: upkeepClock, stepMs: 60_000 };
    await until(() => marked('gc') !== null, { ...steps, what: 'the first collection' });
    assert.ok((marked('gc') ?? HOUR_MS) < HOUR_MS);

    await until(() => (marked('prune') ?? 0) >= HOUR_MS, { ...steps, what: 'the hourly pruning' });
    assert.ok((marked('gc') ?? 0) < HOUR_MS, 'collecting waits for its day');
    assert.ok(sql.prepare('select 1 from idempotency_keys').get(), 'a young key stays');

    upkeepClock.advance(DAY_MS);
    await until(() => (marked('gc') ?? 0) >= DAY_MS, { ...steps, what: 'the daily collection' });
    assert.equal(sql.prepare('select 1 from idempotency_keys').get(), undefined, 'an old key is gone');
    assert.ok(sql.prepare('select 1 from events').get(), 'events stay for a week');
    upkeepClock.advance(8 * DAY_MS);
    await until(() => !sql.prepare('select 1 from events').get(), { ...steps, what: 'old events' });
    const { json } = await first.request('POST', '/v1/admin/doctor', { deep: true });
    assert.deepEqual(json.findings, [], 'pruned events are not missed');
  } finally {
    upkeep?.close();
    sql.close();
    await first.close();
  }
});
