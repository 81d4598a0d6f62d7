// Stores as callers and operators see them: pictures served from a bucket, uploads put there directly, what a public host keeps,
// and a bucket that is away.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { photo } from '../../src/media/test-pictures.ts';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { fakeImgbb } from '../harness/fake-imgbb.ts';
import { type StrictS3, strictS3 } from '../harness/strict-s3.ts';
import { bearer, openAccount } from '../security/cast.ts';

const SECRET_WORDS = /strict\+secret|AKIDSTRICT|imgbb-key-of-a-test/;

async function startWithS3(
  t: TestContext,
  env: Record<string, string> = {},
): Promise<{ app: TestApp; s3: StrictS3 }> {
  const s3 = await strictS3();
  const app = await startTestApp({
    sandbox: { instantPicture: true },
    env: {
      S3_ENDPOINT: s3.endpoint,
      S3_REGION: s3.region,
      S3_BUCKET: s3.bucket,
      S3_ACCESS_KEY_ID: s3.accessKeyId,
      S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      S3_ADDRESSING: 'path',
      ...env,
    },
  });
  t.after(async () => {
    await app.close();
    await s3.close();
  });
  return { app, s3 };
}

async function makePicture(app: TestApp) {
  const body = { prompt: 'a lake', size: '256x256' };
  const { json, text } = await app.request('POST', '/v1/tasks', body, { prefer: 'wait=30' });
  assert.equal(json.status, 'succeeded', text);
  return json.images[0];
}

const get = (url: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(url, { method, headers, redirect: 'manual' });

test('M1 a picture in a bucket is served whole, in ranges and under conditions, and never in part', async (t) => {
  const { app, s3 } = await startWithS3(t);
  const image = await makePicture(app);
  const [stored] = [...s3.objects].filter(([key]) => key.startsWith('final/'));
  const bytes = stored?.[1].bytes ?? Buffer.alloc(0);
  const whole = await get(image.url);
  assert.equal(whole.status, 200);
  assert.deepEqual(Buffer.from(await whole.arrayBuffer()), bytes);
  const etag = whole.headers.get('etag') ?? '';
  for (const [range, from, to] of [
    ['bytes=5-14', 5, 14],
    [`bytes=${bytes.length - 3}-`, bytes.length - 3, bytes.length - 1],
    ['bytes=-4', bytes.length - 4, bytes.length - 1],
  ] as const) {
    const part = await get(image.url, { range, 'if-range': etag });
    assert.equal(part.status, 206, range);
    assert.equal(part.headers.get('content-range'), `bytes ${from}-${to}/${bytes.length}`);
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(from, to + 1));
  }
  assert.equal((await get(image.url, { range: `bytes=${bytes.length}-` })).status, 416);
  assert.equal((await get(image.url, { range: 'bytes=0-1', 'if-range': '"other"' })).status, 200);
  assert.equal((await get(image.url, { 'if-none-match': etag })).status, 304);
  const head = await get(image.url, {}, 'HEAD');
  assert.equal(head.headers.get('content-length'), String(bytes.length));
  assert.match((await get(image.download_url)).headers.get('content-disposition') ?? '', /^attachment/);
  // F7: what breaks on the way breaks the answer; a picture that looks whole is whole.
  s3.fault = ({ method, key }) => (method === 'GET' && key.startsWith('final/') ? 'cut-body' : undefined);
  await assert.rejects(get(image.url).then((answer) => answer.arrayBuffer()));
  s3.fault = () => ({ status: 503, code: 'SlowDown' });
  const away = await get(image.url);
  assert.equal(away.status, 503);
  assert.doesNotMatch(await away.text(), SECRET_WORDS);
});

test('F3 a bucket that is away: pictures are made and seen all the same, and health says what is wrong', async (t) => {
  const { app, s3 } = await startWithS3(t);
  s3.fault = () => ({ status: 503, code: 'SlowDown' });
  const image = await makePicture(app);
  assert.equal((await get(image.url)).status, 200);
  const storage = await app.request('GET', '/v1/admin/storage');
  const [first, disk] = storage.json.stores;
  assert.deepEqual([first.name, first.state, first.is_first], ['s3', 'resting', true]);
  assert.match(first.reason, /503/);
  assert.deepEqual([disk.name, disk.files], ['disk', 2]);
  assert.equal((await app.request('GET', '/readyz')).status, 200);
  const health = await app.request('GET', '/health');
  assert.equal(health.status, 503);
  assert.match(health.text, /store:s3/);
  s3.fault = null;
  app.app.media.order.note('s3', null);
  await app.app.media.mover.run();
  const moves = await app.request('GET', '/v1/admin/storage/moves?state=done');
  assert.equal(moves.json.data.length, 2);
  assert.deepEqual([moves.json.data[0].from, moves.json.data[0].to], ['disk', 's3']);
  assert.equal((await app.request('POST', '/v1/admin/storage/moves/retry')).json.retried, 0);
  assert.equal((await get(image.url)).status, 200);
  assert.doesNotMatch(JSON.stringify(app.log), SECRET_WORDS);
  const doctor = await app.request('POST', '/v1/admin/doctor', { deep: true });
  assert.ok(
    doctor.json.checks.some(
      ({ id, state }: { id: string; state: string }) => id === 'stores' && state === 'ok',
    ),
  );
});

test('M7s redirects go to the public address, or to a signed one for at most 15 minutes', async (t) => {
  const open = await startWithS3(t, {
    DRAWBRIDGE_MEDIA_SERVE: 'redirect',
    S3_PUBLIC_URL: 'https://cdn.example.com',
    S3_PREFIX: 'app',
  });
  const shown = await get((await makePicture(open.app)).url);
  assert.equal(shown.status, 302);
  assert.match(
    shown.headers.get('location') ?? '',
    /^https:\/\/cdn\.example\.com\/app\/final\/..\/[a-z2-7]{32}\.png$/,
  );
  const page = await fetch(open.app.url);
  assert.match(page.headers.get('content-security-policy') ?? '', /img-src [^;]*https:\/\/cdn\.example\.com/);

  const closed = await startWithS3(t, {
    DRAWBRIDGE_MEDIA_SERVE: 'redirect',
    DRAWBRIDGE_MEDIA_ACCESS: 'private',
    S3_PUBLIC_URL: 'https://cdn.example.com',
  });
  const image = await makePicture(closed.app);
  const signed = await get(image.url);
  assert.equal(signed.status, 302);
  assert.equal(signed.headers.get('cache-control'), 'private, no-store');
  const location = new URL(signed.headers.get('location') ?? '');
  assert.equal(location.origin, closed.s3.endpoint);
  assert.ok(Number(location.searchParams.get('X-Amz-Expires')) <= 900);
  assert.equal((await fetch(location)).status, 200);
  const unsigned = new URL(image.url);
  unsigned.search = '';
  assert.equal((await get(unsigned.href)).status, 404);
});

test('a direct upload becomes one only after the same checks as every other', async (t) => {
  const { app, s3 } = await startWithS3(t);
  const promise = async (bytes: Buffer) => {
    const wanted = { bytes: bytes.length, content_type: 'image/png' };
    const { json, text } = await app.request('POST', '/v1/uploads/presign', wanted);
    assert.ok(json.upload_id, text);
    return json;
  };
  const put = (to: { url: string; headers: Record<string, string> }, body: Buffer) =>
    fetch(to.url, { method: 'PUT', body: new Uint8Array(body), headers: to.headers });
  const complete = (id: string, headers = {}) =>
    app.request('POST', `/v1/uploads/${id}/complete`, undefined, headers);

  const bytes = await photo('png', 64);
  const good = await promise(bytes);
  assert.equal((await complete(good.upload_id)).json.code, 'conflict');
  assert.equal(
    (await put(good, Buffer.concat([bytes, bytes]))).status,
    403,
    'the length is part of the signature',
  );
  assert.equal((await put(good, bytes)).status, 200);
  const stranger = await openAccount(app, 'another');
  const foreign = await complete(good.upload_id, bearer(stranger.key));
  assert.equal(foreign.status, 404, 'another account gets 404');
  const [first, second] = await Promise.all([complete(good.upload_id), complete(good.upload_id)]);
  assert.equal(first.status, 200, first.text);
  assert.equal(second.status, 200, second.text);
  assert.equal(first.json.id, good.upload_id);
  assert.equal(first.json.width, 64);
  assert.ok(![...s3.objects.keys()].some((name) => name.startsWith('incoming/')));
  const task = {
    prompt: 'x',
    images: [{ upload_id: good.upload_id }],
    mode: 'image-to-image',
    size: '256x256',
  };
  const made = await app.request('POST', '/v1/tasks', task, { prefer: 'wait=30' });
  assert.equal(made.json.status, 'succeeded', made.text);

  const html = Buffer.from('<!doctype html><script>alert(1)</script>');
  const bad = await promise(html);
  assert.equal((await put(bad, html)).status, 200);
  assert.equal((await complete(bad.upload_id)).status, 415);
  assert.equal((await complete(`up_${'0'.repeat(32)}`)).status, 404);
  const large = await app.request('POST', '/v1/uploads/presign', { bytes: 1e9, content_type: 'image/png' });
  assert.equal(large.status, 413);
});

test('without a bucket there are no direct uploads', async (t) => {
  const app = await startTestApp();
  t.after(() => app.close());
  const answer = await app.request('POST', '/v1/uploads/presign', { bytes: 9, content_type: 'image/png' });
  assert.equal(answer.status, 409);
  assert.match(answer.json.fix, /POST \/v1\/uploads/);
});

test('a picture at the public host is shown from there, and deleting it says what cannot be undone', async (t) => {
  const imgbb = await fakeImgbb();
  const app = await startTestApp({
    sandbox: { instantPicture: true },
    env: { IMGBB_API_KEY: imgbb.key, IMGBB_URL: imgbb.url },
  });
  t.after(async () => {
    await app.close();
    await imgbb.close();
  });
  const image = await makePicture(app);
  const shown = await get(image.url);
  assert.equal(shown.status, 302);
  assert.ok(imgbb.pictures.has(new URL(shown.headers.get('location') ?? '').pathname));
  const removed = await app.request('DELETE', `/v1/images/${image.id}`);
  assert.equal(removed.json.public_copies.length, 2);
  assert.match(removed.json.public_copies[0].delete_url, /delete-token/);
  assert.equal((await get(image.url)).status, 404);
  assert.doesNotMatch(JSON.stringify(app.log), SECRET_WORDS);
});

test('M1 an HD picture by plain enlargement is free, labelled, and leaves the provider bytes as they were', async (t) => {
  const app = await startTestApp({
    sandbox: { instantPicture: true },
    env: { OPENAI_API_KEY: 'sk-of-a-test', OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' },
  });
  t.after(() => app.close());
  const made = await app.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a lake', size: '256x256', model: 'sandbox' },
    { prefer: 'wait=30' },
  );
  const [image] = made.json.images;
  const before = Buffer.from(await (await get(image.url)).arrayBuffer());
  const answer = await app.request(
    'POST',
    `/v1/images/${image.id}/upscale`,
    { scale: 2, model: 'resize' },
    { prefer: 'wait=30' },
  );
  assert.equal(answer.json.status, 'succeeded', answer.text);
  const [larger] = answer.json.images;
  assert.deepEqual([larger.kind, larger.width, larger.height], ['hd', image.width * 2, image.height * 2]);
  const shown = await app.request('GET', `/v1/images/${larger.id}`);
  assert.deepEqual([shown.json.method, shown.json.parent_id], ['resize', image.id]);
  assert.equal((await app.request('GET', `/v1/images/${image.id}`)).json.method, null);
  const bytes = Buffer.from(await (await get(larger.url)).arrayBuffer());
  // In a PNG the label is compressed.
  const label = (await sharp(bytes).metadata()).xmp ?? Buffer.alloc(0);
  assert.ok(label.includes('digitalsourcetype/trainedAlgorithmicMedia'));
  assert.deepEqual(Buffer.from(await (await get(image.url)).arrayBuffer()), before);
  const thumb = Buffer.from(await (await get(image.thumb_url)).arrayBuffer());
  assert.ok(thumb.includes('digitalsourcetype/trainedAlgorithmicMedia'));
  const health = await app.request('GET', '/health');
  assert.doesNotMatch(health.text, /provider:resize/);
});
