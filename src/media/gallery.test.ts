// The gallery over real databases: what the index, windows and counts say while pictures come, change and go, and that actions on
// many pictures touch exactly what they say.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { until } from '../../test/harness/clock.ts';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import { readEvents } from '../kernel/outbox.ts';
import { UNDO_KEEP_MS } from './gallery-actions.ts';
import { facetsOf } from './gallery-facets.ts';
import { decodeIndex, FLAG_PREPARING } from './gallery-index-format.ts';
import { windowRows } from './gallery-store.ts';
import { createMedia, type Media, type NewImage } from './media.ts';
import { newMediaKey } from './media-store.ts';
import { setImageTrashed, updateImage } from './store.ts';
import { forgetGalleryColumns } from './test-gallery-store.ts';
import { insertForTest } from './test-writes.ts';

const ACCOUNT = `acct_${'1'.repeat(32)}`;
const FOREIGN = `acct_${'2'.repeat(32)}`;
const DAY_MS = 86_400_000;
const BASE_MS = Date.UTC(2026, 0, 10, 12);
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

interface World {
  db: Db;
  media: Media;
  /** While `held` is a list, timers wait in it. */
  time: { now: number; held: (() => void)[] | null };
  /** A further process on the same database. */
  another(): Media;
}

async function createWorld(t: TestContext, kind: 'sqlite' | 'sqlite-inline' | 'postgres'): Promise<World> {
  const database = await openTestDb(kind);
  const root = await mkdtemp(join(tmpdir(), 'drawbridge-gallery-'));
  folders.push(root);
  const time: World['time'] = { now: BASE_MS, held: null };
  const clock: Clock = {
    ...systemClock,
    now: () => time.now,
    after(delayMs, callback) {
      if (!time.held) return systemClock.after(delayMs, callback);
      time.held.push(callback);
      return { cancel() {} };
    },
  };
  const started: Media[] = [];
  const another = () => {
    const media = createMedia({ db: database.db, clock, log: silent, root, decoders: 1 });
    started.push(media);
    return media;
  };
  t.after(async () => {
    for (const media of started) await media.close();
    await database.close();
  });
  return { db: database.db, media: another(), time, another };
}

/** Adds pictures a second apart, the first the oldest; returns their ids in that order. */
async function add(
  { db, time }: World,
  pictures: (Partial<Omit<NewImage, 'picture'>> & { size?: [number, number] })[],
) {
  const ids: string[] = [];
  for (const { size = [1024, 1024], ...more } of pictures) {
    time.now += 1_000;
    const [width = 1, height = 1] = size;
    const picture = {
      store: 'disk',
      fileKind: more.kind ?? ('final' as const),
      fileKey: newMediaKey('png'),
      thumb: null,
      width,
      height,
      mime: 'image/png',
      bytes: 1_000,
      sha256: 'a'.repeat(64),
      thumbhash: null,
    };
    const image: NewImage = {
      id: newId('img', time.now),
      accountId: ACCOUNT,
      taskId: null,
      position: 0,
      kind: 'final',
      picture,
      seed: 1,
      mode: 'text-to-image',
      model: 'flux',
      provider: 'sandbox',
      prompt: 'a red fox',
      parentId: null,
      extra: false,
      captured: false,
      ...more,
    };
    await db.write(insertForTest, { now: time.now, images: [image] });
    ids.push(image.id);
  }
  return ids;
}

const all = { anchor: undefined, offset: 0, limit: 200 };
const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

for (const { kind, skip } of databaseKinds().filter((one) => one.kind !== 'sqlite')) {
  describe(`gallery on ${kind}`, { skip }, () => {
    test('each part of the filter selects what it says, alone and together', async (t) => {
      const world = await createWorld(t, kind);
      const { media, db } = world;
      const style = { id: 'style_1', names: { en: 'Ink', zh: '水墨' } };
      const [oldest = '', sized = '', story = '', hd = '', foreignModel = ''] = await add(world, [
        { prompt: '一只橘色的小猫' },
        { size: [1344, 768], mode: 'image-to-image', style },
        { size: [768, 1344], origin: 'story' },
        { kind: 'hd', mode: 'upscale', prompt: 'two cats' },
        { model: 'dream', provider: 'kie' },
      ]);
      await add(world, [{ accountId: FOREIGN, prompt: '小猫' }]);
      await db.write(updateImage, {
        id: story,
        accountId: ACCOUNT,
        now: world.time.now,
        favourite: true,
        tags: ['Blue sky'],
      });
      const [trashed = ''] = await add(world, [{ prompt: 'thrown away' }]);
      await db.write(setImageTrashed, {
        id: trashed,
        accountId: ACCOUNT,
        now: world.time.now,
        trashed: true,
      });
      const select = (filter: object) => media.gallery.window(ACCOUNT, filter, all);
      const expected: [object, string[]][] = [
        [{}, [foreignModel, hd, story, sized, oldest]],
        [{ mode: 'image-to-image' }, [sized]],
        [{ kind: 'hd' }, [hd]],
        [{ origin: 'story' }, [story]],
        [{ origin: 'api' }, [foreignModel, hd, sized, oldest]],
        [{ model: 'dream' }, [foreignModel]],
        [{ model: 'unheard of' }, []],
        [{ provider: 'kie' }, [foreignModel]],
        [{ style: 'style_1' }, [sized]],
        [{ style: 'none' }, [foreignModel, hd, story, oldest]],
        [{ ratio: 'landscape' }, [sized]],
        [{ ratio: 'portrait' }, [story]],
        [{ ratio: 'square' }, [foreignModel, hd, oldest]],
        [{ favourite: true }, [story]],
        [{ favourite: false, ratio: 'portrait' }, []],
        [{ trashed: true }, [trashed]],
        [{ tag: 'BLUE SKY' }, [story]],
        [{ tag: 'blue' }, []],
        [{ tag: '%' }, []],
        [{ q: '小猫' }, [oldest]],
        [{ q: '猫' }, [oldest]],
        [{ q: 'cat' }, [hd]],
        [{ q: 'red FOX' }, [foreignModel, story, sized]],
        [{ q: '?!' }, []],
        [{ q: ' ' }, [foreignModel, hd, story, sized, oldest]],
        [{ q: `acct${'1'.repeat(32)}` }, []],
        [{ before: BASE_MS + 2_000 }, [oldest]],
        [{ after: BASE_MS + 4_000, before: BASE_MS + 5_000 }, [hd]],
        [{ q: 'red', ratio: 'portrait', favourite: true, origin: 'story' }, [story]],
      ];
      for (const [filter, ids] of expected)
        assert.deepEqual(await select(filter), ids, JSON.stringify(filter));
      assert.deepEqual(await media.gallery.window(FOREIGN, { q: '橘色' }, all), []);
      assert.equal((await media.gallery.window(FOREIGN, {}, all)).length, 1);
    });

    test('the index says what the windows show, and changes only when they do', async (t) => {
      const world = await createWorld(t, kind);
      const { media, db } = world;
      world.time.now = Date.UTC(2026, 0, 10, 23, 59, 58);
      const ids = await add(world, [{ size: [768, 1344] }, {}, {}]);
      const index = await media.gallery.index(ACCOUNT, {}, 0);
      const decoded = decodeIndex(index.bytes);
      assert.deepEqual([...decoded.ratios], [127, 127, 93]);
      assert.deepEqual(decoded.anchors, [ids[2]]);
      assert.deepEqual(
        decoded.days.map(({ day, count }) => [new Date(day * DAY_MS).toISOString().slice(0, 10), count]),
        [
          ['2026-01-11', 2],
          ['2026-01-10', 1],
        ],
      );
      assert.equal(decodeIndex((await media.gallery.index(ACCOUNT, {}, 480)).bytes).days.length, 1);
      assert.equal((await media.gallery.index(ACCOUNT, {}, 0)).etag, index.etag);
      // A heart changes no ratio, so that the client's copy still holds.
      await db.write(updateImage, {
        id: ids[0] ?? '',
        accountId: ACCOUNT,
        now: world.time.now,
        favourite: true,
      });
      assert.equal((await media.gallery.index(ACCOUNT, {}, 0)).etag, index.etag);
      assert.equal(
        (await media.gallery.index(ACCOUNT, { favourite: true }, 0)).bytes.length < index.bytes.length,
        true,
      );
      await add(world, [{}]);
      const later = await media.gallery.index(ACCOUNT, {}, 0);
      assert.notEqual(later.etag, index.etag);
      // Another process comes to the very same bytes.
      assert.equal((await world.another().gallery.index(ACCOUNT, {}, 0)).etag, later.etag);
    });

    test('a cold answer is the same as a warm one, whatever happens while it is read', async (t) => {
      const world = await createWorld(t, kind);
      await add(
        world,
        Array.from({ length: 30 }, (_, index) => ({ size: [512 + 20 * index, 1024] as [number, number] })),
      );
      const cold = world.media.gallery.coldIndex(ACCOUNT, {}, 0);
      assert.ok(cold);
      const added = add(world, [{}]);
      const parts: Uint8Array[] = [];
      for await (const part of cold) parts.push(part);
      await added;
      assert.equal(world.media.gallery.coldIndex(ACCOUNT, {}, 0), null);
      const decoded = decodeIndex(Buffer.concat(parts));
      assert.equal(decoded.isComplete, true);
      assert.ok(decoded.count === 30 || decoded.count === 31);
      const warm = decodeIndex((await world.media.gallery.index(ACCOUNT, {}, 0)).bytes);
      assert.equal(warm.count, 31);
      assert.deepEqual([...warm.ratios.subarray(1)].slice(-30), [...decoded.ratios].slice(-30));
      const empty = world.media.gallery.coldIndex(FOREIGN, {}, 0);
      const nothing: Uint8Array[] = [];
      for await (const part of empty ?? []) nothing.push(part);
      assert.deepEqual(decodeIndex(Buffer.concat(nothing)).isComplete, true);
    });

    test('the newest rows do not wait for the records, and are those that are there then', async (t) => {
      const world = await createWorld(t, kind);
      const added = await add(
        world,
        Array.from({ length: 12 }, () => ({})),
      );
      const ids = added.toReversed();
      const first = { ...all, limit: 5 };
      const { gallery } = world.media;
      assert.deepEqual(await gallery.window(ACCOUNT, {}, first), ids.slice(0, 5));
      const trash = async (from: number, end: number) => {
        for (const id of ids.slice(from, end))
          await world.db.write(setImageTrashed, {
            id,
            accountId: ACCOUNT,
            now: world.time.now,
            trashed: true,
          });
      };
      await trash(1, 3);
      assert.deepEqual(await gallery.window(ACCOUNT, {}, first), [ids[0], ...ids.slice(3, 7)]);
      const cold = gallery.coldIndex(ACCOUNT, {}, 0);
      assert.ok(cold, 'the records were not read for it');
      const parts: Uint8Array[] = [];
      for await (const part of cold) parts.push(part);
      assert.equal(decodeIndex(Buffer.concat(parts)).count, 10);
      const another = world.another().gallery;
      await trash(0, 8);
      assert.deepEqual(await another.window(ACCOUNT, {}, first), ids.slice(8));
      assert.deepEqual(await another.window(FOREIGN, {}, first), []);
    });

    test('places count from an anchor, so that new pictures move nothing, and the pill counts them', async (t) => {
      const world = await createWorld(t, kind);
      const { gallery } = world.media;
      const ids = (
        await add(
          world,
          Array.from({ length: 12 }, () => ({})),
        )
      ).reverse();
      const [newest = ''] = ids;
      assert.deepEqual(await gallery.countNew(ACCOUNT, {}, newest), { count: 0, newestId: newest });
      const rowsFrom = (offset: number, anchor = newest) =>
        gallery.window(ACCOUNT, {}, { anchor, offset, limit: 3 });
      assert.deepEqual(await rowsFrom(5), ids.slice(5, 8));
      const [arrived] = await add(world, [{}]);
      assert.deepEqual(await rowsFrom(5), ids.slice(5, 8));
      assert.deepEqual(await gallery.countNew(ACCOUNT, {}, newest), { count: 1, newestId: arrived });
      assert.deepEqual(await gallery.countNew(ACCOUNT, { kind: 'hd' }, newest), { count: 0, newestId: null });
      // The anchor itself may go: what follows it keeps its order.
      await world.db.write(setImageTrashed, {
        id: newest,
        accountId: ACCOUNT,
        now: world.time.now,
        trashed: true,
      });
      assert.deepEqual(await rowsFrom(0), ids.slice(1, 4));
      assert.deepEqual(await rowsFrom(999), []);
    });

    test('facets count what choosing another value would show', async (t) => {
      const world = await createWorld(t, kind);
      const style = { id: 'style_1', names: { en: 'Ink', zh: '水墨' } };
      const ids = await add(world, [
        { model: 'flux', style },
        { model: 'flux', size: [1344, 768] },
        { model: 'dream', size: [1344, 768] },
        {},
      ]);
      await world.db.write(setImageTrashed, {
        id: ids[3] ?? '',
        accountId: ACCOUNT,
        now: world.time.now,
        trashed: true,
      });
      await world.db.write(updateImage, {
        id: ids[0] ?? '',
        accountId: ACCOUNT,
        now: world.time.now,
        tags: ['ink', 'a'],
      });
      const facets = await facetsOf(
        world.media.gallery,
        world.db,
        ACCOUNT,
        { ratio: 'landscape', model: 'flux' },
        0,
      );
      assert.equal(facets.count, 1);
      assert.deepEqual(facets.models, [
        { value: 'dream', count: 1 },
        { value: 'flux', count: 1 },
      ]);
      assert.deepEqual(facets.ratios, [
        { value: 'landscape', count: 1 },
        { value: 'square', count: 1 },
      ]);
      assert.deepEqual(facets.styles, [{ value: 'none', count: 1, names: null }]);
      assert.deepEqual(facets.days, [{ day: '2026-01-10', count: 1 }]);
      assert.deepEqual(facets.trash, { count: 1, bytes: 1_000, keep_days: 30 });
      assert.deepEqual(facets.tags, [
        { value: 'a', count: 1 },
        { value: 'ink', count: 1 },
      ]);
      const { styles } = await facetsOf(world.media.gallery, world.db, ACCOUNT, {}, 0);
      assert.deepEqual(styles[1], { value: 'style_1', count: 1, names: { en: 'Ink', zh: '水墨' } });
    });

    test('actions touch exactly what they say, and come back', async (t) => {
      const world = await createWorld(t, kind);
      const { media, db } = world;
      const { gallery, galleryActions } = media;
      const ids = await add(
        world,
        Array.from({ length: 450 }, (_, index) => ({ model: index % 3 === 0 ? 'dream' : 'flux' })),
      );
      const [foreign = ''] = await add(world, [{ accountId: FOREIGN }]);
      const countOf = async (filter: object) => (await gallery.countNew(ACCOUNT, filter, undefined)).count;
      const byFilter = (filter: object, expected_count: number, except_ids: string[] = []) => ({
        filter,
        expected_count,
        except_ids,
      });

      await assert.rejects(
        galleryActions.act(ACCOUNT, { action: 'trash', selection: byFilter({ model: 'flux' }, 299) }),
        (error) =>
          error instanceof AppError &&
          error.code === 'conflict' &&
          error.options.errors?.[0]?.detail === '300',
      );
      assert.equal(await countOf({ trashed: true }), 0);

      const except = [ids[1] ?? '', ids[0] ?? ''];
      const trashed = await galleryActions.act(ACCOUNT, {
        action: 'trash',
        selection: byFilter({ model: 'flux' }, 299, except),
      });
      assert.deepEqual([trashed.selected, trashed.touched, trashed.state], [299, 299, 'done']);
      assert.equal(await countOf({ trashed: true }), 299);
      assert.equal(await countOf({}), 151);
      const [file] = await windowRows(db.read, ACCOUNT, [ids[2] ?? '']);
      assert.equal(
        (
          await db.read
            .selectFrom('files')
            .select('hidden')
            .where('key', '=', file?.file_key ?? '')
            .execute()
        )[0]?.hidden,
        1,
      );

      const undone = await galleryActions.undo(ACCOUNT, trashed.id);
      assert.deepEqual(
        [undone.action, undone.selected, undone.touched, undone.undo_of],
        ['restore', 299, 299, trashed.id],
      );
      assert.equal(await countOf({}), 450);
      await assert.rejects(galleryActions.undo(ACCOUNT, trashed.id), hasCode('conflict'));
      await assert.rejects(galleryActions.undo(FOREIGN, trashed.id), hasCode('not_found'));
      await assert.rejects(galleryActions.get(FOREIGN, trashed.id), hasCode('not_found'));

      const few = { ids: [ids[0] ?? '', ids[0] ?? '', ids[1] ?? '', foreign, newId('img', 1)] };
      const hearts = await galleryActions.act(ACCOUNT, { action: 'favourite', selection: few });
      assert.deepEqual([hearts.selected, hearts.touched], [4, 2]);
      const again = await galleryActions.act(ACCOUNT, { action: 'favourite', selection: few });
      assert.equal(again.touched, 0);
      assert.equal(await countOf({ favourite: true }), 2);
      // Undo takes back only what is still so.
      await db.write(updateImage, {
        id: ids[0] ?? '',
        accountId: ACCOUNT,
        now: world.time.now,
        favourite: false,
      });
      assert.equal((await galleryActions.undo(ACCOUNT, hearts.id)).touched, 1);
      assert.equal(await countOf({ favourite: true }), 0);

      const tagged = await galleryActions.act(ACCOUNT, { action: 'tag', tag: '春天', selection: few });
      assert.equal(tagged.touched, 2);
      assert.equal(await countOf({ tag: '春天' }), 2);
      assert.equal((await galleryActions.undo(ACCOUNT, tagged.id)).touched, 2);
      assert.equal(await countOf({ tag: '春天' }), 0);
    });

    test('deleting for ever takes only what is in the trash, and nothing of it is left', async (t) => {
      const world = await createWorld(t, kind);
      const { media, db } = world;
      const other = world.another();
      const [kept = '', gone = ''] = await add(world, [
        { prompt: 'a quiet lake' },
        { prompt: 'a quiet pond' },
      ]);
      await db.write(setImageTrashed, { id: gone, accountId: ACCOUNT, now: world.time.now, trashed: true });
      assert.equal((await other.gallery.countNew(ACCOUNT, { trashed: true, q: 'pond' }, undefined)).count, 1);
      const deleted = await media.galleryActions.act(ACCOUNT, {
        action: 'delete_forever',
        selection: { ids: [kept, gone] },
      });
      assert.deepEqual([deleted.selected, deleted.touched], [2, 1]);
      await assert.rejects(media.galleryActions.undo(ACCOUNT, deleted.id), hasCode('conflict'));
      // A process that had it in memory learns of it.
      assert.equal((await other.gallery.countNew(ACCOUNT, { trashed: true }, undefined)).count, 0);
      assert.deepEqual(await other.gallery.window(ACCOUNT, { q: 'quiet' }, all), [kept]);
      const events = await readEvents(db.read, { after: null, entityId: gone, limit: 10 });
      assert.equal(events.at(-1)?.type, 'image.deleted');
    });

    test('an action that a crash cut off goes on, and is forgotten after 30 days', async (t) => {
      const world = await createWorld(t, kind);
      const ids = await add(
        world,
        Array.from({ length: 5 }, () => ({})),
      );
      const { createOperation, addOperationItems, runOperationBatch } = await import(
        './gallery-action-store.ts'
      );
      const operation = {
        id: newId('act', 1),
        accountId: ACCOUNT,
        action: 'trash' as const,
        tag: null,
        undoOf: null,
        now: world.time.now,
      };
      await world.db.write(createOperation, operation);
      await world.db.write(addOperationItems, { operationId: operation.id, position: 0, ids, isLast: true });
      await world.db.write(runOperationBatch, { operationId: operation.id, limit: 2, now: world.time.now });
      const next = world.another();
      await next.startGallery();
      await until(async () => (await next.galleryActions.get(ACCOUNT, operation.id)).state === 'done');
      const done = await next.galleryActions.get(ACCOUNT, operation.id);
      assert.deepEqual([done.touched, done.selected], [5, 5]);
      world.time.now += UNDO_KEEP_MS + DAY_MS;
      await next.galleryActions.prune();
      await assert.rejects(next.galleryActions.get(ACCOUNT, operation.id), hasCode('not_found'));
    });

    test('pictures of older versions are prepared, and the index says so until they are', async (t) => {
      const world = await createWorld(t, kind);
      await add(
        world,
        Array.from({ length: 150 }, (_, index) => ({ prompt: `旧图片 ${index}` })),
      );
      await world.db.write(forgetGalleryColumns, {});
      const later = world.another();
      assert.equal((await later.gallery.countNew(ACCOUNT, {}, undefined)).count, 0);
      world.time.held = [];
      later.gallery.start();
      const index = async () => decodeIndex((await later.gallery.index(ACCOUNT, {}, 0)).bytes);
      await until(async () => (await index()).count === 100);
      assert.equal((await index()).flags, FLAG_PREPARING);
      for (const callback of world.time.held.splice(0)) callback();
      world.time.held = null;
      await until(async () => (await index()).flags === 0);
      assert.equal((await index()).count, 150);
      assert.equal((await later.gallery.countNew(ACCOUNT, { q: '旧图' }, undefined)).count, 150);
    });
  });
}
