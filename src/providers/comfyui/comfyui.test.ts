// The ComfyUI adapter against a server that answers as two real versions were recorded to: what is sent, what each outcome
// means, above all whether a job exists, and that no message or log line shows a secret, an address or a path.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FakeClock, until } from '../../../test/harness/clock.ts';
import {
  type ComfyuiVersion,
  contentHash,
  type FakeComfyui,
  json,
  startFakeComfyui,
} from '../../../test/harness/fake-comfyui.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { LONGEST_RETRY_AFTER_MS } from '../../kernel/retry-after.ts';
import {
  type GenerationRequest,
  type LocalFile,
  type PollResult,
  type ProviderAdapter,
  ProviderError,
  type SubmitResult,
} from '../provider.ts';
import { createComfyuiProvider, promptIdOf } from './comfyui.ts';
import { parseComfyuiSettings } from './comfyui-settings.ts';

const CANARY = 'canary-9f3c1e-secret';
const VERSIONS: readonly ComfyuiVersion[] = ['0.27.1', '0.3.64'];
const PROMPT = 'a red fox in the snow';

const REQUEST: GenerationRequest = {
  mode: 'text-to-image',
  model: 'comfyui',
  prompt: PROMPT,
  negativePrompt: 'text, watermark',
  width: 512,
  height: 768,
  n: 1,
  seed: 41,
  strength: null,
  images: [],
  mask: null,
};

interface Harness {
  fakes: FakeComfyui[];
  fake: FakeComfyui;
  provider: ProviderAdapter;
  clock: FakeClock;
  folder: string;
  submit(request?: Partial<GenerationRequest>, clientRef?: string): Promise<SubmitResult>;
  /** A submit that must be accepted. */
  accept(request?: Partial<GenerationRequest>, clientRef?: string): Promise<string>;
  poll(jobId: string, request?: Partial<GenerationRequest>): Promise<PollResult>;
  refusal(work: Promise<unknown>): Promise<ProviderError>;
}

interface SetUp {
  version?: ComfyuiVersion;
  servers?: number;
  settings?: Record<string, unknown>;
  before?: (fakes: FakeComfyui[]) => void;
}

/** Also checks, when the test ends, that nothing secret was logged or said. */
async function open(t: TestContext, { version = '0.27.1', servers = 1, settings = {}, before }: SetUp = {}) {
  const fakes: FakeComfyui[] = [];
  for (let count = 0; count < servers; count += 1) fakes.push(await startFakeComfyui(version));
  const [fake] = fakes;
  assert.ok(fake);
  before?.(fakes);
  const folder = mkdtempSync(join(tmpdir(), 'comfyui-'));
  const clock = new FakeClock();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const parsed = parseComfyuiSettings({
    url: fakes.map(({ url }) => url).join(', '),
    api_key: CANARY,
    ...settings,
  });
  const provider = createComfyuiProvider({ settings: parsed.settings, outbound, clock, log });
  const said: string[] = [];
  const signal = new AbortController().signal;
  let spooled = 0;
  const spool = async (source: AsyncIterable<Uint8Array>): Promise<LocalFile> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const path = join(folder, `out-${spooled++}`);
    writeFileSync(path, bytes);
    return { path, bytes: bytes.length, mime: bytes.toString() };
  };
  t.after(async () => {
    await provider.close();
    await outbound.close();
    for (const each of fakes) await each.close();
    rmSync(folder, { recursive: true, force: true });
    const words = [...said, JSON.stringify(log.records)].join('\n');
    assert.ok(!words.includes(CANARY), 'K1: a secret was shown');
    for (const { host } of fakes) assert.ok(!said.join('\n').includes(host), 'an address was shown');
    assert.doesNotMatch(said.join('\n'), /<html|\/app\/|Traceback/i);
  });
  const harness: Harness = {
    fakes,
    fake,
    provider,
    clock,
    folder,
    submit: (request = {}, clientRef = 'job_1') =>
      provider.submit({
        signal,
        clientRef,
        request: { ...REQUEST, ...request },
        spool,
        onProgress() {},
        onPreview: () => {},
        callbackUrl: null,
      }),
    async accept(request, clientRef) {
      const result = await harness.submit(request, clientRef);
      assert.equal(result.state, 'accepted');
      return result.state === 'accepted' ? result.jobId : '';
    },
    async poll(jobId, request = {}) {
      const call = { signal, clientRef: 'job_1', jobId, request: { ...REQUEST, ...request }, spool };
      const result = await provider.poll(call);
      if (result.state === 'failed') said.push(result.error.message);
      return result;
    },
    async refusal(work) {
      const error = await work.then(
        () => assert.fail('it should have failed'),
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof ProviderError, String(error));
      said.push(error.message);
      return error;
    },
  };
  return harness;
}

const lookup = (provider: ProviderAdapter, clientRef = 'job_1') =>
  provider.lookup?.({ clientRef, signal: new AbortController().signal });
const cancel = (provider: ProviderAdapter, jobId: string) =>
  provider.cancel?.({ clientRef: 'job_1', jobId, signal: new AbortController().signal });
const probe = (provider: ProviderAdapter) => provider.probe({ signal: new AbortController().signal });

function picture(folder: string, name: string, content = name): LocalFile {
  const path = join(folder, name);
  writeFileSync(path, content);
  return { path, bytes: content.length, mime: 'image/png' };
}

function respond(status: number, text: string, headers: Record<string, string> = {}) {
  return (_request: unknown, response: ServerResponse): undefined => {
    response.writeHead(status, headers);
    response.end(text);
  };
}

for (const version of VERSIONS) {
  test(`${version}: text to image is sent, waits, runs and comes back as a file`, async (t) => {
    const { fake, accept, poll } = await open(t, { version });
    const jobId = await accept();
    const [job] = fake.jobs;
    assert.equal(job?.promptId, promptIdOf('job_1'));
    assert.ok(job?.clientId, 'without a client id a cached run has no outputs');
    assert.equal(job?.authorization, `Bearer ${CANARY}`);
    assert.deepEqual(job?.graph['6']?.inputs.text, PROMPT);
    assert.deepEqual(job?.graph['7']?.inputs.text, 'text, watermark');
    assert.deepEqual(job?.graph['3']?.inputs.seed, 41);
    assert.deepEqual(job?.graph['4']?.inputs.ckpt_name, 'tiny-random.safetensors');
    assert.deepEqual([job?.graph['5']?.inputs.width, job?.graph['5']?.inputs.height], [512, 768]);
    assert.ok(
      fake.headers.every((headers) => headers.origin === undefined),
      'an Origin is refused',
    );
    const waiting = await poll(jobId);
    assert.deepEqual(waiting, { state: 'running', progress: null, pollAfterMs: 1000 });
    fake.startNext();
    assert.equal((await poll(jobId)).state, 'running');
    fake.finishNext();
    const done = await poll(jobId);
    assert.equal(done.state, 'done');
    const [output] = done.state === 'done' ? done.outputs : [];
    assert.equal(output?.seed, 41);
    assert.ok(output && 'file' in output && output.file.mime === 'picture of node 9');
  });

  test(`${version} S8: a node or checkpoint that is missing is named, and no job exists`, async (t) => {
    const { fake, submit, refusal } = await open(t, {
      version,
      settings: { checkpoint: 'not-there.safetensors' },
    });
    const checked = await refusal(submit());
    assert.deepEqual([checked.kind, checked.created], ['invalid_request', 'no']);
    assert.match(checked.message, /the checkpoint "not-there\.safetensors"/);
    // What the server itself says when it lost them after it was asked.
    fake.checkpoints.push('not-there.safetensors');
    fake.next('POST /prompt', (_request, response): undefined => {
      const { status, body } = fake.refusal('missing_checkpoint');
      json(response, status, body);
    });
    const late = await refusal(submit());
    assert.deepEqual([late.kind, late.created], ['invalid_request', 'no']);
    assert.match(late.message, /does not have the checkpoint "not-there\.safetensors"/);
    fake.next('POST /prompt', (_request, response): undefined => {
      const { status, body } = fake.refusal('missing_node');
      json(response, status, body);
    });
    assert.match((await refusal(submit())).message, /does not have the node "NoSuchNode"/);
    fake.next('POST /prompt', (_request, response): undefined => {
      const { status, body } = fake.refusal('bad_link');
      json(response, status, body);
    });
    assert.equal((await refusal(submit())).kind, 'invalid_request');
    assert.equal(fake.jobs.length, 0);
  });

  test(`${version} S8: a failed and an interrupted run differ, and no path is shown`, async (t) => {
    const { fake, accept, poll } = await open(t, { version });
    const wanted: [string, RegExp][] = [
      ['interrupted', /was interrupted/],
      ['out_of_memory', /ran out of memory/],
      ['bad_image', /The node "LoadImage" failed .*PIL\.UnidentifiedImageError/],
      ['broken_checkpoint', /The node "CheckpointLoaderSimple" failed .*invalid JSON in header/],
      ['sampler_failed', /The node "KSampler" failed/],
      ['partly', /The node "LoadImage" failed/],
    ];
    for (const [name, words] of wanted) {
      const jobId = await accept({}, `job_${name}`);
      fake.endAs(name);
      const result = await poll(jobId);
      assert.equal(result.state, 'failed', name);
      assert.match(result.state === 'failed' ? result.error.message : '', words);
    }
  });

  test(`${version} PC2: after a restart the job is lost`, async (t) => {
    const { fake, accept, poll, provider } = await open(t, { version });
    const jobId = await accept();
    await fake.restart();
    // A kept connection may still break off first, which proves nothing.
    const answer = await poll(jobId).catch(() => poll(jobId));
    assert.deepEqual(answer, { state: 'lost' });
    assert.deepEqual(await lookup(provider), { state: 'absent' });
  });
}

test('n pictures are one prompt, each with a seed of its own, from one loaded model', async (t) => {
  const { fake, accept, poll } = await open(t);
  const jobId = await accept({ n: 3 });
  const graph = fake.jobs[0]?.graph ?? {};
  const samplers = Object.values(graph).filter((node) => node.class_type === 'KSampler');
  assert.deepEqual(samplers.map((node) => node.inputs.seed).sort(), [41, 42, 43]);
  assert.equal(Object.values(graph).filter((node) => node.class_type === 'CheckpointLoaderSimple').length, 1);
  assert.deepEqual(graph['9_p2']?.inputs.images, ['8_p2', 0]);
  fake.finishNext();
  const done = await poll(jobId, { n: 3 });
  assert.deepEqual(done.state === 'done' && done.outputs.map(({ seed }) => seed), [41, 42, 43]);
});

test('image to image uploads under the folder of the job, by content', async (t) => {
  const { fake, folder, accept } = await open(t);
  const image = picture(folder, 'fox.png');
  await accept({ mode: 'image-to-image', images: [image], strength: 0.3 });
  const name = `drawbridge/${promptIdOf('job_1')}/${contentHash(Buffer.from('fox.png')).slice(0, 24)}.png`;
  assert.deepEqual(
    fake.uploads.map(({ path, bytes }) => [path, bytes.toString()]),
    [[name, 'fox.png']],
  );
  const graph = fake.jobs[0]?.graph ?? {};
  assert.equal(graph['10']?.inputs.image, name);
  assert.equal(graph['3']?.inputs.denoise, 0.3);
});

test('a mask makes it an inpainting, with the mask from the transparency', async (t) => {
  const { fake, folder, accept } = await open(t);
  const images = [picture(folder, 'a.png')];
  await accept({ mode: 'image-to-image', images, mask: picture(folder, 'mask.png') });
  const graph = fake.jobs[0]?.graph ?? {};
  assert.match(
    String(graph['20']?.inputs.image),
    new RegExp(contentHash(Buffer.from('mask.png')).slice(0, 24)),
  );
  assert.deepEqual(graph['21']?.inputs.mask, ['20', 1]);
  assert.equal(graph['3']?.inputs.denoise, 1);
});

test('upscale takes the first upscale model; without one the refusal says what to do', async (t) => {
  const { fake, folder, accept } = await open(t);
  const images = [picture(folder, 'small.png')];
  const upscale: Partial<GenerationRequest> = { mode: 'upscale', model: 'comfyui-upscale', images };
  await accept(upscale);
  assert.equal(fake.jobs[0]?.graph['2']?.inputs.model_name, 'tiny-random-4x.safetensors');
  const without = await open(t);
  without.fake.upscaleModels = [];
  const error = await without.refusal(without.submit(upscale));
  assert.match(error.message, /no upscale model: put one into its folder models\/upscale_models/);
  assert.deepEqual([error.kind, error.created], ['invalid_request', 'no']);
});

test('U1: an upload that fails leaves no job, so the request may be sent again', async (t) => {
  const { fake, folder, submit, refusal } = await open(t);
  const request = { mode: 'image-to-image' as const, images: [picture(folder, 'a.png')] };
  fake.next('POST /upload', respond(413, 'Maximum request body size 104857600 exceeded.'));
  const large = await refusal(submit(request));
  assert.deepEqual([large.kind, large.created], ['invalid_request', 'no']);
  fake.next('POST /upload', respond(503, '<html>no</html>'));
  assert.equal((await refusal(submit(request))).created, 'no');
  fake.next('POST /upload', (request_): undefined => void request_.socket.destroy());
  assert.equal((await refusal(submit(request))).created, 'no');
  assert.equal(fake.jobs.length, 0);
});

const ANSWERS: [string, number, string, Record<string, string>, string, string][] = [
  ['S6 expired key', 401, '<html>login</html>', {}, 'credentials_expired', 'no'],
  ['S6 forbidden', 403, '', {}, 'credentials_expired', 'no'],
  ['S7 quota', 402, '{}', {}, 'quota_exhausted', 'no'],
  ['S5 rate limit', 429, '{}', { 'retry-after': '7' }, 'rate_limited', 'no'],
  ['S8 not found', 404, '<html>nginx</html>', {}, 'unavailable', 'no'],
  ['S14 redirect', 302, '', { location: 'http://127.0.0.1:1/prompt' }, 'unavailable', 'no'],
  ['S3 gateway page', 502, '<html>bad gateway</html>', { server: 'nginx' }, 'unavailable', 'unknown'],
  ['S3 time-out page', 524, '<html>cloud</html>', {}, 'unavailable', 'unknown'],
  ['S4 500 of a proxy', 500, '{"error":"try again"}', { server: 'nginx' }, 'unavailable', 'unknown'],
  ['S9 HTML with 200', 200, '<html>hello</html>', {}, 'bad_answer', 'unknown'],
  ['S9 error in a 200', 200, '{"error":"no"}', {}, 'bad_answer', 'unknown'],
  ['S10 no id', 200, '{"number":3,"node_errors":{}}', {}, 'bad_answer', 'unknown'],
  ['S10 cut JSON', 200, '{"prompt_id":"1', {}, 'bad_answer', 'unknown'],
  ['S9 too large', 200, `"${'x'.repeat(2 * 1024 * 1024)}"`, {}, 'bad_answer', 'unknown'],
];
for (const [name, status, text, headers, kind, created] of ANSWERS) {
  test(`${name}: ${kind}, created ${created}`, async (t) => {
    const { fake, submit, refusal } = await open(t);
    fake.next('POST /prompt', respond(status, text, headers));
    const error = await refusal(submit());
    assert.deepEqual([error.kind, error.created], [kind, created]);
    assert.equal(error.retryAfterMs, headers['retry-after'] ? 7000 : null);
    assert.equal(fake.requests.filter((line) => line === 'POST /prompt').length, 1, 'sent once');
  });
}

test('S4: a crash of ComfyUI itself while it checks leaves no job', async (t) => {
  const { fake, submit, refusal } = await open(t);
  fake.next('POST /prompt', (_request, response): undefined => {
    const { status, text } = fake.refusal('crash');
    response.writeHead(status);
    response.end(text);
  });
  const error = await refusal(submit());
  assert.deepEqual([error.kind, error.created], ['unavailable', 'no']);
});

test('S5: an absurd or unreadable Retry-After is capped or left out', async (t) => {
  const { fake, submit, refusal } = await open(t);
  const wanted: [string, number | null][] = [
    ['99999999', LONGEST_RETRY_AFTER_MS],
    ['soon', null],
    ['-5', null],
  ];
  for (const [header, waitMs] of wanted) {
    fake.next('POST /prompt', respond(429, '', { 'retry-after': header }));
    assert.equal((await refusal(submit())).retryAfterMs, waitMs, header);
  }
});

test('S1: a server that is not running was sent nothing; a missing key is said', async (t) => {
  const { fake, submit, refusal } = await open(t);
  await fake.close();
  const error = await refusal(submit());
  assert.deepEqual([error.kind, error.created], ['unreachable', 'no']);
  const second = await open(t, { settings: { api_key: '' } });
  second.fake.next('POST /prompt', respond(401, ''));
  assert.equal((await second.refusal(second.submit())).kind, 'credentials_missing');
});

test('S3 S10: a job whose answer was lost is found by our reference, and not sent again', async (t) => {
  for (const version of VERSIONS) {
    const { fake, submit, refusal, provider, poll } = await open(t, { version });
    // The prompt is taken, and the connection breaks before the answer.
    fake.next('POST /prompt', (_request, response) => {
      response.end = () => response.destroy();
      return 'normal';
    });
    const error = await refusal(submit());
    assert.equal(error.created, 'unknown');
    assert.equal(fake.jobs.length, 1);
    const waiting = await lookup(provider);
    assert.equal(waiting?.state, 'found');
    fake.startNext();
    assert.deepEqual(await lookup(provider), waiting);
    fake.finishNext();
    assert.deepEqual(await lookup(provider), waiting);
    assert.equal((await poll(waiting?.state === 'found' ? waiting.jobId : '')).state, 'done');
  }
});

test('R5: absent only when queue and history both say so; no word is no proof', async (t) => {
  const { fake, provider, refusal, accept } = await open(t);
  await accept();
  for (const kind of ['GET /queue', 'GET /history']) {
    fake.next(kind, respond(503, '<html>busy</html>'));
    const error = await refusal(Promise.resolve(lookup(provider, 'job_other')));
    assert.equal(error.created, 'unknown', kind);
  }
  fake.next('GET /queue', respond(200, '{}'));
  assert.equal((await refusal(Promise.resolve(lookup(provider, 'job_other')))).kind, 'bad_answer');
  assert.deepEqual(await lookup(provider, 'job_other'), { state: 'absent' });
});

test('PC2: a prompt that ends between the two questions is not lost', async (t) => {
  const { fake, accept, poll } = await open(t);
  const jobId = await accept();
  fake.startNext();
  // History is asked first; then, before the queue is, the prompt ends.
  fake.next('GET /queue', () => {
    fake.finishNext();
    return 'normal';
  });
  assert.equal((await poll(jobId)).state, 'done');
});

test('a server that ignores our id is still found by our reference', async (t) => {
  const { fake, provider, accept, poll } = await open(t, { version: '0.3.64' });
  fake.ignoresPromptId = true;
  const jobId = await accept();
  assert.match(jobId, /\.own-0$/);
  assert.deepEqual(await lookup(provider), { state: 'found', jobId });
  fake.finishNext();
  assert.deepEqual(await lookup(provider), { state: 'found', jobId });
  assert.equal((await poll(jobId)).state, 'done');
});

test('S2: no answer in time after the request was sent is unknown', async (t) => {
  const { fake, submit, refusal, clock } = await open(t);
  let isAsked = false;
  fake.next('POST /prompt', (): undefined => {
    isAsked = true;
  });
  const failure = refusal(submit());
  await until(() => isAsked, { what: 'the prompt to arrive' });
  clock.advance(121_000);
  const error = await failure;
  assert.deepEqual([error.kind, error.created], ['timeout', 'unknown']);
});

test('PC1 PC3: a poll that fails is an error with the job still there; an odd status is still running', async (t) => {
  const { fake, accept, poll, refusal } = await open(t);
  const jobId = await accept();
  for (const [status, text] of [
    [502, '<html>bad</html>'],
    [200, '<html>hello</html>'],
    [401, ''],
  ] as const) {
    fake.next('GET /history', respond(status, text));
    assert.equal((await refusal(poll(jobId))).created, 'yes');
  }
  fake.endWith({ outputs: {}, status: { status_str: 'pondering', completed: false, messages: [] } });
  assert.equal((await poll(jobId)).state, 'running');
});

test('PC9 D1: a run without a picture fails; a file that is gone fails; a cut file is asked for again', async (t) => {
  const { fake, accept, poll, refusal } = await open(t);
  const first = await accept({}, 'job_a');
  fake.endWith({ outputs: {}, status: { status_str: 'success', completed: true, messages: [] } });
  assert.equal((await poll(first)).state, 'failed');
  const second = await accept({}, 'job_b');
  fake.finishNext();
  fake.next('GET /view', (_request, response): undefined => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('half');
    setImmediate(() => response.destroy());
  });
  const cut = await refusal(poll(second));
  assert.equal(cut.created, 'yes');
  assert.equal((await poll(second)).state, 'done');
  fake.files.clear();
  assert.equal((await poll(second)).state, 'failed');
});

test('cancel takes out a waiting job, stops only its own running one, and respects a finished one', async (t) => {
  const { fake, provider, accept, poll } = await open(t);
  const running = await accept({}, 'job_a');
  const waiting = await accept({}, 'job_b');
  const other = await accept({}, 'job_c');
  fake.startNext();
  assert.deepEqual(await cancel(provider, waiting), { state: 'cancelled' });
  assert.equal(fake.waiting, 1);
  assert.ok(!fake.requests.includes('POST /interrupt'), 'the running job of somebody else goes on');
  assert.equal((await poll(running)).state, 'running');
  assert.deepEqual(await cancel(provider, running), { state: 'cancelled' });
  assert.equal((await poll(running)).state, 'failed');
  fake.finishNext();
  assert.equal((await cancel(provider, other))?.state, 'not_cancellable');
  assert.equal((await poll(other)).state, 'done');
});

test('a job that was cached whole is no older job’s picture: its files have a name of their own', async (t) => {
  const { fake, accept } = await open(t);
  await accept({}, 'job_a');
  await accept({}, 'job_b');
  const prefixes = fake.jobs.map(({ graph }) => graph['9']?.inputs.filename_prefix);
  assert.deepEqual(prefixes, [`drawbridge/${promptIdOf('job_a')}`, `drawbridge/${promptIdOf('job_b')}`]);
});

test('a workflow that was taken in part is a job, whose pictures are what comes', async (t) => {
  const { fake, submit } = await open(t);
  fake.next('POST /prompt', (_request, response): undefined => {
    const { status, body } = fake.refusal('partial');
    json(response, status, body);
  });
  assert.equal((await submit()).state, 'accepted');
});

test('K1: a password in an address is sent as a header and shown nowhere', async (t) => {
  const secret = Buffer.from(`user:${CANARY}`).toString('base64');
  const { fakes } = await open(t);
  const [fake] = fakes;
  assert.ok(fake);
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: new FakeClock(), log });
  t.after(() => outbound.close());
  const url = fake.url.replace('http://', `http://user:${CANARY}@`);
  const { settings } = parseComfyuiSettings({ url });
  const provider = createComfyuiProvider({ settings, outbound, clock: new FakeClock(), log });
  await probe(provider);
  assert.equal(fake.headers.at(-1)?.authorization, `Basic ${secret}`);
  fake.next('GET /system_stats', respond(401, `<html>${CANARY}</html>`));
  const error = await probe(provider).catch((thrown: unknown) => thrown);
  assert.ok(error instanceof ProviderError && error.kind === 'credentials_expired');
  const words = `${error.message}${error.stack}${JSON.stringify(log.records)}`;
  assert.ok(!words.includes(CANARY) && !words.includes(secret));
});

test('pool: the shortest queue gets the job, and polls go where it is', async (t) => {
  const { fakes, accept, poll } = await open(t, { servers: 3 });
  const jobs = await Promise.all([...'abcdef'].map((letter) => accept({}, `job_${letter}`)));
  assert.deepEqual(
    fakes.map((fake) => fake.jobs.length),
    [2, 2, 2],
  );
  const [, second] = fakes;
  assert.ok(second);
  const ended = second.finishNext();
  const jobId = jobs.find((id) => id.endsWith(ended.promptId)) ?? '';
  const asked = fakes.map((fake) => fake.requests.length);
  assert.equal((await poll(jobId)).state, 'done');
  assert.deepEqual(
    fakes.map((fake, position) => fake.requests.length > (asked[position] ?? 0)),
    [false, true, false],
  );
});

test('pool S1: what was provably not sent goes to the next server; what may have been sent does not', async (t) => {
  const { fakes, submit, accept, refusal, provider } = await open(t, { servers: 2 });
  const [first, second] = fakes;
  assert.ok(first && second);
  first.next('POST /prompt', respond(429, ''));
  await accept({}, 'job_a');
  assert.equal(second.jobs.length, 1);
  second.finishNext();
  first.next('POST /prompt', respond(502, '<html></html>'));
  const unknown = await refusal(submit({}, 'job_b'));
  assert.equal(unknown.created, 'unknown');
  assert.equal(second.jobs.length, 1);
  // Only the server that it may have reached is asked for proof.
  await second.close();
  assert.deepEqual(await lookup(provider, 'job_b'), { state: 'absent' });
  // Nothing is remembered any more, so a server that is silent is no proof.
  assert.equal((await refusal(Promise.resolve(lookup(provider, 'job_b')))).created, 'unknown');
  await accept({}, 'job_c');
  assert.equal(first.jobs.length, 1);
});

test('pool: a server that lacks the checkpoint is passed over; a common one is chosen', async (t) => {
  const { fakes, provider, accept } = await open(t, {
    servers: 2,
    before: ([first, second]) => {
      if (first) first.checkpoints = ['only-here.safetensors', 'both.safetensors'];
      if (second) second.checkpoints = ['both.safetensors', 'other.safetensors'];
    },
  });
  await probe(provider);
  await accept({}, 'job_a');
  await accept({}, 'job_b');
  const chosen = fakes.map((fake) => fake.jobs[0]?.graph['4']?.inputs.ckpt_name);
  assert.deepEqual(chosen, ['both.safetensors', 'both.safetensors']);
  const lacking = await open(t, {
    servers: 2,
    settings: { checkpoint: 'special.safetensors' },
    before: ([, second]) => second?.checkpoints.push('special.safetensors'),
  });
  await lacking.accept();
  assert.deepEqual(
    lacking.fakes.map((fake) => fake.jobs.length),
    [0, 1],
  );
});

test('pool: a draining server finishes what it has and gets nothing new', async (t) => {
  const { fakes } = await open(t, { servers: 2 });
  const [first, second] = fakes;
  assert.ok(first && second);
  const urls = `${first.url},${second.url}`;
  const before = createOn(t, { url: urls });
  const jobId = await before.accept('job_a');
  assert.equal(first.jobs.length, 1);
  const drained = createOn(t, { url: urls, drain: first.url });
  await drained.accept('job_b');
  await drained.accept('job_c');
  assert.deepEqual([first.jobs.length, second.jobs.length], [1, 2]);
  first.finishNext();
  assert.equal((await drained.poll(jobId)).state, 'done');
  const removed = createOn(t, { url: second.url });
  await assert.rejects(
    removed.poll(jobId),
    (error) => error instanceof ProviderError && error.created === 'yes',
  );
});

/** A second adapter over servers that are there already. */
function createOn(t: TestContext, raw: Record<string, unknown>) {
  const clock = new FakeClock();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  t.after(() => outbound.close());
  const { settings } = parseComfyuiSettings(raw);
  const provider = createComfyuiProvider({ settings, outbound, clock, log });
  const { signal } = new AbortController();
  const spool = async (source: AsyncIterable<Uint8Array>) => {
    for await (const _chunk of source);
    return { path: '', bytes: 0, mime: 'image/png' };
  };
  return {
    async accept(clientRef: string) {
      const result = await provider.submit({
        signal,
        clientRef,
        request: REQUEST,
        spool,
        onProgress() {},
        onPreview: () => {},
        callbackUrl: null,
      });
      return result.state === 'accepted' ? result.jobId : '';
    },
    poll: (jobId: string) => provider.poll({ signal, clientRef: 'x', jobId, request: REQUEST, spool }),
  };
}

test('probe: says which server is silent, what is missing, and that a stranger is no ComfyUI', async (t) => {
  const { fakes, provider, refusal } = await open(t, { servers: 2 });
  assert.deepEqual(await probe(provider), { note: null });
  const [first, second] = fakes;
  assert.ok(first && second);
  await first.close();
  assert.match((await probe(provider)).note ?? '', /ComfyUI server 1 (refuses|broke) the connection/);
  second.upscaleModels = [];
  assert.match((await probe(provider)).note ?? '', /ComfyUI server 2 has no upscale model/);
  second.checkpoints = [];
  assert.match((await refusal(probe(provider))).message, /has no checkpoint/);
  second.next('GET /system_stats', respond(200, '<html>another program</html>'));
  assert.equal((await refusal(probe(provider))).kind, 'unreachable', 'the first failure is told');
  second.next('GET /system_stats', respond(401, ''));
  await refusal(probe(provider));
});

test('settings: addresses, secrets in addresses, checkpoints as models, and clear refusals', () => {
  const { settings, lane } = parseComfyuiSettings({
    url: `http://user:${CANARY}@gpu-1:8188/, gpu-2:8188`,
    checkpoint: 'a.safetensors, xl/Dream Shaper.safetensors',
    upscale_model: 'none',
  });
  assert.deepEqual(
    settings.servers.map(({ url }) => url),
    ['http://gpu-1:8188', 'http://gpu-2:8188'],
  );
  assert.match(settings.servers[0]?.authorization ?? '', /^Basic /);
  assert.deepEqual(lane, { concurrency: 4, deadlineMs: 1_200_000 });
  const refuse = () => assert.fail('nothing is sent');
  const outbound = { request: refuse, openSocket: refuse, close: async () => {} };
  const provider = createComfyuiProvider({
    settings,
    outbound,
    clock: new FakeClock(),
    log: createMemoryLogger(),
  });
  assert.deepEqual(
    provider.models.map(({ name }) => name),
    ['comfyui', 'comfyui-dream-shaper'],
  );
  for (const raw of [
    { url: '' },
    { url: `ftp://user:${CANARY}@x` },
    { url: 'http://a', steps: 'many' },
    { url: 'http://a', drain: 'http://b' },
  ]) {
    assert.throws(
      () => parseComfyuiSettings(raw),
      (error) =>
        error instanceof Error &&
        /providers\.comfyui\./.test(error.message) &&
        !error.message.includes(CANARY),
    );
  }
});
