// What an account may spend in a day and in a month (UTC). Spent is what open holds hold and what ended tasks were charged,
// by when they were accepted. A limit is checked with the balance locked, so that tasks at once cannot pass it together.
import { sql } from 'kysely';
import { findAccount } from '../accounts/accounts.ts';
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { formatCredits, requireMicros } from './amount.ts';
import { type BalanceRow, ensureBalance, findBalance, lockBalance } from './store.ts';

const DAY_MS = 24 * 3_600_000;

/** In micro-credits; null: no limit. */
export interface SpendingLimits {
  dailyMicros: number | null;
  monthlyMicros: number | null;
}

/** What an account may spend and has spent, in micro-credits. */
export interface Spending extends SpendingLimits {
  todayMicros: number;
  thisMonthMicros: number;
}

/** The first millisecond of the day and of the month (UTC) that `now` is in. */
export function periodStarts(now: number): { day: number; month: number } {
  const date = new Date(now);
  return {
    day: Math.floor(now / DAY_MS) * DAY_MS,
    month: Date.UTC(date.getUTCFullYear(), date.getUTCMonth()),
  };
}

const sumSpent = compileOnce<
  { accountId: string; day: number; month: number },
  { day: number; month: number }
>((query, param) => {
  const spent = sql<number>`case when state = 'open' then amount_micros else captured_micros end`;
  return query
    .selectFrom('holds')
    .select([
      sql<number>`cast(coalesce(sum(case when created_at >= ${param('day')} then ${spent} else 0 end), 0) as bigint)`.as(
        'day',
      ),
      sql<number>`cast(coalesce(sum(${spent}), 0) as bigint)`.as('month'),
    ])
    .where('account_id', '=', param('accountId'))
    .where('created_at', '>=', param('month'))
    .where(sql<boolean>`amount_micros > 0`);
});

async function spentSince(connection: Reader, accountId: string, now: number) {
  const [row] = await sumSpent(connection, { accountId, ...periodStarts(now) });
  return { todayMicros: Number(row?.day ?? 0), thisMonthMicros: Number(row?.month ?? 0) };
}

/** Throws `spending_limit_reached` when a hold that was just inserted passes a limit; call it with the balance locked. */
export async function requireWithinLimits(
  trx: Trx,
  balance: BalanceRow,
  amountMicros: number,
  now: number,
): Promise<void> {
  const { daily_limit_micros: dailyMicros = null, monthly_limit_micros: monthlyMicros = null } = balance;
  if (dailyMicros === null && monthlyMicros === null) return;
  const spent = await spentSince(trx, balance.account_id, now);
  requireRoom({
    dailyMicros,
    monthlyMicros,
    todayMicros: spent.todayMicros - amountMicros,
    thisMonthMicros: spent.thisMonthMicros - amountMicros,
    amountMicros,
    now,
  });
}

/** Throws what holding so much now would throw for the account's limits; nothing is held. */
export async function requireSpendable(
  read: Reader,
  { accountId, amountMicros, now }: { accountId: string; amountMicros: number; now: number },
): Promise<void> {
  requireRoom({ ...(await spendingOf(read, accountId, now)), amountMicros, now });
}

/** What the account's limits leave for now, in micro-credits; null: it has none. */
export async function spendableOf(
  read: Reader,
  { accountId, now }: { accountId: string; now: number },
): Promise<number | null> {
  const { dailyMicros, monthlyMicros, todayMicros, thisMonthMicros } = await spendingOf(read, accountId, now);
  if (dailyMicros === null && monthlyMicros === null) return null;
  const today = (dailyMicros ?? Number.POSITIVE_INFINITY) - todayMicros;
  return Math.max(0, Math.min(today, (monthlyMicros ?? Number.POSITIVE_INFINITY) - thisMonthMicros));
}

function requireRoom(spending: Spending & { amountMicros: number; now: number }): void {
  const { amountMicros, now } = spending;
  const check = (limit: number | null, spent: number, period: string, next: string) => {
    if (limit === null || spent + amountMicros <= limit) return;
    throw new AppError('spending_limit_reached', {
      detail: `This needs ${formatCredits(amountMicros)} credits; ${formatCredits(spent)} of the ${formatCredits(limit)} that the account may spend in a ${period} are spent or held. The next ${period} begins at ${next} (UTC).`,
    });
  };
  const { day, month } = periodStarts(now);
  const nextMonth = new Date(month);
  nextMonth.setUTCMonth(nextMonth.getUTCMonth() + 1);
  check(spending.dailyMicros, spending.todayMicros, 'day', new Date(day + DAY_MS).toISOString());
  check(spending.monthlyMicros, spending.thisMonthMicros, 'month', nextMonth.toISOString());
}

/** The account's limits and what it has spent in their periods. */
export async function spendingOf(read: Reader, accountId: string, now: number): Promise<Spending> {
  const balance = await findBalance(read, accountId);
  const spent = await spentSince(read, accountId, now);
  const { daily_limit_micros: daily, monthly_limit_micros: monthly } = balance ?? {};
  return { dailyMicros: daily ?? null, monthlyMicros: monthly ?? null, ...spent };
}

/** Sets both limits; null lifts one. Tasks accepted before are not touched. Throws `not_found`. */
export async function setSpendingLimits(
  trx: Trx,
  input: SpendingLimits & { accountId: string },
): Promise<void> {
  const { accountId, dailyMicros, monthlyMicros } = input;
  for (const limit of [dailyMicros, monthlyMicros]) if (limit !== null) requireMicros(limit, 'A limit');
  if (!(await findAccount(trx, accountId)))
    throw new AppError('not_found', { detail: 'There is no account with this id.' });
  await ensureBalance(trx, accountId);
  await lockBalance(trx, accountId);
  await trx
    .updateTable('credit_balances')
    .set({ daily_limit_micros: dailyMicros, monthly_limit_micros: monthlyMicros })
    .where('account_id', '=', accountId)
    .execute();
}

registerWrites(import.meta.url, { setSpendingLimits });
