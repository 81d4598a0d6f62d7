// Messages about stories: which story and which page of it a delivery tells of.
import type { Kysely } from 'kysely';
import { columnTypes } from '../src/kernel/db-columns.ts';

/** An older version makes no such messages and leaves the columns empty. */
export const olderCodeWorks = true;

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypes(db);
  await db.schema.alterTable('webhook_deliveries').addColumn('story_id', text).execute();
  await db.schema.alterTable('webhook_deliveries').addColumn('page_id', text).execute();
}
