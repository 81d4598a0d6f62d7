// Uploads and pictures over real HTTP: contracts, forms that attack, and who may change what.
import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import {
  type Answer,
  type MediaServer,
  type MediaWorld,
  openMediaWorld,
  UPLOAD_BYTES,
} from '../../test/harness/media-server.ts';
import { FOREIGN_FILES, flatPng, jpegWithPlace, photo } from './test-pictures.ts';

let world: MediaWorld;
let server: MediaServer;

before(async () => {
  world = await openMediaWorld();
  server = world.server;
});
after(() => world.close());

/** Resolves once so many private files lie in the staging area. */
async function untilStaged(count: number): Promise<void> {
  const staging = join(world.folder, 'media', '.staging');
  const watcher = watch(staging);
  await new Promise<void>((resolve) => {
    const check = async () => {
      if ((await readdir(staging)).length === count) resolve();
    };
    watcher.on('change', check);
    void check();
  });
  watcher.close();
}

describe('POST /v1/uploads', () => {
  test('stores a picture without its metadata and says what is stored', async () => {
    const answer = await server.upload([
      { field: 'note', bytes: Buffer.from('ignored') },
      { field: 'file', name: '../../evil.svg', bytes: await jpegWithPlace(), type: 'text/html' },
    ]);
    assert.equal(answer.status, 201);
    const { id, url, width, height, mime, bytes, sha256, thumb_url } = answer.json;
    assert.match(id, /^up_/);
    assert.deepEqual([width, height, mime], [60, 40, 'image/jpeg']);
    assert.ok(url.startsWith(`${server.base}/media/original/`));
    const file = await server.call(url, { account: null });
    assert.deepEqual([file.status, file.body.length, file.headers.etag], [200, bytes, `"${sha256}"`]);
    assert.equal((await sharp(file.body).metadata()).exif, undefined);
    assert.equal((await server.call(thumb_url, { account: null })).headers['content-type'], 'image/webp');
  });

  test('V2 V3 M3 M4s: every wrong form and file gets its own clear 4xx, and nothing is left behind', async () => {
    const good = { field: 'file', name: 'a.png', bytes: flatPng(16, 16) };
    const cutOff = (await photo('png', 64)).subarray(0, 2000);
    const cases: [string, () => Promise<Answer>, number, string][] = [
      [
        'no file',
        () => server.upload([{ field: 'note', bytes: Buffer.from('x') }]),
        422,
        'validation_failed',
      ],
      ['an empty form', () => server.upload([]), 422, 'validation_failed'],
      ['another field', () => server.upload([{ ...good, field: 'picture' }]), 422, 'validation_failed'],
      ['two files', () => server.upload([good, good]), 422, 'validation_failed'],
      [
        'two files, other field',
        () => server.upload([good, { ...good, field: 'other' }]),
        422,
        'validation_failed',
      ],
      [
        'too big',
        () => server.upload([{ ...good, bytes: Buffer.alloc(UPLOAD_BYTES + 1) }]),
        413,
        'payload_too_large',
      ],
      [
        'far too big',
        () => server.upload([{ ...good, bytes: Buffer.alloc(8_000_000) }]),
        413,
        'payload_too_large',
      ],
      ['a bomb', () => server.upload([{ ...good, bytes: flatPng(16_000, 16_000) }]), 422, 'image_invalid'],
      ['cut off', () => server.upload([{ ...good, bytes: cutOff }]), 422, 'image_invalid'],
      [
        'JSON',
        () =>
          server.call('/v1/uploads', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: '{}',
          }),
        415,
        'unsupported_media_type',
      ],
      ['nothing', () => server.call('/v1/uploads', { method: 'POST' }), 415, 'unsupported_media_type'],
      [
        'plain text',
        () =>
          server.call('/v1/uploads', {
            method: 'POST',
            headers: { 'content-type': 'text/plain' },
            body: 'x',
          }),
        415,
        'unsupported_media_type',
      ],
      [
        'nobody',
        () => server.call('/v1/uploads', { method: 'POST', account: null }),
        401,
        'authentication_required',
      ],
    ];
    for (const [name, bytes] of Object.entries(FOREIGN_FILES)) {
      cases.push([
        name,
        () => server.upload([{ ...good, bytes, type: 'image/png' }]),
        415,
        'unsupported_media_type',
      ]);
    }
    const before = await readdir(join(world.folder, 'media', 'original'), { recursive: true });
    for (const [name, call, status, code] of cases) {
      const answer = await call();
      assert.deepEqual([answer.status, answer.json?.code], [status, code], name);
      assert.ok(answer.json.detail.length > 10, name);
    }
    assert.deepEqual(await readdir(join(world.folder, 'media', '.staging')), []);
    const files = await readdir(join(world.folder, 'media', 'original'), { recursive: true });
    assert.equal(files.length, before.length);
  });

  test('D2: a connection cut off in the middle of an upload leaves nothing behind', async () => {
    const port = Number(new URL(server.base).port);
    const start = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n';
    const sent = request({
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v1/uploads',
      headers: {
        authorization: 'acct_1',
        'content-type': 'multipart/form-data; boundary=b',
        'content-length': '100000',
      },
    });
    const closed = new Promise((resolve) => sent.once('close', resolve));
    sent.on('error', () => {});
    sent.write(start);
    sent.write(Buffer.alloc(20_000));
    await untilStaged(1);
    sent.destroy();
    await closed;
    await untilStaged(0);
  });
});

describe('/v1/images', () => {
  test('pages, changes, trash and restore; another account gets 404 everywhere', async () => {
    const account = 'acct_pages';
    const images = [
      await world.addImage(account),
      await world.addImage(account),
      await world.addImage(account),
    ];
    const ids = images
      .map(({ id }) => id)
      .sort()
      .reverse();
    const page = await server.call('/v1/images?limit=2', { account });
    assert.deepEqual(
      page.json.data.map((image: { id: string }) => image.id),
      ids.slice(0, 2),
    );
    const rest = await server.call(`/v1/images?limit=2&cursor=${page.json.next_cursor}`, { account });
    assert.deepEqual(
      [rest.json.data.map((image: { id: string }) => image.id), rest.json.next_cursor],
      [ids.slice(2), null],
    );
    for (const query of ['limit=0', 'limit=x', 'cursor=1', 'favourite=1', 'before=yesterday', 'kind=thumb']) {
      assert.equal((await server.call(`/v1/images?${query}`, { account })).status, 422, query);
    }
    const path = `/v1/images/${ids[0]}`;
    const patch = (body: object, by = account) =>
      server.call(path, {
        method: 'PATCH',
        account: by,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const changed = await patch({ favourite: true, tags: [' fox ', 'fox', '狐狸'] });
    assert.deepEqual(
      [changed.json.favourite, changed.json.tags, changed.json.version],
      [true, ['fox', '狐狸'], 2],
    );
    assert.equal((await server.call('/v1/images?favourite=true&tag=fox', { account })).json.data.length, 1);
    for (const body of [{}, { account_id: 'acct_2' }, { favourite: 1 }, { tags: [''] }])
      assert.equal((await patch(body)).status, 422);
    const trashed = await server.call(path, { method: 'DELETE', account });
    assert.ok(trashed.json.trashed_at);
    assert.equal((await server.call(trashed.json.url, { account: null })).status, 404);
    assert.equal((await server.call(trashed.json.thumb_url, { account: null })).status, 200);
    assert.equal((await server.call('/v1/images?trashed=true', { account })).json.data.length, 1);
    for (const call of [
      () => server.call(path, { account: 'acct_2' }),
      () => patch({ favourite: false }, 'acct_2'),
      () => server.call(path, { method: 'DELETE', account: 'acct_2' }),
      () => server.call(`${path}/restore`, { method: 'POST', account: 'acct_2' }),
    ]) {
      const answer = await call();
      assert.deepEqual([answer.status, answer.json.code], [404, 'not_found']);
    }
    const restored = await server.call(`${path}/restore`, { method: 'POST', account });
    assert.equal(restored.json.trashed_at, null);
    assert.equal((await server.call(restored.json.url, { account: null })).status, 200);
    assert.equal((await server.call('/v1/images', { account: null })).status, 401);
  });
});
