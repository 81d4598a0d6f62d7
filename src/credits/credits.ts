// The face of the credits slice. A task's credits are held when it is created, and captured (per stored picture) or
// released when it ends, in the same transaction as the task's own change; each hold resolves exactly once. All amounts
// are integer micro-credits. The writer worker loads this file, so nothing of HTTP is imported here.
import {
  type AccountOpener,
  claimAdminAccountId,
  findAccount,
  insertAccounts,
} from '../accounts/accounts.ts';
import { type Db, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { formatCredits, parseCredits, requireMicros } from './amount.ts';
import { GENESIS_HASH, type Transfer, type TransferKind } from './ledger-chain.ts';
import { requireWithinLimits } from './limit-store.ts';
import {
  ensureBalance,
  findBalance,
  findEntryByKey,
  findHold,
  findHoldOfTask,
  type HoldRow,
  insertHold,
  insertHolds,
  insertOpenings,
  insufficient,
  listEntryRows,
  listRefunds,
  lockBalance,
  type Movement,
  nextEntry,
  post,
  releaseOpenHolds,
  resolveHold,
} from './store.ts';

/** The reason of the grant that a new account starts with. */
export const STARTING_GRANT = 'Starting grant';

export { formatCredits, MICROS_PER_CREDIT, parseCredits, readCredits, toCredits } from './amount.ts';
export type { Transfer } from './ledger-chain.ts';
export { requireSpendable, spendableOf } from './limit-store.ts';
export type { HoldRow } from './store.ts';
export { findResolvedHolds, listOpenHolds } from './store.ts';
export { type LedgerFinding, type LedgerReport, rebuildBalance, verifyLedger } from './verify.ts';

const ADMIN_ACCOUNT_NAME = 'Administrator';

export interface HoldInput {
  accountId: string;
  taskId: string;
  /** Price of one picture, frozen with the hold; 0 for free models. */
  unitMicros: number;
  pictures: number;
  now: number;
  /** Chosen by a caller that needs it beforehand; else a new one. */
  holdId?: string;
}

export interface Settlement {
  capturedMicros: number;
  releasedMicros: number;
}

/**
 * Holds the price of a task and returns the hold's id. Call it last in the transaction. A free task writes its hold and
 * nothing else, so that free tasks never wait for each other. Throws `insufficient_credits` and `spending_limit_reached`.
 */
export async function holdCredits(trx: Trx, input: HoldInput): Promise<string> {
  const { accountId, taskId, unitMicros, pictures, now } = input;
  const amountMicros = unitMicros * pictures;
  requireMicros(unitMicros, 'The price of a picture');
  requireMicros(amountMicros, 'The price of a task');
  if (!Number.isSafeInteger(pictures) || pictures < 1) throw new Error('A hold is for at least one picture');
  const id = input.holdId ?? newId('hold', now);
  await insertHold(trx, { id, accountId, taskId, unitMicros, pictures, amountMicros, now });
  if (amountMicros === 0) return id;
  const balance = await lockBalance(trx, accountId);
  await requireWithinLimits(trx, balance, amountMicros, now);
  await post(trx, balance, [{ kind: 'hold', amountMicros, holdId: id, taskId }], now);
  return id;
}

/**
 * Holds the prices of many tasks of one account, all or none; each hold is settled by itself later. Call it last in the
 * transaction. Throws as `holdCredits` does.
 */
export async function holdCreditsOfMany(
  trx: Trx,
  input: {
    accountId: string;
    holds: readonly Required<Pick<HoldInput, 'holdId' | 'taskId' | 'unitMicros' | 'pictures'>>[];
    now: number;
  },
): Promise<void> {
  const { accountId, now } = input;
  const rows = input.holds.map(({ holdId, taskId, unitMicros, pictures }) => {
    const amountMicros = unitMicros * pictures;
    requireMicros(unitMicros, 'The price of a picture');
    requireMicros(amountMicros, 'The price of a task');
    return { id: holdId, accountId, taskId, unitMicros, pictures, amountMicros, now };
  });
  await insertHolds(trx, rows);
  const totalMicros = rows.reduce((sum, { amountMicros }) => sum + amountMicros, 0);
  if (totalMicros === 0) return;
  requireMicros(totalMicros, 'The price of all tasks');
  const balance = await lockBalance(trx, accountId);
  await requireWithinLimits(trx, balance, totalMicros, now);
  // Said once with the whole sum; entry by entry it would name the first task that is too many.
  if (totalMicros > balance.available_micros) throw insufficient(balance, totalMicros);
  const paid = rows.filter(({ amountMicros }) => amountMicros > 0);
  const movements = paid.map(({ id, taskId, amountMicros }): Movement => {
    return { kind: 'hold', amountMicros, holdId: id, taskId };
  });
  await post(trx, balance, movements, now);
}

/**
 * Resolves a hold: captures `capturePictures` (at most those held for) and releases the rest. A second call changes
 * nothing and reports what the first one did. Throws `not_found` for an unknown hold.
 */
export async function settleHold(
  trx: Trx,
  input: { holdId: string; capturePictures: number; now: number },
): Promise<Settlement> {
  const { holdId, capturePictures, now } = input;
  if (!Number.isSafeInteger(capturePictures) || capturePictures < 0)
    throw new Error('The number of captured pictures must be a whole number, not below zero');
  const hold = await resolveHold(trx, { holdId, pictures: capturePictures, now });
  if (!hold) return firstSettlement(await findHold(trx, holdId));
  const movements = [
    movementOf('capture', hold.captured_micros, hold),
    movementOf('release', hold.released_micros, hold),
  ].filter(({ amountMicros }) => amountMicros > 0);
  if (movements.length > 0) await post(trx, await lockBalance(trx, hold.account_id), movements, now);
  return settlementOf(hold);
}

/** Resolves a hold with nothing captured; see `settleHold`. */
export async function releaseHold(trx: Trx, input: { holdId: string; now: number }): Promise<Settlement> {
  return settleHold(trx, { ...input, capturePictures: 0 });
}

/** Resolves open holds of one account with nothing captured; those that are resolved already stay as they are. */
export async function releaseHolds(
  trx: Trx,
  input: { accountId: string; holdIds: readonly string[]; now: number },
): Promise<void> {
  const { accountId, now } = input;
  const released = await releaseOpenHolds(trx, input);
  const movements = released
    .map((hold) => movementOf('release', hold.released_micros, hold))
    .filter(({ amountMicros }) => amountMicros > 0);
  if (movements.length > 0) await post(trx, await lockBalance(trx, accountId), movements, now);
}

function movementOf(kind: 'capture' | 'release', amountMicros: number, hold: HoldRow): Movement {
  return { kind, amountMicros, holdId: hold.id, taskId: hold.task_id };
}

function settlementOf(hold: HoldRow): Settlement {
  return { capturedMicros: hold.captured_micros, releasedMicros: hold.released_micros };
}

function firstSettlement(hold: HoldRow | undefined): Settlement {
  if (!hold) throw new AppError('not_found', { detail: 'There is no such hold of credits.' });
  return settlementOf(hold);
}

/** Opens the balances of accounts that were inserted in this transaction, each with its grant (0 for none). */
export async function openCreditAccounts(
  trx: Trx,
  openings: readonly { accountId: string; grantMicros: number }[],
  now: number,
): Promise<void> {
  const rows = openings.map(({ accountId, grantMicros }) => {
    requireMicros(grantMicros, 'A starting grant');
    const empty = {
      account_id: accountId,
      available_micros: 0,
      held_micros: 0,
      seq: 0,
      last_hash: GENESIS_HASH,
    };
    if (grantMicros === 0) return { balance: empty, entry: null };
    const entry = nextEntry(empty, { kind: 'grant', amountMicros: grantMicros, reason: STARTING_GRANT }, now);
    const balance = { ...empty, available_micros: grantMicros, seq: entry.seq, last_hash: entry.hash };
    return { balance, entry };
  });
  await insertOpenings(trx, rows);
}

/** Opens one balance; see `openCreditAccounts`. */
export async function openCreditAccount(
  trx: Trx,
  accountId: string,
  startingGrantMicros: number,
  now: number,
): Promise<void> {
  await openCreditAccounts(trx, [{ accountId, grantMicros: startingGrantMicros }], now);
}

interface OrderInput {
  accountId: string;
  reason: string;
  /** Repeating an order with its key changes nothing and returns the first entry. */
  idempotencyKey: string | null;
  /** The account of the administrator who ordered it. */
  actorId: string | null;
  now: number;
}

/** Gives credits to an account. Throws `not_found`, `idempotency_mismatch`, `conflict` (too large to count). */
export async function grantCredits(
  trx: Trx,
  input: OrderInput & { amountMicros: number },
): Promise<Transfer> {
  return order(trx, input, { kind: 'grant', amountMicros: input.amountMicros });
}

/** Adds (or with `remove`, takes away) available credits to set an error right; throws as `grantCredits` does. */
export async function correctCredits(
  trx: Trx,
  input: OrderInput & { amountMicros: number; remove: boolean },
): Promise<Transfer> {
  return order(trx, input, { kind: 'correction', amountMicros: input.amountMicros, reverse: input.remove });
}

async function order(trx: Trx, input: OrderInput, movement: Movement): Promise<Transfer> {
  requireMicros(movement.amountMicros, 'An amount');
  if (movement.amountMicros === 0) throw new AppError('validation_failed', { detail: 'The amount is zero.' });
  if (!(await findAccount(trx, input.accountId)))
    throw new AppError('not_found', { detail: 'There is no account with this id.' });
  await ensureBalance(trx, input.accountId);
  const balance = await lockBalance(trx, input.accountId);
  const earlier = await earlierEntry(trx, input, movement);
  if (earlier) return earlier;
  const [entry] = await post(trx, balance, [withOrder(movement, input)], input.now);
  if (!entry) throw new Error('An order makes one entry');
  return entry;
}

const withOrder = (movement: Movement, { reason, actorId, idempotencyKey }: OrderInput): Movement => ({
  ...movement,
  reason,
  actorId,
  idempotencyKey,
});

/** The entry that this key made before; asked with the balance locked, so that two orders cannot both find none. */
async function earlierEntry(
  trx: Trx,
  { accountId, idempotencyKey }: OrderInput,
  wanted: { kind: TransferKind; amountMicros: number | null; reverse?: boolean; holdId?: string },
): Promise<Transfer | undefined> {
  if (idempotencyKey === null) return undefined;
  const entry = await findEntryByKey(trx, accountId, idempotencyKey);
  if (!entry) return undefined;
  const same =
    entry.kind === wanted.kind &&
    (wanted.amountMicros === null || entry.amount_micros === wanted.amountMicros) &&
    (entry.debit_book === 'available') === (wanted.reverse ?? false) &&
    entry.hold_id === (wanted.holdId ?? null);
  if (same) return entry;
  throw new AppError('idempotency_mismatch', {
    detail: 'This idempotency key was used for another movement of credits of this account.',
  });
}

/**
 * Gives captured credits of a task back: `amountMicros`, or all that is left when null. Throws `not_found`, and
 * `conflict` when more than what was captured would be given back.
 */
export async function refundCredits(
  trx: Trx,
  input: Omit<OrderInput, 'accountId'> & { taskId: string; amountMicros: number | null },
): Promise<Transfer> {
  const hold = await findHoldOfTask(trx, input.taskId);
  if (!hold)
    throw new AppError('not_found', { detail: 'There is no task with this id that credits were held for.' });
  if (input.amountMicros !== null) requireMicros(input.amountMicros, 'An amount');
  const orderInput = { ...input, accountId: hold.account_id };
  const balance = await lockBalance(trx, hold.account_id);
  const earlier = await earlierEntry(trx, orderInput, {
    kind: 'refund',
    amountMicros: input.amountMicros,
    holdId: hold.id,
  });
  if (earlier) return earlier;
  const refunds = await listRefunds(trx, hold.id);
  const refunded = refunds.reduce((sum, { amount_micros }) => sum + amount_micros, 0);
  const left = hold.captured_micros - refunded;
  const amountMicros = input.amountMicros ?? left;
  if (amountMicros > left || amountMicros === 0) {
    throw new AppError('conflict', {
      detail: `The task was charged ${formatCredits(hold.captured_micros)} credits, ${formatCredits(refunded)} of them were given back; at most ${formatCredits(left)} can be refunded.`,
    });
  }
  const movement: Movement = {
    kind: 'refund',
    amountMicros,
    holdId: hold.id,
    taskId: hold.task_id,
    refundNumber: refunds.length + 1,
  };
  const [entry] = await post(trx, balance, [withOrder(movement, orderInput)], input.now);
  if (!entry) throw new Error('A refund makes one entry');
  return entry;
}

export interface Balance {
  availableMicros: number;
  heldMicros: number;
}

/** What an account has; zeros if it never had any. */
export async function balanceOf(read: Reader, accountId: string): Promise<Balance> {
  const row = await findBalance(read, accountId);
  return { availableMicros: row?.available_micros ?? 0, heldMicros: row?.held_micros ?? 0 };
}

/** The hold with this id, open or resolved. */
export async function getHold(read: Reader, holdId: string): Promise<HoldRow> {
  const hold = await findHold(read, holdId);
  if (!hold) throw new AppError('not_found', { detail: 'There is no such hold of credits.' });
  return hold;
}

/** Entries of an account, newest first; `beforeSeq` is the `seq` of the last one of the page before. */
export async function listEntries(
  read: Reader,
  accountId: string,
  page: { limit: number; beforeSeq?: number | undefined },
): Promise<Transfer[]> {
  return listEntryRows(read, accountId, page);
}

interface FundedAccount {
  id: string;
  name: string;
  role: 'admin' | 'member';
  grantMicros: number;
}

/** Inserts accounts with their balances, all or none. */
async function openFundedAccounts(
  trx: Trx,
  input: { accounts: readonly FundedAccount[]; now: number },
): Promise<void> {
  await insertAccounts(trx, input.accounts, input.now);
  const openings = input.accounts.map(({ id, grantMicros }) => ({ accountId: id, grantMicros }));
  await openCreditAccounts(trx, openings, input.now);
}

/** The first admin account's id, opened with its balance by whichever node comes first. */
async function openAdminAccount(
  trx: Trx,
  input: { proposedId: string; grantMicros: number; now: number },
): Promise<string> {
  const { accountId, isNew } = await claimAdminAccountId(trx, input.proposedId);
  if (!isNew) return accountId;
  const admin = {
    id: accountId,
    name: ADMIN_ACCOUNT_NAME,
    role: 'admin' as const,
    grantMicros: input.grantMicros,
  };
  await openFundedAccounts(trx, { accounts: [admin], now: input.now });
  return accountId;
}

/** Opens accounts for the accounts slice, with `startingGrantMicros` unless a call names another grant. */
export function createAccountOpener(db: Db, startingGrantMicros: number): AccountOpener {
  return {
    async open({ accounts, now }) {
      const funded = accounts.map(({ grantCredits: grant, ...account }) => ({
        ...account,
        grantMicros: grant === undefined ? startingGrantMicros : parseCredits(grant, '/grant_credits'),
      }));
      await db.write(openFundedAccounts, { accounts: funded, now });
    },
    openAdmin: (input) => db.write(openAdminAccount, { ...input, grantMicros: startingGrantMicros }),
  };
}

registerWrites(import.meta.url, {
  holdCredits,
  settleHold,
  releaseHold,
  grantCredits,
  correctCredits,
  refundCredits,
  openFundedAccounts,
  openAdminAccount,
});
