// The queries that move sealed values from one key to another, row by row over all accounts. A row changes only while it still
// is what was read, so that any number of nodes may do this beside whoever rotates a secret, and none undoes another's work.
import { sql } from 'kysely';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { SEALED_PREFIX_CHARS } from '../kernel/secret-box.ts';
import type { DefaultSecretRow, EndpointRow } from './store.ts';

export type EndpointSeals = Pick<
  EndpointRow,
  'id' | 'deleted_at' | 'header_names' | 'sealed_secret' | 'sealed_previous' | 'sealed_headers'
>;
export type DefaultSeals = Pick<DefaultSecretRow, 'account_id' | 'sealed_secret' | 'sealed_previous'>;

/** A row as it was read and as it is to be. */
export interface Resealed<Row> {
  before: Row;
  after: Row;
}

/** How the stored values begin, each beginning once: with the name of a key, or as what is not sealed. */
export async function listSealBeginnings(reader: Reader): Promise<string[]> {
  const { rows } = await sql<{ beginning: string }>`
    select substr(sealed_secret, 1, ${sql.lit(SEALED_PREFIX_CHARS)}) as beginning from webhook_endpoints
    union select substr(sealed_previous, 1, ${sql.lit(SEALED_PREFIX_CHARS)}) from webhook_endpoints
    union select substr(sealed_headers, 1, ${sql.lit(SEALED_PREFIX_CHARS)}) from webhook_endpoints
    union select substr(sealed_secret, 1, ${sql.lit(SEALED_PREFIX_CHARS)}) from webhook_default_secrets
    union select substr(sealed_previous, 1, ${sql.lit(SEALED_PREFIX_CHARS)}) from webhook_default_secrets`.execute(
    reader,
  );
  return rows.flatMap(({ beginning }) => (beginning ? [beginning] : []));
}

/** Endpoints of all accounts, removed ones included, in the order of their ids. */
export function listEndpointSeals(reader: Reader, afterId: string, limit: number): Promise<EndpointSeals[]> {
  return reader
    .selectFrom('webhook_endpoints')
    .select(['id', 'deleted_at', 'header_names', 'sealed_secret', 'sealed_previous', 'sealed_headers'])
    .where('id', '>', afterId)
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Default secrets in the order of their accounts. */
export function listDefaultSeals(
  reader: Reader,
  afterAccountId: string,
  limit: number,
): Promise<DefaultSeals[]> {
  return reader
    .selectFrom('webhook_default_secrets')
    .select(['account_id', 'sealed_secret', 'sealed_previous'])
    .where('account_id', '>', afterAccountId)
    .orderBy('account_id')
    .limit(limit)
    .execute();
}

/** Returns how many rows still were what had been read, and so were changed. */
export async function resealEndpoints(trx: Trx, rows: readonly Resealed<EndpointSeals>[]): Promise<number> {
  let changed = 0n;
  await erasing(trx, async () => {
    for (const { before, after } of rows) {
      const { header_names, sealed_secret, sealed_previous, sealed_headers } = after;
      const result = await trx
        .updateTable('webhook_endpoints')
        .set({ header_names, sealed_secret, sealed_previous, sealed_headers })
        .where('id', '=', before.id)
        .where('sealed_secret', '=', before.sealed_secret)
        .where('sealed_headers', '=', before.sealed_headers)
        .executeTakeFirst();
      changed += result.numUpdatedRows;
    }
  });
  return Number(changed);
}

/** As `resealEndpoints`. */
export async function resealDefaults(trx: Trx, rows: readonly Resealed<DefaultSeals>[]): Promise<number> {
  let changed = 0n;
  await erasing(trx, async () => {
    for (const { before, after } of rows) {
      const { sealed_secret, sealed_previous } = after;
      const result = await trx
        .updateTable('webhook_default_secrets')
        .set({ sealed_secret, sealed_previous })
        .where('account_id', '=', before.account_id)
        .where('sealed_secret', '=', before.sealed_secret)
        .executeTakeFirst();
      changed += result.numUpdatedRows;
    }
  });
  return Number(changed);
}

/** SQLite overwrites with zeros, in its file, what `work` replaces: what was plain must not stay in unused parts of pages. */
async function erasing(trx: Trx, work: () => Promise<void>): Promise<void> {
  if (dialectOf(trx).name !== 'sqlite') return work();
  const { rows } = await sql<{ secure_delete: number }>`pragma secure_delete`.execute(trx);
  await sql`pragma secure_delete = on`.execute(trx);
  await work();
  // After a failure it stays on, which costs a little and harms nothing.
  await sql`pragma secure_delete = ${sql.lit(Number(rows[0]?.secure_delete ?? 0))}`.execute(trx);
}

registerWrites(import.meta.url, { resealEndpoints, resealDefaults });
