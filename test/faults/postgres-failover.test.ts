// A database server that takes back what it had confirmed, as an asynchronous standby does that was behind when it was promoted:
// nothing is sent to a provider on the word of such a database until an operator accepts it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { FaultProxy } from '../harness/fault-proxy.ts';
import { type PostgresServer, postgresUnavailable, startServer } from '../harness/postgres.ts';
import { ScriptedProvider } from '../harness/scripted-provider.ts';

const LANE = { concurrency: 4, deadlineMs: 600_000 };
const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const upstreamOf = (server: PostgresServer) => ({ path: join(server.socketDir, '.s.PGSQL.5432') });

/** A primary with a standby, and a way to the database that leads to the primary at first. */
async function startPair() {
  const primary = await startServer();
  cleanups.push(() => primary.kill());
  const database = await primary.createDatabase();
  const network = await FaultProxy.start(upstreamOf(primary));
  cleanups.push(() => network.close());
  const standby = await primary.startStandby();
  cleanups.push(() => standby.kill());
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-failover-'));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const provider = new ScriptedProvider();
  const start = async () => {
    const app = await startTestApp({
      dataDir,
      providers: [{ adapter: provider, lane: LANE }],
      env: { DATABASE_URL: `postgres://postgres@127.0.0.1:${network.port}/${database}` },
    });
    cleanups.push(() => app.close());
    return app;
  };
  let isHeldBack = false;
  const catchUp = async () => {
    const [{ lsn } = {}] = await primary.query('select pg_current_wal_flush_lsn() as lsn');
    const reached = `select pg_last_wal_replay_lsn() >= '${lsn}' as done`;
    await until(async () => (await standby.query(reached))[0]?.done === true, { what: 'the standby' });
  };
  /** From here on the standby knows of nothing new. */
  const holdStandby = async () => {
    await catchUp();
    isHeldBack = true;
    await standby.query("alter system set primary_conninfo = ''");
    await standby.query('select pg_reload_conf()');
    const receiving = 'select 1 from pg_stat_wal_receiver';
    await until(async () => (await standby.query(receiving)).length === 0, { what: 'the end of streaming' });
  };
  const failOver = async () => {
    network.faults = { refuse: true };
    network.resetAll();
    if (!isHeldBack) await catchUp();
    await primary.kill();
    await standby.promote();
    network.upstream = upstreamOf(standby);
    network.faults = {};
  };
  return { provider, start, holdStandby, failOver };
}

async function create(app: TestApp, prompt: string): Promise<string> {
  const { status, json } = await app.request('POST', '/v1/tasks', { prompt, model: 'scripted' });
  assert.equal(status, 202, JSON.stringify(json));
  return json.id;
}

const ended = (app: TestApp, id: string) =>
  until(async () => (await app.request('GET', `/v1/tasks/${id}`)).json.status === 'succeeded', {
    what: `the end of ${id}`,
  });

const engineOf = async (app: TestApp) => {
  const { json } = await app.request('GET', '/v1/admin/status');
  return json.parts?.find(({ name }: { name: string }) => name === 'engine');
};

const isHeld = (app: TestApp) =>
  until(async () => ((await engineOf(app))?.reason ?? '').includes('accept-database'), { what: 'the hold' });

describe('X6 a failover', { skip: postgresUnavailable() ?? false }, () => {
  test('X6 to a standby that lacks commits: no submit until an operator accepts it, also after a restart', async () => {
    const pair = await startPair();
    const { provider } = pair;
    let app = await pair.start();
    const kept = await create(app, 'known to the standby');
    await ended(app, kept);
    await pair.holdStandby();
    for (let i = 0; i < 3; i += 1) await ended(app, await create(app, `lost ${i}`));
    assert.equal(provider.submits.length, 4);
    await pair.failOver();
    await isHeld(app);
    const ready = await app.request('GET', '/readyz');
    assert.equal(ready.status, 503);
    await app.close();
    app = await pair.start();
    await isHeld(app);
    // Tasks are accepted once the server's numbers are past what was lost, but none is sent.
    const waiting = await until(
      async () => {
        const { status, json } = await app.request('POST', '/v1/tasks', {
          prompt: 'waits',
          model: 'scripted',
        });
        return status === 202 ? (json.id as string) : null;
      },
      { what: 'a task', limitMs: 40_000 },
    );
    assert.equal(provider.submits.length, 4);
    const { status, json } = await app.request('POST', '/v1/admin/database/accept');
    assert.deepEqual([status, json], [200, { was_held: true }]);
    await ended(app, waiting);
    assert.equal(provider.submits.length, 5);
    assert.equal((await engineOf(app)).state, 'ok');
  });

  test('X6 to a standby that lacks nothing needs nobody: work goes on by itself', async () => {
    const pair = await startPair();
    const app = await pair.start();
    await ended(app, await create(app, 'before'));
    await pair.failOver();
    const id = await until(
      async () => {
        const { status, json } = await app.request('POST', '/v1/tasks', {
          prompt: 'after',
          model: 'scripted',
        });
        return status === 202 ? (json.id as string) : null;
      },
      { what: 'a task' },
    );
    await ended(app, id);
    assert.equal(pair.provider.submits.length, 2);
    assert.ok(!app.log.text().includes('history_lost'));
  });
});
