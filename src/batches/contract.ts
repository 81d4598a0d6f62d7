// The routes of batches: made from a source, paused, resumed, retried, listed and packed. Their bodies are in batch-schemas.ts.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { cursorOf } from '../kernel/wire-schemas.ts';
import {
  BATCH_STATUSES,
  batchCellsSchema,
  batchCheckSchema,
  batchItemSchema,
  batchSchema,
  createBatchBody,
  id,
  MAX_BATCH_BODY_BYTES,
  MAX_BATCH_ITEMS,
  MAX_PATTERN_CHARS,
  text,
} from './batch-schemas.ts';

export * from './batch-schemas.ts';

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 200;
const MAX_RETRIED = MAX_BATCH_ITEMS;

const READ = { kind: 'scope', scope: 'tasks:read' } as const;
const WRITE = { kind: 'scope', scope: 'tasks:write' } as const;
const params = z.object({ id });
const BATCH_ANSWER = { description: 'The batch.', schema: batchSchema };

const CREATE_ERRORS = [
  'insufficient_credits',
  'spending_limit_reached',
  'storage_quota_reached',
  'idempotency_mismatch',
  'image_invalid',
  'payload_too_large',
  'provider_unavailable',
  'storage_full',
  'storage_unavailable',
] as const;

export const createBatchRoute = defineRoute({
  id: 'batches.create',
  method: 'POST',
  path: '/v1/batches',
  tag: 'Batches',
  summary: 'Ask for many pictures at once',
  description: `At most ${MAX_BATCH_ITEMS} items, all or none: every row is checked and all credits are held before the first begins. With \`dry_run\` nothing is made and wrong rows are listed. The same \`Idempotency-Key\` gives the first batch again.`,
  access: WRITE,
  limit: 'api',
  body: createBatchBody,
  maxBodyBytes: MAX_BATCH_BODY_BYTES,
  headers: { 'Idempotency-Key': 'Makes a retry safe: 1 to 200 characters.' },
  responses: {
    201: { description: 'Accepted and durable.', schema: batchSchema },
    200: { description: 'What `dry_run` found.', schema: batchCheckSchema },
  },
  errors: CREATE_ERRORS,
});

export const listBatchesRoute = defineRoute({
  id: 'batches.list',
  method: 'GET',
  path: '/v1/batches',
  tag: 'Batches',
  summary: 'Batches, newest first',
  access: READ,
  limit: 'api',
  query: z.strictObject({
    status: z.enum(BATCH_STATUSES).optional(),
    limit: z.coerce.number().int().min(1).max(100).default(20),
    cursor: cursorOf('batch'),
  }),
  responses: {
    200: {
      description: 'A page.',
      schema: z
        .object({ data: z.array(batchSchema), next_cursor: z.string().nullable() })
        .meta({ id: 'BatchPage' }),
    },
  },
  errors: [],
});

export const getBatchRoute = defineRoute({
  id: 'batches.get',
  method: 'GET',
  path: '/v1/batches/:id',
  tag: 'Batches',
  summary: 'One batch with its counts',
  access: READ,
  limit: 'api',
  params,
  responses: { 200: BATCH_ANSWER },
  errors: ['not_found'],
});

/** Actions answer with the batch as it is then; each is idempotent. */
const action = <Id extends string, Path extends string>(
  routeId: Id,
  path: Path,
  about: { summary: string; description: string },
) => ({
  id: routeId,
  method: 'POST' as const,
  path,
  tag: 'Batches',
  ...about,
  access: WRITE,
  limit: 'api' as const,
  params,
  responses: { 200: BATCH_ANSWER },
});

export const pauseBatchRoute = defineRoute({
  ...action('batches.pause', '/v1/batches/:id/pause', {
    summary: 'Begin nothing more of a batch',
    description: 'What runs comes to its end. The credits of what waits stay held.',
  }),
  errors: ['not_found', 'conflict'],
});

export const resumeBatchRoute = defineRoute({
  ...action('batches.resume', '/v1/batches/:id/resume', {
    summary: 'Go on with a paused batch',
    description: 'Its items get places in the queue as of now.',
  }),
  errors: ['not_found', 'conflict'],
});

export const cancelBatchRoute = defineRoute({
  ...action('batches.cancel', '/v1/batches/:id/cancel', {
    summary: 'Cancel what is left of a batch',
    description: 'What waits ends at once with its credits returned; what runs is asked to stop.',
  }),
  errors: ['not_found'],
});

export const retryFailedRoute = defineRoute({
  ...action('batches.retryFailed', '/v1/batches/:id/retry-failed', {
    summary: 'Try the failed items again',
    description: 'Each as a new task in its old place, at the present price. Nothing else is touched.',
  }),
  body: z
    .strictObject({
      cancelled: z.boolean().default(false).describe('Those that were cancelled too.'),
      budget_credits: z.number().min(0).optional(),
    })
    .default({ cancelled: false })
    .meta({ id: 'RetryFailed' }),
  errors: ['not_found', 'conflict', ...CREATE_ERRORS],
});

export const retryItemsRoute = defineRoute({
  ...action('batches.retryItems', '/v1/batches/:id/retry', {
    summary: 'Try some items again',
    description: 'Those that failed or were cancelled among these positions; others are left as they are.',
  }),
  body: z
    .strictObject({
      positions: z.array(z.int().min(0)).min(1).max(MAX_RETRIED),
      budget_credits: z.number().min(0).optional(),
    })
    .meta({ id: 'RetryItems' }),
  errors: ['not_found', 'conflict', ...CREATE_ERRORS],
});

export const listBatchItemsRoute = defineRoute({
  id: 'batches.items',
  method: 'GET',
  path: '/v1/batches/:id/items',
  tag: 'Batches',
  summary: 'Items in their order',
  access: READ,
  limit: 'api',
  params,
  query: z.strictObject({
    status: z
      .string()
      .max(100)
      .regex(/^(queued|running|succeeded|failed|cancelled)(,(queued|running|succeeded|failed|cancelled))*$/)
      .optional()
      .describe('One status, or several with commas.'),
    q: text(200).optional().describe('Text that the prompt contains.'),
    limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE),
    cursor: z
      .string()
      .regex(/^\d{1,6}$/)
      .optional()
      .describe('The first position: `next_cursor`, or any.'),
  }),
  responses: {
    200: {
      description: 'A page.',
      schema: z
        .object({ data: z.array(batchItemSchema), next_cursor: z.string().nullable() })
        .meta({ id: 'BatchItemPage' }),
    },
  },
  errors: ['not_found'],
});

export const batchCellsRoute = defineRoute({
  id: 'batches.cells',
  method: 'GET',
  path: '/v1/batches/:id/cells',
  tag: 'Batches',
  summary: 'The state of every item, small enough for a grid of ten thousand',
  description: 'All letters, or what changed since a version; a version that is not remembered gives all.',
  access: READ,
  limit: 'api',
  params,
  query: z.strictObject({ since: text(60).optional() }),
  responses: { 200: { description: 'The states.', schema: batchCellsSchema } },
  errors: ['not_found'],
});

export const batchArchiveRoute = defineRoute({
  id: 'batches.archive',
  method: 'GET',
  path: '/v1/batches/:id/archive.zip',
  tag: 'Batches',
  summary: 'All finished pictures as a ZIP',
  description:
    'Streamed while it is read, with `manifest.jsonl` and `results.csv` at its end. Works at any time, also while the batch runs.',
  access: READ,
  limit: 'api',
  params,
  query: z.strictObject({
    pattern: text(MAX_PATTERN_CHARS).optional().describe("Instead of the batch's own `file_pattern`."),
  }),
  responses: { 200: { description: 'The ZIP.', contentType: 'application/zip' } },
  errors: ['not_found'],
});

export const batchManifestRoute = defineRoute({
  id: 'batches.manifest',
  method: 'GET',
  path: '/v1/batches/:id/manifest.jsonl',
  tag: 'Batches',
  summary: 'Every item with its result, one a line',
  description: 'Given as the `jsonl` of a new batch, it makes what is not done yet.',
  access: READ,
  limit: 'api',
  params,
  query: z.strictObject({ pattern: text(MAX_PATTERN_CHARS).optional() }),
  responses: { 200: { description: 'JSON lines.', contentType: 'application/x-ndjson' } },
  errors: ['not_found'],
});

export const batchResultsRoute = defineRoute({
  id: 'batches.results',
  method: 'GET',
  path: '/v1/batches/:id/results.csv',
  tag: 'Batches',
  summary: 'Every item with its result, for a spreadsheet',
  description: 'UTF-8 with a BOM; no cell can be taken for a formula.',
  access: READ,
  limit: 'api',
  params,
  responses: { 200: { description: 'CSV.', contentType: 'text/csv' } },
  errors: ['not_found'],
});
