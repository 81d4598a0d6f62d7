// The event streams on the wire: one task, or everything of an account, as it changes.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { taskParams, text } from './task-schemas.ts';

const EVENT_STREAM = { description: 'Server-sent events.', contentType: 'text/event-stream' };
const EVENT_STREAM_TEXT =
  'Each event has an `id`, `event: task.updated` or `task.finished`, and the task as `data`; of batches comes `batch.updated` or `batch.finished` with the batch, at most four a second, instead of their items; of stories `story.updated` with the story as the list shows it, or `story.removed` with its `id`. `Last-Event-ID` (or `?last_event_id=`) resumes without a gap; `event: reset` means: too old, read the list again.';

export const taskEventsRoute = defineRoute({
  id: 'tasks.events',
  method: 'GET',
  path: '/v1/tasks/:id/events',
  tag: 'Events',
  summary: 'One task as it changes',
  description: EVENT_STREAM_TEXT,
  access: { kind: 'scope', scope: 'tasks:read', ticket: true },
  limit: 'api',
  params: taskParams,
  query: z.object({ last_event_id: text(100).optional(), ticket: text(2000).optional() }),
  headers: { 'Last-Event-ID': 'The last event seen.' },
  responses: { 200: EVENT_STREAM },
  errors: ['not_found'],
});

export const eventsRoute = defineRoute({
  id: 'events.stream',
  method: 'GET',
  path: '/v1/events',
  tag: 'Events',
  summary: 'Everything of the account as it changes',
  description: EVENT_STREAM_TEXT,
  access: { kind: 'scope', scope: 'tasks:read', ticket: true },
  limit: 'api',
  query: z.object({
    topics: z
      .string()
      .regex(/^[a-z]+(,[a-z]+)*$/)
      .max(200)
      .optional()
      .describe('With commas; now: `tasks`, `batches`, `stories`.'),
    last_event_id: text(100).optional(),
    ticket: text(2000).optional(),
  }),
  headers: { 'Last-Event-ID': 'The last event seen.' },
  responses: { 200: EVENT_STREAM },
  errors: [],
});
