// How often a password was tried: one counter for each pair of login and address, so that nobody guesses on and nobody can
// lock another person out. It is in the database, which all nodes share and a restart keeps.
import { registerWrites, type Trx } from '../kernel/db.ts';

interface SignInTriesTable {
  /** Digest of login and address. */
  key: string;
  started_at: number;
  count: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    sign_in_tries: SignInTriesTable;
  }
}

export const MAX_TRIES = 10;
export const TRY_WINDOW_MS = 15 * 60_000;

/** Counts one try before it is made. `retryAfterMs` is 0 when it may be made, else how long to wait. */
export async function countTry(
  trx: Trx,
  input: { key: string; now: number },
): Promise<{ retryAfterMs: number }> {
  const { key, now } = input;
  await trx
    .deleteFrom('sign_in_tries')
    .where('started_at', '<=', now - TRY_WINDOW_MS)
    .execute();
  const counted = await trx
    .insertInto('sign_in_tries')
    .values({ key, started_at: now, count: 1 })
    .onConflict((conflict) =>
      conflict
        .column('key')
        .doUpdateSet((expression) => ({ count: expression('sign_in_tries.count', '+', 1) }))
        .where('sign_in_tries.count', '<', MAX_TRIES),
    )
    .executeTakeFirst();
  if (counted.numInsertedOrUpdatedRows !== 0n) return { retryAfterMs: 0 };
  const row = await trx
    .selectFrom('sign_in_tries')
    .select('started_at')
    .where('key', '=', key)
    .executeTakeFirstOrThrow();
  return { retryAfterMs: Math.max(1, row.started_at + TRY_WINDOW_MS - now) };
}

/** The right password was given: earlier slips do not count any more. */
export async function forgetTries(trx: Trx, input: { key: string }): Promise<void> {
  await trx.deleteFrom('sign_in_tries').where('key', '=', input.key).execute();
}

registerWrites(import.meta.url, { countTry, forgetTries });
