// All queries on copies at public hosts, and the only writers of them. Such a copy stays where it is whatever happens to its
// picture: the row is kept so that it can be said where it lies, and how its owner gets rid of it.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';

export interface PublicCopiesTable {
  file_key: string;
  store: string;
  url: string;
  /** A page on which a person can delete it; who has it can, so it is shown to the owner alone. */
  delete_url: string | null;
  /** When the host removes it by itself; null: never. */
  expires_at: number | null;
  created_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    public_copies: PublicCopiesTable;
  }
}

export async function rememberPublicCopy(trx: Trx, input: PublicCopiesTable): Promise<void> {
  const { file_key: _key, store: _store, ...rest } = input;
  await trx
    .insertInto('public_copies')
    .values(input)
    .onConflict((conflict) => conflict.columns(['file_key', 'store']).doUpdateSet(rest))
    .execute();
}

export async function findPublicCopy(
  reader: Reader,
  key: string,
  store: string,
): Promise<PublicCopiesTable | undefined> {
  return reader
    .selectFrom('public_copies')
    .selectAll()
    .where('file_key', '=', key)
    .where('store', '=', store)
    .executeTakeFirst();
}

/** The copies of these files at public hosts, wherever the files themselves lie now. */
export async function findPublicCopies(
  reader: Reader,
  keys: readonly string[],
): Promise<PublicCopiesTable[]> {
  if (keys.length === 0) return [];
  return reader.selectFrom('public_copies').selectAll().where('file_key', 'in', keys).execute();
}

registerWrites(import.meta.url, { rememberPublicCopy });
