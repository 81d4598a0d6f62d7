// The kernel's own tables: its small counters, and the append-only events that readers follow by (change, id).
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable } from '../src/kernel/db-columns.ts';
import { dialectOf } from '../src/kernel/db-dialect.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createKeyedTable(db, 'kernel_state')
    .addColumn('key', text, (column) => column.primaryKey().notNull())
    .addColumn('value', integer, (column) => column.notNull())
    .execute();
  await createKeyedTable(db, 'events')
    .addColumn('change', integer, (column) => column.notNull())
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('account_id', text)
    .addColumn('topic', text, (column) => column.notNull())
    .addColumn('entity_id', text, (column) => column.notNull())
    .addColumn('type', text, (column) => column.notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('events_pkey', ['change', 'id'])
    .execute();
  const byAccount = ['account_id', 'change', 'id'] as const;
  await db.schema
    .createIndex('events_by_account')
    .on('events')
    .columns([...byAccount])
    .execute();
  if (dialectOf(db).name === 'postgres') await createChangeFunctions(db);
}

/** A change number is the transaction's id plus a base; the horizon is the number below which nothing can still commit. */
async function createChangeFunctions(db: Kysely<unknown>): Promise<void> {
  await sql`insert into kernel_state (key, value) values ('change_base', 0)`.execute(db);
  await sql`
    create function current_change() returns bigint language sql stable as $$
      select pg_current_xact_id()::text::bigint + (select value from kernel_state where key = 'change_base')
    $$`.execute(db);
  await sql`
    create function change_horizon() returns bigint language sql stable as $$
      select pg_snapshot_xmin(pg_current_snapshot())::text::bigint
        + (select value from kernel_state where key = 'change_base')
    $$`.execute(db);
}
