// What the cluster knows of each provider, model and account that does not simply work, the history of it, the token buckets
// of the request rates, and what routing needs of a task's attempts.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer, real } = columnTypes(db);
  await createKeyedTable(db, 'provider_channels')
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('scope', text, (column) =>
      column.notNull().check(sql`scope in ('provider','model','credential')`),
    )
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull().check(sql`state in ('closed','open','half_open')`))
    .addColumn('failures', integer, (column) => column.notNull())
    .addColumn('openings', integer, (column) => column.notNull())
    .addColumn('reason_code', text)
    .addColumn('reason_detail', text)
    .addColumn('proof', text, (column) => column.notNull())
    .addColumn('next_probe_at', integer)
    .addColumn('throttles', integer, (column) => column.notNull())
    .addColumn('throttled_until', integer)
    .addColumn('trial_task', text)
    .addColumn('drained', integer, (column) => column.notNull())
    .addColumn('changed_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('provider_channels_pk', ['provider', 'scope', 'name'])
    .execute();

  await createKeyedTable(db, 'provider_history')
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('n', integer, (column) => column.notNull())
    .addColumn('scope', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('from_state', text, (column) => column.notNull())
    .addColumn('to_state', text, (column) => column.notNull())
    .addColumn('reason_code', text)
    .addColumn('detail', text)
    .addColumn('at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('provider_history_pk', ['provider', 'n'])
    .execute();

  await createKeyedTable(db, 'provider_rates')
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('credential', text, (column) => column.notNull())
    .addColumn('tokens', real, (column) => column.notNull())
    .addColumn('refilled_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('provider_rates_pk', ['provider', 'credential'])
    .execute();

  await db.schema.alterTable('attempts').addColumn('provider_model', text).execute();
  // As it was, and with the model: a claim beside a model whose breaker is open passes over its tasks inside the index. (An
  // index of its own, by model, would make every create a tenth dearer.)
  await sql`drop index tasks_ready`.execute(db);
  await sql`create index tasks_ready on tasks (lane, priority desc, fair, provider_model) where status = 'queued'`.execute(
    db,
  );
}
