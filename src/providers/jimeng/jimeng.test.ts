// jimeng over real HTTP: what is sent, what each answer means, and who takes the next call. Ids are fault matrix rows.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { failureOf, inputPicture, requestFor } from '../../../test/harness/adapter-calls.ts';
import { FakeClock } from '../../../test/harness/clock.ts';
import { type FakeJimeng, fakePictures, startFakeJimeng } from '../../../test/harness/fake-jimeng.ts';
import type { FakeAnswer } from '../../../test/harness/scripted-http.ts';
import { createMemoryLogger } from '../../kernel/log.ts';
import { createOutbound } from '../../kernel/outbound.ts';
import { quotable } from '../../kernel/quotable.ts';
import type { GenerationRequest, ProviderAdapter, ProviderError, SubmitResult } from '../provider.ts';
import { createJimengProvider } from './jimeng.ts';
import { parseJimengSettings } from './jimeng-settings.ts';
import { jimengModels, shapeFor } from './models.ts';

const ONE = 'canary0123456789abcdef';
const TWO = 'canary-two-9876543210fedcba';
const DEADLINE_MS = 40 * 60_000;

interface Stage {
  fake: FakeJimeng;
  adapter: ProviderAdapter;
  clock: FakeClock;
  log: ReturnType<typeof createMemoryLogger>;
}

async function start(t: TestContext, raw: Record<string, unknown> = {}): Promise<Stage> {
  const fake = await startFakeJimeng(t);
  const clock = new FakeClock();
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock, log });
  const { settings } = parseJimengSettings({ url: fake.url, session_id: ONE, ...raw });
  const adapter = createJimengProvider({ settings, outbound, clock, log });
  t.after(async () => {
    await adapter.close();
    await outbound.close();
    for (const secret of [ONE, TWO]) assert.ok(!log.text().includes(secret), 'a session id is in the log');
  });
  return { fake, adapter, clock, log };
}

const requestOf = (changes: Partial<GenerationRequest> = {}) =>
  requestFor('jimeng-4.5', { prompt: 'a cute cat', ...changes });

const submit = (
  adapter: ProviderAdapter,
  changes: Partial<GenerationRequest> = {},
  { signal = new AbortController().signal, credential = null as string | null } = {},
) =>
  adapter.submit({
    request: requestOf(changes),
    clientRef: 'job_1',
    signal,
    credential,
    spool: () => assert.fail('nothing is spooled'),
    onProgress: () => {},
    onPreview: () => {},
    callbackUrl: null,
  });

const probe = (adapter: ProviderAdapter, credential: string | null = null) =>
  adapter.probe({ signal: new AbortController().signal, credential });

/** The error of a submit whose job jimeng took and failed. */
async function endOf(promise: Promise<SubmitResult>): Promise<ProviderError> {
  const result = await promise;
  assert.ok(result.state === 'failed' && result.jobId === null, JSON.stringify(result));
  return failureOf(Promise.reject(result.error));
}

/** What one scripted answer is taken for: kind, whether a job exists, and that it was sent once. */
async function outcomeOf(
  stage: Stage,
  answer: FakeAnswer,
  how: (work: Promise<SubmitResult>) => Promise<ProviderError> = failureOf,
) {
  const before = stage.fake.submissions.length;
  stage.fake.script = [answer];
  const error = await how(submit(stage.adapter));
  assert.equal(stage.fake.submissions.length - before, 1, 'S13: one request for one submit');
  return [error.kind, error.created];
}

const refusal = (code: number, message = '[错误]: 说明') => ({ body: { code, message, data: null } });

test('a picture is asked for by ratio and resolution, never by pixels, and all four come back', async (t) => {
  const { fake, adapter } = await start(t);
  const result = await submit(adapter, {
    prompt: 'x,] y\u3000z',
    negativePrompt: 'text',
    width: 1920,
    height: 1080,
  });
  const [sent] = fake.submissions;
  assert.equal(sent?.path, '/v1/images/generations');
  assert.equal(sent.authorization, `Bearer ${ONE}`);
  assert.deepEqual(JSON.parse(sent.body.toString()), {
    model: 'jimeng-4.5',
    prompt: 'x,] y\u3000z',
    negative_prompt: 'text',
    ratio: '16:9',
    resolution: '2k',
    response_format: 'url',
  });
  assert.match(sent.body.toString(), /"x,\\u005d y\\u3000z"/, 'escaped against the clean-up of the raw text');
  assert.deepEqual(result, {
    state: 'done',
    jobId: null,
    outputs: fakePictures(4).data.map(({ url }) => ({ url, seed: null })),
  });
});

test('pixels become the nearest ratio and the smallest resolution that is not clearly smaller', () => {
  const table = jimengModels('jimeng-api', ['cn', 'us'], null);
  const shape = (name: string, width: number, height: number) => {
    const model = table.find((one) => one.name === name);
    assert.ok(model);
    const { ratio, resolution } = shapeFor(model, { width, height });
    return `${ratio} ${resolution}`;
  };
  assert.equal(shape('jimeng-4.5', 1024, 1024), '1:1 1k');
  assert.equal(shape('jimeng-4.5', 1365, 768), '16:9 1k');
  assert.equal(shape('jimeng-4.5', 1536, 1024), '3:2 2k');
  assert.equal(shape('jimeng-4.5', 1024, 1792), '9:16 2k');
  assert.equal(shape('jimeng-4.5', 1024, 768), '4:3 2k', '1k has 4:3 the wrong way round');
  assert.equal(shape('jimeng-4.5', 6000, 2000), '21:9 4k');
  assert.equal(shape('nanobanana', 1024, 768), '3:2 1k');
});

test('models are those that the regions of the sessions serve, and each goes to a session that serves it', async (t) => {
  const { fake, adapter } = await start(t, {
    session_id: `${ONE}, socks5://u:p@proxy.example:1080@us-${TWO}`,
  });
  const names = adapter.models.map(({ name }) => name);
  assert.ok(names.includes('nanobanana') && names.includes('jimeng-5.0'));
  await submit(adapter, { model: 'nanobanana' });
  await submit(adapter, { model: 'nanobanana' });
  await submit(adapter, { model: 'jimeng-5.0' });
  assert.deepEqual(
    fake.submissions.map(({ authorization }) => authorization.includes(TWO)),
    [true, true, false],
  );
  const china = await start(t);
  assert.ok(!china.adapter.models.some(({ name }) => name === 'nanobanana'));
  assert.equal((await failureOf(submit(china.adapter, { model: 'nanobanana' }))).kind, 'invalid_request');
  assert.equal(china.fake.submissions.length, 0);
});

test('image-to-image streams the pictures as multipart', async (t) => {
  const { fake, adapter } = await start(t);
  const bytes = Buffer.alloc(300_000, 7);
  const file = await inputPicture(t, bytes);
  const changes = { mode: 'image-to-image', images: [file, file], prompt: 'as a painting' } as const;
  const result = await submit(adapter, changes);
  assert.equal(result.state === 'done' && result.outputs.length, 1);
  const [sent] = fake.submissions;
  assert.equal(sent?.path, '/v1/images/compositions');
  const form = await new Response(new Uint8Array(sent.body), {
    headers: { 'content-type': sent.contentType },
  }).formData();
  assert.equal(form.get('prompt'), 'as a painting');
  assert.equal(form.get('ratio'), '1:1');
  const files = form.getAll('images') as File[];
  assert.deepEqual(
    files.map(({ name, type }) => [name, type]),
    [
      ['image-1.png', 'image/png'],
      ['image-2.png', 'image/png'],
    ],
  );
  assert.ok(Buffer.from((await files[1]?.arrayBuffer()) ?? new ArrayBuffer(0)).equals(bytes));
  const large = { ...file, bytes: 101 * 1024 * 1024 };
  assert.equal((await failureOf(submit(adapter, { ...changes, images: [large] }))).created, 'no');
});

test('the older dialect is sent pixels', async (t) => {
  const { fake, adapter } = await start(t, { dialect: 'jimeng-free-api' });
  assert.deepEqual(adapter.models[0]?.capabilities.modes, ['text-to-image']);
  await submit(adapter, { model: 'jimeng-3.0', width: 768, height: 512 });
  assert.deepEqual(JSON.parse(fake.submissions[0]?.body.toString() ?? ''), {
    model: 'jimeng-3.0',
    prompt: 'a cute cat',
    width: 768,
    height: 512,
    response_format: 'url',
  });
});

test('sessions take turns, one to a call', async (t) => {
  const { fake, adapter } = await start(t, { session_id: `${ONE},${TWO}` });
  for (let calls = 0; calls < 4; calls += 1) await submit(adapter);
  const used = fake.submissions.map(({ authorization }) => authorization);
  assert.deepEqual(used, [`Bearer ${ONE}`, `Bearer ${TWO}`, `Bearer ${ONE}`, `Bearer ${TWO}`]);
});

test('S6: an expired session is set aside, the others go on; all expired says how to mend it and asks no more', async (t) => {
  const { fake, adapter, log } = await start(t, { session_id: `${ONE},${TWO}` });
  fake.script = [refusal(-2002, `[登录失效]: ${ONE}`)];
  const first = await failureOf(submit(adapter));
  assert.deepEqual([first.kind, first.created], ['credentials_expired', 'no']);
  assert.match(first.message, /session 1 of 2\. The others are used\.$/);
  await submit(adapter);
  await submit(adapter);
  assert.deepEqual(
    fake.submissions.slice(1).map(({ authorization }) => authorization),
    [`Bearer ${TWO}`, `Bearer ${TWO}`],
  );
  fake.script = [refusal(-2001, '[请求失败]: 34010105 login error')];
  assert.match((await failureOf(submit(adapter))).message, /JIMENG_SESSION_ID/);
  const sent = fake.submissions.length;
  const all = await failureOf(submit(adapter));
  assert.deepEqual([all.kind, all.created], ['credentials_expired', 'no']);
  assert.match(all.message, /All 2 jimeng sessions.*JIMENG_SESSION_ID/);
  assert.equal(fake.submissions.length, sent, 'no hot loop');
  assert.match(log.text(), /a jimeng session was set aside/);
  fake.dead.add(ONE);
  assert.match(
    (await probe(adapter)).note ?? '',
    /^1 of 2 sessions work \(session 1 expired\); 66 points left$/,
  );
  await submit(adapter);
  assert.equal(fake.submissions.at(-1)?.authorization, `Bearer ${TWO}`);
});

test('S6: a refusal that comes after the first question about a job proves nothing about the job', async (t) => {
  const { fake, adapter, clock } = await start(t);
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const read = new Promise<void>((resolve) => {
    fake.onSubmit = () => resolve();
  });
  fake.script = [{ ...refusal(-2002), after: held }];
  const failure = failureOf(submit(adapter));
  await read;
  clock.advance(11_000);
  release();
  const { kind, created } = await failure;
  assert.deepEqual([kind, created], ['credentials_expired', 'unknown']);
});

test('a call may be silent for as long as the task may last, and no longer', async (t) => {
  const { fake, adapter, clock } = await start(t);
  const nobody = new Promise<void>(() => {});
  const read = Promise.withResolvers<void>();
  fake.onSubmit = () => read.resolve();
  fake.script = [{ after: nobody }];
  const failure = failureOf(submit(adapter));
  await read.promise;
  clock.advance(DEADLINE_MS - 1);
  const still = Symbol('still waiting');
  assert.equal(await Promise.race([failure, new Promise((resolve) => setImmediate(resolve, still))]), still);
  clock.advance(1);
  const { kind, created } = await failure;
  assert.deepEqual([kind, created], ['timeout', 'unknown'], 'S2');
});

test('S2: an answer after 39 silent minutes is as good as one at once', async (t) => {
  const { fake, adapter, clock } = await start(t);
  const read = Promise.withResolvers<void>();
  const painted = Promise.withResolvers<void>();
  fake.onSubmit = () => read.resolve();
  fake.script = [{ body: fakePictures(4), after: painted.promise }];
  const work = submit(adapter);
  await read.promise;
  for (let minutes = 0; minutes < 39; minutes += 1) {
    clock.advance(60_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  painted.resolve();
  const result = await work;
  assert.equal(result.state === 'done' && result.outputs.length, 4);
  assert.equal(fake.submissions.length, 1, 'S13');
});

test('S2: a stopped call is unknown', async (t) => {
  const { fake, adapter } = await start(t);
  const stop = new AbortController();
  fake.onSubmit = () => stop.abort();
  fake.script = [{ after: new Promise(() => {}) }];
  assert.equal((await failureOf(submit(adapter, {}, { signal: stop.signal }))).created, 'unknown');
});

test('S7: a session without points is set aside until it has some or an hour has passed', async (t) => {
  const { fake, adapter, clock } = await start(t);
  assert.deepEqual(await outcomeOf({ fake, adapter } as Stage, refusal(-2009, '[积分不足]: 建议')), [
    'quota_exhausted',
    'no',
  ]);
  assert.equal((await failureOf(submit(adapter))).kind, 'quota_exhausted');
  fake.points.set(ONE, 0);
  assert.equal((await failureOf(probe(adapter))).kind, 'quota_exhausted');
  assert.equal(fake.submissions.length, 1);
  clock.advance(60 * 60_000);
  await submit(adapter);
  fake.script = [refusal(-2009)];
  await failureOf(submit(adapter));
  fake.points.set(ONE, 60);
  assert.equal((await probe(adapter)).note, '60 points left');
  await submit(adapter);
});

test('S8: what jimeng refuses is final and says what was refused', async (t) => {
  const stage = await start(t);
  const cases: [FakeAnswer, string][] = [
    [refusal(-2006), 'content_blocked'],
    [refusal(-1000, 'detected risk in picture'), 'content_blocked'],
    [refusal(-2000, '[请求参数非法]: prompt'), 'invalid_request'],
    [refusal(-1000, 'unsupported parameter size'), 'invalid_request'],
    [refusal(-2001, '[请求jimeng失败]: 34010100'), 'invalid_request'],
    [{ status: 413, body: '<html>413 Request Entity Too Large</html>' }, 'invalid_request'],
  ];
  for (const [answer, kind] of cases)
    assert.deepEqual(await outcomeOf(stage, answer), [kind, 'no'], JSON.stringify(answer));
  const said = refusal(-2000, `<b>bad</b> ${ONE} at http://10.0.0.5:5100/x see 10.0.0.5:5100`);
  stage.fake.script = [said];
  const { message } = await failureOf(submit(stage.adapter));
  assert.equal(message, 'jimeng refused the request: bad … at … see ….');
});

test('S8: a job that jimeng took and failed is an answer, not an error', async (t) => {
  const stage = await start(t);
  const cases: [FakeAnswer, string][] = [
    [refusal(-2007, '[生成失败]: state 30, fail_code: 2038'), 'content_blocked'],
    [refusal(-2007, '[生成失败]: 状态: 30, 错误码: 1017'), 'invalid_request'],
    [refusal(-2007, '[生成超时]'), 'timeout'],
  ];
  for (const [answer, kind] of cases) {
    assert.deepEqual(await outcomeOf(stage, answer, endOf), [kind, 'yes'], JSON.stringify(answer));
  }
  // The same code is a refusal at once, and the end of a job later.
  const read = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  stage.fake.onSubmit = () => read.resolve();
  stage.fake.script = [{ ...refusal(-2006), after: held.promise }];
  const ended = endOf(submit(stage.adapter));
  await read.promise;
  stage.clock.advance(30_000);
  held.resolve();
  const { kind, created } = await ended;
  assert.deepEqual([kind, created], ['content_blocked', 'yes']);
});

test('S4, S9: other codes leave it open whether a job exists', async (t) => {
  const stage = await start(t);
  const cases: [FakeAnswer, [string, string]][] = [
    [refusal(-1000, 'timeout of 45000ms exceeded'), ['unavailable', 'unknown']],
    [refusal(-1000, 'what'), ['unavailable', 'unknown']],
    [refusal(-2001, '[请求失败]: 99'), ['unavailable', 'unknown']],
    [refusal(-9999), ['unavailable', 'unknown']],
    [{ status: 500, body: { code: -2006, message: 'x', data: null } }, ['content_blocked', 'no']],
    [{ status: 500, body: { error: 'try again' } }, ['unavailable', 'unknown']],
    [{ body: { error: 'x' } }, ['bad_answer', 'unknown']],
    [{ body: [] }, ['bad_answer', 'unknown']],
    [{ body: 'null' }, ['bad_answer', 'unknown']],
  ];
  for (const [answer, outcome] of cases)
    assert.deepEqual(await outcomeOf(stage, answer), outcome, JSON.stringify(answer));
});

test('a restricted account rests, and is not asked again at once', async (t) => {
  const { fake, adapter, clock } = await start(t);
  fake.script = [refusal(-2001, '[请求失败]: shark ret=-4')];
  const { kind, created } = await failureOf(submit(adapter));
  assert.deepEqual([kind, created], ['rate_limited', 'no']);
  assert.equal((await failureOf(probe(adapter))).kind, 'rate_limited');
  assert.equal((await failureOf(submit(adapter))).kind, 'rate_limited');
  assert.equal(fake.submissions.length, 1);
  clock.advance(15 * 60_000);
  await probe(adapter);
  await submit(adapter);
});

test('S5: a rate limit is a refusal, with the wait asked for where it makes sense', async (t) => {
  const { fake, adapter, clock } = await start(t);
  const waits = async (header: string | null) => {
    fake.script = [
      { status: 429, body: 'slow down', headers: header === null ? {} : { 'retry-after': header } },
    ];
    const error = await failureOf(submit(adapter));
    assert.deepEqual([error.kind, error.created], ['rate_limited', 'no']);
    return error.retryAfterMs;
  };
  assert.equal(await waits(null), null);
  assert.equal(await waits('7'), 7000);
  assert.equal(await waits('99999999999999999999'), 60 * 60_000);
  assert.equal(await waits('soon'), null);
  assert.equal(await waits('-5'), null);
  assert.equal(await waits(new Date(clock.now() + 5000).toUTCString()), 5000);
});

test('S3: gateway pages and lost connections are unknown', async (t) => {
  const stage = await start(t);
  const html = '<html><title>524: A timeout occurred</title></html>';
  for (const status of [504, 522, 524]) {
    assert.deepEqual(await outcomeOf(stage, { status, body: html }), ['timeout', 'unknown']);
  }
  for (const status of [500, 502, 503, 520]) {
    assert.deepEqual(await outcomeOf(stage, { status, body: html }), ['unavailable', 'unknown']);
  }
  assert.deepEqual(await outcomeOf(stage, { cut: 'reset' }), ['unavailable', 'unknown']);
});

test('S9: HTML, an endless answer and an answer without pictures are never a success', async (t) => {
  const stage = await start(t);
  assert.deepEqual(await outcomeOf(stage, { body: '<html>hello</html>' }), ['bad_answer', 'unknown']);
  const huge = JSON.stringify({ data: [], filler: 'x'.repeat(2 * 1024 * 1024) });
  assert.deepEqual(await outcomeOf(stage, { body: huge }), ['bad_answer', 'unknown']);
  assert.deepEqual(await outcomeOf(stage, { body: { data: [{ url: 'file:///etc/passwd' }] } }), [
    'bad_answer',
    'unknown',
  ]);
});

test('S10: a truncated answer and one without a list of pictures are unknown', async (t) => {
  const stage = await start(t);
  assert.deepEqual(await outcomeOf(stage, { body: fakePictures(4), cut: 'truncate' }), [
    'bad_answer',
    'unknown',
  ]);
  assert.deepEqual(await outcomeOf(stage, { body: { created: 1 } }), ['bad_answer', 'unknown']);
  assert.deepEqual(await outcomeOf(stage, { body: '' }), ['bad_answer', 'unknown']);
});

test('PC9: no pictures in a whole answer is an answer', async (t) => {
  const { fake, adapter } = await start(t);
  fake.script = [{ body: { created: 1, data: [] } }];
  assert.deepEqual(await submit(adapter), { state: 'done', jobId: null, outputs: [] });
});

test('S14: a redirect is not followed, so that no session goes elsewhere', async (t) => {
  const stage = await start(t);
  const elsewhere = await startFakeJimeng(t);
  for (const status of [301, 302, 307, 308]) {
    const headers = { location: `${elsewhere.url}/v1/images/generations` };
    assert.deepEqual(await outcomeOf(stage, { status, headers }), ['unavailable', 'no']);
  }
  assert.deepEqual(await outcomeOf(stage, { status: 303, headers: { location: elsewhere.url } }), [
    'unavailable',
    'unknown',
  ]);
  assert.deepEqual(elsewhere.requests, []);
});

test('S1: a refused connection is not sent', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  const { adapter } = await start(t, { url: `http://127.0.0.1:${port}` });
  const file = await inputPicture(t, Buffer.alloc(10));
  for (const changes of [{}, { mode: 'image-to-image', images: [file] } as const]) {
    const { kind, created } = await failureOf(submit(adapter, changes));
    assert.deepEqual([kind, created], ['unreachable', 'no']);
  }
  assert.equal((await failureOf(probe(adapter))).kind, 'unreachable');
});

test('the probe asks about each session, but not about a good one at every turn', async (t) => {
  const { fake, adapter, clock } = await start(t, { session_id: `${ONE},${TWO}` });
  assert.equal((await probe(adapter)).note, '132 points left');
  assert.deepEqual(fake.checks.sort(), [TWO, ONE].sort());
  await probe(adapter);
  assert.equal(fake.checks.length, 2);
  clock.advance(5 * 60_000);
  fake.isOnline = false;
  const offline = await failureOf(probe(adapter));
  assert.equal(offline.kind, 'unavailable');
  assert.match(offline.message, /jimeng-api cannot reach jimeng/);
  // It says nothing of the sessions: what is queued is still tried.
  await submit(adapter);
  clock.advance(5 * 60_000);
  fake.isOnline = true;
  fake.dead.add(ONE).add(TWO);
  const error = await failureOf(probe(adapter));
  assert.equal(error.kind, 'credentials_expired');
  assert.match(error.message, /JIMENG_SESSION_ID/);
});

test('S6: several sessions are credentials, told by fingerprints that survive restarts and proxies', async (t) => {
  const both = await start(t, { session_id: `${ONE},${TWO}` });
  const [first, second] = both.adapter.credentials ?? [];
  assert.ok(first && second);
  assert.deepEqual([first.label, second.label], ['session 1 of 2', 'session 2 of 2']);
  assert.match(first.id, /^[0-9a-f]{16}$/);
  assert.notEqual(first.id, second.id);
  const again = await start(t, {
    session_id: `jp-${TWO},socks5://u:p@proxy.example:1080@${ONE},${ONE}`,
    models: 'jimeng-4.5',
  });
  assert.deepEqual(
    again.adapter.credentials?.map(({ id }) => id === first.id),
    [false, true],
  );
  assert.equal((await start(t)).adapter.credentials, undefined);
});

test('S6: an attempt goes to its own session, whatever came before; a call without one takes turns', async (t) => {
  const { fake, adapter } = await start(t, { session_id: `${ONE},${TWO}` });
  const [first, second] = adapter.credentials ?? [];
  assert.ok(first && second);
  fake.script = [refusal(-2002)];
  assert.equal((await failureOf(submit(adapter, {}, { credential: second.id }))).kind, 'credentials_expired');
  for (const credential of [second.id, second.id, first.id]) await submit(adapter, {}, { credential });
  assert.deepEqual(
    fake.submissions.map(({ authorization }) => authorization.endsWith(TWO)),
    [true, true, true, false],
  );
  const gone = await failureOf(submit(adapter, {}, { credential: 'gone' }));
  assert.deepEqual([gone.kind, gone.created], ['credentials_missing', 'no']);
});

test('S6: sessions that serve different models are not offered as credentials; the own turn knows which can draw', async (t) => {
  const { fake, adapter } = await start(t, { session_id: `${ONE},us-${TWO}` });
  assert.equal(adapter.credentials, undefined);
  const pinned = createHash('sha256').update(`jimeng:${ONE}`).digest('hex').slice(0, 16);
  const unfit = await failureOf(submit(adapter, { model: 'nanobanana' }, { credential: pinned }));
  assert.deepEqual([unfit.kind, unfit.created, fake.submissions.length], ['unavailable', 'no', 0]);
  await submit(adapter, { model: 'nanobanana' });
  assert.ok(fake.submissions[0]?.authorization.endsWith(TWO));
});

test('S6 S7: the probe of one session tells its own state, without asking about the others', async (t) => {
  const { fake, adapter } = await start(t, { session_id: `${ONE},${TWO}` });
  const [first, second] = adapter.credentials ?? [];
  assert.ok(first && second);
  fake.points.set(ONE, 12);
  assert.deepEqual(await probe(adapter, first.id), { note: '12 points left' });
  assert.deepEqual(await probe(adapter, first.id), { note: '12 points left' });
  assert.deepEqual(fake.checks, [ONE]);
  fake.dead.add(TWO);
  const expired = await failureOf(probe(adapter, second.id));
  assert.equal(expired.kind, 'credentials_expired');
  assert.match(expired.message, /session 2 of 2 has expired.*JIMENG_SESSION_ID/);
  fake.dead.delete(TWO);
  assert.deepEqual(await probe(adapter, second.id), { note: '66 points left' });
  fake.script = [refusal(-2009), refusal(-2001, '[请求失败]: shark ret=-4')];
  await failureOf(submit(adapter, {}, { credential: second.id }));
  fake.points.set(TWO, 0);
  assert.equal((await failureOf(probe(adapter, second.id))).kind, 'quota_exhausted');
  const shark = await failureOf(submit(adapter, {}, { credential: first.id }));
  assert.deepEqual([shark.kind, shark.retryAfterMs], ['rate_limited', 15 * 60_000]);
  assert.equal((await failureOf(probe(adapter, first.id))).kind, 'rate_limited');
  assert.equal((await failureOf(probe(adapter, 'gone'))).kind, 'credentials_missing');
});

test('S6: what the older dialect says of an expired session is understood as well', async (t) => {
  const { fake, adapter } = await start(t, { dialect: 'jimeng-free-api' });
  fake.script = [refusal(-2001, '[请求jimeng失败]: 34010105')];
  const { kind, created } = await failureOf(submit(adapter, { model: 'jimeng-3.0' }));
  assert.deepEqual([kind, created], ['credentials_expired', 'no']);
  fake.dead.add(ONE);
  assert.equal((await failureOf(probe(adapter))).kind, 'credentials_expired');
  fake.dead.clear();
  assert.deepEqual(await probe(adapter), { note: '66 points left' });
});

test('S9 D4: JSON of great depth is no answer and no crash', async (t) => {
  const stage = await start(t);
  const deep = '['.repeat(400_000);
  for (const text of [deep, `{"data":${deep}`, `{"data":${deep}${']'.repeat(400_000)}}`]) {
    assert.deepEqual(await outcomeOf(stage, { body: text }), ['bad_answer', 'unknown']);
  }
  const { kind, created } = await failureOf(
    (async () => {
      stage.fake.script = [{ body: { code: -2000, message: { deep: 1 } } }];
      return submit(stage.adapter);
    })(),
  );
  assert.deepEqual([kind, created], ['invalid_request', 'no']);
});

test('the probe does not take another server for jimeng-api', async (t) => {
  const stage = await start(t, {});
  const other = createServer((socket) => {
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  t.after(() => other.close());
  const { port } = other.address() as { port: number };
  const { adapter } = await start(t, { url: `http://127.0.0.1:${port}` });
  assert.equal((await failureOf(probe(adapter))).kind, 'bad_answer');
  assert.equal(stage.fake.requests.length, 0);
});

test('without a session id nothing is sent', async (t) => {
  const { fake, adapter } = await start(t, { session_id: '' });
  assert.equal((await failureOf(submit(adapter))).kind, 'credentials_missing');
  assert.equal((await failureOf(probe(adapter))).kind, 'credentials_missing');
  assert.deepEqual(fake.requests, []);
});

test('settings are checked and have defaults', () => {
  const { settings, lane } = parseJimengSettings({ session_id: `sessionid=${ONE}; , ${TWO},${TWO}` });
  assert.deepEqual(settings.sessionIds, [ONE, TWO]);
  assert.equal(settings.baseUrl, 'http://127.0.0.1:5100');
  assert.deepEqual(lane, { concurrency: 4, deadlineMs: DEADLINE_MS });
  assert.equal(parseJimengSettings({ url: 'http://jimeng:5100/v1/' }).settings.baseUrl, 'http://jimeng:5100');
  assert.deepEqual(parseJimengSettings({ models: 'jimeng-9, x' }).settings.models, ['jimeng-9', 'x']);
  for (const raw of [
    { url: 'jimeng' },
    { url: 'ftp://x' },
    { url: 'http://a:b@x' },
    { dialect: 'x' },
    { deadline_s: 'soon' },
    { concurrency: 0 },
    { session_id: `${ONE}\u00e9` },
  ]) {
    assert.throws(
      () => parseJimengSettings(raw),
      (error: Error) => /^providers\.jimeng\./.test(error.message) && !error.message.includes(ONE),
    );
  }
});

test('K1: what is quoted has no secrets, addresses or markup, and is short', () => {
  const text = `<script>x</script> ${ONE} Bearer abcdefghijkl0 https://a.example/x?y=1 10.1.2.3:80 host:5100 [::1]:80 ${'长'.repeat(500)}`;
  const quote = quotable(text, [ONE]);
  assert.doesNotMatch(quote, /canary|abcdefghijkl0|example|10\.1|5100|::1|</);
  assert.ok(quote.length <= 161);
});
