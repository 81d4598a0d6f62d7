// All queries on uploads that callers put into the store themselves, and the only writers of them. A row says who may complete
// which upload; it goes when that is done or its time has run out.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';

export interface DirectUploadsTable {
  /** The id that the upload has once it is complete. */
  id: string;
  account_id: string;
  store: string;
  bytes: number;
  created_at: number;
  expires_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    direct_uploads: DirectUploadsTable;
  }
}

/** Notes an upload that was promised; an account may have `most` of them open. Throws `rate_limited`. */
export async function openDirectUpload(
  trx: Trx,
  input: { row: DirectUploadsTable; most: number },
): Promise<void> {
  const open = await trx
    .selectFrom('direct_uploads')
    .select('id')
    .where('account_id', '=', input.row.account_id)
    .where('expires_at', '>', input.row.created_at)
    .limit(input.most)
    .execute();
  if (open.length >= input.most) {
    throw new AppError('rate_limited', { detail: `At most ${input.most} direct uploads may be open.` });
  }
  await trx.insertInto('direct_uploads').values(input.row).execute();
}

export async function removeDirectUploads(trx: Trx, input: { ids: readonly string[] }): Promise<void> {
  if (input.ids.length === 0) return;
  await trx.deleteFrom('direct_uploads').where('id', 'in', input.ids).execute();
}

export async function findDirectUpload(
  reader: Reader,
  id: string,
  accountId: string,
): Promise<DirectUploadsTable | undefined> {
  return reader
    .selectFrom('direct_uploads')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
}

export async function findExpiredDirectUploads(
  reader: Reader,
  expiredBefore: number,
  limit: number,
): Promise<DirectUploadsTable[]> {
  return reader
    .selectFrom('direct_uploads')
    .selectAll()
    .where('expires_at', '<', expiredBefore)
    .limit(limit)
    .execute();
}

registerWrites(import.meta.url, { openDirectUpload, removeDirectUploads });
