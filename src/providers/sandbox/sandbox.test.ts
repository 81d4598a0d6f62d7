import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { appendFile, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import sharp from 'sharp';
import type { Clock } from '../../kernel/clock.ts';
import {
  type GenerationRequest,
  type LocalFile,
  type Output,
  type PollResult,
  ProviderError,
} from '../provider.ts';
import { readJobLog } from './job-log.ts';
import { createSandboxProvider, Sandbox, type SandboxOptions } from './sandbox.ts';

/** A clock that stands still until it is turned. */
class ManualClock implements Clock {
  #now = 1_700_000_000_000;
  #timers: { at: number; callback: () => void }[] = [];
  now = () => this.#now;
  monotonicMs = () => this.#now;
  after(delayMs: number, callback: () => void) {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    const cancel = () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
    return { cancel };
  }
  advance(ms: number): void {
    this.#now += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.#now);
    this.#timers = this.#timers.filter((timer) => timer.at > this.#now);
    for (const timer of due) timer.callback();
  }
}

/** A clock on which every wait shorter than a minute is over at once. */
class HastyClock implements Clock {
  #now = 1_700_000_000_000;
  now = () => this.#now;
  monotonicMs = () => this.#now;
  after(delayMs: number, callback: () => void) {
    if (delayMs >= 60_000) return { cancel: () => {} };
    const handle = setImmediate(() => {
      this.#now += delayMs;
      callback();
    });
    return { cancel: () => clearImmediate(handle) };
  }
}

let stateDir = '';
let clock: ManualClock;
let open: Sandbox[] = [];
const signal = new AbortController().signal;

beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'sandbox-'));
  clock = new ManualClock();
});
afterEach(async () => {
  for (const sandbox of open) await sandbox.close();
  open = [];
  await rm(stateDir, { recursive: true, force: true });
});

async function start(options: Partial<SandboxOptions> = {}): Promise<Sandbox> {
  const sandbox = await Sandbox.start({ stateDir, clock, ...options });
  open.push(sandbox);
  return sandbox;
}

function requestOf(changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return {
    mode: 'text-to-image',
    model: 'sandbox',
    prompt: 'misty mountains',
    negativePrompt: null,
    width: 96,
    height: 64,
    n: 1,
    seed: 5,
    strength: null,
    images: [],
    mask: null,
    ...changes,
  };
}

const flaky = (directive: string, changes: Partial<GenerationRequest> = {}) =>
  requestOf({ model: 'sandbox-flaky', prompt: `misty mountains [sandbox:${directive}]`, ...changes });

async function spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile> {
  const path = join(stateDir, 'spooled.png');
  const file = createWriteStream(path);
  for await (const chunk of source) file.write(chunk);
  file.end();
  await once(file, 'close');
  return { path, bytes: (await stat(path)).size, mime: 'image/png' };
}

const submit = (sandbox: Sandbox, clientRef: string, request: GenerationRequest) =>
  sandbox.submit({
    signal,
    clientRef,
    request,
    spool,
    onProgress: () => {},
    onPreview: () => {},
    callbackUrl: null,
  });

async function jobOf(sandbox: Sandbox, clientRef: string, request: GenerationRequest): Promise<string> {
  const result = await submit(sandbox, clientRef, request);
  assert.equal(result.state, 'accepted');
  return result.jobId ?? '';
}

const poll = (sandbox: Sandbox, jobId: string, request: GenerationRequest): Promise<PollResult> =>
  sandbox.poll({ signal, clientRef: 'any', jobId, request, spool });

async function outputsOf(
  sandbox: Sandbox,
  jobId: string,
  request: GenerationRequest,
): Promise<readonly Output[]> {
  const result = await poll(sandbox, jobId, request);
  assert.equal(result.state, 'done', JSON.stringify(result));
  return result.outputs;
}

function fileOf(output: Output | undefined): LocalFile {
  assert.ok(output && 'file' in output);
  return output.file;
}

const hashOf = async (output: Output | undefined) =>
  createHash('sha256')
    .update(await readFile(fileOf(output).path))
    .digest('hex');

const providerError = (kind: string, created: string) => (error: unknown) =>
  error instanceof ProviderError && error.kind === kind && error.created === created;

test('a job is accepted at once, and its poll waits for the pictures', async () => {
  const sandbox = await start();
  const request = requestOf({ n: 2 });
  const result = await submit(sandbox, 'ref-1', request);
  assert.deepEqual(result, {
    state: 'accepted',
    jobId: (await readJobLog(stateDir))[0]?.job_id,
    pollAfterMs: 0,
  });
  const outputs = await outputsOf(sandbox, result.jobId ?? '', request);
  assert.deepEqual(
    outputs.map((output) => output.seed),
    [5, 6],
  );
  for (const output of outputs) {
    const file = fileOf(output);
    const { width, height, format } = await sharp(file.path).metadata();
    assert.deepEqual([width, height, format, file.mime], [96, 64, 'png', 'image/png']);
    assert.equal((await stat(file.path)).size, file.bytes);
  }
  assert.notEqual(await hashOf(outputs[0]), await hashOf(outputs[1]));
  assert.deepEqual(await sandbox.probe({ signal }), { note: 'built in' });
});

test('the seed of a further picture gives that picture again', async () => {
  const sandbox = await start();
  const two = requestOf({ n: 2 });
  const [, second] = await outputsOf(sandbox, await jobOf(sandbox, 'a', two), two);
  const one = requestOf({ seed: second?.seed ?? 0 });
  const [again] = await outputsOf(sandbox, await jobOf(sandbox, 'b', one), one);
  assert.equal(await hashOf(again), await hashOf(second));
});

test('one client reference makes one job, however often and at the same time it is submitted', async () => {
  const sandbox = await start();
  const results = await Promise.all(Array.from({ length: 8 }, () => submit(sandbox, 'same', requestOf())));
  results.push(await submit(sandbox, 'same', requestOf()));
  assert.equal(new Set(results.map((result) => result.jobId)).size, 1);
  assert.equal((await readJobLog(stateDir)).length, 1);
});

test('a job outlives the process: a new instance finds it, and paints the same bytes', async () => {
  const request = requestOf();
  const first = await start();
  const jobId = await jobOf(first, 'ref', request);
  const before = await hashOf((await outputsOf(first, jobId, request))[0]);
  // The first is not closed, as if it had been killed, and its log ends in a torn line.
  await appendFile(join(stateDir, 'jobs.jsonl'), '{"job_id":"sbx_to');
  await rm(join(stateDir, 'pictures'), { recursive: true });
  const second = await start();
  assert.deepEqual(await second.lookup({ signal, clientRef: 'ref' }), { state: 'found', jobId });
  assert.deepEqual(await second.lookup({ signal, clientRef: 'other' }), { state: 'absent' });
  assert.deepEqual(await second.lookup({ signal, clientRef: 'to' }), { state: 'absent' });
  assert.equal(await hashOf((await outputsOf(second, jobId, request))[0]), before);
  await submit(second, 'ref', request);
  assert.equal((await readJobLog(stateDir)).length, 1);
});

test('a job that another process accepted is known without a restart', async () => {
  const [first, second] = [await start(), await start()];
  const jobId = await jobOf(first, 'ref', requestOf());
  assert.deepEqual(await second.lookup({ signal, clientRef: 'ref' }), { state: 'found', jobId });
  assert.equal((await outputsOf(second, jobId, requestOf())).length, 1);
});

test('a picture that was moved away is painted again', async () => {
  const sandbox = await start();
  const jobId = await jobOf(sandbox, 'ref', requestOf());
  const [output] = await outputsOf(sandbox, jobId, requestOf());
  const before = await hashOf(output);
  await rm(fileOf(output).path);
  assert.equal(await hashOf((await outputsOf(sandbox, jobId, requestOf()))[0]), before);
});

test('sandbox-slow reports progress by the clock and is done when its time is over', async () => {
  const sandbox = await start({ slowSeconds: 8 });
  const request = requestOf({ model: 'sandbox-slow' });
  const jobId = await jobOf(sandbox, 'ref', request);
  assert.deepEqual(await poll(sandbox, jobId, request), { state: 'running', progress: 0, pollAfterMs: 1000 });
  clock.advance(6000);
  assert.deepEqual(await poll(sandbox, jobId, request), {
    state: 'running',
    progress: 0.75,
    pollAfterMs: 1000,
  });
  clock.advance(2000);
  assert.equal((await outputsOf(sandbox, jobId, request)).length, 1);
});

test('a poll ends when its signal is aborted', async () => {
  const sandbox = await start({ paintDelayMs: 500 });
  const jobId = await jobOf(sandbox, 'ref', requestOf());
  const stop = new AbortController();
  const polling = sandbox.poll({ signal: stop.signal, clientRef: 'ref', jobId, request: requestOf(), spool });
  stop.abort(new Error('enough'));
  await assert.rejects(polling, /enough/);
});

test('an unfinished job can be cancelled, also across a restart; a finished one cannot', async () => {
  const sandbox = await start();
  const request = requestOf({ model: 'sandbox-slow' });
  const jobId = await jobOf(sandbox, 'ref', request);
  assert.deepEqual(await sandbox.cancel({ signal, clientRef: 'ref', jobId }), { state: 'cancelled' });
  assert.deepEqual(await sandbox.cancel({ signal, clientRef: 'ref', jobId }), { state: 'cancelled' });
  assert.equal((await poll(sandbox, jobId, request)).state, 'failed');
  assert.equal((await poll(await start(), jobId, request)).state, 'failed');
  assert.equal((await readJobLog(stateDir))[0]?.cancelled_at, clock.now());
  const done = await jobOf(sandbox, 'done', requestOf());
  await outputsOf(sandbox, done, requestOf());
  assert.equal((await sandbox.cancel({ signal, clientRef: 'done', jobId: done })).state, 'not_cancellable');
  assert.equal(
    (await sandbox.cancel({ signal, clientRef: 'x', jobId: 'sbx_none' })).state,
    'not_cancellable',
  );
});

test('submissions that fail before a job exists say so, and leave no line', async () => {
  const sandbox = await start();
  for (const [fault, kind] of [
    ['unreachable', 'unreachable'],
    ['rate_limited', 'rate_limited'],
    ['unavailable', 'unavailable'],
    ['content-blocked', 'content_blocked'],
  ] as const) {
    await assert.rejects(submit(sandbox, fault, flaky(`fault=${fault}`)), providerError(kind, 'no'));
    assert.deepEqual(await sandbox.lookup({ signal, clientRef: fault }), { state: 'absent' });
  }
  const limited = await submit(sandbox, 'r', flaky('fault=rate_limited')).catch((error: unknown) => error);
  assert.equal((limited as ProviderError).retryAfterMs, 2000);
  await assert.rejects(submit(sandbox, 'd', flaky('fault=nope')), providerError('invalid_request', 'no'));
  assert.deepEqual(await readJobLog(stateDir), []);
});

test('an unknown submission leaves a job or none, and look-up tells which', async () => {
  const sandbox = await start();
  for (const [fault, state] of [
    ['submit_timeout_created', 'found'],
    ['submit_timeout_absent', 'absent'],
  ] as const) {
    await assert.rejects(
      submit(sandbox, fault, flaky(`fault=${fault}`)),
      providerError('timeout', 'unknown'),
    );
    assert.equal((await sandbox.lookup({ signal, clientRef: fault })).state, state);
  }
  const states = new Set<string>();
  for (let i = 0; i < 12; i++) {
    await assert.rejects(
      submit(sandbox, `ref-${i}`, flaky('fault=submit_timeout')),
      providerError('timeout', 'unknown'),
    );
    states.add((await sandbox.lookup({ signal, clientRef: `ref-${i}` })).state);
  }
  assert.deepEqual([...states].sort(), ['absent', 'found']);
  assert.equal(
    (await submit(sandbox, 'submit_timeout_created', flaky('fault=submit_timeout_created'))).state,
    'accepted',
  );
});

test('a fault that is limited to some times is over after them', async () => {
  const sandbox = await start();
  const request = flaky('fault=unavailable times=2');
  for (const ref of ['a', 'b'])
    await assert.rejects(submit(sandbox, ref, request), providerError('unavailable', 'no'));
  assert.equal((await submit(sandbox, 'c', request)).state, 'accepted');
});

test('faults of an accepted job show in its polls', async () => {
  const sandbox = await start();
  const states: Record<string, string> = {};
  for (const fault of ['failed', 'lost', 'stuck']) {
    const request = flaky(`fault=${fault}`);
    states[fault] = (await poll(sandbox, await jobOf(sandbox, fault, request), request)).state;
  }
  assert.deepEqual(states, { failed: 'failed', lost: 'lost', stuck: 'running' });
  assert.equal((await sandbox.lookup({ signal, clientRef: 'lost' })).state, 'absent');
  const [, , stuck] = await readJobLog(stateDir);
  assert.equal(
    (await sandbox.cancel({ signal, clientRef: 'stuck', jobId: stuck?.job_id ?? '' })).state,
    'cancelled',
  );
  const request = flaky('fault=poll_error');
  const jobId = await jobOf(sandbox, 'poll_error', request);
  for (let i = 0; i < 2; i++)
    await assert.rejects(poll(sandbox, jobId, request), providerError('unavailable', 'yes'));
  assert.equal((await poll(sandbox, jobId, request)).state, 'done');
});

test('pictures can be too few, too many, or cut off', async () => {
  const sandbox = await start();
  const counts: number[] = [];
  for (const fault of ['fewer', 'extra']) {
    const request = flaky(`fault=${fault}`, { n: 2 });
    counts.push((await outputsOf(sandbox, await jobOf(sandbox, fault, request), request)).length);
  }
  assert.deepEqual(counts, [1, 5]);
  const request = flaky('fault=corrupt');
  const [output] = await outputsOf(sandbox, await jobOf(sandbox, 'corrupt', request), request);
  assert.equal((await stat(fileOf(output).path)).size, fileOf(output).bytes);
  await assert.rejects(sharp(fileOf(output).path).raw().toBuffer());
});

test('a delay takes its time by the clock', async () => {
  const sandbox = await start();
  const request = flaky('delay=3s');
  const jobId = await jobOf(sandbox, 'delayed', request);
  assert.equal((await poll(sandbox, jobId, request)).state, 'running');
  clock.advance(3000);
  assert.equal((await poll(sandbox, jobId, request)).state, 'done');
});

test('a slow download gives the whole picture after 20 seconds', async () => {
  const hasty = new HastyClock();
  const sandbox = await start({ clock: hasty });
  const request = flaky('fault=slow-download');
  const jobId = await jobOf(sandbox, 'slow', request);
  let started = hasty.now();
  let result = await poll(sandbox, jobId, request);
  while (result.state === 'running') {
    started = hasty.now();
    result = await poll(sandbox, jobId, request);
  }
  assert.ok(result.state === 'done' && hasty.now() - started >= 20_000);
  const file = fileOf(result.outputs[0]);
  assert.equal(file.bytes, (await stat(join(stateDir, 'pictures', `${jobId}-0.png`))).size);
  assert.equal((await sharp(file.path).metadata()).width, 96);
});

test('directives and rates count for sandbox-flaky alone, and rates can be replayed', async () => {
  const sandbox = await start({ faults: { unavailable: 0.5 } });
  const outcome = async (ref: string) =>
    (await submit(sandbox, ref, requestOf({ model: 'sandbox-flaky' })).catch(() => null)) !== null;
  const outcomes = [];
  for (let i = 0; i < 12; i++) outcomes.push(await outcome(`ref-${i}`));
  assert.deepEqual([...new Set(outcomes)].sort(), [false, true]);
  assert.equal(
    (await submit(sandbox, 'plain', requestOf({ prompt: 'x [sandbox:fault=lost]' }))).state,
    'accepted',
  );
  await sandbox.close();
  await rm(join(stateDir, 'jobs.jsonl'));
  const replay = await start({ faults: { unavailable: 0.5 } });
  for (let i = 0; i < 12; i++) {
    const accepted = await submit(replay, `ref-${i}`, requestOf({ model: 'sandbox-flaky' })).then(
      () => true,
      () => false,
    );
    assert.equal(accepted, outcomes[i]);
  }
});

test('a painter that is killed in the middle of its work is replaced, and the job is painted', async () => {
  const sandbox = await start();
  const request = requestOf({ width: 1024, height: 1024 });
  const jobId = await jobOf(sandbox, 'ref', request);
  // The painter is started by the submission; it dies before it can be done.
  while (sandbox.painter.processId === null) await new Promise((resolve) => setImmediate(resolve));
  const killed = sandbox.painter.processId;
  process.kill(killed, 'SIGKILL');
  const [output] = await outputsOf(sandbox, jobId, request);
  assert.notEqual(sandbox.painter.processId, killed);
  assert.equal((await sharp(fileOf(output).path).metadata()).width, 1024);
});

test('an idle painter is stopped, and started again when there is work', async () => {
  const sandbox = await start();
  await outputsOf(sandbox, await jobOf(sandbox, 'a', requestOf()), requestOf());
  assert.notEqual(sandbox.painter.processId, null);
  clock.advance(60_000);
  assert.equal(sandbox.painter.processId, null);
  await outputsOf(sandbox, await jobOf(sandbox, 'b', requestOf()), requestOf());
});

test('image-to-image survives the move of its input, but not its change', async () => {
  const sandbox = await start();
  const path = join(stateDir, 'input.png');
  await sharp({ create: { width: 64, height: 64, channels: 3, background: '#336699' } })
    .png()
    .toFile(path);
  const input = (at: string): LocalFile => ({ path: at, bytes: 100, mime: 'image/png' });
  const request = requestOf({ mode: 'image-to-image', images: [input(path)], strength: 0.5 });
  const jobId = await jobOf(sandbox, 'ref', request);
  await outputsOf(sandbox, jobId, request);
  const moved = join(stateDir, 'moved.png');
  await rename(path, moved);
  const second = await start();
  assert.equal((await outputsOf(second, jobId, { ...request, images: [input(moved)] })).length, 1);
  const other = sharp({ create: { width: 64, height: 64, channels: 3, background: '#993366' } });
  await writeFile(moved, await other.png().toBuffer());
  const third = await start();
  const result = await poll(third, jobId, { ...request, images: [input(moved)] });
  assert.ok(result.state === 'failed' && result.error.kind === 'invalid_request');
  await assert.rejects(submit(sandbox, 'gone', request), providerError('invalid_request', 'no'));
});

test('what is out of bounds is refused', async () => {
  const sandbox = await start();
  const wrong: Partial<GenerationRequest>[] = [
    { width: 63 },
    { width: 2049 },
    { height: 100.5 },
    { n: 0 },
    { n: 9 },
    { mode: 'upscale' },
    { model: 'other' },
  ];
  for (const changes of wrong)
    await assert.rejects(submit(sandbox, 'x', requestOf(changes)), providerError('invalid_request', 'no'));
});

test('old pictures and old jobs go at the start', async () => {
  const sandbox = await start();
  const [output] = await outputsOf(sandbox, await jobOf(sandbox, 'ref', requestOf()), requestOf());
  await writeFile(join(stateDir, 'pictures', 'sbx_dead-0.png.9.tmp'), 'left over');
  clock.advance(25 * 3_600_000);
  const later = await start();
  await assert.rejects(stat(fileOf(output).path));
  await assert.rejects(stat(join(stateDir, 'pictures', 'sbx_dead-0.png.9.tmp')));
  assert.deepEqual(await later.lookup({ signal, clientRef: 'ref' }), { state: 'absent' });
});

test('with instantPicture every job answers with the one picture painted beforehand', async () => {
  const sandbox = await createSandboxProvider({ stateDir, clock, instantPicture: true, priceMicros: 7 });
  try {
    assert.deepEqual(
      sandbox.models.map((model) => [model.name, model.priceMicros]),
      [
        ['sandbox', 7],
        ['sandbox-slow', 7],
        ['sandbox-flaky', 7],
      ],
    );
    const request = requestOf({ n: 2 });
    const jobs = await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        sandbox.submit({
          signal,
          clientRef: `ref-${i}`,
          request,
          spool,
          onProgress: () => {},
          onPreview: () => {},
          callbackUrl: null,
        }),
      ),
    );
    const result = await sandbox.poll({
      signal,
      clientRef: 'ref-0',
      jobId: jobs[0]?.jobId ?? '',
      request,
      spool,
    });
    assert.ok(result.state === 'done' && result.outputs.length === 2);
    assert.equal((await sharp(fileOf(result.outputs[0]).path).metadata()).width, 512);
    assert.equal((await readJobLog(stateDir)).length, 500);
  } finally {
    await sandbox.close();
  }
});
