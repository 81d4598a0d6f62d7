// Secrets and headers of webhooks are stored sealed. The columns get other names, so that a node of the version before fails
// to read and write them, instead of signing with what it cannot open and storing what everybody can. Here the values stay
// as they were: a migration has no key; the program seals them when it starts to send.
import type { Kysely } from 'kysely';
import { columnTypes } from '../src/kernel/db-columns.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const { text } = columnTypes(db);
  const rename = (table: string, from: string, to: string) =>
    db.schema.alterTable(table).renameColumn(from, to).execute();
  for (const table of ['webhook_endpoints', 'webhook_default_secrets']) {
    await rename(table, 'secret', 'sealed_secret');
    await rename(table, 'previous_secret', 'sealed_previous');
  }
  await rename('webhook_endpoints', 'headers', 'sealed_headers');
  // Null until the row is sealed.
  await db.schema.alterTable('webhook_endpoints').addColumn('header_names', text).execute();
}
