// The HTTP contracts of the gallery: its index, windows of rows, facets, what is new, and actions on many pictures at once.
// All reads take the same filter, so that positions of the index, rows of a window and counts speak of the same pictures.
import { z } from 'zod';
import { isId } from '../kernel/id.ts';
import { defineRoute } from '../kernel/route.ts';
import { imageSchema } from './image-contract.ts';

const MAX_NAME_CHARS = 300;
const MAX_TAG_CHARS = 64;
export const MAX_WINDOW = 200;
const DEFAULT_WINDOW = 100;
/** Pictures from one anchor of the index to the next. */
export const ANCHOR_STEP = 1_000;
/** Pictures that one action can name by their ids; more are named by a filter. */
export const MAX_SELECTED_IDS = 1_000;
const MAX_EXCEPT_IDS = 1_000;
/** The largest difference between a place's time and UTC, in minutes. */
const MAX_UTC_OFFSET_MIN = 14 * 60;

const timestamp = z.iso.datetime().describe('RFC 3339, UTC, milliseconds');
const moment = z.iso
  .datetime({ offset: true })
  .transform((text) => Date.parse(text))
  .describe('RFC 3339 time');
const flagText = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .describe('true or false');
const imageIdText = z.string().refine((text) => isId('img', text), 'This is not the id of a picture.');

export const ORIGINS = ['studio', 'batch', 'story', 'api'] as const;
export const RATIOS = ['portrait', 'landscape', 'square'] as const;
export const GALLERY_ACTIONS = [
  'trash',
  'restore',
  'favourite',
  'unfavourite',
  'tag',
  'untag',
  'delete_forever',
] as const;

/** What the filter means is said once here; `flag` and `time` differ between a query string and a JSON body. */
function filterFields<Flag extends z.ZodType, Time extends z.ZodType>(flag: Flag, time: Time) {
  return {
    mode: z.enum(['text-to-image', 'image-to-image', 'upscale']).optional(),
    kind: z.enum(['final', 'hd']).optional(),
    origin: z.enum(ORIGINS).optional().describe('Where its task came from'),
    model: z.string().max(MAX_NAME_CHARS).optional(),
    provider: z.string().max(MAX_NAME_CHARS).optional(),
    style: z.string().max(MAX_NAME_CHARS).optional().describe('The id of a style, or `none`'),
    ratio: z.enum(RATIOS).optional().describe('square: within 1 % of equal sides'),
    before: time.optional().describe('Made earlier than this'),
    after: time.optional().describe('Made at this time or later'),
    favourite: flag.optional(),
    trashed: flag.optional().describe('true: the trash instead of the gallery'),
    tag: z.string().min(1).max(MAX_TAG_CHARS).optional().describe('Upper and lower case are the same'),
    q: z
      .string()
      .max(MAX_NAME_CHARS)
      .optional()
      .describe('Words that the prompt must hold, in any order; Chinese needs no spaces'),
  };
}

const filterQuery = filterFields(flagText, moment);
export const galleryFilterBody = z
  .strictObject(filterFields(z.boolean(), moment))
  .meta({ id: 'GalleryFilter' });
export type GalleryQuery = z.output<typeof galleryFilterBody>;

const utcOffset = z.coerce
  .number()
  .int()
  .min(-MAX_UTC_OFFSET_MIN)
  .max(MAX_UTC_OFFSET_MIN)
  .default(0)
  .describe('Minutes to add to UTC for the days of the caller: 480 in China');

export const getGalleryIndexRoute = defineRoute({
  id: 'gallery.index',
  method: 'GET',
  path: '/v1/gallery/index',
  tag: 'Gallery',
  summary: 'All matching pictures in about a byte each',
  description:
    'The aspect ratio of every matching picture, newest first, with the days and every 1,000th id, as bytes: see docs/gallery-format.md. Sent in blocks of 20,000 pictures, each of use before the next arrives. Answers `If-None-Match`.',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  query: z.object({ ...filterQuery, utc_offset: utcOffset }),
  responses: {
    200: { description: 'The index', contentType: 'application/octet-stream' },
    304: { description: 'Not changed' },
  },
  errors: ['validation_failed'],
});

export const galleryRowSchema = imageSchema
  .extend({
    origin: z.enum(ORIGINS),
    stack: z
      .object({
        count: z.int().describe('How many larger variants there are'),
        ids: z.array(z.string()).describe('The newest of them, at most 8'),
      })
      .nullable()
      .describe('Larger variants made from this picture; null when there are none'),
    damage: z
      .object({
        found_at: timestamp,
        repair: z
          .enum(['possible', 'none'])
          .describe('possible: a backup may hold the file, see `POST /v1/images/{id}/repair`'),
      })
      .nullable()
      .describe('The stored file is missing or damaged, and is not served'),
  })
  .meta({ id: 'GalleryRow' });
export type GalleryRow = z.output<typeof galleryRowSchema>;

/** The request behind a picture, as it was asked for and as it was sent. */
export const imageMakingSchema = z
  .object({
    task_id: z.string(),
    batch_id: z.string().nullable(),
    mode: z.enum(['text-to-image', 'image-to-image', 'upscale']),
    model: z.string(),
    provider: z.string(),
    provider_model: z.string().describe("The provider's own name of the model"),
    prompt: z.string().describe('As the caller wrote it'),
    negative_prompt: z.string().nullable(),
    final_prompt: z.string().describe('What the provider got: the prompt merged with the style'),
    final_negative_prompt: z.string().nullable(),
    style: z.object({ id: z.string(), names: z.object({ en: z.string(), zh: z.string() }) }).nullable(),
    size: z.string().describe('Asked for, `WIDTHxHEIGHT`'),
    n: z.int().describe('How many pictures were asked for together'),
    seed: z.int().describe('Asked for; `seed` of the picture is the one it was made with'),
    strength: z.number().nullable(),
    images: z
      .array(z.object({ url: z.string(), width: z.int(), height: z.int() }))
      .describe('Input pictures'),
    mask: z.object({ url: z.string() }).nullable(),
    total_ms: z.int().nullable().describe('From the request to the end'),
  })
  .meta({ id: 'ImageMaking' });
export type ImageMaking = z.output<typeof imageMakingSchema>;

export const imageDetailSchema = galleryRowSchema
  .extend({
    making: imageMakingSchema.nullable().describe('Null when it was imported, or when its task is gone'),
  })
  .meta({ id: 'ImageDetail' });
export type ImageDetail = z.output<typeof imageDetailSchema>;

export const getGalleryWindowRoute = defineRoute({
  id: 'gallery.window',
  method: 'GET',
  path: '/v1/gallery/window',
  tag: 'Gallery',
  summary: 'Some rows of the index',
  description:
    'The matching pictures from `offset` places after the anchor, newest first. Counting from an anchor instead of from the top keeps places right while new pictures arrive.',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  query: z.object({
    ...filterQuery,
    anchor: imageIdText.optional().describe('An id of the index or any picture; without it the newest'),
    offset: z.coerce
      .number()
      .int()
      .min(0)
      .max(ANCHOR_STEP - 1)
      .default(0),
    limit: z.coerce.number().int().min(1).max(MAX_WINDOW).default(DEFAULT_WINDOW),
  }),
  responses: {
    200: { description: 'The rows, in order', schema: z.object({ data: z.array(galleryRowSchema) }) },
  },
  errors: ['validation_failed'],
});

const counted = z.array(z.object({ value: z.string(), count: z.int() }));
export const galleryFacetsSchema = z
  .object({
    count: z.int().describe('Pictures that match the whole filter'),
    bytes: z.int().describe('Of their files'),
    modes: counted,
    kinds: counted,
    origins: counted,
    ratios: counted,
    models: counted,
    providers: counted,
    styles: z
      .array(
        z.object({
          value: z.string(),
          count: z.int(),
          names: z.object({ en: z.string(), zh: z.string() }).nullable(),
        }),
      )
      .describe('`none` stands for pictures without a style'),
    favourites: z.int(),
    tags: counted.describe('The most used of the whole gallery'),
    days: z
      .array(z.object({ day: z.string().describe('YYYY-MM-DD'), count: z.int() }))
      .describe('Newest first, at most 4,000'),
    trash: z.object({
      count: z.int(),
      bytes: z.int(),
      keep_days: z.int().describe('How long a picture in the trash can be restored'),
    }),
  })
  .meta({ id: 'GalleryFacets' });
export type GalleryFacets = z.output<typeof galleryFacetsSchema>;

export const getGalleryFacetsRoute = defineRoute({
  id: 'gallery.facets',
  method: 'GET',
  path: '/v1/gallery/facets',
  tag: 'Gallery',
  summary: 'What there is to filter by, with counts',
  description:
    'Each list counts the pictures that match the filter without its own part, so that it says what choosing another value would show. At most 100 values a list, the most frequent first.',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  query: z.object({ ...filterQuery, utc_offset: utcOffset }),
  responses: { 200: { description: 'Values and counts', schema: galleryFacetsSchema } },
  errors: ['validation_failed'],
});

export const countNewInGalleryRoute = defineRoute({
  id: 'gallery.new',
  method: 'GET',
  path: '/v1/gallery/new',
  tag: 'Gallery',
  summary: 'How many matching pictures are newer than one',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  query: z.object({
    ...filterQuery,
    since: imageIdText.optional().describe('The newest id of the index; without it all are counted'),
  }),
  responses: {
    200: {
      description: 'The count, and the newest matching picture there is now',
      schema: z.object({ count: z.int(), newest_id: z.string().nullable() }),
    },
  },
  errors: ['validation_failed'],
});

const selectionSchema = z.union([
  z.strictObject({ ids: z.array(imageIdText).min(1).max(MAX_SELECTED_IDS) }),
  z.strictObject({
    filter: galleryFilterBody,
    except_ids: z.array(imageIdText).max(MAX_EXCEPT_IDS).default([]),
    expected_count: z
      .int()
      .min(0)
      .describe('How many pictures the user was told, those of `except_ids` not counted'),
  }),
]);

export const galleryActionBody = z
  .strictObject({
    action: z.enum(GALLERY_ACTIONS),
    tag: z.string().trim().min(1).max(MAX_TAG_CHARS).optional().describe('For `tag` and `untag`'),
    selection: selectionSchema,
  })
  .refine((body) => (body.tag !== undefined) === (body.action === 'tag' || body.action === 'untag'), {
    message: 'belongs to the actions tag and untag, which need it',
    path: ['tag'],
  });
export type GalleryActionBody = z.output<typeof galleryActionBody>;

export const galleryOperationSchema = z
  .object({
    id: z.string().describe('`act_…`'),
    action: z.enum(GALLERY_ACTIONS),
    tag: z.string().nullable(),
    state: z.enum(['running', 'done']),
    selected: z.int().describe('Pictures that were selected'),
    touched: z.int().describe('Pictures that changed: those already as wanted, or gone, do not count'),
    undo_of: z.string().nullable(),
    can_undo: z.boolean(),
    created_at: timestamp,
    finished_at: timestamp.nullable(),
  })
  .meta({ id: 'GalleryOperation' });
export type GalleryOperation = z.output<typeof galleryOperationSchema>;

const operationId = z.object({ id: z.string().describe('`act_…`') });
const ACTION_ANSWER =
  'The action; `running` after ten seconds, when it goes on by itself, also after a restart of the server';

export const actOnGalleryRoute = defineRoute({
  id: 'gallery.act',
  method: 'POST',
  path: '/v1/gallery/actions',
  tag: 'Gallery',
  summary: 'Change many pictures at once',
  description:
    'On the pictures named, or on all that match a filter. With a filter, `expected_count` must be what matches now: otherwise nothing happens and the answer is a 409 `conflict` whose errors hold the new count. `delete_forever` takes pictures in the trash only; everything else can be undone.',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  body: galleryActionBody,
  responses: { 200: { description: ACTION_ANSWER, schema: galleryOperationSchema } },
  errors: ['validation_failed', 'conflict'],
});

export const getGalleryActionRoute = defineRoute({
  id: 'gallery.getAction',
  method: 'GET',
  path: '/v1/gallery/actions/:id',
  tag: 'Gallery',
  summary: 'How far an action has come',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  params: operationId,
  responses: { 200: { description: 'The action', schema: galleryOperationSchema } },
  errors: ['not_found'],
});

export const undoGalleryActionRoute = defineRoute({
  id: 'gallery.undo',
  method: 'POST',
  path: '/v1/gallery/actions/:id/undo',
  tag: 'Gallery',
  summary: 'Take an action back',
  description:
    'Changes back exactly the pictures that the action changed, as far as they are still so. Once an action; kept for 30 days.',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  params: operationId,
  responses: { 200: { description: ACTION_ANSWER, schema: galleryOperationSchema } },
  errors: ['not_found', 'conflict'],
});

export const repairImageRoute = defineRoute({
  id: 'images.repair',
  method: 'POST',
  path: '/v1/images/:id/repair',
  tag: 'Images',
  summary: 'Try to bring a damaged picture back',
  description:
    'Reads the stored file again, and takes it from the newest backup that this server knows if it is damaged.',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  params: z.object({ id: z.string().describe('`img_…`') }),
  responses: {
    200: {
      description: 'What came of it',
      schema: z.object({
        outcome: z
          .enum(['whole', 'repaired', 'damaged'])
          .describe('repaired: it is shown again; damaged: there is no good copy of it'),
      }),
    },
  },
  errors: ['not_found', 'storage_unavailable'],
});
