// Batches: the batch itself, which of its tasks is at which place, what may not be begun while it is paused, and messages that
// tell of its end.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'batches')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('status', text, (column) =>
      column.notNull().check(sql`status in ('running', 'paused', 'cancelling', 'finished')`),
    )
    .addColumn('source', text, (column) => column.notNull())
    .addColumn('items', integer, (column) => column.notNull())
    .addColumn('pictures', integer, (column) => column.notNull())
    .addColumn('skipped', integer, (column) => column.notNull())
    .addColumn('budget_micros', integer)
    .addColumn('file_pattern', text, (column) => column.notNull())
    .addColumn('webhook', text)
    .addColumn('idempotency_key', text)
    .addColumn('request_hash', text, (column) => column.notNull())
    .addColumn('version', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('finished_at', integer)
    .execute();
  await sql`create index batches_account on batches (account_id, id)`.execute(db);
  await sql`create index batches_open on batches (id) where status <> 'finished'`.execute(db);
  await sql`create unique index batches_key on batches (account_id, idempotency_key)
    where idempotency_key is not null`.execute(db);

  await db.schema.alterTable('tasks').addColumn('batch_id', text).execute();
  // Its place in the batch; null once another try took the place.
  await db.schema.alterTable('tasks').addColumn('batch_position', integer).execute();
  await sql`create unique index tasks_batch_place on tasks (batch_id, batch_position)
    where batch_position is not null`.execute(db);
  // Counts and cost of a batch from the index alone.
  await sql`create index tasks_batch_counts on tasks
    (batch_id, status, batch_position, held_micros, captured_micros, released_micros)
    where batch_id is not null`.execute(db);
  // The cap on single tasks counts without batches, the cap on batch items counts those alone.
  await sql`drop index tasks_open`.execute(db);
  await sql`create index tasks_open_single on tasks (account_id)
    where status in ('queued', 'delayed', 'running') and batch_id is null`.execute(db);
  await sql`create index tasks_open_batched on tasks (account_id)
    where status in ('queued', 'delayed', 'running') and batch_id is not null`.execute(db);

  await createKeyedTable(db, 'paused_flows')
    .addColumn('flow', text, (column) => column.primaryKey().notNull())
    .addColumn('paused_at', integer, (column) => column.notNull())
    .execute();

  await db.schema.alterTable('webhook_deliveries').addColumn('batch_id', text).execute();
}
