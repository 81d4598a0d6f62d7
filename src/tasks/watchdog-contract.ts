// The watchdog on the wire: its runs with what they found, and a run on demand, dry or for real.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { cursorOf, pageLimit, pageOf } from '../kernel/wire-schemas.ts';

const DEFAULT_PAGE = 20;
const MAX_PAGE = 100;
const MAX_TASKS = 500;
const time = z.iso.datetime({ precision: 3 });

export const watchdogFindingSchema = z
  .object({
    kind: z.enum([
      'overdue',
      'no_owner',
      'dead_owner',
      'no_run',
      'overslept',
      'hold_open',
      'hold_settled',
      'late_picture',
      'messages_late',
    ]),
    task_id: z.string().nullable(),
    what: z.string().describe('What is wrong'),
    evidence: z.array(z.string()).describe("What shows it: rows, times, the provider's words"),
    action: z
      .enum(['resume', 'resubmit', 'deliver', 'fail', 'wake', 'settle', 'keep_late', 'report'])
      .describe('What is done about it; `report`: nothing, it is for the operator'),
    reason: z.string().describe('Why that is right'),
    from: z.string().describe("The task's status when it was found"),
    to: z.string().describe('What it would be, or is after the repair'),
    result: z
      .enum(['done', 'under_way', 'unchanged', 'failed'])
      .nullable()
      .describe('Null in a dry run; `unchanged`: it moved by itself meanwhile'),
    note: z.string().nullable(),
  })
  .meta({ id: 'WatchdogFinding' });

export const watchdogRunSchema = z
  .object({
    id: z.string(),
    trigger: z.enum(['timer', 'cli', 'api']),
    dry_run: z.boolean(),
    node: z.string(),
    started_at: time,
    ended_at: time.nullable().describe('Null while it runs, and for a run whose process died'),
    found: z.int(),
    repaired: z.int(),
    error: z.string().nullable(),
    findings: z.array(watchdogFindingSchema),
  })
  .meta({ id: 'WatchdogRun' });

export type WatchdogRunBody = z.output<typeof watchdogRunSchema>;

export const listWatchdogRunsRoute = defineRoute({
  id: 'watchdog.runs',
  method: 'GET',
  path: '/v1/admin/watchdog/runs',
  tag: 'Operations',
  summary: 'What the watchdog found and did, newest run first',
  description: 'Runs that found nothing are kept for 7 days, others for 90.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: z.object({
    limit: pageLimit(DEFAULT_PAGE, MAX_PAGE),
    cursor: cursorOf('wdr'),
  }),
  responses: {
    200: {
      description: 'A page',
      schema: pageOf(watchdogRunSchema).meta({ id: 'WatchdogRunPage' }),
    },
  },
  errors: [],
});

export const runWatchdogRoute = defineRoute({
  id: 'watchdog.run',
  method: 'POST',
  path: '/v1/admin/watchdog/run',
  tag: 'Operations',
  summary: 'Look for stuck tasks now, and repair them unless it is a dry run',
  description:
    'Each stuck task is asked for at its provider first; then it is finished, resumed, sent again where that provably makes no second picture, or failed with its credits returned.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  body: z
    .strictObject({
      dry_run: z.boolean().default(true).describe('Only say what would be done'),
      task_ids: z
        .array(z.string().max(60))
        .min(1)
        .max(MAX_TASKS)
        .optional()
        .describe('Only these; without it, all'),
      source: z.enum(['api', 'cli']).default('api').describe('What the history names as the asker'),
    })
    .default({ dry_run: true, source: 'api' }),
  responses: { 200: { description: 'The run', schema: watchdogRunSchema } },
  errors: ['conflict'],
});
