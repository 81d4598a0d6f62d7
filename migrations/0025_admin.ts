// What administrators did, and the indexes behind the figures and lists that they look at.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createKeyedTable(db, 'audit_entries')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('action', text, (column) => column.notNull())
    .addColumn('actor', text, (column) => column.notNull())
    .addColumn('actor_account_id', text, (column) => column.notNull())
    .addColumn('via', text, (column) => column.notNull())
    .addColumn('address', text, (column) => column.notNull())
    .addColumn('target', text)
    .addColumn('detail', text, (column) => column.notNull())
    .addColumn('status', integer)
    .execute();
  // Wide enough that the figures of a day are read from it alone.
  await sql`create index tasks_finished on tasks (finished_at, lane, status, captured_micros, created_at)
    where finished_at is not null`.execute(db);
  await sql`create index tasks_failed on tasks (id) where status = 'failed'`.execute(db);
  await sql`create index tasks_in_flight on tasks (id) where status in ('queued', 'delayed', 'running')`.execute(
    db,
  );
}
