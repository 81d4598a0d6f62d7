// The HTTP contracts of stores: what lies where and what is on its way, for operators; uploads put into the first store
// directly, for callers.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';

export const MAX_MOVES_PAGE = 200;
const DEFAULT_MOVES_PAGE = 50;
const MOST_PROMISED_BYTES = 1024 * 1024 * 1024;
const MAX_KEY_CHARS = 64;
const TAG = 'Storage';

const time = z.iso.datetime().describe('RFC 3339, UTC, milliseconds');

const storeSchema = z
  .object({
    name: z.string(),
    kind: z.enum(['disk', 's3', 'imgbb']),
    state: z
      .enum(['ok', 'resting', 'unknown', 'missing'])
      .describe(
        'resting: it failed and is left alone for a while; missing: files lie there, but it is not configured',
      ),
    is_first: z.boolean().describe('Whether pictures belong there'),
    is_public: z.boolean().describe('Whether anybody can see what is there, and nothing can be deleted'),
    reason: z.string().nullable().describe('Why it rests'),
    failed_at: time.nullable(),
    retry_at: time.nullable(),
    files: z.int(),
    bytes: z.int(),
    damaged: z.int(),
    free_bytes: z.int().nullable(),
  })
  .meta({ id: 'Store' });

export const storageSchema = z
  .object({
    stores: z.array(storeSchema).describe('In the order in which they are tried'),
    moves: z.object({
      waiting: z.int(),
      waiting_bytes: z.int(),
      failing: z.int().describe('Of the waiting ones, those whose last try failed'),
      done: z.int().describe('In the last week'),
      last_error: z.string().nullable(),
    }),
  })
  .meta({ id: 'Storage' });

export const moveSchema = z
  .object({
    key: z.string().describe('The key of the file'),
    from: z.string(),
    to: z.string(),
    state: z
      .enum(['waiting', 'moved', 'done'])
      .describe('moved: read from the new store, the old copy is not put away yet'),
    bytes: z.int(),
    tries: z.int(),
    due_at: time,
    last_error: z.string().nullable(),
    created_at: time,
    ended_at: time.nullable(),
  })
  .meta({ id: 'StoreMove' });

export const getStorageRoute = defineRoute({
  id: 'storage.get',
  method: 'GET',
  path: '/v1/admin/storage',
  tag: TAG,
  summary: 'The stores of pictures: how they do, what lies in them, what is being moved',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: { 200: { description: 'All stores', schema: storageSchema } },
  errors: [],
});

export const listMovesRoute = defineRoute({
  id: 'storage.listMoves',
  method: 'GET',
  path: '/v1/admin/storage/moves',
  tag: TAG,
  summary: 'Pictures on their way to the first store, and those that arrived in the last week',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: z.object({
    state: z.enum(['waiting', 'moved', 'done']).optional(),
    limit: z.coerce.number().int().min(1).max(MAX_MOVES_PAGE).default(DEFAULT_MOVES_PAGE),
    cursor: z.string().max(MAX_KEY_CHARS).optional().describe('`next_cursor` of the page before'),
  }),
  responses: {
    200: {
      description: 'A page of moves',
      schema: z.object({ data: z.array(moveSchema), next_cursor: z.string().nullable() }),
    },
  },
  errors: ['validation_failed'],
});

export const retryMovesRoute = defineRoute({
  id: 'storage.retryMoves',
  method: 'POST',
  path: '/v1/admin/storage/moves/retry',
  tag: TAG,
  summary: 'Try all moves that failed again now',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: {
    200: { description: 'How many were waiting for their next try', schema: z.object({ retried: z.int() }) },
  },
  errors: [],
});

export const presignUploadRoute = defineRoute({
  id: 'uploads.presign',
  method: 'POST',
  path: '/v1/uploads/presign',
  tag: 'Uploads',
  summary: 'An address to put a large upload to directly, past this server',
  description:
    'Only where the first store is S3-compatible (409 otherwise: use `POST /v1/uploads`). PUT exactly the stated bytes to `url` with `headers`, within 15 minutes, then call `complete`: until then it is no upload.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  body: z.strictObject({
    bytes: z.int().min(1).max(MOST_PROMISED_BYTES).describe('Size of the file'),
    content_type: z.enum(['image/png', 'image/jpeg', 'image/webp']),
  }),
  responses: {
    201: {
      description: 'Where to put the file',
      schema: z.object({
        upload_id: z.string().describe('`up_…`; an upload once it was completed'),
        method: z.literal('PUT'),
        url: z.url(),
        headers: z.record(z.string(), z.string()).describe('To be sent exactly so'),
        expires_at: time,
      }),
    },
  },
  errors: ['validation_failed', 'conflict', 'payload_too_large', 'storage_unavailable'],
});
