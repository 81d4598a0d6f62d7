// Binds the contracts of the credits slice to its verbs.
import type { IncomingHttpHeaders } from 'node:http';
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import { parseCredits, toCredits } from './amount.ts';
import * as contract from './contract.ts';
import {
  balanceOf,
  correctCredits,
  grantCredits,
  listEntries,
  refundCredits,
  STARTING_GRANT,
} from './credits.ts';
import type { Transfer } from './ledger-chain.ts';
import { type Spending, setSpendingLimits, spendingOf } from './limit-store.ts';
import { type VerifyOptions, verifyLedger } from './verify.ts';

/** The header's longest key; a body's key has the same bound in its schema. */
const MAX_HEADER_KEY_CHARS = 200;

export interface CreditRouteOptions {
  db: Db;
  clock: Clock;
  /** Lets verification compare holds with tasks, which rank above credits. */
  areTasksTerminal?: VerifyOptions['areTasksTerminal'];
}

export function creditRoutes(options: CreditRouteOptions): BoundRoute[] {
  return [...ownCreditRoutes(options), ...administrationRoutes(options), verificationRoute(options)];
}

function ownCreditRoutes({ db, clock }: CreditRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.getCredits, async ({ access }) => {
      const { availableMicros, heldMicros } = await balanceOf(db.read, access.accountId);
      return {
        status: 200 as const,
        body: {
          account_id: access.accountId,
          available_credits: toCredits(availableMicros),
          held_credits: toCredits(heldMicros),
          available_micros: availableMicros,
          held_micros: heldMicros,
        },
      };
    }),
    bindRoute(contract.getSpending, async ({ access }) => ({
      status: 200 as const,
      body: toWireSpending(access.accountId, await spendingOf(db.read, access.accountId, clock.now())),
    })),
    bindRoute(contract.listEntries, async ({ access, query }) => {
      const rows = await listEntries(db.slow, access.accountId, {
        limit: query.limit + 1,
        beforeSeq: query.cursor,
      });
      const shown = rows.slice(0, query.limit);
      const next = rows.length > query.limit ? String(shown.at(-1)?.seq) : null;
      return { status: 200 as const, body: { data: shown.map(toWireEntry), next_cursor: next } };
    }),
  ];
}

function administrationRoutes({ db, clock }: CreditRouteOptions): BoundRoute[] {
  return [
    bindRoute(contract.grantCredits, async ({ access, body, headers }) => {
      const entry = await db.write(grantCredits, {
        accountId: body.account_id,
        amountMicros: parseCredits(body.credits),
        reason: body.reason,
        idempotencyKey: keyOf(body, headers),
        actorId: access.accountId,
        now: clock.now(),
      });
      return { status: 201 as const, body: toWireEntry(entry) };
    }),
    bindRoute(contract.setLimits, async ({ body }) => {
      const { account_id: accountId, daily_credits: daily, monthly_credits: monthly } = body;
      const dailyMicros = daily === null ? null : parseCredits(daily, '/daily_credits');
      const monthlyMicros = monthly === null ? null : parseCredits(monthly, '/monthly_credits');
      await db.write(setSpendingLimits, { accountId, dailyMicros, monthlyMicros });
      const spending = await spendingOf(db.read, accountId, clock.now());
      return { status: 200 as const, body: toWireSpending(accountId, spending) };
    }),
    bindRoute(contract.refundCredits, async ({ access, body, headers }) => {
      const entry = await db.write(refundCredits, {
        taskId: body.task_id,
        amountMicros: body.credits === undefined ? null : parseCredits(body.credits),
        reason: body.reason,
        idempotencyKey: keyOf(body, headers),
        actorId: access.accountId,
        now: clock.now(),
      });
      return { status: 201 as const, body: toWireEntry(entry) };
    }),
    bindRoute(contract.correctCredits, async ({ access, body, headers }) => {
      const entry = await db.write(correctCredits, {
        accountId: body.account_id,
        amountMicros: parseCredits(body.credits),
        remove: body.direction === 'remove',
        reason: body.reason,
        idempotencyKey: keyOf(body, headers),
        actorId: access.accountId,
        now: clock.now(),
      });
      return { status: 201 as const, body: toWireEntry(entry) };
    }),
  ];
}

function verificationRoute({ db, areTasksTerminal }: CreditRouteOptions): BoundRoute {
  return bindRoute(contract.verifyCredits, async ({ query }) => {
    const report = await verifyLedger(db, {
      accountId: query.account_id,
      ...(areTasksTerminal ? { areTasksTerminal } : {}),
    });
    return {
      status: 200 as const,
      body: {
        ok: report.findings.length === 0,
        accounts: report.accounts,
        entries: report.entries,
        holds: report.holds,
        findings: report.findings.map(({ rule, accountId, table, rowId, problem }) => ({
          rule,
          account_id: accountId,
          table,
          row_id: rowId,
          problem,
        })),
        truncated: report.truncated,
      },
    };
  });
}

/** The idempotency key of the body, or of the header (quoted or bare). */
function keyOf(body: { idempotency_key?: string | undefined }, headers: IncomingHttpHeaders): string | null {
  const header = headers['idempotency-key'];
  const key = body.idempotency_key ?? (typeof header === 'string' ? header.replace(/^"(.*)"$/, '$1') : '');
  return key === '' ? null : key.slice(0, MAX_HEADER_KEY_CHARS);
}

function toWireSpending(accountId: string, spending: Spending) {
  const { dailyMicros, monthlyMicros, todayMicros, thisMonthMicros } = spending;
  return {
    account_id: accountId,
    daily_limit_credits: dailyMicros === null ? null : toCredits(dailyMicros),
    monthly_limit_credits: monthlyMicros === null ? null : toCredits(monthlyMicros),
    spent_today_credits: toCredits(todayMicros),
    spent_this_month_credits: toCredits(thisMonthMicros),
  };
}

function toWireEntry(entry: Transfer) {
  return {
    id: entry.id,
    seq: entry.seq,
    kind: entry.kind,
    amount_credits: toCredits(entry.amount_micros),
    amount_micros: entry.amount_micros,
    debit_book: entry.debit_book,
    credit_book: entry.credit_book,
    available_credits_after: toCredits(entry.available_after_micros),
    held_credits_after: toCredits(entry.held_after_micros),
    task_id: entry.task_id,
    reason: entry.reason,
    reason_code:
      entry.kind === 'grant' && entry.reason === STARTING_GRANT ? ('starting_grant' as const) : null,
    created_at: toTimestamp(entry.created_at),
  };
}
