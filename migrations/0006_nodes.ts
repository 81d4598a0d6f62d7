// Nodes that hold leases: one row a process, renewed while it lives.
import type { Kysely } from 'kysely';
import { columnTypes, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'nodes')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('started_at', integer, (column) => column.notNull())
    .addColumn('seen_at', integer, (column) => column.notNull())
    .execute();
}
