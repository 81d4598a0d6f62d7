// The slice over a real database and a real disk: what happens between file and row, and what is collected or flagged.
import assert from 'node:assert/strict';
import {
  access,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId, sha256Hex } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import { MARKER_FILE } from './disk-store.ts';
import { QUARANTINE_MS, STRAY_GRACE_MS, TRASH_KEEP_MS } from './garbage.ts';
import {
  createMedia,
  findImage,
  findImages,
  type Media,
  type MediaOptions,
  type NewImage,
  type StoredPicture,
  UPLOAD_KEEP_MS,
} from './media.ts';
import { newMediaKey } from './media-store.ts';
import { setImageTrashed, updateImage } from './store.ts';
import { FOREIGN_FILES, flatPng, photo, textChunk } from './test-pictures.ts';
import { insertForTest, pinForTest } from './test-writes.ts';

const ACCOUNT = 'acct_1';
const FOREIGN = 'acct_2';
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

interface World {
  media: Media;
  db: Db;
  root: string;
  /** Moves the slice's wall clock; the timers stay real. */
  time: { offsetMs: number };
  again(options?: Partial<MediaOptions>): Media;
}

async function createWorld(
  t: TestContext,
  kind: 'sqlite-inline' | 'sqlite' | 'postgres' = 'sqlite-inline',
): Promise<World> {
  const database = await openTestDb(kind);
  const root = await mkdtemp(join(tmpdir(), 'drawbridge-media-'));
  folders.push(root);
  const time = { offsetMs: 0 };
  const clock = { ...systemClock, now: () => systemClock.now() + time.offsetMs };
  const started: Media[] = [];
  const again = (options: Partial<MediaOptions> = {}) => {
    const media = createMedia({ db: database.db, clock, log: silent, root, decoders: 1, ...options });
    started.push(media);
    return media;
  };
  t.after(async () => {
    for (const media of started) await media.close();
    await database.close();
  });
  const media = again();
  await media.start();
  return { media, db: database.db, root, time, again };
}

async function* stream(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

let position = 0;
function imageOf(picture: StoredPicture, more: Partial<NewImage> = {}): NewImage {
  const id = newId('img', systemClock.now() + position++);
  return {
    id,
    accountId: ACCOUNT,
    taskId: 'task_1',
    position,
    kind: 'final',
    picture,
    seed: 7,
    mode: 'text-to-image',
    model: 'm',
    provider: 'p',
    prompt: 'A red Fox, 100% real',
    parentId: null,
    extra: false,
    captured: true,
    ...more,
  };
}

async function addImage(
  { media, db }: World,
  bytes?: Uint8Array,
  more: Partial<NewImage> = {},
): Promise<NewImage> {
  const image = imageOf(await media.ingestResult(stream(bytes ?? (await photo('png', 32))), more.kind), more);
  await db.write(insertForTest, { now: systemClock.now(), images: [image] });
  return image;
}

const pathOf = (root: string, { fileKind, fileKey }: StoredPicture) =>
  join(root, fileKind, fileKey.slice(0, 2), fileKey);
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
async function visibleFiles(root: string): Promise<string[]> {
  const lists = await Promise.all(
    ['original', 'final', 'hd', 'thumb'].map((kind) => readdir(join(root, kind), { recursive: true })),
  );
  return lists.flat().filter((name) => name.includes('.'));
}

for (const { kind, skip } of databaseKinds()) {
  test(`pictures, uploads and their queries on ${kind}`, { skip }, async (t) => {
    const world = await createWorld(t, kind);
    const { media, db } = world;
    const first = await addImage(world);
    const second = await addImage(world, undefined, { prompt: 'zwei Katzen', kind: 'hd', extra: true });
    await addImage(world, undefined, { accountId: FOREIGN });
    const list = async (filter: object) =>
      (await findImages(db.slow, { accountId: ACCOUNT, trashed: false, limit: 10, ...filter })).map(
        (row) => row.id,
      );
    assert.deepEqual(await list({}), [second.id, first.id]);
    assert.deepEqual(await list({ limit: 1 }), [second.id]);
    assert.deepEqual(await list({ afterId: second.id }), [first.id]);
    assert.deepEqual(await list({ q: 'fox RED' }), [first.id]);
    assert.deepEqual(await list({ q: '100%' }), [first.id]);
    assert.deepEqual(await list({ q: '1%real' }), []);
    assert.deepEqual(
      await list({ kind: 'hd', mode: 'text-to-image', model: 'm', provider: 'p', taskId: 'task_1' }),
      [second.id],
    );
    assert.deepEqual(await list({ before: 1 }), []);
    assert.deepEqual(await list({ after: 1, before: systemClock.now() + 1000 }), [second.id, first.id]);
    const changed = await db.write(updateImage, {
      id: first.id,
      accountId: ACCOUNT,
      now: 1,
      favourite: true,
      tags: ['Fox "1"'],
    });
    assert.deepEqual([changed?.favourite, changed?.tags, changed?.version], [1, '["Fox \\"1\\""]', 2]);
    assert.deepEqual(await list({ favourite: true, tag: 'fox "1"' }), [first.id]);
    assert.equal(
      await db.write(updateImage, { id: first.id, accountId: FOREIGN, now: 1, favourite: false }),
      undefined,
    );
    assert.equal(await findImage(db.read, first.id, FOREIGN), undefined);
    await db.write(setImageTrashed, { id: first.id, accountId: ACCOUNT, now: 5, trashed: true });
    assert.deepEqual(await list({}), [second.id]);
    assert.deepEqual(await list({ trashed: true }), [first.id]);
    const again = await db.write(setImageTrashed, {
      id: first.id,
      accountId: ACCOUNT,
      now: 9,
      trashed: true,
    });
    assert.equal(again?.trashed_at, 5);
    await assert.rejects(media.openFile('final', first.picture.fileKey), hasCode('not_found'));
    await db.write(setImageTrashed, { id: first.id, accountId: ACCOUNT, now: 9, trashed: false });
    await (await media.openFile('final', first.picture.fileKey)).opened.close();

    const upload = await media.createUpload(ACCOUNT, stream(await photo('jpeg', 32)));
    const local = await media.localFileOf(upload.id, ACCOUNT);
    assert.deepEqual(
      [local.mime, local.width, (await readFile(local.path)).length],
      ['image/jpeg', 32, upload.bytes],
    );
    await assert.rejects(media.localFileOf(upload.id, FOREIGN), hasCode('not_found'));
    assert.equal((await media.localFileOf(second.id, ACCOUNT)).mime, 'image/png');
    await assert.rejects(media.localFileOf('../../etc/passwd', ACCOUNT), hasCode('not_found'));
    const pin = { ids: [upload.id], accountId: ACCOUNT, untilMs: systemClock.now() + UPLOAD_KEEP_MS * 2 };
    await db.write(pinForTest, pin);
    await assert.rejects(db.write(pinForTest, { ...pin, accountId: FOREIGN }), hasCode('not_found'));
    world.time.offsetMs = UPLOAD_KEEP_MS + 1000;
    assert.equal((await media.gc()).uploads, 0);
    world.time.offsetMs = UPLOAD_KEEP_MS * 2 + 2000;
    assert.equal((await media.gc()).uploads, 1);
    assert.deepEqual(
      (await media.doctorChecks({ deep: true })).map((check) => check.state),
      ['ok', 'ok', 'ok', 'ok', 'ok'],
    );
  });
}

describe('results', () => {
  test('M1: what ingesting says is what lies on disk, with a thumbnail', async (t) => {
    const { media, root } = await createWorld(t);
    const recipe = flatPng(40, 30, [textChunk('prompt', '{}')]);
    const picture = await media.ingestResult(stream(recipe));
    const stored = await readFile(pathOf(root, picture));
    assert.deepEqual(stored, flatPng(40, 30));
    assert.deepEqual(
      [picture.bytes, picture.sha256, picture.mime],
      [stored.length, sha256Hex(stored), 'image/png'],
    );
    const thumb = await readFile(
      join(root, 'thumb', picture.thumb?.key.slice(0, 2) ?? '', picture.thumb?.key ?? ''),
    );
    assert.equal(sha256Hex(thumb), picture.thumb?.sha256);
    assert.deepEqual(await readdir(join(root, '.staging')), []);
  });

  test('V1 V3 D4 D7: what is no whole picture leaves nothing behind', async (t) => {
    const { root, again } = await createWorld(t);
    const media = again({ resultBytes: 200_000 });
    await media.start();
    const bad = [
      ...Object.values(FOREIGN_FILES),
      (await photo('jpeg', 128)).subarray(0, 900),
      flatPng(16_000, 16_000),
    ];
    for (const bytes of bad) {
      const spooled = await media.spool(stream(bytes));
      await assert.rejects(media.ingestResult(spooled), hasCode('image_invalid'));
    }
    await assert.rejects(media.ingestResult(stream(Buffer.alloc(200_001))), hasCode('payload_too_large'));
    assert.deepEqual(await readdir(join(root, '.staging')), []);
    assert.deepEqual(await visibleFiles(root), []);
  });

  test('F8: a thumbnail that cannot be stored does not fail the picture and is made later', async (t) => {
    const world = await createWorld(t);
    const { media, root, db } = world;
    await rename(join(root, 'thumb'), join(root, 'away'));
    await writeFile(join(root, 'thumb'), 'a file in the way');
    const image = await addImage(world);
    assert.equal(image.picture.thumb, null);
    assert.equal((await findImage(db.read, image.id, ACCOUNT))?.thumb_key, null);
    await rm(join(root, 'thumb'));
    await rename(join(root, 'away'), join(root, 'thumb'));
    assert.equal(await media.deriveMissingThumbs(), 1);
    const row = await findImage(db.read, image.id, ACCOUNT);
    await (await media.openFile('thumb', row?.thumb_key ?? '')).opened.close();
    assert.equal(await media.deriveMissingThumbs(), 0);
  });

  test('F1 F6: while the store is away a spooled result stays, and the same bytes are stored once it is back', async (t) => {
    const { media, root, again } = await createWorld(t);
    const spooled = await media.spool(stream(await photo('png', 32)));
    await rename(join(root, MARKER_FILE), join(root, 'marker-away'));
    await assert.rejects(media.ingestResult(spooled), hasCode('storage_unavailable'));
    await assert.rejects(media.probe(), hasCode('storage_unavailable'));
    await assert.rejects(again().start(), hasCode('storage_unavailable'));
    await rename(join(root, 'marker-away'), join(root, MARKER_FILE));
    await media.ingestResult(spooled);
    assert.equal(await exists(spooled.path), false);
  });
});

describe('collection', () => {
  test('F5 M3: a file whose row never came is hidden after the grace and deleted after the quarantine', async (t) => {
    const world = await createWorld(t);
    const { media, root, time } = world;
    const kept = await addImage(world);
    const lost = await media.ingestResult(stream(await photo('png', 32)));
    assert.equal((await media.gc()).straysQuarantined, 0);
    assert.ok(await exists(pathOf(root, lost)));
    time.offsetMs = STRAY_GRACE_MS + 60_000;
    assert.equal(
      (await media.doctorChecks({ deep: false })).find((check) => check.name === 'media.strays')?.count,
      2,
    );
    assert.equal((await media.gc()).straysQuarantined, 2);
    assert.equal(await exists(pathOf(root, lost)), false);
    assert.equal((await readdir(join(root, '.quarantine'))).length, 2);
    time.offsetMs += QUARANTINE_MS + 60_000;
    assert.equal((await media.gc()).quarantinedRemoved, 2);
    assert.ok(await exists(pathOf(root, kept.picture)));
  });

  test('X12 F5: very many files without a row are left alone and reported', async (t) => {
    const { media, root, time } = await createWorld(t);
    for (let n = 0; n < 120; n += 1) {
      const staged = await media.store.stage(stream(Buffer.from(String(n))), { maxBytes: 9 });
      await media.store.publish(staged, 'final', newMediaKey('png'));
    }
    time.offsetMs = STRAY_GRACE_MS * 2;
    const report = await media.gc();
    assert.deepEqual([report.straysRefused, report.straysQuarantined], [120, 0]);
    assert.equal((await visibleFiles(root)).length, 120);
  });

  test('trash is emptied after its time, the bytes after the quarantine; a restored picture stays', async (t) => {
    const world = await createWorld(t);
    const { media, db, root, time } = world;
    const [gone, back] = [await addImage(world), await addImage(world)];
    for (const { id } of [gone, back])
      await db.write(setImageTrashed, { id, accountId: ACCOUNT, now: systemClock.now(), trashed: true });
    await db.write(setImageTrashed, {
      id: back.id,
      accountId: ACCOUNT,
      now: systemClock.now(),
      trashed: false,
    });
    time.offsetMs = TRASH_KEEP_MS - 60_000;
    assert.equal((await media.gc()).images, 0);
    time.offsetMs = TRASH_KEEP_MS + 60_000;
    assert.equal((await media.gc()).images, 1);
    assert.equal(await findImage(db.read, gone.id, ACCOUNT), undefined);
    assert.ok(await exists(pathOf(root, gone.picture)));
    time.offsetMs += QUARANTINE_MS + 60_000;
    assert.equal((await media.gc()).filesRemoved, 2);
    assert.equal(await exists(pathOf(root, gone.picture)), false);
    await (await media.openFile('final', back.picture.fileKey)).opened.close();
    assert.ok((await media.doctorChecks({ deep: true })).every((check) => check.state === 'ok'));
  });

  test('F6: without the volume nothing is collected, and no row is touched', async (t) => {
    const world = await createWorld(t);
    const { media, db, root, time } = world;
    const image = await addImage(world);
    await db.write(setImageTrashed, {
      id: image.id,
      accountId: ACCOUNT,
      now: systemClock.now(),
      trashed: true,
    });
    await rm(join(root, MARKER_FILE));
    time.offsetMs = TRASH_KEEP_MS * 2;
    await assert.rejects(media.gc(), hasCode('storage_unavailable'));
    assert.ok(await findImage(db.read, image.id, ACCOUNT));
    const checks = await media.doctorChecks({ deep: true });
    assert.deepEqual(
      checks.map((check) => check.state),
      ['failed', 'skipped', 'skipped'],
    );
    await media.adoptVolume();
    assert.equal((await media.gc()).images, 1);
  });

  test('M3: old private files are swept', async (t) => {
    const { media } = await createWorld(t);
    const { path } = await media.spool(stream(Buffer.from('x')));
    await utimes(path, 1000, 1000);
    assert.equal((await media.gc()).stagedRemoved, 1);
  });
});

describe('damage', () => {
  test('F7 M2: a missing, shortened or rotten file is found, flagged and never served; mended ones are lifted', async (t) => {
    const world = await createWorld(t);
    const { media, root } = world;
    const [good, missing, short, rotten] = [
      await addImage(world),
      await addImage(world),
      await addImage(world),
      await addImage(world),
    ];
    await rm(pathOf(root, missing.picture));
    await truncate(pathOf(root, short.picture), 10);
    const rottenPath = pathOf(root, rotten.picture);
    const whole = await readFile(rottenPath);
    const bytes = Buffer.from(whole);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(rottenPath, bytes);
    const check = async (deep: boolean) =>
      (await media.doctorChecks({ deep })).find(({ name }) => name === 'media.files');
    assert.equal((await check(false))?.count, 2);
    const deep = await check(true);
    assert.equal(deep?.state, 'failed');
    assert.deepEqual(
      [...(deep?.examples ?? [])].sort(),
      [missing, short, rotten].map(({ picture }) => picture.fileKey).sort(),
    );
    for (const { picture } of [missing, short, rotten]) {
      await assert.rejects(media.openFile('final', picture.fileKey), hasCode('storage_unavailable'));
    }
    await (await media.openFile('final', good.picture.fileKey)).opened.close();
    await writeFile(rottenPath, whole);
    await check(true);
    await (await media.openFile('final', rotten.picture.fileKey)).opened.close();
  });

  test('F7: a file of another size is not served, even before any check ran', async (t) => {
    const world = await createWorld(t);
    const image = await addImage(world);
    await truncate(pathOf(world.root, image.picture), 10);
    await assert.rejects(
      world.media.openFile('final', image.picture.fileKey),
      hasCode('storage_unavailable'),
    );
    await writeFile(pathOf(world.root, image.picture), 'flagged: right bytes must be proven by a deep check');
    await assert.rejects(
      world.media.openFile('final', image.picture.fileKey),
      hasCode('storage_unavailable'),
    );
  });
});
