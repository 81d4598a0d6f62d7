// A proxy between us and a provider that refuses in its own words, truncates, drops and comes and goes: what provably went
// nowhere is sent again, what may have arrived is not, and nothing ever takes another way.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { proxyUnavailable, realProxy, scriptedProxy } from '../harness/egress-proxies.ts';
import { FakeOpenAi } from '../harness/fake-openai.ts';
import { png } from '../harness/scripted-provider.ts';

type Step = (request: IncomingMessage, response: ServerResponse) => void;
const PAGE = '<html><title>Access denied</title>by the proxy</html>';

/** Passes a request on, marked, and its answer back whole or cut. */
function pass(request: IncomingMessage, response: ServerResponse, end: 'whole' | 'cut' = 'whole'): void {
  const target = new URL(request.url ?? '');
  const onward = httpRequest(
    {
      host: '127.0.0.1',
      port: target.port,
      method: request.method,
      path: target.pathname,
      headers: { ...request.headers, 'x-passed': 'proxy' },
    },
    (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      if (end === 'whole') return void answer.pipe(response);
      answer.once('data', (bytes: Buffer) =>
        response.write(bytes.subarray(0, 20), () => response.socket?.destroy()),
      );
    },
  );
  onward.on('error', () => response.destroy());
  request.pipe(onward);
}

const refuse =
  (status: number, headers: Record<string, string> = {}): Step =>
  (request, response) => {
    request.resume();
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end(PAGE);
  };

const CASES: readonly {
  what: string;
  steps: readonly Step[];
  end: 'succeeded' | 'failed';
  /** Calls that reached the provider. */
  jobs: 0 | 1;
}[] = [
  { what: 'asks for a password', steps: [refuse(407)], end: 'succeeded', jobs: 1 },
  {
    what: 'refuses in its own name, twice',
    steps: [
      refuse(403, { server: 'tinyproxy/1.11.1' }),
      refuse(403, { 'x-squid-error': 'ERR_ACCESS_DENIED 0' }),
    ],
    end: 'succeeded',
    jobs: 1,
  },
  {
    what: 'drops the request, and nobody knows how far it came',
    steps: [(_request, response) => void response.socket?.destroy()],
    end: 'failed',
    jobs: 0,
  },
  {
    what: 'truncates the answer',
    steps: [(request, response) => pass(request, response, 'cut')],
    end: 'failed',
    jobs: 1,
  },
];

test('X14 a proxy that refuses, truncates or flaps: sent again only where nothing was sent, and never past it', async (t) => {
  const fake = await FakeOpenAi.start();
  t.after(() => fake.close());
  fake.picture = await png(5);
  const script: Step[] = [];
  const proxy = await scriptedProxy(t, {
    onRequest: (request, response) => {
      const step = request.method === 'POST' ? script.shift() : undefined;
      return step ? step(request, response) : pass(request, response);
    },
  });
  const app = await startTestApp({
    env: {
      OPENAI_API_KEY: 'sk-faults-0123456789abcdef',
      OPENAI_BASE_URL: fake.baseUrl,
      OPENAI_PROXY: `http://127.0.0.1:${proxy.port}`,
      NO_PROXY: '*',
    },
  });
  t.after(() => app.close());
  const paint = async (prompt: string) => {
    const { json } = await app.request('POST', '/v1/tasks', { prompt });
    return until(
      async () => {
        const task = (await app.request('GET', `/v1/tasks/${json.id}`)).json;
        return task.finished_at === null ? null : task;
      },
      { limitMs: 60_000, what: prompt },
    );
  };
  for (const { what, steps, end, jobs } of CASES) {
    const before = fake.jobs.length;
    script.push(...steps);
    const task = await paint(what);
    assert.equal(task.status, end, `${what}: ${JSON.stringify(task)}`);
    if (end === 'failed') assert.equal(task.error.code, 'submit_unknown', what);
    assert.equal(fake.jobs.length, before + jobs, what);
    assert.equal(script.length, 0, what);
    assert.equal(task.cost.captured, end === 'succeeded' ? task.cost.captured : 0);
    assert.doesNotMatch(JSON.stringify(task), /<html/, what);
  }
  // Words of the proxy that look like the provider's own are not a reason to send a second job blindly.
  script.push(refuse(403));
  const before = fake.jobs.length;
  await paint('a page that names nobody').catch(() => null);
  assert.ok(fake.jobs.length <= before + 1);
  for (const { headers } of fake.jobs)
    assert.equal(headers['x-passed'], 'proxy', 'a call went past the proxy');
});

test('X14 a real proxy that refuses us: nothing is accepted or sent, and the right password is all it needs', {
  skip: proxyUnavailable('tinyproxy'),
}, async (t) => {
  const fake = await FakeOpenAi.start();
  t.after(() => fake.close());
  fake.picture = await png(6);
  const proxy = await realProxy(t, 'tinyproxy', 'operator', 'right');
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-proxy-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const start = async (password: string) =>
    startTestApp({
      dataDir,
      env: {
        OPENAI_API_KEY: 'sk-faults-0123456789abcdef',
        OPENAI_BASE_URL: fake.baseUrl,
        OPENAI_PROXY: `http://operator:${password}@127.0.0.1:${proxy.port}`,
      },
    });
  const refused = await start('wrong');
  const answer = await refused.request('POST', '/v1/tasks', { prompt: 'behind a wrong password' });
  assert.deepEqual([answer.status, answer.json.code], [503, 'provider_unavailable'], answer.text);
  assert.ok(Number(answer.headers.get('retry-after')) > 0);
  await refused.close();
  assert.deepEqual([fake.jobs.length, fake.requests.length], [0, 0]);
  const app = await start('right');
  t.after(() => app.close());
  const { json } = await app.request('POST', '/v1/tasks', { prompt: 'passed' }, { prefer: 'wait=30' });
  assert.equal(json.status, 'succeeded', JSON.stringify(json));
  assert.equal(fake.jobs.length, 1);
  await proxy.logged(new URL(fake.baseUrl).port);
});
