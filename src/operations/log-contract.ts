// The live log on the wire, for operators: this process's own lines, scrubbed of secrets as they are everywhere.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { pageLimit, time } from '../kernel/wire-schemas.ts';

const TAG = 'Operations';
const MOST_LINES = 2_000;
const USUAL_LINES = 200;
/** How long a call may wait for the next line. */
export const MOST_WAIT_S = 20;
const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const MOST_TEXT_CHARS = 200;

const idText = z.string().max(40);
const filterFields = {
  level: z.enum(LEVELS).optional().describe('The least important level that is shown'),
  component: z
    .string()
    .max(60)
    .optional()
    .describe('Such as `http`, `tasks`, `providers`, `webhooks`, `upkeep`'),
  q: z.string().max(MOST_TEXT_CHARS).optional().describe('Text in message or fields'),
};

export const logLineSchema = z
  .object({
    id: z.string(),
    level: z.enum(LEVELS),
    time,
    component: z.string().nullable(),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'LogLine' });

export type LogLineBody = z.output<typeof logLineSchema>;

export const logStreamRoute = defineRoute({
  id: 'logs.stream',
  method: 'GET',
  path: '/v1/admin/logs',
  tag: TAG,
  summary: 'The log as it is written',
  description:
    'Server-sent events `log`, each a line (`LogLine`), after the last `tail` lines; `reset` says that lines are missing before the next. It is the log of the process that answers; with several nodes each has its own. What each task did is in the task itself.',
  access: { kind: 'scope', scope: 'admin', ticket: true },
  limit: 'api',
  query: z.object({
    ...filterFields,
    tail: z.coerce.number().int().min(0).max(MOST_LINES).default(USUAL_LINES),
    last_event_id: idText.optional(),
    ticket: z.string().max(2000).optional(),
  }),
  headers: { 'Last-Event-ID': 'The last line seen.' },
  responses: { 200: { description: 'Server-sent events', contentType: 'text/event-stream' } },
  errors: [],
});

export const recentLogRoute = defineRoute({
  id: 'logs.recent',
  method: 'GET',
  path: '/v1/admin/logs/recent',
  tag: TAG,
  summary: 'The latest lines of the log',
  description: `With \`wait_s\` (at most ${MOST_WAIT_S}) it answers at the next line, or empty after that time.`,
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: z.object({
    ...filterFields,
    tail: pageLimit(USUAL_LINES, MOST_LINES),
    after: idText.optional().describe('`last_id` of the answer before'),
    wait_s: z.coerce.number().min(0).max(MOST_WAIT_S).default(0),
  }),
  responses: {
    200: {
      description: 'Lines, the oldest first',
      schema: z.object({
        data: z.array(logLineSchema),
        last_id: z.string(),
        gap: z.boolean().describe('Lines before the first are gone'),
      }),
    },
  },
  errors: [],
});
