// What an account's pictures and uploads take, and which pictures are past an age: the numbers that quotas and retention
// rules are made of. Nothing is written here; pictures go to the trash the way their owner's own go.
import type { Reader } from '../kernel/db.ts';

/** Bytes of pictures outside the trash and of uploads, without thumbnails. Reads all rows of the account. */
export async function countStoredBytes(reader: Reader, accountId: string): Promise<number> {
  const sum = async (table: 'images' | 'uploads') => {
    const rows = reader
      .selectFrom(table)
      .select((eb) => eb.cast<number>(eb.fn.coalesce(eb.fn.sum('bytes'), eb.val(0)), 'bigint').as('bytes'))
      .where('account_id', '=', accountId);
    const row = await (table === 'images' ? rows.where('trashed_at', 'is', null) : rows).executeTakeFirst();
    return Number(row?.bytes ?? 0);
  };
  return (await sum('images')) + (await sum('uploads'));
}

/** Pictures made before `before` (milliseconds) that are neither favourites nor in the trash, the oldest ids first. */
export function findAgedImages(
  reader: Reader,
  before: number,
  limit: number,
): Promise<{ id: string; account_id: string }[]> {
  return reader
    .selectFrom('images')
    .select(['id', 'account_id'])
    .where('created_at', '<', before)
    .where('trashed_at', 'is', null)
    .where('favourite', '=', 0)
    .orderBy('id')
    .limit(limit)
    .execute();
}
