// The admin rooms on the wire: figures of the server, the tasks of all accounts, heartbeats of providers, and what administrators
// did. Every list is paged by key and bounded in what one call looks at, so that no answer depends on how much there is.
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../kernel/errors.ts';
import { defineRoute } from '../kernel/route.ts';
import { PAGE_BEFORE, pageLimit, pageOf } from '../kernel/wire-schemas.ts';
import { taskSchema, taskStatusSchema } from '../tasks/contract.ts';

const ERROR_CODE_NAMES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];
const MAX_ID_CHARS = 60;
const MAX_TEXT_CHARS = 200;
const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 200;

const time = z.iso.datetime({ precision: 3 });
const admin = { access: { kind: 'scope', scope: 'admin' }, limit: 'api', tag: 'Administration' } as const;
const limit = pageLimit(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE);
const cursor = z.string().max(MAX_ID_CHARS).optional().describe(PAGE_BEFORE);
const milliseconds = z.int().nullable().describe('Null where nothing was made in that time');

export const overviewSchema = z
  .object({
    at: time,
    queued: z.int(),
    running: z.int(),
    by_provider: z.array(z.object({ provider: z.string(), queued: z.int(), running: z.int() })),
    oldest_waiting_s: z.number().nullable().describe('Age of the task that waits longest'),
    stuck: z.int().describe('Unfinished tasks past their deadline, counted up to 10,000'),
    last_hour: z.object({
      succeeded: z.int(),
      failed: z.int(),
      cancelled: z.int(),
      credits: z.number().describe('Charged'),
      p50_ms: milliseconds,
      p95_ms: milliseconds.describe('From the request to the picture, of at most the newest 5,000'),
    }),
    last_day: z.object({
      succeeded: z.int(),
      failed: z.int(),
      cancelled: z.int(),
      credits: z.number(),
    }),
    hours: z
      .array(
        z.object({
          at: time,
          succeeded: z.int(),
          failed: z.int(),
          cancelled: z.int(),
          credits: z.number(),
        }),
      )
      .describe('The last 24 hours of the clock, oldest first; the last one is not over'),
    media_free_bytes: z.number().nullable(),
  })
  .meta({ id: 'AdminOverview' });

export type OverviewBody = z.output<typeof overviewSchema>;

export const overviewRoute = defineRoute({
  ...admin,
  id: 'admin.overview',
  method: 'GET',
  path: '/v1/admin/overview',
  summary: 'Queue, throughput, latency, failures, credits and disk in figures',
  responses: { 200: { description: 'Counted now', schema: overviewSchema } },
  errors: [],
});

const ownerSchema = z.object({ id: z.string(), name: z.string() });

export const adminTaskRowSchema = z
  .object({
    id: z.string(),
    status: taskStatusSchema,
    phase: z.string().nullable(),
    progress: z.number().nullable(),
    overdue: z.boolean().describe('Not finished, and past its deadline'),
    account: ownerSchema,
    provider: z.string(),
    model: z.string(),
    mode: z.string(),
    prompt: z.string().describe('Its beginning'),
    n: z.int(),
    attempts: z.int(),
    error: z.object({ code: z.enum(ERROR_CODE_NAMES), detail: z.string() }).nullable(),
    credits: z.number().describe('Charged'),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
  })
  .meta({ id: 'AdminTaskRow' });

export type AdminTaskRowBody = z.output<typeof adminTaskRowSchema>;

export const adminTasksQuery = z.strictObject({
  status: z
    .string()
    .max(100)
    .regex(/^(queued|running|succeeded|failed|cancelled)(,(queued|running|succeeded|failed|cancelled))*$/)
    .optional()
    .describe('One status, or several with commas'),
  overdue: z.enum(['true']).optional().describe('Only unfinished tasks past their deadline'),
  provider: z.string().max(MAX_ID_CHARS).optional(),
  model: z.string().max(100).optional(),
  account: z.string().max(MAX_ID_CHARS).optional().describe('The id of an account'),
  error: z.string().max(MAX_ID_CHARS).optional().describe('An error code'),
  since: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('Finished since then; for unfinished ones: made since'),
  q: z
    .string()
    .trim()
    .max(MAX_TEXT_CHARS)
    .optional()
    .describe(
      'A task id or its beginning, an account id, an error code, or part of a prompt or of the name of an account or person',
    ),
  limit,
  cursor,
});

export const listAdminTasksRoute = defineRoute({
  ...admin,
  id: 'admin.tasks.list',
  method: 'GET',
  path: '/v1/admin/tasks',
  summary: 'Tasks of all accounts, newest first',
  description:
    'One call looks at no more than 8,000 tasks. When it found fewer than a page in them, `searched_to` says how far it came, and `next_cursor` goes on from there.',
  query: adminTasksQuery,
  responses: {
    200: {
      description: 'A page',
      schema: z
        .object({
          data: z.array(adminTaskRowSchema),
          next_cursor: z.string().nullable(),
          searched_to: time.nullable().describe('Set when the search stopped before the page was full'),
        })
        .meta({ id: 'AdminTaskPage' }),
    },
  },
  errors: [],
});

export const getAdminTaskRoute = defineRoute({
  ...admin,
  id: 'admin.tasks.get',
  method: 'GET',
  path: '/v1/admin/tasks/:id',
  summary: 'One task of any account, with its account',
  params: z.object({ id: z.string().min(1).max(MAX_ID_CHARS) }),
  responses: {
    200: {
      description: 'The task',
      schema: z
        .object({ task: taskSchema, account: ownerSchema, overdue: z.boolean() })
        .meta({ id: 'AdminTask' }),
    },
  },
  errors: ['not_found'],
});

export const heartbeatSchema = z
  .object({
    provider: z.string(),
    segments: z
      .array(
        z.object({
          at: time.describe('Its beginning'),
          state: z
            .enum(['ok', 'probing', 'open', 'drained'])
            .describe("The worst state of the provider's breakers in it; `probing`: half open"),
          succeeded: z.int(),
          failed: z.int(),
        }),
      )
      .describe('90 of equal length, oldest first; the last one is not over'),
  })
  .meta({ id: 'ProviderHeartbeat' });

export type HeartbeatBody = z.output<typeof heartbeatSchema>;

export const listHeartbeatsRoute = defineRoute({
  ...admin,
  id: 'admin.heartbeats',
  method: 'GET',
  path: '/v1/admin/heartbeats',
  summary: 'How every provider did over the last day, in 90 segments',
  responses: {
    200: {
      description: 'In the order in which providers offer models',
      schema: z.object({ segment_s: z.int(), data: z.array(heartbeatSchema) }).meta({ id: 'HeartbeatList' }),
    },
  },
  errors: [],
});

export const auditEntrySchema = z
  .object({
    id: z.string().describe('The id of the request'),
    at: time,
    action: z.string().describe('The operation, such as `credits.grant`'),
    actor: z.string().describe('The person or the key'),
    actor_account_id: z.string(),
    via: z.enum(['key', 'session', 'socket', 'ticket', 'loopback']),
    address: z.string().describe('Where it came from'),
    target: z.string().nullable().describe('What it was done to'),
    detail: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .describe('What was asked for, never a secret'),
    status: z
      .int()
      .nullable()
      .describe('HTTP status of the answer; null while it runs, or when it never ended'),
  })
  .meta({ id: 'AuditEntry' });

export type AuditEntryBody = z.output<typeof auditEntrySchema>;

export const listAuditRoute = defineRoute({
  ...admin,
  id: 'admin.audit',
  method: 'GET',
  path: '/v1/admin/audit',
  summary: 'What administrators did, newest first',
  description:
    'Written before the action is taken, so that none is without an entry. Calls on behalf of another account from a browser are in it too.',
  query: z.strictObject({
    action: z.string().max(MAX_ID_CHARS).optional().describe('An operation, or its beginning'),
    q: z.string().trim().max(MAX_TEXT_CHARS).optional().describe('Part of the actor or the target'),
    limit,
    cursor,
  }),
  responses: {
    200: {
      description: 'A page',
      schema: pageOf(auditEntrySchema).meta({ id: 'AuditPage' }),
    },
  },
  errors: [],
});
