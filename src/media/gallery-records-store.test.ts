// Records read in pages, over real databases: whatever the size of the pages, every picture comes once and in order.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import type { Reader } from '../kernel/db.ts';
import { newId } from '../kernel/id.ts';
import { AccountGallery } from './gallery-account.ts';
import { GalleryColumns, lastIdOf } from './gallery-columns.ts';
import { RECORD_BYTES } from './gallery-record.ts';
import { estimatePictures, loadRecords } from './gallery-records-store.ts';
import { newMediaKey } from './media-store.ts';
import { copyImage } from './test-gallery-store.ts';
import { insertForTest } from './test-writes.ts';

const ACCOUNT = `acct_${'1'.repeat(32)}`;
const START_MS = Date.UTC(2026, 0, 10);
/** More than two of PostgreSQL's chunks. */
const PICTURES = 2_345;

const picture = (id: string) => ({
  id,
  accountId: ACCOUNT,
  taskId: null,
  position: 0,
  kind: 'final' as const,
  picture: {
    store: 'disk',
    fileKind: 'final' as const,
    fileKey: newMediaKey('png'),
    thumb: null,
    width: 64,
    height: 64,
    mime: 'image/png',
    bytes: 1_000,
    sha256: 'a'.repeat(64),
    thumbhash: null,
  },
  seed: 1,
  mode: 'text-to-image' as const,
  model: 'flux',
  provider: 'sandbox',
  prompt: 'a red fox',
  parentId: null,
  extra: false,
  captured: false,
});

async function readAll(reader: Reader, limit: number): Promise<Buffer> {
  const pages: Buffer[] = [];
  for (let afterId: string | null = null; ; ) {
    const page: Buffer = await loadRecords(reader, { accountId: ACCOUNT, afterId, limit });
    pages.push(page);
    assert.ok(page.length <= limit * RECORD_BYTES);
    if (page.length < limit * RECORD_BYTES) return Buffer.concat(pages);
    afterId = lastIdOf(page);
  }
}

for (const { kind, skip } of databaseKinds().filter((one) => one.kind !== 'sqlite')) {
  describe(`records on ${kind}`, { skip }, () => {
    test('pages of any size say the same, and the head of a load that is over is exact', async (t) => {
      const { db, close } = await openTestDb(kind);
      t.after(close);
      const oldest = newId('img', START_MS);
      await db.write(insertForTest, { now: START_MS, images: [picture(oldest)] });
      const copies = Array.from({ length: PICTURES - 1 }, (_, n) => ({
        id: newId('img', START_MS + 1 + n),
        favourite: n % 3 === 0 ? (1 as const) : (0 as const),
        trashed_at: n % 5 === 0 ? START_MS : null,
      }));
      await db.write(copyImage, { copies });

      const whole = await readAll(db.slow, 10_000);
      assert.equal(whole.length, PICTURES * RECORD_BYTES);
      const columns = new GalleryColumns();
      columns.append(whole);
      const newestFirst = [...copies.toReversed(), { id: oldest, favourite: 0, trashed_at: null }];
      assert.deepEqual(
        newestFirst.map((_, place) => [columns.idAt(place), columns.isTrashedAt(place)]),
        newestFirst.map((one) => [one.id, one.trashed_at !== null]),
      );
      assert.deepEqual(
        newestFirst.map((_, place) => whole[(place + 1) * RECORD_BYTES - 1]),
        newestFirst.map((one) => (one.favourite === 1 ? 0x10 : 0) | (one.trashed_at === null ? 0 : 0x01)),
      );
      for (const limit of [400, 1_000, 1_172, 1_173, PICTURES])
        assert.ok((await readAll(db.slow, limit)).equals(whole), `pages of ${limit}`);

      const visible = newestFirst.filter((one) => one.trashed_at === null).length;
      const account = new AccountGallery(db, ACCOUNT);
      await account.load();
      assert.equal(await account.expectedCount(), visible);
      const estimate = await estimatePictures(db.slow, ACCOUNT);
      if (db.dialect === 'sqlite') assert.deepEqual(estimate, { all: PICTURES, visible });
      else assert.ok(estimate.all >= 1 && estimate.visible >= 1);
    });
  });
}
