// The watchdog's runs and its lease, jobs that tasks left behind at their providers, pictures that came late, and what an
// account may spend in a day and in a month.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'watchdog_runs')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('trigger', text, (column) => column.notNull().check(sql`"trigger" in ('timer', 'cli', 'api')`))
    .addColumn('dry_run', integer, (column) => column.notNull())
    .addColumn('node', text, (column) => column.notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .addColumn('findings', text, (column) => column.notNull())
    .addColumn('found', integer, (column) => column.notNull())
    .addColumn('repaired', integer, (column) => column.notNull())
    .addColumn('error', text)
    .execute();
  await sql`create index watchdog_runs_age on watchdog_runs (started_at)`.execute(db);
  await createKeyedTable(db, 'watchdog_lease')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('owner', text, (column) => column.notNull())
    .addColumn('until_at', integer, (column) => column.notNull())
    .execute();
  await createKeyedTable(db, 'left_jobs')
    .addColumn('task_id', text, (column) => column.notNull())
    .addColumn('n', integer, (column) => column.notNull())
    .addColumn('left_at', integer, (column) => column.notNull())
    .addColumn('looked_at', integer)
    .addColumn('saving_at', integer)
    .addPrimaryKeyConstraint('left_jobs_pk', ['task_id', 'n'])
    .execute();
  await db.schema
    .alterTable('images')
    .addColumn('late', integer, (column) => column.notNull().defaultTo(0))
    .execute();
  for (const column of ['daily_limit_micros', 'monthly_limit_micros'])
    await db.schema.alterTable('credit_balances').addColumn(column, integer).execute();
  // What an account spent in a period; free tasks weigh nothing here.
  await sql`create index holds_paid on holds (account_id, created_at) where amount_micros > 0`.execute(db);
}
