// Webhooks: endpoints and default secrets, deliveries with their attempts, what is due per receiver, and how far the events
// have been handed out.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'webhook_endpoints')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull().references('accounts.id'))
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('events', text, (column) => column.notNull())
    .addColumn('description', text, (column) => column.notNull())
    .addColumn('headers', text, (column) => column.notNull())
    .addColumn('enabled', integer, (column) => column.notNull())
    .addColumn('disabled_reason', text, (column) =>
      column.check(sql`disabled_reason in ('by_request', 'gone', 'failing')`),
    )
    .addColumn('secret', text, (column) => column.notNull())
    .addColumn('previous_secret', text)
    .addColumn('previous_until', integer)
    .addColumn('base_url', text, (column) => column.notNull())
    .addColumn('active_since', integer, (column) => column.notNull())
    .addColumn('failing_since', integer)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('updated_at', integer, (column) => column.notNull())
    .addColumn('deleted_at', integer)
    .execute();
  await sql`create index webhook_endpoints_account on webhook_endpoints (account_id, id)
    where deleted_at is null`.execute(db);
  await createTable(db, 'webhook_default_secrets')
    .addColumn('account_id', text, (column) => column.primaryKey().notNull().references('accounts.id'))
    .addColumn('secret', text, (column) => column.notNull())
    .addColumn('previous_secret', text)
    .addColumn('previous_until', integer)
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  await createDeliveries(db);
  await createKeyedTable(db, 'webhook_cursor')
    .addColumn('id', integer, (column) => column.primaryKey().notNull())
    .addColumn('change', integer, (column) => column.notNull())
    .addColumn('event_id', text, (column) => column.notNull())
    .execute();
  // Nobody has an endpoint yet, so nothing before this moment is owed to anybody.
  await sql`insert into webhook_cursor (id, change, event_id)
    select 1, coalesce(max(change), 0), 'evt_ffffffffffffffffffffffffffffffff' from events`.execute(db);
}

async function createDeliveries(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'webhook_deliveries')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('endpoint_id', text, (column) => column.references('webhook_endpoints.id'))
    .addColumn('url', text)
    .addColumn('base_url', text)
    .addColumn('target', text, (column) => column.notNull())
    .addColumn('event_id', text, (column) => column.notNull())
    .addColumn('type', text, (column) => column.notNull())
    .addColumn('task_id', text)
    .addColumn('occurred_at', integer, (column) => column.notNull())
    .addColumn('status', text, (column) =>
      column.notNull().check(sql`status in ('pending', 'sending', 'delivered', 'dead')`),
    )
    .addColumn('reason', text)
    .addColumn('step', integer, (column) => column.notNull())
    .addColumn('attempts', integer, (column) => column.notNull())
    .addColumn('next_at', integer)
    .addColumn('lease_owner', text)
    .addColumn('lease_epoch', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('finished_at', integer)
    .execute();
  // One message for an event and its receiver, however often the events are read.
  await sql`create unique index webhook_deliveries_once on webhook_deliveries (event_id, target)`.execute(db);
  await sql`create index webhook_deliveries_due on webhook_deliveries (target, next_at)
    where status = 'pending'`.execute(db);
  await sql`create index webhook_deliveries_sending on webhook_deliveries (target, lease_owner)
    where status = 'sending'`.execute(db);
  await sql`create index webhook_deliveries_account on webhook_deliveries (account_id, id)`.execute(db);
  await sql`create index webhook_deliveries_endpoint on webhook_deliveries (endpoint_id, id)`.execute(db);
  await sql`create index webhook_deliveries_task on webhook_deliveries (task_id, id)`.execute(db);
  await sql`create index webhook_deliveries_finished on webhook_deliveries (finished_at)
    where finished_at is not null`.execute(db);
  await createKeyedTable(db, 'webhook_attempts')
    .addColumn('delivery_id', text, (column) => column.notNull().references('webhook_deliveries.id'))
    .addColumn('n', integer, (column) => column.notNull())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('duration_ms', integer)
    .addColumn('status_code', integer)
    .addColumn('error', text)
    .addColumn('answer', text)
    .addPrimaryKeyConstraint('webhook_attempts_pk', ['delivery_id', 'n'])
    .execute();
  await createKeyedTable(db, 'webhook_targets')
    .addColumn('target', text, (column) => column.primaryKey().notNull())
    .addColumn('next_due_at', integer)
    .addColumn('sending', integer, (column) => column.notNull())
    .addColumn('failures', integer, (column) => column.notNull())
    .addColumn('served_at', integer, (column) => column.notNull())
    .execute();
  await sql`create index webhook_targets_due on webhook_targets (next_due_at)
    where next_due_at is not null`.execute(db);
}
