// The tasks resource on the wire: its routes, with the schemas of a task and what else the slice serves.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { cursorOf, pageLimit, pageOf } from '../kernel/wire-schemas.ts';
import {
  createTaskBody,
  id,
  MAX_TASK_BODY_BYTES,
  modeSchema,
  taskParams,
  taskSchema,
  text,
} from './task-schemas.ts';

export { eventsRoute, taskEventsRoute } from './event-contract.ts';
export { listModelsRoute, modelSchema } from './model-contract.ts';
export {
  clearPromptsRoute,
  listPromptsRoute,
  type PromptBody,
  removePromptRoute,
  updatePromptRoute,
} from './prompt-history-contract.ts';
export * from './task-schemas.ts';
export { listWatchdogRunsRoute, runWatchdogRoute, type WatchdogRunBody } from './watchdog-contract.ts';

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;

const TASK_ANSWER = { description: 'The task.', schema: taskSchema };
const CREATION_HEADERS = {
  'Idempotency-Key': 'Makes a retry safe: 1 to 200 characters, kept for 24 hours.',
  Prefer: '`wait=n` with n up to 60, or `respond-async`.',
  'X-Account-Id': 'The account to act for; needs the scope `accounts:act`. Every route with a key takes it.',
};

const CREATE_ERRORS = [
  'model_not_found',
  'insufficient_credits',
  'spending_limit_reached',
  'storage_quota_reached',
  'idempotency_mismatch',
  'idempotency_in_progress',
  'image_invalid',
  'payload_too_large',
  'provider_unavailable',
  'storage_full',
  'storage_unavailable',
] as const;

export const createTaskRoute = defineRoute({
  id: 'tasks.create',
  method: 'POST',
  path: '/v1/tasks',
  tag: 'Tasks',
  summary: 'Ask for a picture',
  description:
    'Answers at once with a durable task. `Prefer: wait=n` waits up to 60 s for the result. The same `Idempotency-Key` gives the first answer again and makes nothing new.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  body: createTaskBody,
  maxBodyBytes: MAX_TASK_BODY_BYTES,
  headers: CREATION_HEADERS,
  responses: {
    202: { description: 'Accepted and durable.', schema: taskSchema },
    200: {
      description: 'Finished within the wait, or an equal task that exists already.',
      schema: taskSchema,
    },
  },
  errors: CREATE_ERRORS,
});

export const getTaskRoute = defineRoute({
  id: 'tasks.get',
  method: 'GET',
  path: '/v1/tasks/:id',
  tag: 'Tasks',
  summary: 'One task',
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  params: taskParams,
  responses: { 200: TASK_ANSWER },
  errors: ['not_found'],
});

export const listTasksQuery = z.strictObject({
  status: z
    .string()
    .max(100)
    .regex(
      /^(queued|running|succeeded|failed|cancelled)(,(queued|running|succeeded|failed|cancelled))*$/,
      'must be one or more of queued, running, succeeded, failed, cancelled, with commas between',
    )
    .optional()
    .describe('One status, or several with commas.'),
  mode: modeSchema.optional(),
  model: text(100).optional(),
  provider: text(60).optional(),
  style: text(60).optional().describe('The id of a style.'),
  batch_id: id
    .optional()
    .describe('The items of this batch, each try of them; without it, tasks of no batch.'),
  q: text(200).optional().describe('Text that the prompt contains.'),
  before: z.iso.datetime({ offset: true }).optional(),
  after: z.iso.datetime({ offset: true }).optional(),
  limit: pageLimit(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
  cursor: cursorOf('task'),
});

export const listTasksRoute = defineRoute({
  id: 'tasks.list',
  method: 'GET',
  path: '/v1/tasks',
  tag: 'Tasks',
  summary: 'Tasks, newest first',
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  query: listTasksQuery,
  responses: {
    200: {
      description: 'A page.',
      schema: pageOf(taskSchema).meta({ id: 'TaskPage' }),
    },
  },
  errors: [],
});

export const cancelTaskRoute = defineRoute({
  id: 'tasks.cancel',
  method: 'POST',
  path: '/v1/tasks/:id/cancel',
  tag: 'Tasks',
  summary: 'Cancel a task',
  description: 'Idempotent. `cancel.state` says what came of it; a picture that was finished first stays.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params: taskParams,
  responses: { 200: TASK_ANSWER },
  errors: ['not_found'],
});

export const retryTaskRoute = defineRoute({
  id: 'tasks.retry',
  method: 'POST',
  path: '/v1/tasks/:id/retry',
  tag: 'Tasks',
  summary: 'The same request as a new task',
  description:
    'Makes a new task with `retry_of` and its own hold. Takes an `Idempotency-Key`. With `provider` or `model` it goes there instead, if that provider takes such a request.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params: taskParams,
  body: z
    .strictObject({ provider: text(60).optional(), model: text(100).optional() })
    .default({})
    .meta({ id: 'RetryTask' }),
  headers: CREATION_HEADERS,
  responses: {
    202: { description: 'The new task.', schema: taskSchema },
    200: { description: 'Finished within the wait.', schema: taskSchema },
  },
  errors: ['not_found', ...CREATE_ERRORS],
});

export const taskPreviewRoute = defineRoute({
  id: 'tasks.preview',
  method: 'GET',
  path: '/v1/tasks/:id/preview',
  tag: 'Tasks',
  summary: 'The newest unfinished picture of a running task',
  description:
    "A WebP of at most 512 pixels a side, as the task's `preview_url` gives it. It is kept in memory by the node that runs the task and gone when the task ends.",
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  params: taskParams,
  query: z.object({ v: text(20).optional().describe('The version: new for every newer preview.') }),
  responses: { 200: { description: 'The picture.', contentType: 'image/webp' } },
  errors: ['not_found'],
});

/** What a provider may send along; more is refused unread. */
export const MAX_CALLBACK_BYTES = 1024 * 1024;

export const callbackRoute = defineRoute({
  id: 'callbacks.receive',
  method: 'POST',
  path: '/v1/callbacks/:provider/:token',
  tag: 'Callbacks',
  summary: 'A provider says that a job moved',
  description:
    "For providers, at addresses that Drawbridge gives them. It only makes the task's run ask the provider; nothing in the body is believed. Doubled and late calls are harmless.",
  access: { kind: 'public' },
  limit: 'callback',
  params: z.object({ provider: text(60), token: text(200) }),
  hasSecretPath: true,
  rawBody: true,
  maxBodyBytes: MAX_CALLBACK_BYTES,
  responses: { 200: { description: 'Taken.', schema: z.object({ received: z.literal(true) }) } },
  errors: ['not_found', 'authentication_required', 'payload_too_large'],
});

export const quoteTaskRoute = defineRoute({
  id: 'tasks.quote',
  method: 'POST',
  path: '/v1/tasks/quote',
  tag: 'Tasks',
  summary: 'What a task would cost, and when it would be ready',
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  body: createTaskBody,
  responses: {
    200: {
      description: 'Nothing is created.',
      schema: z
        .object({
          cost_credits: z.number(),
          provider: z.string(),
          model: z.string(),
          size: z.string(),
          eta_s: z
            .number()
            .nullable()
            .describe('Median of the last hour plus the queue; null when none was made in that time.'),
          median_s: z.number().nullable().describe('How long a picture of this model took, once started.'),
          queue_ahead: z.int().describe('Tasks that wait or run at this provider.'),
          final_prompt: z.string(),
        })
        .meta({ id: 'Quote' }),
    },
  },
  errors: ['model_not_found', 'provider_unavailable'],
});

export const upscaleImageRoute = defineRoute({
  id: 'images.upscale',
  method: 'POST',
  path: '/v1/images/:id/upscale',
  tag: 'Images',
  summary: 'Make an HD variant of a picture',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params: taskParams,
  body: z
    .strictObject({ scale: z.union([z.literal(2), z.literal(4)]).default(2), model: text(100).optional() })
    .default({ scale: 2 })
    .meta({ id: 'UpscaleImage' }),
  headers: CREATION_HEADERS,
  responses: {
    202: { description: 'The task; its picture has the kind `hd`.', schema: taskSchema },
    200: { description: 'Finished within the wait.', schema: taskSchema },
  },
  errors: ['not_found', ...CREATE_ERRORS],
});
