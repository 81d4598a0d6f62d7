// All queries on the providers' secrets that were set at run time. Values come in and go out sealed; the revision says
// that a value was set anew, so it stays the same when the value is only sealed with another key.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';

export interface SecretRow {
  provider: string;
  field: string;
  sealed: string;
  /** Names the key that it is sealed with. */
  key_id: string;
  revision: string;
  set_at: number;
  /** Who set it: the id of a key or session. */
  set_by: string;
}

declare module '../kernel/db.ts' {
  interface Tables {
    provider_secrets: SecretRow;
  }
}

export interface ResealInput {
  keyId: string;
  rows: readonly Pick<SecretRow, 'provider' | 'field' | 'revision' | 'sealed'>[];
}

/** Stores a secret in the place of the one before. */
export async function saveSecret(trx: Trx, row: SecretRow): Promise<void> {
  const { provider: _provider, field: _field, ...rest } = row;
  await trx
    .insertInto('provider_secrets')
    .values(row)
    .onConflict((conflict) => conflict.columns(['provider', 'field']).doUpdateSet(rest))
    .execute();
}

/** Removes a secret; says whether there was one. */
export async function removeSecret(
  trx: Trx,
  { provider, field }: Pick<SecretRow, 'provider' | 'field'>,
): Promise<boolean> {
  const removed = await trx
    .deleteFrom('provider_secrets')
    .where('provider', '=', provider)
    .where('field', '=', field)
    .returning('revision')
    .execute();
  return removed.length > 0;
}

/** Removes all secrets; returns which there were. */
export async function removeAllSecrets(
  trx: Trx,
  _input: null,
): Promise<Pick<SecretRow, 'provider' | 'field'>[]> {
  return trx.deleteFrom('provider_secrets').returning(['provider', 'field']).execute();
}

/** Replaces seals by those of another key, all or none; false when a secret was set or removed meanwhile. */
export async function resealSecrets(trx: Trx, { keyId, rows }: ResealInput): Promise<boolean> {
  const current = await trx
    .selectFrom('provider_secrets')
    .select(['provider', 'field', 'revision'])
    .execute();
  const isSame = (row: (typeof current)[number]) =>
    rows.some(
      ({ provider, field, revision }) =>
        provider === row.provider && field === row.field && revision === row.revision,
    );
  if (current.length !== rows.length || !current.every(isSame)) return false;
  for (const { provider, field, sealed } of rows) {
    await trx
      .updateTable('provider_secrets')
      .set({ sealed, key_id: keyId })
      .where('provider', '=', provider)
      .where('field', '=', field)
      .execute();
  }
  return true;
}

registerWrites(import.meta.url, { saveSecret, removeSecret, removeAllSecrets, resealSecrets });

/** All stored secrets, sealed. */
export function listSecrets(read: Reader): Promise<SecretRow[]> {
  return read.selectFrom('provider_secrets').selectAll().orderBy('provider').orderBy('field').execute();
}
