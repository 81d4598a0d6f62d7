// `drawbridge providers` as an operator types it: with and without a running server, in both languages, with exit codes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Environment, runCommand, startServer } from '../harness/command-line.ts';
import { freePort } from '../harness/egress-proxies.ts';
import { startFakeJimeng } from '../harness/fake-jimeng.ts';
import { answer, FakeOpenAi } from '../harness/fake-openai.ts';
import { png } from '../harness/scripted-provider.ts';

const CANARY = 'canary0123456789abcdef';

function place(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'provider-commands-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const providers = (args: readonly string[], env: Environment, input?: string) =>
  runCommand(['providers', ...args], env, '/', input);

test('a wrong or half configuration ends the start with 2 and names everything at once', async (t) => {
  const env = {
    DRAWBRIDGE_DATA_DIR: place(t),
    OPENAI_API_KEY: 'sk-1234567',
    OPENAI_BASE_URL: 'nonsense',
    OPENAI_PROXY: 'ftp://10.0.0.1',
    JIMENG_URL: 'http://jimeng:5100',
    DRAWBRIDGE_PORT: 'abc',
  };
  const { code, stderr } = await runCommand(['serve'], env);
  assert.equal(code, 2);
  assert.match(stderr, /has 3 problems/);
  assert.match(stderr, /OPENAI_BASE_URL \(process environment\) must be an http or https address/);
  assert.match(stderr, /JIMENG_SESSION_ID is missing: JIMENG_URL is set \(process environment\)/);
  assert.match(stderr, /DRAWBRIDGE_PORT/);
  const { OPENAI_BASE_URL: _wrong, DRAWBRIDGE_PORT: _port, JIMENG_URL: _url, ...proxyOnly } = env;
  const proxy = await runCommand(['serve'], proxyOnly);
  assert.equal(proxy.code, 2);
  assert.match(proxy.stderr, /OPENAI_PROXY \(process environment\) must be a proxy address/);
  const embedded = await providers(['list'], {
    ...proxyOnly,
    OPENAI_PROXY: 'direct',
    OPENAI_BASE_URL: 'nonsense',
  });
  assert.equal(embedded.code, 2, 'commands that work without a server say the same');
  assert.match(embedded.stderr, /OPENAI_BASE_URL/);
});

test('without a server: list, set-secret, test and K2', async (t) => {
  const dataDir = place(t);
  const fake = await FakeOpenAi.start();
  t.after(() => fake.close());
  fake.models = answer(200, { object: 'list', data: [{ id: 'gpt-image-1' }] });
  fake.picture = await png(5);
  const env = {
    DRAWBRIDGE_DATA_DIR: dataDir,
    OPENAI_BASE_URL: fake.baseUrl,
    OPENAI_MODELS: 'gpt-image-1',
    DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS: '1',
  };
  const typed = await providers(['set-secret', 'openai', CANARY], env);
  assert.equal(typed.code, 2);
  assert.match(typed.stderr, /not taken from the command line/);
  assert.doesNotMatch(typed.stderr, /canary/);
  assert.equal((await providers(['set-secret', 'openai'], env, '\n')).code, 2);
  assert.equal((await providers(['set-secret', 'nobody'], env, 'x')).code, 5);
  const stored = await providers(['set-secret', 'openai'], env, `${CANARY}\n`);
  assert.deepEqual([stored.code, stored.stdout], [0, ''], stored.stderr);
  assert.match(stored.stderr, /openai accepted it/);
  const { DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS: _allow, ...complete } = env;
  const list = await providers(['list', '--json'], complete);
  assert.equal(list.code, 0, list.stderr);
  const openai = JSON.parse(list.stdout).data.find(({ name }: { name: string }) => name === 'openai');
  assert.deepEqual([openai.secrets[0].source, openai.state], ['run_time', 'healthy']);
  const all = await providers(['test', 'openai', '--generate'], complete);
  assert.equal(all.code, 0, all.stdout + all.stderr);
  assert.match(all.stderr, /One small picture of gpt-image-1 costs 1 credits of your account/);
  assert.match(all.stdout, /picture +ok .*task_/);
  assert.match(all.stdout, /download +ok/);
  assert.equal(fake.jobs.length, 1);
  assert.equal(fake.jobs[0]?.authorization, `Bearer ${CANARY}`);
  const shown = await providers(['show', 'openai'], complete);
  assert.match(shown.stdout, /set at run time/);

  writeFileSync(join(dataDir, 'secrets.key'), `${Buffer.alloc(32, 3).toString('base64')}\n`);
  const refused = await runCommand(['serve'], { ...complete, DRAWBRIDGE_PORT: '0' });
  assert.equal(refused.code, 2, 'K2: a wrong key refuses the start');
  assert.match(refused.stderr, /openai\.api_key is encrypted with another key than the file secrets\.key/);
  assert.match(refused.stderr, /rotate-key --forget/);
  const forgotten = await providers(['rotate-key', '--forget'], env);
  assert.equal(forgotten.code, 0, forgotten.stderr);
  assert.equal((await providers(['list'], complete)).code, 2, 'the half configuration is half again');
  for (const { stdout, stderr } of [typed, stored, list, all, shown, refused, forgotten])
    assert.doesNotMatch(stdout + stderr, /canary/, 'K1');
});

test('beside a server: a session is set without a restart, drained and undrained, in Chinese', async (t) => {
  const fake = await startFakeJimeng(t);
  const env = {
    DRAWBRIDGE_DATA_DIR: place(t),
    DRAWBRIDGE_LANG: 'zh',
    JIMENG_URL: fake.url,
    DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS: 'true',
  };
  const server = await startServer(env);
  try {
    const health = async () =>
      (await fetch(`${server.url}/health`)).json() as Promise<{ hasSession: boolean }>;
    assert.equal((await health()).hasSession, false);
    const failing = await providers(['test', 'jimeng'], env);
    assert.equal(failing.code, 6);
    assert.match(failing.stderr, /jimeng 在这一步失败：配置/);
    fake.dead.add('dead');
    const refused = await providers(['set-secret', 'jimeng'], env, 'dead');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /新的密钥没有生效/);
    const stored = await providers(['set-secret', 'jimeng'], env, CANARY);
    assert.equal(stored.code, 0, stored.stderr);
    assert.match(stored.stderr, /无需重启/);
    assert.equal((await health()).hasSession, true);
    const drained = await providers(['drain', 'jimeng', '--json'], env);
    assert.equal(JSON.parse(drained.stdout).drained, true);
    assert.match((await providers(['list'], env)).stdout, /jimeng +已停止分配/);
    assert.equal((await providers(['undrain', 'jimeng'], env)).code, 0);
    const rotated = await providers(['rotate-key'], env);
    assert.match(rotated.stderr, /重新加密 1 项/);
    assert.equal((await providers(['rotate-key', '--forget'], env)).code, 2);
    const cleared = await providers(['set-secret', 'jimeng', '--clear'], env);
    assert.match(cleared.stderr, /现在没有凭据/);
    assert.equal((await providers(['show', 'nobody'], env)).code, 5);
  } finally {
    const { stdout, stderr } = await server.stop();
    assert.doesNotMatch(stdout + stderr, /canary/, 'K1');
  }
});

test('test without a name tries every provider and exits with 6 when one fails', async (t) => {
  const env = {
    DRAWBRIDGE_DATA_DIR: place(t),
    KIE_AI_API_KEY: CANARY,
    KIE_AI_BASE_URL: `http://127.0.0.1:${await freePort()}`,
  };
  assert.equal((await runCommand(['migrate'], env)).code, 0);
  const { code, stdout } = await providers(['test', '--json'], env);
  assert.equal(code, 6);
  const { ok, tests } = JSON.parse(stdout);
  assert.deepEqual(
    [ok, ...tests.map((one: { name: string; ok: boolean }) => `${one.name} ${one.ok}`)],
    [false, 'kie false', 'sandbox true', 'resize true'],
  );
});
