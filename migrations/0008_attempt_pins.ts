// What an attempt is pinned to (rule R3): the account and the addresses it was sent to, the hash of what was sent, and the
// secret of its call-back address.
import { type Kysely, sql } from 'kysely';
import { columnTypes } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypes(db);
  for (const column of ['credential', 'endpoints', 'request_hash', 'callback_token'])
    await db.schema.alterTable('attempts').addColumn(column, text).execute();
  await sql`create unique index attempts_callback on attempts (callback_token) where callback_token is not null`.execute(
    db,
  );
}
