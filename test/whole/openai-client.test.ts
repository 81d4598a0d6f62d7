// OpenAI's own client, unmodified, against the whole program.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import OpenAI, { APIError, AuthenticationError, NotFoundError, toFile } from 'openai';
import sharp from 'sharp';
import { ProviderError } from '../../src/providers/provider.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { FakeClock, until } from '../harness/clock.ts';
import { pictures, png, ScriptedProvider } from '../harness/scripted-provider.ts';
import { type CutProxy, startCutProxy } from './cut-proxy.ts';

const LANE = { concurrency: 32, deadlineMs: 30 * 60_000 };

const provider = new ScriptedProvider();
let app: TestApp;
let proxy: CutProxy;
/** While set, jobs stay unfinished. */
let isHeld = false;

before(async () => {
  app = await startTestApp({ providers: [{ adapter: provider, lane: LANE }] });
  proxy = await startCutProxy(app.url);
  provider.onPoll = async (call) =>
    isHeld
      ? { state: 'running', progress: 0.3, pollAfterMs: 20 }
      : { state: 'done', outputs: await pictures(call, call.request.n) };
});
beforeEach(() => {
  isHeld = false;
});
after(async () => {
  await proxy.close();
  await app.close();
  assert.deepEqual(
    app.log.records.filter(({ level }) => level === 'error'),
    [],
    'lines of errors in the log',
  );
});

function client(options: { baseURL?: string; apiKey?: string; maxRetries?: number } = {}): OpenAI {
  return new OpenAI({ baseURL: `${app.url}/v1`, apiKey: app.adminKey, maxRetries: 0, ...options });
}

async function tasksWith(prompt: string) {
  const { json } = await app.request('GET', `/v1/tasks?limit=100&q=${encodeURIComponent(prompt)}`);
  return json.data as { id: string; status: string; prompt: string; version: number }[];
}

const someTask = (prompt: string) => until(async () => (await tasksWith(prompt))[0], { what: 'the task' });

describe('pictures', () => {
  test('as absolute URLs that can be opened without a key', async () => {
    const { data, created } = await client().images.generate({ prompt: 'by url', model: 'scripted' });
    assert.ok(Math.abs(created - Date.now() / 1000) < 60);
    assert.equal(data?.length, 1);
    const url = data?.[0]?.url ?? '';
    assert.ok(url.startsWith(`${app.url}/media/final/`), url);
    const picture = await fetch(url);
    assert.equal(picture.status, 200);
    assert.equal((await sharp(Buffer.from(await picture.arrayBuffer())).metadata()).width, 32);
  });

  test('as base64 that decodes to the picture, several in order', async () => {
    const { data } = await client().images.generate({
      prompt: 'by bytes',
      n: 2,
      size: '1024x1024',
      response_format: 'b64_json',
    });
    assert.equal(data?.length, 2);
    for (const item of data ?? []) {
      assert.equal(item.url, undefined);
      const { width, height, format } = await sharp(Buffer.from(item.b64_json ?? '', 'base64')).metadata();
      assert.deepEqual([width, height, format], [32, 32, 'png']);
    }
    assert.notEqual(data?.[0]?.b64_json, data?.[1]?.b64_json);
  });

  test('a larger picture arrives whole although it is sent in pieces', async () => {
    const noise = await sharp({
      create: {
        width: 700,
        height: 500,
        channels: 3,
        background: '#888',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
      .png()
      .toBuffer();
    assert.ok(noise.length > 3 * 192 * 1024);
    provider.pollScript.push(async (call) => ({
      state: 'done',
      outputs: [
        {
          file: await call.spool(
            (async function* () {
              yield noise;
            })(),
          ),
          seed: 1,
        },
      ],
    }));
    const { data } = await client().images.generate({ prompt: 'noise', response_format: 'b64_json' });
    const raw = async (bytes: Buffer) => sharp(bytes).raw().toBuffer();
    assert.deepEqual(await raw(Buffer.from(data?.[0]?.b64_json ?? '', 'base64')), await raw(noise));
  });

  test('edits take one picture, several, and a mask', async () => {
    const file = async (seed: number, name: string) => toFile(await png(seed), name, { type: 'image/png' });
    const one = await client().images.edit({ prompt: 'edit one', image: await file(1, 'a.png') });
    assert.equal(one.data?.length, 1);
    const two = await client().images.edit({
      prompt: 'edit two',
      image: [await file(1, 'a.png'), await file(2, 'b.png')],
      n: 2,
    });
    assert.equal(two.data?.length, 2);
    await client().images.edit({
      prompt: 'edit mask',
      image: await file(1, 'a.png'),
      mask: await file(3, 'mask.png'),
      response_format: 'b64_json',
    });
    const counts = async (prompt: string) => {
      const [task] = await tasksWith(prompt);
      const { json } = await app.request('GET', `/v1/tasks/${task?.id}`);
      return [json.mode, json.params.images.length, json.params.mask !== null];
    };
    assert.deepEqual(await counts('edit one'), ['image-to-image', 1, false]);
    assert.deepEqual(await counts('edit two'), ['image-to-image', 2, false]);
    assert.deepEqual(await counts('edit mask'), ['image-to-image', 1, true]);
  });

  test('stream: true gives the completed event of each picture', async () => {
    const stream = await client().images.generate({
      prompt: 'streamed',
      model: 'scripted',
      n: 2,
      stream: true,
    });
    const events = [];
    for await (const event of stream) events.push(event);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['image_generation.completed', 'image_generation.completed'],
    );
    const [first] = events;
    assert.ok(first?.type === 'image_generation.completed');
    assert.equal(first.size, '32x32');
    assert.equal(first.output_format, 'png');
    assert.equal((await sharp(Buffer.from(first.b64_json, 'base64')).metadata()).width, 32);
  });

  test('a failure while streaming is an error of the client', async () => {
    provider.pollScript.push(async () => ({
      state: 'failed',
      error: new ProviderError('content_blocked', 'yes', 'not this one'),
    }));
    const stream = await client().images.generate({ prompt: 'stream that fails', stream: true });
    await assert.rejects(async () => {
      for await (const _event of stream);
    }, APIError);
  });
});

describe('models', () => {
  test('are listed and found in OpenAI form', async () => {
    const names = [];
    for await (const model of client().models.list()) names.push([model.id, model.object, model.owned_by]);
    assert.deepEqual(names[0], ['scripted', 'model', 'scripted']);
    assert.ok(names.some(([id]) => id === 'sandbox'));
  });
});

describe('errors are those the client knows', () => {
  test('an unknown model', async () => {
    const call = client().images.generate({ prompt: 'x', model: 'dall-e-9' });
    await assert.rejects(call, (error: unknown) => {
      assert.ok(error instanceof NotFoundError);
      assert.equal(error.code, 'model_not_found');
      assert.match(error.message, /dall-e-9/);
      return true;
    });
  });

  test('a wrong key, and another provider’s key', async () => {
    for (const apiKey of ['dbk_wrong', 'sk-proj-0123456789abcdef0123456789abcdef']) {
      await assert.rejects(client({ apiKey }).images.generate({ prompt: 'x' }), AuthenticationError);
    }
  });

  test('no credits', async () => {
    const { json: account } = await app.request('POST', '/v1/admin/accounts', {
      name: 'poor',
      grant_credits: 0,
    });
    const { json: key } = await app.request(
      'POST',
      '/v1/keys',
      { name: 'poor' },
      { 'x-account-id': account.id },
    );
    const call = client({ apiKey: key.key }).images.generate({ prompt: 'x', model: 'scripted' });
    await assert.rejects(call, (error: unknown) => {
      assert.ok(error instanceof APIError);
      assert.equal(error.status, 402);
      assert.equal(error.code, 'insufficient_credits');
      return true;
    });
  });

  test('a wrong field is named', async () => {
    const call = client().images.generate({ prompt: 'x', size: '10x' });
    await assert.rejects(call, (error: unknown) => {
      assert.ok(error instanceof APIError);
      assert.equal(error.param, 'size');
      return true;
    });
  });

  test('a task that failed is not tried again by the client', async () => {
    provider.pollScript.push(async () => ({
      state: 'failed',
      error: new ProviderError('unavailable', 'yes', 'broken'),
    }));
    const call = client({ maxRetries: 2 }).images.generate({ prompt: 'fails for good' });
    await assert.rejects(call, (error: unknown) => error instanceof APIError && error.status === 502);
    assert.equal((await tasksWith('fails for good')).length, 1);
  });
});

describe('a repeated call', () => {
  test('that the client makes after a cut finds the task of the first', async () => {
    isHeld = true;
    const call = client({ baseURL: `${proxy.url}/v1`, maxRetries: 3 }).images.generate({
      prompt: 'cut once',
    });
    await someTask('cut once');
    const openedBefore = proxy.opened;
    proxy.cut();
    await until(() => proxy.opened > openedBefore, { what: 'the retry' });
    isHeld = false;
    const { data } = await call;
    assert.equal(data?.length, 1);
    assert.equal((await tasksWith('cut once')).length, 1);
  });

  test('that was cut again and again, also after the picture was ready, still finds it', async () => {
    isHeld = true;
    const call = client({ baseURL: `${proxy.url}/v1`, maxRetries: 4 }).images.generate({
      prompt: 'cut often',
    });
    await someTask('cut often');
    const openedBefore = proxy.opened;
    proxy.cut();
    await until(() => proxy.opened > openedBefore, { what: 'the first retry' });
    proxy.cut();
    isHeld = false;
    await until(async () => (await tasksWith('cut often'))[0]?.status === 'succeeded');
    const { data } = await call;
    assert.equal(data?.length, 1);
    assert.equal((await tasksWith('cut often')).length, 1);
  });

  test('without a retry count finds the unfinished task whose connection is gone', async () => {
    isHeld = true;
    const giveUp = new AbortController();
    const first = client().images.generate({ prompt: 'given up' }, { signal: giveUp.signal });
    await someTask('given up');
    const cutOff = () =>
      app.log.records.filter(({ message }) => message.includes('the client went away')).length;
    const cutBefore = cutOff();
    giveUp.abort();
    await assert.rejects(first);
    await until(() => cutOff() > cutBefore, { what: 'the line that says so' });
    const second = client().images.generate({ prompt: 'given up' });
    isHeld = false;
    assert.equal((await second).data?.length, 1);
    assert.equal((await tasksWith('given up')).length, 1);
  });

  test('while the first one is connected is a wish of its own', async () => {
    isHeld = true;
    const first = client().images.generate({ prompt: 'twice at once' });
    await someTask('twice at once');
    const second = client().images.generate({ prompt: 'twice at once' });
    await until(async () => (await tasksWith('twice at once')).length === 2, { what: 'the second task' });
    isHeld = false;
    const urls = (await Promise.all([first, second])).map(({ data }) => data?.[0]?.url);
    assert.equal(urls.length, 2);
  });

  test('many equal calls at the same time are as many wishes', async () => {
    isHeld = true;
    const calls = Array.from({ length: 24 }, () => client().images.generate({ prompt: 'crowd' }));
    const expected = until(async () => (await tasksWith('crowd')).length === 24, {
      limitMs: 8_000,
      what: '24 tasks',
    });
    await expected.finally(() => {
      isHeld = false;
    });
    await Promise.all(calls);
    assert.equal((await tasksWith('crowd')).length, 24);
  });

  test('after full delivery is a new wish, with or without a retry count', async () => {
    for (const headers of [{}, {}, { 'x-stainless-retry-count': '1' }]) {
      await client().images.generate({ prompt: 'delivered' }, { headers });
      // The delivery is noted right after the last byte was handed over.
      await until(async () => {
        const rows = await app.app.db.read
          .selectFrom('tasks')
          .select('answer_delivered_at')
          .where('prompt', '=', 'delivered')
          .execute();
        return rows.every((row) => row.answer_delivered_at !== null);
      });
    }
    assert.equal((await tasksWith('delivered')).length, 3);
  });

  test('with another format, or made on another route, is another request', async () => {
    isHeld = true;
    await app.request('POST', '/v1/tasks', { prompt: 'other form' });
    const giveUp = new AbortController();
    const byUrl = client().images.generate({ prompt: 'other form' }, { signal: giveUp.signal });
    await until(async () => (await tasksWith('other form')).length === 2, { what: 'a task of its own' });
    giveUp.abort();
    await assert.rejects(byUrl);
    isHeld = false;
    const { data } = await client().images.generate({ prompt: 'other form', response_format: 'b64_json' });
    assert.ok(data?.[0]?.b64_json);
    assert.equal((await tasksWith('other form')).length, 3);
  });

  test('an edit that was cut finds its task by the content of its pictures', async () => {
    isHeld = true;
    const image = await toFile(await png(9), 'a.png', { type: 'image/png' });
    const call = client({ baseURL: `${proxy.url}/v1`, maxRetries: 2 }).images.edit({
      prompt: 'cut edit',
      image,
    });
    await someTask('cut edit');
    const openedBefore = proxy.opened;
    proxy.cut();
    await until(() => proxy.opened > openedBefore);
    isHeld = false;
    assert.equal((await call).data?.length, 1);
    assert.equal((await tasksWith('cut edit')).length, 1);
  });

  test('an Idempotency-Key attaches whatever happened in between', async () => {
    const options = { headers: { 'idempotency-key': 'openai-1' } };
    const first = await client().images.generate({ prompt: 'keyed' }, options);
    const again = await client().images.generate({ prompt: 'keyed' }, options);
    assert.equal(again.data?.[0]?.url, first.data?.[0]?.url);
    assert.equal((await tasksWith('keyed')).length, 1);
    await assert.rejects(client().images.generate({ prompt: 'keyed differently' }, options), { status: 400 });
  });
});

describe('Prefer: respond-async', () => {
  test('answers at once where the task is', async () => {
    isHeld = true;
    const ask = () =>
      app.request('POST', '/v1/images/generations', { prompt: 'later' }, { prefer: 'respond-async' });
    const answer = await ask();
    assert.equal(answer.status, 202);
    assert.equal(answer.json.urls.get, `${app.url}/v1/tasks/${answer.json.id}`);
    assert.equal(answer.headers.get('location'), answer.json.urls.get);
    assert.equal(answer.headers.get('x-task-id'), answer.json.id);
    await until(async () => {
      const row = await app.app.db.read
        .selectFrom('tasks')
        .select('answer_delivered_at')
        .where('id', '=', answer.json.id)
        .executeTakeFirst();
      return row?.answer_delivered_at !== null;
    });
    assert.notEqual((await ask()).json.id, answer.json.id, 'the first answer was delivered: a new wish');
  });
});

/** The text that has arrived so far of an answer that is not over. */
async function openAnswer(url: string, body: object) {
  const response = await fetch(`${url}/v1/images/generations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const got = { response, text: '', isOver: false };
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) got.text += decoder.decode(chunk as Uint8Array);
  };
  void read().finally(() => {
    got.isOver = true;
  });
  return got;
}

describe('a result that takes longer than gateways wait', () => {
  const clock = new FakeClock();
  const slow = new ScriptedProvider();
  let late: TestApp;
  let isReady = false;
  let failure: ProviderError | null = null;

  before(async () => {
    slow.onPoll = async (call) => {
      if (!isReady) return { state: 'running', progress: null, pollAfterMs: 1_000 };
      if (failure) return { state: 'failed', error: failure };
      return { state: 'done', outputs: await pictures(call, call.request.n) };
    };
    late = await startTestApp({ clock, providers: [{ adapter: slow, lane: LANE }] });
  });
  beforeEach(() => {
    isReady = false;
    failure = null;
  });
  after(() => late.close());

  test('starts with white space that no JSON parser minds', async () => {
    const asked = openAnswer(late.url, { prompt: 'slow' });
    let hasHeaders = false;
    void asked.then(() => {
      hasHeaders = true;
    });
    await until(() => slow.polls > 0, { clock, stepMs: 1 });
    const startedAt = clock.now();
    await until(() => hasHeaders, { clock, stepMs: 500, what: 'the headers' });
    assert.ok(clock.now() - startedAt >= 19_000, `the status was given after ${clock.now() - startedAt} ms`);
    const answer = await asked;
    assert.equal(answer.response.status, 200);
    assert.match(answer.response.headers.get('x-task-id') ?? '', /^task_/);
    const spacesAt = clock.now();
    await until(() => answer.text.length >= 3, { clock, stepMs: 1_000, what: 'three spaces' });
    assert.ok(clock.now() - spacesAt <= 3 * 15_000 + 2_000);
    assert.match(answer.text, /^ +$/);
    isReady = true;
    // In small steps: the picture is decoded in real time, and a decoder has 10 s of this clock.
    await until(() => answer.isOver, { clock, stepMs: 20, what: 'the body' });
    const body = JSON.parse(answer.text);
    assert.equal(body.data.length, 1);
    assert.ok(body.data[0].url.startsWith(late.url));
  });

  test('a failure by then is 200 with the error and no data', async () => {
    const asked = openAnswer(late.url, { prompt: 'slow failure' });
    const answer = await until(async () => Promise.race([asked, Promise.resolve(null)]), {
      clock,
      stepMs: 500,
      what: 'the headers',
    });
    failure = new ProviderError('content_blocked', 'yes', 'refused in the end');
    isReady = true;
    // In small steps: the picture is decoded in real time, and a decoder has 10 s of this clock.
    await until(() => answer.isOver, { clock, stepMs: 20, what: 'the body' });
    const body = JSON.parse(answer.text);
    assert.equal(answer.response.status, 200);
    assert.deepEqual(body.data, []);
    assert.equal(body.error.code, 'content_blocked');
    assert.match(body.error.message, /refused in the end/);
  });

  test('a server that stops ends held answers at once, and a retry finds the task', async () => {
    const ownClock = new FakeClock();
    const ended = await startTestApp({
      clock: ownClock,
      providers: [{ adapter: new ScriptedProvider(), lane: { concurrency: 1, deadlineMs: 600_000 } }],
    });
    let isStopped = false;
    try {
      const adapter = ended.app.providers.adapter('scripted') as ScriptedProvider;
      adapter.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 1_000 });
      const silent = openAnswer(ended.url, { prompt: 'within the silence' });
      await until(() => adapter.polls > 0, { clock: ownClock, stepMs: 50 });
      const stopping = ended.close().then(() => {
        isStopped = true;
      });
      const answer = await silent;
      assert.equal(answer.response.status, 503);
      assert.ok(answer.response.headers.get('retry-after'));
      await until(() => isStopped, {
        clock: ownClock,
        stepMs: 100,
        limitMs: 10_000,
        what: 'the end of the server',
      });
      await stopping;
    } finally {
      if (!isStopped) await ended.close();
    }
  });
});
