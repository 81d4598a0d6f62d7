// A bucket as a store, against a server that verifies signatures and refuses what other stores refuse: what is stored is
// whole or not there, every unknown outcome is decided by a look, and nothing of a broken upload stays.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { proxyUnavailable, realProxy, trustedIdentity } from '../../test/harness/egress-proxies.ts';
import { type S3Fault, type StrictS3, type StrictS3Options, strictS3 } from '../../test/harness/strict-s3.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { S3StoreConfig } from '../kernel/config-stores.ts';
import { AppError } from '../kernel/errors.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import { createOutbound } from '../kernel/outbound.ts';
import { newMediaKey, type StagedFile } from './media-store.ts';
import { S3Store, type S3StoreOptions } from './s3-store.ts';

const PART = 64;
const DAY_MS = 86_400_000;
/** Back-off passes at once, limits of the network never come. */
const hastyClock: Clock = {
  ...systemClock,
  after: (delayMs, callback) => systemClock.after(delayMs < 5_000 ? 0 : delayMs, callback),
};

const everythingIsHere: LookupFunction = (_name, options, done) =>
  options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-s3-'));
});
after(() => rm(folder, { recursive: true, force: true }));

let files = 0;
async function stagedFile(bytes: Buffer): Promise<StagedFile> {
  files += 1;
  const path = join(folder, `staged-${files}`);
  await writeFile(path, bytes);
  return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

interface Bucket {
  s3: StrictS3;
  store: S3Store;
  /** The same bucket as another node, or after a restart, sees it. */
  reopen(options?: Partial<S3StoreOptions>): S3Store;
}

async function openBucket(
  t: TestContext,
  server: StrictS3Options = {},
  config: Partial<S3StoreConfig> = {},
  { doorClock = systemClock, ...more }: Partial<S3StoreOptions> & { doorClock?: Clock } = {},
): Promise<Bucket> {
  const s3 = await strictS3(server);
  t.after(() => s3.close());
  const outbound = createOutbound({ clock: doorClock, log: createMemoryLogger(), lookup: everythingIsHere });
  t.after(() => outbound.close());
  let remembered: string | null = null;
  const { accessKeyId, secretAccessKey, region, bucket, endpoint } = s3;
  const marker = {
    find: async () => remembered,
    remember: async (id: string) => (remembered ??= id),
  };
  const reopen = (again: Partial<S3StoreOptions> = {}) =>
    new S3Store({
      config: {
        kind: 's3',
        name: 'r2',
        endpoint,
        region,
        bucket,
        accessKeyId,
        secretAccessKey,
        publicUrl: null,
        addressing: 'path',
        prefix: '',
        proxy: 'direct',
        ...config,
      },
      clock: hastyClock,
      marker,
      outbound: async () => outbound,
      partBytes: PART,
      ...more,
      ...again,
    });
  return { s3, store: reopen(), reopen };
}

async function readBack(
  store: S3Store,
  key: string,
  range?: { start: number; end: number },
): Promise<Buffer> {
  const opened = await store.open('final', key);
  const chunks: Buffer[] = [];
  for await (const chunk of opened.stream(range)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const pathOf = (key: string) => `final/${key.slice(0, 2)}/${key}`;

/** Faults for the first calls of a kind, then none. */
function firstTimes(
  times: number,
  isMeant: (method: string, key: string, query: URLSearchParams) => boolean,
  fault: S3Fault,
) {
  let left = times;
  return ({ method, key, query }: { method: string; key: string; query: URLSearchParams }) => {
    if (!isMeant(method, key, query) || left === 0) return undefined;
    left -= 1;
    return fault;
  };
}

const isPicture = (method: string, key: string) => method === 'PUT' && key.startsWith('final/');

describe('a bucket', () => {
  test('keeps a picture under its key with type and hash, read back whole and in ranges', async (t) => {
    const { s3, store } = await openBucket(t, {}, { prefix: 'app/' });
    const bytes = randomBytes(50);
    const staged = await stagedFile(bytes);
    const key = newMediaKey('png');
    await store.publish(staged, 'final', key);
    const object = s3.objects.get(`app/${pathOf(key)}`);
    assert.equal(object?.mime, 'image/png');
    assert.equal(object?.metadata.sha256, staged.sha256);
    assert.deepEqual(await readBack(store, key), bytes);
    assert.deepEqual(await readBack(store, key, { start: 3, end: 9 }), bytes.subarray(3, 10));
    await assert.rejects(store.open('final', newMediaKey('png')), hasCode('not_found'));
  });

  test('sends larger pictures in equal parts, and none of the headers that other stores refuse', async (t) => {
    const { s3, store } = await openBucket(t);
    const bytes = randomBytes(PART * 3 + 5);
    const key = newMediaKey('webp');
    await store.publish(await stagedFile(bytes), 'final', key);
    assert.deepEqual(await readBack(store, key), bytes);
    assert.match(s3.objects.get(pathOf(key))?.etag ?? '', /-4"$/);
    assert.equal(s3.uploads.size, 0);
  });

  test('virtual-hosted, endpoint and path addressing each reach the bucket that wants them', async (t) => {
    const virtual = await openBucket(
      t,
      { addressing: 'virtual', host: 's3.test' },
      { addressing: 'virtual' },
    );
    await virtual.store.probe();
    assert.ok(
      virtual.s3.calls.every(({ headers }) => headers.host === `pictures.s3.test:${virtual.s3.port}`),
    );
    const path = await openBucket(t, { addressing: 'path', host: 's3.test' });
    await path.store.probe();
    const own = await openBucket(t, { addressing: 'endpoint' }, { addressing: 'endpoint' });
    await own.store.probe();
    const key = newMediaKey('png');
    await own.store.publish(await stagedFile(Buffer.from('a')), 'final', key);
    assert.ok(own.s3.objects.has(pathOf(key)));
  });

  test('a store without conditional writes is used without them', async (t) => {
    const { store } = await openBucket(t, { conditions: false });
    const key = newMediaKey('png');
    await store.publish(await stagedFile(Buffer.from('abc')), 'final', key);
    assert.equal((await readBack(store, key)).toString(), 'abc');
  });

  test('wrong keys, a missing bucket and a foreign marker are storage_unavailable and tell no secret', async (t) => {
    const { s3 } = await openBucket(t);
    for (const config of [{ secretAccessKey: 'wrong+secret' }, { bucket: 'another' }]) {
      const { store } = await openBucket(t, {}, { endpoint: s3.endpoint, ...config });
      await assert.rejects(store.probe(), (error: unknown) => {
        assert.ok(hasCode('storage_unavailable')(error));
        assert.doesNotMatch(String(error), /secret|AKID/);
        return true;
      });
    }
    const { s3: other, store, reopen } = await openBucket(t);
    await store.probe();
    other.objects.set('drawbridge-media-marker', {
      ...(other.objects.get('drawbridge-media-marker') as NonNullable<ReturnType<typeof other.objects.get>>),
      bytes: Buffer.from('f'.repeat(32)),
    });
    await assert.rejects(
      reopen().publish(await stagedFile(Buffer.from('x')), 'final', newMediaKey('png')),
      /marker/,
    );
    other.objects.delete('drawbridge-media-marker');
    await assert.rejects(reopen().sweep({ stagedMs: Date.now(), quarantinedMs: Date.now() }), /marker/);
  });

  test('F3 SlowDown, 500 and 503 before a PUT are tried again; what stays bad is storage_unavailable', async (t) => {
    const { s3, store } = await openBucket(t);
    for (const fault of [
      { status: 503, code: 'SlowDown' },
      { status: 500, code: 'InternalError' },
      { status: 429, code: 'TooManyRequests' },
    ]) {
      s3.fault = firstTimes(2, isPicture, fault);
      const key = newMediaKey('png');
      await store.publish(await stagedFile(Buffer.from('abc')), 'final', key);
      assert.equal((await readBack(store, key)).toString(), 'abc');
    }
    s3.fault = firstTimes(99, isPicture, { status: 503, code: 'SlowDown' });
    const key = newMediaKey('png');
    const failing = store.publish(await stagedFile(Buffer.from('abc')), 'final', key);
    await assert.rejects(failing, hasCode('storage_unavailable'));
    s3.fault = null;
    await assert.rejects(store.open('final', key), hasCode('not_found'));
  });

  test('F3 a connection cut after the PUT: a HEAD finds the bytes, and they are not sent again', async (t) => {
    const { s3, store } = await openBucket(t);
    await store.requireVolume();
    s3.fault = firstTimes(1, isPicture, 'cut-after');
    const key = newMediaKey('png');
    s3.calls.length = 0;
    await store.publish(await stagedFile(Buffer.from('abc')), 'final', key);
    assert.deepEqual(
      s3.calls.map(({ method }) => method),
      ['PUT', 'HEAD'],
    );
  });

  test('F3 other bytes than were sent, and an ETag that is none of them, are found out', async (t) => {
    const { s3, store } = await openBucket(t);
    s3.fault = firstTimes(1, isPicture, 'lose-bytes');
    const key = newMediaKey('png');
    await store.publish(await stagedFile(Buffer.from('abc')), 'final', key);
    assert.equal((await readBack(store, key)).toString(), 'abc');
    s3.fault = firstTimes(99, isPicture, 'lose-bytes');
    const lost = store.publish(await stagedFile(Buffer.from('abc')), 'final', newMediaKey('png'));
    await assert.rejects(lost, hasCode('storage_unavailable'));
    // Encryption at rest gives such tags: the bytes themselves decide.
    s3.fault = firstTimes(1, (method) => method === 'HEAD', 'wrong-etag');
    s3.calls.length = 0;
    const read = await stagedFile(Buffer.from('abc'));
    await store.publish(read, 'final', newMediaKey('png')).catch(() => {});
    assert.ok(s3.calls.some(({ method }) => method === 'GET'));
  });

  test('F3 no answer at all: what lies there decides, and nothing there is storage_unavailable', async (t) => {
    const impatient: Clock = {
      ...systemClock,
      after: (delayMs, callback) => systemClock.after(Math.min(delayMs, 80), callback),
    };
    const { s3, store } = await openBucket(t, {}, {}, { doorClock: impatient });
    await store.requireVolume();
    s3.fault = firstTimes(1, isPicture, 'timeout-after');
    const kept = newMediaKey('png');
    await store.publish(await stagedFile(Buffer.from('abc')), 'final', kept);
    assert.equal((await readBack(store, kept)).toString(), 'abc');
    s3.fault = firstTimes(99, isPicture, 'timeout-before');
    const lost = store.publish(await stagedFile(Buffer.from('abc')), 'final', newMediaKey('png'));
    await assert.rejects(lost, hasCode('storage_unavailable'));
  });

  test('F4 a multipart upload that breaks off is aborted; where that fails too the sweep does it after a day', async (t) => {
    const { s3, store } = await openBucket(t);
    await store.requireVolume();
    const isPart = (method: string, _key: string, query: URLSearchParams) =>
      method === 'PUT' && query.get('partNumber') === '2';
    s3.fault = firstTimes(99, isPart, { status: 500, code: 'InternalError' });
    const bytes = randomBytes(PART * 2 + 1);
    await assert.rejects(
      store.publish(await stagedFile(bytes), 'final', newMediaKey('png')),
      hasCode('storage_unavailable'),
    );
    assert.equal(s3.uploads.size, 0, 'aborted');
    s3.fault = ({ method, key, query }) =>
      isPart(method, key, query) || (method === 'DELETE' && query.has('uploadId'))
        ? { status: 503, code: 'SlowDown' }
        : undefined;
    await assert.rejects(store.publish(await stagedFile(bytes), 'final', newMediaKey('png')));
    assert.ok(s3.uploads.size > 0, 'the abort failed too');
    s3.fault = null;
    const before = Date.now() - DAY_MS;
    assert.deepEqual(await store.sweep({ stagedMs: before, quarantinedMs: before }), {
      staged: 0,
      quarantined: 0,
    });
    for (const upload of s3.uploads.values()) upload.begunAtMs -= 2 * DAY_MS;
    const { staged } = await store.sweep({ stagedMs: before, quarantinedMs: before });
    assert.ok(staged > 0);
    assert.equal(s3.uploads.size, 0);
  });

  test('F7 a body that is cut off never ends as a whole picture', async (t) => {
    const { s3, store } = await openBucket(t);
    const key = newMediaKey('png');
    await store.publish(await stagedFile(randomBytes(60)), 'final', key);
    s3.fault = firstTimes(1, (method, name) => method === 'GET' && name.startsWith('final/'), 'cut-body');
    await assert.rejects(readBack(store, key), hasCode('storage_unavailable'));
  });

  test('quarantine hides, the sweep deletes when its time has come, and damaged files stay', async (t) => {
    const { s3, store } = await openBucket(t, {}, { prefix: 'p/' });
    const [gone, wrong] = [newMediaKey('png'), newMediaKey('png')];
    for (const key of [gone, wrong]) await store.publish(await stagedFile(Buffer.from('abc')), 'final', key);
    await store.quarantine('final', gone);
    await store.quarantine('final', newMediaKey('png'));
    await store.setAside('final', wrong);
    await assert.rejects(store.open('final', gone), hasCode('not_found'));
    assert.ok(s3.objects.has(`p/quarantine/final.${gone}`));
    const later = Date.now() + DAY_MS;
    assert.deepEqual(await store.sweep({ stagedMs: 0, quarantinedMs: later }), { staged: 0, quarantined: 1 });
    assert.ok(s3.objects.has(`p/damaged/final.${wrong}`));
  });

  test('lists in bounded stretches that together are everything', async (t) => {
    const { store } = await openBucket(t, {}, {}, { mostListed: 2 });
    const keys = [newMediaKey('png'), newMediaKey('png'), newMediaKey('png')].sort();
    for (const key of keys) await store.publish(await stagedFile(Buffer.from('abc')), 'final', key);
    const listed: string[] = [];
    for (let stretch = 0; stretch < 2; stretch += 1) {
      const part: string[] = [];
      for await (const { key } of store.list()) part.push(key);
      assert.ok(part.length <= 2);
      listed.push(...part);
    }
    assert.deepEqual(listed, keys);
  });

  test('M7s a presigned PUT takes exactly the promised bytes and type, for 15 minutes at most', async (t) => {
    let now = Date.now();
    const { s3, store } = await openBucket(t, { now: () => now });
    const promised = await store.presignPut('up_1', { bytes: 3, mime: 'image/png', ttlMs: DAY_MS });
    assert.ok(Number(new URL(promised.url).searchParams.get('X-Amz-Expires')) <= 900);
    const put = (body: string, headers = promised.headers) =>
      fetch(promised.url, { method: 'PUT', body, headers }).then(({ status }) => status);
    assert.equal(await put('abcd'), 403);
    assert.equal(await put('abc', { 'content-type': 'text/html' }), 403);
    assert.equal(await put('abc'), 200);
    assert.equal(s3.objects.get('incoming/up_1')?.bytes.toString(), 'abc');
    const read = await store.presignGet('final', newMediaKey('png'), {
      ttlMs: DAY_MS,
      mime: 'image/png',
      disposition: null,
    });
    now += 16 * 60_000;
    assert.equal(await put('abc'), 400);
    assert.equal((await fetch(read.url)).status, 400);
    const hidden = await store.openIncoming('up_1').catch(() => null);
    assert.ok(hidden === null || hidden.bytes === 3);
  });

  for (const name of ['squid', 'microsocks'] as const) {
    test(`X14 the bucket is reached through ${name}`, { skip: proxyUnavailable(name) }, async (t) => {
      const proxy = await realProxy(t, name, 'user', 'password');
      const tls = name === 'squid' ? await trustedIdentity() : undefined;
      const host = name === 'squid' ? 'target.test' : '127.0.0.1';
      const address =
        name === 'squid'
          ? `http://127.0.0.1:${proxy.port}`
          : `socks5://user:password@127.0.0.1:${proxy.port}`;
      const { s3, store } = await openBucket(t, { host, ...(tls ? { tls } : {}) }, { proxy: address });
      const bytes = randomBytes(PART * 2 + 1);
      const key = newMediaKey('png');
      await store.publish(await stagedFile(bytes), 'final', key);
      assert.deepEqual(await readBack(store, key), bytes);
      await proxy.logged(name === 'squid' ? `CONNECT target.test:${s3.port}` : 'connected to');
    });
  }
});
