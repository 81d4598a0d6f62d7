// KIE AI over real HTTP: what is sent, and what each answer means. Ids are fault matrix rows.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { failureOf, inputPicture, requestFor } from '../../../test/harness/adapter-calls.ts';
import { FakeClock } from '../../../test/harness/clock.ts';
import {
  type FakeKie,
  type FakeLeg,
  fakeCallback,
  fakeResult,
  fakeSignature,
  fakeTask,
  startFakeKie,
} from '../../../test/harness/fake-kie.ts';
import type { FakeAnswer } from '../../../test/harness/scripted-http.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { quotable } from '../../kernel/quotable.ts';
import type { CallbackVerdict, GenerationRequest, ProviderAdapter } from '../provider.ts';
import { createKieProvider } from './kie.ts';
import { parseKieSettings } from './kie-settings.ts';

const KEY = 'canary0123456789abcdef';
const HTML = '<html><title>524: A timeout occurred</title></html>';
const TASK = 'task_1';
const SECOND_KEY = 'canary-second-0123456789';
const WEBHOOK_KEY = 'canary-webhook-0123456789';

interface Stage {
  fake: FakeKie;
  adapter: ProviderAdapter;
  clock: FakeClock;
  log: ReturnType<typeof createMemoryLogger>;
}

async function start(t: TestContext, raw: Record<string, unknown> = {}): Promise<Stage> {
  const fake = await startFakeKie(t);
  const clock = new FakeClock(1_795_320_000_000);
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const { settings } = parseKieSettings({ base_url: fake.url, api_key: KEY, ...raw });
  const adapter = createKieProvider({ settings, outbound, clock, log });
  t.after(async () => {
    await adapter.close();
    await outbound.close();
    assert.doesNotMatch(log.text(), /canary/, 'K1: a secret is in the log');
  });
  return { fake, adapter, clock, log };
}

const requestOf = (changes: Partial<GenerationRequest> = {}) => requestFor('nano-banana-2', changes);

const callOf = (changes: Partial<GenerationRequest>, signal?: AbortSignal) => ({
  request: requestOf(changes),
  clientRef: 'job_1',
  signal: signal ?? new AbortController().signal,
  spool: () => assert.fail('nothing is spooled'),
  onProgress: () => {},
  onPreview: () => {},
  callbackUrl: null,
});
const submit = ({ adapter }: Stage, changes: Partial<GenerationRequest> = {}, signal?: AbortSignal) =>
  adapter.submit(callOf(changes, signal));
const poll = ({ adapter }: Stage, jobId = TASK) => adapter.poll({ ...callOf({}), jobId });
const probe = ({ adapter }: Stage) => adapter.probe({ signal: new AbortController().signal });
const count = ({ fake }: Stage, leg: FakeLeg) => fake.calls.filter((call) => call.leg === leg).length;

/** What one scripted answer to createTask is taken for. */
async function outcomeOf(stage: Stage, answer: FakeAnswer) {
  const before = count(stage, 'create');
  stage.fake.script.create = [answer];
  const error = await failureOf(submit(stage));
  assert.equal(count(stage, 'create') - before, 1, 'S13: one request for one submit');
  return [error.kind, error.created];
}

async function pollFailure(stage: Stage, answer: FakeAnswer) {
  stage.fake.script.poll = [answer];
  const error = await failureOf(poll(stage));
  assert.equal(error.created, 'yes');
  return error.kind;
}

const refusal = (code: number, msg = 'no', status = 200): FakeAnswer => ({
  status,
  body: { code, msg, data: null },
});

test('a task is made, asked about, and its pictures come as addresses', async (t) => {
  const stage = await start(t);
  const accepted = await submit(stage, { width: 1920, height: 1080 });
  assert.deepEqual(accepted, { state: 'accepted', jobId: TASK, pollAfterMs: 5000 });
  const [call] = stage.fake.calls;
  assert.equal(call?.authorization, `Bearer ${KEY}`);
  assert.deepEqual(JSON.parse(call?.body.toString() ?? ''), {
    model: 'nano-banana-2',
    input: { prompt: 'a paper boat', aspect_ratio: '16:9', resolution: '2K', output_format: 'png' },
  });
  assert.deepEqual(await poll(stage), {
    state: 'done',
    outputs: [{ url: 'https://file.example/a.png', seed: null }],
  });
  assert.equal(stage.fake.calls.at(-1)?.path, '/api/v1/jobs/recordInfo?taskId=task_1');
});

test('each model is asked in its own words', async (t) => {
  const stage = await start(t);
  for (const model of [
    'google/nano-banana',
    'seedream/4.5-text-to-image',
    'gpt-image-2-text-to-image',
    'nano-banana-pro',
  ]) {
    await submit(stage, { model, width: 1024, height: 1536 });
  }
  const prompt = 'a paper boat';
  assert.deepEqual(
    stage.fake.tasks.map(({ model, input }) => ({ model, input })),
    [
      { model: 'google/nano-banana', input: { prompt, image_size: '2:3', output_format: 'png' } },
      { model: 'seedream/4.5-text-to-image', input: { prompt, aspect_ratio: '2:3', quality: 'basic' } },
      { model: 'gpt-image-2-text-to-image', input: { prompt, aspect_ratio: '2:3' } },
      {
        model: 'nano-banana-pro',
        input: { prompt, aspect_ratio: '2:3', resolution: '1K', output_format: 'png' },
      },
    ],
  );
  await submit(stage, { model: 'seedream/4.5-text-to-image', width: 4096, height: 4096 });
  assert.equal(stage.fake.tasks.at(-1)?.input.quality, 'high');
});

test('image-to-image uploads the pictures first and names them in the field of the model', async (t) => {
  const stage = await start(t);
  const bytes = Buffer.alloc(200_000, 9);
  const images = [await inputPicture(t, bytes), await inputPicture(t, Buffer.from('x'))];
  const urls = ['https://tempfile.example/in-1.png', 'https://tempfile.example/in-2.png'];
  await submit(stage, { mode: 'image-to-image', model: 'google/nano-banana', images });
  const [upload] = stage.fake.calls;
  assert.equal(upload?.leg, 'upload');
  assert.equal(upload.authorization, `Bearer ${KEY}`);
  const headers = { 'content-type': upload.contentType };
  const form = await new Response(new Uint8Array(upload.body), { headers }).formData();
  const file = form.get('file') as File;
  assert.ok(Buffer.from(await file.arrayBuffer()).equals(bytes));
  assert.equal(form.get('uploadPath'), 'drawbridge');
  assert.match(String(form.get('fileName')), /^[0-9a-f-]{36}\.png$/);
  const [task] = stage.fake.tasks;
  assert.equal(task?.model, 'google/nano-banana-edit');
  assert.deepEqual(task.input.image_urls, urls);
  await submit(stage, { mode: 'image-to-image', images: images.slice(0, 1) });
  assert.deepEqual(stage.fake.tasks.at(-1)?.input.image_input, ['https://tempfile.example/in-3.png']);
});

test('U1, U2: an upload that fails leaves no task behind, whatever went wrong', async (t) => {
  const stage = await start(t);
  const images = [await inputPicture(t, Buffer.alloc(100))];
  const cases: [FakeAnswer, string][] = [
    [{ status: 503, body: HTML }, 'unavailable'],
    [{ status: 524, body: HTML }, 'timeout'],
    [{ cut: 'reset' }, 'unavailable'],
    [{ body: { success: true, code: 200, data: {} } }, 'bad_answer'],
    [{ body: HTML }, 'bad_answer'],
    [refusal(401), 'credentials_expired'],
    [{ body: { success: false, code: 500, msg: 'x', data: null } }, 'unavailable'],
  ];
  for (const [answer, kind] of cases) {
    stage.fake.script.upload = [answer];
    const error = await failureOf(submit(stage, { mode: 'image-to-image', images }));
    assert.deepEqual([error.kind, error.created], [kind, 'no'], JSON.stringify(answer));
  }
  assert.equal(count(stage, 'create'), 0);
  const data = { downloadUrl: 'https://tempfile.example/x.png' };
  stage.fake.script.upload = [{ body: { success: true, data } }];
  await submit(stage, { mode: 'image-to-image', images });
  assert.deepEqual(
    stage.fake.tasks.at(-1)?.input.image_input,
    [data.downloadUrl],
    'a success without a code',
  );
});

test('what a model cannot take is refused before anything is sent', async (t) => {
  const stage = await start(t);
  const small = await inputPicture(t, Buffer.alloc(10));
  const tooMany = Array.from({ length: 6 }, () => small);
  const cases: Partial<GenerationRequest>[] = [
    { model: 'google/nano-banana', images: tooMany },
    { model: 'google/nano-banana', images: [{ ...small, bytes: 11 * 1024 * 1024 }] },
    { model: 'seedream/4.5-text-to-image', prompt: 'x'.repeat(3001) },
    { model: 'no-such-model' },
  ];
  for (const changes of cases) {
    const error = await failureOf(submit(stage, changes));
    assert.deepEqual([error.kind, error.created], ['invalid_request', 'no']);
  }
  assert.equal(stage.fake.calls.length, 0);
});

test('PC3: states are running until success or fail; an unknown one is running too', async (t) => {
  const stage = await start(t);
  const states: [Record<string, unknown>, number | null][] = [
    [{ state: 'waiting' }, null],
    [{ state: 'queuing', progress: '' }, null],
    [{ state: 'generating', progress: 40 }, 0.4],
    [{ state: 'generating', progress: '0.30' }, 0.3],
    [{ state: 'generating', progress: 'soon' }, null],
    [{ state: 'generating', progress: -1 }, null],
    [{ state: 'polishing' }, null],
  ];
  for (const [changes, progress] of states) {
    stage.fake.script.poll = [fakeTask(TASK, changes)];
    assert.deepEqual(
      await poll(stage),
      { state: 'running', progress, pollAfterMs: 3000 },
      JSON.stringify(changes),
    );
  }
  assert.match(stage.log.text(), /"state":"polishing"/);
  stage.clock.advance(3 * 60_000);
  stage.fake.script.poll = [fakeTask(TASK, { state: 'generating' })];
  assert.deepEqual(await poll(stage), { state: 'running', progress: null, pollAfterMs: 10_000 });
});

test('Flux Kontext is asked in an API of its own', async (t) => {
  const stage = await start(t);
  const model = 'flux-kontext-pro';
  const images = [await inputPicture(t, Buffer.alloc(10))];
  const accepted = await submit(stage, { mode: 'image-to-image', model, images, width: 1280, height: 720 });
  const created = stage.fake.calls.at(-1);
  assert.equal(created?.path, '/api/v1/flux/kontext/generate');
  assert.deepEqual(JSON.parse(created?.body.toString() ?? ''), {
    model,
    prompt: 'a paper boat',
    aspectRatio: '16:9',
    inputImage: 'https://tempfile.example/in-1.png',
    outputFormat: 'png',
  });
  assert.equal(accepted.jobId, TASK);
  const url = 'https://file.example/flux.png';
  const read = async (data: Record<string, unknown>) => {
    stage.fake.script.poll = [{ body: { code: 200, msg: 'success', data: { taskId: TASK, ...data } } }];
    return stage.adapter.poll({ ...callOf({ model }), jobId: TASK });
  };
  const running = { state: 'running', progress: null, pollAfterMs: 3000 };
  const done = (address: string) => ({ state: 'done', outputs: [{ url: address, seed: null }] });
  assert.deepEqual(await read({ successFlag: 0 }), running);
  assert.equal(stage.fake.calls.at(-1)?.path, '/api/v1/flux/kontext/record-info?taskId=task_1');
  assert.deepEqual(await read({ successFlag: 1, response: { resultImageUrl: url } }), done(url));
  assert.deepEqual(await read({ successFlag: 4, response: { resultImageUrl: url } }), done(`${url}?fresh=1`));
  assert.equal(stage.fake.calls.at(-1)?.path, '/api/v1/common/download-url');
  assert.deepEqual(await read({ successFlag: 4, response: null }), running);
  assert.deepEqual(await read({ successFlag: 9 }), running);
  assert.deepEqual(await read({}), running);
  for (const successFlag of [2, 3]) {
    const failed = await read({ successFlag, errorCode: 400, errorMessage: 'content policy violation' });
    assert.equal(failed.state === 'failed' && failed.error.kind, 'content_blocked');
  }
  assert.equal((await failureOf(read({ successFlag: 1, response: {} }))).kind, 'bad_answer');
});

test('S8: a task that failed says why, and whether the content was the reason', async (t) => {
  const stage = await start(t);
  const failed = async (changes: Record<string, unknown>, code = 200) => {
    const { body } = fakeTask(TASK, { state: 'fail', ...changes });
    stage.fake.script.poll = [{ body: { ...body, code } }];
    const result = await poll(stage);
    assert.equal(result.state, 'failed');
    return result.state === 'failed' ? [result.error.kind, result.error.message] : [];
  };
  assert.deepEqual(await failed({ failCode: '500', failMsg: `overloaded ${KEY} http://10.0.0.1/x` }), [
    'invalid_request',
    'KIE AI could not make this picture (500): overloaded … …',
  ]);
  const [kind, message] = await failed({ failCode: '422', failMsg: 'flagged as sensitive content' }, 501);
  assert.equal(kind, 'content_blocked');
  assert.match(message ?? '', /refused the content/);
  assert.deepEqual(await failed({ failCode: null, failMsg: null }), [
    'invalid_request',
    'KIE AI could not make this picture',
  ]);
});

test('PC1: a poll that fails is asked again; the task is never given up or believed lost', async (t) => {
  const stage = await start(t);
  assert.equal(await pollFailure(stage, { status: 502, body: HTML }), 'unavailable');
  assert.equal(await pollFailure(stage, { status: 524, body: HTML }), 'timeout');
  assert.equal(await pollFailure(stage, { body: HTML }), 'bad_answer');
  assert.equal(await pollFailure(stage, { cut: 'reset' }), 'unavailable');
  assert.equal(await pollFailure(stage, refusal(500)), 'unavailable');
  assert.equal(await pollFailure(stage, refusal(429)), 'rate_limited');
  // PC8: the same task goes on under a new key.
  assert.equal(await pollFailure(stage, refusal(401)), 'credentials_expired');
  // PC2: nothing proves that a task KIE does not find will not deliver, and it is paid for.
  assert.equal(await pollFailure(stage, refusal(404, 'task not found')), 'invalid_request');
  assert.equal(await pollFailure(stage, { body: { code: 200, msg: 'success', data: null } }), 'bad_answer');
  assert.equal(await pollFailure(stage, fakeTask('task_other', { state: 'success' })), 'bad_answer');
});

test('D1, PC9: a success without readable pictures is asked again, one with none is an answer', async (t) => {
  const stage = await start(t);
  for (const resultJson of [
    '',
    '{"resultUrls":["https://fi',
    null,
    '[]',
    '{"resultUrls":["file:///etc/passwd"]}',
  ]) {
    assert.equal(await pollFailure(stage, fakeTask(TASK, { state: 'success', resultJson })), 'bad_answer');
  }
  stage.fake.script.poll = [fakeTask(TASK, { state: 'success', resultJson: fakeResult() })];
  assert.deepEqual(await poll(stage), { state: 'done', outputs: [] });
  stage.fake.script.poll = [
    fakeTask(TASK, { state: 'success', resultJson: { resultUrls: ['https://f.example/1', 2] } }),
  ];
  assert.deepEqual(await poll(stage), {
    state: 'done',
    outputs: [{ url: 'https://f.example/1', seed: null }],
  });
});

test('S4, S8: refusals inside HTTP 200 and beside it', async (t) => {
  const stage = await start(t);
  const cases: [FakeAnswer, [string, string]][] = [
    [refusal(400, 'bad aspect_ratio'), ['invalid_request', 'no']],
    [refusal(400, 'Your prompt was flagged as violating content policies'), ['content_blocked', 'no']],
    [refusal(422, 'image_size is not valid', 422), ['invalid_request', 'no']],
    [refusal(409), ['invalid_request', 'unknown']],
    [refusal(451), ['unavailable', 'no']],
    [refusal(455), ['unavailable', 'no']],
    [refusal(500), ['unavailable', 'unknown']],
    [refusal(500, 'x', 500), ['unavailable', 'unknown']],
    [refusal(505), ['invalid_request', 'no']],
    [refusal(550), ['unavailable', 'no']],
    [refusal(999), ['unavailable', 'unknown']],
    [{ body: { code: 422, message: 'said in message' } }, ['invalid_request', 'no']],
    [{ status: 404, body: HTML }, ['unavailable', 'no']],
    [{ status: 413, body: HTML }, ['invalid_request', 'no']],
  ];
  for (const [answer, outcome] of cases) {
    assert.deepEqual(await outcomeOf(stage, answer), outcome, JSON.stringify(answer));
  }
  stage.fake.script.create = [{ body: { code: 422, message: 'said in message' } }];
  assert.equal((await failureOf(submit(stage))).message, 'KIE AI refused the request: said in message');
});

test('S6: a refused key says how to mend it', async (t) => {
  const stage = await start(t);
  for (const answer of [refusal(401), refusal(401, 'x', 401), { status: 401, body: HTML }, refusal(403)]) {
    stage.fake.script.create = [answer];
    const error = await failureOf(submit(stage));
    assert.deepEqual([error.kind, error.created], ['credentials_expired', 'no']);
    assert.match(error.message, /set-secret kie/);
  }
  // A page of the edge says nothing about the key.
  assert.deepEqual(await outcomeOf(stage, { status: 403, body: HTML }), ['unavailable', 'no']);
  stage.fake.script.credit = [refusal(401)];
  assert.equal((await failureOf(probe(stage))).kind, 'credentials_expired');
});

test('S7: an empty account is told by the answer and by the probe', async (t) => {
  const stage = await start(t);
  assert.deepEqual(await outcomeOf(stage, refusal(402, 'Insufficient credits')), ['quota_exhausted', 'no']);
  assert.deepEqual(await probe(stage), { note: '2510 KIE credits left' });
  stage.fake.credit = 0;
  assert.equal((await failureOf(probe(stage))).kind, 'quota_exhausted');
  stage.fake.script.credit = [{ body: { code: 200, msg: 'success', data: null } }];
  assert.equal((await failureOf(probe(stage))).kind, 'bad_answer');
});

test('S5: a rate limit is a refusal; the wait is at least the window and never absurd', async (t) => {
  const stage = await start(t);
  const waits = async (answer: FakeAnswer) => {
    stage.fake.script.create = [answer];
    const error = await failureOf(submit(stage));
    assert.deepEqual([error.kind, error.created], ['rate_limited', 'no']);
    return error.retryAfterMs;
  };
  const page = (header?: string) => ({
    status: 429,
    body: HTML,
    headers: header === undefined ? {} : { 'retry-after': header },
  });
  assert.equal(await waits(refusal(429)), 10_000);
  assert.equal(await waits(refusal(430)), 10_000);
  assert.equal(await waits(page()), 10_000);
  assert.equal(await waits(page('25')), 25_000);
  assert.equal(await waits(page('-5')), 10_000);
  assert.equal(await waits(page('99999999999999999999')), 60 * 60_000);
  assert.equal(await waits(page(new Date(stage.clock.now() + 30_000).toUTCString())), 30_000);
});

test('S2, S3: time-outs, resets and gateway pages leave it open whether a task exists', async (t) => {
  const stage = await start(t);
  for (const status of [504, 522, 524]) {
    assert.deepEqual(await outcomeOf(stage, { status, body: HTML }), ['timeout', 'unknown']);
  }
  for (const status of [500, 502, 503, 520]) {
    assert.deepEqual(await outcomeOf(stage, { status, body: HTML }), ['unavailable', 'unknown']);
  }
  assert.deepEqual(await outcomeOf(stage, { cut: 'reset' }), ['unavailable', 'unknown']);
  const read = Promise.withResolvers<void>();
  stage.fake.onCall = () => read.resolve();
  stage.fake.script.create = [{ after: new Promise(() => {}) }];
  const failure = failureOf(submit(stage));
  await read.promise;
  stage.clock.advance(60_000);
  const silent = await failure;
  assert.deepEqual([silent.kind, silent.created], ['timeout', 'unknown']);
  const stop = new AbortController();
  stage.fake.onCall = () => stop.abort();
  stage.fake.script.create = [{ after: new Promise(() => {}) }];
  assert.equal((await failureOf(submit(stage, {}, stop.signal))).created, 'unknown');
});

test('S9, S10: only a whole answer with a task id is a success', async (t) => {
  const stage = await start(t);
  const unknown = ['bad_answer', 'unknown'];
  const success = (data: unknown) => ({ body: { code: 200, msg: 'success', data } });
  assert.deepEqual(await outcomeOf(stage, { body: HTML }), unknown);
  assert.deepEqual(await outcomeOf(stage, { body: '' }), unknown);
  assert.deepEqual(await outcomeOf(stage, { body: [] }), unknown);
  assert.deepEqual(await outcomeOf(stage, { body: { error: 'x' } }), unknown);
  assert.deepEqual(await outcomeOf(stage, success(null)), unknown);
  assert.deepEqual(await outcomeOf(stage, success({ taskId: '' })), unknown);
  assert.deepEqual(await outcomeOf(stage, success({ taskId: 'x'.repeat(300) })), unknown);
  assert.deepEqual(await outcomeOf(stage, { ...success({ taskId: TASK }), cut: 'truncate' }), unknown);
  const filler = 'x'.repeat(2 * 1024 * 1024);
  assert.deepEqual(await outcomeOf(stage, success({ taskId: TASK, filler })), unknown);
  stage.fake.script.create = [{ body: `\ufeff${JSON.stringify(success({ taskId: TASK }).body)}` }];
  assert.equal((await submit(stage)).jobId, TASK, 'a byte order mark is no fault');
});

test('S14: a redirect is not followed, so that the key goes nowhere else', async (t) => {
  const stage = await start(t);
  const elsewhere = await startFakeKie(t);
  for (const status of [301, 302, 307, 308]) {
    const headers = { location: `${elsewhere.url}/api/v1/jobs/createTask` };
    assert.deepEqual(await outcomeOf(stage, { status, headers }), ['unavailable', 'no']);
  }
  assert.deepEqual(await outcomeOf(stage, { status: 303, headers: { location: elsewhere.url } }), [
    'unavailable',
    'unknown',
  ]);
  const headers = { location: `${elsewhere.url}/api/v1/jobs/recordInfo` };
  assert.equal(await pollFailure(stage, { status: 302, headers }), 'unavailable');
  assert.deepEqual(elsewhere.calls, []);
});

test('S1: a refused connection is not sent', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const stage = await start(t, { base_url: `http://127.0.0.1:${port}` });
  const images = [await inputPicture(t, Buffer.alloc(10))];
  for (const changes of [{}, { mode: 'image-to-image', images } as const]) {
    const { kind, created } = await failureOf(submit(stage, changes));
    assert.deepEqual([kind, created], ['unreachable', 'no']);
  }
});

test('without a key nothing is sent', async (t) => {
  const stage = await start(t, { api_key: '' });
  for (const call of [submit(stage), poll(stage), probe(stage)]) {
    assert.equal((await failureOf(call)).kind, 'credentials_missing');
  }
  assert.equal(stage.fake.calls.length, 0);
});

test('settings are checked and have defaults; the key of another service does not go to KIE', () => {
  const { settings, lane } = parseKieSettings({ api_key: KEY, user_id: '42' });
  assert.deepEqual(
    [settings.baseUrl, settings.uploadUrl],
    ['https://api.kie.ai', 'https://kieai.redpandaai.co'],
  );
  assert.deepEqual(lane, { concurrency: 10, deadlineMs: 30 * 60_000 });
  const relay = parseKieSettings({ api_key: KEY, base_url: 'https://relay.example/kie/' }).settings;
  assert.deepEqual(
    [relay.baseUrl, relay.uploadUrl],
    ['https://relay.example/kie', 'https://relay.example/kie'],
  );
  const own = parseKieSettings({ api_key: KEY, base_url: 'https://api.kie.ai/api/v1' }).settings;
  assert.deepEqual([own.baseUrl, own.uploadUrl], ['https://api.kie.ai', 'https://kieai.redpandaai.co']);
  const raws = [
    { base_url: 'kie' },
    { base_url: 'https://a:b@x' },
    { models: 'x' },
    { price: -1 },
    { api_key: `${KEY}\n1` },
    { webhook_key: `${KEY} 1` },
  ];
  for (const raw of raws) {
    assert.throws(
      () => parseKieSettings(raw),
      (error: Error) => /^providers\.kie\./.test(error.message) && !error.message.includes(KEY),
    );
  }
});

test('the models offered can be chosen', async (t) => {
  const { adapter } = await start(t, { models: 'google/nano-banana, nano-banana-pro' });
  assert.deepEqual(
    adapter.models.map(({ name }) => name),
    ['google/nano-banana', 'nano-banana-pro'],
  );
});

test('K1: what is quoted has no secrets, addresses or markup, and is short', () => {
  const text = `<script>x</script> ${KEY} Bearer abcdefghijkl0 https://a.example/x?y=1 10.1.2.3:80 host:5100 [::1]:80 ${'x'.repeat(500)}`;
  const quote = quotable(text, [KEY]);
  assert.doesNotMatch(quote, /canary|abcdefghijkl0|example|10\.1|5100|::1|</);
  assert.ok(quote.length <= 161);
});

test('D1: whoever asks again gets fresh addresses, and the known one where KIE gives none', async (t) => {
  const stage = await start(t);
  const url = 'https://file.example/a.png';
  const urls = async () => {
    const result = await poll(stage);
    assert.equal(result.state, 'done');
    return result.state === 'done' ? result.outputs.map((output) => 'url' in output && output.url) : [];
  };
  assert.deepEqual(await urls(), [url]);
  assert.equal(count(stage, 'link'), 0);
  assert.deepEqual(await urls(), [`${url}?fresh=1`]);
  assert.deepEqual(JSON.parse(stage.fake.calls.at(-1)?.body.toString() ?? ''), { url });
  for (const answer of [
    refusal(422, 'not our url'),
    { status: 502, body: HTML },
    { body: { code: 200, data: 'x' } },
  ]) {
    stage.fake.script.link = [answer];
    assert.deepEqual(await urls(), [url], JSON.stringify(answer));
  }
});

test('D1: a first look long after the end, as after a restart, gets fresh addresses too', async (t) => {
  const stage = await start(t);
  const completeTime = stage.clock.now() - 11 * 60_000;
  stage.fake.script.poll = [
    fakeTask(TASK, { state: 'success', resultJson: fakeResult('https://f.example/1'), completeTime }),
  ];
  const result = await poll(stage);
  assert.deepEqual(result.state === 'done' && result.outputs, [
    { url: 'https://f.example/1?fresh=1', seed: null },
  ]);
});

test('a call back is asked for only where something can reach this server', async (t) => {
  const stage = await start(t);
  const callbackUrl = 'https://draw.example/v1/callbacks/kie/token';
  const bodies = () => stage.fake.tasks.map((task) => (task as { callBackUrl?: string }).callBackUrl);
  for (const model of ['nano-banana-2', 'flux-kontext-pro']) {
    await stage.adapter.submit({ ...callOf({ model }), callbackUrl });
    await submit(stage, { model });
  }
  assert.deepEqual(bodies(), [callbackUrl, undefined, callbackUrl, undefined]);
  assert.ok(stage.adapter.models.every(({ capabilities }) => capabilities.callback));
});

test('PC4: a call back wakes, again and again, wherever it says the id; nothing else is read', async (t) => {
  const { adapter, clock } = await start(t);
  const judge = (body: Uint8Array): CallbackVerdict | undefined =>
    adapter.parseCallback?.({ headers: {}, body, nowMs: clock.now() });
  const wake = { state: 'wake', jobId: TASK };
  assert.deepEqual(judge(fakeCallback(TASK)), wake);
  assert.deepEqual(judge(fakeCallback(TASK)), wake, 'a duplicate is no fault');
  assert.deepEqual(judge(fakeCallback(TASK, { task_id: TASK })), wake);
  assert.deepEqual(judge(Buffer.from(`{"taskId":"${TASK}"}`)), wake);
  for (const body of ['', HTML, '[]', 'null', '{"data":{"taskId":{}}}', `${'['.repeat(100_000)}`]) {
    assert.deepEqual(judge(Buffer.from(body)), { state: 'wake', jobId: null });
  }
});

test('PC4, PC5: with a webhook key only a signed and fresh call back wakes', async (t) => {
  const { adapter, clock } = await start(t, { webhook_key: ['canary-old-key', WEBHOOK_KEY] });
  const nowMs = clock.now();
  const judge = (headers: Record<string, string | undefined>, body = fakeCallback(TASK)) =>
    adapter.parseCallback?.({ headers, body, nowMs })?.state;
  const signed = fakeSignature(WEBHOOK_KEY, TASK, nowMs);
  assert.equal(judge(signed), 'wake');
  assert.equal(judge(signed), 'wake', 'a duplicate is no fault');
  assert.equal(judge(fakeSignature('canary-old-key', TASK, nowMs)), 'wake');
  assert.equal(judge(fakeSignature(WEBHOOK_KEY, TASK, nowMs - 299_000)), 'wake');
  assert.equal(judge(fakeSignature(WEBHOOK_KEY, TASK, nowMs - 301_000)), 'stale');
  assert.equal(judge(fakeSignature(WEBHOOK_KEY, TASK, nowMs + 301_000)), 'stale');
  assert.equal(judge({}), 'forged');
  assert.equal(judge({ ...signed, 'x-webhook-signature': undefined }), 'forged');
  assert.equal(
    judge({ ...signed, 'x-webhook-timestamp': String(nowMs) }),
    'forged',
    'another time than the signed',
  );
  assert.equal(judge({ ...signed, 'x-webhook-timestamp': 'soon' }), 'forged');
  assert.equal(judge(fakeSignature('another-key', TASK, nowMs)), 'forged');
  assert.equal(judge(fakeSignature('another-key', TASK, nowMs - 301_000)), 'forged', 'old and not ours');
  assert.equal(judge(fakeSignature(WEBHOOK_KEY, 'task_2', nowMs)), 'forged', 'signed for another task');
  assert.equal(judge(signed, Buffer.from(HTML)), 'forged');
});

test('several keys: each attempt keeps to its own, and no other is tried', async (t) => {
  const stage = await start(t, { api_key: [KEY, SECOND_KEY] });
  const { adapter, fake } = stage;
  assert.deepEqual(
    adapter.credentials?.map(({ label }) => label),
    ['key 1 of 2', 'key 2 of 2'],
  );
  assert.doesNotMatch(JSON.stringify(adapter.credentials), /canary/);
  const second = adapter.credentials?.[1]?.id ?? '';
  const used = () => fake.calls.at(-1)?.authorization;
  await submit(stage);
  assert.equal(used(), `Bearer ${KEY}`);
  await adapter.submit({ ...callOf({}), credential: second });
  assert.equal(used(), `Bearer ${SECOND_KEY}`);
  await adapter.poll({ ...callOf({}), jobId: TASK, credential: second });
  assert.equal(used(), `Bearer ${SECOND_KEY}`);
  const before = fake.calls.length;
  const gone = adapter.poll({ ...callOf({}), jobId: TASK, credential: 'other' });
  const { kind, created } = await failureOf(gone);
  assert.deepEqual([kind, created], ['credentials_missing', 'yes']);
  assert.equal(fake.calls.length, before, 'a task is asked about with no other key');
});

test('S6: with several keys one that works is enough, and each can be asked on its own', async (t) => {
  const stage = await start(t, { api_key: `${KEY},${SECOND_KEY}` });
  stage.fake.script.credit = [refusal(401)];
  const { note } = await probe(stage);
  assert.match(
    note ?? '',
    /^KIE credits left: key \d of 2: (?:not usable|2510), key \d of 2: (?:not usable|2510)$/,
  );
  stage.fake.script.credit = [refusal(401), refusal(401)];
  assert.equal((await failureOf(probe(stage))).kind, 'credentials_expired');
  const { signal } = new AbortController();
  const credential = stage.adapter.credentials?.[1]?.id ?? '';
  assert.deepEqual(await stage.adapter.probe({ signal, credential }), { note: '2510 KIE credits left' });
  assert.equal(stage.fake.calls.at(-1)?.authorization, `Bearer ${SECOND_KEY}`);
});

test('GPT-4o Image is offered to those who name it, in an API of its own', async (t) => {
  const offered = (await start(t)).adapter.models.map(({ name }) => name);
  assert.ok(!offered.includes('gpt4o-image'));
  const stage = await start(t, { models: 'gpt4o-image' });
  const model = 'gpt4o-image';
  const images = [await inputPicture(t, Buffer.alloc(10))];
  await submit(stage, { mode: 'image-to-image', model, images, n: 2, width: 1024, height: 1536 });
  assert.equal(stage.fake.calls.at(-1)?.path, '/api/v1/gpt4o-image/generate');
  assert.deepEqual(JSON.parse(stage.fake.calls.at(-1)?.body.toString() ?? ''), {
    prompt: 'a paper boat',
    size: '2:3',
    filesUrl: ['https://tempfile.example/in-1.png'],
    nVariants: 2,
  });
  const read = async (data: Record<string, unknown>) => {
    stage.fake.script.poll = [{ body: { code: 200, msg: 'success', data: { taskId: TASK, ...data } } }];
    return stage.adapter.poll({ ...callOf({ model }), jobId: TASK });
  };
  const running = (progress: number | null) => ({ state: 'running', progress, pollAfterMs: 3000 });
  assert.deepEqual(await read({ successFlag: 0, status: 'GENERATING', progress: '0.40' }), running(0.4));
  assert.equal(stage.fake.calls.at(-1)?.path, '/api/v1/gpt4o-image/record-info?taskId=task_1');
  assert.deepEqual(await read({ successFlag: 7 }), running(null));
  const urls = ['https://file.example/1.png', 'https://file.example/2.png'];
  assert.deepEqual(await read({ successFlag: 1, response: { result_urls: urls } }), {
    state: 'done',
    outputs: urls.map((url) => ({ url, seed: null })),
  });
  await read({ status: 'SUCCESS', response: { resultUrls: urls } });
  const link = stage.fake.calls.findLast(({ leg }) => leg === 'link');
  assert.equal(link?.path, '/api/v1/gpt4o-image/download-url');
  assert.deepEqual(JSON.parse(link?.body.toString() ?? ''), { taskId: TASK, url: urls[1] });
  assert.equal((await failureOf(read({ successFlag: 1, response: null }))).kind, 'bad_answer');
  const failed = await read({ successFlag: 2, status: 'GENERATE_FAILED', errorMessage: 'content policy' });
  assert.equal(failed.state === 'failed' && failed.error.kind, 'content_blocked');
});
