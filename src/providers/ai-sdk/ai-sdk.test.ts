// The AI SDK's packages over real HTTP: fal's as it is published, and OpenAI-style ones as a second dialect. What is sent,
// and what each answer means. Ids are fault matrix rows.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  inputPicture,
  failureOf as messageChecked,
  requestFor,
} from '../../../test/harness/adapter-calls.ts';
import { FakeClock } from '../../../test/harness/clock.ts';
import { type FakeImageService, startFakeImageService } from '../../../test/harness/fake-image-service.ts';
import type { FakeAnswer } from '../../../test/harness/scripted-http.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import type { GenerationRequest, ProviderAdapter, ProviderError } from '../provider.ts';
import { createAiSdkProvider, loadAiSdkModels } from './ai-sdk.ts';
import { parseAiSdkSettings } from './ai-sdk-settings.ts';

const KEY = 'canary0123456789abcdef';
const HTML = '<html><title>524: A timeout occurred</title></html>';
const FAL = '@ai-sdk/fal';
const COMPATIBLE = '@ai-sdk/openai-compatible';

interface Stage {
  fake: FakeImageService;
  adapter: ProviderAdapter;
  clock: FakeClock;
  /** What was spooled, in order. */
  spooled: Buffer[];
}

type ModelChanges = Record<string, unknown>;

async function start(t: TestContext, changes: ModelChanges = {}): Promise<Stage> {
  const fake = await startFakeImageService(t);
  const clock = new FakeClock(1_795_320_000_000);
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const model = { package: FAL, model: 'fal-ai/flux/schnell', api_key: KEY, base_url: fake.url, ...changes };
  const { settings } = parseAiSdkSettings({ models: [model] });
  const models = await loadAiSdkModels(settings, process.cwd());
  const adapter = createAiSdkProvider({ settings, models, outbound, clock, log });
  t.after(async () => {
    await adapter.close();
    await outbound.close();
    assert.doesNotMatch(log.text(), /canary/, 'K1: a secret is in the log');
  });
  return { fake, adapter, clock, spooled: [] };
}

const openAiStyle = (fake: string): ModelChanges => ({
  package: COMPATIBLE,
  model: 'relay-image',
  base_url: fake,
});

async function startCompatible(t: TestContext, changes: ModelChanges = {}): Promise<Stage> {
  const fake = await startFakeImageService(t);
  const stage = await start(t, { ...openAiStyle(`${fake.url}/v1`), ...changes });
  return { ...stage, fake };
}

const requestOf = (changes: Partial<GenerationRequest> = {}) =>
  requestFor('fal-ai/flux/schnell', { height: 768, ...changes });

function submit(
  stage: Stage,
  changes: Partial<GenerationRequest> = {},
  signal = new AbortController().signal,
) {
  return stage.adapter.submit({
    request: requestOf({ model: stage.adapter.models[0]?.name ?? '', ...changes }),
    clientRef: 'job_1',
    signal,
    callbackUrl: null,
    onProgress: () => {},
    onPreview: () => {},
    async spool(source) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of source) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      stage.spooled.push(bytes);
      return { path: `spool-${stage.spooled.length}`, bytes: bytes.length, mime: 'image/png' };
    },
  });
}

const probe = ({ adapter }: Stage) => adapter.probe({ signal: new AbortController().signal });

async function failureOf(promise: Promise<unknown>): Promise<ProviderError> {
  const error = await messageChecked(promise);
  assertClean(error);
  return error;
}

/** K1: nothing below the message may hold the key. */
function assertClean(error: ProviderError): void {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    assert.doesNotMatch(`${cause.stack} ${JSON.stringify(cause)}`, /canary/);
  }
}

/** What one scripted answer is taken for. */
async function outcomeOf(stage: Stage, answer: FakeAnswer) {
  const before = stage.fake.submits.length;
  stage.fake.script = [answer];
  const error = await failureOf(submit(stage));
  assert.equal(stage.fake.submits.length - before, 1, 'S13: one request for one submit');
  return [error.kind, error.created];
}

test('fal: one request makes a picture, whose download is left to the engine', async (t) => {
  const stage = await start(t, { options: { numInferenceSteps: 4 } });
  assert.deepEqual(await submit(stage), {
    state: 'done',
    jobId: null,
    outputs: [{ url: `${stage.fake.url}/files/lighthouse.png`, seed: 7 }],
  });
  const [call] = stage.fake.submits;
  assert.equal(call?.path, '/fal-ai/flux/schnell');
  assert.equal(call?.authorization, `Key ${KEY}`);
  assert.deepEqual(JSON.parse(call?.body.toString() ?? ''), {
    prompt: 'a paper boat',
    seed: 7,
    image_size: { width: 1024, height: 768 },
    num_images: 1,
    num_inference_steps: 4,
  });
  assert.deepEqual([stage.fake.submits.length, stage.fake.reads.length, stage.spooled.length], [1, 0, 0]);
});

test('D1, D7: an address that only its answer shows to be a picture is left to the engine too', async (t) => {
  const stage = await start(t);
  const url = `${stage.fake.url}/files/1`;
  stage.fake.script = [{ body: { images: [{ url }] } }];
  const result = await submit(stage);
  assert.deepEqual(result.state === 'done' && result.outputs, [{ url, seed: 7 }]);
  assert.equal(stage.fake.reads.length, 1);
  stage.fake.script = [{ body: { images: [{ url }] } }];
  stage.fake.readScript = [{ status: 404, body: HTML }];
  const { created } = await failureOf(submit(stage));
  assert.equal(created, 'unknown', 'the picture was made, so it is not made again');
});

test('a picture inside the answer goes to disk', async (t) => {
  const stage = await start(t);
  const url = `data:image/png;base64,${stage.fake.picture.toString('base64')}`;
  stage.fake.script = [{ body: { images: [{ url }] } }];
  const result = await submit(stage);
  const bytes = stage.fake.picture.length;
  assert.deepEqual(result.state === 'done' && result.outputs, [
    { file: { path: 'spool-1', bytes, mime: 'image/png' }, seed: 7 },
  ]);
  assert.ok(stage.spooled[0]?.equals(stage.fake.picture));
});

test('image-to-image sends the input picture, where the settings say that the model takes one', async (t) => {
  const plain = await start(t);
  assert.deepEqual(plain.adapter.models[0]?.capabilities.modes, ['text-to-image']);
  const stage = await start(t, { model: 'fal-ai/flux/dev/image-to-image', max_input_images: 1, mask: true });
  assert.deepEqual(stage.adapter.models[0]?.capabilities.modes, ['text-to-image', 'image-to-image']);
  const input = await inputPicture(t, Buffer.from('an input'));
  const mask = await inputPicture(t, Buffer.from('a mask'));
  await submit(stage, { mode: 'image-to-image', images: [input], mask });
  const body = JSON.parse(stage.fake.submits[0]?.body.toString() ?? '');
  assert.equal(body.image_url, `data:image/png;base64,${Buffer.from('an input').toString('base64')}`);
  assert.equal(body.mask_url, `data:image/png;base64,${Buffer.from('a mask').toString('base64')}`);
  const huge = { ...input, bytes: 21 * 1024 * 1024 };
  const { kind, created } = await failureOf(submit(stage, { images: [huge] }));
  assert.deepEqual([kind, created], ['invalid_request', 'no']);
});

test('OpenAI style: base64, an address behind the key, and an edit, by the same adapter', async (t) => {
  const stage = await startCompatible(t, { max_input_images: 2, options: { quality: 'low' } });
  const { fake, spooled } = stage;
  const first = await submit(stage);
  assert.equal(first.state === 'done' && 'file' in (first.outputs[0] ?? {}), true);
  assert.equal(first.state === 'done' && first.outputs[0]?.seed, null);
  assert.ok(spooled[0]?.equals(fake.picture));
  assert.equal(fake.submits[0]?.path, '/v1/images/generations');
  assert.equal(fake.submits[0]?.authorization, `Bearer ${KEY}`);
  const body = JSON.parse(fake.submits[0]?.body.toString() ?? '');
  assert.deepEqual(body, {
    model: 'relay-image',
    prompt: 'a paper boat',
    n: 1,
    size: '1024x768',
    quality: 'low',
  });
  // The package sends the key with it, which the engine's download would not.
  fake.script = [{ body: { data: [{ url: `${fake.url}/v1/files/1.png` }] } }];
  await submit(stage);
  assert.equal(fake.reads.at(-1)?.authorization, `Bearer ${KEY}`);
  assert.ok(spooled[1]?.equals(fake.picture));
  const images = [await inputPicture(t, Buffer.from('one')), await inputPicture(t, Buffer.from('two'))];
  await submit(stage, { mode: 'image-to-image', images });
  const edit = fake.submits.at(-1);
  assert.equal(edit?.path, '/v1/images/edits');
  const headers = { 'content-type': edit?.contentType ?? '' };
  const form = await new Response(new Uint8Array(edit?.body ?? []), { headers }).formData();
  const sent = form.getAll('image').concat(form.getAll('image[]')) as File[];
  assert.deepEqual(await Promise.all(sent.map((file) => file.text())), ['one', 'two']);
});

test('S5: a rate limit is a refusal; its wait is never absurd, and nothing is repeated', async (t) => {
  for (const stage of [await start(t), await startCompatible(t)]) {
    const waits = async (value?: string) => {
      const headers: Record<string, string> = value === undefined ? {} : { 'retry-after': value };
      const answer = {
        status: 429,
        body: { message: 'slow down', error: { message: 'slow down' } },
        headers,
      };
      assert.deepEqual(await outcomeOf(stage, answer), ['rate_limited', 'no']);
      stage.fake.script = [answer];
      return (await failureOf(submit(stage))).retryAfterMs;
    };
    assert.equal(await waits('25'), 25_000);
    assert.equal(await waits('99999999999999999999'), 60 * 60_000);
    assert.equal(await waits('soon'), null);
    assert.equal(await waits(), null);
    assert.deepEqual(await outcomeOf(stage, { status: 429, body: HTML }), ['rate_limited', 'no']);
  }
});

test('S6, S7, S8: refusals in the words of the service made nothing', async (t) => {
  const stage = await start(t);
  const cases: [FakeAnswer, [string, string]][] = [
    [{ status: 401, body: { detail: 'Cannot access application' } }, ['credentials_expired', 'no']],
    [{ status: 401, body: HTML }, ['credentials_expired', 'no']],
    [{ status: 403, body: { detail: 'Forbidden' } }, ['credentials_expired', 'no']],
    [{ status: 403, body: HTML }, ['unavailable', 'no']],
    [
      { status: 403, body: { detail: 'User is locked. Reason: Exhausted balance.' } },
      ['quota_exhausted', 'no'],
    ],
    [{ status: 402, body: {} }, ['quota_exhausted', 'no']],
    [{ status: 429, body: { error: { code: 'insufficient_quota' } } }, ['quota_exhausted', 'no']],
    [
      {
        status: 422,
        body: { detail: [{ loc: ['body'], msg: 'flagged', type: 'content_policy_violation' }] },
      },
      ['content_blocked', 'no'],
    ],
    [
      { status: 422, body: { detail: [{ loc: ['body'], msg: 'too big', type: 'x' }] } },
      ['invalid_request', 'no'],
    ],
    [{ status: 404, body: { detail: 'no such app' } }, ['invalid_request', 'no']],
    [{ status: 404, body: HTML }, ['unavailable', 'no']],
    [{ status: 409, body: { detail: 'conflict' } }, ['unavailable', 'unknown']],
  ];
  for (const [answer, outcome] of cases) {
    assert.deepEqual(await outcomeOf(stage, answer), outcome, JSON.stringify(answer));
  }
  stage.fake.script = [{ status: 422, body: { detail: `size ${KEY} of http://10.0.0.1/x is wrong` } }];
  assert.equal((await failureOf(submit(stage))).message, `${FAL} refused the request: size … of … is wrong`);
});

test('S2, S3, S4: time-outs, resets and gateway pages leave it open whether a picture was made', async (t) => {
  const stage = await start(t);
  for (const status of [408, 504, 522, 524]) {
    assert.deepEqual(await outcomeOf(stage, { status, body: HTML }), ['timeout', 'unknown']);
  }
  for (const status of [500, 502, 503, 520]) {
    assert.deepEqual(await outcomeOf(stage, { status, body: HTML }), ['unavailable', 'unknown']);
    assert.deepEqual(await outcomeOf(stage, { status, body: { detail: 'try again' } }), [
      'unavailable',
      'unknown',
    ]);
  }
  assert.deepEqual(await outcomeOf(stage, { cut: 'reset' }), ['unavailable', 'unknown']);
  const read = Promise.withResolvers<void>();
  stage.fake.onSubmit = () => read.resolve();
  stage.fake.script = [{ after: new Promise(() => {}) }];
  const failure = failureOf(submit(stage));
  await read.promise;
  stage.clock.advance(15 * 60_000);
  const silent = await failure;
  assert.deepEqual([silent.kind, silent.created], ['timeout', 'unknown']);
  const stop = new AbortController();
  stage.fake.onSubmit = () => stop.abort();
  stage.fake.script = [{ after: new Promise(() => {}) }];
  const stopped = await failureOf(submit(stage, {}, stop.signal));
  assert.deepEqual([stopped.kind, stopped.created], ['timeout', 'unknown']);
  const early = await failureOf(submit(stage, {}, AbortSignal.abort()));
  assert.equal(early.created, 'no', 'nothing was sent');
});

test('S9, S10, D4: only a whole answer with a picture is a success', async (t) => {
  const unknown = ['bad_answer', 'unknown'];
  for (const stage of [await start(t), await startCompatible(t)]) {
    for (const body of [HTML, '', '[]', '{"error":"x"}', '['.repeat(100_000), { images: [{}], data: [{}] }]) {
      assert.deepEqual(await outcomeOf(stage, { body }), unknown, JSON.stringify(body).slice(0, 40));
    }
    assert.deepEqual(
      await outcomeOf(stage, { body: { images: [], filler: 'x'.repeat(999) }, cut: 'truncate' }),
      unknown,
    );
    const headers = { 'content-length': String(65 * 1024 * 1024) };
    assert.deepEqual(await outcomeOf(stage, { body: {}, headers }), unknown);
  }
});

test('PC9: an answer without pictures is a job that failed', async (t) => {
  for (const stage of [await start(t), await startCompatible(t)]) {
    stage.fake.script = [{ body: { images: [], data: [] } }];
    const result = await submit(stage);
    assert.equal(result.state === 'failed' && result.error.created, 'yes');
  }
});

test('S14: a redirect is not followed, so that the key goes nowhere else', async (t) => {
  const elsewhere = await startFakeImageService(t);
  const stage = await start(t);
  const headers = { location: `${elsewhere.url}/fal-ai/flux/schnell` };
  for (const status of [301, 302, 307, 308]) {
    assert.deepEqual(await outcomeOf(stage, { status, headers }), ['unavailable', 'no']);
  }
  assert.deepEqual(await outcomeOf(stage, { status: 303, headers }), ['unavailable', 'unknown']);
  assert.deepEqual([elsewhere.submits, elsewhere.reads], [[], []]);
});

test('D5: an address in an answer may not lead into the private network', async (t) => {
  const elsewhere = await startFakeImageService(t);
  const stage = await startCompatible(t);
  stage.fake.script = [{ body: { data: [{ url: `${elsewhere.url}/secret` }] } }];
  const { created } = await failureOf(submit(stage));
  assert.equal(created, 'unknown');
  assert.deepEqual(elsewhere.reads, []);
});

test('S1: a refused connection is not sent', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const stage = await start(t, { base_url: `http://127.0.0.1:${port}` });
  const { kind, created } = await failureOf(submit(stage));
  assert.deepEqual([kind, created], ['unreachable', 'no']);
  assert.equal((await failureOf(probe(stage))).kind, 'unreachable');
});

test('a probe asks for what is free: the key where it can, else whether the service answers', async (t) => {
  const relay = await startCompatible(t);
  assert.deepEqual(await probe(relay), { note: 'relay-image: key accepted' });
  assert.deepEqual(
    relay.fake.reads.map(({ path, authorization }) => [path, authorization]),
    [['/v1/models', `Bearer ${KEY}`]],
  );
  relay.fake.readScript = [{ status: 401, body: { error: { message: `bad key ${KEY}` } } }];
  assert.equal((await failureOf(probe(relay))).kind, 'credentials_expired');
  relay.fake.readScript = [{ status: 502, body: HTML }];
  assert.equal((await failureOf(probe(relay))).kind, 'unavailable');
  const fal = await start(t);
  fal.fake.readScript = [{ status: 404, body: {} }];
  assert.match((await probe(fal)).note ?? '', /it answers/);
  assert.equal(fal.fake.reads[0]?.authorization, '', 'the key is not sent where it proves nothing');
  assert.deepEqual([relay.fake.submits, fal.fake.submits], [[], []]);
  const keyless = await start(t, { api_key: '', base_url: undefined });
  assert.equal((await failureOf(probe(keyless))).kind, 'credentials_missing');
});

test('a missing package stops the start with the command to run', async (t) => {
  await assert.rejects(start(t, { package: '@ai-sdk/no-such-package' }), {
    code: 'validation_failed',
    message:
      'providers.ai_sdk uses the package "@ai-sdk/no-such-package", which is not installed. Run this where Drawbridge is started: npm install @ai-sdk/no-such-package',
  });
  await assert.rejects(start(t, { package: 'zod' }), /not clear which function of zod makes models/);
  await assert.rejects(start(t, { factory: 'createX' }), /set factory to one of createFal/);
});

test('settings: the simplest case needs only three names; mistakes are named, secrets never', () => {
  const { settings, lane } = parseAiSdkSettings({
    package: FAL,
    model: 'a/b, c/d',
    api_key: KEY,
    price: '2.5',
  });
  assert.deepEqual(
    settings.models.map(({ name, apiKey, shape, seed, priceMicros }) => [
      name,
      apiKey,
      shape,
      seed,
      priceMicros,
    ]),
    [
      ['a/b', KEY, 'size', true, 2_500_000],
      ['c/d', KEY, 'size', true, 2_500_000],
    ],
  );
  assert.deepEqual(lane, { concurrency: 4, deadlineMs: 15 * 60_000 });
  const mixed = parseAiSdkSettings({
    package: FAL,
    api_key: KEY,
    models: [{ model: 'a/b' }, { package: COMPATIBLE, model: 'x', base_url: 'https://relay.example/v1/' }],
  }).settings.models;
  assert.deepEqual(
    mixed.map(({ apiKey, baseUrl }) => [apiKey, baseUrl]),
    [
      [KEY, null],
      ['', 'https://relay.example/v1'],
    ],
    'the key of one service does not go to another',
  );
  const cases: [Record<string, unknown>, RegExp][] = [
    [{}, /models must list at least one model/],
    [{ models: [{ model: 'x', package: COMPATIBLE }] }, /models\[0\]\.base_url is missing/],
    [{ model: 'x' }, /providers\.ai_sdk\.package is missing/],
    [
      { models: [{ model: 'x', package: '../evil' }] },
      /models\[0\]\.package must be the name of an npm package/,
    ],
    [
      { models: [{ model: 'x', package: FAL, api_key: `${KEY}\n1` }] },
      /models\[0\]\.api_key contains a character/,
    ],
    [{ models: [{ model: 'x', package: FAL, pirce: 1 }] }, /models\[0\]\.pirce is not a setting/],
    [{ models: [{ model: 'x', package: FAL, base_url: 'https://a:b@c' }] }, /base_url must be an address/],
    [
      {
        models: [
          { model: 'x', package: FAL },
          { model: 'x', package: '@ai-sdk/luma' },
        ],
      },
      /another model has; set name/,
    ],
  ];
  for (const [raw, message] of cases) {
    assert.throws(
      () => parseAiSdkSettings(raw),
      (error: Error) => message.test(error.message) && !error.message.includes(KEY),
    );
  }
});
