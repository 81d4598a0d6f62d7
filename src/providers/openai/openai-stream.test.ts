// Streamed answers over real HTTP: unfinished pictures are shown, the finished one is kept, and whatever goes wrong on the
// way is taken for what it is, with one request for one submit.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { requestFor, spoolInto } from '../../../test/harness/adapter-calls.ts';
import { until } from '../../../test/harness/clock.ts';
import {
  answer,
  errorBody,
  FakeOpenAi,
  type FakeOpenAiStep,
  streamEvent,
  streamed,
} from '../../../test/harness/fake-openai.ts';
import { systemClock } from '../../kernel/clock.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { type GenerationRequest, type Preview, ProviderError } from '../provider.ts';
import { createOpenAiProvider } from './openai.ts';
import { parseOpenAiSettings } from './openai-settings.ts';
import { partialImagesFor } from './parameters.ts';
import { MAX_PREVIEW_BYTES } from './picture-answer.ts';

const KEY = 'canary-key-0123456789';
const folder = await mkdtemp(join(tmpdir(), 'drawbridge-openai-stream-'));
after(() => rm(folder, { recursive: true }));

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]);
const JPEG = Buffer.from([0xff, 0xd8, 0xff, 4, 5]);
const FINAL = Buffer.from('the finished picture');
const b64 = (bytes: Buffer) => bytes.toString('base64');

const partial = (index: number, bytes: Buffer, call = 'image_generation') =>
  streamEvent(`${call}.partial_image`, { partial_image_index: index, b64_json: b64(bytes) });
const completed = (bytes = FINAL, call = 'image_generation') =>
  streamEvent(`${call}.completed`, { b64_json: b64(bytes), usage: { total_tokens: 4280 } });

const REQUEST = requestFor('gpt-image-2');

const spool = spoolInto(folder);

async function setUp(t: TestContext, raw: Record<string, unknown> = {}) {
  const fake = await FakeOpenAi.start();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log });
  const { settings } = parseOpenAiSettings({
    api_key: KEY,
    base_url: fake.baseUrl,
    stream: 'on',
    partial_images: 2,
    ...raw,
  });
  const provider = createOpenAiProvider({ settings, outbound, clock: systemClock, log });
  t.after(async () => {
    assert.ok(!log.text().includes('canary'), 'K1: a secret is in the log');
    await outbound.close();
    await fake.close();
  });
  const shown = { previews: [] as Preview[], progress: [] as number[] };
  const submit = (request: Partial<GenerationRequest> = {}) =>
    provider.submit({
      signal: new AbortController().signal,
      clientRef: 'job_1',
      request: { ...REQUEST, ...request },
      spool,
      onProgress: (fraction) => shown.progress.push(Math.round(fraction * 100)),
      onPreview: (preview) => shown.previews.push(preview),
      callbackUrl: null,
    });
  return { fake, log, submit, shown, provider };
}

/** The bytes of the only picture of a submit that works. */
async function pictureOf(work: ReturnType<Awaited<ReturnType<typeof setUp>>['submit']>): Promise<Buffer> {
  const result = await work;
  assert.ok(result.state === 'done', JSON.stringify(result));
  const [output] = result.outputs;
  assert.ok(output && 'file' in output && result.outputs.length === 1);
  return readFile(output.file.path);
}

async function failureOf(work: Promise<unknown>): Promise<ProviderError> {
  const error = await work.then(
    (result) => assert.fail(`it did not fail: ${JSON.stringify(result)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProviderError, String(error));
  assert.doesNotMatch(error.message, /canary|<html|127\.0\.0\.1/);
  return error;
}

test('unfinished pictures are shown, the finished one is kept', async (t) => {
  const { fake, submit, shown, log } = await setUp(t);
  fake.script.push(
    streamed([': ok\n\n', partial(0, PNG), partial(1, JPEG), completed(), 'data: [DONE]\n\n']),
  );
  assert.ok((await pictureOf(submit())).equals(FINAL));
  assert.deepEqual(shown, {
    previews: [
      { bytes: PNG, mime: 'image/png' },
      { bytes: JPEG, mime: 'image/jpeg' },
    ],
    progress: [33, 67],
  });
  const [job] = fake.jobs;
  assert.deepEqual([job?.fields.stream, job?.fields.partial_images], [true, 2]);
  assert.match(String(job?.headers.accept), /^text\/event-stream/);
  assert.match(log.text(), /4280/);
  const file = await spool(
    (async function* () {
      yield PNG;
    })(),
  );
  fake.script.push(streamed([partial(0, PNG, 'image_edit'), completed(FINAL, 'image_edit')]));
  assert.ok((await pictureOf(submit({ mode: 'image-to-image', images: [file] }))).equals(FINAL));
  assert.deepEqual([fake.jobs[1]?.fields.stream, fake.jobs[1]?.fields.partial_images], ['true', '2']);
});

test('previews arrive while the picture is still being painted', async (t) => {
  const { fake, submit, shown } = await setUp(t);
  const painted = Promise.withResolvers<void>();
  fake.script.push(async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(partial(0, PNG));
    await painted.promise;
    response.end(completed());
  });
  const work = pictureOf(submit());
  await until(() => shown.previews.length === 1);
  painted.resolve();
  assert.ok((await work).equals(FINAL));
});

test('S9 streams that differ from OpenAI in form mean the same', async (t) => {
  const { fake, submit, shown } = await setUp(t);
  const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
  const forms: string[][] = [
    [completed().replaceAll('\n', '\r\n')],
    [completed().replaceAll('\n', '\r')],
    [`data: {"type":"image_generation.completed",\ndata: "b64_json":"${b64(FINAL)}"}\n\n`],
    [data({ b64_json: b64(FINAL), type: 'image_generation.completed' })],
    [data({ created: 1, data: [{ b64_json: b64(FINAL) }] })],
    ['data: ping\n\n', 'event: ping\ndata: {}\n\n', completed(), 'data: [DONE]\n\n'],
    [data({ type: 'queue', url: 'https://x.example/status' }), completed()],
    [`\ufeff\n\n${completed()}`],
    // The end of the stream stands for the last blank line.
    [completed().trimEnd()],
    // Neither type nor name before the picture: found to be unfinished only afterwards.
    [data({ b64_json: b64(PNG), type: 'image_generation.partial_image' }), completed()],
    [data({ partial_image_index: 0, b64_json: b64(PNG) }), completed()],
    [partial(0, Buffer.from('no picture format')), partial(-1, PNG), completed()],
  ];
  const before = (await readdir(folder)).length;
  for (const form of forms) {
    fake.script.push(streamed(form));
    assert.ok((await pictureOf(submit())).equals(FINAL), form.join(''));
  }
  assert.equal(shown.previews.length, 2);
  assert.equal(
    (await readdir(folder)).length - before,
    forms.length,
    'unfinished pictures are not left over',
  );
  fake.script.push((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(completed());
  });
  assert.ok((await pictureOf(submit())).equals(FINAL), 'the type header is not believed');
  fake.script.push(
    answer(200, { data: [{ b64_json: b64(FINAL) }] }, { 'content-type': 'text/event-stream' }),
  );
  assert.ok((await pictureOf(submit())).equals(FINAL), 'plain JSON in place of a stream');
});

test('D4 an unfinished picture that is too large is passed over without being held', async (t) => {
  const { fake, submit, shown } = await setUp(t);
  const large = Buffer.concat([PNG, Buffer.alloc(MAX_PREVIEW_BYTES)]);
  fake.script.push(streamed([partial(0, large), completed()]));
  assert.ok((await pictureOf(submit())).equals(FINAL));
  assert.deepEqual([shown.previews, shown.progress], [[], [33]]);
});

test('S10 a stream that ends or breaks off before its picture leaves the outcome unknown', async (t) => {
  const { fake, submit } = await setUp(t);
  const begun = completed().slice(0, 60);
  const rows: FakeOpenAiStep[] = [
    streamed([]),
    streamed([': nothing\n\n']),
    streamed([partial(0, PNG)]),
    streamed([partial(0, PNG), 'data: [DONE]\n\n']),
    streamed([partial(0, PNG), begun]),
    streamed([partial(0, PNG), 'event: image_generation.completed\ndata: {"b64_json":"***"}\n\n']),
    streamed([partial(0, PNG), `data: ${'['.repeat(100_000)}\n\n`]),
    streamed(['error code: 524\n']),
    streamed([partial(0, PNG)], 'cut'),
    streamed([partial(0, PNG), begun], 'cut'),
  ];
  for (const step of rows) {
    fake.script.push(step);
    assert.equal((await failureOf(submit())).created, 'unknown');
  }
  assert.equal(fake.jobs.length, rows.length, 'S13: one request a submit');
});

test('S10 a stream that breaks off after its picture is done', async (t) => {
  const { fake, submit } = await setUp(t);
  for (const texts of [[completed()], [completed().trimEnd()], [completed(), 'data: {"half']]) {
    fake.script.push(streamed(texts, 'cut'));
    assert.ok((await pictureOf(submit())).equals(FINAL));
  }
  fake.script.push((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(completed());
  });
  assert.ok((await pictureOf(submit())).equals(FINAL), 'a stream that nobody ends');
});

test('S8 S9 an error inside the stream ends the job for good', async (t) => {
  const { fake, submit } = await setUp(t);
  const rows: [string, string][] = [
    [streamEvent('error', { error: { code: 'moderation_blocked', message: 'refused' } }), 'content_blocked'],
    [`data: ${JSON.stringify(errorBody('server_error', `boom ${KEY}`))}\n\n`, 'bad_answer'],
    [streamEvent('error', { code: 'rate_limit_exceeded', message: 'x' }), 'rate_limited'],
    ['data: {"error":"upstream at http://10.1.2.3/x"}\n\n', 'bad_answer'],
  ];
  for (const [text, kind] of rows) {
    fake.script.push(streamed([partial(0, PNG), text]));
    const result = await submit();
    assert.ok(result.state === 'failed' && result.jobId === null);
    assert.deepEqual([result.error.kind, result.error.created], [kind, 'yes']);
    assert.doesNotMatch(result.error.message, /canary|10\.1/);
  }
  fake.script.push(streamed([completed(), rows[1]?.[0] ?? '']));
  assert.ok((await pictureOf(submit())).equals(FINAL), 'an error after the picture takes nothing away');
});

test('S8 a service that takes no streams refuses before any work; the next attempt goes without one', async (t) => {
  const details = { detail: [{ loc: ['body', 'stream'], msg: 'Extra inputs are not permitted' }] };
  const unknown = { ...errorBody('unknown_parameter', "Unknown parameter: 'partial_images'.").error };
  const refusals: [number, unknown][] = [
    [400, { error: { ...unknown, param: 'partial_images' } }],
    [400, { error: { message: 'Bad value.', type: 'invalid_request_error', param: 'stream', code: null } }],
    [400, errorBody(null, 'stream is not supported for this model')],
    [400, errorBody('unsupported_value', 'streaming')],
    [422, details],
    [501, errorBody(null, 'Streaming is not implemented')],
  ];
  for (const [status, body] of refusals) {
    const { fake, submit } = await setUp(t);
    fake.script.push(answer(status, body));
    const error = await failureOf(submit());
    assert.deepEqual([error.kind, error.created, error.retryAfterMs], ['unavailable', 'no', 0]);
    assert.equal((await submit()).state, 'done');
    assert.deepEqual(
      fake.jobs.map(({ fields }) => fields.stream),
      [true, undefined],
      'S13: the adapter itself sends nothing twice',
    );
    // Refused without a stream too, it is the request that is wrong.
    fake.script.push(answer(status, body));
    assert.notEqual((await failureOf(submit())).message, error.message);
  }
});

test('S8 until one stream has come, only one call at a time asks for it', async (t) => {
  const { fake, submit } = await setUp(t);
  const refused = Promise.withResolvers<void>();
  fake.script.push(async (response, job) => {
    await refused.promise;
    await answer(500, errorBody('server_error', 'x'))(response, job);
  });
  const first = failureOf(submit());
  await until(() => fake.jobs.length === 1);
  await Promise.all([submit(), submit()]);
  refused.resolve();
  await first;
  fake.script.push(streamed([completed()]), streamed([completed()]), streamed([completed()]));
  await submit();
  await Promise.all([submit(), submit()]);
  assert.deepEqual(
    fake.jobs.map(({ fields }) => fields.stream ?? false),
    [true, false, false, true, true, true],
  );
});

test('S4 an error that only speaks of a stream is no refusal of streams', async (t) => {
  const { fake, submit } = await setUp(t);
  const rows: [number, unknown, string, string][] = [
    [500, errorBody(null, 'stream is not supported'), 'unavailable', 'unknown'],
    [502, errorBody(null, 'upstream stream closed unexpectedly'), 'unavailable', 'unknown'],
    [400, errorBody(null, 'stream error: unexpected EOF'), 'invalid_request', 'no'],
    [400, errorBody('moderation_blocked', 'invalid: a stream of it'), 'content_blocked', 'no'],
    [400, '<html>stream is not supported</html>', 'unavailable', 'no'],
  ];
  for (const [status, body, kind, created] of rows) {
    fake.script.push(answer(status, body));
    const error = await failureOf(submit());
    assert.deepEqual([error.kind, error.created], [kind, created]);
  }
  assert.ok(fake.jobs.every(({ fields }) => fields.stream === true));
});

test('streams are asked for where they are known to work, and only for one picture', () => {
  const asked = (raw: Record<string, unknown>, request: Partial<GenerationRequest> = {}) =>
    partialImagesFor({ ...REQUEST, ...request }, parseOpenAiSettings(raw).settings);
  const relay = { base_url: 'https://relay.example/v1' };
  assert.equal(asked({}), 1);
  assert.equal(asked({ base_url: 'https://eu.api.openai.com' }), 1);
  assert.equal(asked({}, { n: 2 }), null);
  assert.equal(asked({}, { model: 'dall-e-3' }), null);
  assert.equal(asked({ stream: 'off' }), null);
  assert.equal(asked({ stream: false }), null);
  assert.equal(asked({ ...relay, stream: true }), 1);
  assert.equal(asked({ partial_images: 0 }), 0);
  assert.equal(asked(relay), null);
  assert.equal(
    asked({ ...relay, stream: 'on', partial_images: '3' }, { model: 'openai/gpt-image-2.6-flare' }),
    3,
  );
});

test('F1 a finished picture that cannot be kept was made all the same', async (t) => {
  const { fake, provider } = await setUp(t);
  fake.script.push(streamed([partial(0, PNG), completed()]));
  const error = await failureOf(
    provider.submit({
      signal: new AbortController().signal,
      clientRef: 'job_1',
      request: REQUEST,
      spool: async () => Promise.reject(new Error(`No room for ${KEY}`)),
      onProgress: () => {},
      onPreview: () => {},
      callbackUrl: null,
    }),
  );
  assert.deepEqual([error.kind, error.created], ['bad_answer', 'yes']);
});

test('D4 a large streamed picture reaches the disk piece by piece', async (t) => {
  const { fake, submit } = await setUp(t);
  const block = Buffer.alloc(30_000, 7);
  const blocks = 300;
  fake.script.push(async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(
      'event: image_generation.completed\ndata: {"type":"image_generation.completed","b64_json":"',
    );
    for (let i = 0; i < blocks; i += 1) {
      if (!response.write(b64(block))) await once(response, 'drain');
    }
    response.end('"}\n\n');
  });
  const picture = await pictureOf(submit());
  assert.equal(picture.length, block.length * blocks);
  assert.ok(picture.every((byte) => byte === 7));
});
