// The scrubber over a real database and a real disk: what it finds, what it brings back, and when it must flag nothing.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, type TestContext, test } from 'node:test';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import { findFile } from './file-store.ts';
import { createMedia, type Media, mediaFilePath, type Replica, type ScrubRequest } from './media.ts';
import { flatPng } from './test-pictures.ts';
import { insertForTest } from './test-writes.ts';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const FAST = 1e12;

interface World {
  media: Media;
  db: Db;
  root: string;
  /** What the replica holds, by key. */
  copies: Map<string, Buffer>;
  scrub(more?: Partial<ScrubRequest>): ReturnType<Media['scrub']>;
  add(): Promise<{ key: string; path: string; bytes: Buffer }>;
}

async function createWorld(t: TestContext, kind: 'sqlite-inline' | 'sqlite' | 'postgres' = 'sqlite-inline') {
  const database = await openTestDb(kind);
  const root = await mkdtemp(join(tmpdir(), 'drawbridge-scrub-'));
  const copies = new Map<string, Buffer>();
  const replica: Replica = {
    read: async (_kind, key) => {
      const bytes = copies.get(key);
      return bytes === undefined ? null : Readable.from([bytes]);
    },
  };
  const { db } = database;
  const media = createMedia({ db, clock: systemClock, log: silent, root, decoders: 1, replica });
  await media.start();
  t.after(async () => {
    await media.close();
    await database.close();
    await rm(root, { recursive: true, force: true });
  });
  let width = 40;
  const world: World = {
    media,
    db,
    root,
    copies,
    scrub: (more = {}) =>
      media.scrub({
        afterKey: '',
        maxBytes: FAST,
        bytesPerS: FAST,
        signal: new AbortController().signal,
        ...more,
      }),
    async add() {
      width += 1;
      const picture = await media.ingestResult(Readable.from([flatPng(width, 40)]));
      const now = systemClock.now();
      const image = {
        id: newId('img', now),
        accountId: 'acct_1',
        taskId: newId('task', now),
        position: 0,
        kind: 'final',
        picture,
        seed: 1,
        mode: 'text-to-image',
        model: 'm',
        provider: 'p',
        prompt: 'a bridge',
        parentId: null,
        extra: false,
        captured: true,
      } as const;
      await db.write(insertForTest, { now, images: [image] });
      const path = mediaFilePath(root, 'final', picture.fileKey);
      return { key: picture.fileKey, path, bytes: await readFile(path) };
    },
  };
  return world;
}

function rotten(bytes: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  changed[bytes.length - 20] = (changed[bytes.length - 20] ?? 0) ^ 1;
  return changed;
}

describe('scrubber', () => {
  for (const { kind, skip } of databaseKinds()) {
    test(`F7 M2: rot and loss are found, put aside, never served, and mended from a copy (${kind})`, {
      skip,
    }, async (t) => {
      const world = await createWorld(t, kind);
      const { media, db, root, copies } = world;
      const files = [await world.add(), await world.add(), await world.add(), await world.add()] as const;
      const [good, rot, lost, mendable] = files;
      assert.deepEqual((await world.scrub()).damaged, []);
      await writeFile(rot.path, rotten(rot.bytes));
      await rm(lost.path);
      await writeFile(mendable.path, rotten(mendable.bytes));
      copies.set(mendable.key, mendable.bytes);
      copies.set(rot.key, rotten(rot.bytes));
      const step = await world.scrub();
      assert.deepEqual([...step.damaged].sort(), [rot.key, lost.key].sort());
      assert.deepEqual(step.restored, [mendable.key]);
      assert.equal(step.files, 8);
      assert.equal(step.nextKey, null);
      for (const { key } of [rot, lost])
        await assert.rejects(media.openFile('final', key), hasCode('storage_unavailable'));
      for (const { key } of [good, mendable]) await (await media.openFile('final', key)).opened.close();
      assert.deepEqual(await readFile(mendable.path), mendable.bytes);
      assert.deepEqual(
        (await readdir(join(root, '.damaged'))).sort(),
        [`final.${rot.key}`, `final.${mendable.key}`].sort(),
      );
      const check = async () =>
        (await media.doctorChecks({ deep: false })).find(({ name }) => name === 'media.files');
      assert.deepEqual([...((await check())?.examples ?? [])].sort(), [rot.key, lost.key].sort());

      copies.set(rot.key, rot.bytes);
      await writeFile(lost.path, lost.bytes);
      assert.deepEqual([...(await world.scrub()).restored].sort(), [rot.key, lost.key].sort());
      assert.equal((await check())?.state, 'ok');
      assert.equal((await findFile(db.read, rot.key))?.damaged_at, null);
    });
  }

  test('F6 F7: while the volume is away nothing is flagged', async (t) => {
    const world = await createWorld(t);
    const { root, db } = world;
    const file = await world.add();
    await rename(root, `${root}-away`);
    await assert.rejects(world.scrub(), hasCode('storage_unavailable'));
    await rename(`${root}-away`, root);
    assert.equal((await findFile(db.read, file.key))?.damaged_at, null);
  });

  test('F7: a file of the right size that was found damaged stays a finding until its bytes are proven', async (t) => {
    const world = await createWorld(t);
    const { media } = world;
    const file = await world.add();
    await writeFile(file.path, rotten(file.bytes));
    await world.scrub();
    await writeFile(file.path, rotten(file.bytes));
    const check = async (deep: boolean) =>
      (await media.doctorChecks({ deep })).find(({ name }) => name === 'media.files')?.state;
    assert.equal(await check(false), 'failed');
    await writeFile(file.path, file.bytes);
    assert.equal(await check(false), 'failed');
    assert.equal(await check(true), 'ok');
    assert.equal(await check(false), 'ok');
  });

  test('a pass goes on where its last step ended, no faster than asked, and stops at once', async (t) => {
    const world = await createWorld(t);
    for (let i = 0; i < 3; i += 1) await world.add();
    let afterKey = '';
    let files = 0;
    for (let steps = 1; ; steps += 1) {
      const step = await world.scrub({ afterKey, maxBytes: 1 });
      files += step.files;
      if (step.nextKey === null) {
        assert.equal(steps, 7);
        break;
      }
      assert.ok(step.nextKey > afterKey);
      afterKey = step.nextKey;
    }
    assert.equal(files, 6);
    const startedAtMs = performance.now();
    const { bytes } = await world.scrub({ bytesPerS: 4_000 });
    assert.ok(performance.now() - startedAtMs >= (bytes / 4_000) * 1000 * 0.9);
    const stop = new AbortController();
    const slow = world.scrub({ bytesPerS: 1, signal: stop.signal });
    stop.abort(new Error('stopped'));
    await assert.rejects(slow, /stopped/);
  });
});
