// Credentials set while the server runs, through the whole program: tried before they replace, in use at once and after
// a restart, on every node, and shown nowhere.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../harness/app.ts';
import { chatAnswer, chatError, FakeChat } from '../harness/fake-chat.ts';
import { startFakeJimeng } from '../harness/fake-jimeng.ts';
import { answer, errorBody, FakeOpenAi } from '../harness/fake-openai.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { png } from '../harness/scripted-provider.ts';

const CANARY = 'sk-canary-2b8d6f0a4c1e9735';
const OTHER_CANARY = 'sk-canary-91c3e5a7d2f4b608';
const ALLOW = { DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS: 'true' };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'provider-secrets-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function started(t: TestContext, options: TestAppOptions): Promise<TestApp> {
  const app = await startTestApp(options);
  t.after(() => app.close());
  return app;
}

async function openAi(t: TestContext): Promise<FakeOpenAi> {
  const fake = await FakeOpenAi.start();
  t.after(() => fake.close());
  fake.picture = await png(7);
  return fake;
}

const set = (app: TestApp, name: string, value: string, more: object = {}) =>
  app.request('PUT', `/v1/admin/providers/${name}/secret`, { value, ...more });
const find = async (app: TestApp, name: string) =>
  (await app.request('GET', '/v1/admin/providers')).json.data.find(
    (one: { name: string }) => one.name === name,
  );

test('S6: jimeng without a session reads 503 with the reason; a session set at run time makes it 200', async (t) => {
  const fake = await startFakeJimeng(t);
  const dataDir = folder(t);
  const env = { JIMENG_URL: fake.url };
  const app = await started(t, { env: { ...env, ...ALLOW }, dataDir });
  const ready = await app.request('GET', '/readyz');
  assert.equal(ready.status, 503);
  assert.match(ready.json.reasons[0], /provider:jimeng \(The provider has no credential\)/);
  const health = await app.request('GET', '/health', undefined, { authorization: '' });
  assert.deepEqual([health.status, health.json.hasSession], [503, false]);
  assert.match(health.json.error, /jimeng/);
  const refusedTask = await app.request('POST', '/v1/tasks', {
    prompt: 'a fox',
    provider: 'jimeng',
    model: 'jimeng-4.5',
  });
  assert.deepEqual([refusedTask.status, refusedTask.json.code], [503, 'provider_credentials_missing']);
  assert.match(refusedTask.json.fix, /set-secret/);

  fake.dead.add('dead0123456789');
  const refused = await set(app, 'jimeng', 'dead0123456789');
  assert.deepEqual([refused.status, refused.json.code], [422, 'secret_refused']);
  assert.match(refused.json.detail, /There is still none\.$/);
  assert.equal((await find(app, 'jimeng')).secrets[0].source, 'none');

  const taken = await set(app, 'jimeng', ' live0123456789\n');
  assert.equal(taken.status, 200, taken.text);
  assert.match(taken.json.note, /66 points left/);
  assert.equal((await app.request('GET', '/readyz')).status, 200);
  const well = await app.request('GET', '/health', undefined, { authorization: '' });
  assert.deepEqual([well.status, well.json.status, well.json.hasSession], [200, 'ok', true]);
  const listed = await find(app, 'jimeng');
  assert.deepEqual([listed.state, listed.secrets[0].source], ['healthy', 'run_time']);
  assert.doesNotMatch(JSON.stringify(listed), /0123456789/);
  await app.close();

  // The half configuration is complete by what was stored, so a restart needs no permission.
  const again = await startTestApp({ env, dataDir });
  try {
    assert.equal((await again.request('GET', '/readyz')).status, 200);
    const cleared = await again.request('DELETE', '/v1/admin/providers/jimeng/secret');
    assert.equal(cleared.status, 200);
    assert.equal((await again.request('GET', '/readyz')).status, 503);
    assert.equal((await again.request('DELETE', '/v1/admin/providers/jimeng/secret')).status, 404);
  } finally {
    await again.close();
  }
  const { config } = loadConfig({ env: { ...env, DRAWBRIDGE_DATA_DIR: dataDir }, cwd: dataDir });
  assert.ok(config, 'with a key file the decision is left to the start');
  await assert.rejects(createApp({ config, log: createMemoryLogger() }), /JIMENG_SESSION_ID is missing/);
});

test('S6: a refused key stays out, the one in use stays; a good one replaces it while a task runs', async (t) => {
  const fake = await openAi(t);
  const env = { OPENAI_BASE_URL: fake.baseUrl, OPENAI_API_KEY: 'sk-from-the-environment' };
  const app = await started(t, { env });
  const good = fake.models;
  fake.models = answer(401, errorBody('invalid_api_key', 'Incorrect API key provided: sk-canary***'));
  const refused = await set(app, 'openai', CANARY);
  assert.equal(refused.json.code, 'secret_refused');
  assert.match(refused.json.detail, /The one from the configuration \(process environment\) stays in use\.$/);
  fake.models = good;

  const gate = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  fake.script.push(async (response, job) => {
    arrived.resolve();
    await gate.promise;
    const data = [{ b64_json: fake.picture.toString('base64') }];
    await answer(200, { created: 1, data })(response, job);
  });
  const running = app.request('POST', '/v1/tasks', { prompt: 'one' }, { prefer: 'wait=30' });
  await arrived.promise;
  assert.equal((await set(app, 'openai', CANARY)).status, 200);
  const next = await app.request('POST', '/v1/tasks', { prompt: 'two' }, { prefer: 'wait=30' });
  assert.equal(next.json.status, 'succeeded', JSON.stringify(next.json.error));
  gate.resolve();
  assert.equal((await running).json.status, 'succeeded', 'the task that ran keeps its adapter');
  assert.deepEqual(
    fake.jobs.map(({ authorization }) => authorization),
    ['Bearer sk-from-the-environment', `Bearer ${CANARY}`],
  );
  const cleared = await app.request('DELETE', '/v1/admin/providers/openai/secret');
  assert.deepEqual(
    [cleared.json.sources[0].source, cleared.json.sources[0].origin],
    ['configuration', 'process environment'],
  );
});

test('a provider that nobody configured works as soon as it has a secret, and goes when that is cleared', async (t) => {
  const app = await started(t, {});
  assert.ok((await app.request('GET', '/v1/admin/providers')).json.unconfigured.includes('openai'));
  assert.equal((await set(app, 'openai', CANARY, { unchecked: true })).status, 200);
  assert.deepEqual((await find(app, 'openai')).endpoints, ['https://api.openai.com/v1']);
  const models = (await app.request('GET', '/v1/models')).json.data as { id: string }[];
  assert.ok(
    models.some(({ id }) => id === 'resize'),
    'plain enlargement stands beside the first real provider, as after a start',
  );
  assert.equal((await app.request('DELETE', '/v1/admin/providers/openai/secret')).status, 200);
  assert.equal(await find(app, 'openai'), undefined);
  for (const [name, body, status] of [
    ['nobody', { value: 'x' }, 404],
    ['sandbox', { value: 'x' }, 404],
    ['openai', { value: '  ' }, 422],
    ['openai', { value: 'two\nlines' }, 422],
    ['openai', { value: 'x', field: 'other' }, 422],
    ['comfyui', { value: 'x' }, 422],
  ] as const)
    assert.equal((await app.request('PUT', `/v1/admin/providers/${name}/secret`, body)).status, status, name);
  const asGuest = { authorization: 'Bearer dbk_nobody' };
  assert.equal((await app.request('GET', '/v1/admin/providers', undefined, asGuest)).status, 401);
});

test('a language model is looked after like the others, and does not stand for pictures', async (t) => {
  const fake = await FakeChat.start();
  t.after(() => fake.close());
  const app = await started(t, { env: { MOONSHOT_BASE_URL: fake.baseUrl, MOONSHOT_API_KEY: CANARY } });
  const well = await find(app, 'moonshot');
  assert.deepEqual([well.kind, well.state, well.models], ['chat', 'healthy', []]);
  const tested = await app.request('POST', '/v1/admin/providers/moonshot/test', {});
  assert.equal(tested.json.ok, true, tested.text);
  fake.models = chatAnswer(401, chatError('invalid_authentication_error'));
  fake.balance = fake.models;
  const refused = await set(app, 'moonshot', OTHER_CANARY);
  assert.equal(refused.json.code, 'secret_refused', refused.text);
  await app.request('POST', '/v1/admin/providers/moonshot/probe');
  const health = await app.request('GET', '/health');
  assert.deepEqual([health.status, health.json.hasSession], [503, false]);
  assert.equal((await app.request('GET', '/readyz')).status, 200, 'the sandbox still paints');
  assert.equal((await app.request('GET', '/v1/models')).json.data[0].owned_by, 'sandbox');
});

test('K1: secrets and proxy passwords are in no answer, no log line and not in the database', async (t) => {
  const fake = await openAi(t);
  const dataDir = folder(t);
  const proxyPassword = 'canary-proxy-55aa77cc';
  const app = await started(t, {
    dataDir,
    env: {
      OPENAI_API_KEY: OTHER_CANARY,
      OPENAI_BASE_URL: fake.baseUrl,
      KIE_AI_API_KEY: 'canary-kie-0f1e2d3c4b5a',
      KIE_AI_BASE_URL: 'http://127.0.0.1:9',
      KIE_AI_PROXY: `http://operator:${proxyPassword}@127.0.0.1:9`,
      COMFYUI_URL: 'http://user:canary-comfy-a1b2c3@127.0.0.1:9',
    },
  });
  const seen: string[] = [];
  const see = async (method: string, path: string, body?: unknown) => {
    const { text, headers } = await app.request(method, path, body);
    seen.push(text, JSON.stringify([...headers]));
  };
  await see('PUT', '/v1/admin/providers/openai/secret', { value: CANARY });
  fake.models = answer(401, errorBody('invalid_api_key', `Incorrect API key provided: ${CANARY}`));
  await see('PUT', '/v1/admin/providers/openai/secret', { value: `${CANARY}x` });
  await see('PUT', '/v1/admin/providers/openai/secret', { value: CANARY, surplus: 1 });
  for (const name of ['openai', 'kie', 'comfyui']) {
    await see('POST', `/v1/admin/providers/${name}/test`, {});
    await see('POST', `/v1/admin/providers/${name}/probe`);
    await see('GET', `/v1/admin/providers/${name}`);
  }
  await see('POST', '/v1/admin/provider-secrets/rotate-key');
  for (const path of ['/v1/admin/providers', '/v1/admin/status', '/health', '/readyz', '/metrics'])
    await see('GET', path);
  await see('DELETE', '/v1/admin/providers/openai/secret');
  await see('PUT', '/v1/admin/providers/openai/secret', { value: CANARY, unchecked: true });
  seen.push(app.log.text());
  app.log.learn('nothing');
  await app.close();
  for (const name of readdirSync(dataDir))
    if (name.startsWith('drawbridge')) seen.push(readFileSync(join(dataDir, name), 'latin1'));
  const found = /[^\n]{0,80}canary[^\n]{0,40}/.exec(seen.join('\n'));
  assert.equal(found?.[0], undefined, 'K1: a secret was shown');
});

test('a secret set at one node is in use at the others', {
  skip: postgresUnavailable() ?? false,
}, async (t) => {
  const fake = await openAi(t);
  const key = { DRAWBRIDGE_SECRETS_KEY: Buffer.alloc(32, 7).toString('base64') };
  const env = { OPENAI_BASE_URL: fake.baseUrl, OPENAI_API_KEY: 'sk-old-0000000', ...key };
  const one = await started(t, { env, database: 'postgres' });
  const url = one.app.db.dialect;
  assert.equal(url, 'postgres');
  const { config } = loadConfig({
    env: {
      ...env,
      DRAWBRIDGE_DATA_DIR: folder(t),
      DRAWBRIDGE_PORT: '0',
      DATABASE_URL: one.databaseUrl ?? '',
    },
    cwd: '/',
  });
  assert.ok(config);
  const log = createMemoryLogger();
  const two = await createApp({
    config: { ...config, media: { ...config.media, root: join(one.dataDir, 'media') } },
    log,
  });
  t.after(() => two.close());
  await two.listen();
  const followed = new Promise<void>((resolve) => {
    log.subscribe(({ message }) => {
      if (message === 'a provider secret was changed by another node') resolve();
    });
  });
  const asked = new Promise<void>((resolve) => {
    const before = fake.models;
    fake.models = async (response, job) => {
      if (job.authorization === `Bearer ${CANARY}`) resolve();
      await before(response, job);
    };
  });
  assert.equal((await set(one, 'openai', CANARY)).status, 200);
  await Promise.all([followed, asked]);
});
