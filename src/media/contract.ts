// The HTTP contracts of uploads, pictures and their files.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { cursorOf, pageLimit, pageOf } from '../kernel/wire-schemas.ts';
import { imageDetailSchema } from './gallery-contract.ts';
import { imageSchema, taskImageSchema } from './image-contract.ts';

export {
  actOnGalleryRoute,
  countNewInGalleryRoute,
  type GalleryActionBody,
  type GalleryFacets,
  type GalleryOperation,
  type GalleryQuery,
  type GalleryRow,
  getGalleryActionRoute,
  getGalleryFacetsRoute,
  getGalleryIndexRoute,
  getGalleryWindowRoute,
  type ImageDetail,
  type ImageMaking,
  repairImageRoute,
  undoGalleryActionRoute,
} from './gallery-contract.ts';
export {
  getStorageRoute,
  listMovesRoute,
  moveSchema,
  presignUploadRoute,
  retryMovesRoute,
  storageSchema,
} from './store-contract.ts';
export { imageSchema, taskImageSchema };

export const MAX_TAGS = 32;
/** Far more than a file system takes. */
const MAX_DOWNLOAD_CHARS = 1000;
const MAX_SIGNATURE_CHARS = 200;
export const MAX_TAG_CHARS = 64;
export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;
const MAX_QUERY_CHARS = 300;

const timestamp = z.iso.datetime().describe('RFC 3339, UTC, milliseconds');
const moment = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .describe('RFC 3339 time');
const flagText = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .describe('true or false');
const imageId = z.object({ id: z.string().describe('`img_…`') });

export const uploadSchema = z.object({
  id: z.string().describe('`up_…`; give it as `upload_id` to a task'),
  url: z.url(),
  thumb_url: z.url(),
  width: z.int(),
  height: z.int(),
  mime: z.string(),
  bytes: z.int(),
  sha256: z.string().describe('Of the stored bytes, lower-case hex'),
  thumbhash: z.string().nullable().describe('Base64; a blurred preview of 20-30 bytes'),
  created_at: timestamp,
  expires_at: timestamp.describe('Removed after this time unless a task uses it'),
});

export const createUploadRoute = defineRoute({
  id: 'uploads.create',
  method: 'POST',
  path: '/v1/uploads',
  tag: 'Uploads',
  summary: 'Upload a picture',
  description:
    'One PNG, JPEG or WebP of at most 32 MB and 50 megapixels in the field `file`. It is turned upright and stored without its metadata (place, camera, comments).',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  multipart: z.object({ file: z.file() }),
  responses: { 201: { description: 'The stored upload', schema: uploadSchema } },
  errors: [
    'validation_failed',
    'unsupported_media_type',
    'payload_too_large',
    'image_invalid',
    'storage_full',
    'storage_unavailable',
  ],
});

export const completeUploadRoute = defineRoute({
  id: 'uploads.complete',
  method: 'POST',
  path: '/v1/uploads/:id/complete',
  tag: 'Uploads',
  summary: 'Take over a file that was put to the address of a direct upload',
  description:
    'Its bytes are checked and prepared exactly as those of every other upload. A second call gives the same upload.',
  access: { kind: 'scope', scope: 'tasks:write' },
  limit: 'api',
  params: z.object({ id: z.string().describe('`upload_id` of the promise') }),
  responses: { 200: { description: 'The stored upload', schema: uploadSchema } },
  errors: [
    'not_found',
    'conflict',
    'unsupported_media_type',
    'payload_too_large',
    'image_invalid',
    'storage_full',
    'storage_unavailable',
  ],
});

/** A copy at a public host, which nobody but its owner can delete. */
export const publicCopySchema = z
  .object({
    url: z.url(),
    delete_url: z.url().nullable().describe('A page on which a person can delete it; keep it to yourself'),
    expires_at: timestamp.nullable().describe('When the host removes it by itself'),
  })
  .meta({ id: 'PublicCopy' });

export const listImagesRoute = defineRoute({
  id: 'images.list',
  method: 'GET',
  path: '/v1/images',
  tag: 'Images',
  summary: 'List pictures, newest first',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  query: z.object({
    mode: z.enum(['text-to-image', 'image-to-image', 'upscale']).optional(),
    model: z.string().max(MAX_QUERY_CHARS).optional(),
    provider: z.string().max(MAX_QUERY_CHARS).optional(),
    kind: z.enum(['final', 'hd']).optional(),
    task_id: z.string().max(64).optional(),
    tag: z.string().max(MAX_TAG_CHARS).optional(),
    favourite: flagText.optional(),
    trashed: flagText.default(false).describe('true lists the trash instead'),
    before: moment.optional(),
    after: moment.optional(),
    q: z.string().max(MAX_QUERY_CHARS).optional().describe('Words that the prompt must hold'),
    limit: pageLimit(DEFAULT_PAGE, MAX_PAGE),
    cursor: cursorOf('img'),
  }),
  responses: {
    200: {
      description: 'A page of pictures',
      schema: pageOf(imageSchema),
    },
  },
  errors: ['validation_failed'],
});

export const getImageRoute = defineRoute({
  id: 'images.get',
  method: 'GET',
  path: '/v1/images/:id',
  tag: 'Images',
  summary: 'One picture, with everything that is known about it',
  description:
    'Where it came from: the request behind it, the picture it was made larger from (`parent_id`) and the larger ones made from it (`stack`).',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  params: imageId,
  responses: { 200: { description: 'The picture', schema: imageDetailSchema } },
  errors: ['not_found'],
});

export const updateImageRoute = defineRoute({
  id: 'images.update',
  method: 'PATCH',
  path: '/v1/images/:id',
  tag: 'Images',
  summary: 'Mark as favourite, or set tags',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  params: imageId,
  body: z
    .strictObject({
      favourite: z.boolean().optional(),
      tags: z
        .array(z.string().trim().min(1).max(MAX_TAG_CHARS))
        .max(MAX_TAGS)
        .transform((tags) => [...new Set(tags)])
        .optional(),
    })
    .refine((body) => body.favourite !== undefined || body.tags !== undefined, 'Give favourite or tags.'),
  responses: { 200: { description: 'The picture as it is now', schema: imageSchema } },
  errors: ['validation_failed', 'not_found'],
});

export const removeImageRoute = defineRoute({
  id: 'images.remove',
  method: 'DELETE',
  path: '/v1/images/:id',
  tag: 'Images',
  summary: 'Move a picture to the trash',
  description:
    'Its link stops working at once. It can be restored for 30 days. `public_copies` names what cannot be taken back: copies at a public host (ImgBB) that hold until a person deletes them there.',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  params: imageId,
  responses: {
    200: {
      description: 'The picture, now in the trash',
      schema: imageSchema.extend({ public_copies: z.array(publicCopySchema) }),
    },
  },
  errors: ['not_found'],
});

export const restoreImageRoute = defineRoute({
  id: 'images.restore',
  method: 'POST',
  path: '/v1/images/:id/restore',
  tag: 'Images',
  summary: 'Take a picture out of the trash',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  params: imageId,
  responses: { 200: { description: 'The picture', schema: imageSchema } },
  errors: ['not_found'],
});

const mediaQuery = z.object({
  download: z.string().optional().describe('Save under this name instead of showing it'),
  expires: z.string().max(MAX_SIGNATURE_CHARS).optional(),
  signature: z.string().max(MAX_SIGNATURE_CHARS).optional(),
});

const mediaAnswers = {
  200: { description: 'The picture', contentType: 'image/*' },
  206: { description: 'The range asked for', contentType: 'image/*' },
  302: { description: 'The picture lies in a store that callers are sent to' },
  304: { description: 'Not changed' },
  416: { description: 'No byte of the file is in the range asked for' },
} as const;

export const serveMediaRoute = defineRoute({
  id: 'media.get',
  method: 'GET',
  path: '/media/:kind/:key',
  tag: 'Media',
  summary: 'The bytes of a picture',
  description:
    'Answers ranges and conditional requests. Whoever has the link sees the picture, unless the server is set to private access: then the link carries a signature, or the owner is signed in. The file names of imported pictures are keys too.',
  access: { kind: 'public' },
  limit: 'media',
  params: z.object({
    kind: z.string().describe('original, final, hd or thumb'),
    key: z.string(),
  }),
  query: mediaQuery,
  responses: mediaAnswers,
  errors: ['not_found', 'storage_unavailable'],
});

export const serveOldPathRoute = defineRoute({
  id: 'media.getOldPath',
  method: 'GET',
  path: '/media/:kind/*',
  tag: 'Media',
  summary: 'The bytes of an imported picture that lay in a folder',
  access: { kind: 'public' },
  limit: 'media',
  params: z.object({
    kind: z.string().describe('original, final or hd'),
    '*': z.string().describe('Such as `2024/cat.png`'),
  }),
  query: mediaQuery,
  responses: mediaAnswers,
  errors: ['not_found', 'storage_unavailable'],
});

export const serveOldImageRoute = defineRoute({
  id: 'media.getImage',
  method: 'GET',
  path: '/images/*',
  tag: 'Older callers',
  summary: 'The bytes of a picture by its key, or by the file name that it was imported under',
  description: 'A name that several kinds have means the final picture, then the HD one, then the original.',
  access: { kind: 'public' },
  limit: 'media',
  params: z.object({ '*': z.string().describe('Such as `cat.png`') }),
  query: mediaQuery.extend({ download: z.string().max(MAX_DOWNLOAD_CHARS).optional() }),
  responses: mediaAnswers,
  errors: ['not_found', 'storage_unavailable'],
  errorStyle: 'older',
});
