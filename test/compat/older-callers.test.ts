// The calls that pages and scripts of the older systems make, as they make them: without a key where the operator allows it, with
// their fields and their words. Only the address and the ids are ours.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { pictureForm } from '../security/cast.ts';

let app: TestApp;

before(async () => {
  app = await startTestApp({
    sandbox: { instantPicture: true },
    env: {
      DRAWBRIDGE_COMPAT_ALLOW_ANONYMOUS: 'true',
      DRAWBRIDGE_COMPAT_ALIASES: '/generate,/api/v2/submit',
      // The model that those callers name, whoever paints it.
      DRAWBRIDGE_MODELS: 'jimeng-4.5=sandbox/sandbox',
      KIE_AI_USER_ID: 'of-no-use',
      DRAWBRIDGE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE: '100000',
    },
  });
});
after(() => app.close());

/** A call as an old page makes it: without a key. */
async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const isForm = body instanceof FormData;
  const response = await fetch(`${app.url}${path}`, {
    method,
    headers: { ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : null };
}

async function generate(fields: object): Promise<string> {
  const { status, json, text } = await call('POST', '/api/generate-image', fields);
  assert.equal(status, 200, text);
  assert.deepEqual({ ...json, taskId: '' }, { success: true, taskId: '', status: 'pending' });
  return json.taskId;
}

async function detailsOf(taskId: string) {
  return until(async () => {
    const { json, text } = await call('GET', `/api/image-details?taskId=${taskId}`);
    assert.ok(['pending', 'processing', 'success', 'failed'].includes(json.status), text);
    return json.status === 'success' || json.status === 'failed' ? json : null;
  });
}

async function assertPicture(url: string): Promise<Response> {
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\//);
  const picture = await fetch(url);
  assert.equal(picture.status, 200, url);
  assert.match(picture.headers.get('content-type') ?? '', /^image\//);
  await picture.arrayBuffer();
  return picture;
}

test('B: the storybook’s picture call and its health check', async () => {
  const body = { prompt: 'a cute cat', model: 'jimeng-4.5', size: '1024x1024' };
  const { status, json, text } = await call('POST', '/v1/images/generations', body);
  assert.equal(status, 200, text);
  assert.equal(typeof json.created, 'number');
  await assertPicture(json.data[0].url);
  const health = await call('GET', '/health');
  assert.equal(health.status, 200);
  assert.equal(health.json.status, 'ok');
  assert.equal(health.json.hasSession, true);
});

test('B: jimeng’s ratio and resolution become pixels that the model can paint', async () => {
  const sizeOf = async (fields: object) => {
    const body = { prompt: `a lake ${JSON.stringify(fields)}`, model: 'jimeng-4.5', ...fields };
    const { status, text, headers } = await call('POST', '/v1/images/generations', body, {
      authorization: 'Bearer a-session-id-of-jimeng',
    });
    assert.equal(status, 200, text);
    return (await app.request('GET', `/v1/tasks/${headers.get('x-task-id')}`, undefined, await asAnonymous()))
      .json.params.size as string;
  };
  const [w = 0, h = 0] = (await sizeOf({ ratio: '16:9', resolution: '1k' })).split('x').map(Number);
  assert.ok(Math.abs(w / h - 16 / 9) < 0.05 && Math.abs(w * h - 1024 * 1024) < 60_000, `${w}x${h}`);
  const wide = (await sizeOf({ ratio: '3:4', resolution: '4k' })).split('x').map(Number);
  assert.ok((wide[0] ?? 0) < (wide[1] ?? 0), String(wide));
  assert.equal(await sizeOf({ size: '512x768', resolution: '2k' }), '512x768');
  const wrong = await call('POST', '/v1/images/generations', { prompt: 'x', resolution: '8k' });
  assert.equal(wrong.status, 400, wrong.text);
  assert.equal(wrong.json.error.param, 'resolution');
});

let anonymousId = '';
async function asAnonymous(): Promise<Record<string, string>> {
  if (anonymousId === '') {
    const { json } = await app.request('GET', '/v1/admin/accounts');
    anonymousId = json.data.find(({ name }: { name: string }) => name === 'Callers without a key').id;
  }
  return { 'x-account-id': anonymousId };
}

test('C: submit at the path that the page knows, list, status, and the picture by its file name', async () => {
  const submitted = await call('POST', '/generate', {
    prompt: 'a harbour at dawn',
    width: 512,
    height: 384,
    batch_size: '1',
    steps: 20,
  });
  assert.equal(submitted.status, 202, submitted.text);
  const { task_id } = submitted.json;
  assert.equal(submitted.json.params.size, '512x384');
  const done = await until(async () => {
    const { status, json, text } = await call('GET', `/status/${task_id}`);
    assert.equal(status, 200, text);
    assert.ok(['pending', 'generating', 'completed'].includes(json.status), text);
    return json.status === 'completed' ? json : null;
  });
  assert.deepEqual(Object.keys(done), [
    'task_id',
    'status',
    'progress',
    'prompt',
    'result_urls',
    'error',
    'error_code',
    'created_at',
  ]);
  assert.equal(done.progress, 100);
  await assertPicture(done.result_urls[0]);
  await assertPicture(`${app.url}/images/${done.result_urls[0].split('/').at(-1)}`);
  const list = await call('GET', '/tasks');
  assert.deepEqual(
    list.json.find((task: { task_id: string }) => task.task_id === task_id),
    done,
  );
  assert.equal((await call('GET', '/tasks?limit=1')).json.length, 1);
});

test('D: upload, picture from picture, details, download, share', async () => {
  const uploaded = await call('POST', '/api/upload-image', await pictureForm());
  assert.equal(uploaded.status, 200, uploaded.text);
  assert.equal(uploaded.json.success, true);
  await assertPicture(uploaded.json.url);
  const taskId = await generate({
    prompt: 'the same in oil',
    mode: 'image-to-image',
    image_url: uploaded.json.url,
    userId: 'not known here',
  });
  const details = await detailsOf(taskId);
  assert.deepEqual(
    { ...details, resultUrls: [] },
    {
      taskId,
      status: 'success',
      progress: 100,
      resultUrls: [],
      error: null,
      errorCode: null,
    },
  );
  await assertPicture(details.resultUrls[0]);
  const task = (await app.request('GET', `/v1/tasks/${taskId}`, undefined, await asAnonymous())).json;
  assert.equal(task.mode, 'image-to-image');
  assert.equal(task.params.images[0].width, 64);

  for (const answer of [
    await call('GET', `/api/download-url?taskId=${taskId}`),
    await call('POST', '/api/download-url', { taskId }),
    await call('GET', `/api/download-url?url=${encodeURIComponent(details.resultUrls[0])}`),
    await call('POST', '/api/download-url', { url: details.resultUrls[0] }),
  ]) {
    assert.equal(answer.status, 200, answer.text);
    const picture = await assertPicture(answer.json.url);
    assert.match(picture.headers.get('content-disposition') ?? '', /^attachment/);
  }

  const share = await call('GET', `/api/share?taskId=${taskId}`);
  assert.equal(share.status, 200, share.text);
  assert.equal(share.json.shareUrl, `${app.url}/s/${share.json.slug}`);
  const page = await fetch(share.json.shareUrl, { headers: { accept: 'text/html' } });
  assert.equal(page.status, 200);
  assert.match(await page.text(), /og:image/);
  const again = await call('POST', '/api/share', { taskId });
  assert.equal(again.json.slug, share.json.slug, 'the same call makes the same link');
});

test('D: a button that is pressed twice makes one picture; another wish another one', async () => {
  const wish = { prompt: 'twice', mode: 'text-to-image' };
  const first = await generate(wish);
  assert.equal(await generate(wish), first);
  assert.equal(await generate({ ...wish, mode: 'txt2img' }), first, 'the same wish in other words');
  assert.notEqual(await generate({ ...wish, prompt: 'not twice' }), first);
});

/** The events of a stream that ends by itself. */
async function eventsOf(path: string, headers: Record<string, string> = {}) {
  const { text } = await call('GET', path, undefined, headers);
  return text
    .split('\n\n')
    .map((block) => ({
      event: /^event: (.*)$/m.exec(block)?.[1],
      id: /^id: (.*)$/m.exec(block)?.[1],
      data: /^data: (.*)$/m.exec(block)?.[1],
    }))
    .filter(({ event }) => event !== undefined);
}

test('D: poll-task streams messages until done, ends, and tells a browser that comes back to stop', async () => {
  const taskId = await generate({ prompt: 'followed [sandbox:delay=1s]' });
  const events = await eventsOf(`/api/poll-task?taskId=${taskId}`);
  const last = events.at(-1);
  assert.equal(last?.event, 'done');
  assert.ok(events.slice(0, -1).every(({ event }) => event === 'message'));
  const details = await detailsOf(taskId);
  assert.deepEqual(JSON.parse(last?.data ?? ''), details);
  assert.deepEqual(JSON.parse(events.at(-2)?.data ?? ''), details);
  assert.notEqual(JSON.parse(events[0]?.data ?? '').status, 'success', 'it was followed from before its end');
  const over = await call('GET', `/api/poll-task?taskId=${taskId}`, undefined, {
    'last-event-id': last?.id ?? '',
  });
  assert.equal(over.status, 204);
});

test('D: a failure has its reason, and its code', async () => {
  const taskId = await generate({
    prompt: 'refused [sandbox:fault=content_blocked]',
    model: 'sandbox-flaky',
  });
  const details = await detailsOf(taskId);
  assert.equal(details.status, 'failed');
  assert.equal(details.errorCode, 'content_blocked');
  assert.ok(details.error.length > 10);
  assert.deepEqual(details.resultUrls, []);
  const share = await call('POST', '/api/share', { taskId });
  assert.equal(share.status, 409, share.text);
});

test('D: health names its three parts, the environment its names and never a value', async () => {
  const health = await call('GET', '/api/health');
  assert.equal(health.status, 200, health.text);
  const { reasons, ...states } = health.json;
  assert.deepEqual(states, {
    status: 'ok',
    kieApi: 'not_configured',
    r2Storage: 'not_configured',
    shareSystem: 'ok',
  });
  assert.deepEqual(Object.keys(reasons), ['kieApi', 'r2Storage']);
  const names = await call('GET', '/api/test-env');
  assert.equal(names.json.KIE_AI_USER_ID, 'present');
  assert.equal(names.json.KIE_AI_API_KEY, 'absent');
  assert.equal(names.json.CLOUDFLARE_R2_BUCKET, 'absent');
  assert.doesNotMatch(names.text, /of-no-use/);
});

test('what is wrong is said in the shape that those pages read, with our code', async () => {
  const cases: [status: number, code: string, method: string, path: string, body?: unknown][] = [
    [422, 'validation_failed', 'POST', '/api/generate-image', {}],
    [422, 'validation_failed', 'POST', '/api/generate-image', { prompt: 'x', mode: 'video' }],
    [422, 'validation_failed', 'POST', '/api/generate-image', { prompt: 'x', size: 'large' }],
    [422, 'validation_failed', 'POST', '/api/generate-image', { prompt: 'x', mode: 'image-to-image' }],
    [404, 'model_not_found', 'POST', '/api/generate-image', { prompt: 'x', model: 'nobody' }],
    [404, 'not_found', 'GET', '/status/1'],
    [404, 'not_found', 'GET', `/api/image-details?taskId=task_${'0'.repeat(32)}`],
    [404, 'not_found', 'GET', '/api/poll-task?taskId=nothing'],
    [404, 'not_found', 'GET', '/images/nothing.png'],
    [404, 'not_found', 'GET', '/api/share?taskId=nothing'],
    [422, 'validation_failed', 'GET', '/api/image-details'],
    [422, 'validation_failed', 'POST', '/api/download-url', {}],
    [404, 'not_found', 'POST', '/api/download-url', { url: 'https://elsewhere.example/a.png' }],
    [415, 'unsupported_media_type', 'POST', '/api/upload-image', { file: 'x' }],
    [422, 'validation_failed', 'POST', '/api/upload-image', new FormData()],
    [422, 'validation_failed', 'POST', '/generate', { prompt: 'x', n: 99 }],
  ];
  for (const [status, code, method, path, body] of cases) {
    const form = body instanceof FormData ? body : undefined;
    form?.set('note', 'no picture');
    const answer = await call(method, path, form ?? body);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    assert.equal(answer.json.code, code, answer.text);
    assert.equal(answer.json.success, false);
    assert.equal(answer.json.error, answer.json.detail);
  }
});

test('callers without a key get in on those paths alone, and no further than their account', async () => {
  for (const path of ['/v1/tasks', '/v1/images', '/v1/credits', '/v1/admin/accounts', '/v1/models'])
    assert.equal((await call('GET', path)).status, 401, path);
  assert.equal((await call('GET', '/tasks', undefined, { authorization: 'Bearer dbk_wrong' })).status, 401);
  const other = await app.request('POST', '/v1/tasks', { prompt: 'private' }, { prefer: 'wait=60' });
  for (const path of [
    `/status/${other.json.id}`,
    `/api/image-details?taskId=${other.json.id}`,
    `/api/poll-task?taskId=${other.json.id}`,
    `/api/share?taskId=${other.json.id}`,
    `/api/download-url?taskId=${other.json.id}`,
    `/api/download-url?url=${encodeURIComponent(other.json.images[0].url)}`,
  ])
    assert.equal((await call('GET', path)).status, 404, path);
  const listed = (await call('GET', '/tasks', undefined, { 'x-account-id': 'acct_0' })).text;
  assert.ok(!listed.includes(other.json.id));
  const foreign = { prompt: 'x', image_url: other.json.images[0].url };
  assert.equal((await call('POST', '/api/generate-image', foreign)).status, 404);
});

test('an operator who disables their account has switched them off at once', async () => {
  await asAnonymous();
  const set = (disabled: boolean) => app.request('PATCH', `/v1/admin/accounts/${anonymousId}`, { disabled });
  assert.equal((await set(true)).status, 200);
  assert.equal((await call('GET', '/tasks')).status, 401);
  assert.equal((await set(false)).status, 200);
  assert.equal((await call('GET', '/tasks')).status, 200);
});

test('a path that is taken, or an account that is not there, is said at the start', async () => {
  const start = (env: Record<string, string>) =>
    startTestApp({ env: { DRAWBRIDGE_COMPAT_ALLOW_ANONYMOUS: 'true', ...env } });
  for (const path of ['/v1/tasks', '/api/generate-image', 'generate', '/a/:b', '/a//b'])
    await assert.rejects(start({ DRAWBRIDGE_COMPAT_ALIASES: path }), /COMPAT_ALIASES.* must be/, path);
  const nobody = `acct_${'0'.repeat(32)}`;
  await assert.rejects(start({ DRAWBRIDGE_COMPAT_ACCOUNT: nobody }), /compat\.account names an account/);
});
