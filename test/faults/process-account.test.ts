// An account that an administrator ends while its tasks are under way: they are cancelled, its ledger stays, its pictures go
// after their time in the trash.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import pg from 'pg';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { pictures, ScriptedProvider } from '../harness/scripted-provider.ts';

const DAY_MS = 24 * 3_600_000;

/** Runs a statement on the app's database; its rows. */
async function query(app: TestApp, sql: string): Promise<Record<string, unknown>[]> {
  if (app.databaseUrl === null) {
    const sqlite = new DatabaseSync(join(app.dataDir, 'drawbridge.db'), { timeout: 5_000 });
    const rows = sqlite.prepare(sql).all();
    sqlite.close();
    return rows;
  }
  const client = new pg.Client({ connectionString: app.databaseUrl });
  await client.connect();
  const { rows } = await client.query<Record<string, unknown>>(sql);
  await client.end();
  return rows;
}

for (const { kind, skip } of [
  { kind: 'sqlite', skip: false },
  { kind: 'postgres', skip: postgresUnavailable() ?? false },
] as const) {
  test(`X15 an account that is ended during its tasks: cancelled, ledger kept, pictures gone after their time, on ${kind}`, {
    skip,
  }, async (t) => {
    const provider = new ScriptedProvider();
    let isHeld = false;
    provider.onPoll = async (call) =>
      isHeld
        ? { state: 'running', progress: null, pollAfterMs: 20 }
        : { state: 'done', outputs: await pictures(call, 1) };
    const app = await startTestApp({
      database: kind,
      providers: [{ adapter: provider, lane: { concurrency: 1, deadlineMs: 600_000 } }],
    });
    t.after(() => app.close());
    const open = await app.request('POST', '/v1/admin/accounts', { name: 'leaving', grant_credits: 10 });
    const id = open.json.id as string;
    const key = (await app.request('POST', '/v1/keys', { name: 'key' }, { 'x-account-id': id })).json.key;
    const headers = { authorization: `Bearer ${key}` };
    const create = (prompt: string, more: Record<string, string> = {}) =>
      app.request('POST', '/v1/tasks', { prompt, model: 'scripted' }, { ...headers, ...more });
    const done = await create('finished before', { prefer: 'wait=20' });
    const pictureUrl = done.json.images[0].url as string;
    assert.equal((await fetch(pictureUrl)).status, 200);
    isHeld = true;
    const [running, waiting] = [await create('running'), await create('waiting')];
    await until(
      async () =>
        (await app.request('GET', `/v1/tasks/${running.json.id}`, undefined, headers)).json.phase ===
        'waiting',
    );

    const ended = await app.request('DELETE', `/v1/admin/accounts/${id}`);
    assert.deepEqual([ended.status, ended.json.id, ended.json.disabled], [200, id, true]);
    assert.equal((await create('too late')).status, 401);
    const statusOf = `select id, status from tasks where account_id = '${id}' order by id`;
    const rows = await until(async () => {
      const found = await query(app, statusOf);
      return found.every(({ status }) => status !== 'running') ? found : null;
    });
    assert.deepEqual(
      rows.map((row) => [row.id, row.status]),
      [
        [done.json.id, 'succeeded'],
        [running.json.id, 'cancelled'],
        [waiting.json.id, 'cancelled'],
      ],
    );
    assert.equal(provider.cancels.length, 1);
    const [balance] = await query(
      app,
      `select available_micros as free, held_micros as held from credit_balances where account_id = '${id}'`,
    );
    assert.deepEqual([Number(balance?.free), Number(balance?.held)], [9_000_000, 0]);
    assert.deepEqual((await app.request('GET', '/v1/admin/credits/verify')).json.findings, []);
    assert.notEqual((await fetch(pictureUrl)).status, 200);

    // Within its time the trash keeps it; afterwards it goes with what is collected.
    const collect = async () => (await app.request('POST', '/v1/admin/gc')).json;
    assert.equal((await collect()).images, 0);
    await query(app, `update images set trashed_at = trashed_at - ${31 * DAY_MS} where account_id = '${id}'`);
    assert.equal((await collect()).images, 1);
    await query(app, `update files set deleted_at = deleted_at - ${8 * DAY_MS} where deleted_at is not null`);
    assert.equal((await collect()).files_removed, 2);
    assert.deepEqual((await app.request('GET', '/v1/admin/credits/verify')).json.findings, []);
    // Again is no error, a stranger's id is, and nobody ends the administrator.
    assert.equal((await app.request('DELETE', `/v1/admin/accounts/${id}`)).status, 200);
    const unknown = await app.request('DELETE', `/v1/admin/accounts/acct_${'0'.repeat(32)}`);
    assert.equal(unknown.status, 404);
    const [admin] = await query(app, `select id from accounts where role = 'admin'`);
    assert.equal((await app.request('DELETE', `/v1/admin/accounts/${admin?.id}`)).status, 409);
  });
}
