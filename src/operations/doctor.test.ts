import assert from 'node:assert/strict';
import { copyFile, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { postgresUnavailable } from '../../test/harness/postgres.ts';
import type { DoctorReportBody } from './contract.ts';

const HOUR_MS = 3_600_000;
const NOTHING = { key: '', path: '' };

async function paint(app: TestApp, prompt: string): Promise<string> {
  const body = { prompt, n: 2 };
  const { status, json } = await app.request('POST', '/v1/tasks', body, {
    prefer: 'wait=60',
    'idempotency-key': prompt,
  });
  assert.deepEqual([status, json.status], [200, 'succeeded'], JSON.stringify(json.error));
  return json.id;
}

async function examine(app: TestApp, options: { deep?: boolean; fix?: boolean } = {}) {
  const { status, json } = await app.request('POST', '/v1/admin/doctor', options);
  assert.equal(status, 200);
  const report = json as DoctorReportBody;
  return { report, found: report.findings.map(({ id }) => id).sort() };
}

const PRICED = { sandbox: { instantPicture: true }, env: { DRAWBRIDGE_CREDITS_PRICES: 'sandbox=2' } };

describe('the doctor on planted damage', () => {
  let app: TestApp;
  let sql: DatabaseSync;
  let taskId: string;

  before(async () => {
    app = await startTestApp(PRICED);
    taskId = await paint(app, 'a lighthouse');
    sql = new DatabaseSync(join(app.dataDir, 'drawbridge.db'), { timeout: 5000 });
    sql.exec('pragma foreign_keys = off');
    // What guards the ledger from being edited must not guard it from this test.
    for (const { name } of sql.prepare("select name from sqlite_master where type = 'trigger'").all())
      sql.exec(`drop trigger ${String(name)}`);
  });
  after(async () => {
    sql.close();
    await app.close();
  });

  test('nothing is found where nothing is wrong, by either depth', async () => {
    assert.deepEqual((await examine(app)).found, []);
    const { report, found } = await examine(app, { deep: true });
    assert.deepEqual(found, []);
    assert.equal(report.ok, true);
    for (const { id, state, detail } of report.checks) assert.equal(state, 'ok', `${id}: ${detail}`);
  });

  const finalEvent = `entity_id = ? and type = 'task.finished'`;
  /** Each with the SQL that undoes it; `?` is the task's id. */
  const DAMAGES: { id: string; title: string; plant: string; undo: string }[] = [
    {
      id: 'T1',
      title: 'a hold of a task that is gone',
      plant: `update tasks set id = 'gone' where id = ?`,
      undo: `update tasks set id = ? where id = 'gone'`,
    },
    {
      id: 'T2',
      title: 'an ended task without its final event',
      plant: `update events set type = 'task.updated!' where ${finalEvent}`,
      undo: `update events set type = 'task.finished' where type = 'task.updated!' and entity_id = ?`,
    },
    {
      id: 'T3',
      title: 'a succeeded task that is still owned',
      plant: `update tasks set lease_owner = 'node_x' where id = ?`,
      undo: 'update tasks set lease_owner = null where id = ?',
    },
    {
      id: 'T5',
      title: 'an attempt that was never ended',
      plant: 'update attempts set ended_at = null where task_id = ?',
      undo: 'update attempts set ended_at = started_at where task_id = ?',
    },
    {
      id: 'T6',
      title: 'a task that outlived its deadline',
      plant: 'update tasks set finished_at = null, deadline_at = 5 where id = ?',
      undo: 'update tasks set finished_at = started_at, deadline_at = started_at + 60000 where id = ?',
    },
    {
      id: 'T7',
      title: 'a key that leads to no task',
      plant: `update idempotency_keys set task_id = 'gone' where task_id = ?`,
      undo: `update idempotency_keys set task_id = ? where task_id = 'gone'`,
    },
    {
      id: 'L8',
      title: 'an edited ledger entry',
      plant: `update ledger_transfers set reason = 'edited' where kind = 'grant' and ? <> ''`,
      undo: `update ledger_transfers set reason = 'Starting grant' where kind = 'grant' and ? <> ''`,
    },
    {
      id: 'L5',
      title: 'a hold that is resolved although its task has not ended',
      plant: 'update tasks set finished_at = null where id = ?',
      undo: 'update tasks set finished_at = started_at where id = ?',
    },
    {
      id: 'L7',
      title: 'more captured than was made',
      plant: 'update holds set captured_pictures = 1 where task_id = ?',
      undo: 'update holds set captured_pictures = 2 where task_id = ?',
    },
    {
      id: 'M1',
      title: 'a charged picture that is not there',
      plant: 'update images set task_id = null, kind = kind || ? where position = 1',
      undo: `update images set task_id = ?, kind = 'final' where position = 1`,
    },
  ];

  for (const { id, title, plant, undo } of DAMAGES) {
    test(`${id}: ${title}`, async () => {
      assert.ok(Number(sql.prepare(plant).run(taskId).changes) > 0, 'nothing was planted');
      try {
        const { report, found } = await examine(app, { deep: true });
        assert.ok(found.includes(id), `found ${found.join(', ') || 'nothing'}`);
        assert.equal(report.ok, false);
        const finding = report.findings.find((one) => one.id === id);
        assert.ok(finding && finding.evidence.length > 0 && finding.fix !== '' && finding.cause !== '');
      } finally {
        sql.prepare(undo).run(taskId);
      }
    });
  }

  test('L3 and L6: an edited balance, which --fix rebuilds from the entries', async () => {
    sql.exec('update credit_balances set available_micros = available_micros + 5, held_micros = 7');
    const { found } = await examine(app, { deep: true });
    assert.deepEqual(found, ['L2', 'L3', 'L6']);
    const { report } = await examine(app, { deep: true, fix: true });
    assert.match(report.findings.find(({ id }) => id === 'L3')?.fixed ?? '', /Rebuilt 1/);
    assert.deepEqual((await examine(app, { deep: true })).found, []);
  });

  /** The stored pictures, in the order of their keys; the folder is sharded. */
  async function storedPictures(): Promise<{ key: string; path: string }[]> {
    const folder = join(app.dataDir, 'media', 'final');
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => ({ key: entry.name, path: join(entry.parentPath, entry.name) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  test('M2: a deleted file, found without --deep, and served as missing', async () => {
    const [{ key, path } = NOTHING] = await storedPictures();
    await rename(path, join(app.dataDir, 'kept'));
    const { report, found } = await examine(app);
    assert.deepEqual(
      found.filter((id) => id !== 'serving'),
      ['M2'],
    );
    assert.deepEqual(report.findings.find(({ id }) => id === 'M2')?.evidence, [key]);
    assert.equal((await app.request('GET', `/media/final/${key}`)).status, 503);
    await rename(join(app.dataDir, 'kept'), path);
    assert.deepEqual((await examine(app, { deep: true })).found, [], 'a deep run takes the flag back');
  });

  test('M2: edited bytes, found by --deep only', async () => {
    const { key, path } = (await storedPictures()).at(-1) ?? NOTHING;
    await copyFile(path, join(app.dataDir, 'kept'));
    const bytes = await readFile(path);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    await writeFile(path, bytes);
    const shallow = await examine(app);
    assert.ok(!shallow.found.includes('M2'));
    const { report } = await examine(app, { deep: true });
    assert.deepEqual(report.findings.find(({ id }) => id === 'M2')?.evidence, [key]);
    await rename(join(app.dataDir, 'kept'), path);
    await examine(app, { deep: true });
  });

  test('M3: a stray file older than the grace, which --fix puts aside', async () => {
    const [{ key, path } = NOTHING] = await storedPictures();
    const stray = join(
      dirname(path),
      `${key.slice(0, 2)}${'a'.repeat(key.lastIndexOf('.') - 2)}${extname(key)}`,
    );
    await copyFile(path, stray);
    assert.deepEqual((await examine(app)).found, [], 'a young file may still get its row');
    const old = new Date(Date.now() - 48 * HOUR_MS);
    await utimes(stray, old, old);
    assert.deepEqual((await examine(app)).found, ['M3']);
    const { report } = await examine(app, { fix: true });
    assert.equal(report.findings[0]?.fixed, 'Put 1 files aside.');
    assert.deepEqual((await examine(app)).found, []);
    await rm(stray, { force: true });
  });

  test('only an administrator may ask', async () => {
    const { json } = await app.request('POST', '/v1/keys', { name: 'weak', scopes: ['tasks:read'] });
    const headers = { authorization: `Bearer ${json.key}` };
    assert.equal((await app.request('POST', '/v1/admin/doctor', {}, headers)).status, 403);
    assert.equal((await app.request('GET', '/v1/admin/status', undefined, headers)).status, 403);
    assert.equal((await app.request('POST', '/v1/admin/gc', undefined, headers)).status, 403);
  });

  test('it speaks Chinese to those who ask in Chinese', async () => {
    const { json } = await app.request('POST', '/v1/admin/doctor', {}, { 'accept-language': 'zh-CN' });
    assert.equal(json.checks.find(({ id }: { id: string }) => id === 'database').title, '数据库');
  });
});

test('the doctor finds nothing on PostgreSQL', { skip: postgresUnavailable() ?? false }, async () => {
  const app = await startTestApp({ ...PRICED, database: 'postgres' });
  try {
    await paint(app, 'a lighthouse');
    const { report, found } = await examine(app, { deep: true });
    assert.deepEqual(found, [], JSON.stringify(report.findings));
  } finally {
    await app.close();
  }
});
