// The log wherever a machine keeps it, through the real commands: the journal of the service, the log's file, the running server;
// and live over HTTP for operators.
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startTestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { type RunningCommand, runCommand, startCommand } from '../harness/command-line.ts';
import { bearer, openAccount } from '../security/cast.ts';
import { EventClient, type ReceivedEvent } from '../whole/event-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-logs-'));
const running: RunningCommand[] = [];
after(() => {
  for (const { process: child } of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const line = (component: string, level: string, msg: string) =>
  `${JSON.stringify({ level, time: '2026-01-01T00:00:00.000Z', component, msg })}\n`;

function follow(args: readonly string[], env: Record<string, string>): RunningCommand {
  const command = startCommand(['logs', '--follow', ...args], env);
  running.push(command);
  return command;
}

test('from the file: the end of it, by part and level, and on over a rotation', async () => {
  const file = join(folder, 'drawbridge.log');
  const env = { DRAWBRIDGE_LOG_FILE: file, DRAWBRIDGE_DATA_DIR: folder };
  for (let number = 0; number < 300; number += 1)
    appendFileSync(
      file,
      line(number % 2 ? 'http' : 'tasks', number === 100 ? 'warn' : 'info', `line ${number}`),
    );
  const last = await runCommand(['logs', '--tail', '3'], env);
  assert.equal(last.code, 0, last.stderr);
  assert.deepEqual(
    last.stdout
      .trim()
      .split('\n')
      .map((shown) => /line \d+/.exec(shown)?.[0]),
    ['line 297', 'line 298', 'line 299'],
  );
  assert.match(last.stdout, /2026-01-01 00:00:00\.000 {2}INFO {3}http {2}line 299/);
  const warnings = await runCommand(['logs', '--level', 'warn', '--component', 'tasks', '--json'], env);
  assert.deepEqual(JSON.parse(warnings.stdout).msg, 'line 100');
  const live = follow(['--tail', '1'], env);
  await live.line(/line 299/);
  appendFileSync(file, line('tasks', 'info', 'right after'));
  await live.line(/right after/);
  renameSync(file, `${file}.1`);
  writeFileSync(file, line('tasks', 'info', 'in the new file'));
  await live.line(/in the new file/);
  live.process.kill('SIGINT');
  assert.equal((await runCommand(['logs', '--tail', 'all'], env)).code, 2);
});

test('from the journal, where the service runs', async () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = (name: string, text: string) =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  script('systemctl', '[ "$1" = is-active ] && exit 0; exit 1');
  script(
    'journalctl',
    `echo "$@" >> ${folder}/asked; printf '%s' '${line('tasks', 'info', 'of the service')}'`,
  );
  const env = { PATH: `${bin}:${process.env.PATH}`, DRAWBRIDGE_DATA_DIR: join(folder, 'nothing') };
  const shown = await runCommand(['logs', '--tail', '7'], env);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /of the service/);
  assert.match(shown.stderr, /journal of drawbridge/);
  const worker = await runCommand(['service', 'logs', '--role', 'worker'], env);
  assert.match(worker.stderr, /journal of drawbridge-worker/);
});

test('from the running server, which the command follows through its control socket', async () => {
  const app = await startTestApp({ sandbox: { instantPicture: true } });
  const env = { DRAWBRIDGE_DATA_DIR: app.dataDir, PATH: `/nonexistent:${process.env.PATH}` };
  try {
    const live = follow(['--component', 'http'], env);
    await live.line(/media volume|request|From the running server/);
    await app.request('GET', '/v1/tasks/nothing-like-this');
    await live.line(/\/v1\/tasks\/nothing-like-this/);
    live.process.kill('SIGINT');
    assert.ok(!live.output().stdout.includes('/v1/admin/logs'), 'reading the log is not in it');
  } finally {
    await app.close();
  }
  const idle = { ...env, DRAWBRIDGE_DATA_DIR: join(folder, 'idle') };
  assert.equal((await runCommand(['migrate'], idle)).code, 0);
  const nowhere = await runCommand(['logs'], idle);
  assert.equal(nowhere.code, 6, nowhere.stderr);
});

test('live over HTTP for operators: filtered, resumed without a gap, scrubbed, and told of one', async () => {
  const app = await startTestApp({ sandbox: { instantPicture: true } });
  const events: ReceivedEvent[] = [];
  const { json } = await app.request('POST', '/v1/stream-tickets');
  const target = () => ({
    url: `${app.url}/v1/admin/logs?component=http&tail=0&ticket=${json.ticket}`,
    headers: {},
  });
  const client = new EventClient({ target, onEvent: (event) => events.push(event) }).start();
  try {
    await until(() => client.lastEventId, { what: 'the stream' });
    await app.request('GET', '/v1/tasks/one', undefined, {
      authorization: 'Bearer dbk_not-a-real-key-at-all',
    });
    const isOf = (path: string) =>
      events.some(({ event, data }) => event === 'log' && data.fields.path === path);
    await until(() => isOf('/v1/tasks/one'), { what: 'the line' });
    assert.ok(events.every(({ data }) => data.component === 'http'));
    assert.ok(!JSON.stringify(events).includes('not-a-real-key'));
    const seen = new Set(events.map(({ id }) => id));
    client.cut();
    await app.request('GET', '/v1/tasks/two');
    await until(() => isOf('/v1/tasks/two'), { what: 'the line after the cut' });
    const ids = events.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length, 'none twice');
    assert.ok(ids.length > seen.size);

    const page = await app.request('GET', '/v1/admin/logs/recent?q=tasks/two&tail=1');
    assert.equal(page.json.data.length, 1);
    assert.equal(page.json.gap, false);
    const older = await app.request('GET', '/v1/admin/logs/recent?after=another-5');
    assert.equal(older.json.gap, true, 'an id of another start');
    assert.equal((await app.request('GET', '/v1/admin/logs/recent?after=%00')).status, 400);
    assert.equal((await app.request('GET', '/v1/admin/logs/recent?after=x')).status, 422);
    const waits = app.request('GET', `/v1/admin/logs/recent?q=three&wait_s=20&after=${page.json.last_id}`);
    await app.request('GET', '/v1/tasks/three');
    assert.match(JSON.stringify((await waits).json.data), /three/);
    const member = await openAccount(app, 'member');
    const refused = await app.request('GET', '/v1/admin/logs/recent', undefined, bearer(member.key));
    assert.equal(refused.status, 403);
  } finally {
    await client.close();
    await app.close();
  }
});
