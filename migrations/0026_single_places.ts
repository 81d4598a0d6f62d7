// What keeps a place at each provider free for single pictures while batches run: when the last one began there, and the way to
// those that wait past ten thousand items of batches.
import { type Kysely, sql } from 'kysely';
import { columnTypes } from '../src/kernel/db-columns.ts';

/** An older version leaves the new column as it is: no place is kept for what it began. */
export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { integer } = columnTypes(db);
  await db.schema.alterTable('lanes').addColumn('single_at', integer).execute();
  await sql`create index tasks_ready_single on tasks (lane, priority desc, fair, provider_model)
    where status = 'queued' and batch_id is null`.execute(db);
}
