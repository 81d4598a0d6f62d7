// All queries of the credits slice and the only writer of its tables. Every movement of credits is one entry of the
// ledger, written with the account's balance row locked; the balance is a cache of the ledger's fold. The balance is
// the row that everybody of an account waits for on PostgreSQL, so it is locked as late as possible.
import { sql } from 'kysely';
import { compileOnce, type Reader, type Trx } from '../kernel/db.ts';
import { insertMany } from '../kernel/db-bulk.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { formatCredits } from './amount.ts';
import { booksOf, effectOn, GENESIS_HASH, hashOf, type Transfer, type TransferKind } from './ledger-chain.ts';

interface BalancesTable {
  account_id: string;
  available_micros: number;
  held_micros: number;
  /** Of the last entry; 0 before the first. */
  seq: number;
  last_hash: string;
  /** What may be spent in a day and in a month; null: any amount. */
  daily_limit_micros?: number | null | undefined;
  monthly_limit_micros?: number | null | undefined;
}

/** `open → resolved`, once; a resolved hold never changes, and what it holds never does. */
interface HoldsTable {
  id: string;
  account_id: string;
  task_id: string;
  unit_micros: number;
  pictures: number;
  amount_micros: number;
  state: 'open' | 'resolved';
  captured_pictures: number;
  captured_micros: number;
  released_micros: number;
  created_at: number;
  resolved_at: number | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    credit_balances: BalancesTable;
    holds: HoldsTable;
    ledger_transfers: Transfer;
  }
}

/** Rows in one INSERT: 18 parameters each stay below both databases' limits. */
const INSERT_ROWS = 200;

export type BalanceRow = BalancesTable;
export type HoldRow = HoldsTable;

/** A movement before it has its place in the chain. */
export interface Movement {
  kind: TransferKind;
  amountMicros: number;
  /** A correction that takes credits away. */
  reverse?: boolean;
  holdId?: string;
  taskId?: string;
  refundNumber?: number;
  reason?: string;
  actorId?: string | null;
  idempotencyKey?: string | null;
}

const lockBalanceRow = compileOnce<{ accountId: string }, BalanceRow>((query, param) =>
  dialectOf(query).lockRow(
    query.selectFrom('credit_balances').selectAll().where('account_id', '=', param('accountId')),
  ),
);

const updateBalanceRow = compileOnce<BalanceRow>((query, param) =>
  query
    .updateTable('credit_balances')
    .set({
      available_micros: param('available_micros'),
      held_micros: param('held_micros'),
      seq: param('seq'),
      last_hash: param('last_hash'),
    })
    .where('account_id', '=', param('account_id')),
);

const insertTransferRow = compileOnce<Transfer>((query, param) =>
  query.insertInto('ledger_transfers').values({
    id: param('id'),
    account_id: param('account_id'),
    seq: param('seq'),
    kind: param('kind'),
    debit_book: param('debit_book'),
    credit_book: param('credit_book'),
    amount_micros: param('amount_micros'),
    available_after_micros: param('available_after_micros'),
    held_after_micros: param('held_after_micros'),
    hold_id: param('hold_id'),
    task_id: param('task_id'),
    refund_number: param('refund_number'),
    reason: param('reason'),
    actor_id: param('actor_id'),
    idempotency_key: param('idempotency_key'),
    created_at: param('created_at'),
    prev_hash: param('prev_hash'),
    hash: param('hash'),
  }),
);

interface NewHold {
  id: string;
  accountId: string;
  taskId: string;
  unitMicros: number;
  pictures: number;
  amountMicros: number;
  now: number;
}

const insertHoldRow = compileOnce<HoldRow>((query, param) =>
  query.insertInto('holds').values({
    id: param('id'),
    account_id: param('account_id'),
    task_id: param('task_id'),
    unit_micros: param('unit_micros'),
    pictures: param('pictures'),
    amount_micros: param('amount_micros'),
    state: param('state'),
    captured_pictures: param('captured_pictures'),
    captured_micros: param('captured_micros'),
    released_micros: param('released_micros'),
    created_at: param('created_at'),
    resolved_at: param('resolved_at'),
  }),
);

function newHoldRow(hold: NewHold): HoldRow {
  return {
    id: hold.id,
    account_id: hold.accountId,
    task_id: hold.taskId,
    unit_micros: hold.unitMicros,
    pictures: hold.pictures,
    amount_micros: hold.amountMicros,
    state: 'open',
    captured_pictures: 0,
    captured_micros: 0,
    released_micros: 0,
    created_at: hold.now,
    resolved_at: null,
  };
}

const resolveHoldRow = compileOnce<{ holdId: string; pictures: number; now: number }, HoldRow>(
  (query, param) => {
    // Extra pictures beyond those held for are kept, uncharged.
    const counted = () =>
      sql<number>`case when pictures < ${param('pictures')} then pictures else ${param('pictures')} end`;
    return query
      .updateTable('holds')
      .set({
        state: 'resolved',
        captured_pictures: counted(),
        captured_micros: sql<number>`unit_micros * (${counted()})`,
        released_micros: sql<number>`amount_micros - unit_micros * (${counted()})`,
        resolved_at: param('now'),
      })
      .where('id', '=', param('holdId'))
      .where('state', '=', 'open')
      .returningAll();
  },
);

const selectHold = compileOnce<{ holdId: string }, HoldRow>((query, param) =>
  query.selectFrom('holds').selectAll().where('id', '=', param('holdId')),
);

const selectBalance = compileOnce<{ accountId: string }, BalanceRow>((query, param) =>
  query.selectFrom('credit_balances').selectAll().where('account_id', '=', param('accountId')),
);

export async function insertHold(trx: Trx, hold: NewHold): Promise<void> {
  await insertHoldRow(trx, newHoldRow(hold));
}

export async function insertHolds(trx: Trx, holds: readonly NewHold[]): Promise<void> {
  await insertMany(trx, 'holds', holds.map(newHoldRow), { insertOne: insertHoldRow });
}

/** Resolves an open hold and returns it as it is then; undefined when it is resolved already or unknown. */
export async function resolveHold(
  trx: Trx,
  input: { holdId: string; pictures: number; now: number },
): Promise<HoldRow | undefined> {
  return (await resolveHoldRow(trx, input))[0];
}

/** Resolves these holds with nothing captured and returns those that were open, in the order of their ids. */
export async function releaseOpenHolds(
  trx: Trx,
  input: { accountId: string; holdIds: readonly string[]; now: number },
): Promise<HoldRow[]> {
  if (input.holdIds.length === 0) return [];
  const rows = await trx
    .updateTable('holds')
    .set((eb) => ({
      state: 'resolved',
      captured_pictures: 0,
      captured_micros: 0,
      released_micros: eb.ref('amount_micros'),
      resolved_at: input.now,
    }))
    .where('id', 'in', [...input.holdIds])
    .where('account_id', '=', input.accountId)
    .where('state', '=', 'open')
    .returningAll()
    .execute();
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
}

export async function findHold(connection: Reader, holdId: string): Promise<HoldRow | undefined> {
  return (await selectHold(connection, { holdId }))[0];
}

/** Open holds in the order of (account, id), after `after`. */
export function listOpenHolds(
  read: Reader,
  after: { accountId: string; id: string },
  limit: number,
): Promise<Pick<HoldRow, 'id' | 'account_id' | 'task_id' | 'amount_micros' | 'unit_micros'>[]> {
  return read
    .selectFrom('holds')
    .select(['id', 'account_id', 'task_id', 'amount_micros', 'unit_micros'])
    .where(sql<boolean>`state = 'open'`)
    .where((eb) =>
      eb.or([
        eb('account_id', '>', after.accountId),
        eb.and([eb('account_id', '=', after.accountId), eb('id', '>', after.id)]),
      ]),
    )
    .orderBy('account_id')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Those of these holds that are resolved. */
export function findResolvedHolds(read: Reader, ids: readonly string[]): Promise<HoldRow[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return read
    .selectFrom('holds')
    .selectAll()
    .where('id', 'in', [...ids])
    .where('state', '=', 'resolved')
    .execute();
}

export async function findHoldOfTask(connection: Reader, taskId: string): Promise<HoldRow | undefined> {
  return connection.selectFrom('holds').selectAll().where('task_id', '=', taskId).executeTakeFirst();
}

export async function findBalance(connection: Reader, accountId: string): Promise<BalanceRow | undefined> {
  return (await selectBalance(connection, { accountId }))[0];
}

/** Opens the balance of an account that has none yet. */
export async function ensureBalance(trx: Trx, accountId: string): Promise<void> {
  await trx
    .insertInto('credit_balances')
    .values({ account_id: accountId, available_micros: 0, held_micros: 0, seq: 0, last_hash: GENESIS_HASH })
    .onConflict((conflict) => conflict.column('account_id').doNothing())
    .execute();
}

/** The balance row, locked until the transaction ends; zeros for an account that never had credits. */
export async function lockBalance(trx: Trx, accountId: string): Promise<BalanceRow> {
  const [row] = await lockBalanceRow(trx, { accountId });
  return (
    row ?? { account_id: accountId, available_micros: 0, held_micros: 0, seq: 0, last_hash: GENESIS_HASH }
  );
}

/**
 * Appends movements to an account's chain and moves the cached balance with them; `balance` must come from
 * `lockBalance` in the same transaction. Throws `insufficient_credits` when they would go below zero, `conflict` when
 * the balance would be too large to count exactly.
 */
export async function post(
  trx: Trx,
  balance: BalanceRow,
  movements: readonly Movement[],
  now: number,
): Promise<Transfer[]> {
  const entries: Transfer[] = [];
  let after = balance;
  for (const movement of movements) {
    const entry = nextEntry(after, movement, now);
    entries.push(entry);
    after = {
      account_id: balance.account_id,
      available_micros: entry.available_after_micros,
      held_micros: entry.held_after_micros,
      seq: entry.seq,
      last_hash: entry.hash,
    };
  }
  await insertTransfers(trx, entries);
  if (entries.length > 0) await updateBalanceRow(trx, after);
  return entries;
}

/** One or two, as every task makes, are cheapest one by one. */
async function insertTransfers(trx: Trx, entries: readonly Transfer[]): Promise<void> {
  if (entries.length <= 2) for (const entry of entries) await insertTransferRow(trx, entry);
  else await insertMany(trx, 'ledger_transfers', entries, { insertOne: insertTransferRow });
}

/** The entry that a movement becomes after `before`; pure, and the only place where entries are made. */
export function nextEntry(before: BalanceRow, movement: Movement, now: number): Transfer {
  const [debitBook, creditBook] = booksOf(movement.kind, movement.reverse);
  const move = { debit_book: debitBook, credit_book: creditBook, amount_micros: movement.amountMicros };
  const availableAfter = before.available_micros + effectOn('available', move);
  const heldAfter = before.held_micros + effectOn('held', move);
  if (availableAfter < 0) throw insufficient(before, movement.amountMicros);
  if (heldAfter < 0) throw new Error('More would leave the held book than is in it');
  if (availableAfter + heldAfter > Number.MAX_SAFE_INTEGER) {
    throw new AppError('conflict', {
      detail: `The balance would exceed ${formatCredits(Number.MAX_SAFE_INTEGER)} credits, more than can be counted exactly.`,
    });
  }
  const entry = {
    id: newId('tr', now),
    account_id: before.account_id,
    seq: before.seq + 1,
    kind: movement.kind,
    ...move,
    available_after_micros: availableAfter,
    held_after_micros: heldAfter,
    hold_id: movement.holdId ?? null,
    task_id: movement.taskId ?? null,
    refund_number: movement.refundNumber ?? 0,
    reason: movement.reason ?? null,
    actor_id: movement.actorId ?? null,
    idempotency_key: movement.idempotencyKey ?? null,
    created_at: now,
    prev_hash: before.last_hash,
  };
  return { ...entry, hash: hashOf(entry) };
}

export function insufficient(balance: BalanceRow, neededMicros: number): AppError {
  const needed = formatCredits(neededMicros);
  const available = formatCredits(balance.available_micros);
  const held = formatCredits(balance.held_micros);
  return new AppError('insufficient_credits', {
    detail:
      balance.held_micros > 0
        ? `This needs ${needed} credits, and ${available} are available; ${held} more are held for open tasks.`
        : `This needs ${needed} credits, and ${available} are available.`,
  });
}

export async function findEntryByKey(
  trx: Trx,
  accountId: string,
  idempotencyKey: string,
): Promise<Transfer | undefined> {
  return trx
    .selectFrom('ledger_transfers')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst();
}

/** The refunds of a hold so far; read with the balance locked, so that none is added meanwhile. */
export async function listRefunds(trx: Trx, holdId: string): Promise<Transfer[]> {
  return trx
    .selectFrom('ledger_transfers')
    .selectAll()
    .where('hold_id', '=', holdId)
    .where('kind', '=', 'refund')
    .orderBy('refund_number')
    .execute();
}

/** Entries of one account, newest first, below `beforeSeq` if given. */
export async function listEntryRows(
  read: Reader,
  accountId: string,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<Transfer[]> {
  let query = read
    .selectFrom('ledger_transfers')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('seq', 'desc')
    .limit(page.limit);
  if (page.beforeSeq !== undefined) query = query.where('seq', '<', page.beforeSeq);
  return query.execute();
}

/** Inserts new accounts' balances and first entries, which nobody else can know of yet. */
export async function insertOpenings(
  trx: Trx,
  openings: readonly { balance: BalanceRow; entry: Transfer | null }[],
): Promise<void> {
  for (let start = 0; start < openings.length; start += INSERT_ROWS) {
    const chunk = openings.slice(start, start + INSERT_ROWS);
    const entries = chunk.map(({ entry }) => entry).filter((entry) => entry !== null);
    await trx
      .insertInto('credit_balances')
      .values(chunk.map(({ balance }) => balance))
      .execute();
    if (entries.length > 0) await trx.insertInto('ledger_transfers').values(entries).execute();
  }
}
