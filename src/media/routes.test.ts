// Uploads, pictures and their files over real HTTP: contracts, conditions and ranges, names and forms that attack.
import assert from 'node:assert/strict';
import { watch } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { openTestDb, type TestDb } from '../../test/harness/database.ts';
import { systemClock } from '../kernel/clock.ts';
import { createHttpServer, type HttpOptions } from '../kernel/http.ts';
import { bindRoutes } from '../kernel/http-routes.ts';
import { newId } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import type { Access, Scope } from '../kernel/route.ts';
import { createMedia, type Media, type MediaOptions } from './media.ts';
import { newMediaKey } from './media-store.ts';
import { mediaRoutes } from './routes.ts';
import { FOREIGN_FILES, flatPng, jpegWithPlace, photo } from './test-pictures.ts';
import { insertForTest } from './test-writes.ts';
import { attachmentHeader, SIGNED_URL_MS } from './urls.ts';

const UPLOAD_BYTES = 300_000;
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const mismatches: object[] = [];

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes, each looked at by its test
  json: any;
}

interface Call {
  method?: string;
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  account?: string | null;
}

class Server {
  readonly media: Media;
  #port = 0;
  #close: () => Promise<unknown> = async () => {};

  constructor(media: Media) {
    this.media = media;
  }

  get base(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(db: TestDb['db'], publicUrl: string | null = null): Promise<this> {
    const options: HttpOptions = {
      log: silent,
      clock: systemClock,
      publicUrl,
      trustedProxies: [],
      corsOrigins: [],
      requestsPerMinute: 1_000_000,
      anonymousRequestsPerMinute: 1_000_000,
      onAnswerMismatch: (detail) => mismatches.push(detail),
      // The account is the key, and may do everything with pictures.
      authenticate: async ({ headers }): Promise<Access | null> => {
        const accountId = headers.authorization;
        if (!accountId) return null;
        const scopes = new Set<Scope>(['tasks:write', 'images:read', 'images:write']);
        return { accountId, scopes, via: 'key', credentialId: 'key_1' };
      },
    };
    await this.media.start();
    const app = await createHttpServer(options);
    bindRoutes(
      app,
      options,
      mediaRoutes({ db, clock: systemClock, media: this.media, makingOf: async () => null }),
    );
    await app.listen({ port: 0, host: '127.0.0.1' });
    this.#port = (app.server.address() as AddressInfo).port;
    this.#close = async () => {
      await app.close();
      await this.media.close();
    };
    return this;
  }

  close(): Promise<unknown> {
    return this.#close();
  }

  /** Sends `path` exactly as it is: no client normalises it on the way. */
  call(path: string, { method = 'GET', headers = {}, body, account = 'acct_1' }: Call = {}): Promise<Answer> {
    const authorization = account === null ? {} : { authorization: account };
    const local = path.startsWith(this.base) ? path.slice(this.base.length) : path;
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          agent: false,
          host: '127.0.0.1',
          port: this.#port,
          path: local,
          method,
          headers: { ...authorization, ...headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const isJson = response.headers['content-type']?.includes('json');
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: bytes,
              json: isJson ? JSON.parse(bytes.toString()) : null,
            });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  upload(
    parts: readonly { field: string; name?: string; bytes: Uint8Array; type?: string }[],
  ): Promise<Answer> {
    const boundary = 'drawbridge-test-boundary';
    const body = Buffer.concat([
      ...parts.flatMap(({ field, name, bytes, type = 'application/octet-stream' }) => [
        Buffer.from(
          `--${boundary}\r\ncontent-disposition: form-data; name="${field}"${name === undefined ? '' : `; filename="${name}"\r\ncontent-type: ${type}`}\r\n\r\n`,
        ),
        bytes,
        Buffer.from('\r\n'),
      ]),
      Buffer.from(`--${boundary}--\r\n`),
    ]);
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    return this.call('/v1/uploads', { method: 'POST', headers, body });
  }
}

let database: TestDb;
let folder: string;
let server: Server;

function mediaOf(root: string, more: Partial<MediaOptions> = {}): Media {
  return createMedia({
    db: database.db,
    clock: systemClock,
    log: silent,
    root,
    decoders: 1,
    uploadBytes: UPLOAD_BYTES,
    ...more,
  });
}

before(async () => {
  database = await openTestDb('sqlite-inline');
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-media-http-'));
  server = await new Server(mediaOf(join(folder, 'media'))).start(database.db);
});
after(async () => {
  await server.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
  assert.deepEqual(mismatches, [], 'every answer fits its contract');
});

async function addImage(
  account = 'acct_1',
  bytes?: Uint8Array,
): Promise<{ id: string; key: string; bytes: Buffer }> {
  const content = Buffer.from(bytes ?? (await photo('png', 48)));
  const picture = await server.media.ingestResult(
    (async function* () {
      yield content;
    })(),
  );
  const id = newId('img', systemClock.now());
  const image = {
    id,
    accountId: account,
    taskId: 'task_1',
    position: 0,
    kind: 'final',
    picture,
    seed: 1,
    mode: 'text-to-image',
    model: 'm',
    provider: 'p',
    prompt: 'fox',
    parentId: null,
    extra: false,
    captured: true,
  } as const;
  await database.db.write(insertForTest, { now: systemClock.now(), images: [image] });
  return { id, key: picture.fileKey, bytes: content };
}

/** Resolves once so many private files lie in the staging area. */
async function untilStaged(count: number): Promise<void> {
  const staging = join(folder, 'media', '.staging');
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
    const before = await readdir(join(folder, 'media', 'original'), { recursive: true });
    for (const [name, call, status, code] of cases) {
      const answer = await call();
      assert.deepEqual([answer.status, answer.json?.code], [status, code], name);
      assert.ok(answer.json.detail.length > 10, name);
    }
    assert.deepEqual(await readdir(join(folder, 'media', '.staging')), []);
    const files = await readdir(join(folder, 'media', 'original'), { recursive: true });
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
    const images = [await addImage(account), await addImage(account), await addImage(account)];
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

describe('GET /media', () => {
  test('M7s M3s: the bytes with strong tag, immutable caching and headers that let a browser only show it', async () => {
    const { key, bytes } = await addImage();
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
    const { key, bytes } = await addImage();
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
    await writeFile(join(folder, 'media', 'canary.png'), 'CANARY');
    await writeFile(join(folder, 'canary.png'), 'CANARY');
    const { key } = await addImage();
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
    const { key } = await addImage();
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
    const other = await new Server(mediaOf(join(folder, 'media'))).start(
      database.db,
      'https://pics.example/draw',
    );
    t.after(() => other.close());
    const { id, key } = await addImage();
    const { json } = await other.call(`/v1/images/${id}`);
    assert.equal(json.url, `https://pics.example/draw/media/final/${key}`);
    assert.ok(json.thumb_url.startsWith('https://pics.example/draw/media/thumb/'));
    assert.ok(json.download_url.startsWith(`${json.url}?download=drawbridge-`));
    assert.equal((await other.call(`/draw/media/final/${key}`)).status, 200);
  });

  test('M7s M4: under private access only a signature of at most 15 minutes or the owner opens a file', async (t) => {
    const time = { offsetMs: 0 };
    const clock = { ...systemClock, now: () => systemClock.now() + time.offsetMs };
    const media = mediaOf(join(folder, 'media'), { signingKey: Buffer.from('k'.repeat(32)), clock });
    const closed = await new Server(media).start(database.db);
    t.after(() => closed.close());
    const { id, key } = await addImage('acct_own');
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
    const media = mediaOf(join(folder, 'media'), { accelLocation: '/_media' });
    const behind = await new Server(media).start(database.db);
    t.after(() => behind.close());
    const { key } = await addImage();
    const headers = { 'x-sendfile-type': 'X-Accel-Redirect' };
    const answer = await behind.call(`/media/final/${key}`, { headers });
    assert.deepEqual([answer.status, answer.body.length], [200, 0]);
    const direct = await behind.call(`/media/final/${key}`);
    assert.ok(direct.body.length > 0, 'a caller past the proxy gets the picture');
    assert.equal(direct.headers['x-accel-redirect'], undefined);
    assert.equal(answer.headers['x-accel-redirect'], `/_media/final/${key.slice(0, 2)}/${key}`);
  });

  test('M2 F7: a stored picture whose file is gone is a 503 that says so, not a 404 and not wrong bytes', async () => {
    const { key } = await addImage();
    await rm(join(folder, 'media', 'final', key.slice(0, 2), key));
    const answer = await server.call(`/media/final/${key}`, { account: null });
    assert.deepEqual([answer.status, answer.json.code], [503, 'storage_unavailable']);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.ok(!answer.body.includes(folder));
  });
});
