// How an older system is taken over: its pictures under their old names, its tasks as they were answered there, and its people
// with what they had. Every call may be made again; what is there already is left as it is.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { MAX_UPLOAD_FORM_BYTES } from './older-contract.ts';

const TAG = 'Administration';
const ADMIN = { kind: 'scope', scope: 'admin' } as const;
export const MAX_IMPORT_BATCH = 500;
const MAX_OLD_ID_CHARS = 100;
const MAX_NAME_CHARS = 250;
const MAX_ERROR_CHARS = 500;
const MAX_FILES = 50;
const MAX_PROMPT_CHARS = 8000;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');
const oldId = z.string().min(1).max(MAX_OLD_ID_CHARS);
const owner = oldId
  .optional()
  .describe('Who owned it there; without it, the account that calls or is acted for');
const kind = z.enum(['original', 'final', 'hd']);
const name = z.string().min(1).max(MAX_NAME_CHARS).describe('The path below the folder of this kind');

export const checkImportRoute = defineRoute({
  id: 'import.check',
  method: 'POST',
  path: '/v1/admin/import/check',
  tag: TAG,
  summary: 'Which files of an older system are here already',
  access: ADMIN,
  limit: 'api',
  body: z.strictObject({
    kind,
    files: z.array(z.strictObject({ name, sha256, owner })).min(1).max(MAX_IMPORT_BATCH),
  }),
  responses: {
    200: {
      description: 'In the same order',
      schema: z.object({
        data: z.array(
          z.object({
            name: z.string(),
            state: z
              .enum(['new', 'known', 'taken', 'bad_name', 'no_owner'])
              .describe('`taken`: the name means other bytes, or is another account’s'),
          }),
        ),
      }),
    },
  },
  errors: [],
});

export const importPictureFields = z.object({
  kind,
  name,
  sha256: sha256.describe('Of the file; what arrives is compared with it'),
  owner,
  prompt: z.string().max(MAX_PROMPT_CHARS).default(''),
  mode: z.enum(['text-to-image', 'image-to-image', 'upscale']).default('text-to-image'),
  model: z.string().max(100).default('imported'),
  created_at: z.iso.datetime({ offset: true }).optional(),
});

export const importPictureRoute = defineRoute({
  id: 'import.picture',
  method: 'POST',
  path: '/v1/admin/import/pictures',
  tag: TAG,
  summary: 'Take over one picture under the name it had',
  description: 'From then on `/media/{kind}/{name}` and `/images/{name}` answer with it.',
  access: ADMIN,
  limit: 'api',
  multipart: importPictureFields.extend({ file: z.file() }),
  maxBodyBytes: MAX_UPLOAD_FORM_BYTES,
  responses: {
    200: {
      description: 'What came of it',
      schema: z.object({
        state: z
          .enum(['imported', 'linked', 'known'])
          .describe('`linked`: the same bytes were here under another name'),
        url: z.url(),
      }),
    },
  },
  errors: [
    'conflict',
    'unsupported_media_type',
    'image_invalid',
    'payload_too_large',
    'storage_full',
    'storage_unavailable',
  ],
});

export const importTasksRoute = defineRoute({
  id: 'import.tasks',
  method: 'POST',
  path: '/v1/admin/import/tasks',
  tag: TAG,
  summary: 'Take over tasks, so that their old ids answer on the older paths',
  access: ADMIN,
  limit: 'api',
  body: z.strictObject({
    tasks: z
      .array(
        z.strictObject({
          id: oldId,
          status: z.enum(['succeeded', 'failed', 'cancelled']),
          prompt: z.string().max(MAX_PROMPT_CHARS),
          error: z.string().max(MAX_ERROR_CHARS).nullable(),
          files: z.array(z.strictObject({ kind, name })).max(MAX_FILES),
          created_at: z.iso.datetime({ offset: true }),
          owner,
        }),
      )
      .min(1)
      .max(MAX_IMPORT_BATCH),
    dry_run: z.boolean().default(false),
  }),
  responses: {
    200: {
      description: 'How many came in, and how many were here already',
      schema: z.object({ imported: z.int(), known: z.int() }),
    },
  },
  errors: ['validation_failed'],
});

export const importAccountsRoute = defineRoute({
  id: 'import.accounts',
  method: 'POST',
  path: '/v1/admin/import/accounts',
  tag: TAG,
  summary: 'Open an account for each person of an older system, with the credits they had',
  description: 'A person who has an account already keeps it; the credits are granted once.',
  access: ADMIN,
  limit: 'api',
  body: z.strictObject({
    accounts: z
      .array(
        z.strictObject({
          id: oldId,
          name: z.string().trim().min(1).max(100).optional(),
          credits: z.union([z.number().min(0), z.string().max(40)]).default(0),
        }),
      )
      .min(1)
      .max(MAX_IMPORT_BATCH),
    dry_run: z.boolean().default(false),
  }),
  responses: {
    200: {
      description: 'In the same order',
      schema: z.object({
        data: z.array(
          z.object({
            id: z.string(),
            account_id: z.string().nullable().describe('Null: a dry run would open it'),
            state: z.enum(['opened', 'known']),
          }),
        ),
      }),
    },
  },
  errors: ['validation_failed', 'idempotency_mismatch'],
});
