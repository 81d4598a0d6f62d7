// What no version of the program does any more, as writes of the gallery's tests. A module apart: the writer worker imports it.
import { registerWrites, type Trx } from '../kernel/db.ts';
import { insertMany } from '../kernel/db-bulk.ts';
import type { ImagesTable } from './store.ts';

/** Leaves all pictures as an older version did. */
export async function forgetGalleryColumns(trx: Trx, _input: object): Promise<void> {
  await trx.updateTable('images').set({ gallery: null }).execute();
}

/** Adds many pictures like the one there is, with these ids. */
export async function copyImage(
  trx: Trx,
  { copies }: { copies: readonly Pick<ImagesTable, 'id' | 'favourite' | 'trashed_at'>[] },
): Promise<void> {
  const image = await trx.selectFrom('images').selectAll().executeTakeFirstOrThrow();
  const rows = copies.map((copy) => ({ ...image, ...copy, file_key: copy.id }));
  const insertOne = (to: Trx, row: ImagesTable) => to.insertInto('images').values(row).execute();
  await insertMany(trx, 'images', rows, { insertOne });
}

registerWrites(import.meta.url, { forgetGalleryColumns, copyImage });
