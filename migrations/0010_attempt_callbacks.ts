// What a provider's call back leaves on its attempt, so that any node may take it and whoever runs the task learns of it:
// when it last came, and, while the answer to the submit is still open, which job it spoke of.
import { type Kysely, sql } from 'kysely';
import { columnTypes } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text, integer } = columnTypes(db);
  await db.schema.alterTable('attempts').addColumn('called_back_at', integer).execute();
  await db.schema.alterTable('attempts').addColumn('callback_job_id', text).execute();
  await sql`create index attempts_called_back on attempts (called_back_at) where called_back_at is not null`.execute(
    db,
  );
}
