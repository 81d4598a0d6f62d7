// What `drawbridge sync` did: one row a run, its figures and failures as JSON.
import type { Kysely } from 'kysely';
import { columnTypes, createKeyedTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createKeyedTable(db, 'sync_runs')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer, (column) => column.notNull())
    .addColumn('target', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('report', text, (column) => column.notNull())
    .execute();
}
