// The main job of the whole program over HTTP: ask for pictures, follow, cancel, repeat, look after the results.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { pictures, png, ScriptedProvider } from '../harness/scripted-provider.ts';

const MAX_OPEN = 60;
const LANE = { concurrency: 16, deadlineMs: 600_000 };

const provider = new ScriptedProvider();
let app: TestApp;
let pictureServer: Server;
let pictureUrl: string;
let isHeld = false;

before(async () => {
  const bytes = await png(77);
  pictureServer = createServer((_request, response) => response.end(bytes));
  await new Promise<void>((resolve) => pictureServer.listen(0, '127.0.0.1', resolve));
  pictureUrl = `http://127.0.0.1:${(pictureServer.address() as AddressInfo).port}/picture.png`;
  provider.onPoll = async (call) =>
    isHeld
      ? { state: 'running', progress: 0.4, pollAfterMs: 10 }
      : { state: 'done', outputs: await pictures(call, call.request.n) };
  app = await startTestApp({
    providers: [{ adapter: provider, lane: LANE }],
    env: { DRAWBRIDGE_TASKS_MAX_QUEUED_PER_ACCOUNT: String(MAX_OPEN) },
  });
});
beforeEach(() => {
  isHeld = false;
});
after(async () => {
  pictureServer.close();
  const verified = await app.request('GET', '/v1/admin/credits/verify');
  await app.close();
  assert.deepEqual(verified.json.findings, []);
  const errors = app.log.records.filter(({ level }) => level === 'error');
  assert.deepEqual(errors, [], 'lines of errors in the log');
});

const post = (body: object, headers: Record<string, string> = {}) =>
  app.request('POST', '/v1/tasks', { model: 'scripted', ...body }, headers);
const get = async (id: string) => (await app.request('GET', `/v1/tasks/${id}`)).json;
const ended = (id: string) =>
  until(
    async () => {
      const task = await get(id);
      return task.finished_at === null ? null : task;
    },
    { what: `the end of ${id}` },
  );

async function made(body: object = {}) {
  const { json } = await post({ prompt: 'made', ...body }, { prefer: 'wait=30' });
  assert.equal(json.status, 'succeeded', JSON.stringify(json.error));
  return json;
}

async function newAccount(grant = 100): Promise<{ id: string; key: string }> {
  const { json } = await app.request('POST', '/v1/admin/accounts', { name: 'someone', grant_credits: grant });
  const key = await app.request('POST', '/v1/keys', { name: 'key' }, { 'x-account-id': json.id });
  return { id: json.id, key: key.json.key };
}

const as = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` });

async function upload(seed: number) {
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(await png(seed))], { type: 'image/png' }), 'in.png');
  const { json, status } = await app.request('POST', '/v1/uploads', form);
  assert.equal(status, 201);
  return json as { id: string; url: string; sha256: string };
}

describe('a task is created', () => {
  test('durably, with the addresses to follow it', async () => {
    const answer = await post({ prompt: 'a drawbridge at dawn', n: 2, seed: 5, metadata: { mine: 1 } });
    assert.equal(answer.status, 202);
    const task = answer.json;
    assert.equal(answer.headers.get('location'), `${app.url}/v1/tasks/${task.id}`);
    assert.ok(Number(answer.headers.get('retry-after')) > 0);
    assert.deepEqual(
      [task.status, task.version, task.n, task.params.seed, task.cost.held, task.metadata.mine],
      ['queued', 1, 2, 5, 2, 1],
    );
    const done = await ended(task.id);
    assert.equal(done.status, 'succeeded');
    assert.deepEqual(done.cost, { held: 0, captured: 2, released: 0 });
    assert.deepEqual(
      done.attempts.map(({ outcome }: { outcome: string }) => outcome),
      ['succeeded'],
    );
    assert.equal(done.images.length, 2);
    for (const image of done.images) {
      for (const url of [image.url, image.thumb_url, image.download_url]) {
        assert.ok(url.startsWith(`${app.url}/media/`), url);
        assert.equal((await fetch(url)).status, 200);
      }
    }
  });

  test('Prefer: wait answers with the picture, or with the task when it takes longer', async () => {
    const quick = await post({ prompt: 'quick' }, { prefer: 'wait=20' });
    assert.equal(quick.status, 200);
    assert.equal(quick.headers.get('preference-applied'), 'wait=20');
    assert.equal(quick.json.status, 'succeeded');
    isHeld = true;
    const long = await post({ prompt: 'long' }, { prefer: 'wait=1' });
    assert.equal(long.status, 202);
    assert.equal(long.json.finished_at, null);
    assert.ok(long.headers.get('retry-after'));
  });

  test('a quote creates nothing', async () => {
    const count = async () => (await app.request('GET', '/v1/tasks?q=only-a-quote')).json.data.length;
    const quote = await app.request('POST', '/v1/tasks/quote', {
      prompt: 'only-a-quote',
      model: 'scripted',
      n: 3,
    });
    assert.equal(quote.status, 200);
    assert.deepEqual([quote.json.cost_credits, quote.json.provider], [3, 'scripted']);
    // The estimate is at most ten seconds old, so it may be from before this file's first picture; durations.test.ts has it.
    assert.ok(quote.json.eta_s === null || quote.json.eta_s >= 0);
    assert.ok(quote.json.queue_ahead >= 0);
    assert.equal(await count(), 0);
    const over = await post({ prompt: 'only-a-quote', n: 3, budget_credits: 2 });
    assert.equal(over.status, 422);
    assert.equal(await count(), 0);
  });

  test('not beyond the credits of the account, and then nothing is held', async () => {
    const poor = await newAccount(1.5);
    assert.equal((await post({ prompt: 'one' }, { ...as(poor), prefer: 'wait=20' })).status, 200);
    const refused = await post({ prompt: 'two' }, as(poor));
    assert.equal(refused.status, 402);
    assert.equal(refused.json.code, 'insufficient_credits');
    const balance = await app.request('GET', '/v1/credits', undefined, as(poor));
    assert.deepEqual([balance.json.available_credits, balance.json.held_credits], [0.5, 0]);
  });

  test('not by a flood: the account’s unfinished tasks have a limit', async () => {
    isHeld = true;
    const flooder = await newAccount(1_000);
    const answers = await Promise.all(
      Array.from({ length: MAX_OPEN }, (_, i) => post({ prompt: `flood ${i}` }, as(flooder))),
    );
    assert.ok(answers.every(({ status }) => status === 202));
    const over = await post({ prompt: 'too much' }, as(flooder));
    assert.equal(over.status, 429);
    assert.equal(over.json.code, 'rate_limited');
    assert.ok(Number(over.headers.get('retry-after')) > 0);
    assert.equal((await post({ prompt: 'someone else' })).status, 202);
    isHeld = false;
    await until(async () => {
      const { json } = await app.request('GET', '/v1/tasks?status=queued,running', undefined, as(flooder));
      return json.data.length === 0;
    });
    assert.equal((await post({ prompt: 'room again' }, as(flooder))).status, 202);
  });

  test('with a priority only by those who may', async () => {
    const user = await newAccount();
    const refused = await post({ prompt: 'me first', priority: 5 }, as(user));
    assert.equal(refused.status, 403);
    const { json } = await post({ prompt: 'me first', priority: 5 });
    assert.equal(json.params.priority, 5);
  });

  test('for another account with X-Account-Id, which owns and pays it', async () => {
    const user = await newAccount(10);
    const { json } = await post({ prompt: 'on behalf' }, { 'x-account-id': user.id, prefer: 'wait=20' });
    assert.equal(json.status, 'succeeded');
    assert.equal((await app.request('GET', `/v1/tasks/${json.id}`)).status, 404);
    assert.equal((await app.request('GET', `/v1/tasks/${json.id}`, undefined, as(user))).status, 200);
    const balance = await app.request('GET', '/v1/credits', undefined, as(user));
    assert.equal(balance.json.available_credits, 9);
    const other = await newAccount();
    const refused = await post({ prompt: 'not allowed' }, { ...as(other), 'x-account-id': user.id });
    assert.equal(refused.status, 403);
  });
});

describe('a repeated request', () => {
  test('with the same Idempotency-Key gets the first answer, quoted or bare', async () => {
    const first = await post({ prompt: 'once' }, { 'idempotency-key': 'key-1' });
    await ended(first.json.id);
    for (const key of ['key-1', '"key-1"']) {
      const again = await post({ prompt: 'once' }, { 'idempotency-key': key });
      assert.equal(again.status, 202);
      assert.equal(again.headers.get('idempotent-replayed'), 'true');
      assert.equal(again.headers.get('location'), first.headers.get('location'));
      assert.deepEqual(again.json, first.json);
    }
    assert.equal(first.headers.get('idempotent-replayed'), null);
    const waited = await post({ prompt: 'once' }, { 'idempotency-key': 'key-1', prefer: 'wait=5' });
    assert.deepEqual([waited.status, waited.json.id], [200, first.json.id]);
    assert.equal(waited.headers.get('idempotent-replayed'), 'true');
  });

  test('with the key of another request is refused, and another account has its own keys', async () => {
    const first = await post({ prompt: 'first' }, { 'idempotency-key': 'key-2' });
    const other = await post({ prompt: 'second' }, { 'idempotency-key': 'key-2' });
    assert.equal(other.status, 422);
    assert.equal(other.json.code, 'idempotency_mismatch');
    const user = await newAccount();
    const theirs = await post({ prompt: 'second' }, { ...as(user), 'idempotency-key': 'key-2' });
    assert.equal(theirs.status, 202);
    assert.notEqual(theirs.json.id, first.json.id);
  });

  test('that was not valid saves nothing under its key', async () => {
    const key = { 'idempotency-key': 'key-3' };
    assert.equal((await post({ prompt: 'bad', size: '1x1' }, key)).status, 422);
    assert.equal((await post({ prompt: 'good' }, key)).status, 202);
    assert.equal((await post({ prompt: 'x' }, { 'idempotency-key': 'k'.repeat(201) })).status, 400);
  });

  test('50 times at once with one key makes one task and one hold', async () => {
    isHeld = true;
    const user = await newAccount(10);
    const headers = { ...as(user), 'idempotency-key': 'stampede' };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post({ prompt: 'stampede' }, headers)),
    );
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [202]);
    assert.equal(new Set(answers.map(({ json }) => json.id)).size, 1);
    assert.equal(answers.filter(({ headers: h }) => h.get('idempotent-replayed') === null).length, 1);
    assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
    const list = await app.request('GET', '/v1/tasks', undefined, as(user));
    assert.equal(list.json.data.length, 1);
    const balance = await app.request('GET', '/v1/credits', undefined, as(user));
    assert.deepEqual([balance.json.available_credits, balance.json.held_credits], [9, 1]);
  });

  test('inside dedupe_window_s finds the equal task, but not a failed one', async () => {
    const body = { prompt: 'double click', dedupe_window_s: 60 };
    const first = await post(body);
    const second = await post(body);
    assert.deepEqual([second.status, second.json.id], [200, first.json.id]);
    assert.notEqual((await post({ ...body, seed: 1 })).json.id, first.json.id);
    assert.notEqual((await post({ ...body, dedupe_window_s: 0 })).json.id, first.json.id);
    isHeld = true;
    const doomed = await post({ prompt: 'cancelled one', dedupe_window_s: 60 });
    await app.request('POST', `/v1/tasks/${doomed.json.id}/cancel`);
    await ended(doomed.json.id);
    assert.notEqual((await post({ prompt: 'cancelled one', dedupe_window_s: 60 })).json.id, doomed.json.id);
  });
});

describe('a task is ended or repeated', () => {
  test('cancelling is idempotent and returns the credits', async () => {
    isHeld = true;
    const user = await newAccount(10);
    const { json } = await post({ prompt: 'not any more' }, as(user));
    await until(
      async () =>
        (await app.request('GET', `/v1/tasks/${json.id}`, undefined, as(user))).json.phase === 'waiting',
    );
    const cancel = () => app.request('POST', `/v1/tasks/${json.id}/cancel`, undefined, as(user));
    assert.equal((await cancel()).status, 200);
    const task = await until(async () => {
      const { json: now } = await app.request('GET', `/v1/tasks/${json.id}`, undefined, as(user));
      return now.finished_at && now;
    });
    assert.deepEqual(
      [task.status, task.cancel.state, task.error.code],
      ['cancelled', 'confirmed', 'cancelled'],
    );
    assert.deepEqual(task.cost, { held: 0, captured: 0, released: 1 });
    const again = await cancel();
    assert.deepEqual([again.status, again.json.version], [200, task.version]);
    const balance = await app.request('GET', '/v1/credits', undefined, as(user));
    assert.equal(balance.json.available_credits, 10);
  });

  test('a task that was finished first stays', async () => {
    const task = await made();
    const { json } = await app.request('POST', `/v1/tasks/${task.id}/cancel`);
    assert.equal(json.status, 'succeeded');
  });

  test('a retry is a new task with its own hold', async () => {
    isHeld = true;
    const { json: first } = await post({
      prompt: 'try again',
      n: 2,
      negative_prompt: 'fog',
      metadata: { a: 1 },
    });
    await app.request('POST', `/v1/tasks/${first.id}/cancel`);
    await ended(first.id);
    isHeld = false;
    const retry = await app.request('POST', `/v1/tasks/${first.id}/retry`, undefined, {
      'idempotency-key': 'retry-1',
    });
    assert.equal(retry.status, 202);
    assert.notEqual(retry.json.id, first.id);
    assert.deepEqual([retry.json.retry_of, retry.json.cost.held, retry.json.metadata.a], [first.id, 2, 1]);
    assert.equal(retry.json.params.negative_prompt, 'fog');
    const again = await app.request('POST', `/v1/tasks/${first.id}/retry`, undefined, {
      'idempotency-key': 'retry-1',
    });
    assert.equal(again.json.id, retry.json.id);
    assert.equal((await ended(retry.json.id)).status, 'succeeded');
    assert.equal((await get(first.id)).status, 'cancelled');
    const moved = await app.request('POST', `/v1/tasks/${first.id}/retry`, {
      provider: 'sandbox',
      model: 'sandbox-flaky',
    });
    assert.equal(moved.status, 202, moved.text);
    assert.deepEqual([moved.json.model, moved.json.retry_of], ['sandbox-flaky', first.id]);
    const nowhere = await app.request('POST', `/v1/tasks/${first.id}/retry`, { provider: 'nobody' });
    assert.equal(nowhere.status, 404, nowhere.text);
  });
});

describe('pictures', () => {
  test('from an upload, a finished picture and base64', async () => {
    const up = await upload(3);
    const first = await made({ prompt: 'from upload', images: [{ upload_id: up.id }] });
    assert.equal(first.mode, 'image-to-image');
    assert.equal(first.params.images[0].url, up.url);
    const second = await made({
      prompt: 'from picture',
      images: [{ image_id: first.images[0].id }],
      strength: 0.4,
    });
    assert.equal(second.params.strength, 0.4);
    const b64 = (await png(4)).toString('base64');
    await made({ prompt: 'from bytes', images: [{ b64 }] });
    await made({
      prompt: 'from a data url',
      images: [{ b64: `data:image/png;base64,${b64}` }],
      mask: { b64 },
    });
    const broken = await post({ prompt: 'x', images: [{ b64: 'AAAA' }] });
    assert.deepEqual([broken.status, broken.json.code], [422, 'image_invalid']);
    const foreign = await newAccount();
    const stolen = await post({ prompt: 'x', images: [{ upload_id: up.id }] }, as(foreign));
    assert.equal(stolen.status, 404);
  });

  test('U3: an upload about to expire is kept until the deadline of the task that reads it', async () => {
    const up = await upload(5);
    const sql = new DatabaseSync(join(app.dataDir, 'drawbridge.db'), { timeout: 5_000 });
    const soon = Date.now() + 1_000;
    sql.prepare('update uploads set expires_at = ? where id = ?').run(soon, up.id);
    await made({ prompt: 'x', images: [{ upload_id: up.id }], deadline_s: 3600 });
    const kept = sql.prepare('select expires_at from uploads where id = ?').get(up.id) as {
      expires_at: number;
    };
    sql.close();
    assert.ok(kept.expires_at > soon + 3_000_000);
  });

  test('not from an address inside our network, unless it is allowed', async () => {
    const refused = await post({ prompt: 'x', images: [{ url: pictureUrl }] });
    assert.deepEqual([refused.status, refused.json.code], [422, 'image_invalid']);
    assert.ok(!/127\.0\.0\.1|ECONN/.test(refused.json.detail), refused.json.detail);
    const allowing = await startTestApp({
      providers: [{ adapter: new ScriptedProvider(), lane: LANE }],
      env: { DRAWBRIDGE_OUTBOUND_ALLOW_HOSTS: new URL(pictureUrl).host },
    });
    try {
      const body = { prompt: 'from a url', images: [{ url: pictureUrl }] };
      const answer = await allowing.request('POST', '/v1/tasks', body, { prefer: 'wait=20' });
      assert.equal(answer.json.status, 'succeeded', answer.text);
      const gone = { ...body, images: [{ url: pictureUrl.replace(/:\d+\//, ':1/') }] };
      assert.equal((await allowing.request('POST', '/v1/tasks', gone)).json.code, 'image_invalid');
    } finally {
      await allowing.close();
    }
  });

  test('are listed, marked, thrown away and taken back', async () => {
    const task = await made({ prompt: 'a keeper', n: 2 });
    const [first, second] = task.images as { id: string; url: string }[];
    const list = async (query: string) =>
      (await app.request('GET', `/v1/images?${query}`)).json.data.map(
        ({ id }: { id: string }) => id,
      ) as string[];
    assert.deepEqual((await list(`task_id=${task.id}`)).sort(), [first?.id, second?.id].sort());
    const marked = await app.request('PATCH', `/v1/images/${first?.id}`, { favourite: true, tags: ['Best'] });
    assert.deepEqual([marked.status, marked.json.favourite], [200, true]);
    assert.ok((await list('favourite=true')).includes(first?.id ?? ''));
    assert.ok(!(await list('favourite=true')).includes(second?.id ?? ''));
    assert.equal((await app.request('DELETE', `/v1/images/${first?.id}`)).status, 200);
    assert.ok(!(await list(`task_id=${task.id}`)).includes(first?.id ?? ''));
    assert.equal((await app.request('POST', `/v1/images/${first?.id}/restore`)).status, 200);
    assert.ok((await list(`task_id=${task.id}`)).includes(first?.id ?? ''));
    assert.equal((await fetch(first?.url ?? '')).status, 200);
  });

  test('get an HD variant that knows what it was made from', async () => {
    const task = await made({ prompt: 'larger' });
    const [image] = task.images;
    const { status, json } = await app.request('POST', `/v1/images/${image.id}/upscale`);
    assert.equal(status, 202);
    assert.equal(json.mode, 'upscale');
    assert.equal(json.params.size, '64x64');
    const done = await ended(json.id);
    assert.equal(done.images[0].kind, 'hd');
    assert.ok(done.images[0].url.startsWith(`${app.url}/media/hd/`));
    const resource = await app.request('GET', `/v1/images/${done.images[0].id}`);
    assert.equal(resource.json.parent_id, image.id);
  });
});

describe('the list', () => {
  test('is filtered, and paged without gaps or repeats', async () => {
    const user = await newAccount(1_000);
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) {
      const { json } = await post(
        { prompt: i % 2 === 0 ? `even ${i}` : `odd ${i}` },
        { ...as(user), prefer: 'wait=20' },
      );
      ids.unshift(json.id);
    }
    const list = async (query: string) =>
      (await app.request('GET', `/v1/tasks?${query}`, undefined, as(user))).json;
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: { data: { id: string }[]; next_cursor: string | null } = await list(
        `limit=3${cursor && `&cursor=${cursor}`}`,
      );
      assert.ok(page.data.length <= 3);
      seen.push(...page.data.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    assert.deepEqual(seen, ids);
    const count = async (query: string) => (await list(query)).data.length;
    assert.equal(await count('q=even'), 4);
    assert.equal(await count('status=succeeded'), 7);
    assert.equal(await count('status=queued,running'), 0);
    assert.equal(await count('mode=image-to-image'), 0);
    assert.equal(await count('model=scripted&provider=scripted'), 7);
    assert.equal(await count('provider=sandbox'), 0);
    const middle = (await list('limit=100')).data[3].created_at;
    assert.equal((await count(`before=${middle}`)) + (await count(`after=${middle}`)), 6);
    const wrong = await app.request('GET', '/v1/tasks?status=nonsense');
    assert.equal(wrong.status, 422);
  });
});

describe('addresses in answers', () => {
  /** Every URL in a JSON value. */
  function urlsIn(value: unknown): string[] {
    if (typeof value === 'string') return /^https?:/.test(value) ? [value] : [];
    if (typeof value !== 'object' || value === null) return [];
    return Object.values(value).flatMap(urlsIn);
  }

  test('start with the public address and its prefix, whether a proxy strips it or not', async () => {
    const own = await startTestApp({
      providers: [{ adapter: new ScriptedProvider(), lane: LANE }],
      env: { DRAWBRIDGE_PUBLIC_URL: 'https://host.example/draw' },
    });
    try {
      for (const prefix of ['', '/draw']) {
        const answer = await own.request(
          'POST',
          `${prefix}/v1/tasks`,
          { prompt: 'x' },
          { prefer: 'wait=20' },
        );
        assert.equal(answer.status, 200);
        const urls = [...urlsIn(answer.json), answer.headers.get('location') ?? ''];
        assert.ok(urls.length >= 8, urls.join(' '));
        for (const url of urls) assert.ok(url.startsWith('https://host.example/draw/'), url);
        for (const url of urls.filter((each) => each.includes('/media/'))) {
          const local = `${own.url}${new URL(url).pathname.slice(prefix === '' ? '/draw'.length : 0)}`;
          assert.equal((await fetch(local)).status, 200, local);
        }
        const problem = await own.request('GET', `${prefix}/v1/tasks/task_none`);
        assert.ok(problem.json.type.startsWith('https://host.example/draw/docs/errors#'), problem.json.type);
        const page = await own.request('GET', `${prefix}/`, undefined, { accept: 'text/html' });
        assert.equal(page.status, 200);
        assert.match(page.text, /\/draw\//);
      }
    } finally {
      await own.close();
    }
  });

  test('follow X-Forwarded-* of a trusted hop only', async () => {
    const forwarded = { 'x-forwarded-host': 'pictures.example', 'x-forwarded-proto': 'https' };
    const trusted = await post({ prompt: 'proxied' }, forwarded);
    assert.ok(trusted.json.urls.get.startsWith('https://pictures.example/v1/'), trusted.json.urls.get);
    const own = await startTestApp({
      providers: [{ adapter: new ScriptedProvider(), lane: LANE }],
      env: { DRAWBRIDGE_TRUSTED_PROXIES: '10.9.9.9' },
    });
    try {
      const untrusted = await own.request('POST', '/v1/tasks', { prompt: 'spoofed' }, forwarded);
      assert.ok(untrusted.json.urls.get.startsWith(`${own.url}/v1/`), untrusted.json.urls.get);
    } finally {
      await own.close();
    }
  });
});

describe('paths of older callers', () => {
  test('are never answered by the web app', async () => {
    const paths = [
      ['GET', '/tasks'],
      ['GET', '/status/abc'],
      ['GET', '/images/abc.png'],
      ['POST', '/api/upload-image'],
      ['POST', '/api/generate-image'],
      ['GET', '/api/image-details?taskId=x'],
      ['GET', '/api/download-url?taskId=x'],
      ['GET', '/api/share?taskId=x'],
      ['GET', '/api/poll-task?taskId=x'],
      ['GET', '/api/health'],
      ['GET', '/api/test-env'],
    ] as const;
    for (const [method, path] of paths) {
      const { status, headers } = await app.request(method, path, method === 'POST' ? {} : undefined);
      assert.ok(!/html/.test(headers.get('content-type') ?? ''), `${method} ${path}`);
      if (status === 404)
        assert.match(headers.get('content-type') ?? '', /application\/(problem\+)?json/, `${method} ${path}`);
    }
  });
});
