// The last looks at each provider, of every node: the newest are kept, whatever happened since.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';

/** Looks that are remembered of each provider: some hours at the usual interval. */
const CHECKS_KEPT = 500;

export interface ProviderCheckRow {
  provider: string;
  /** Milliseconds. */
  checked_at: number;
  node: string;
  state: string;
  /** Error code; null when it works. */
  code: string | null;
  detail: string | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    provider_checks: ProviderCheckRow;
  }
}

/** Adds looks and forgets the oldest of the same providers. */
export async function recordProviderChecks(
  trx: Trx,
  input: { checks: readonly ProviderCheckRow[] },
): Promise<void> {
  if (input.checks.length === 0) return;
  await trx
    .insertInto('provider_checks')
    .values([...input.checks])
    .onConflict((conflict) => conflict.columns(['provider', 'checked_at', 'node']).doNothing())
    .execute();
  for (const provider of new Set(input.checks.map((check) => check.provider))) {
    const oldest = await trx
      .selectFrom('provider_checks')
      .select('checked_at')
      .where('provider', '=', provider)
      .orderBy('checked_at', 'desc')
      .offset(CHECKS_KEPT)
      .limit(1)
      .executeTakeFirst();
    if (!oldest) continue;
    await trx
      .deleteFrom('provider_checks')
      .where('provider', '=', provider)
      .where('checked_at', '<=', oldest.checked_at)
      .execute();
  }
}

registerWrites(import.meta.url, { recordProviderChecks });

/** The newest first. */
export function listProviderChecks(
  read: Reader,
  { provider, limit }: { provider: string | undefined; limit: number },
): Promise<ProviderCheckRow[]> {
  let query = read.selectFrom('provider_checks').selectAll();
  if (provider !== undefined) query = query.where('provider', '=', provider);
  return query.orderBy('checked_at', 'desc').orderBy('provider').limit(limit).execute();
}
