// The credits slice on the wire: the own balance and ledger, and the administration of both. Amounts are decimal
// numbers of credits, with the exact integer of micro-credits beside them.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { idOf, PAGE_BEFORE, pageLimit, pageOf, time } from '../kernel/wire-schemas.ts';
import { readCredits } from './amount.ts';

export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
const MAX_REASON_CHARS = 500;
const MAX_KEY_CHARS = 200;

const micros = z.number().int();
const amount = z
  .union([z.number(), z.string().max(40)])
  .superRefine((value, context) => {
    const read = readCredits(value);
    if ('problem' in read) context.addIssue({ code: 'custom', message: read.problem });
  })
  .describe('Credits as a number or a decimal string, above zero, at most 6 decimal places');
const accountId = idOf('acct');
const reason = z.string().trim().min(1).max(MAX_REASON_CHARS);
const idempotencyKey = z
  .string()
  .min(1)
  .max(MAX_KEY_CHARS)
  .optional()
  .describe('Repeating a call with its key returns the first entry instead of moving credits again');

export const balanceSchema = z
  .object({
    account_id: z.string(),
    available_credits: z.number(),
    held_credits: z.number().describe('Held for tasks that have not ended'),
    available_micros: micros,
    held_micros: micros,
  })
  .meta({ id: 'CreditBalance' });

const limitAmount = amount.nullable().describe('Credits; 0 stops all spending, null lifts the limit');
const limitCredits = z.number().nullable().describe('Null: no limit');

export const spendingSchema = z
  .object({
    account_id: z.string(),
    daily_limit_credits: limitCredits,
    monthly_limit_credits: limitCredits,
    spent_today_credits: z.number().describe('Held and charged for tasks accepted since midnight (UTC)'),
    spent_this_month_credits: z.number().describe('The same since the first of the month (UTC)'),
  })
  .meta({ id: 'CreditSpending' });

export const entrySchema = z
  .object({
    id: z.string(),
    seq: z.number().int().describe("Position in the account's ledger: 1, 2, 3, …"),
    kind: z.enum(['grant', 'hold', 'capture', 'release', 'refund', 'correction']),
    amount_credits: z.number(),
    amount_micros: micros,
    debit_book: z.string().describe('Where the amount left: available, held, revenue or issued'),
    credit_book: z.string().describe('Where it arrived'),
    available_credits_after: z.number(),
    held_credits_after: z.number(),
    task_id: z.string().nullable(),
    reason: z.string().nullable(),
    reason_code: z
      .enum(['starting_grant'])
      .nullable()
      .describe('Set where the server itself wrote the reason, for other languages.'),
    created_at: time,
  })
  .meta({ id: 'CreditEntry' });

const findingSchema = z.object({
  rule: z.enum(['L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L7', 'L8']),
  account_id: z.string().nullable(),
  table: z.string(),
  row_id: z.string().nullable(),
  problem: z.string(),
});

export const getCredits = defineRoute({
  id: 'credits.get',
  method: 'GET',
  path: '/v1/credits',
  tag: 'Credits',
  summary: 'The balance of the account',
  access: { kind: 'scope', scope: 'credits:read' },
  limit: 'api',
  responses: { 200: { description: 'The balance', schema: balanceSchema } },
  errors: [],
});

export const getSpending = defineRoute({
  id: 'credits.spending',
  method: 'GET',
  path: '/v1/credits/spending',
  tag: 'Credits',
  summary: 'What the account may spend in a day and in a month, and what it has spent',
  access: { kind: 'scope', scope: 'credits:read' },
  limit: 'api',
  responses: { 200: { description: 'Limits and spending', schema: spendingSchema } },
  errors: [],
});

export const setLimits = defineRoute({
  id: 'credits.setLimits',
  method: 'PUT',
  path: '/v1/admin/credits/limits',
  tag: 'Administration',
  summary: 'Limit what an account may spend in a day and in a month (UTC)',
  description:
    'Both limits are set; null lifts one. Checked when a task is accepted: one that would pass a limit is refused with 402 `spending_limit_reached`. Refunds do not make room.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z.strictObject({
    account_id: accountId,
    daily_credits: limitAmount,
    monthly_credits: limitAmount,
  }),
  responses: { 200: { description: 'Limits and spending', schema: spendingSchema } },
  errors: ['not_found'],
});

export const listEntries = defineRoute({
  id: 'credits.listEntries',
  method: 'GET',
  path: '/v1/credits/entries',
  tag: 'Credits',
  summary: 'The ledger of the account, newest first, with its running balance',
  access: { kind: 'scope', scope: 'credits:read' },
  limit: 'api',
  query: z.object({
    limit: pageLimit(DEFAULT_PAGE, MAX_PAGE),
    cursor: z.coerce.number().int().min(1).optional().describe(PAGE_BEFORE),
  }),
  responses: {
    200: {
      description: 'A page',
      schema: pageOf(entrySchema),
    },
  },
  errors: [],
});

export const grantCredits = defineRoute({
  id: 'credits.grant',
  method: 'POST',
  path: '/v1/admin/credits/grants',
  tag: 'Administration',
  summary: 'Give credits to an account',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z.strictObject({ account_id: accountId, credits: amount, reason, idempotency_key: idempotencyKey }),
  responses: { 201: { description: 'The entry', schema: entrySchema } },
  errors: ['not_found', 'conflict', 'idempotency_mismatch'],
});

export const refundCredits = defineRoute({
  id: 'credits.refund',
  method: 'POST',
  path: '/v1/admin/credits/refunds',
  tag: 'Administration',
  summary: 'Give back what a task was charged, in whole or in part',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z.strictObject({
    task_id: idOf('task'),
    credits: amount.optional().describe('Without it: all that was charged and not yet given back'),
    reason,
    idempotency_key: idempotencyKey,
  }),
  responses: { 201: { description: 'The entry', schema: entrySchema } },
  errors: ['not_found', 'conflict', 'idempotency_mismatch'],
});

export const correctCredits = defineRoute({
  id: 'credits.correct',
  method: 'POST',
  path: '/v1/admin/credits/corrections',
  tag: 'Administration',
  summary: 'Set an error right: add available credits, or take them away',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z.strictObject({
    account_id: accountId,
    direction: z.enum(['add', 'remove']),
    credits: amount,
    reason,
    idempotency_key: idempotencyKey,
  }),
  responses: { 201: { description: 'The entry', schema: entrySchema } },
  errors: ['not_found', 'insufficient_credits', 'conflict', 'idempotency_mismatch'],
});

export const verifyCredits = defineRoute({
  id: 'credits.verify',
  method: 'GET',
  path: '/v1/admin/credits/verify',
  tag: 'Administration',
  summary: 'Check the whole ledger, or one account, and name each broken row',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: z.object({ account_id: accountId.optional() }),
  responses: {
    200: {
      description: 'What was checked and what was found',
      schema: z.object({
        ok: z.boolean(),
        accounts: z.number().int(),
        entries: z.number().int(),
        holds: z.number().int(),
        findings: z.array(findingSchema),
        truncated: z.boolean().describe('There is more to find than is listed'),
      }),
    },
  },
  errors: [],
});
