// The files of pictures over real HTTP: conditions and ranges, names that attack, and who may open them.
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type MediaServer, type MediaWorld, openMediaWorld } from '../../test/harness/media-server.ts';
import { systemClock } from '../kernel/clock.ts';
import { newMediaKey } from './media-store.ts';
import { attachmentHeader, SIGNED_URL_MS } from './urls.ts';

let world: MediaWorld;
let server: MediaServer;

before(async () => {
  world = await openMediaWorld();
  server = world.server;
});
after(() => world.close());

describe('GET /media', () => {
  test('M7s M3s: the bytes with strong tag, immutable caching and headers that let a browser only show it', async () => {
    const { key, bytes } = await world.addImage();
    const answer = await server.call(`/media/final/${key}`, { account: null });
    assert.deepEqual(answer.body, bytes);
    const { headers } = answer;
    assert.match(headers.etag ?? '', /^"[0-9a-f]{64}"$/);
    assert.equal(headers['content-type'], 'image/png');
    assert.equal(headers['content-length'], String(bytes.length));
    assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(
      headers['content-security-policy'],
      "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    );
    assert.equal(headers['cross-origin-resource-policy'], 'cross-origin');
    assert.equal(headers['accept-ranges'], 'bytes');
    assert.equal(headers['content-disposition'], undefined);
    const head = await server.call(`/media/final/${key}`, { method: 'HEAD', account: null });
    assert.deepEqual(
      [head.status, head.headers['content-length'], head.headers.etag, head.body.length],
      [200, String(bytes.length), headers.etag, 0],
    );
  });

  test('conditions and ranges', async () => {
    const { key, bytes } = await world.addImage();
    const size = bytes.length;
    const get = (headers: Record<string, string>, method = 'GET') =>
      server.call(`/media/final/${key}`, { account: null, headers, method });
    const etag = String((await get({})).headers.etag);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await get({ 'if-none-match': tag });
      assert.deepEqual([answer.status, answer.body.length, answer.headers.etag], [304, 0, etag], tag);
    }
    assert.equal((await get({ 'if-none-match': '"other"' })).status, 200);
    const ranges: [string, number, number][] = [
      ['bytes=0-9', 0, 9],
      [`bytes=${size - 5}-`, size - 5, size - 1],
      ['bytes=-7', size - 7, size - 1],
      ['bytes=5-999999999', 5, size - 1],
    ];
    for (const [range, start, end] of ranges) {
      const answer = await get({ range });
      assert.deepEqual(
        [answer.status, answer.headers['content-range'], answer.headers['content-length']],
        [206, `bytes ${start}-${end}/${size}`, String(end - start + 1)],
        range,
      );
      assert.deepEqual(answer.body, bytes.subarray(start, end + 1), range);
    }
    const beyond = await get({ range: `bytes=${size}-` });
    assert.deepEqual(
      [beyond.status, beyond.headers['content-range'], beyond.body.length],
      [416, `bytes */${size}`, 0],
    );
    for (const range of ['bytes=0-1,4-5', 'lines=1-2', 'bytes=x']) {
      const answer = await get({ range });
      assert.ok([200, 416].includes(answer.status), `${range}: ${answer.status}`);
    }
    assert.equal((await get({ range: 'bytes=0-9', 'if-range': etag })).status, 206);
    assert.equal((await get({ range: 'bytes=0-9', 'if-range': '"older"' })).status, 200);
    const head = await get({ range: 'bytes=0-9' }, 'HEAD');
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [206, '10', 0]);
  });

  test('M1s: nothing but an exact kind and key reaches the disk', async () => {
    await writeFile(join(world.folder, 'media', 'canary.png'), 'CANARY');
    await writeFile(join(world.folder, 'canary.png'), 'CANARY');
    const { key } = await world.addImage();
    const names = [
      '../canary.png',
      '..%2fcanary.png',
      '%2e%2e/canary.png',
      '%2e%2e%2fcanary.png',
      '%252e%252e%252fcanary.png',
      '..%5ccanary.png',
      '..\\canary.png',
      '%2fetc%2fpasswd',
      '/etc/passwd',
      'canary.png%00.png',
      `${key}%00`,
      `${key}%2f..%2f..%2f..%2fcanary.png`,
      '%c0%ae%c0%ae/canary.png',
      '%ef%bc%8e%ef%bc%8e/canary.png',
      '．．/canary.png'.split('').map(encodeURIComponent).join(''),
      '.drawbridge-media',
      '.staging',
      key.toUpperCase(),
      `${key}.`,
      `${key}%20`,
      key.replace('.png', '.jpg'),
      key.slice(1),
      'a'.repeat(5000),
      '%',
      '%zz',
      '',
      '.',
    ];
    for (const name of names) {
      for (const kind of ['final', '..', '.staging', '%2e%2e', '.quarantine']) {
        if (kind === 'final' && name === key) continue;
        const answer = await server.call(`/media/${kind}/${name}`, { account: null });
        assert.ok([400, 404, 414].includes(answer.status), `${kind}/${name}: ${answer.status}`);
        assert.ok(!answer.body.includes('CANARY'), `${kind}/${name}`);
      }
    }
    for (const kind of ['thumb', 'original', 'hd', 'Final']) {
      assert.equal((await server.call(`/media/${kind}/${key}`, { account: null })).status, 404, kind);
    }
    assert.equal((await server.call(`/media/final/${newMediaKey('png')}`, { account: null })).status, 404);
  });

  test('W7: a download has one file name in one header, whatever was asked for', async () => {
    const { key } = await world.addImage();
    const names = [
      'fox.png',
      '狐狸 ❤.png',
      'a"b.png',
      'a\r\nset-cookie: x=1\r\n.png',
      '../../etc/passwd',
      'x\0y',
      '\u202egnp.exe',
      '',
      `%0d%0a`,
      "it's (1)*.png",
      '\ud800.png',
      'n'.repeat(5000),
    ];
    for (const name of names) {
      const query = `download=${encodeURIComponent(name.toWellFormed())}`;
      const { status, headers } = await server.call(`/media/final/${key}?${query}`, { account: null });
      if (status === 400 && name.includes('\0')) continue;
      assert.equal(status, 200, name);
      const header = headers['content-disposition'] ?? '';
      assert.match(
        header,
        /^attachment; filename="[ -!#-.0-~]+"; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]+$/,
        name,
      );
      assert.equal(headers['set-cookie'], undefined);
    }
    assert.match(attachmentHeader('\ud800x'), /^attachment/);
    assert.ok(attachmentHeader('狐狸.png').includes(encodeURIComponent('狐狸.png')));
  });

  test('every URL carries the public URL with its prefix', async (t) => {
    const other = await world.start({}, 'https://pics.example/draw');
    t.after(() => other.close());
    const { id, key } = await world.addImage();
    const { json } = await other.call(`/v1/images/${id}`);
    assert.equal(json.url, `https://pics.example/draw/media/final/${key}`);
    assert.ok(json.thumb_url.startsWith('https://pics.example/draw/media/thumb/'));
    assert.ok(json.download_url.startsWith(`${json.url}?download=drawbridge-`));
    assert.equal((await other.call(`/draw/media/final/${key}`)).status, 200);
  });

  test('M7s M4: under private access only a signature of at most 15 minutes or the owner opens a file', async (t) => {
    const time = { offsetMs: 0 };
    const clock = { ...systemClock, now: () => systemClock.now() + time.offsetMs };
    const closed = await world.start({ signingKey: Buffer.from('k'.repeat(32)), clock });
    t.after(() => closed.close());
    const { id, key } = await world.addImage('acct_own');
    const { url, thumb_url } = (await closed.call(`/v1/images/${id}`, { account: 'acct_own' })).json;
    const plain = `/media/final/${key}`;
    assert.equal((await closed.call(plain, { account: null })).status, 404);
    assert.equal((await closed.call(plain, { account: 'acct_2' })).status, 404);
    assert.equal((await closed.call(plain, { account: 'acct_own' })).status, 200);
    const opened = await closed.call(url, { account: null });
    assert.deepEqual([opened.status, opened.headers['cache-control']], [200, 'private, no-store']);
    assert.equal((await closed.call(thumb_url, { account: null })).status, 200);
    const query = new URL(url).search;
    assert.equal((await closed.call(`/media/thumb/${key}${query}`, { account: null })).status, 404);
    assert.equal(
      (await closed.call(`${plain}${query.replace(/expires=\d+/, 'expires=9999999999')}`, { account: null }))
        .status,
      404,
    );
    assert.equal((await closed.call(`${plain}${query.slice(0, -2)}`, { account: null })).status, 404);
    const later = query.replace(/expires=(\d+)/, (_, seconds) => `expires=${Number(seconds) - 1}`);
    assert.equal((await closed.call(`${plain}${later}`, { account: null })).status, 404);
    time.offsetMs = SIGNED_URL_MS;
    assert.equal((await closed.call(url, { account: null })).status, 404);
  });

  test('the bytes are left to a proxy that says it sends files, and to nobody else', async (t) => {
    const behind = await world.start({ accelLocation: '/_media' });
    t.after(() => behind.close());
    const { key } = await world.addImage();
    const headers = { 'x-sendfile-type': 'X-Accel-Redirect' };
    const answer = await behind.call(`/media/final/${key}`, { headers });
    assert.deepEqual([answer.status, answer.body.length], [200, 0]);
    const direct = await behind.call(`/media/final/${key}`);
    assert.ok(direct.body.length > 0, 'a caller past the proxy gets the picture');
    assert.equal(direct.headers['x-accel-redirect'], undefined);
    assert.equal(answer.headers['x-accel-redirect'], `/_media/final/${key.slice(0, 2)}/${key}`);
  });

  test('M2 F7: a stored picture whose file is gone is a 503 that says so, not a 404 and not wrong bytes', async () => {
    const { key } = await world.addImage();
    await rm(join(world.folder, 'media', 'final', key.slice(0, 2), key));
    const answer = await server.call(`/media/final/${key}`, { account: null });
    assert.deepEqual([answer.status, answer.json.code], [503, 'storage_unavailable']);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.ok(!answer.body.includes(world.folder));
  });
});
