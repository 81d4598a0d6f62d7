// A task on the wire: what it may ask for, and how it is answered.
import { z } from 'zod';
import { ERROR_CODES, type ErrorCode } from '../kernel/errors.ts';
import { taskImageSchema } from '../media/contract.ts';
import { REMARK_CODES } from './remarks.ts';

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

const ERROR_CODE_NAMES = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

export const text = (maxChars: number) => z.string().max(maxChars);
export const id = z.string().min(1).max(60);
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

export const taskParams = z.object({ id });
