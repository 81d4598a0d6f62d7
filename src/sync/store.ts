// The record of syncs, and its only writer: the newest runs are kept.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { newId } from '../kernel/id.ts';

interface SyncRunsTable {
  id: string;
  /** Who reported it. */
  account_id: string;
  started_at: number;
  ended_at: number;
  target: string;
  state: string;
  /** The report as it was sent, as JSON. */
  report: string;
}

declare module '../kernel/db.ts' {
  interface Tables {
    sync_runs: SyncRunsTable;
  }
}

export type SyncRunRow = SyncRunsTable;

/** The newest first. */
export function listSyncRuns(reader: Reader, limit: number): Promise<SyncRunRow[]> {
  return reader.selectFrom('sync_runs').selectAll().orderBy('id', 'desc').limit(limit).execute();
}

/** Keeps one more run, and forgets the oldest beyond `most`. */
export async function insertSyncRun(
  trx: Trx,
  input: Omit<SyncRunRow, 'id'> & { now: number; most: number },
): Promise<SyncRunRow> {
  const { now, most, ...values } = input;
  const row = { ...values, id: newId('sync', now) };
  await trx.insertInto('sync_runs').values(row).execute();
  const oldest = await trx
    .selectFrom('sync_runs')
    .select('id')
    .orderBy('id', 'desc')
    .offset(most)
    .limit(1)
    .executeTakeFirst();
  if (oldest) await trx.deleteFrom('sync_runs').where('id', '<=', oldest.id).execute();
  return row;
}

registerWrites(import.meta.url, { insertSyncRun });
