// All queries on moves between stores, and the only writers of them. A move is `waiting` until its copy was read back with the
// right hash, `moved` from the transaction in which the file's row names the new store, and `done` once the old copy is in
// quarantine. Whatever is cut off in between is taken up again from the row.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import type { FilesTable } from './file-store.ts';

export interface StoreMovesTable {
  file_key: string;
  from_store: string;
  to_store: string;
  state: 'waiting' | 'moved' | 'done';
  bytes: number;
  /** How often it was begun. */
  tries: number;
  /** Milliseconds; a move that is under way is due again when its lease has run out. */
  due_at: number;
  last_error: string | null;
  created_at: number;
  ended_at: number | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    store_moves: StoreMovesTable;
  }
}

/** Adds a move for every file that lies in one of `fromStores` and has none; returns how many were added. */
export async function planMoves(
  trx: Trx,
  input: { fromStores: readonly string[]; toStore: string; now: number; limit: number },
): Promise<number> {
  if (input.fromStores.length === 0) return 0;
  const files = await trx
    .selectFrom('files')
    .select(['key', 'store', 'bytes'])
    .where('store', 'in', input.fromStores)
    .where('deleted_at', 'is', null)
    .where('damaged_at', 'is', null)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('store_moves')
            .select('file_key')
            .whereRef('file_key', '=', 'files.key')
            .where('state', '<>', 'done'),
        ),
      ),
    )
    .limit(input.limit)
    .execute();
  for (const { key, store, bytes } of files) {
    const fresh = { from_store: store, to_store: input.toStore, bytes, tries: 0, due_at: input.now };
    const state = { state: 'waiting' as const, last_error: null, created_at: input.now, ended_at: null };
    // A file may be moved again after the order of the stores has changed.
    await trx
      .insertInto('store_moves')
      .values({ file_key: key, ...fresh, ...state })
      .onConflict((conflict) => conflict.column('file_key').doUpdateSet({ ...fresh, ...state }))
      .execute();
  }
  return files.length;
}

/** Takes due moves for this node until their lease runs out. */
export async function claimMoves(
  trx: Trx,
  input: { now: number; leaseUntil: number; limit: number },
): Promise<StoreMovesTable[]> {
  const due = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('store_moves')
        .select('file_key')
        .where('state', 'in', ['waiting', 'moved'])
        .where('due_at', '<=', input.now)
        .orderBy('due_at')
        .limit(input.limit),
    )
    .execute();
  if (due.length === 0) return [];
  return trx
    .updateTable('store_moves')
    .set((eb) => ({ due_at: input.leaseUntil, tries: eb('tries', '+', 1) }))
    .where(
      'file_key',
      'in',
      due.map((row) => row.file_key),
    )
    .returningAll()
    .execute();
}

/** The copy is whole: from now on the file is read from there. False when the file is gone or was moved otherwise. */
export async function switchStore(
  trx: Trx,
  input: { key: string; from: string; to: string },
): Promise<boolean> {
  const switched = await trx
    .updateTable('files')
    .set({ store: input.to })
    .where('key', '=', input.key)
    .where('store', '=', input.from)
    .where('deleted_at', 'is', null)
    .returning('key')
    .executeTakeFirst();
  if (!switched) return false;
  await trx
    .updateTable('store_moves')
    .set({ state: 'moved', last_error: null })
    .where('file_key', '=', input.key)
    .execute();
  return true;
}

export async function endMove(trx: Trx, input: { key: string; now: number }): Promise<void> {
  await trx
    .updateTable('store_moves')
    .set({ state: 'done', ended_at: input.now, last_error: null })
    .where('file_key', '=', input.key)
    .execute();
}

/** The file of a move is gone or lies elsewhere: there is nothing to move. */
export async function dropMove(trx: Trx, input: { key: string }): Promise<void> {
  await trx
    .deleteFrom('store_moves')
    .where('file_key', '=', input.key)
    .where('state', '=', 'waiting')
    .execute();
}

export async function postponeMove(
  trx: Trx,
  input: { key: string; dueAt: number; error: string | null },
): Promise<void> {
  await trx
    .updateTable('store_moves')
    .set({ due_at: input.dueAt, last_error: input.error })
    .where('file_key', '=', input.key)
    .where('state', '<>', 'done')
    .execute();
}

/** Makes all moves due that wait for their next try; returns how many. */
export async function retryMoves(trx: Trx, input: { now: number }): Promise<number> {
  const rows = await trx
    .updateTable('store_moves')
    .set({ due_at: input.now })
    .where('state', '<>', 'done')
    .where('last_error', 'is not', null)
    .where('due_at', '>', input.now)
    .returning('file_key')
    .execute();
  return rows.length;
}

/** Forgets moves that ended before this time, and those whose store is not the wanted one any more. */
export async function pruneMoves(
  trx: Trx,
  input: { endedBefore: number; toStore: string | null },
): Promise<void> {
  await trx.deleteFrom('store_moves').where('ended_at', '<', input.endedBefore).execute();
  let stale = trx.deleteFrom('store_moves').where('state', '=', 'waiting');
  if (input.toStore !== null) stale = stale.where('to_store', '<>', input.toStore);
  await stale.execute();
}

export interface StoreTotals {
  store: string;
  files: number;
  bytes: number;
  damaged: number;
}

/** How much lies in each store, quarantined files not counted. */
export async function countByStore(reader: Reader): Promise<StoreTotals[]> {
  const rows = await reader
    .selectFrom('files')
    .select(({ fn }) => [
      'store',
      fn.countAll<number>().as('files'),
      fn.sum<number>('bytes').as('bytes'),
      fn.count<number>('damaged_at').as('damaged'),
    ])
    .where('deleted_at', 'is', null)
    .groupBy('store')
    .execute();
  return rows.map((row) => ({
    store: row.store,
    files: Number(row.files),
    bytes: Number(row.bytes),
    damaged: Number(row.damaged),
  }));
}

export interface MoveTotals {
  waiting: number;
  waitingBytes: number;
  /** Of these, moves whose last try failed. */
  failing: number;
  done: number;
  lastError: string | null;
}

export async function countMoves(reader: Reader): Promise<MoveTotals> {
  const rows = await reader
    .selectFrom('store_moves')
    .select(({ fn }) => [
      'state',
      fn.countAll<number>().as('moves'),
      fn.sum<number>('bytes').as('bytes'),
      fn.count<number>('last_error').as('failing'),
    ])
    .groupBy('state')
    .execute();
  const open = rows.filter(({ state }) => state !== 'done');
  const sum = (pick: (row: (typeof rows)[number]) => number) =>
    open.reduce((total, row) => total + Number(pick(row)), 0);
  const last = await reader
    .selectFrom('store_moves')
    .select('last_error')
    .where('last_error', 'is not', null)
    .orderBy('due_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return {
    waiting: sum((row) => row.moves),
    waitingBytes: sum((row) => row.bytes),
    failing: sum((row) => row.failing),
    done: Number(rows.find(({ state }) => state === 'done')?.moves ?? 0),
    lastError: last?.last_error ?? null,
  };
}

/** A page of moves by file key. */
export async function findMoves(
  reader: Reader,
  filter: { state: StoreMovesTable['state'] | null; afterKey: string | null; limit: number },
): Promise<StoreMovesTable[]> {
  let query = reader.selectFrom('store_moves').selectAll().orderBy('file_key').limit(filter.limit);
  if (filter.state !== null) query = query.where('state', '=', filter.state);
  if (filter.afterKey !== null) query = query.where('file_key', '>', filter.afterKey);
  return query.execute();
}

/** The row of the file that a move is about. */
export async function findMovingFile(reader: Reader, key: string): Promise<FilesTable | undefined> {
  return reader.selectFrom('files').selectAll().where('key', '=', key).executeTakeFirst();
}

registerWrites(import.meta.url, {
  planMoves,
  claimMoves,
  switchStore,
  endMove,
  dropMove,
  postponeMove,
  retryMoves,
  pruneMoves,
});
