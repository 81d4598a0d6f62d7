// Proves the ledger's invariants on live data and names each row that breaks one: L1 entries move between the right
// books, L2 the whole sums to zero, L3 the cached balances are the fold of the entries, L4 nothing goes below zero,
// L5 and L6 holds agree with entries, balances and tasks, L7 captures and refunds stay in bounds, L8 the chains hold.
import { type Db, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { isId } from '../kernel/id.ts';
import { type Book, effectOn, GENESIS_HASH, hashOf, hasRightBooks, type Transfer } from './ledger-chain.ts';
import { type BalanceRow, ensureBalance, lockBalance } from './store.ts';
import {
  type CheckedHold,
  findHoldStates,
  foldEntries,
  listBalances,
  listChain,
  listHolds,
  listUnbalancedAccounts,
  replaceBalance,
} from './verify-store.ts';

export interface LedgerFinding {
  rule: 'L1' | 'L2' | 'L3' | 'L4' | 'L5' | 'L6' | 'L7' | 'L8';
  accountId: string | null;
  /** The broken row: its table and id. */
  table: 'ledger_transfers' | 'credit_balances' | 'holds';
  rowId: string | null;
  /** What is wrong with it, for people. */
  problem: string;
}

export interface LedgerReport {
  accounts: number;
  entries: number;
  holds: number;
  /** Sums over all checked entries, in micro-credits; exact also beyond safe integers. */
  books: Record<Book, bigint>;
  findings: LedgerFinding[];
  /** More was found than `findings` has room for. */
  truncated: boolean;
}

export interface VerifyOptions {
  accountId?: string | undefined;
  /** Whether tasks have ended, asked in pages; a task that is missing in the answer does not exist. */
  areTasksTerminal?: (taskIds: readonly string[]) => Promise<ReadonlyMap<string, boolean>>;
}

const MAX_FINDINGS = 1000;
const BALANCES_PER_PAGE = 200;
const ROWS_PER_PAGE = 1000;

type Report = (finding: LedgerFinding) => void;

/** Checks the whole ledger, or one account's part of it, in pages through the slow reader. */
export async function verifyLedger(db: Db, options: VerifyOptions = {}): Promise<LedgerReport> {
  const report: LedgerReport = {
    accounts: 0,
    entries: 0,
    holds: 0,
    books: { available: 0n, held: 0n, revenue: 0n, issued: 0n },
    findings: [],
    truncated: false,
  };
  const found: Report = (finding) => {
    if (report.findings.length < MAX_FINDINGS) report.findings.push(finding);
    else report.truncated = true;
  };
  const cached = await verifyChains(db.slow, options.accountId, report, found);
  const { available, held, revenue, issued } = report.books;
  if (cached + revenue + issued !== 0n || available + held + revenue + issued !== 0n) {
    found({
      rule: 'L2',
      accountId: options.accountId ?? null,
      table: 'credit_balances',
      rowId: null,
      problem: `balances, revenue and issued credits sum to ${cached + revenue + issued} micro-credits instead of 0`,
    });
  }
  await verifyHolds(db.slow, options, report, found);
  return report;
}

/** Folds every chain up to the end that its balance row names; returns the sum of the cached balances. */
async function verifyChains(
  read: Reader,
  accountId: string | undefined,
  report: LedgerReport,
  found: Report,
): Promise<bigint> {
  let cached = 0n;
  let afterId = '';
  for (;;) {
    const balances = await listBalances(read, { accountId, afterId, limit: BALANCES_PER_PAGE });
    const [first] = balances;
    const last = balances.at(-1);
    if (!first || !last) break;
    await verifyPageOfChains(read, balances, report, found);
    for (const balance of balances) {
      cached += BigInt(balance.available_micros) + BigInt(balance.held_micros);
      if (balance.held_micros !== balance.open_holds_micros) {
        found({
          ...onBalance('L6', balance.account_id),
          problem: `${balance.held_micros} micro-credits are held, but the open holds are for ${balance.open_holds_micros}`,
        });
      }
    }
    report.accounts += balances.length;
    afterId = last.account_id;
  }
  if (accountId === undefined) {
    for (const id of await listUnbalancedAccounts(read, MAX_FINDINGS))
      found({ ...onBalance('L3', id), problem: 'the account has entries but no balance' });
  }
  return cached;
}

const onBalance = (rule: LedgerFinding['rule'], accountId: string) =>
  ({ rule, accountId, table: 'credit_balances', rowId: accountId }) as const;
const onEntry = (rule: LedgerFinding['rule'], entry: Transfer) =>
  ({ rule, accountId: entry.account_id, table: 'ledger_transfers', rowId: entry.id }) as const;
const onHold = (rule: LedgerFinding['rule'], hold: CheckedHold) =>
  ({ rule, accountId: hold.account_id, table: 'holds', rowId: hold.id }) as const;

async function verifyPageOfChains(
  read: Reader,
  balances: readonly BalanceRow[],
  report: LedgerReport,
  found: Report,
): Promise<void> {
  const byAccount = new Map(balances.map((balance) => [balance.account_id, balance]));
  const range = { first: balances[0]?.account_id ?? '', last: balances.at(-1)?.account_id ?? '' };
  const folds = new Map(balances.map(({ account_id }) => [account_id, emptyFold(account_id)]));
  let position = { accountId: '', seq: 0 };
  for (;;) {
    const entries = await listChain(read, range, position, ROWS_PER_PAGE);
    for (const entry of entries) {
      const fold = folds.get(entry.account_id);
      // Entries beyond the end that the balance named when it was read were added since.
      if (!fold || entry.seq > (byAccount.get(entry.account_id)?.seq ?? 0)) continue;
      verifyEntry(entry, fold, found);
      report.entries += 1;
      for (const book of Object.keys(report.books) as Book[])
        report.books[book] += BigInt(effectOn(book, entry));
    }
    const last = entries.at(-1);
    if (!last || entries.length < ROWS_PER_PAGE) break;
    position = { accountId: last.account_id, seq: last.seq };
  }
  for (const balance of balances) {
    const fold = folds.get(balance.account_id);
    if (fold) verifyEnd(balance, fold, found);
  }
}

/** For links of the chain, which are no secrets: constant time would gain nothing. */
const differs = (stated: string, found: string) => stated !== found;

const emptyFold = (accountId: string): BalanceRow => ({
  account_id: accountId,
  available_micros: 0,
  held_micros: 0,
  seq: 0,
  last_hash: GENESIS_HASH,
});

/** Checks one entry against the fold of those before it, and moves the fold on. */
function verifyEntry(entry: Transfer, fold: BalanceRow, found: Report): void {
  if (!hasRightBooks(entry) || !Number.isSafeInteger(entry.amount_micros) || entry.amount_micros <= 0)
    found({
      ...onEntry('L1', entry),
      problem: `a ${entry.kind} moves ${entry.amount_micros} micro-credits from ${entry.debit_book} to ${entry.credit_book}`,
    });
  if (entry.seq !== fold.seq + 1)
    found({
      ...onEntry('L8', entry),
      problem: `entry ${fold.seq + 1} of the account is missing before entry ${entry.seq}`,
    });
  else if (differs(entry.prev_hash, fold.last_hash))
    found({
      ...onEntry('L8', entry),
      problem: 'it does not follow the entry before it: one of the two was replaced',
    });
  if (differs(entry.hash, hashOf(entry)))
    found({
      ...onEntry('L8', entry),
      problem: 'it was changed after it was written: its hash does not fit what it says',
    });
  fold.available_micros += effectOn('available', entry);
  fold.held_micros += effectOn('held', entry);
  fold.seq = entry.seq;
  fold.last_hash = entry.hash;
  if (fold.available_micros < 0 || fold.held_micros < 0)
    found({ ...onEntry('L4', entry), problem: 'a balance is below zero after it' });
  if (entry.available_after_micros !== fold.available_micros || entry.held_after_micros !== fold.held_micros)
    found({
      ...onEntry('L3', entry),
      problem: 'the balance that it states is not the sum of the entries up to it',
    });
}

function verifyEnd(balance: BalanceRow, fold: BalanceRow, found: Report): void {
  if (balance.seq !== fold.seq || differs(balance.last_hash, fold.last_hash))
    found({
      ...onBalance('L8', balance.account_id),
      problem: `the balance names entry ${balance.seq} as the last, the chain that was found ends at ${fold.seq} or differs from it`,
    });
  if (balance.available_micros !== fold.available_micros || balance.held_micros !== fold.held_micros)
    found({
      ...onBalance('L3', balance.account_id),
      problem: `the cached balance is ${balance.available_micros} available and ${balance.held_micros} held, the entries sum to ${fold.available_micros} and ${fold.held_micros}`,
    });
}

async function verifyHolds(
  read: Reader,
  { accountId, areTasksTerminal }: VerifyOptions,
  report: LedgerReport,
  found: Report,
): Promise<void> {
  let afterId = '';
  for (;;) {
    const holds = await listHolds(read, { accountId, afterId, limit: ROWS_PER_PAGE });
    const last = holds.at(-1);
    if (!last) return;
    for (const hold of holds) verifyHold(hold, found);
    if (areTasksTerminal) await compareWithTasks(read, holds, areTasksTerminal, found);
    report.holds += holds.length;
    afterId = last.id;
  }
}

function verifyHold(hold: CheckedHold, found: Report): void {
  if (hold.ledger_held !== hold.amount_micros)
    found({
      ...onHold('L5', hold),
      problem: `it is for ${hold.amount_micros} micro-credits, the ledger held ${hold.ledger_held}`,
    });
  const resolved = hold.state === 'resolved';
  if (hold.ledger_captured !== hold.captured_micros || hold.ledger_released !== hold.released_micros)
    found({
      ...onHold('L5', hold),
      problem: `it says ${hold.captured_micros} captured and ${hold.released_micros} released, the ledger ${hold.ledger_captured} and ${hold.ledger_released}`,
    });
  if (hold.captured_micros + hold.released_micros !== (resolved ? hold.amount_micros : 0))
    found({ ...onHold('L5', hold), problem: `it is ${hold.state}, but not all or nothing of it is settled` });
  if (
    hold.captured_micros > hold.amount_micros ||
    hold.captured_micros !== hold.captured_pictures * hold.unit_micros
  )
    found({
      ...onHold('L7', hold),
      problem: 'what was captured is not the frozen price of the captured pictures',
    });
  if (hold.ledger_refunded > hold.captured_micros)
    found({
      ...onHold('L7', hold),
      problem: `${hold.ledger_refunded} micro-credits were refunded of ${hold.captured_micros} captured`,
    });
}

/** A hold is resolved exactly when its task has ended. The tasks are read later, so an ended one is looked at twice. */
async function compareWithTasks(
  read: Reader,
  holds: readonly CheckedHold[],
  areTasksTerminal: NonNullable<VerifyOptions['areTasksTerminal']>,
  found: Report,
): Promise<void> {
  const terminal = await areTasksTerminal(holds.map(({ task_id }) => task_id));
  const endedButOpen: CheckedHold[] = [];
  for (const hold of holds) {
    // A story's text is held for and settled in one transaction: its hold names a job and is never open.
    const ended = isId('job', hold.task_id) ? true : terminal.get(hold.task_id);
    if (ended === undefined)
      found({ ...onHold('L6', hold), problem: `its task ${hold.task_id} does not exist` });
    else if (ended && hold.state === 'open') endedButOpen.push(hold);
    else if (!ended && hold.state === 'resolved')
      found({ ...onHold('L5', hold), problem: `it is resolved, but its task ${hold.task_id} has not ended` });
  }
  if (endedButOpen.length === 0) return;
  const states = await findHoldStates(
    read,
    endedButOpen.map(({ id }) => id),
  );
  for (const hold of endedButOpen) {
    if (states.get(hold.id) === 'open')
      found({ ...onHold('L5', hold), problem: `its task ${hold.task_id} has ended, but it is still open` });
  }
}

/**
 * Sets an account's cached balance to the fold of its entries, which are the truth; run it for accounts whose chain
 * verifies. Throws `conflict` when the entries themselves sum to less than zero.
 */
export async function rebuildBalance(
  trx: Trx,
  input: { accountId: string },
): Promise<{ availableMicros: number; heldMicros: number }> {
  await ensureBalance(trx, input.accountId);
  await lockBalance(trx, input.accountId);
  const { available, held, last } = await foldEntries(trx, input.accountId);
  if (available < 0 || held < 0) {
    throw new AppError('conflict', {
      detail: 'The entries of this account sum to less than zero, so the entries themselves were damaged.',
    });
  }
  await replaceBalance(trx, {
    account_id: input.accountId,
    available_micros: available,
    held_micros: held,
    seq: last?.seq ?? 0,
    last_hash: last?.hash ?? GENESIS_HASH,
  });
  return { availableMicros: available, heldMicros: held };
}

registerWrites(import.meta.url, { rebuildBalance });
