// Several stores together: a picture goes to the first that takes it, is read from where it lies, and is moved to where it
// belongs, whatever is cut off on the way. Over real databases, a real disk and servers that speak S3 and ImgBB.
import assert from 'node:assert/strict';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { type FakeImgbb, fakeImgbb } from '../../test/harness/fake-imgbb.ts';
import { type StrictS3, type StrictS3Options, strictS3 } from '../../test/harness/strict-s3.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { StoreConfig } from '../kernel/config-stores.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import { createOutbound } from '../kernel/outbound.ts';
import { findFile } from './file-store.ts';
import { STRAY_GRACE_MS, TRASH_KEEP_MS } from './garbage.ts';
import { createMedia, type Media, type MediaOptions, type NewImage } from './media.ts';
import { newMediaKey } from './media-store.ts';
import { claimMoves, countMoves, findMoves, planMoves, switchStore } from './move-store.ts';
import { setImageTrashed } from './store.ts';
import { photo } from './test-pictures.ts';
import { insertForTest } from './test-writes.ts';

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

interface World {
  db: Db;
  s3: StrictS3;
  imgbb: FakeImgbb;
  root: string;
  time: { offsetMs: number };
  /** A server over the same data with these stores, in this order. */
  open(stores: readonly ('s3' | 'imgbb' | 'disk')[], options?: Partial<MediaOptions>): Promise<Media>;
}

async function createWorld(
  t: TestContext,
  kind: 'sqlite' | 'sqlite-inline' | 'postgres' = 'sqlite-inline',
  s3Options: StrictS3Options = {},
): Promise<World> {
  const database = await openTestDb(kind);
  const [s3, imgbb] = await Promise.all([strictS3(s3Options), fakeImgbb()]);
  const root = await mkdtemp(join(tmpdir(), 'drawbridge-stores-'));
  folders.push(root);
  const time = { offsetMs: 0 };
  const clock: Clock = {
    now: () => systemClock.now() + time.offsetMs,
    monotonicMs: () => systemClock.monotonicMs() + time.offsetMs,
    // Back-off between tries passes at once; the limits of the network do not.
    after: (delayMs, callback) => systemClock.after(delayMs < 5_000 ? 0 : delayMs, callback),
  };
  const log = createMemoryLogger();
  const outbound = createOutbound({ clock: systemClock, log });
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = s3;
  const configs: Record<'s3' | 'imgbb' | 'disk', StoreConfig> = {
    disk: { kind: 'disk', name: 'disk' },
    imgbb: { kind: 'imgbb', name: 'imgbb', apiKey: imgbb.key, url: imgbb.url, proxy: 'direct' },
    s3: {
      ...{ kind: 's3', name: 'r2', endpoint, region, bucket, accessKeyId, secretAccessKey },
      ...{ publicUrl: null, addressing: 'path', prefix: '', proxy: 'direct' },
    },
  };
  const opened: Media[] = [];
  t.after(async () => {
    for (const media of opened) await media.close();
    await Promise.all([outbound.close(), s3.close(), imgbb.close()]);
    await database.close();
  });
  return {
    db: database.db,
    s3,
    imgbb,
    root,
    time,
    async open(stores, options = {}) {
      const media = createMedia({
        db: database.db,
        clock,
        log,
        root,
        decoders: 1,
        stores: stores.map((name) => configs[name]),
        openOutbound: async () => outbound,
        ...options,
      });
      opened.push(media);
      await media.start();
      return media;
    },
  };
}

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function addPicture(media: Media, db: Db, bytes?: Uint8Array): Promise<NewImage> {
  const picture = await media.ingestResult(stream(bytes ?? (await photo('png', 32))));
  const image: NewImage = {
    ...{ id: newId('img', systemClock.now()), accountId: 'acct_1', taskId: null, position: 0, kind: 'final' },
    ...{ picture, seed: 1, mode: 'text-to-image', model: 'm', provider: 'p', prompt: 'a lake' },
    ...{ parentId: null, extra: false, captured: true },
  };
  await db.write(insertForTest, { now: systemClock.now(), images: [image] });
  return image;
}

async function bytesOf(media: Media, key: string): Promise<Buffer> {
  const { opened } = await media.openFile('final', key);
  const chunks: Buffer[] = [];
  for await (const chunk of opened.stream()) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const placeOf = async (db: Db, key: string) => (await findFile(db.read, key))?.store;
const diskPath = (root: string, key: string) => join(root, 'final', key.slice(0, 2), key);
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
const isAway = () => ({ status: 503, code: 'SlowDown' });

for (const { kind, skip } of databaseKinds()) {
  test(`F3 the first store is away: the disk takes the picture, and it is moved later, on ${kind}`, {
    skip,
  }, async (t) => {
    const world = await createWorld(t, kind);
    const { db, s3, root, time } = world;
    const media = await world.open(['s3', 'disk']);
    s3.fault = isAway;
    const bytes = await photo('png', 32);
    const { picture } = await addPicture(media, db, bytes);
    const key = picture.fileKey;
    assert.equal(picture.store, 'disk');
    assert.deepEqual(await bytesOf(media, key), bytes);
    const health = media.storeHealth().find(({ name }) => name === 'r2');
    assert.equal(health?.state, 'resting');
    assert.match(health?.reason ?? '', /503/);
    // A store that rests is not asked again: the next picture does not wait for it.
    const calls = s3.calls.length;
    await addPicture(media, db);
    assert.equal(s3.calls.length, calls);
    assert.equal(await media.mover.run(), 0);

    time.offsetMs += 20_000;
    await media.mover.run();
    const moves = await findMoves(db.read, { state: 'waiting', afterKey: null, limit: 10 });
    assert.ok(moves.some(({ last_error }) => last_error?.includes('"r2"')));
    const totals = await countMoves(db.read);
    assert.ok(totals.waiting >= 4 && totals.failing >= 1, JSON.stringify(totals));

    s3.fault = null;
    time.offsetMs += 60_000;
    await media.mover.retry();
    assert.equal(await media.mover.run(), 4, 'two pictures and their thumbnails');
    assert.equal(await placeOf(db, key), 'r2');
    assert.deepEqual(await bytesOf(media, key), bytes);
    assert.equal(await exists(diskPath(root, key)), false);
    assert.ok(await exists(join(root, '.quarantine', `final.${key}`)), 'the old copy can still be had');
    assert.equal((await countMoves(db.read)).done, 4);
    assert.equal(media.storeHealth().find(({ name }) => name === 'r2')?.state, 'ok');
    assert.equal((await addPicture(media, db)).picture.store, 'r2');
  });

  test(`F5 a move that was cut off goes on from its row, and one node has it at a time, on ${kind}`, {
    skip,
  }, async (t) => {
    const world = await createWorld(t, kind);
    const { db, root, time } = world;
    const before = await world.open(['disk']);
    const { picture } = await addPicture(before, db);
    const key = picture.fileKey;
    const media = await world.open(['s3', 'disk']);
    const now = systemClock.now();
    const plan = { fromStores: ['disk'], toStore: 'r2', now, limit: 10 };
    assert.equal(await db.write(planMoves, plan), 2);
    assert.equal(await db.write(planMoves, plan), 0);
    const claim = { now, leaseUntil: now + 60_000, limit: 10 };
    assert.equal((await db.write(claimMoves, claim)).length, 2);
    assert.equal((await db.write(claimMoves, claim)).length, 0, 'another node finds nothing');
    assert.equal(await media.mover.run(), 0);
    // Cut off between the switch and the quarantine: the copy is there, both places have the file.
    const store = media.order.require('r2');
    const staged = { path: diskPath(root, key), bytes: picture.bytes, sha256: picture.sha256 };
    await store.publish(staged, 'final', key);
    assert.ok(await db.write(switchStore, { key, from: 'disk', to: 'r2' }));
    assert.equal(await db.write(switchStore, { key, from: 'disk', to: 'r2' }), false);
    time.offsetMs += 120_000;
    assert.equal(await media.mover.run(), 2);
    assert.equal(await exists(diskPath(root, key)), false);
    assert.equal(await placeOf(db, key), 'r2');
  });
}

describe('moves', () => {
  test('a store that gives other bytes back gets no row: the picture stays where it is', async (t) => {
    const world = await createWorld(t);
    const { db, s3, root } = world;
    const before = await world.open(['disk']);
    const { picture } = await addPicture(before, db);
    const media = await world.open(['s3', 'disk']);
    s3.fault = ({ method, key }) => (method === 'GET' && key.startsWith('final/') ? 'cut-body' : undefined);
    await media.mover.run();
    assert.equal(await placeOf(db, picture.fileKey), 'disk');
    assert.ok(await exists(diskPath(root, picture.fileKey)));
    assert.equal((await countMoves(db.read)).failing, 1);
  });

  test('F7 rotten bytes are not moved on as if they were right', async (t) => {
    const world = await createWorld(t);
    const { db, s3, root } = world;
    const before = await world.open(['disk']);
    const { picture } = await addPicture(before, db);
    const path = diskPath(root, picture.fileKey);
    const rotten = await readFile(path);
    rotten[20] = (rotten[20] ?? 0) ^ 1;
    await writeFile(path, rotten);
    const media = await world.open(['s3', 'disk']);
    await media.mover.run();
    assert.equal(await placeOf(db, picture.fileKey), 'disk');
    assert.ok(![...s3.objects.keys()].some((key) => key.endsWith(picture.fileKey)));
  });

  test('a picture from a public host moves home, and its public copy stays known', async (t) => {
    const world = await createWorld(t);
    const { db, s3, imgbb, time } = world;
    const media = await world.open(['s3', 'imgbb', 'disk']);
    s3.fault = isAway;
    const bytes = await photo('png', 32);
    const { picture } = await addPicture(media, db, bytes);
    assert.equal(picture.store, 'imgbb');
    assert.equal(imgbb.pictures.size, 2);
    assert.deepEqual(await bytesOf(media, picture.fileKey), bytes);
    s3.fault = null;
    time.offsetMs += 60_000;
    assert.equal(await media.mover.run(), 2);
    assert.equal(await placeOf(db, picture.fileKey), 'r2');
    const [copy] = await media.publicCopies([picture.fileKey]);
    assert.ok(copy?.url.startsWith(imgbb.url));
    assert.match(copy?.delete_url ?? '', /delete-token/);
  });
});

describe('a public host', () => {
  test('refusals, changed bytes and a reached limit pass the picture on to the disk', async (t) => {
    const world = await createWorld(t);
    const { db, imgbb, time } = world;
    const media = await world.open(['imgbb', 'disk']);
    for (const refusal of ['Rate limit reached.', 'Invalid API v1 key.', 'Empty upload data.']) {
      imgbb.refusals = [refusal, refusal];
      assert.equal((await addPicture(media, db)).picture.store, 'disk', refusal);
      assert.doesNotMatch(JSON.stringify(media.storeHealth()), /imgbb-key/);
      time.offsetMs += 600_000;
    }
    imgbb.refusals = [];
    imgbb.change = (bytes) => Buffer.concat([bytes.subarray(1), Buffer.from('x')]);
    assert.equal((await addPicture(media, db)).picture.store, 'disk');
    // Nothing is ever moved to a public host.
    imgbb.change = null;
    time.offsetMs += 600_000;
    assert.equal(await media.mover.run(), 0);
    assert.equal((await countMoves(db.read)).waiting, 0);
  });
});

describe('upkeep over remote stores', () => {
  test('collection removes what nobody has, in every store, and nothing without its marker', async (t) => {
    const world = await createWorld(t);
    const { db, s3, time } = world;
    const media = await world.open(['s3', 'disk']);
    const image = await addPicture(media, db);
    const kept = await addPicture(media, db);
    const stray = newMediaKey('png');
    const staged = await media.store.stage(stream(Buffer.from('abc')), { maxBytes: 3 });
    await media.order.require('r2').publish(staged, 'final', stray);
    await db.write(setImageTrashed, {
      id: image.id,
      accountId: 'acct_1',
      now: systemClock.now(),
      trashed: true,
    });
    const has = (key: string) =>
      [...s3.objects.keys()].some((name) => /^final\//.test(name) && name.endsWith(key));
    time.offsetMs = TRASH_KEEP_MS + STRAY_GRACE_MS;
    const marker = s3.objects.get('drawbridge-media-marker');
    s3.objects.delete('drawbridge-media-marker');
    await media.gc();
    assert.ok(has(stray), 'another bucket may be mounted: nothing is collected');
    if (marker) s3.objects.set('drawbridge-media-marker', marker);
    time.offsetMs += 120_000;
    const report = await media.gc();
    assert.equal(report.straysQuarantined, 1);
    assert.equal(has(stray), false);
    time.offsetMs += 8 * 86_400_000;
    await media.gc();
    assert.equal(has(image.picture.fileKey), false);
    assert.equal(has(kept.picture.fileKey), true);
    assert.ok(![...s3.objects.keys()].some((key) => key.startsWith('quarantine/')));
  });

  test('F7 the scrubber and the doctor flag what a store lost, and nothing while it is away', async (t) => {
    const world = await createWorld(t);
    const { db, s3 } = world;
    const media = await world.open(['s3', 'disk']);
    const { picture } = await addPicture(media, db);
    const scrubAll = async () => {
      const damaged: string[] = [];
      let afterKey: string | null = '';
      while (afterKey !== null) {
        const request = { afterKey, maxBytes: 1e9, bytesPerS: 1e9, signal: new AbortController().signal };
        const step = await media.scrub(request);
        damaged.push(...step.damaged);
        afterKey = step.nextKey;
      }
      return damaged;
    };
    s3.fault = isAway;
    assert.deepEqual(await scrubAll(), []);
    const away = await media.doctorChecks({ deep: true });
    assert.equal(away.find(({ name }) => name === 'media.stores')?.state, 'failed');
    assert.equal(away.find(({ name }) => name === 'media.files')?.state, 'ok');
    s3.fault = null;
    assert.deepEqual(await scrubAll(), []);
    const object = [...s3.objects.keys()].find((key) => key.endsWith(picture.fileKey)) ?? '';
    const stored = s3.objects.get(object);
    s3.objects.delete(object);
    assert.deepEqual(await scrubAll(), [picture.fileKey]);
    await assert.rejects(media.openFile('final', picture.fileKey), hasCode('storage_unavailable'));
    if (stored) s3.objects.set(object, stored);
    const mended = await media.doctorChecks({ deep: true });
    assert.equal(mended.find(({ name }) => name === 'media.files')?.state, 'ok', JSON.stringify(mended));
    await media.openFile('final', picture.fileKey);
  });

  test('X12 a restored database that names the place from before a move: the scrubber fetches the file', async (t) => {
    const world = await createWorld(t);
    const { db } = world;
    const media = await world.open(['s3', 'disk']);
    const { picture } = await addPicture(media, db);
    await db.write(switchStore, { key: picture.fileKey, from: 'r2', to: 'disk' });
    await assert.rejects(media.openFile('final', picture.fileKey), hasCode('storage_unavailable'));
    const request = { afterKey: '', maxBytes: 1e9, bytesPerS: 1e9, signal: new AbortController().signal };
    const { restored } = await media.scrub(request);
    assert.deepEqual(restored, [picture.fileKey]);
    await bytesOf(media, picture.fileKey);
  });

  test('helpers get a local copy of a remote file, fetched once and checked', async (t) => {
    const world = await createWorld(t);
    const { db, s3 } = world;
    const media = await world.open(['s3', 'disk']);
    const image = await addPicture(media, db);
    const first = await media.localFileOf(image.id, 'acct_1');
    const gets = () =>
      s3.calls.filter(({ method, key }) => method === 'GET' && key.startsWith('final/')).length;
    const before = gets();
    assert.deepEqual(await readFile(first.path), await bytesOf(media, image.picture.fileKey));
    const second = await media.localFileOf(image.id, 'acct_1');
    assert.equal(second.path, first.path);
    assert.equal(gets() - before, 1, 'only our own look at the bytes');
  });
});
