// The adapter against a scripted server over real HTTP: what is sent, what each failure is taken for, and that a call
// is made once. Every error and log line of this file is searched for secrets at the end.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { requestFor, spoolInto } from '../../../test/harness/adapter-calls.ts';
import { FakeClock, until } from '../../../test/harness/clock.ts';
import { answer, errorBody, FakeOpenAi, type FakeOpenAiStep } from '../../../test/harness/fake-openai.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import {
  type GenerationRequest,
  type LocalFile,
  ProviderError,
  type ProviderErrorKind,
  type SubmitCall,
} from '../provider.ts';
import { DEFAULT_MODELS, openAiModel, profileOf } from './models.ts';
import { createOpenAiProvider } from './openai.ts';
import { parseOpenAiSettings } from './openai-settings.ts';
import { sizeFor } from './size.ts';

const KEY = 'canary-key-0123456789';
const CANARIES = [KEY, 'canary', 'relay.internal', '10.1.2.3', '<html', 'org-canary'];
const NEVER = new AbortController().signal;

const folder = await mkdtemp(join(tmpdir(), 'drawbridge-openai-'));
/** Everything that users or operators could read, gathered from all tests. */
const shown: string[] = [];
after(async () => {
  await rm(folder, { recursive: true });
});

const spool = spoolInto(folder);

async function localFile(name: string, bytes: Buffer, mime = 'image/png'): Promise<LocalFile> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return { path, bytes: bytes.byteLength, mime };
}

const REQUEST = requestFor('gpt-image-2');

async function setUp(t: TestContext, raw: Record<string, unknown> = {}, clock: Clock = systemClock) {
  const fake = await FakeOpenAi.start();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const { settings } = parseOpenAiSettings({ api_key: KEY, base_url: fake.baseUrl, ...raw });
  const provider = createOpenAiProvider({ settings, outbound, clock, log });
  t.after(async () => {
    shown.push(log.text());
    await outbound.close();
    await fake.close();
  });
  const submit = (request: Partial<GenerationRequest> = {}, call: Partial<SubmitCall> = {}) =>
    provider.submit({
      signal: NEVER,
      clientRef: 'job_1',
      request: { ...REQUEST, ...request },
      spool,
      onProgress: () => {},
      onPreview: () => {},
      callbackUrl: null,
      ...call,
    });
  return { fake, log, provider, submit, settings };
}

type Created = 'no' | 'yes' | 'unknown';

/** The ProviderError that `work` ends with, checked for its kind and whether a job may exist. */
async function failure(work: Promise<unknown>, kind: ProviderErrorKind, created: Created) {
  const error = await work.then(
    () => assert.fail(`expected ${kind}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProviderError, String(error));
  shown.push(error.message);
  assert.deepEqual([error.kind, error.created], [kind, created], error.message);
  assert.ok(error.message.length < 420);
  return error;
}

async function contentOf(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(path)) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

const HTML = '<html><body>canary relay.internal 10.1.2.3</body></html>';

test('a generation sends what the model takes and spools each picture', async (t) => {
  const { fake, submit, log } = await setUp(t, { quality: 'high', organization: 'org-x', project: 'proj-x' });
  fake.picture = Buffer.alloc(200_000, 9);
  const result = await submit({ n: 2 });
  assert.ok(result.state === 'done' && result.jobId === null);
  assert.equal(result.outputs.length, 2);
  for (const output of result.outputs) {
    assert.ok('file' in output);
    assert.ok((await contentOf(output.file.path)).equals(fake.picture));
  }
  const [job] = fake.jobs;
  assert.deepEqual(job?.fields, {
    model: 'gpt-image-2',
    prompt: 'a paper boat',
    n: 2,
    size: '1024x1024',
    quality: 'high',
  });
  assert.deepEqual([job?.path, job?.authorization], ['/v1/images/generations', `Bearer ${KEY}`]);
  assert.deepEqual(
    ['openai-organization', 'openai-project', 'x-client-request-id'].map((name) => job?.headers[name]),
    ['org-x', 'proj-x', 'job_1'],
  );
  assert.match(log.text(), /req_fake/);
});

test('image-to-image sends a form from disk, with its length declared', async (t) => {
  const { fake, submit } = await setUp(t);
  const first = await localFile('first.png', Buffer.alloc(300_001, 1));
  const second = await localFile('second.jpg', Buffer.from('second'), 'image/jpeg');
  const mask = await localFile('mask.png', Buffer.from('mask'));
  const prompt = 'make it "red"\r\n--boundary\r\n图';
  const result = await submit({ mode: 'image-to-image', images: [first, second], mask, prompt });
  assert.equal(result.state, 'done');
  const [job] = fake.jobs;
  assert.equal(job?.path, '/v1/images/edits');
  assert.match(String(job?.headers['content-length']), /^\d+$/);
  assert.equal(job?.headers['transfer-encoding'], undefined);
  assert.deepEqual(job?.fields, { model: 'gpt-image-2', prompt, n: '1', size: '1024x1024' });
  assert.deepEqual(
    job?.files.map(({ field, name, type, bytes }) => [field, name, type, bytes.byteLength]),
    [
      ['image[]', 'picture-1.png', 'image/png', 300_001],
      ['image[]', 'picture-2.jpg', 'image/jpeg', 6],
      ['mask', 'picture-3.png', 'image/png', 4],
    ],
  );
  await submit({ mode: 'image-to-image', images: [second] });
  assert.deepEqual(
    fake.jobs[1]?.files.map(({ field }) => field),
    ['image'],
  );
});

test('S8 an answer that comes before the upload has ended counts', async (t) => {
  const server = createHttpServer((request, response) => {
    request.resume();
    answer(413, HTML)(response, { path: '', authorization: null, headers: {}, fields: {}, files: [] });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { submit } = await setUp(t, {
    base_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  const images = [await localFile('large-input.png', Buffer.alloc(8_000_000))];
  await failure(submit({ mode: 'image-to-image', images }), 'invalid_request', 'no');
});

test('U3 an input picture that is gone ends the call before anything is sent', async (t) => {
  const { fake, submit } = await setUp(t);
  const images = [{ path: join(folder, 'canary-missing'), bytes: 1, mime: 'image/png' }];
  await failure(submit({ mode: 'image-to-image', images }), 'invalid_request', 'no');
  assert.deepEqual(fake.requests, []);
});

test('URL answers are returned as they are, relative ones against the base URL', async (t) => {
  const { fake, submit } = await setUp(t);
  const data = [{ url: 'https://cdn.example/a.png' }, { url: '/out/b.png' }, { url: 'file:///etc/passwd' }];
  fake.script.push(answer(200, { data }));
  const result = await submit({ n: 3 });
  const { origin } = new URL(fake.baseUrl);
  assert.deepEqual(result.state === 'done' && result.outputs, [
    { url: 'https://cdn.example/a.png', seed: null },
    { url: `${origin}/out/b.png`, seed: null },
  ]);
});

test('each model gets only the parameters it takes', async (t) => {
  const raw = {
    models: 'dall-e-3, my/flux ,gpt-image-1',
    quality: 'hd',
    background: 'opaque',
    response_format: 'url',
  };
  const { fake, submit, provider } = await setUp(t, raw);
  for (const model of ['dall-e-3', 'my/flux', 'gpt-image-1']) await submit({ model });
  assert.deepEqual(
    fake.jobs.map(({ fields: { prompt, n, size, ...rest } }) => rest),
    [
      { model: 'dall-e-3', quality: 'hd', response_format: 'url' },
      { model: 'my/flux', response_format: 'url' },
      { model: 'gpt-image-1', background: 'opaque' },
    ],
  );
  const options = await setUp(t, {
    quality: 'max',
    background: 'opaque',
    output_format: 'webp',
    output_compression: '80',
    moderation: 'low',
    input_fidelity: 'high',
    complexity: 'low',
  });
  const images = [await localFile('options.png', Buffer.from('x'))];
  const names = [
    'gpt-image-2.6-flare',
    'gpt-image-3',
    'gpt-image-2.5-flare',
    'openai/gpt-image-2',
    'dall-e-2',
  ];
  for (const model of names) await options.submit({ model });
  await options.submit({ model: 'gpt-image-1.5', images });
  await options.submit({ model: 'gpt-image-1-mini', images });
  const compressed = { background: 'opaque', output_format: 'webp', output_compression: 80 };
  const newest = { quality: 'max', ...compressed, moderation: 'low', complexity: 'low' };
  const inForm = { ...compressed, output_compression: '80' };
  assert.deepEqual(
    options.fake.jobs.map(({ fields: { model, prompt, n, size, response_format, ...rest } }) => rest),
    [
      newest,
      newest,
      { quality: 'max', ...compressed, moderation: 'low' },
      { ...compressed, moderation: 'low' },
      {},
      { ...inForm, input_fidelity: 'high' },
      inForm,
    ],
  );
  const plain = await setUp(t);
  for (const model of ['dall-e-3', 'my/flux', 'gpt-image-1']) await plain.submit({ model });
  assert.deepEqual(
    plain.fake.jobs.map(({ fields }) => fields.response_format),
    ['b64_json', undefined, undefined],
  );
  const offered = provider.models.map(({ name, capabilities: { modes, maxImages, maxInputImages } }) => [
    name,
    modes.length,
    maxImages,
    maxInputImages,
  ]);
  assert.deepEqual(offered, [
    ['dall-e-3', 1, 1, 0],
    ['my/flux', 2, 4, 4],
    ['gpt-image-1', 2, 10, 16],
  ]);
});

test('a size that the model takes stays, any other becomes one of the same shape', () => {
  const size = (model: string, width: number, height: number, isEdit = false) =>
    sizeFor(profileOf(model), width, height, isEdit);
  assert.equal(size('gpt-image-2', 1536, 1024), '1536x1024');
  assert.equal(size('gpt-image-2', 3840, 2160), '3840x2160');
  assert.equal(size('gpt-image-2', 512, 512), '816x816');
  assert.equal(size('gpt-image-1', 1254, 836), '1536x1024');
  assert.equal(size('gpt-image-1', 768, 1365), '1024x1536');
  assert.equal(size('gpt-image-1', 1536, 400), '1536x1024');
  assert.equal(size('gpt-image-1', 1536, 400, true), 'auto');
  assert.equal(size('dall-e-3', 1365, 768), '1792x1024');
  assert.equal(size('dall-e-2', 500, 480), '512x512');
  assert.equal(size('any', 640, 360), '640x360');
  // Whatever the engine may ask for within the capabilities comes out within OpenAI's rules.
  for (let width = 256; width <= 3840; width += 112) {
    for (let height = 256; height <= 3840; height += 112) {
      if (width * height > 8_294_400) continue;
      const [w = 0, h = 0] = size('gpt-image-2', width, height).split('x').map(Number);
      const isTaken =
        w % 16 === 0 && h % 16 === 0 && Math.max(w, h) <= 3840 && Math.max(w, h) <= 3 * Math.min(w, h);
      assert.ok(isTaken && w * h >= 655_360 && w * h <= 8_294_400, `${width}x${height} became ${w}x${h}`);
    }
  }
});

test('no model promises what the API cannot do', () => {
  for (const name of [...DEFAULT_MODELS, 'gpt-image-1', 'dall-e-3', 'anything']) {
    const { capabilities } = openAiModel(name, 1);
    const { lookup, idempotentSubmit, cancel, progress, seed, negativePrompt, strength } = capabilities;
    assert.deepEqual(
      [lookup, idempotentSubmit, cancel, progress, seed, negativePrompt, strength],
      Array(7).fill(false),
    );
  }
});

/** [status, body, kind, created]: one row a refusal, in the order of the error guide. */
const REFUSALS: Record<string, readonly (readonly [number, unknown, ProviderErrorKind, Created])[]> = {
  'S6 PC8 a refused key is told from everything else': [
    [401, errorBody('invalid_api_key', `Incorrect API key provided: ${KEY}`), 'credentials_expired', 'no'],
    [401, HTML, 'credentials_expired', 'no'],
    [403, errorBody(null, 'Your organization org-canary must be verified'), 'credentials_expired', 'no'],
    [403, errorBody('access_denied', 'no', 'new_api_error'), 'credentials_expired', 'no'],
  ],
  'S7 an empty account is not a rate limit, whatever the status': [
    [429, errorBody('insufficient_quota', 'quota', 'insufficient_quota'), 'quota_exhausted', 'no'],
    [429, errorBody('credit_balance_exhausted', 'no', 'insufficient_quota'), 'quota_exhausted', 'no'],
    [429, errorBody('project_spend_limit_exceeded', 'x'), 'quota_exhausted', 'no'],
    [429, errorBody(null, 'You exceeded your current quota, please check'), 'quota_exhausted', 'no'],
    [400, errorBody('billing_hard_limit_reached', 'Billing hard limit'), 'quota_exhausted', 'no'],
    [403, errorBody('insufficient_user_quota', '用户额度不足', 'new_api_error'), 'quota_exhausted', 'no'],
    [402, { detail: 'pay' }, 'quota_exhausted', 'no'],
    [500, errorBody('insufficient_quota', 'x'), 'quota_exhausted', 'unknown'],
  ],
  'S8 refused content and wrong requests are final': [
    [
      400,
      errorBody('moderation_blocked', 'rejected by the safety system', 'image_generation_user_error'),
      'content_blocked',
      'no',
    ],
    [400, errorBody('content_policy_violation', 'no'), 'content_blocked', 'no'],
    [
      400,
      errorBody(null, 'Your request was rejected as a result of our safety system.'),
      'content_blocked',
      'no',
    ],
    [500, errorBody('content_policy_violation', 'no'), 'content_blocked', 'no'],
    [
      400,
      errorBody('unknown_parameter', `Unknown parameter at http://relay.internal/x?key=${KEY}`),
      'invalid_request',
      'no',
    ],
    [404, errorBody('model_not_found', 'The model does not exist'), 'invalid_request', 'no'],
    [
      503,
      errorBody('model_not_found', 'no channel at relay.internal:3000', 'new_api_error'),
      'unavailable',
      'no',
    ],
    [422, { detail: 'n must be 1 at 10.1.2.3' }, 'invalid_request', 'no'],
    [413, HTML, 'invalid_request', 'no'],
    [404, HTML, 'unavailable', 'no'],
    [403, HTML, 'unavailable', 'no'],
  ],
  'S3 gateway pages say nothing about the job': [
    [502, HTML, 'unavailable', 'unknown'],
    [503, HTML, 'unavailable', 'unknown'],
    [504, HTML, 'timeout', 'unknown'],
    [520, HTML, 'unavailable', 'unknown'],
    [524, HTML, 'timeout', 'unknown'],
    [408, HTML, 'timeout', 'unknown'],
  ],
  'S4 a 500 in JSON does not say that nothing was made': [
    [
      500,
      errorBody('bad_response_status_code', `bad gateway: ${HTML}`, 'upstream_error'),
      'unavailable',
      'unknown',
    ],
    [
      500,
      errorBody('server_error', 'The server had an error. org-canary99 relay.internal'),
      'unavailable',
      'unknown',
    ],
    [503, errorBody('get_channel_failed', 'no channel', 'new_api_error'), 'unavailable', 'unknown'],
    [500, 'null', 'unavailable', 'unknown'],
  ],
  'S9 a 200 that is an error or another page is no success': [
    [200, HTML, 'bad_answer', 'unknown'],
    [200, errorBody('server_error', 'boom at http://10.1.2.3:80/x'), 'bad_answer', 'unknown'],
    [200, { error: `boom ${KEY}` }, 'bad_answer', 'unknown'],
    [200, errorBody('insufficient_quota', 'x'), 'quota_exhausted', 'unknown'],
    [200, errorBody('moderation_blocked', 'refused'), 'content_blocked', 'no'],
    [200, `\ufeff${JSON.stringify(errorBody('moderation_blocked', 'refused'))}`, 'content_blocked', 'no'],
    [200, `{"data":${'['.repeat(50_000)}`, 'bad_answer', 'unknown'],
  ],
  'S10 a 200 without a picture is not known to have made none': [
    [200, { created: 1, data: [] }, 'bad_answer', 'unknown'],
    [200, { data: [{ b64_json: null, url: '' }] }, 'bad_answer', 'unknown'],
    [200, '', 'bad_answer', 'unknown'],
    [200, '{"data":[{"b64_json":"AAAA', 'bad_answer', 'unknown'],
  ],
};

for (const [name, rows] of Object.entries(REFUSALS)) {
  test(name, async (t) => {
    const { fake, submit } = await setUp(t);
    for (const [status, body, kind, created] of rows) {
      fake.script.push(answer(status, body));
      await failure(submit(), kind, created).catch((error: unknown) => {
        throw new Error(`${status} ${JSON.stringify(body).slice(0, 80)}`, { cause: error });
      });
    }
    assert.equal(fake.requests.length, rows.length, 'S13: one request a submit');
  });
}

test('S5 a rate limit passes on what was asked for, and nothing absurd', async (t) => {
  const clock: Clock = { ...systemClock, now: () => Date.parse('2026-11-22T00:00:00Z') };
  const { fake, submit } = await setUp(t, {}, clock);
  const rows: [Record<string, string>, number | null][] = [
    [{}, null],
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '7', 'retry-after-ms': '1500' }, 1_500],
    [{ 'retry-after': 'Sun, 22 Nov 2026 00:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 00:00:30 GMT' }, 0],
    [{ 'retry-after': '-5' }, null],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '1e300' }, null],
    [{ 'retry-after': '999999999999' }, 3_600_000],
  ];
  for (const [headers, expected] of rows) {
    fake.script.push(answer(429, errorBody('rate_limit_exceeded', 'images per min'), headers));
    const error = await failure(submit(), 'rate_limited', 'no');
    assert.equal(error.retryAfterMs, expected, JSON.stringify(headers));
  }
  fake.script.push(answer(429, HTML), answer(429, errorBody('slow_down', 'x', 'rate_limit_error')));
  await failure(submit(), 'rate_limited', 'no');
  await failure(submit(), 'rate_limited', 'no');
});

test('S14 a redirect is not followed, and the key stays where it was sent', async (t) => {
  const { fake, submit } = await setUp(t);
  const other = await FakeOpenAi.start();
  t.after(() => other.close());
  const location = `${other.baseUrl}/images/generations`;
  const rows = [
    [301, 'unavailable', 'no'],
    [307, 'unavailable', 'no'],
    [308, 'unavailable', 'no'],
    [302, 'bad_answer', 'unknown'],
    [303, 'bad_answer', 'unknown'],
  ] as const;
  for (const [status, kind, created] of rows) {
    fake.script.push(answer(status, HTML, { location }));
    await failure(submit(), kind, created);
  }
  assert.deepEqual(other.requests, []);
});

test('S1 what fails before anything is sent has made nothing', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, 'close');
  for (const base of [`http://127.0.0.1:${port}/v1`, 'http://nowhere.invalid/v1']) {
    const { submit, provider } = await setUp(t, { base_url: base });
    await failure(submit(), 'unreachable', 'no');
    const images = [await localFile('unsent.png', Buffer.alloc(200_000))];
    await failure(submit({ mode: 'image-to-image', images }), 'unreachable', 'no');
    await failure(provider.probe({ signal: NEVER }), 'unreachable', 'no');
  }
});

test('S3 a connection that breaks after the request leaves the outcome unknown', async (t) => {
  const { fake, submit } = await setUp(t);
  fake.script.push((response) => void response.socket?.resetAndDestroy());
  await failure(submit(), 'unavailable', 'unknown');
  assert.equal(fake.requests.length, 1);
});

/** Sends part of a declared body and then breaks off. */
const cutShort =
  (text: string): FakeOpenAiStep =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100000' });
    response.write(text, () => response.socket?.destroy());
  };

test('S10 D2 a body that breaks off is unknown, but a picture that came whole is delivered', async (t) => {
  const { fake, submit } = await setUp(t);
  fake.script.push(cutShort('{"data":[{"b64_json":"QUJD'));
  // How the cut shows depends on which packet comes last; that nothing is known does not.
  await assert.rejects(
    submit({ n: 2 }),
    (error) => error instanceof ProviderError && error.created === 'unknown',
  );
  fake.script.push(cutShort('{"data":[{"b64_json":"QUJD"},{"b64_json":"QUJD'));
  const result = await submit({ n: 2 });
  assert.ok(result.state === 'done' && result.outputs.length === 1);
  const [output] = result.outputs;
  assert.ok(output && 'file' in output);
  assert.equal((await contentOf(output.file.path)).toString(), 'ABC');
});

test('S2 a submit may be silent for minutes, and ends as unknown at its own limit', async (t) => {
  const clock = new FakeClock();
  const { fake, submit, settings } = await setUp(t, {}, clock);
  assert.equal(settings.submitTimeoutMs, 15 * 60_000);
  const held: (() => void)[] = [];
  const hold: FakeOpenAiStep = (response) =>
    void held.push(() => response.end(JSON.stringify({ data: [{ b64_json: 'QUJD' }] })));
  fake.script.push(hold, hold);
  const patient = submit();
  await until(() => held.length === 1);
  clock.advance(14 * 60_000);
  held[0]?.();
  assert.equal((await patient).state, 'done');
  const late = failure(submit(), 'timeout', 'unknown');
  await until(() => held.length === 2);
  clock.advance(15 * 60_000);
  await late;
  assert.equal(fake.requests.length, 2);
});

test('S2 a stop in the middle of a call leaves the outcome unknown', async (t) => {
  const { fake, submit } = await setUp(t);
  const stop = new AbortController();
  fake.script.push(() => stop.abort(new Error('Deadline')));
  await failure(submit({}, { signal: stop.signal }), 'timeout', 'unknown');
  await failure(submit({}, { signal: stop.signal }), 'unreachable', 'no');
});

test('S9 whitespace before the answer keeps a connection alive and means nothing', async (t) => {
  const { fake, submit } = await setUp(t);
  fake.script.push((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(' \n \n');
    response.end(JSON.stringify({ data: [{ b64_json: 'QUJD' }] }));
  });
  assert.equal((await submit()).state, 'done');
});

test('S9 D4 an error page without end is read only so far', async (t) => {
  const { fake, submit } = await setUp(t);
  let sent = 0;
  let closed = false;
  fake.script.push((response) => {
    response.writeHead(500, { 'content-type': 'text/html' });
    response.on('close', () => {
      closed = true;
    });
    const piece = Buffer.alloc(65_536, 'x');
    const more = () => {
      for (let room = true; room && !closed; sent += 1) room = response.write(piece);
      if (!closed) response.once('drain', more);
    };
    more();
  });
  await failure(submit(), 'unavailable', 'unknown');
  await until(() => closed);
  assert.ok(sent < 1_000, String(sent));
});

test('S9 D4 an answer that declares more than the cap is not read', async (t) => {
  const { fake, submit } = await setUp(t);
  fake.script.push((response) => {
    response.writeHead(200, { 'content-length': String(1024 ** 3) });
    response.write('{');
  });
  await failure(submit(), 'bad_answer', 'unknown');
});

test('D4 a slow disk slows the answer down, and is not outrun', async (t) => {
  const { fake, submit } = await setUp(t);
  const piece = 'A'.repeat(64 * 1024);
  const pieces = 1_000;
  let sent = 0;
  let isHeldUp = false;
  fake.script.push(async (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"data":[{"b64_json":"');
    for (; sent < pieces; sent += 1) {
      if (response.write(piece)) continue;
      // What the system's own buffers take is written at once; only what they refuse waits.
      setImmediate(() => setImmediate(() => (isHeldUp ||= response.writableNeedDrain)));
      await once(response, 'drain');
    }
    response.end('"}]}');
  });
  let sentByThen = pieces;
  const slow = async (source: AsyncIterable<Uint8Array>) => {
    let isFirst = true;
    for await (const _ of source) {
      if (!isFirst) continue;
      isFirst = false;
      await until(() => isHeldUp);
      sentByThen = sent;
    }
    return { path: 'nowhere', bytes: 0, mime: 'image/png' };
  };
  assert.equal((await submit({}, { spool: slow })).state, 'done');
  assert.ok(sentByThen < pieces / 2, `${sentByThen} of ${pieces} pieces`);
  t.diagnostic(`${sentByThen} of ${pieces} pieces were sent while the disk waited`);
});

test('F1 a picture that cannot be kept was made all the same', async (t) => {
  const { submit } = await setUp(t);
  const full = async () => Promise.reject(new Error('No room for canary-key-0123456789'));
  await failure(submit({}, { spool: full }), 'bad_answer', 'yes');
});

test('PC1 PC3 there is no job to poll', async (t) => {
  const { provider, fake } = await setUp(t);
  const call = { signal: NEVER, clientRef: 'job_1', jobId: 'x', request: REQUEST, spool };
  assert.equal((await provider.poll(call)).state, 'failed');
  assert.ok(provider.lookup === undefined && provider.cancel === undefined);
  assert.deepEqual(fake.requests, []);
});

test('S6 a probe costs nothing and says whether the key works', async (t) => {
  const { provider, fake } = await setUp(t, { models: 'gpt-image-2,mine' });
  const probe = () => provider.probe({ signal: NEVER });
  fake.models = answer(200, {
    data: [{ id: 'gpt-image-2', shutdown_date: '2027-01-01' }, { id: 'mine' }, { id: 'other' }],
  });
  assert.deepEqual(await probe(), { note: 'gpt-image-2 ends on 2027-01-01', missingModels: [] });
  fake.models = answer(200, { data: [{ id: 'gpt-image-2', shutdown_date: null }, null] });
  assert.deepEqual(await probe(), { note: 'not listed by the service: mine', missingModels: ['mine'] });
  fake.models = answer(200, { data: [{ id: 'x'.repeat(3_000_000) }] });
  assert.deepEqual(await probe(), { note: null });
  fake.models = answer(404, errorBody(null, 'no'));
  assert.match((await probe()).note ?? '', /does not list/);
  fake.models = answer(429, errorBody('rate_limit_exceeded', 'x'));
  assert.match((await probe()).note ?? '', /fewer requests/);
  const rows: [FakeOpenAiStep, ProviderErrorKind][] = [
    [answer(401, errorBody('invalid_api_key', KEY)), 'credentials_expired'],
    [answer(429, errorBody('insufficient_quota', 'x')), 'quota_exhausted'],
    [answer(502, HTML), 'unavailable'],
    [answer(200, HTML), 'bad_answer'],
    [answer(200, { hello: 1 }), 'bad_answer'],
    [(response) => void response.socket?.resetAndDestroy(), 'unavailable'],
  ];
  for (const [step, kind] of rows) {
    fake.models = step;
    await failure(probe(), kind, 'no');
  }
  assert.deepEqual(fake.jobs, []);
  assert.deepEqual([...new Set(fake.requests)], ['GET /v1/models']);
});

test('S6 S7 a probe understands OpenAI, new-api and LocalAI', async (t) => {
  const { provider, fake } = await setUp(t, { models: 'mine' });
  const probe = () => provider.probe({ signal: NEVER });
  const newApi = (message: string) => ({ error: { code: '', message, type: 'new_api_error' } });
  const rows: [string, number, unknown, ProviderErrorKind][] = [
    [
      'OpenAI, bad key',
      401,
      errorBody('invalid_api_key', `Incorrect API key: ${KEY}`),
      'credentials_expired',
    ],
    ['OpenAI, country', 403, errorBody('unsupported_country_region_territory', 'x'), 'credentials_expired'],
    ['new-api, bad key', 401, newApi('无效的令牌 (request id: 2026)'), 'credentials_expired'],
    ['new-api, key ended', 401, newApi('该令牌已过期'), 'credentials_expired'],
    ['new-api, key used up', 401, newApi('该令牌额度已用尽 TokenStatusExhausted'), 'quota_exhausted'],
    ['new-api, no balance', 403, newApi('用户额度不足'), 'quota_exhausted'],
    [
      'LocalAI, bad key',
      401,
      { error: { code: 401, message: 'invalid key', type: '' } },
      'credentials_expired',
    ],
    ['LocalAI, crash', 500, { error: { code: 500, message: 'could not load', type: '' } }, 'unavailable'],
    ['gateway', 524, HTML, 'timeout'],
    ['edge', 403, HTML, 'unavailable'],
    ['moved', 308, HTML, 'unavailable'],
  ];
  for (const [name, status, body, kind] of rows) {
    fake.models = answer(status, body);
    await failure(probe(), kind, 'no').catch((error: unknown) => {
      throw new Error(name, { cause: error });
    });
  }
  for (const list of [
    { object: 'list', data: [{ id: 'other', object: 'model', owned_by: 'custom' }] },
    { data: [{ id: 'other', supported_endpoint_types: ['openai'] }], success: true },
    { object: 'list', data: [] },
  ]) {
    fake.models = answer(200, list);
    assert.deepEqual(await probe(), { note: 'not listed by the service: mine', missingModels: ['mine'] });
  }
  assert.deepEqual(fake.jobs, []);
});

test('S9 D4 an error in JSON of great depth or length is read only so far', async (t) => {
  const { fake, submit } = await setUp(t);
  const deep = `{"error":${'['.repeat(1_000_000)}`;
  const long = JSON.stringify(errorBody(null, 'm'.repeat(5_000_000)));
  fake.script.push(answer(400, deep), answer(400, long), answer(200, deep), answer(200, long));
  await failure(submit(), 'unavailable', 'no');
  await failure(submit(), 'unavailable', 'no');
  await failure(submit(), 'bad_answer', 'unknown');
  await failure(submit(), 'bad_answer', 'unknown');
});

test('S6 without a key nothing is sent', async (t) => {
  const { provider, fake, submit } = await setUp(t, { api_key: '' });
  await failure(submit(), 'credentials_missing', 'no');
  await failure(provider.probe({ signal: NEVER }), 'credentials_missing', 'no');
  assert.deepEqual(fake.requests, []);
});

test('settings have defaults, and a wrong one is named without its value', () => {
  const { settings, lane } = parseOpenAiSettings({ api_key: ` ${KEY} ` });
  assert.deepEqual(lane, { concurrency: 4, deadlineMs: 900_000 });
  assert.deepEqual([settings.apiKey, settings.baseUrl], [KEY, 'https://api.openai.com/v1']);
  assert.deepEqual([settings.models, settings.priceMicros], [DEFAULT_MODELS, 1_000_000]);
  const base = (base_url: string) => parseOpenAiSettings({ base_url }).settings.baseUrl;
  assert.equal(base(''), 'https://api.openai.com/v1');
  assert.equal(base('http://10.0.0.5:3000/'), 'http://10.0.0.5:3000/v1');
  assert.equal(base('https://r.example/api/v3/'), 'https://r.example/api/v3');
  for (const end of [
    '',
    '/',
    '//',
    '/images',
    '/images/generations',
    '/images/edits/',
    '/models',
    '/chat/completions',
  ]) {
    assert.equal(base(`https://r.example/v1${end}`), 'https://r.example/v1');
    assert.equal(base(`https://r.example//sub/v1${end}`), 'https://r.example/sub/v1');
  }
  assert.equal(base('https://r.example//'), 'https://r.example/v1');
  assert.equal(base('https://r.example/images/generations'), 'https://r.example/v1');
  const more = parseOpenAiSettings({
    models: ['a', 'b', 'a'],
    concurrency: '9',
    deadline_s: 60,
    price_credits: 0.04,
  });
  assert.deepEqual([more.settings.models, more.lane], [['a', 'b'], { concurrency: 9, deadlineMs: 60_000 }]);
  assert.deepEqual([more.settings.submitTimeoutMs, more.settings.priceMicros], [60_000, 40_000]);
  const wrong: Record<string, unknown>[] = [
    { base_url: 'canary' },
    { base_url: 'ftp://canary.example' },
    { base_url: 'https://canary:canary@x.example' },
    { base_url: 'https://x.example?key=canary' },
    { api_key: 'canary\ncanary' },
    { concurrency: 0 },
    { deadline_s: 'canary' },
    { quality: 'canary' },
    { background: 'transparent', output_format: 'jpeg' },
    { output_format: 'svg' },
    { output_compression: 101 },
    { partial_images: 4 },
    { stream: 'canary' },
    { response_format: 'canary' },
    { models: 5 },
  ];
  for (const raw of wrong) {
    assert.throws(
      () => parseOpenAiSettings(raw),
      (error: Error) => {
        shown.push(error.message);
        return error.message.includes(`providers.openai.${Object.keys(raw)[0]} `);
      },
    );
  }
});

/** What the child runs: one submit in a heap that could not hold the answer; prints what it saw. */
const CHILD = `
const [base, target, root] = process.argv.slice(1);
const { createWriteStream } = await import('node:fs');
const { pipeline } = await import('node:stream/promises');
const { systemClock } = await import(root + '/kernel/clock.ts');
const { createMemoryLogger } = await import(root + '/kernel/log.ts');
const { createOutbound } = await import(root + '/kernel/outbound.ts');
const { createOpenAiProvider } = await import(root + '/providers/openai/openai.ts');
const { parseOpenAiSettings } = await import(root + '/providers/openai/openai-settings.ts');
const log = createMemoryLogger();
const outbound = createOutbound({ clock: systemClock, log });
const { settings } = parseOpenAiSettings({ api_key: 'key', base_url: base });
const provider = createOpenAiProvider({ settings, outbound, clock: systemClock, log });
const used = () => { const { arrayBuffers, heapUsed } = process.memoryUsage(); return arrayBuffers + heapUsed; };
let most = 0;
let largest = 0;
globalThis.gc();
const before = used();
async function* watched(source) {
  let pieces = 0;
  for await (const piece of source) {
    largest = Math.max(largest, piece.byteLength);
    if (pieces++ % 200 === 0) {
      // Buffers are given back after a collection, not in it.
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
      globalThis.gc();
      most = Math.max(most, used() - before);
    }
    yield piece;
  }
}
const spool = async (source) => {
  await pipeline(watched(source), createWriteStream(target));
  return { path: target, bytes: 0, mime: 'image/png' };
};
const request = { mode: 'text-to-image', model: 'gpt-image-2', prompt: 'x', width: 1024, height: 1024, n: 1, seed: 1,
  negativePrompt: null, strength: null, images: [], mask: null };
const signal = new AbortController().signal;
const result = await provider.submit({ request, signal, clientRef: 'r', spool, onProgress() {}, onPreview: () => {}, callbackUrl: null, });
await outbound.close();
console.log(JSON.stringify({ outputs: result.outputs.length, most, largest }));
`;

const LARGE_ANSWERS: Record<string, readonly [start: string, end: string]> = {
  'an answer': ['{"created":1,"data":[{"b64_json":"', '"}]}'],
  'a stream': ['data: {"type":"image_generation.completed","b64_json":"', '"}\n\n'],
};

for (const [form, [start, end]] of Object.entries(LARGE_ANSWERS)) {
  test(`S9 D4 ${form} of 40 MB goes to disk through a heap of 64 MB`, async (t) => {
    const { fake } = await setUp(t);
    const block = Buffer.alloc(30_000);
    const blocks = 1_000;
    const hash = createHash('sha256');
    fake.script.push(async (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(start);
      for (let i = 0; i < blocks; i += 1) {
        block.fill(i);
        hash.update(block);
        if (!response.write(block.toString('base64'))) await once(response, 'drain');
      }
      response.end(end);
    });
    const target = join(folder, 'large.png');
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--max-old-space-size=64',
      '--expose-gc',
      '--input-type=module',
      '--eval',
      CHILD,
      fake.baseUrl,
      target,
      new URL('../..', import.meta.url).href.replace(/\/$/, ''),
    ]);
    const seen = JSON.parse(stdout) as { outputs: number; most: number; largest: number };
    assert.equal(seen.outputs, 1);
    assert.equal((await stat(target)).size, block.byteLength * blocks);
    const written = createHash('sha256');
    for await (const piece of createReadStream(target)) written.update(piece as Buffer);
    assert.equal(written.digest('hex'), hash.digest('hex'));
    assert.ok(seen.largest <= 128 * 1024, `largest piece ${seen.largest}`);
    assert.ok(seen.most < 16 * 1024 * 1024, `${seen.most} bytes held`);
    t.diagnostic(`largest piece ${seen.largest} bytes, at most ${seen.most} bytes more than before`);
  });
}

test('K1 no secret, internal address or HTML was shown by anything above', () => {
  assert.ok(shown.length > 60);
  for (const text of shown)
    for (const canary of CANARIES) assert.ok(!text.includes(canary), text.slice(0, 400));
});
