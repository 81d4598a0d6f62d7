// `drawbridge tasks fix-stuck` against a running server whose database was spoilt by hand: shown first, repaired after, once.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { runCommand, startServer } from '../harness/command-line.ts';

const ADMIN_KEY = 'dbk_test-admin-key-of-more-than-enough-length';

test('T6: a task without an owner is shown by fix-stuck, repaired by --apply, and stands in the history', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-stuck-'));
  const env = {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    DRAWBRIDGE_SANDBOX_SLOW_SECONDS: '300',
    DRAWBRIDGE_WATCHDOG_INTERVAL_S: '0',
  };
  const server = await startServer(env);
  const sql = new DatabaseSync(join(dataDir, 'drawbridge.db'), { timeout: 5_000 });
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' };
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    return (await (await fetch(`${server.url}${path}`, init)).json()) as Record<string, unknown>;
  };
  const cli = (...args: string[]) => runCommand(['tasks', 'fix-stuck', ...args], env);
  try {
    assert.match((await cli()).stdout, /^Nothing is stuck\.$/m);
    const { id } = await call('POST', '/v1/tasks', { prompt: 'x', model: 'sandbox-slow' });
    const waiting = new RegExp(`"task_id":"${String(id)}".*"phase":"waiting"`);
    await server.line(waiting);
    sql.exec(`update tasks set lease_owner = null, lease_epoch = 90 where id = '${String(id)}'`);

    const asked = await cli();
    assert.equal(asked.code, 0);
    assert.match(asked.stdout, new RegExp(`${String(id)} +running → running +take up again`));
    assert.match(asked.stderr, /Nothing was changed/);
    const chinese = await runCommand(['tasks', 'fix-stuck'], { ...env, DRAWBRIDGE_LANG: 'zh' });
    assert.match(chinese.stdout, /继续处理/);
    assert.equal(sql.prepare('select lease_owner from tasks').get()?.lease_owner, null);

    const applied = JSON.parse((await cli('--apply', '--json')).stdout) as {
      repaired: number;
      findings: { kind: string; result: string }[];
    };
    assert.deepEqual(
      applied.findings.map(({ kind, result }) => [kind, result]),
      [['no_owner', 'done']],
    );
    assert.notEqual(sql.prepare('select lease_owner from tasks').get()?.lease_owner, null);
    assert.match((await cli()).stdout, /Nothing is stuck/);
    const { data } = (await call('GET', '/v1/admin/watchdog/runs?limit=2')) as {
      data: { trigger: string; found: number }[];
    };
    assert.deepEqual(
      data.map(({ trigger, found }) => [trigger, found]),
      [
        ['cli', 0],
        ['cli', 1],
      ],
    );
  } finally {
    sql.close();
    await server.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test('X10: a server over its memory limit drains and ends with 75, for its service manager to start it anew', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-recycle-'));
  try {
    const server = await startServer({ DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_LIMITS_MAX_RSS_MB: '10' });
    const { code, stderr } = await server.ended;
    assert.equal(code, 75);
    assert.match(stderr, /more than 10 MB/);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});
