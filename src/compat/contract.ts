// OpenAI's image API as its official clients speak it. Fields that we have no use for are ignored, as other servers do.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { createTaskBody, MAX_PROMPT_CHARS } from '../tasks/contract.ts';

export {
  checkImportRoute,
  importAccountsRoute,
  importPictureRoute,
  importTasksRoute,
} from './import-contract.ts';
export {
  listOlderTasksRoute,
  olderDetailsRoute,
  olderDownloadPostRoute,
  olderDownloadRoute,
  olderEnvironmentRoute,
  olderGenerateRoute,
  olderHealthRoute,
  olderPollRoute,
  olderSharePostRoute,
  olderShareRoute,
  olderStatusRoute,
  olderUploadRoute,
} from './older-contract.ts';

const MAX_PICTURES = 16;
/** Several pictures of 32 MB each, and the fields beside them. */
export const MAX_EDIT_BYTES = 136 * 1024 * 1024;

const shared = {
  prompt: z.string().min(1).max(MAX_PROMPT_CHARS),
  model: z.string().max(100).nullish(),
  n: z.coerce.number().int().min(1).max(MAX_PICTURES).nullish(),
  size: z.string().max(20).nullish().describe('`auto` or pixels such as `1024x1536`.'),
  response_format: z.enum(['url', 'b64_json']).nullish().describe('`url` without it.'),
  seed: z.coerce.number().int().min(0).nullish().describe('Our addition.'),
  negative_prompt: createTaskBody.shape.negative_prompt.nullish().describe('Our addition.'),
  ratio: z
    .string()
    .regex(/^\d{1,3}:\d{1,3}$/, 'must look like 16:9')
    .nullish()
    .describe("jimeng's field: an aspect ratio."),
  resolution: z
    .string()
    .regex(/^[124]k$/i, 'must be 1k, 2k or 4k')
    .nullish()
    .describe("jimeng's field: `1k`, `2k` or `4k`; as far as the model goes. `size` counts instead."),
};

export const sharedFields = z.object(shared);

export const generateBody = z
  .looseObject({
    ...shared,
    stream: z.boolean().nullish().describe("OpenAI's image stream events."),
  })
  .meta({ id: 'OpenAiGenerate' });

export const editFields = z
  .looseObject({
    ...shared,
    stream: z
      .enum(['true', 'false'])
      .transform((text) => text === 'true')
      .nullish(),
    strength: z.coerce.number().min(0).max(1).nullish().describe('Our addition.'),
  })
  .meta({ id: 'OpenAiEditFields' });

const imagesResponse = z
  .object({
    created: z.int(),
    data: z.array(z.object({ url: z.string().optional(), b64_json: z.string().optional() })),
    error: z
      .object({ message: z.string(), type: z.string(), param: z.string().nullable(), code: z.string() })
      .optional(),
  })
  .meta({ id: 'OpenAiImages' });

const answers = {
  200: {
    description:
      "The pictures. After 20 s the answer starts with 200 and white space until the result is there; a failure by then is `{error, data: []}`. With `stream` OpenAI's server-sent events.",
    schema: imagesResponse,
  },
  202: {
    description: 'With `Prefer: respond-async`: where the task is found.',
    schema: z
      .object({
        id: z.string(),
        status: z.string(),
        urls: z.object({ get: z.string(), events: z.string(), cancel: z.string() }),
      })
      .meta({ id: 'AcceptedTask' }),
  },
} as const;

const errors = [
  'model_not_found',
  'insufficient_credits',
  'spending_limit_reached',
  'storage_quota_reached',
  'image_invalid',
  'content_blocked',
  'provider_unavailable',
  'provider_rejected',
  'submit_unknown',
  'deadline_exceeded',
  'cancelled',
  'storage_full',
  'storage_unavailable',
] as const;

const headers = {
  'Idempotency-Key': 'Attaches a repeated call to the first task.',
  Prefer: '`respond-async` answers at once with the task.',
};

export const generateImagesRoute = defineRoute({
  id: 'openai.images.generate',
  method: 'POST',
  path: '/v1/images/generations',
  tag: 'OpenAI-compatible',
  summary: 'Create pictures',
  description:
    'The official `openai` client works unmodified. `X-Task-Id` names the task; a retried call never makes a second picture.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  body: generateBody,
  anonymous: true,
  headers,
  responses: answers,
  errors,
  errorStyle: 'openai',
});

export const editImagesRoute = defineRoute({
  id: 'openai.images.edit',
  method: 'POST',
  path: '/v1/images/edits',
  tag: 'OpenAI-compatible',
  summary: 'Create pictures from pictures',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  multipart: z.object({
    ...shared,
    image: z.array(z.file()).describe('`image`, or `image[]` several times.'),
    mask: z.file().optional().describe('Transparent where the picture may change.'),
    stream: z.boolean().optional(),
  }),
  maxBodyBytes: MAX_EDIT_BYTES,
  headers,
  responses: answers,
  errors: [...errors, 'payload_too_large', 'unsupported_media_type'],
  errorStyle: 'openai',
});
