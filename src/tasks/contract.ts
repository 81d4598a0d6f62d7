// The tasks resource on the wire: what a task may ask for, how it is answered, and its routes.
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../kernel/errors.ts';
import { defineRoute } from '../kernel/route.ts';
import { taskImageSchema } from '../media/contract.ts';
import { REMARK_CODES } from './remarks.ts';

export {
  clearPromptsRoute,
  listPromptsRoute,
  type PromptBody,
  removePromptRoute,
  updatePromptRoute,
} from './prompt-history-contract.ts';
export { listWatchdogRunsRoute, runWatchdogRoute, type WatchdogRunBody } from './watchdog-contract.ts';

export const MAX_PROMPT_CHARS = 8000;
export const MAX_NEGATIVE_PROMPT_CHARS = 4000;
export const MAX_INPUT_IMAGES = 16;
export const MAX_METADATA_KEYS = 50;
export const MAX_METADATA_CHARS = 4000;
export const MAX_WAIT_S = 60;
export const MAX_DEADLINE_S = 24 * 3600;
export const MAX_DEDUPE_WINDOW_S = 24 * 3600;
export const MAX_SEED = 2_147_483_647;
/** Four 32 MB pictures as base64 would be 170 MB; a caller with more than one large picture uploads first. */
export const MAX_TASK_BODY_BYTES = 48 * 1024 * 1024;
const MAX_B64_CHARS = 44 * 1024 * 1024;
const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;

const ERROR_CODE_NAMES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

const text = (maxChars: number) => z.string().max(maxChars);
const id = z.string().min(1).max(60);
export const timestampSchema = z.iso.datetime({ precision: 3 });

export const modeSchema = z.enum(['text-to-image', 'image-to-image', 'upscale']);
export const taskStatusSchema = z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']);
export const taskPhaseSchema = z.enum(['submitting', 'waiting', 'saving']);

/** Where an input picture comes from; exactly one of these. */
export const imageSourceSchema = z
  .union([
    z.strictObject({ upload_id: id }),
    z.strictObject({ image_id: id }),
    z.strictObject({ url: z.url({ protocol: /^https?$/ }).max(2000) }),
    z.strictObject({ b64: z.string().min(1).max(MAX_B64_CHARS) }),
  ])
  .meta({
    id: 'ImageSource',
    description: 'One input picture: an upload, a finished picture, a URL (fetched once, at once) or base64.',
  });

export const createTaskBody = z
  .strictObject({
    prompt: text(MAX_PROMPT_CHARS).default('').describe('What to paint. May be empty only for `upscale`.'),
    model: text(100).optional().describe('A name from `GET /v1/models`; without it, the default model.'),
    negative_prompt: text(MAX_NEGATIVE_PROMPT_CHARS).optional(),
    mode: modeSchema
      .optional()
      .describe('Without it: `image-to-image` if pictures are given, else `text-to-image`.'),
    size: z
      .string()
      .regex(/^\d{2,5}[x×*]\d{2,5}$/, 'must look like 1024x768')
      .optional()
      .describe('Pixels, `WIDTHxHEIGHT`.'),
    aspect_ratio: z
      .string()
      .regex(/^\d{1,3}:\d{1,3}$/, 'must look like 16:9')
      .optional(),
    n: z.int().min(1).max(16).default(1).describe('How many pictures.'),
    seed: z.int().min(0).max(MAX_SEED).optional(),
    images: z.array(imageSourceSchema).max(MAX_INPUT_IMAGES).optional(),
    mask: imageSourceSchema.optional().describe('Transparent where the picture may change.'),
    strength: z.number().min(0).max(1).optional().describe('0 keeps the input picture, 1 ignores it.'),
    style: id.optional().describe('A style of `GET /v1/styles`, by its id: it is merged with the prompt.'),
    provider: text(60).optional().describe('Only this provider, where several serve the model.'),
    priority: z.int().min(0).max(9).default(0).describe('Above 0 needs the scope `accounts:act` or `admin`.'),
    deadline_s: z.int().min(5).max(MAX_DEADLINE_S).optional(),
    webhook_url: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .optional()
      .describe(
        "Told when this task ends, signed with the account's default secret; see `/v1/webhooks/default-secret`.",
      ),
    metadata: z
      .record(z.string().max(100), z.unknown())
      .refine((value) => Object.keys(value).length <= MAX_METADATA_KEYS, `at most ${MAX_METADATA_KEYS} keys`)
      .refine(
        (value) => JSON.stringify(value).length <= MAX_METADATA_CHARS,
        `at most ${MAX_METADATA_CHARS} characters`,
      )
      .optional(),
    dedupe_window_s: z
      .int()
      .min(0)
      .max(MAX_DEDUPE_WINDOW_S)
      .default(0)
      .describe(
        'A non-failed task with the same request that is younger than this is returned instead of a new one.',
      ),
    budget_credits: z.number().min(0).optional().describe('Refuses a task that would cost more.'),
  })
  .refine((body) => !(body.size && body.aspect_ratio), {
    message: 'give size or aspect_ratio, not both',
    path: ['size'],
  })
  .meta({ id: 'CreateTask' });

export type CreateTaskBody = z.output<typeof createTaskBody>;

/** An error inside an answer: the members of a problem that belong to the task. */
export const taskErrorSchema = z
  .object({
    code: z.enum(ERROR_CODE_NAMES),
    title: z.string(),
    detail: z.string(),
    cause: z.string(),
    fix: z.string(),
    retryable: z.boolean(),
  })
  .meta({ id: 'TaskError' });

const milliseconds = z.int().nullable();

export const taskAttemptSchema = z
  .object({
    n: z.int(),
    provider: z.string(),
    provider_model: z.string().nullable().describe("The provider's own name of the model"),
    switched: z
      .object({
        from: z.string(),
        reason: z.string().nullable(),
        reason_code: z.enum(ERROR_CODE_NAMES).nullable(),
      })
      .nullable()
      .describe('Set where the attempt before was at another provider: which, and why it did not do it'),
    outcome: z.enum([
      'open',
      'not_sent',
      'rejected',
      'accepted',
      'unknown',
      'succeeded',
      'failed',
      'lost',
      'cancelled',
    ]),
    started_at: timestampSchema,
    ended_at: timestampSchema.nullable(),
    submit_ms: milliseconds.describe('Until the provider had the job'),
    wait_ms: milliseconds.describe('From then until its pictures were there'),
    save_ms: milliseconds.describe('Fetching, checking and storing them'),
    error: z.string().nullable(),
    error_code: z.enum(ERROR_CODE_NAMES).nullable(),
  })
  .meta({ id: 'TaskAttempt' });

/** A remark as a code with its values; see remarks.ts for their English. */
export const remarkSchema = z
  .object({
    code: z.enum(REMARK_CODES),
    params: z
      .record(z.string(), z.string())
      .describe(
        'The values: such as `provider`, `until` (RFC 3339), `detail` (English) and `error` (an error code).',
      ),
  })
  .meta({ id: 'TaskRemark' });

/** The style as it was when the task was accepted. */
export const taskStyleSchema = z
  .object({ id: z.string(), name: z.string(), names: z.object({ en: z.string(), zh: z.string() }) })
  .meta({ id: 'TaskStyle' });

export const taskSchema = z
  .object({
    id: z.string(),
    status: taskStatusSchema,
    phase: taskPhaseSchema.nullable(),
    progress: z.number().min(0).max(1).nullable(),
    queue_position: z
      .int()
      .nullable()
      .describe('1 is next; null when not queued or further back than counted.'),
    waiting_reason: z.string().nullable(),
    waiting: remarkSchema.nullable().describe('`waiting_reason` for programs and other languages.'),
    eta_s: z
      .number()
      .nullable()
      .describe('Seconds until it is ready, from the median of the last hour; null when unknown or ended.'),
    mode: modeSchema,
    model: z.string(),
    provider: z.string(),
    provider_model: z.string().describe("The provider's own name of the model."),
    prompt: z.string().describe('As the caller wrote it.'),
    style: taskStyleSchema.nullable(),
    final_prompt: z.string().describe('What the provider gets: the prompt merged with the style.'),
    final_negative_prompt: z.string().nullable(),
    params: z
      .object({
        size: z.string(),
        negative_prompt: z.string().nullable(),
        seed: z.int(),
        strength: z.number().nullable(),
        images: z.array(z.object({ url: z.string(), width: z.int(), height: z.int() })),
        mask: z.object({ url: z.string() }).nullable(),
        deadline_s: z.int(),
        priority: z.int(),
      })
      .meta({ id: 'TaskParams' }),
    n: z.int(),
    images: z.array(taskImageSchema),
    preview_url: z
      .string()
      .nullable()
      .describe('The newest unfinished picture while the task runs, where its provider shows one.'),
    error: taskErrorSchema.nullable(),
    timings: z
      .object({
        queued_ms: milliseconds.describe('Until the first attempt began.'),
        submit_ms: milliseconds,
        wait_ms: milliseconds,
        save_ms: milliseconds,
        total_ms: milliseconds.describe('From creation to the end.'),
      })
      .meta({ id: 'TaskTimings' })
      .describe('Submit, wait and save are those of the last attempt; null until known.'),
    cost: z.object({ held: z.number(), captured: z.number(), released: z.number() }).describe('Credits.'),
    attempts: z.array(taskAttemptSchema),
    cancel: z.object({
      state: z.enum(['none', 'requested', 'confirmed', 'not_cancellable', 'finished_first']),
      note: z.string().nullable(),
      remark: remarkSchema.nullable().describe('`note` for programs and other languages.'),
    }),
    retry_of: z.string().nullable(),
    batch_id: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    version: z.int(),
    created_at: timestampSchema,
    started_at: timestampSchema.nullable(),
    finished_at: timestampSchema.nullable(),
    urls: z.object({ get: z.string(), events: z.string(), cancel: z.string(), web: z.string() }),
  })
  .meta({ id: 'Task' });

export type TaskBody = z.output<typeof taskSchema>;

const taskParams = z.object({ id });
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
    .regex(/^(queued|running|succeeded|failed|cancelled)(,(queued|running|succeeded|failed|cancelled))*$/)
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
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE),
  cursor: text(200).optional(),
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
      schema: z
        .object({ data: z.array(taskSchema), next_cursor: z.string().nullable() })
        .meta({ id: 'TaskPage' }),
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

const EVENT_STREAM = { description: 'Server-sent events.', contentType: 'text/event-stream' };
const EVENT_STREAM_TEXT =
  'Each event has an `id`, `event: task.updated` or `task.finished`, and the task as `data`; of batches comes `batch.updated` or `batch.finished` with the batch, at most four a second, instead of their items. `Last-Event-ID` (or `?last_event_id=`) resumes without a gap; `event: reset` means: too old, read the list again.';

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
      .describe('With commas; now: `tasks`, `batches`.'),
    last_event_id: text(100).optional(),
    ticket: text(2000).optional(),
  }),
  headers: { 'Last-Event-ID': 'The last event seen.' },
  responses: { 200: EVENT_STREAM },
  errors: [],
});

const capabilitiesSchema = z
  .object({
    modes: z.array(modeSchema),
    sizes: z.object({ min_side: z.int(), max_side: z.int(), max_pixels: z.int(), multiple: z.int() }),
    aspect_ratios: z.array(z.string()),
    max_images: z.int(),
    max_input_images: z.int(),
    negative_prompt: z.boolean(),
    seed: z.boolean(),
    mask: z.boolean(),
    strength: z.boolean(),
    cancel: z.boolean(),
    progress: z.boolean(),
  })
  .meta({ id: 'Capabilities' });

export const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    drawbridge: z.object({
      title: z.object({ en: z.string(), zh: z.string() }),
      provider: z.string(),
      provider_state: z.enum(['healthy', 'degraded', 'down']),
      provider_reason: z.string().nullable().describe('Why it is not healthy, in plain words.'),
      providers: z
        .array(z.object({ name: z.string(), state: z.enum(['healthy', 'degraded', 'down']) }))
        .describe('All that serve the model, in their order.'),
      is_default: z.boolean(),
      price_credits: z.number(),
      typical_seconds: z.number().describe('As its maker says.'),
      median_seconds: z
        .number()
        .nullable()
        .describe('Of the last hour, once started; null when none was made.'),
      queue_ahead: z.int().describe('Tasks that wait or run at the provider.'),
      capabilities: capabilitiesSchema,
      input_schema: z
        .record(z.string(), z.unknown())
        .describe('JSON Schema of the fields of `POST /v1/tasks` that this model takes; others are absent.'),
    }),
  })
  .meta({ id: 'Model' });

export const listModelsRoute = defineRoute({
  id: 'models.list',
  method: 'GET',
  path: '/v1/models',
  tag: 'Models',
  summary: 'Models and what each can do',
  description: "OpenAI's list, with what the studio needs to draw its form in `drawbridge`.",
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  responses: {
    200: {
      description: 'All models.',
      schema: z.object({ object: z.literal('list'), data: z.array(modelSchema) }).meta({ id: 'ModelList' }),
    },
  },
  errors: [],
  errorStyle: 'openai',
});
