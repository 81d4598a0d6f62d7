// `providers test` names exactly the step that fails: one broken thing at a time, through the whole program.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { canary, freePort, scriptedProxy, trustedIdentity } from '../harness/egress-proxies.ts';
import { startFakeKie } from '../harness/fake-kie.ts';
import { answer, errorBody, FakeOpenAi } from '../harness/fake-openai.ts';

const KEY = 'sk-canary-66a1b2c3d4e5f607';

interface Leg {
  leg: string;
  state: string;
  reason: string | null;
  ms: number | null;
}

async function started(t: TestContext, env: Record<string, string>): Promise<TestApp> {
  const app = await startTestApp({ env });
  t.after(() => app.close());
  return app;
}

/** The legs of one provider of a program with this environment. */
async function legs(t: TestContext, env: Record<string, string>, name = 'openai') {
  return legsOf(await started(t, env), name);
}

/** The legs of one provider, as `leg state`, and those that failed. */
async function legsOf(app: TestApp, name: string, body: object = {}) {
  const { status, json, text } = await app.request('POST', `/v1/admin/providers/${name}/test`, body);
  assert.equal(status, 200, text);
  assert.ok(!text.includes('canary'), 'K1: a secret was shown');
  const list: Leg[] = json.legs;
  for (const leg of list) assert.equal(leg.ms === null, leg.state === 'skipped', leg.leg);
  const failed = list.filter(({ state }) => state === 'failed');
  assert.equal(json.ok, failed.length === 0);
  return { app, list, failed, states: list.map(({ leg, state }) => `${leg} ${state}`).join(', ') };
}

async function openAi(t: TestContext): Promise<FakeOpenAi> {
  const fake = await FakeOpenAi.start();
  t.after(() => fake.close());
  return fake;
}

const only = (failed: readonly Leg[], leg: string, reason: RegExp) => {
  assert.deepEqual(
    failed.map((one) => one.leg),
    [leg],
    JSON.stringify(failed),
  );
  assert.match(failed[0]?.reason ?? '', reason);
};

test('every step of a provider that works is ok', async (t) => {
  const fake = await startFakeKie(t);
  const { states } = await legs(t, { KIE_AI_API_KEY: KEY, KIE_AI_BASE_URL: fake.url }, 'kie');
  assert.equal(
    states,
    'configuration ok, dns skipped, proxy skipped, tcp ok, tls skipped, service ok, auth ok, credit ok, model ok',
  );
});

test('configuration: a credential that is missing is named with its variable', async (t) => {
  const fake = await startFakeKie(t);
  const env = { KIE_AI_BASE_URL: fake.url, DRAWBRIDGE_ALLOW_INCOMPLETE_PROVIDERS: 'yes' };
  const { list } = await legs(t, env, 'kie');
  assert.match(
    list[0]?.reason ?? '',
    /^KIE_AI_API_KEY is missing\. Set it: drawbridge providers set-secret kie/,
  );
  const unset = await legs(t, {}, 'jimeng');
  only(unset.failed, 'configuration', /It is not configured/);
  const unknown = await unset.app.request('POST', '/v1/admin/providers/nobody/test', {});
  assert.equal(unknown.status, 404);
});

test('dns: a name without an address', async (t) => {
  const { failed, states } = await legs(t, {
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: 'http://nowhere.invalid/v1',
  });
  only(failed, 'dns', /nowhere\.invalid has no address/);
  assert.match(states, /dns failed, proxy skipped, tcp skipped, tls skipped, service skipped/);
});

test('tcp: nothing listens', async (t) => {
  const port = await freePort();
  const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1` };
  only((await legs(t, env)).failed, 'tcp', /refused/);
});

test('proxy: one that is dead, and one that wants another password; the target is never reached past it', async (t) => {
  const target = await canary(t);
  const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `http://127.0.0.1:${target.port}/v1` };
  const dead = await freePort();
  only(
    (await legs(t, { ...env, OPENAI_PROXY: `socks5://u:canary-pw-1234@127.0.0.1:${dead}` })).failed,
    'proxy',
    /ECONNREFUSED/,
  );
  const picky = await scriptedProxy(t, { onRequest: (_request, response) => response.writeHead(407).end() });
  only(
    (await legs(t, { ...env, OPENAI_PROXY: `http://u:canary-pw-1234@127.0.0.1:${picky.port}` })).failed,
    'proxy',
    /refused the user name or password/,
  );
  assert.equal(target.connections(), 0);
});

test('tcp behind a proxy: the proxy works and says that it cannot reach the target', async (t) => {
  const proxy = await scriptedProxy(t, {
    onConnect: (socket) => void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'),
  });
  const env = {
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: 'https://target.test/v1',
    OPENAI_PROXY: `http://127.0.0.1:${proxy.port}`,
  };
  const { failed, states } = await legs(t, env);
  only(failed, 'tcp', /502/);
  assert.match(states, /dns skipped, proxy ok, tcp failed, tls skipped/);
});

test('tls: a certificate for another name', async (t) => {
  const server = createServer(await trustedIdentity(), (_request, response) => response.end('{}'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const { failed, states } = await legs(t, {
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: `https://localhost:${port}/v1`,
  });
  only(failed, 'tls', /localhost|altnames|certificate/i);
  assert.match(states, /dns ok, proxy skipped, tcp ok, tls failed, service skipped/);
});

test('service, auth, credit and model: what the provider itself says', async (t) => {
  const fake = await openAi(t);
  const env = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: fake.baseUrl, OPENAI_MODELS: 'gpt-image-1' };
  const app = await started(t, env);
  const list = (id: string) => answer(200, { object: 'list', data: [{ id, object: 'model' }] });
  fake.models = answer(503, '<html><h1>Bad gateway</h1></html>');
  only((await legsOf(app, 'openai')).failed, 'service', /./);
  fake.models = answer(401, errorBody('invalid_api_key', 'Incorrect API key provided'));
  const refused = await legsOf(app, 'openai');
  only(refused.failed, 'auth', /./);
  assert.match(refused.states, /tcp ok, tls skipped, service ok, auth failed, credit skipped, model skipped/);
  fake.models = list('another-model');
  only((await legsOf(app, 'openai')).failed, 'model', /does not have: gpt-image-1/);
  fake.models = list('gpt-image-1');
  only(
    (await legsOf(app, 'openai', { model: 'dall-e-9' })).failed,
    'model',
    /not set up to offer "dall-e-9"/,
  );
  assert.deepEqual((await legsOf(app, 'openai', { model: 'gpt-image-1' })).failed, []);
  const kie = await startFakeKie(t);
  kie.credit = 0;
  const { failed, states } = await legs(t, { KIE_AI_API_KEY: KEY, KIE_AI_BASE_URL: kie.url }, 'kie');
  only(failed, 'credit', /no credits left/);
  assert.match(states, /auth ok, credit failed, model skipped/);
});
