// The history of an account's prompts on the wire.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { pageLimit, pageOf } from '../kernel/wire-schemas.ts';

/** Distinct prompts that are kept, newest first; pinned ones come on top of that. */
export const MAX_PROMPTS = 200;
export const MAX_PINNED_PROMPTS = 100;

const TAG = 'Prompts';
const MAX_SEARCH_CHARS = 300;
const MAX_ID_CHARS = 60;
const MAX_CURSOR_CHARS = 200;
const DEFAULT_PAGE = 50;

export const promptSchema = z
  .object({
    id: z.string(),
    prompt: z.string(),
    pinned: z.boolean(),
    task_id: z.string().describe('The last task that was made with it'),
    last_used_at: z.iso.datetime({ precision: 3 }),
  })
  .meta({ id: 'Prompt' });

export type PromptBody = z.output<typeof promptSchema>;

const params = z.object({ id: z.string().min(1).max(MAX_ID_CHARS) });

export const listPromptsRoute = defineRoute({
  id: 'prompts.list',
  method: 'GET',
  path: '/v1/prompts',
  tag: TAG,
  summary: 'The prompts that were used last, pinned ones first',
  description: `Each prompt once, the newest ${MAX_PROMPTS}; they stay when pictures are deleted. Those of batches are left out.`,
  access: { kind: 'scope', scope: 'tasks:read' },
  limit: 'api',
  query: z.object({
    q: z
      .string()
      .max(MAX_SEARCH_CHARS)
      .optional()
      .describe('Words that must all be in the prompt; Chinese needs no spaces'),
    limit: pageLimit(DEFAULT_PAGE, MAX_PROMPTS),
    cursor: z
      .string()
      .max(MAX_CURSOR_CHARS)
      .regex(/^[01]\.task_[0-9a-f]{32}$/, 'This is not a cursor that a list gave.')
      .optional(),
  }),
  responses: {
    200: {
      description: 'A page',
      schema: pageOf(promptSchema).meta({ id: 'PromptPage' }),
    },
  },
  errors: [],
});

export const updatePromptRoute = defineRoute({
  id: 'prompts.update',
  method: 'PATCH',
  path: '/v1/prompts/:id',
  tag: TAG,
  summary: 'Pin a prompt, or let it go',
  description: `At most ${MAX_PINNED_PROMPTS} are pinned.`,
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params,
  body: z.strictObject({ pinned: z.boolean() }).meta({ id: 'PromptChange' }),
  responses: { 200: { description: 'The prompt as it is now', schema: promptSchema } },
  errors: ['not_found', 'conflict'],
});

export const removePromptRoute = defineRoute({
  id: 'prompts.remove',
  method: 'DELETE',
  path: '/v1/prompts/:id',
  tag: TAG,
  summary: 'Forget a prompt',
  description: 'Its tasks and pictures stay. It comes back when it is used again.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params,
  responses: { 204: { description: 'Forgotten' } },
  errors: ['not_found'],
});

export const clearPromptsRoute = defineRoute({
  id: 'prompts.clear',
  method: 'DELETE',
  path: '/v1/prompts',
  tag: TAG,
  summary: 'Forget all prompts that are not pinned',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  responses: {
    200: {
      description: 'Done',
      schema: z.object({ removed: z.int() }).meta({ id: 'PromptsCleared' }),
    },
  },
  errors: [],
});
