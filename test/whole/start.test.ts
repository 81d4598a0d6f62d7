// The program as a process: how it starts, what it says, what it writes to its log, and how it ends.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePort, type ServerProcess, startServerProcess } from '../chaos/server-process.ts';
import { until } from '../harness/clock.ts';

const ADMIN_KEY = 'dbk_start-admin-key-of-more-than-enough-length';
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-start-'));
const started: ServerProcess[] = [];
let folders = 0;

after(async () => {
  for (const server of started) await server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start(
  env: Record<string, string>,
  files: Record<string, string> = {},
): ServerProcess & { cwd: string } {
  folders += 1;
  const cwd = join(folder, String(folders));
  mkdirSync(cwd);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text);
  const server = startServerProcess({ cwd, env });
  started.push(server);
  return { ...server, cwd };
}

const bearer = { authorization: `Bearer ${ADMIN_KEY}` };
const json = { ...bearer, 'content-type': 'application/json' };

interface LogLine {
  level: string;
  msg: string;
  path?: string;
  method?: string;
  status?: number | null;
  [field: string]: unknown;
}

const linesOf = (server: ServerProcess): LogLine[] =>
  server
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as LogLine);

test('all problems of the configuration at once, each with where it came from', async () => {
  const secret = 'dbk_this is not a usable key';
  const server = start(
    {
      DRAWBRIDGE_PORT: 'eighty',
      DRAWBRIDGE_ADMIN_KEY: secret,
      DRAWBRIDGE_LIMITS_STREAMS_PER_ACCOUNT: '0',
      CLOUDFLARE_R2_BUCKET: 'half-configured',
    },
    { 'drawbridge.yaml': 'media:\n  acess: private\n', '.env': 'DRAWBRIDGE_LOG_LEVEL=loud\n' },
  );
  const { code } = await server.closed;
  assert.equal(code, 2);
  const said = server.stderr();
  for (const part of ['DRAWBRIDGE_PORT', 'DRAWBRIDGE_ADMIN_KEY', 'DRAWBRIDGE_LIMITS_STREAMS_PER_ACCOUNT']) {
    assert.ok(said.includes(part), `${part} is missing in:\n${said}`);
  }
  assert.match(said, /DRAWBRIDGE_LOG_LEVEL[^\n]*\.env|\.env[^\n]*DRAWBRIDGE_LOG_LEVEL/);
  assert.match(said, /acess/);
  assert.match(said, /CLOUDFLARE_R2_/);
  assert.ok(!said.includes(secret) && !server.stdout().includes(secret), 'the wrong key was shown');
});

test('PORT alone is taken, and opens the server to the network', async () => {
  const port = await freePort();
  const server = start({ PORT: String(port) });
  assert.equal(await server.ready, `http://127.0.0.1:${port}`);
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const own = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (own)
    await until(() => server.stderr().includes(`http://${own}:${port}`), { what: 'the address to share' });
  assert.equal(linesOf(server).find(({ msg }) => msg === 'listening')?.host, '0.0.0.0');
  assert.equal((await fetch(`http://127.0.0.1:${port}/healthz`)).status, 200);
  await server.kill('SIGTERM');
});

test('a used port names its owner and a free one', async () => {
  const other = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  const server = start({ DRAWBRIDGE_PORT: String(port) });
  const { code } = await server.closed;
  other.close();
  assert.equal(code, 1);
  assert.ok(server.stderr().includes(String(port)), server.stderr());
  assert.ok(server.stderr().includes(String(process.pid)), server.stderr());
  const free = /(?:--port|DRAWBRIDGE_PORT=?)[ =]?(\d+)/.exec(server.stderr())?.[1];
  assert.ok(free && free !== String(port), server.stderr());
});

test('X13 a second server on the same data is refused and changes nothing', async () => {
  const dataDir = join(folder, 'shared-data');
  const env = { DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_PORT: '0', DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY };
  const first = start(env);
  const url = await first.ready;
  const second = start(env);
  const { code } = await second.closed;
  assert.equal(code, 1);
  assert.match(second.stderr(), /another|already|in use/i);
  assert.equal((await fetch(`${url}/v1/tasks`, { headers: bearer })).status, 200);
  await first.kill('SIGTERM');
});

test('SIGTERM ends in time with requests, streams and tasks under way, and the next start finishes them', async () => {
  const dataDir = join(folder, 'drained');
  const env = {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_PORT: '0',
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    DRAWBRIDGE_SANDBOX_SLOW_SECONDS: '2',
  };
  const first = start(env);
  const url = await first.ready;
  // Connected, and never asks for anything: browsers do that.
  const unused = connect(Number(new URL(url).port), '127.0.0.1');
  unused.on('error', () => {});
  const stream = await fetch(`${url}/v1/events`, { headers: bearer });
  const streamEnd = stream.text().catch(() => 'cut');
  const held = fetch(`${url}/v1/images/generations`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ prompt: 'held', model: 'sandbox-slow', size: '64x64' }),
  });
  const waiting = fetch(`${url}/v1/tasks`, {
    method: 'POST',
    headers: { ...json, prefer: 'wait=60' },
    body: JSON.stringify({ prompt: 'waited for', model: 'sandbox-slow', size: '64x64' }),
  });
  const list = async (base: string) => {
    const answer = await fetch(`${base}/v1/tasks`, { headers: bearer });
    return ((await answer.json()) as { data: { status: string }[] }).data;
  };
  await until(async () => (await list(url)).length === 2);
  const startedAt = performance.now();
  const ended = first.kill('SIGTERM');
  assert.equal((await held).status, 503);
  const waited = await waiting;
  assert.equal(waited.status, 202);
  await streamEnd;
  const { code, signal } = await ended;
  assert.deepEqual([code, signal], [0, null], first.stderr());
  assert.ok(performance.now() - startedAt < 10_000, `${performance.now() - startedAt} ms`);
  assert.equal(linesOf(first).at(-1)?.msg, 'stopped');
  unused.destroy();
  const second = start(env);
  const again = await second.ready;
  await until(async () => (await list(again)).every(({ status }) => status === 'succeeded'), {
    limitMs: 30_000,
  });
  assert.equal((await list(again)).length, 2);
  await second.kill('SIGTERM');
  assert.deepEqual(await second.closed, { code: 0, signal: null });
});

test('the log: one line of the environment, two a request, and no secret', async () => {
  const secrets = {
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    OPENAI_API_KEY: 'sk-canary-0123456789abcdef0123456789',
    HTTPS_PROXY: 'http://user:proxy-canary@127.0.0.1:9',
  };
  const server = start({ DRAWBRIDGE_PORT: '0', ...secrets });
  const url = await server.ready;
  const [environment, ...others] = linesOf(server).filter(({ msg }) => msg === 'environment');
  assert.ok(environment && others.length === 0);
  const shown = JSON.stringify(environment);
  assert.ok(shown.includes(process.versions.node), shown);
  assert.ok(shown.includes(join(server.cwd, 'data')), shown);
  assert.ok(shown.includes(process.platform), shown);
  assert.match(shown, /\/docs/);
  for (const path of ['/docs', '/openapi.json', '/v1/models', '/nowhere']) {
    await (await fetch(`${url}${path}`, { headers: bearer })).text();
    const lines = await until(() => {
      const found = linesOf(server).filter((line) => line.path === path);
      return found.length === 2 ? found : null;
    });
    assert.deepEqual(
      lines.map(({ msg }) => msg),
      ['request started', 'request ended'],
    );
    assert.equal(lines[0]?.request_id, lines[1]?.request_id);
    assert.equal(typeof lines[1]?.duration_ms, 'number');
    assert.equal(lines[1]?.status, path === '/nowhere' ? 404 : 200);
  }
  // A request that hangs shows its start; one whose client leaves shows that.
  const leave = new AbortController();
  const hanging = fetch(`${url}/v1/events?ticket=dbt_canary-ticket`, {
    headers: bearer,
    signal: leave.signal,
  });
  await hanging;
  const about = () => linesOf(server).filter((line) => line.path === '/v1/events');
  assert.deepEqual(
    about().map(({ msg }) => msg),
    ['request started'],
  );
  leave.abort();
  await until(() => about().length === 2);
  assert.match(about()[1]?.msg ?? '', /the client went away/);
  await fetch(`${url}/v1/tasks`, { headers: { authorization: 'Bearer dbk_canary-wrong-key' } });
  await server.kill('SIGTERM');
  await server.closed;
  const everything = server.stdout() + server.stderr();
  for (const secret of [...Object.values(secrets), 'proxy-canary', 'canary-ticket', 'canary-wrong-key']) {
    assert.ok(!everything.includes(secret), `${secret} was written`);
  }
  // The set-up link is for the person who starts it: not in the log that machines keep.
  const token = /setup#token=(\S+)/.exec(server.stderr())?.[1];
  assert.ok(token, server.stderr());
  assert.ok(!server.stdout().includes(token));
});
