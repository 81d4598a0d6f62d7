// What programs written for the older systems call, as they call it: their paths, their fields, their words for a state. Fields
// that nobody here knows are ignored, as they were there; errors carry `error` as text beside the whole problem.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { MAX_PROMPT_CHARS, MAX_TASK_BODY_BYTES } from '../tasks/contract.ts';

const TAG = 'Older callers';
const MAX_TASKS = 200;
const DEFAULT_TASKS = 100;
const MAX_ID_CHARS = 100;
const MAX_URL_CHARS = 2_000;
const MAX_PICTURES = 16;
/** A 32 MB picture as base64, for pages that send pictures as `data:` addresses. */
const MAX_PICTURE_CHARS = 44 * 1024 * 1024;
/** A form around one upload of the largest size that can be set. */
export const MAX_UPLOAD_FORM_BYTES = 1025 * 1024 * 1024;
/** A page whose button is pressed twice makes one picture. */
export const DEDUPE_WINDOW_S = 60;

const id = z.string().min(1).max(MAX_ID_CHARS);
const percent = z.int().min(0).max(100);
const timestamp = z.iso.datetime({ precision: 3 });

export const listedTaskSchema = z
  .object({
    task_id: z.string(),
    status: z.enum(['pending', 'generating', 'completed', 'failed', 'cancelled']),
    progress: percent.describe('Percent; 100 when completed'),
    prompt: z.string(),
    result_urls: z.array(z.url()),
    error: z.string().nullable(),
    error_code: z.string().nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'OlderListedTask' });

export const taskDetailsSchema = z
  .object({
    taskId: z.string(),
    status: z.enum(['pending', 'processing', 'success', 'failed']),
    progress: percent.describe('Percent; 100 on success'),
    resultUrls: z.array(z.url()),
    error: z.string().nullable(),
    errorCode: z.string().nullable(),
  })
  .meta({ id: 'OlderTaskDetails' });

const READ = { kind: 'scope', scope: 'tasks:read' } as const;
const WRITE = { kind: 'scope', scope: 'tasks:write' } as const;
const OLDER = { limit: 'api', errorStyle: 'older', anonymous: true } as const;

export const listOlderTasksRoute = defineRoute({
  id: 'older.tasks',
  method: 'GET',
  path: '/tasks',
  tag: TAG,
  summary: 'The tasks of your account, newest first',
  description: 'Imported ones come after those that were made here.',
  access: READ,
  ...OLDER,
  query: z.object({ limit: z.coerce.number().int().min(1).max(MAX_TASKS).default(DEFAULT_TASKS) }),
  responses: { 200: { description: 'A list', schema: z.array(listedTaskSchema) } },
  errors: [],
});

export const olderStatusRoute = defineRoute({
  id: 'older.status',
  method: 'GET',
  path: '/status/:id',
  tag: TAG,
  summary: 'How a task stands',
  access: READ,
  ...OLDER,
  params: z.object({ id: z.string().describe('`task_…`, or the id of an imported task') }),
  responses: { 200: { description: 'The task', schema: listedTaskSchema } },
  errors: ['not_found'],
});

export const olderUploadRoute = defineRoute({
  id: 'older.upload',
  method: 'POST',
  path: '/api/upload-image',
  tag: TAG,
  summary: 'Upload a picture (multipart, field `file`)',
  access: WRITE,
  ...OLDER,
  multipart: z.object({ file: z.file() }),
  maxBodyBytes: MAX_UPLOAD_FORM_BYTES,
  responses: {
    200: {
      description: 'Its address, which `image_url` of /api/generate-image takes',
      schema: z
        .object({ success: z.literal(true), url: z.url(), id: z.string() })
        .meta({ id: 'OlderUpload' }),
    },
  },
  errors: [
    'unsupported_media_type',
    'image_invalid',
    'payload_too_large',
    'storage_quota_reached',
    'storage_full',
    'storage_unavailable',
  ],
});

const picture = z.string().max(MAX_PICTURE_CHARS);
const pictures = z
  .union([picture, z.array(picture).max(MAX_PICTURES)])
  .nullish()
  .describe(
    'An address (of an upload here, or public), a `data:` address, or the id of an upload; or several.',
  );
const text = (most: number) => z.string().max(most).nullish();

/** Whatever the older pages called the same thing. */
export const olderWishBody = z
  .looseObject({
    prompt: z.string().min(1).max(MAX_PROMPT_CHARS),
    mode: text(40).describe(
      '`text-to-image` or `image-to-image`; also text2img, txt2img, t2i, img2img, i2i.',
    ),
    model: text(100),
    image_url: pictures,
    imageUrl: pictures,
    image_urls: pictures,
    imageUrls: pictures,
    filesUrl: pictures,
    size: text(20).describe('Pixels such as 1024x768, or a ratio such as 3:2.'),
    aspect_ratio: text(10),
    aspectRatio: text(10),
    negative_prompt: text(4000),
    negativePrompt: text(4000),
  })
  .meta({ id: 'OlderWish' });

export const CREATE_ERRORS = [
  'model_not_found',
  'insufficient_credits',
  'spending_limit_reached',
  'storage_quota_reached',
  'idempotency_mismatch',
  'idempotency_in_progress',
  'image_invalid',
  'payload_too_large',
  'provider_unavailable',
  'not_found',
  'storage_full',
  'storage_unavailable',
] as const;

export const olderGenerateRoute = defineRoute({
  id: 'older.generate',
  method: 'POST',
  path: '/api/generate-image',
  tag: TAG,
  summary: 'Ask for a picture',
  description: `Answers at once. The same wish within ${DEDUPE_WINDOW_S} s gives the task that there is. Fields of \`POST /v1/tasks\` are taken too.`,
  access: WRITE,
  ...OLDER,
  body: olderWishBody,
  maxBodyBytes: MAX_TASK_BODY_BYTES,
  headers: { 'Idempotency-Key': 'Makes a retry safe: 1 to 200 characters, kept for 24 hours.' },
  responses: {
    200: {
      description: 'The task',
      schema: z
        .object({ success: z.literal(true), taskId: z.string(), status: z.literal('pending') })
        .meta({ id: 'OlderAccepted' }),
    },
  },
  errors: CREATE_ERRORS,
});

const taskQuery = z.object({ taskId: id });

export const olderDetailsRoute = defineRoute({
  id: 'older.details',
  method: 'GET',
  path: '/api/image-details',
  tag: TAG,
  summary: 'How a task stands',
  access: READ,
  ...OLDER,
  query: taskQuery,
  responses: { 200: { description: 'The task', schema: taskDetailsSchema } },
  errors: ['not_found'],
});

export const olderPollRoute = defineRoute({
  id: 'older.poll',
  method: 'GET',
  path: '/api/poll-task',
  tag: TAG,
  summary: 'Follow a task (server-sent events)',
  description:
    '`message` events with the body of /api/image-details, then one `done` with the last of them. A browser that comes back after it gets 204, so that it stops.',
  access: { ...READ, ticket: true },
  ...OLDER,
  query: taskQuery.extend({ ticket: z.string().max(2000).optional() }),
  headers: { 'Last-Event-ID': 'What a browser sends when it comes back.' },
  responses: {
    200: { description: 'The stream', contentType: 'text/event-stream' },
    204: { description: 'The stream was over already' },
  },
  errors: ['not_found'],
});

const downloadAsk = { taskId: id.optional(), url: z.string().min(1).max(MAX_URL_CHARS).optional() };
const downloadAnswer = {
  200: {
    description: 'An address under which browsers save the picture',
    schema: z.object({ success: z.literal(true), url: z.url() }).meta({ id: 'OlderDownload' }),
  },
} as const;

export const olderDownloadRoute = defineRoute({
  id: 'older.download',
  method: 'GET',
  path: '/api/download-url',
  tag: TAG,
  summary: 'The address to save a picture from: by `taskId`, or by its `url` here',
  access: { kind: 'scope', scope: 'images:read' },
  ...OLDER,
  query: z.object(downloadAsk),
  responses: downloadAnswer,
  errors: ['not_found', 'conflict'],
});

export const olderDownloadPostRoute = defineRoute({
  id: 'older.downloadPost',
  method: 'POST',
  path: '/api/download-url',
  tag: TAG,
  summary: 'As GET, with the same fields as JSON',
  access: { kind: 'scope', scope: 'images:read' },
  ...OLDER,
  body: z.looseObject(downloadAsk),
  responses: downloadAnswer,
  errors: ['not_found', 'conflict'],
});

const shareAnswer = {
  200: {
    description: 'A link that anybody can open; the same again while the task has one',
    schema: z
      .object({ success: z.literal(true), shareUrl: z.url(), slug: z.string() })
      .meta({ id: 'OlderShare' }),
  },
} as const;

export const olderShareRoute = defineRoute({
  id: 'older.share',
  method: 'GET',
  path: '/api/share',
  tag: TAG,
  summary: 'A link to the pictures of a task; see /v1/shares',
  access: { kind: 'scope', scope: 'images:write' },
  ...OLDER,
  query: taskQuery,
  responses: shareAnswer,
  errors: ['not_found', 'conflict'],
});

export const olderSharePostRoute = defineRoute({
  id: 'older.sharePost',
  method: 'POST',
  path: '/api/share',
  tag: TAG,
  summary: 'As GET, with `taskId` as JSON',
  access: { kind: 'scope', scope: 'images:write' },
  ...OLDER,
  body: z.looseObject({ taskId: id }),
  responses: shareAnswer,
  errors: ['not_found', 'conflict'],
});

const partState = z.enum(['ok', 'degraded', 'down', 'not_configured']);
const healthSchema = z
  .object({
    status: z.enum(['ok', 'degraded', 'down']),
    kieApi: partState,
    r2Storage: partState,
    shareSystem: partState,
    reasons: z.record(z.string(), z.string()).describe('For each part that is not `ok`: why, in words'),
  })
  .meta({ id: 'OlderHealth' });

export const olderHealthRoute = defineRoute({
  id: 'older.health',
  method: 'GET',
  path: '/api/health',
  tag: TAG,
  summary: 'Whether pictures can be made, kept and shared',
  access: { kind: 'public' },
  limit: 'api',
  errorStyle: 'older',
  responses: {
    200: { description: 'Pictures can be made', schema: healthSchema },
    503: { description: 'No picture can be made now', schema: healthSchema },
  },
  errors: [],
});

export const olderEnvironmentRoute = defineRoute({
  id: 'older.environment',
  method: 'GET',
  path: '/api/test-env',
  tag: TAG,
  summary: 'Which variables of providers and stores have a value; never the value',
  access: READ,
  ...OLDER,
  responses: {
    200: { description: 'By name', schema: z.record(z.string(), z.enum(['present', 'absent'])) },
  },
  errors: [],
});
