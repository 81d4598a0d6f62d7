// The queries of the ledger's verification, in pages and read-only but for the rebuilding of a balance. Whatever must
// agree is read by one statement or from rows that never change, so that a busy server raises no false alarm.
import { type ExpressionBuilder, type NotNull, sql } from 'kysely';
import type { Reader, Tables, Trx } from '../kernel/db.ts';
import type { Book, Transfer, TransferKind } from './ledger-chain.ts';
import type { BalanceRow, HoldRow } from './store.ts';

/** Balances by account id, after `afterId`, with the sum of the account's open holds at the same moment. */
export async function listBalances(
  read: Reader,
  page: { accountId?: string | undefined; afterId: string; limit: number },
): Promise<(BalanceRow & { open_holds_micros: number })[]> {
  let query = read
    .selectFrom('credit_balances as b')
    .selectAll('b')
    .select((expression) =>
      expression
        .selectFrom('holds as h')
        .select(sql<number>`cast(coalesce(sum(h.amount_micros), 0) as bigint)`.as('sum'))
        .whereRef('h.account_id', '=', 'b.account_id')
        .where('h.state', '=', sql<'open'>`'open'`)
        .as('open_holds_micros'),
    )
    // A sum with coalesce always gives its one row.
    .$narrowType<{ open_holds_micros: NotNull }>()
    .where('b.account_id', '>', page.afterId)
    .orderBy('b.account_id')
    .limit(page.limit);
  if (page.accountId !== undefined) query = query.where('b.account_id', '=', page.accountId);
  return query.execute();
}

/** Entries of the accounts from `first` to `last` in the order of their chains, after a position. */
export async function listChain(
  read: Reader,
  range: { first: string; last: string },
  after: { accountId: string; seq: number },
  limit: number,
): Promise<Transfer[]> {
  return read
    .selectFrom('ledger_transfers')
    .selectAll()
    .where('account_id', '>=', range.first)
    .where('account_id', '<=', range.last)
    .where((expression) =>
      expression(expression.refTuple('account_id', 'seq'), '>', expression.tuple(after.accountId, after.seq)),
    )
    .orderBy('account_id')
    .orderBy('seq')
    .limit(limit)
    .execute();
}

/** Accounts with entries but without a balance row, which the foreign key should make impossible. */
export async function listUnbalancedAccounts(read: Reader, limit: number): Promise<string[]> {
  const rows = await read
    .selectFrom('ledger_transfers as t')
    .select('t.account_id')
    .distinct()
    .where((expression) =>
      expression.not(
        expression.exists(
          expression
            .selectFrom('credit_balances as b')
            .select('b.account_id')
            .whereRef('b.account_id', '=', 't.account_id'),
        ),
      ),
    )
    .limit(limit)
    .execute();
  return rows.map((row) => row.account_id);
}

export interface CheckedHold extends HoldRow {
  /** What the ledger says about this hold, in micro-credits. */
  ledger_held: number;
  ledger_captured: number;
  ledger_released: number;
  ledger_refunded: number;
}

const ledgerSum = (expression: ExpressionBuilder<Tables & { h: HoldRow }, 'h'>, kind: TransferKind) =>
  expression
    .selectFrom('ledger_transfers as t')
    .select(sql<number>`cast(coalesce(sum(t.amount_micros), 0) as bigint)`.as('sum'))
    .whereRef('t.hold_id', '=', 'h.id')
    .where('t.kind', '=', kind);

/** Holds by id, after `afterId`, each with its sums in the ledger at the same moment. */
export async function listHolds(
  read: Reader,
  page: { accountId?: string | undefined; afterId: string; limit: number },
): Promise<CheckedHold[]> {
  let query = read
    .selectFrom('holds as h')
    .selectAll('h')
    .select((expression) => [
      ledgerSum(expression, 'hold').as('ledger_held'),
      ledgerSum(expression, 'capture').as('ledger_captured'),
      ledgerSum(expression, 'release').as('ledger_released'),
      ledgerSum(expression, 'refund').as('ledger_refunded'),
    ])
    .$narrowType<{
      ledger_held: NotNull;
      ledger_captured: NotNull;
      ledger_released: NotNull;
      ledger_refunded: NotNull;
    }>()
    .where('h.id', '>', page.afterId)
    .orderBy('h.id')
    .limit(page.limit);
  if (page.accountId !== undefined) query = query.where('h.account_id', '=', page.accountId);
  return query.execute();
}

/** The state of holds now, for those that a first look found suspicious. */
export async function findHoldStates(
  read: Reader,
  ids: readonly string[],
): Promise<Map<string, 'open' | 'resolved'>> {
  const rows = await read.selectFrom('holds').select(['id', 'state']).where('id', 'in', ids).execute();
  return new Map(rows.map(({ id, state }) => [id, state]));
}

/** What a book of an account holds by its entries, and the chain's end. */
export async function foldEntries(
  trx: Trx,
  accountId: string,
): Promise<{ available: number; held: number; last: Pick<Transfer, 'seq' | 'hash'> | undefined }> {
  const sumOf = (book: Book) =>
    sql<number>`cast(coalesce(sum(case when credit_book = ${book} then amount_micros else 0 end)
      - sum(case when debit_book = ${book} then amount_micros else 0 end), 0) as bigint)`;
  const sums = await trx
    .selectFrom('ledger_transfers')
    .select([sumOf('available').as('available'), sumOf('held').as('held')])
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow();
  const last = await trx
    .selectFrom('ledger_transfers')
    .select(['seq', 'hash'])
    .where('account_id', '=', accountId)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return { available: Number(sums.available), held: Number(sums.held), last };
}

/** Sets a cached balance; only for one that was locked and folded in the same transaction. */
export async function replaceBalance(trx: Trx, balance: BalanceRow): Promise<void> {
  await trx
    .updateTable('credit_balances')
    .set({
      available_micros: balance.available_micros,
      held_micros: balance.held_micros,
      seq: balance.seq,
      last_hash: balance.last_hash,
    })
    .where('account_id', '=', balance.account_id)
    .execute();
}
