// Several stores: files on their way to the first one, copies that lie at a public host for good, and uploads that callers put
// into the first store themselves.
import type { Kysely } from 'kysely';
import { columnTypes, createKeyedTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createKeyedTable(db, 'store_moves')
    .addColumn('file_key', text, (column) => column.primaryKey().notNull())
    .addColumn('from_store', text, (column) => column.notNull())
    .addColumn('to_store', text, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('tries', integer, (column) => column.notNull())
    .addColumn('due_at', integer, (column) => column.notNull())
    .addColumn('last_error', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('ended_at', integer)
    .execute();
  await db.schema.createIndex('store_moves_by_due').on('store_moves').columns(['state', 'due_at']).execute();
  await createKeyedTable(db, 'public_copies')
    .addColumn('file_key', text, (column) => column.notNull())
    .addColumn('store', text, (column) => column.notNull())
    .addColumn('url', text, (column) => column.notNull())
    .addColumn('delete_url', text)
    .addColumn('expires_at', integer)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addPrimaryKeyConstraint('public_copies_pk', ['file_key', 'store'])
    .execute();
  await createKeyedTable(db, 'direct_uploads')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('store', text, (column) => column.notNull())
    .addColumn('bytes', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('expires_at', integer, (column) => column.notNull())
    .execute();
  await db.schema.createIndex('direct_uploads_by_expiry').on('direct_uploads').column('expires_at').execute();
  await db.schema
    .createIndex('direct_uploads_of_account')
    .on('direct_uploads')
    .column('account_id')
    .execute();
  await db.schema.createIndex('files_by_store').on('files').columns(['store', 'key']).execute();
}
