// The shares resource on the wire, and the public addresses under /s/. A password is in two request bodies and in no answer.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { cursorOf, pageLimit, pageOf } from '../kernel/wire-schemas.ts';

export const MAX_SHARE_IMAGES = 50;
export const MAX_TITLE_CHARS = 200;
export const MIN_PASSWORD_CHARS = 4;
export const MAX_PASSWORD_CHARS = 200;
/** A form with the longest password, percent-encoded, is smaller. */
const MAX_FORM_BYTES = 16 * 1024;
const MAX_ID_CHARS = 60;
const MAX_ID_LIST_CHARS = 3_000;
const MAX_URL_CHARS = 2_048;
const MAX_SIDE = 65_536;
const MAX_PLACE_CHARS = 20;
const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

const timestamp = z.iso.datetime().describe('RFC 3339, UTC, milliseconds');
const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const shareId = z.object({ id: z.string().describe('`share_…`, or the slug') });

const title = z.string().trim().max(MAX_TITLE_CHARS).describe('Shown above the pictures; may be empty.');
const password = z
  .string()
  .min(MIN_PASSWORD_CHARS)
  .max(MAX_PASSWORD_CHARS)
  .nullable()
  .describe('Asked of every visitor; null means none. It is stored as a hash and never shown.');
const expiresAt = moment.nullable().describe('RFC 3339 time from which the link shows nothing; null: never.');
const showPrompt = z.boolean().describe('Whether visitors read the prompt and can make one like it.');
const allowDownload = z
  .boolean()
  .describe('Whether visitors get the pictures in full size; otherwise only a JPEG of at most 1,200 pixels.');

export const shareSchema = z
  .object({
    id: z.string().describe('`share_…`'),
    slug: z.string().describe('What the address ends with; whoever knows it sees the pictures'),
    url: z.url(),
    title: z.string(),
    show_prompt: z.boolean(),
    allow_download: z.boolean(),
    has_password: z.boolean(),
    expires_at: timestamp.nullable(),
    is_expired: z.boolean(),
    views: z.int().describe('Visits by people; the owner, robots and previews are not counted'),
    source: z
      .object({ kind: z.enum(['images', 'story', 'batch']), id: z.string().nullable() })
      .describe('What was shared'),
    images: z
      .array(z.object({ id: z.string(), n: z.int(), thumb_url: z.url(), width: z.int(), height: z.int() }))
      .describe('What visitors see now, in order; pictures in the trash are left out'),
    created_at: timestamp,
    updated_at: timestamp,
  })
  .meta({ id: 'Share' });

export const createShareRoute = defineRoute({
  id: 'shares.create',
  method: 'POST',
  path: '/v1/shares',
  tag: 'Shares',
  summary: 'Make a link that anyone can open',
  description: `Give exactly one of \`image_ids\`, \`story_id\` and \`batch_id\`. The link shows the pictures that there are now, ${MAX_SHARE_IMAGES} at most; later ones are not added by themselves. A story is read page by page: the pages that were read by now, whatever their number.`,
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  body: z
    .strictObject({
      image_ids: z
        .array(z.string().max(MAX_ID_CHARS))
        .min(1)
        .max(MAX_SHARE_IMAGES)
        .transform((ids) => [...new Set(ids)])
        .optional(),
      story_id: z.string().max(MAX_ID_CHARS).optional(),
      batch_id: z.string().max(MAX_ID_CHARS).optional(),
      title: title.optional(),
      expires_at: expiresAt.optional(),
      password: password.optional(),
      show_prompt: showPrompt.default(false),
      allow_download: allowDownload.default(true),
    })
    .refine(
      ({ image_ids, story_id, batch_id }) =>
        [image_ids, story_id, batch_id].filter((given) => given !== undefined).length === 1,
      'Give exactly one of image_ids, story_id and batch_id.',
    ),
  responses: { 201: { description: 'The link', schema: shareSchema } },
  errors: ['validation_failed', 'not_found', 'conflict'],
});

export const listSharesRoute = defineRoute({
  id: 'shares.list',
  method: 'GET',
  path: '/v1/shares',
  tag: 'Shares',
  summary: 'List your links, newest first',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  query: z.object({
    image_ids: z
      .string()
      .max(MAX_ID_LIST_CHARS)
      .transform((text) => text.split(',').slice(0, MAX_SHARE_IMAGES))
      .optional()
      .describe('Only links that show one of these pictures, separated by commas'),
    limit: pageLimit(DEFAULT_PAGE, MAX_PAGE),
    cursor: cursorOf('share'),
  }),
  responses: {
    200: {
      description: 'A page of links',
      schema: pageOf(shareSchema),
    },
  },
  errors: ['validation_failed'],
});

export const getShareRoute = defineRoute({
  id: 'shares.get',
  method: 'GET',
  path: '/v1/shares/:id',
  tag: 'Shares',
  summary: 'One link',
  access: { kind: 'scope', scope: 'images:read' },
  limit: 'api',
  hasSecretPath: true,
  params: shareId,
  responses: { 200: { description: 'The link', schema: shareSchema } },
  errors: ['not_found'],
});

export const changeShareRoute = defineRoute({
  id: 'shares.change',
  method: 'PATCH',
  path: '/v1/shares/:id',
  tag: 'Shares',
  summary: 'Change what a link shows, and to whom',
  description: 'A new password shuts out everybody who came in with the old one.',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  hasSecretPath: true,
  params: shareId,
  body: z
    .strictObject({
      title: title.optional(),
      expires_at: expiresAt.optional(),
      password: password.optional(),
      show_prompt: showPrompt.optional(),
      allow_download: allowDownload.optional(),
    })
    .refine((body) => Object.values(body).some((value) => value !== undefined), 'Give at least one field.'),
  responses: { 200: { description: 'The link as it is now', schema: shareSchema } },
  errors: ['validation_failed', 'not_found'],
});

export const removeShareRoute = defineRoute({
  id: 'shares.remove',
  method: 'DELETE',
  path: '/v1/shares/:id',
  tag: 'Shares',
  summary: 'Revoke a link',
  description: 'From the next request on, its page and its pictures are gone. It cannot be brought back.',
  access: { kind: 'scope', scope: 'images:write' },
  limit: 'api',
  hasSecretPath: true,
  params: shareId,
  responses: { 204: { description: 'Revoked' } },
  errors: ['not_found'],
});

const page = { description: 'A page for people', contentType: 'text/html' } as const;
const slugParam = z.object({ slug: z.string().describe('The end of the address') });

export const sharePageRoute = defineRoute({
  id: 'shares.page',
  method: 'GET',
  path: '/s/:slug',
  tag: 'Shares',
  summary: 'The page of a link',
  description:
    'Works without JavaScript, in English or Chinese by `Accept-Language`; carries Open Graph tags and links to its oEmbed answer. What does not ask for `text/html` gets errors as problem+json. A story begins with its first page and links to the others.',
  access: { kind: 'public' },
  limit: 'media',
  hasSecretPath: true,
  params: slugParam,
  query: z.object({
    page: z
      .string()
      .max(MAX_PLACE_CHARS)
      .optional()
      .describe('Of a story: the place of a page, from 1, or `all` for the list of its pages'),
  }),
  responses: {
    200: { ...page, description: 'The pictures, or the form that asks for the password' },
    410: { ...page, description: 'The link has expired' },
  },
  errors: ['not_found', 'storage_unavailable'],
});

export const openShareRoute = defineRoute({
  id: 'shares.open',
  method: 'POST',
  path: '/s/:slug',
  tag: 'Shares',
  summary: 'Open a protected link',
  description:
    'A form (`application/x-www-form-urlencoded`) with the field `password`. The right one is answered with a cookie for this link alone and the way back to its page. Ten tries in 15 minutes for each address.',
  access: { kind: 'public' },
  limit: 'media',
  hasSecretPath: true,
  params: slugParam,
  rawBody: true,
  maxBodyBytes: MAX_FORM_BYTES,
  responses: {
    303: { description: 'Open; the cookie is set' },
    410: { ...page, description: 'The link has expired' },
  },
  errors: ['not_found', 'authentication_required', 'rate_limited', 'payload_too_large'],
});

export const shareMediaRoute = defineRoute({
  id: 'shares.media',
  method: 'GET',
  path: '/s/:slug/media/:n',
  tag: 'Shares',
  summary: 'A picture of a link',
  description:
    '`full` is the stored file, `preview` a JPEG of at most 1,200 and at least 300 pixels a side, `thumb` a small WebP. Answers ranges and conditional requests. Nothing in between may keep it without asking again, so that a revoked link shows nothing more.',
  access: { kind: 'public' },
  limit: 'media',
  hasSecretPath: true,
  params: z.object({ slug: slugParam.shape.slug, n: z.string().describe('From 1') }),
  query: z.object({
    size: z.enum(['full', 'preview', 'thumb']).optional().describe('`full` unless downloads are not allowed'),
    download: z.enum(['1', 'true']).optional().describe('Save it instead of showing it'),
  }),
  responses: {
    200: { description: 'The picture', contentType: 'image/*' },
    206: { description: 'The range asked for', contentType: 'image/*' },
    304: { description: 'Not changed' },
    416: { description: 'No byte of the file is in the range asked for' },
  },
  errors: ['not_found', 'image_invalid', 'storage_full', 'storage_unavailable'],
});

export const shareEmbedRoute = defineRoute({
  id: 'shares.embed',
  method: 'GET',
  path: '/s/oembed',
  tag: 'Shares',
  summary: 'oEmbed of a link',
  description: 'oEmbed 1.0 as JSON: `photo` for one picture, `link` with a thumbnail for several.',
  access: { kind: 'public' },
  limit: 'api',
  query: z.object({
    url: z.string().max(MAX_URL_CHARS).describe('The address of the page'),
    format: z.enum(['json']).optional(),
    maxwidth: z.coerce.number().int().min(1).max(MAX_SIDE).optional(),
    maxheight: z.coerce.number().int().min(1).max(MAX_SIDE).optional(),
  }),
  responses: {
    200: {
      description: 'oEmbed',
      schema: z.object({
        version: z.literal('1.0'),
        type: z.enum(['photo', 'link']),
        title: z.string(),
        provider_name: z.string(),
        provider_url: z.string(),
        cache_age: z.int(),
        url: z.string().optional(),
        width: z.int().optional(),
        height: z.int().optional(),
        thumbnail_url: z.string().optional(),
        thumbnail_width: z.int().optional(),
        thumbnail_height: z.int().optional(),
      }),
    },
  },
  errors: ['not_found', 'authentication_required'],
});
