// Providers' credentials that were set at run time, sealed with a key that is not in the database.
import type { Kysely } from 'kysely';
import { columnTypes, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'provider_secrets')
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('field', text, (column) => column.notNull())
    .addColumn('sealed', text, (column) => column.notNull())
    .addColumn('key_id', text, (column) => column.notNull())
    .addColumn('revision', text, (column) => column.notNull())
    .addColumn('set_at', integer, (column) => column.notNull())
    .addColumn('set_by', text, (column) => column.notNull())
    .addPrimaryKeyConstraint('provider_secrets_key', ['provider', 'field'])
    .execute();
}
