// Alerts, what was sent about them, and the last looks at each provider.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'alerts')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('alert_key', text, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('subject', text)
    .addColumn('severity', text, (column) => column.notNull())
    .addColumn('state', text, (column) =>
      column.notNull().check(sql`state in ('pending', 'open', 'resolved')`),
    )
    .addColumn('detail', text, (column) => column.notNull())
    .addColumn('evidence', text, (column) => column.notNull())
    .addColumn('first_seen_at', integer, (column) => column.notNull())
    .addColumn('opened_at', integer)
    .addColumn('last_seen_at', integer, (column) => column.notNull())
    .addColumn('resolved_at', integer)
    .execute();
  // What is not over is there once.
  await sql`create unique index alerts_unresolved on alerts (alert_key) where state <> 'resolved'`.execute(
    db,
  );
  await createTable(db, 'alert_notices')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('alert_id', text, (column) => column.notNull().references('alerts.id'))
    .addColumn('event', text, (column) => column.notNull().check(sql`event in ('opened', 'recovered')`))
    .addColumn('state', text, (column) =>
      column.notNull().check(sql`state in ('waiting', 'sent', 'given_up', 'kept')`),
    )
    .addColumn('tries', integer, (column) => column.notNull())
    .addColumn('due_at', integer, (column) => column.notNull())
    .addColumn('sent_at', integer)
    .addColumn('last_error', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
  await sql`create index alert_notices_waiting on alert_notices (due_at) where state = 'waiting'`.execute(db);
  await sql`create index alert_notices_of_alert on alert_notices (alert_id)`.execute(db);
  await createKeyedTable(db, 'provider_checks')
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('checked_at', integer, (column) => column.notNull())
    .addColumn('node', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('code', text)
    .addColumn('detail', text)
    .addPrimaryKeyConstraint('provider_checks_pk', ['provider', 'checked_at', 'node'])
    .execute();
}
