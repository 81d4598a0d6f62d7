// All queries on uploads, and the only writers of them. An upload is kept until its time runs out; a task that reads it moves
// that time out in the transaction that creates the task.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { fileRows, type StoredPicture } from './file-store.ts';

export interface UploadsTable {
  id: string;
  account_id: string;
  file_key: string;
  thumb_key: string | null;
  width: number;
  height: number;
  mime: string;
  bytes: number;
  sha256: string;
  thumbhash: string | null;
  created_at: number;
  /** Collected after this time; tasks that use it move it out. */
  expires_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    uploads: UploadsTable;
  }
}

/** For `pinUploads`: as long as something names them. The end of the year 9999, in milliseconds. */
export const KEPT_FOREVER_MS = 253_402_300_799_000;

/**
 * Keeps uploads at least until `untilMs`; called inside the transaction that creates a task which reads them.
 * Throws `not_found` when one is foreign, unknown or expired.
 */
export async function pinUploads(
  trx: Trx,
  input: { ids: readonly string[]; accountId: string; untilMs: number },
): Promise<void> {
  if (input.ids.length === 0) return;
  const pinned = await trx
    .updateTable('uploads')
    .set((eb) => ({
      expires_at: eb
        .case()
        .when('expires_at', '<', input.untilMs)
        .then(input.untilMs)
        .else(eb.ref('expires_at'))
        .end(),
    }))
    .where('id', 'in', input.ids)
    .where('account_id', '=', input.accountId)
    .returning('id')
    .execute();
  if (pinned.length < new Set(input.ids).size) {
    throw new AppError('not_found', {
      detail: 'An upload does not exist, or its time has run out: upload it again.',
    });
  }
}

export async function createUpload(
  trx: Trx,
  input: { id: string; accountId: string; picture: StoredPicture; now: number; expiresAt: number },
): Promise<UploadsTable> {
  const { picture } = input;
  const row: UploadsTable = {
    id: input.id,
    account_id: input.accountId,
    file_key: picture.fileKey,
    thumb_key: picture.thumb?.key ?? null,
    width: picture.width,
    height: picture.height,
    mime: picture.mime,
    bytes: picture.bytes,
    sha256: picture.sha256,
    thumbhash: picture.thumbhash,
    created_at: input.now,
    expires_at: input.expiresAt,
  };
  await trx.insertInto('files').values(fileRows(picture, input.now)).execute();
  await trx.insertInto('uploads').values(row).execute();
  return row;
}

export async function findUpload(
  reader: Reader,
  id: string,
  accountId: string,
): Promise<UploadsTable | undefined> {
  return reader
    .selectFrom('uploads')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
}

registerWrites(import.meta.url, { createUpload });
