// Providers' call backs over real HTTP (fault rows PC4 to PC6, PC8): what they may do is make a run look, and nothing else.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startTestApp, type TestApp, type TestAppOptions } from '../../test/harness/app.ts';
import { until } from '../../test/harness/clock.ts';
import { pictures, ScriptedProvider, signedCallback } from '../../test/harness/scripted-provider.ts';
import { type JobCall, ProviderError } from '../providers/provider.ts';
import { callbackAddress } from './callbacks.ts';
import { WAKE_INTERVAL_MS } from './wait.ts';

const PUBLIC_URL = 'https://pictures.example.com';
const FAR_MS = 600_000;
const LANE = { concurrency: 16, deadlineMs: 600_000 };
const CAPABILITIES = { callback: true, lookup: false, idempotentSubmit: false };

const start = (provider: ScriptedProvider, options: TestAppOptions = {}) =>
  startTestApp({
    providers: [{ adapter: provider, lane: LANE }],
    env: { DRAWBRIDGE_PUBLIC_URL: PUBLIC_URL },
    ...options,
  });
const create = async (app: TestApp) =>
  (await app.request('POST', '/v1/tasks', { prompt: 'called back', model: 'scripted' })).json.id as string;
const get = async (app: TestApp, id: string) => (await app.request('GET', `/v1/tasks/${id}`)).json;
const ended = (app: TestApp, id: string) =>
  until(
    async () => {
      const task = await get(app, id);
      return task.finished_at === null ? null : task;
    },
    { what: `the end of ${id}` },
  );
/** What the provider does: nobody's key, any content type. */
const callBack = async (
  app: TestApp,
  path: string,
  { body, headers = {} }: { body: string | Uint8Array; headers?: Record<string, string> },
) => {
  const answer = await fetch(`${app.url}${path}`, { method: 'POST', body: body as string, headers });
  await answer.arrayBuffer();
  return answer.status;
};
const done = async (call: JobCall) => ({ state: 'done' as const, outputs: await pictures(call, 1) });
const running = { state: 'running', progress: null, pollAfterMs: FAR_MS } as const;

describe('a job that calls back', () => {
  const provider = new ScriptedProvider({ capabilities: CAPABILITIES });
  const other = new ScriptedProvider({ name: 'other', capabilities: CAPABILITIES });
  const paths: string[] = [];
  let isDone = false;
  let app: TestApp;
  before(async () => {
    const providers = [provider, other].map((adapter) => ({ adapter, lane: LANE }));
    app = await start(provider, { providers });
  });
  after(() => app.close());
  beforeEach(() => {
    isDone = false;
    provider.onPoll = async (call) => (isDone ? done(call) : running);
  });

  /** A task that waits for ten minutes unless it is woken: its id, its job and its call-back path. */
  async function waiting() {
    const before = provider.submits.length;
    provider.submitScript.push(async (call) => {
      const url = call.callbackUrl ?? '';
      assert.ok(url.startsWith(`${PUBLIC_URL}/v1/callbacks/scripted/`), url);
      paths.push(url.slice(PUBLIC_URL.length));
      return { state: 'accepted', jobId: provider.makeJob(call.clientRef), pollAfterMs: 0 };
    });
    const polls = provider.polls;
    const id = await create(app);
    await until(() => provider.polls > polls, { what: 'the first poll' });
    const job = provider.jobs.get(provider.submits[before] ?? '') ?? '';
    return { id, job, path: paths.at(-1) ?? '', polls: provider.polls };
  }

  test('PC4: doubled, reordered and old call backs change nothing; a new one brings the picture at once', async () => {
    const { id, job, path, polls } = await waiting();
    const old = signedCallback(job, Date.now() - 301_000);
    assert.equal(await callBack(app, path, old), 401);
    assert.equal(provider.polls, polls);
    isDone = true;
    const now = signedCallback(job, Date.now());
    const early = signedCallback(job, Date.now() - 100_000);
    assert.deepEqual(
      await Promise.all([now, early, now, early].map((call) => callBack(app, path, call))),
      [200, 200, 200, 200],
    );
    const task = await ended(app, id);
    assert.equal(task.status, 'succeeded');
    assert.equal(provider.polls, polls + 1);
    for (const call of [now, early]) assert.equal(await callBack(app, path, call), 200);
    assert.equal(await callBack(app, path, old), 401);
    assert.deepEqual(await get(app, id), task);
  });

  test('PC5: whatever is not the provider’s own is refused and changes nothing', async () => {
    const { id, job, path, polls } = await waiting();
    const second = await waiting();
    const before = await get(app, id);
    const good = signedCallback(job, Date.now());
    const [provided, token] = [path.slice(0, path.lastIndexOf('/')), path.slice(path.lastIndexOf('/') + 1)];
    assert.equal(
      await callBack(app, path, { ...good, headers: { ...good.headers, 'x-signature': 'f00' } }),
      401,
    );
    assert.equal(await callBack(app, path, { body: good.body }), 401);
    assert.equal(await callBack(app, path, { ...good, body: '' }), 401);
    assert.equal(await callBack(app, path, signedCallback(second.job, Date.now())), 404, 'another job');
    assert.equal(await callBack(app, `${provided}/${token.slice(0, -1)}x`, good), 404);
    assert.equal(await callBack(app, `${provided}/x`, good), 404);
    assert.equal(await callBack(app, `/v1/callbacks/other/${token}`, good), 404, 'another provider');
    const large = { ...good, body: new Uint8Array(10 * 1024 * 1024) };
    assert.equal(await callBack(app, path, large).catch(() => 413), 413);
    assert.equal(provider.polls, polls + 1);
    assert.deepEqual(await get(app, id), before);
    isDone = true;
    const type = { 'content-type': 'application/x-unheard-of; charset=koi8-r' };
    assert.equal(await callBack(app, path, { ...good, headers: { ...good.headers, ...type } }), 200);
    await ended(app, id);
    assert.equal(await callBack(app, second.path, signedCallback(null, Date.now())), 200);
    await ended(app, second.id);
    const logged = JSON.stringify(app.log.records);
    for (const secret of paths)
      assert.ok(!logged.includes(secret.split('/').at(-1) ?? ''), 'a token in the log');
  });

  test('a burst of call backs is one poll more an interval', async () => {
    const { id, job, path, polls } = await waiting();
    const startedAt = performance.now();
    for (let i = 0; i < 10; i += 1) {
      const calls = Array.from({ length: 50 }, () => callBack(app, path, signedCallback(job, Date.now())));
      const refused = (await Promise.all(calls)).filter((status) => status !== 200);
      assert.ok(
        refused.every((status) => status === 429),
        refused.join(),
      );
    }
    await until(() => provider.polls > polls);
    const intervals = Math.ceil((performance.now() - startedAt) / WAKE_INTERVAL_MS);
    assert.ok(
      provider.polls - polls <= intervals,
      `${provider.polls - polls} polls in ${intervals} intervals`,
    );
    isDone = true;
    await until(async () => (await callBack(app, path, signedCallback(job, Date.now()))) === 200);
    await ended(app, id);
  });
});

test('PC5: a flood of call backs is answered with 429', async () => {
  const app = await start(new ScriptedProvider({ capabilities: CAPABILITIES }));
  try {
    const statuses = new Map<number, number>();
    for (let i = 0; i < 5; i += 1) {
      const calls = Array.from({ length: 200 }, () =>
        callBack(app, '/v1/callbacks/scripted/x', { body: '{}' }),
      );
      for (const status of await Promise.all(calls)) statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    assert.deepEqual([...statuses.keys()].sort(), [404, 429]);
    assert.equal((await app.request('GET', '/v1/tasks')).status, 200, 'other routes have their own limit');
  } finally {
    await app.close();
  }
});

describe('PC6: a call back before the answer to the submit', () => {
  const provider = new ScriptedProvider({ capabilities: CAPABILITIES });
  let app: TestApp;
  before(async () => {
    app = await start(provider);
  });
  after(() => app.close());

  test('the answer still comes: its job is taken once, and polled once', async () => {
    const polls = provider.polls;
    provider.submitScript.push(async (call) => {
      const jobId = provider.makeJob(call.clientRef);
      const path = (call.callbackUrl ?? '').slice(PUBLIC_URL.length);
      assert.equal(await callBack(app, path, signedCallback(jobId, Date.now())), 200);
      return { state: 'accepted', jobId, pollAfterMs: FAR_MS };
    });
    const task = await ended(app, await create(app));
    assert.equal(task.status, 'succeeded');
    assert.equal(task.attempts.length, 1);
    assert.equal(provider.polls, polls + 1, 'woken out of its long wait');
  });

  test('the answer never comes: the job is adopted, and nothing is sent twice', async () => {
    const submits = provider.submits.length;
    let asked: string[] = [];
    provider.onPoll = async (call) => {
      asked = [...asked, call.jobId];
      return done(call);
    };
    let jobId = '';
    provider.submitScript.push(async (call) => {
      jobId = provider.makeJob(call.clientRef);
      const path = (call.callbackUrl ?? '').slice(PUBLIC_URL.length);
      assert.equal(await callBack(app, path, signedCallback(jobId, Date.now())), 200);
      throw new ProviderError('timeout', 'unknown', 'no answer');
    });
    const task = await ended(app, await create(app));
    assert.equal(task.status, 'succeeded');
    assert.equal(provider.submits.length, submits + 1);
    assert.equal(task.attempts.length, 1);
    assert.deepEqual(new Set(asked), new Set([jobId]));
  });

  test('a job that the provider does not know, or that is another task’s, is not adopted', async () => {
    const theirs = provider.jobs.values().next().value ?? '';
    provider.onPoll = async (call) =>
      [...provider.jobs.values()].includes(call.jobId) ? done(call) : { state: 'lost' };
    let path = '';
    provider.submitScript.push(async (call) => {
      path = (call.callbackUrl ?? '').slice(PUBLIC_URL.length);
      assert.equal(await callBack(app, path, signedCallback(theirs, Date.now())), 404);
      assert.equal(await callBack(app, path, signedCallback('made-up', Date.now())), 200);
      throw new ProviderError('timeout', 'unknown', 'no answer');
    });
    const id = await create(app);
    await until(async () => /waiting for its call back/.test((await get(app, id)).waiting_reason ?? ''));
    // The true one comes late, while the run waits for it.
    const clientRef = provider.submits.at(-1) ?? '';
    assert.equal(await callBack(app, path, signedCallback(provider.makeJob(clientRef), Date.now())), 200);
    assert.equal((await ended(app, id)).status, 'succeeded');
  });

  test('a cancel ends the wait for a call back, free of charge', async () => {
    provider.submitScript.push(async () => {
      throw new ProviderError('timeout', 'unknown', 'no answer');
    });
    const id = await create(app);
    await until(async () => /waiting for its call back/.test((await get(app, id)).waiting_reason ?? ''));
    await app.request('POST', `/v1/tasks/${id}/cancel`);
    const task = await ended(app, id);
    assert.equal(task.error.code, 'submit_unknown');
    assert.deepEqual(task.cost, { held: 0, captured: 0, released: 1 });
  });
});

describe('over a restart', () => {
  let dataDir: string;
  before(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-callbacks-'));
  });
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  test('PC6: an unknown submit of the process before is adopted when its call back comes to this one', async () => {
    let path = '';
    const first = new ScriptedProvider({ capabilities: CAPABILITIES });
    first.submitScript.push(async (call) => {
      path = (call.callbackUrl ?? '').slice(PUBLIC_URL.length);
      throw new ProviderError('timeout', 'unknown', 'no answer');
    });
    const before = await start(first, { dataDir });
    const id = await create(before);
    await until(async () => /waiting for its call back/.test((await get(before, id)).waiting_reason ?? ''));
    const closedAt = performance.now();
    await before.close();
    assert.ok(performance.now() - closedAt < 10_000, 'nothing waits for the call back');
    const second = new ScriptedProvider({ capabilities: CAPABILITIES });
    const app = await start(second, { dataDir });
    try {
      const jobId = second.makeJob(first.submits[0] ?? '');
      assert.equal(await callBack(app, path, signedCallback(jobId, Date.now())), 200);
      assert.equal((await ended(app, id)).status, 'succeeded');
      assert.deepEqual(second.submits, []);
    } finally {
      await app.close();
    }
  });

  test('PC8: the same job is polled on with a new adapter, also through an expired session', async () => {
    const first = new ScriptedProvider({ capabilities: CAPABILITIES });
    first.onPoll = async () => running;
    const before = await start(first, { dataDir });
    const id = await create(before);
    await until(() => first.polls === 1);
    await before.close();
    const second = new ScriptedProvider({ capabilities: CAPABILITIES });
    const asked: string[] = [];
    second.onPoll = async (call) => {
      asked.push(call.jobId);
      if (asked.length === 1) throw new ProviderError('credentials_expired', 'yes', 'the session is over');
      return done(call);
    };
    const app = await start(second, { dataDir });
    try {
      const task = await ended(app, id);
      assert.equal(task.status, 'succeeded');
      assert.equal(task.attempts.length, 1);
      assert.deepEqual(asked, [
        first.jobs.get(first.submits[0] ?? ''),
        first.jobs.get(first.submits[0] ?? ''),
      ]);
      assert.deepEqual(second.submits, []);
    } finally {
      await app.close();
    }
  });
});

test('no call-back address is given out for a public URL that only this network reaches', () => {
  const unreachable = [
    null,
    'http://localhost:8090',
    'http://drawbridge:8090',
    'http://nas.local',
    'http://box.lan/pictures',
    'http://127.0.0.1:8090',
    'http://192.168.1.20:8090',
    'http://10.1.2.3',
    'http://172.20.0.5',
    'http://100.64.1.1',
    'http://[::1]:8090',
    'http://[fd12::1]',
  ];
  for (const url of unreachable) assert.equal(callbackAddress(url, 'kie', 't'), null, String(url));
  assert.equal(
    callbackAddress('https://example.com/pictures', 'kie', 't'),
    'https://example.com/pictures/v1/callbacks/kie/t',
  );
  assert.ok(callbackAddress('http://8.8.8.8:8090', 'kie', 't'));
});
