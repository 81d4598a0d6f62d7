// What came from older systems: pictures under the names they had there, tasks as they were answered there, and which account
// a person of there has here.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable } from '../src/kernel/db-columns.ts';

/** Nothing that an older version reads or writes changes. */
export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createKeyedTable(db, 'media_aliases')
    .addColumn('kind', text, (column) => column.notNull().check(sql`kind in ('original', 'final', 'hd')`))
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('file_key', text, (column) => column.notNull())
    .addColumn('account_id', text, (column) => column.notNull().references('accounts.id'))
    .addColumn('sha256', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('media_aliases_pk', ['kind', 'name'])
    .execute();
  await sql`create index media_aliases_by_content on media_aliases (account_id, kind, sha256)`.execute(db);
  await createKeyedTable(db, 'imported_tasks')
    .addColumn('account_id', text, (column) => column.notNull().references('accounts.id'))
    .addColumn('old_id', text, (column) => column.notNull())
    .addColumn('status', text, (column) =>
      column.notNull().check(sql`status in ('succeeded', 'failed', 'cancelled')`),
    )
    .addColumn('prompt', text, (column) => column.notNull())
    .addColumn('error', text)
    .addColumn('files', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('imported_tasks_pk', ['account_id', 'old_id'])
    .execute();
  await sql`create index imported_tasks_newest on imported_tasks (account_id, created_at, old_id)`.execute(
    db,
  );
  await createKeyedTable(db, 'imported_accounts')
    .addColumn('old_id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .execute();
}
