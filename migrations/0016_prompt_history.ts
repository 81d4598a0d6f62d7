// The prompts that an account used last, taken from its tasks when somebody looks, and how far that has come.
import { type Kysely, sql } from 'kysely';
import { columnTypes, createKeyedTable, createTable } from '../src/kernel/db-columns.ts';

export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await createTable(db, 'prompts')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('prompt_hash', text, (column) => column.notNull())
    .addColumn('prompt', text, (column) => column.notNull())
    .addColumn('task_id', text, (column) => column.notNull())
    .addColumn('pinned', integer, (column) => column.notNull())
    .addColumn('last_used_at', integer, (column) => column.notNull())
    .addColumn('removed_at', integer)
    .execute();
  await sql`create unique index prompts_of_account on prompts (account_id, prompt_hash)`.execute(db);
  await createKeyedTable(db, 'prompt_cursors')
    .addColumn('account_id', text, (column) => column.primaryKey().notNull())
    .addColumn('task_id', text, (column) => column.notNull())
    .execute();
}
