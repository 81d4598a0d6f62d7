// Marks of operations: when something was last written to prove that the database works, and when upkeep last ran.
import type { Kysely } from 'kysely';
import { columnTypes, createTable } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'operation_marks')
    .addColumn('name', text, (column) => column.primaryKey().notNull())
    .addColumn('at', integer, (column) => column.notNull())
    .addColumn('ok', integer, (column) => column.notNull())
    .addColumn('note', text, (column) => column.notNull())
    .execute();
}
