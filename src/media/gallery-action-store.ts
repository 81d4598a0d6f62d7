// Actions on many pictures: what was selected, how far the work is, and which pictures it changed. Invariant: an action's pictures
// are stored before the first of them changes; each batch changes pictures, records which, and moves the action's position in one
// transaction, so that after a crash it goes on where it was and `touched` is exact.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { currentChange, dialectOf } from '../kernel/db-dialect.ts';
import { appendEvent } from '../kernel/outbox.ts';
import type { GALLERY_ACTIONS } from './gallery-contract.ts';
import { purgeFromGallery } from './gallery-store.ts';
import { announce, type ImagesTable } from './store.ts';

export type GalleryAction = (typeof GALLERY_ACTIONS)[number];

export interface GalleryOperationsTable {
  id: string;
  account_id: string;
  action: GalleryAction;
  tag: string | null;
  /** collecting: nothing was changed yet, and nothing ever is if the process ends now. */
  state: 'collecting' | 'running' | 'done';
  selected: number;
  /** How many of its pictures are dealt with. */
  position: number;
  touched: number;
  undo_of: string | null;
  undone_by: string | null;
  created_at: number;
  finished_at: number | null;
}

export interface GalleryOperationItemsTable {
  operation_id: string;
  position: number;
  image_id: string;
  touched: 0 | 1;
}

declare module '../kernel/db.ts' {
  interface Tables {
    gallery_operations: GalleryOperationsTable;
    gallery_operation_items: GalleryOperationItemsTable;
  }
}

/** A picture with this many tags gets no more. */
const MOST_TAGS = 32;

export interface NewOperation {
  id: string;
  accountId: string;
  action: GalleryAction;
  tag: string | null;
  undoOf: string | null;
  now: number;
}

/** Begins an action whose pictures follow with `addOperationItems`. */
export async function createOperation(trx: Trx, input: NewOperation): Promise<GalleryOperationsTable> {
  const row: GalleryOperationsTable = {
    id: input.id,
    account_id: input.accountId,
    action: input.action,
    tag: input.tag,
    state: 'collecting',
    selected: 0,
    position: 0,
    touched: 0,
    undo_of: input.undoOf,
    undone_by: null,
    created_at: input.now,
    finished_at: null,
  };
  await trx.insertInto('gallery_operations').values(row).execute();
  return row;
}

/** As `createOperation`, for what takes back `undoOf`; null when that was taken back already. */
export async function createUndo(
  trx: Trx,
  input: NewOperation & { undoOf: string },
): Promise<GalleryOperationsTable | null> {
  const claimed = await trx
    .updateTable('gallery_operations')
    .set({ undone_by: input.id })
    .where('id', '=', input.undoOf)
    .where('account_id', '=', input.accountId)
    .where('undone_by', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return claimed ? createOperation(trx, input) : null;
}

/** Adds the next pictures of an action; with the last ones it begins to run. */
export async function addOperationItems(
  trx: Trx,
  input: { operationId: string; position: number; ids: readonly string[]; isLast: boolean },
): Promise<void> {
  const { operationId, position, ids, isLast } = input;
  if (ids.length > 0)
    await trx
      .insertInto('gallery_operation_items')
      .values(
        ids.map((image_id, index) => ({
          operation_id: operationId,
          position: position + index,
          image_id,
          touched: 0 as const,
        })),
      )
      .execute();
  await trx
    .updateTable('gallery_operations')
    .set({ selected: position + ids.length, ...(isLast ? { state: 'running' as const } : {}) })
    .where('id', '=', operationId)
    .execute();
}

/** Deals with the next `limit` pictures of a running action; true when there are no more. */
export async function runOperationBatch(
  trx: Trx,
  input: { operationId: string; limit: number; now: number },
): Promise<boolean> {
  const { operationId, limit, now } = input;
  const query = trx.selectFrom('gallery_operations').selectAll().where('id', '=', operationId);
  const operation = await dialectOf(trx).lockRow(query).executeTakeFirst();
  if (operation?.state !== 'running') return true;
  const items = await trx
    .selectFrom('gallery_operation_items')
    .select('image_id')
    .where('operation_id', '=', operationId)
    .where('position', '>=', operation.position)
    .orderBy('position')
    .limit(limit)
    .execute();
  const touched = await apply(trx, operation, { ids: items.map((item) => item.image_id), now });
  if (touched.length > 0)
    await trx
      .updateTable('gallery_operation_items')
      .set({ touched: 1 })
      .where('operation_id', '=', operationId)
      .where('position', '>=', operation.position)
      .where('image_id', 'in', touched)
      .execute();
  const isDone = items.length < limit;
  await trx
    .updateTable('gallery_operations')
    .set({
      position: operation.position + items.length,
      touched: operation.touched + touched.length,
      ...(isDone ? { state: 'done' as const, finished_at: now } : {}),
    })
    .where('id', '=', operationId)
    .execute();
  return isDone;
}

interface Batch {
  ids: readonly string[];
  now: number;
}

/** Changes what is not yet as wanted, and returns the ids of these. */
async function apply(trx: Trx, operation: GalleryOperationsTable, batch: Batch): Promise<string[]> {
  if (batch.ids.length === 0) return [];
  const { action, account_id: accountId } = operation;
  switch (action) {
    case 'trash':
    case 'restore':
      return setTrashed(trx, accountId, action === 'trash', batch);
    case 'favourite':
    case 'unfavourite':
      return setFavourite(trx, accountId, action === 'favourite' ? 1 : 0, batch);
    case 'tag':
    case 'untag':
      return setTag(trx, operation, batch);
    case 'delete_forever':
      return deleteForever(trx, accountId, batch);
  }
}

const ANNOUNCED = ['id', 'account_id', 'version', 'file_key'] as const;

async function tell(
  trx: Trx,
  rows: readonly Pick<ImagesTable, 'id' | 'account_id' | 'version'>[],
  now: number,
): Promise<string[]> {
  for (const row of rows) await announce(trx, row, now);
  return rows.map((row) => row.id);
}

async function setTrashed(
  trx: Trx,
  accountId: string,
  trashed: boolean,
  { ids, now }: Batch,
): Promise<string[]> {
  const rows = await trx
    .updateTable('images')
    .set((eb) => ({
      trashed_at: trashed ? now : null,
      version: eb('version', '+', 1),
      change: currentChange(),
    }))
    .where('id', 'in', ids)
    .where('account_id', '=', accountId)
    .where('trashed_at', trashed ? 'is' : 'is not', null)
    .returning(ANNOUNCED)
    .execute();
  if (rows.length > 0)
    await trx
      .updateTable('files')
      .set({ hidden: trashed ? 1 : 0 })
      .where(
        'key',
        'in',
        rows.map((row) => row.file_key),
      )
      .execute();
  return tell(trx, rows, now);
}

async function setFavourite(
  trx: Trx,
  accountId: string,
  favourite: 0 | 1,
  { ids, now }: Batch,
): Promise<string[]> {
  const rows = await trx
    .updateTable('images')
    .set((eb) => ({ favourite, version: eb('version', '+', 1), change: currentChange() }))
    .where('id', 'in', ids)
    .where('account_id', '=', accountId)
    .where('favourite', '<>', favourite)
    .returning(ANNOUNCED)
    .execute();
  return tell(trx, rows, now);
}

async function setTag(
  trx: Trx,
  { account_id: accountId, action, tag }: GalleryOperationsTable,
  { ids, now }: Batch,
): Promise<string[]> {
  const query = trx
    .selectFrom('images')
    .select(['id', 'tags'])
    .where('id', 'in', ids)
    .where('account_id', '=', accountId);
  const idsByTags = new Map<string, string[]>();
  for (const row of await dialectOf(trx).lockRow(query).execute()) {
    const tags = JSON.parse(row.tags) as string[];
    const without = tags.filter((one) => one !== tag);
    const hasIt = without.length < tags.length;
    if ((action === 'tag') === hasIt) continue;
    if (action === 'tag' && tags.length >= MOST_TAGS) continue;
    const wanted = JSON.stringify(action === 'tag' ? [...tags, tag] : without);
    idsByTags.set(wanted, [...(idsByTags.get(wanted) ?? []), row.id]);
  }
  const touched: string[] = [];
  for (const [tags, same] of idsByTags) {
    const rows = await trx
      .updateTable('images')
      .set((eb) => ({ tags, version: eb('version', '+', 1), change: currentChange() }))
      .where('id', 'in', same)
      .returning(ANNOUNCED)
      .execute();
    touched.push(...(await tell(trx, rows, now)));
  }
  return touched;
}

/** Only out of the trash. The files are quarantined, as those of pictures whose time in the trash is over. */
async function deleteForever(trx: Trx, accountId: string, { ids, now }: Batch): Promise<string[]> {
  const rows = await trx
    .deleteFrom('images')
    .where('id', 'in', ids)
    .where('account_id', '=', accountId)
    .where('trashed_at', 'is not', null)
    .returning(['id', 'account_id', 'gallery', 'version', 'file_key', 'thumb_key'])
    .execute();
  const keys = rows.flatMap((row) => [row.file_key, row.thumb_key ?? []].flat());
  if (keys.length > 0)
    await trx.updateTable('files').set({ deleted_at: now }).where('key', 'in', keys).execute();
  await purgeFromGallery(trx, { purged: rows, now });
  for (const { id, account_id, version } of rows)
    await appendEvent(trx, {
      accountId: account_id,
      topic: 'images',
      entityId: id,
      type: 'image.deleted',
      version: version + 1,
      nowMs: now,
    });
  return rows.map((row) => row.id);
}

/** Forgets actions that began before this time, and those that a crash kept from ever beginning; returns how many. */
export async function pruneOperations(
  trx: Trx,
  input: { beforeMs: number; abandonedBeforeMs: number; limit: number },
): Promise<number> {
  const rows = await trx
    .selectFrom('gallery_operations')
    .select('id')
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'done'), eb('created_at', '<', input.beforeMs)]),
        eb.and([eb('state', '=', 'collecting'), eb('created_at', '<', input.abandonedBeforeMs)]),
      ]),
    )
    .limit(1)
    .execute();
  for (const { id } of rows) {
    const items = await trx
      .deleteFrom('gallery_operation_items')
      .where('operation_id', '=', id)
      .where('position', 'in', (eb) =>
        eb
          .selectFrom('gallery_operation_items')
          .select('position')
          .where('operation_id', '=', id)
          .limit(input.limit),
      )
      .executeTakeFirst();
    if (Number(items.numDeletedRows) < input.limit)
      await trx.deleteFrom('gallery_operations').where('id', '=', id).execute();
  }
  return rows.length;
}

export async function findOperation(
  reader: Reader,
  id: string,
  accountId: string,
): Promise<GalleryOperationsTable | undefined> {
  return reader
    .selectFrom('gallery_operations')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
}

/** Actions that were begun and not finished. */
export async function runningOperations(reader: Reader): Promise<string[]> {
  const rows = await reader
    .selectFrom('gallery_operations')
    .select('id')
    .where('state', '=', 'running')
    .orderBy('created_at')
    .execute();
  return rows.map((row) => row.id);
}

/** The pictures that an action changed, in order, from a position on. */
export async function touchedItems(
  reader: Reader,
  input: { operationId: string; fromPosition: number; limit: number },
): Promise<{ position: number; image_id: string }[]> {
  return reader
    .selectFrom('gallery_operation_items')
    .select(['position', 'image_id'])
    .where('operation_id', '=', input.operationId)
    .where('position', '>=', input.fromPosition)
    .where('touched', '=', 1)
    .orderBy('position')
    .limit(input.limit)
    .execute();
}

registerWrites(import.meta.url, {
  createOperation,
  createUndo,
  addOperationItems,
  runOperationBatch,
  pruneOperations,
});
