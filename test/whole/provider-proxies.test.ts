// A provider's own proxy, through the whole program and Debian's own proxies: probe, upload, submit, poll and download
// all pass it, and when it is gone nothing takes another way.
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type TestContext, test } from 'node:test';
import { describeConfig, loadConfig } from '../../src/kernel/config.ts';
import { startTestApp } from '../harness/app.ts';
import { canary, freePort, proxyUnavailable, realProxy } from '../harness/egress-proxies.ts';
import { png } from '../harness/scripted-provider.ts';

const USER = 'operator';
const PASSWORD = 'canarypass';
const LEGS = [
  '/api/v1/chat/credit',
  '/api/file-stream-upload',
  '/api/v1/jobs/createTask',
  '/api/v1/jobs/recordInfo',
  '/files/result.png',
];

/** KIE as far as one picture from another one needs it, results on its own address. */
async function kieWithPictures(t: TestContext) {
  const picture = await png(3);
  const target = await canary(t, { answer: (request, response) => void serve(request, response) });
  const url = `http://127.0.0.1:${target.port}`;
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    await new Promise((resolve) => request.once('end', resolve));
    const path = request.url ?? '';
    if (path.startsWith('/files/')) return void response.setHeader('content-type', 'image/png').end(picture);
    const data: Record<string, unknown> = {
      '/api/v1/chat/credit': 100,
      '/api/file-stream-upload': { downloadUrl: `${url}/files/in.png` },
      '/api/v1/jobs/createTask': { taskId: 'task_1' },
      '/api/v1/jobs/recordInfo': {
        taskId: 'task_1',
        state: 'success',
        resultJson: JSON.stringify({ resultUrls: [`${url}/files/result.png`] }),
      },
    };
    const body = { success: true, code: 200, msg: 'success', data: data[path.replace(/\?.*$/, '')] ?? null };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  }
  return { target, url, picture };
}

async function paint(app: Awaited<ReturnType<typeof startTestApp>>, picture: Buffer) {
  const models = (await app.request('GET', '/v1/models')).json.data;
  const model = models.find(
    ({ owned_by, drawbridge }: { owned_by: string; drawbridge: { capabilities: { modes: string[] } } }) =>
      owned_by === 'kie' && drawbridge.capabilities.modes.includes('image-to-image'),
  );
  const images = [{ b64: picture.toString('base64') }];
  const body = { prompt: 'the same, at dusk', model: model.id, images };
  return (await app.request('POST', '/v1/tasks', body, { prefer: 'wait=30' })).json;
}

for (const name of ['tinyproxy', 'microsocks'] as const) {
  test(`${name}: every leg is in the proxy's log and reaches the provider from nowhere else`, {
    skip: proxyUnavailable(name),
  }, async (t) => {
    const { target, url, picture } = await kieWithPictures(t);
    const proxy = await realProxy(t, name, USER, PASSWORD);
    const scheme = name === 'tinyproxy' ? 'http' : 'socks5';
    const app = await startTestApp({
      env: {
        KIE_AI_API_KEY: 'canary-kie-key-00112233',
        KIE_AI_BASE_URL: url,
        KIE_AI_PROXY: `${scheme}://${USER}:${PASSWORD}@127.0.0.1:${proxy.port}`,
        // A setting of the whole server must not open a way past the provider's own.
        NO_PROXY: '*',
      },
    });
    t.after(() => app.close());
    const task = await paint(app, picture);
    assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
    const asked = target.requests.map(({ path }) => path.replace(/\?.*$/, ''));
    for (const leg of LEGS) assert.ok(asked.includes(leg), `${leg} is missing in ${asked.join(' ')}`);
    // The log is written by another process, a moment later.
    await proxy.logged(String(target.port));
    const lines = proxy.logText().split('\n');
    if (name === 'tinyproxy') {
      for (const leg of LEGS.slice(0, -1))
        assert.ok(
          lines.some((line) => line.includes(`127.0.0.1:${target.port}${leg}`)),
          leg,
        );
      assert.ok(
        lines.some(
          (line) => line.includes(`CONNECT 127.0.0.1:${target.port}`) || line.includes(LEGS[4] ?? ''),
        ),
      );
    }
    const throughProxy = lines.filter((line) =>
      name === 'microsocks'
        ? line.includes(`127.0.0.1:${target.port}`)
        : /Established connection to host/.test(line),
    );
    assert.equal(target.connections(), throughProxy.length, proxy.logText());
    const listed = (await app.request('GET', '/v1/admin/providers')).json.data.find(
      (one: { name: string }) => one.name === 'kie',
    );
    assert.equal(listed.proxy, `${scheme}://127.0.0.1:${proxy.port}`);
    assert.doesNotMatch(app.log.text(), /canary/);
  });
}

test("a dead proxy is an error, never a direct call; `direct` passes the server's own by", async (t) => {
  const { target, url, picture } = await kieWithPictures(t);
  const dead = `http://127.0.0.1:${await freePort()}`;
  const env = { KIE_AI_API_KEY: 'canary-kie-key-00112233', KIE_AI_BASE_URL: url };
  const app = await startTestApp({ env: { ...env, KIE_AI_PROXY: dead } });
  t.after(() => app.close());
  const refused = await paint(app, picture);
  assert.equal(refused.code, 'provider_unavailable', JSON.stringify(refused));
  assert.equal(target.connections(), 0);
  const direct = await startTestApp({ env: { ...env, KIE_AI_PROXY: 'direct', ALL_PROXY: dead } });
  t.after(() => direct.close());
  const task = await paint(direct, picture);
  assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
});

test('the environment line shows each proxy without user name and password', () => {
  const env = {
    OPENAI_API_KEY: 'sk-1234567',
    OPENAI_PROXY: 'socks5://operator:canarypass@10.0.0.2:1080',
    JIMENG_SESSION_ID: 'abcdef0123456789',
    JIMENG_PROXY: 'direct',
    HTTPS_PROXY: 'http://operator:canarypass@10.0.0.3:3128',
  };
  const { config } = loadConfig({ env, cwd: '/nonexistent' });
  assert.ok(config);
  const { providers } = describeConfig(config);
  assert.match(providers ?? '', /openai \(own address\) \(proxy socks5:\/\/\S*10\.0\.0\.2:1080\)/);
  assert.match(providers ?? '', /jimeng \(own address\) \(proxy direct\)/);
  assert.doesNotMatch(providers ?? '', /canarypass/);
});
