// What every reverse proxy's file must carry: each kind of picture, ranges, conditions, streams, held answers and large
// uploads. One set of checks for nginx and for Caddy, over an app whose addresses are the proxy's.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import sharp from 'sharp';
import { ADMIN_KEY, startTestApp, type TestApp, type TestAppOptions } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { bearer, pictureForm } from '../security/cast.ts';
import { EventClient, type ReceivedEvent } from '../whole/event-client.ts';

export const admin = bearer(ADMIN_KEY);
/** A noisy picture of this many pixels a side is a PNG of 30 MB: nothing of it can be compressed. */
const NOISE_PIXELS = 3_240;
const BIG_UPLOAD_BYTES = 30 * 1024 * 1024;

/** An app that believes to be at `publicUrl`. */
export function startBehind(
  publicUrl: string | null,
  env: Record<string, string> = {},
  options: TestAppOptions = {},
): Promise<TestApp> {
  return startTestApp({
    sandbox: { instantPicture: true },
    ...options,
    env: { ...(publicUrl === null ? {} : { DRAWBRIDGE_PUBLIC_URL: publicUrl }), ...env },
  });
}

export const upstreamOf = ({ url }: TestApp) => new URL(url).host;

/** A bare TCP-and-HTTP port on which nothing is expected. */
export async function silentPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Picture {
  kind: string;
  url: string;
}

/** One picture of every kind, each with the address that the API gives: through the proxy. */
export async function onePictureOfEachKind(app: TestApp, base: string): Promise<Picture[]> {
  const post = (path: string, body: string | FormData, headers: Record<string, string> = {}) =>
    fetch(`${base}${path}`, { method: 'POST', body, headers: { ...admin, ...headers } });
  const json = { 'content-type': 'application/json', prefer: 'wait=30' };
  const task = (await (
    await post('/v1/tasks', JSON.stringify({ prompt: 'a bridge', size: '256x256' }), json)
  ).json()) as { images: { id: string; url: string; thumb_url: string }[] };
  const [made] = task.images;
  assert.ok(made, 'the picture was made within the wait');
  const upload = (await (await post('/v1/uploads', await pictureForm())).json()) as { url: string };
  const larger = (await (
    await post(`/v1/images/${made.id}/upscale`, JSON.stringify({ scale: 2 }), json)
  ).json()) as { id: string; images: { url: string }[] };
  let hd = larger.images[0]?.url;
  await until(
    async () => {
      const answer = await app.request('GET', `/v1/tasks/${larger.id}`, undefined, {
        host: new URL(base).host,
      });
      hd ??= answer.json.images[0]?.url;
      return hd !== undefined;
    },
    { what: 'the larger picture' },
  );
  return [
    { kind: 'original', url: upload.url },
    { kind: 'final', url: made.url },
    { kind: 'thumb', url: made.thumb_url },
    { kind: 'hd', url: hd ?? '' },
  ];
}

/**
 * GET, HEAD, Range, If-Range, If-None-Match and the headers that keep a browser safe, as the app itself answers them. Without
 * `resumes`, a range on condition may bring the whole picture: right, but more than was asked for.
 */
export async function checkPicture(
  { kind, url }: Picture,
  base: string,
  { resumes = true } = {},
): Promise<void> {
  assert.ok(url.startsWith(`${base}/media/${kind}/`), `${url} is not below ${base}/media/${kind}/`);
  const whole = await fetch(url);
  assert.equal(whole.status, 200, `${kind}: ${url}`);
  const bytes = Buffer.from(await whole.arrayBuffer());
  assert.ok((await sharp(bytes).metadata()).width, `${kind} is a picture`);
  const etag = whole.headers.get('etag') ?? '';
  assert.match(etag, /^"[0-9a-f]{64}"$/, `${kind}: the application's own tag`);
  assert.match(whole.headers.get('content-type') ?? '', /^image\//);
  assert.match(whole.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(whole.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(whole.headers.get('x-accel-redirect'), null);
  assert.equal(whole.headers.get('content-length'), String(bytes.length));

  const head = await fetch(url, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), String(bytes.length));
  assert.equal((await head.arrayBuffer()).byteLength, 0);

  const part = await fetch(url, { headers: { range: 'bytes=10-19' } });
  assert.equal(part.status, 206, `${kind}: a range`);
  assert.equal(part.headers.get('content-range'), `bytes 10-19/${bytes.length}`);
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(10, 20));
  const stale = await fetch(url, { headers: { range: 'bytes=10-19', 'if-range': '"other"' } });
  assert.equal(stale.status, 200, `${kind}: a range of another picture`);
  await stale.arrayBuffer();
  const fresh = await fetch(url, { headers: { range: 'bytes=10-19', 'if-range': etag } });
  assert.ok(fresh.status === 206 || !resumes, `${kind}: a range of this picture`);
  await fresh.arrayBuffer();
  const beyond = await fetch(url, { headers: { range: `bytes=${bytes.length + 5}-` } });
  assert.equal(beyond.status, 416);
  await beyond.arrayBuffer();

  const known = await fetch(url, { headers: { 'if-none-match': etag } });
  assert.equal(known.status, 304, `${kind}: nothing new`);
  const saved = await fetch(`${url}${url.includes('?') ? '&' : '?'}download=a%20bridge.png`);
  assert.match(saved.headers.get('content-disposition') ?? '', /attachment; filename="a bridge.png"/);
  await saved.arrayBuffer();
}

/** Events arrive one by one while the stream stays open, and the heartbeat comes through. */
export async function checkStream(app: TestApp, base: string): Promise<void> {
  const events: ReceivedEvent[] = [];
  const client = new EventClient({
    target: () => ({ url: `${base}/v1/events`, headers: admin }),
    onEvent: (event) => events.push(event),
  }).start();
  try {
    await until(() => client.lastEventId, { what: 'the beginning of the stream' });
    const posted = await app.request('POST', '/v1/tasks', { prompt: 'a gate', size: '256x256' });
    const { id } = posted.json as { id: string };
    await until(() => events.some(({ event, data }) => event === 'task.finished' && data.id === id), {
      what: 'the end of the task on the stream',
    });
    assert.equal(client.connections, 1, 'one connection carried them all');
  } finally {
    await client.close();
  }
}

/** A wait longer than most defaults would be, answered when the task ends. */
export async function checkHeld(base: string): Promise<void> {
  const answer = await fetch(`${base}/v1/tasks`, {
    method: 'POST',
    headers: { ...admin, 'content-type': 'application/json', prefer: 'wait=20' },
    body: JSON.stringify({ prompt: 'slow', model: 'sandbox-slow', size: '256x256' }),
  });
  assert.equal(answer.status, 200, 'it was held until the picture was there');
  const task = (await answer.json()) as { status: string };
  assert.equal(task.status, 'succeeded');
}

/** 30 MB in one request. */
export async function checkBigUpload(base: string): Promise<void> {
  const side = NOISE_PIXELS;
  const noise = await sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
  assert.ok(noise.length > BIG_UPLOAD_BYTES, `${noise.length}`);
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(noise)], { type: 'image/png' }), 'noise.png');
  const answer = await fetch(`${base}/v1/uploads`, { method: 'POST', headers: admin, body: form });
  assert.equal(answer.status, 201, await answer.clone().text());
  const { url, bytes } = (await answer.json()) as { url: string; bytes: number };
  const back = await fetch(url, { method: 'HEAD' });
  assert.equal(back.headers.get('content-length'), String(bytes));
}

/** The documentation is at this very path, without a redirect. */
export async function checkPages(base: string): Promise<void> {
  for (const path of ['/docs', '/openapi.json', '/readyz', '/']) {
    const answer = await fetch(`${base}${path}`, { redirect: 'manual' });
    assert.equal(answer.status, 200, path);
    await answer.arrayBuffer();
  }
  const numbers = await fetch(`${base}/metrics`);
  assert.equal(numbers.status, 401, 'numbers are not for those who come through the proxy');
  await numbers.arrayBuffer();
}
