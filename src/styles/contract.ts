// The styles resource on the wire: ordered categories of styles that anybody may read, and how an administrator keeps them.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';

export const MAX_NAME_CHARS = 40;
export const MAX_TEMPLATE_CHARS = 2000;
export const MAX_NEGATIVE_CHARS = 1000;
export const MAX_CATEGORIES = 50;
export const MAX_STYLES = 500;
/** Where a template takes the caller's prompt. */
export const PROMPT_PLACE = '{prompt}';

const TAG = 'Styles';
const MAX_ID_CHARS = 60;
const MAX_MODEL_CHARS = 100;
const adminAccess = { kind: 'scope', scope: 'admin' } as const;

const id = z.string().min(1).max(MAX_ID_CHARS);
const params = z.object({ id });

export const namesSchema = z
  .strictObject({
    en: z.string().trim().min(1).max(MAX_NAME_CHARS),
    zh: z.string().trim().min(1).max(MAX_NAME_CHARS),
  })
  .meta({ id: 'StyleNames' });

const model = z
  .string()
  .min(1)
  .max(MAX_MODEL_CHARS)
  .nullable()
  .describe('The model it looks best with; only a recommendation');
const aspectRatio = z
  .string()
  .regex(/^\d{1,3}:\d{1,3}$/, 'must look like 16:9')
  .nullable()
  .describe('The shape it looks best in; only a recommendation');
const coverUrl = z.string().nullable().describe('A picture of at most 512 pixels a side');
const template = z
  .string()
  .trim()
  .min(1)
  .max(MAX_TEMPLATE_CHARS)
  .refine((text) => text.includes(PROMPT_PLACE), `must contain ${PROMPT_PLACE}, where the prompt goes`);
const negative = z.string().trim().max(MAX_NEGATIVE_CHARS);

export const styleSchema = z
  .object({
    id: z.string().describe('Give it as `style` to a task'),
    name: z.string(),
    cover_url: coverUrl,
    prompt_template: z.string().describe('`{prompt}` is replaced by the prompt'),
    negative_prompt: z
      .string()
      .describe('Added to the negative prompt where the model takes one; may be empty'),
    model,
    aspect_ratio: aspectRatio,
  })
  .meta({ id: 'Style' });

export const styleListSchema = z
  .object({
    categories: z.array(
      z
        .object({ id: z.string(), name: z.string(), cover_url: coverUrl, styles: z.array(styleSchema) })
        .meta({ id: 'StyleCategory' }),
    ),
  })
  .meta({ id: 'StyleList' });

export type StyleListBody = z.output<typeof styleListSchema>;

export const managedStyleSchema = styleSchema
  .extend({ category_id: z.string(), names: namesSchema, enabled: z.boolean() })
  .meta({ id: 'ManagedStyle' });

export const managedCategorySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    names: namesSchema,
    enabled: z.boolean().describe('Without it none of its styles is shown or taken'),
    cover_url: coverUrl,
    styles: z.array(managedStyleSchema),
  })
  .meta({ id: 'ManagedStyleCategory' });

export const managedListSchema = z
  .object({ categories: z.array(managedCategorySchema) })
  .meta({ id: 'ManagedStyleList' });

export type ManagedStyleBody = z.output<typeof managedStyleSchema>;
export type ManagedCategoryBody = z.output<typeof managedCategorySchema>;

export const listStylesRoute = defineRoute({
  id: 'styles.list',
  method: 'GET',
  path: '/v1/styles',
  tag: TAG,
  summary: 'Styles by category, in order',
  description:
    'Names are in the language of `Accept-Language` (en or zh). Answers carry an `ETag`; `If-None-Match` gives 304.',
  access: { kind: 'public' },
  limit: 'api',
  headers: { 'If-None-Match': 'The `ETag` of the answer that the caller has.' },
  responses: {
    200: { description: 'What is switched on', schema: styleListSchema },
    304: { description: 'Not changed' },
  },
  errors: [],
});

export const styleCoverRoute = defineRoute({
  id: 'styles.cover',
  method: 'GET',
  path: '/v1/style-covers/:key',
  tag: TAG,
  summary: 'The cover picture of a style or category',
  description: 'At an address that `cover_url` gives; its bytes never change.',
  access: { kind: 'public' },
  limit: 'media',
  params: z.object({ key: z.string().max(100) }),
  responses: {
    200: { description: 'The picture', contentType: 'image/*' },
    304: { description: 'Not changed' },
  },
  errors: ['not_found', 'storage_unavailable'],
});

export const listManagedStylesRoute = defineRoute({
  id: 'styles.listManaged',
  method: 'GET',
  path: '/v1/admin/styles',
  tag: TAG,
  summary: 'All categories and styles, those switched off included',
  access: adminAccess,
  limit: 'api',
  responses: { 200: { description: 'In order', schema: managedListSchema } },
  errors: [],
});

const oneStyle = { description: 'The style', schema: managedStyleSchema };
const oneCategory = { description: 'The category', schema: managedCategorySchema };

export const createCategoryRoute = defineRoute({
  id: 'styles.createCategory',
  method: 'POST',
  path: '/v1/admin/style-categories',
  tag: TAG,
  summary: 'Add a category at the end',
  access: adminAccess,
  limit: 'api',
  body: z
    .strictObject({ names: namesSchema, enabled: z.boolean().default(true) })
    .meta({ id: 'NewStyleCategory' }),
  responses: { 201: oneCategory },
  errors: ['conflict'],
});

export const updateCategoryRoute = defineRoute({
  id: 'styles.updateCategory',
  method: 'PATCH',
  path: '/v1/admin/style-categories/:id',
  tag: TAG,
  summary: 'Rename a category, or switch it on or off',
  access: adminAccess,
  limit: 'api',
  params,
  body: z
    .strictObject({ names: namesSchema.optional(), enabled: z.boolean().optional() })
    .meta({ id: 'StyleCategoryChange' }),
  responses: { 200: oneCategory },
  errors: ['not_found'],
});

export const removeCategoryRoute = defineRoute({
  id: 'styles.removeCategory',
  method: 'DELETE',
  path: '/v1/admin/style-categories/:id',
  tag: TAG,
  summary: 'Delete a category and its styles',
  description: 'Tasks and pictures that were made with them keep their names.',
  access: adminAccess,
  limit: 'api',
  params,
  responses: { 204: { description: 'Deleted' } },
  errors: ['not_found'],
});

const styleFields = {
  names: namesSchema,
  prompt_template: template.describe('With `{prompt}` where the prompt goes'),
  negative_prompt: negative,
  model,
  aspect_ratio: aspectRatio,
  enabled: z.boolean(),
};

export const createStyleRoute = defineRoute({
  id: 'styles.create',
  method: 'POST',
  path: '/v1/admin/styles',
  tag: TAG,
  summary: 'Add a style at the end of a category',
  access: adminAccess,
  limit: 'api',
  body: z
    .strictObject({
      category_id: id,
      ...styleFields,
      negative_prompt: negative.default(''),
      model: model.default(null),
      aspect_ratio: aspectRatio.default(null),
      enabled: z.boolean().default(true),
    })
    .meta({ id: 'NewStyle' }),
  responses: { 201: oneStyle },
  errors: ['not_found', 'conflict'],
});

export const updateStyleRoute = defineRoute({
  id: 'styles.update',
  method: 'PATCH',
  path: '/v1/admin/styles/:id',
  tag: TAG,
  summary: 'Change a style',
  description: 'Tasks that were accepted before keep the style as it was.',
  access: adminAccess,
  limit: 'api',
  params,
  body: z.strictObject(styleFields).partial().meta({ id: 'StyleChange' }),
  responses: { 200: oneStyle },
  errors: ['not_found'],
});

export const removeStyleRoute = defineRoute({
  id: 'styles.remove',
  method: 'DELETE',
  path: '/v1/admin/styles/:id',
  tag: TAG,
  summary: 'Delete a style',
  description: 'Tasks and pictures that were made with it keep its name.',
  access: adminAccess,
  limit: 'api',
  params,
  responses: { 204: { description: 'Deleted' } },
  errors: ['not_found'],
});

export const orderStylesRoute = defineRoute({
  id: 'styles.order',
  method: 'PUT',
  path: '/v1/admin/style-order',
  tag: TAG,
  summary: 'Set the whole order in one call',
  description:
    'Names every category and every style exactly once; a style named under another category moves there. 409 when one was added or deleted meanwhile: read the list again.',
  access: adminAccess,
  limit: 'api',
  body: z
    .strictObject({
      categories: z.array(z.strictObject({ id, styles: z.array(id).max(MAX_STYLES) })).max(MAX_CATEGORIES),
    })
    .meta({ id: 'StyleOrder' }),
  responses: { 200: { description: 'In the new order', schema: managedListSchema } },
  errors: ['conflict'],
});

const coverBody = z
  .union([z.strictObject({ upload_id: id }), z.strictObject({ image_id: id })])
  .meta({ id: 'StyleCover', description: "One of the caller's uploads or pictures; a copy of it is kept." });
const COVER_ERRORS = ['not_found', 'image_invalid', 'storage_full', 'storage_unavailable'] as const;

export const setStyleCoverRoute = defineRoute({
  id: 'styles.setCover',
  method: 'PUT',
  path: '/v1/admin/styles/:id/cover',
  tag: TAG,
  summary: 'Give a style a cover picture',
  access: adminAccess,
  limit: 'api',
  params,
  body: coverBody,
  responses: { 200: oneStyle },
  errors: COVER_ERRORS,
});

export const removeStyleCoverRoute = defineRoute({
  id: 'styles.removeCover',
  method: 'DELETE',
  path: '/v1/admin/styles/:id/cover',
  tag: TAG,
  summary: 'Take the cover picture of a style away',
  access: adminAccess,
  limit: 'api',
  params,
  responses: { 200: oneStyle },
  errors: ['not_found'],
});

export const setCategoryCoverRoute = defineRoute({
  id: 'styles.setCategoryCover',
  method: 'PUT',
  path: '/v1/admin/style-categories/:id/cover',
  tag: TAG,
  summary: 'Give a category a cover picture',
  access: adminAccess,
  limit: 'api',
  params,
  body: coverBody,
  responses: { 200: oneCategory },
  errors: COVER_ERRORS,
});

export const removeCategoryCoverRoute = defineRoute({
  id: 'styles.removeCategoryCover',
  method: 'DELETE',
  path: '/v1/admin/style-categories/:id/cover',
  tag: TAG,
  summary: 'Take the cover picture of a category away',
  access: adminAccess,
  limit: 'api',
  params,
  responses: { 200: oneCategory },
  errors: ['not_found'],
});
