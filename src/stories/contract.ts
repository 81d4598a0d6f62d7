// The stories resource on the wire: an idea becomes outlines, an outline becomes pages that branch, each with a picture.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { cursorOf, pageLimit, pageOf } from '../kernel/wire-schemas.ts';
import {
  FEWEST_STORY_PAGES,
  MOST_IDEA_CHARS,
  MOST_OUTLINES,
  MOST_STORY_PAGES,
} from '../providers/chat/chat.ts';
import {
  aheadSchema,
  id,
  line,
  MAX_CHOICE_CHARS,
  MAX_STYLE_TEXT_CHARS,
  MOST_CHARACTERS,
  outlineSchema,
  safetySchema,
  storyCharacterSchema,
  storyHeadSchema,
  storyLanguageSchema,
  storySchema,
} from './story-schemas.ts';

export * from './story-schemas.ts';

const DEFAULT_PAGES = 6;
const DEFAULT_PROPOSALS = 3;
const MAX_CREDITS = 1_000_000;
const MAX_PAGE_SIZE = 100;
const DEFAULT_PAGE_SIZE = 20;

const TAG = 'Stories';
const read = { kind: 'scope', scope: 'tasks:read' } as const;
const write = { kind: 'scope', scope: 'tasks:write' } as const;

const storyParams = z.object({ id });
const pageParams = z.object({ id, page: id });

const STORY = { description: 'The story with all its pages.', schema: storySchema };
const NEEDS = ['not_found', 'conflict', 'content_blocked'] as const;
const CREATION_ERRORS = ['model_not_found', 'insufficient_credits', 'spending_limit_reached'] as const;

const optionShape = {
  style: id.nullable().describe('A style of `GET /v1/styles`, by its id.'),
  style_text: z
    .string()
    .trim()
    .max(MAX_STYLE_TEXT_CHARS)
    .nullable()
    .describe('How its pictures look, in words.'),
  model: z.string().max(100).nullable().describe('A picture model; null: the default one.'),
  aspect_ratio: z.string().regex(/^\d{1,3}:\d{1,3}$/, 'must look like 4:3'),
  ahead: aheadSchema,
  ahead_budget_credits: z.number().min(0).max(MAX_CREDITS),
};

export const createStoryBody = z
  .strictObject({
    idea: line(MOST_IDEA_CHARS),
    language: storyLanguageSchema.default('en'),
    style: optionShape.style.default(null),
    style_text: optionShape.style_text.default(null),
    model: optionShape.model.default(null),
    aspect_ratio: optionShape.aspect_ratio.default('4:3'),
    pages: z.int().min(FEWEST_STORY_PAGES).max(MOST_STORY_PAGES).default(DEFAULT_PAGES),
    proposals: z.int().min(1).max(MOST_OUTLINES).default(DEFAULT_PROPOSALS),
    characters: z
      .array(storyCharacterSchema)
      .max(MOST_CHARACTERS)
      .default([])
      .describe('Who must be in it; they come first in every proposal.'),
    safety: safetySchema.optional().describe("Without it, the server's `stories.safety`."),
    ahead: optionShape.ahead.optional().describe("Without it, the server's `stories.ahead`."),
    ahead_budget_credits: optionShape.ahead_budget_credits
      .optional()
      .describe("Without it, the server's `stories.ahead_budget_credits`."),
    seed: z.int().min(0).max(2_147_483_647).optional(),
  })
  .meta({ id: 'CreateStory' });
export type CreateStoryBody = z.output<typeof createStoryBody>;

export const createStoryRoute = defineRoute({
  id: 'stories.create',
  method: 'POST',
  path: '/v1/stories',
  tag: TAG,
  summary: 'Begin a story from an idea',
  description:
    'Answers at once; the proposals are written durably. Follow `urls.events`, or read the story again. An `Idempotency-Key` gives the same story again.',
  access: write,
  limit: 'api',
  body: createStoryBody,
  headers: { 'Idempotency-Key': 'Makes a retry safe: 1 to 200 characters.' },
  responses: { 202: STORY },
  errors: [...CREATION_ERRORS, 'content_blocked', 'conflict', 'idempotency_mismatch'],
});

export const listStoriesRoute = defineRoute({
  id: 'stories.list',
  method: 'GET',
  path: '/v1/stories',
  tag: TAG,
  summary: 'Stories, newest first',
  access: read,
  limit: 'api',
  query: z.strictObject({
    limit: pageLimit(DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
    cursor: cursorOf('story'),
  }),
  responses: {
    200: {
      description: 'A page, without the pages of the stories.',
      schema: pageOf(storyHeadSchema).meta({ id: 'StoryList' }),
    },
  },
  errors: [],
});

export const storyIdeasRoute = defineRoute({
  id: 'stories.ideas',
  method: 'GET',
  path: '/v1/story-ideas',
  tag: TAG,
  summary: 'Ideas to begin with, and who writes',
  access: read,
  limit: 'api',
  query: z.strictObject({ language: storyLanguageSchema.default('en') }),
  responses: {
    200: {
      description: 'At least twenty.',
      schema: z
        .object({
          language: storyLanguageSchema,
          ideas: z.array(z.string()),
          writer: z.object({
            name: z.string(),
            by_demo_writer: z.boolean(),
            price_credits: z.number().describe('For one text of any kind.'),
          }),
          defaults: z
            .object({
              safety: safetySchema,
              ahead: aheadSchema,
              ahead_budget_credits: z.number(),
            })
            .describe('What a story gets that does not say otherwise.'),
        })
        .meta({ id: 'StoryIdeas' }),
    },
  },
  errors: [],
});

export const getStoryRoute = defineRoute({
  id: 'stories.get',
  method: 'GET',
  path: '/v1/stories/:id',
  tag: TAG,
  summary: 'A story with the whole tree of its pages',
  access: read,
  limit: 'api',
  params: storyParams,
  responses: { 200: STORY },
  errors: ['not_found'],
});

export const updateStoryRoute = defineRoute({
  id: 'stories.update',
  method: 'PATCH',
  path: '/v1/stories/:id',
  tag: TAG,
  summary: 'Change how a story goes on',
  description: 'What exists stays as it is; pages and pictures made from now on follow.',
  access: write,
  limit: 'api',
  params: storyParams,
  body: z.strictObject(optionShape).partial().meta({ id: 'StoryChange' }),
  responses: { 200: STORY },
  errors: ['not_found', 'model_not_found'],
});

export const removeStoryRoute = defineRoute({
  id: 'stories.remove',
  method: 'DELETE',
  path: '/v1/stories/:id',
  tag: TAG,
  summary: 'Delete a story',
  description: 'Its pictures stay in the gallery. What is being made for it is cancelled.',
  access: write,
  limit: 'api',
  params: storyParams,
  responses: { 204: { description: 'Deleted.' } },
  errors: ['not_found'],
});

export const proposeOutlinesRoute = defineRoute({
  id: 'stories.propose',
  method: 'POST',
  path: '/v1/stories/:id/outline',
  tag: TAG,
  summary: 'Write new proposals',
  description: 'The outline that was chosen stays until another is.',
  access: write,
  limit: 'api',
  params: storyParams,
  body: z
    .strictObject({
      idea: line(MOST_IDEA_CHARS).optional(),
      pages: z.int().min(FEWEST_STORY_PAGES).max(MOST_STORY_PAGES).optional(),
      proposals: z.int().min(1).max(MOST_OUTLINES).default(DEFAULT_PROPOSALS),
    })
    .default({ proposals: DEFAULT_PROPOSALS })
    .meta({ id: 'ProposeOutlines' }),
  responses: { 202: STORY },
  errors: [...NEEDS, ...CREATION_ERRORS],
});

export const setOutlineRoute = defineRoute({
  id: 'stories.setOutline',
  method: 'PUT',
  path: '/v1/stories/:id/outline',
  tag: TAG,
  summary: 'Choose a proposal, or save an edited outline',
  description: 'Pages that are written stay; those to come follow the new outline.',
  access: write,
  limit: 'api',
  params: storyParams,
  body: z
    .union([
      z.strictObject({
        proposal: z
          .int()
          .min(0)
          .max(MOST_OUTLINES - 1),
      }),
      z.strictObject({ outline: outlineSchema }),
    ])
    .meta({ id: 'SetOutline', description: 'The index of a proposal, or a whole outline.' }),
  responses: { 200: STORY },
  errors: NEEDS,
});

export const startStoryRoute = defineRoute({
  id: 'stories.start',
  method: 'POST',
  path: '/v1/stories/:id/start',
  tag: TAG,
  summary: 'Write the first page',
  description: 'Idempotent: a story that has begun is answered as it is. 409 without an outline.',
  access: write,
  limit: 'api',
  params: storyParams,
  responses: { 202: STORY },
  errors: [...NEEDS, ...CREATION_ERRORS],
});

export const choosePageRoute = defineRoute({
  id: 'stories.choose',
  method: 'POST',
  path: '/v1/stories/:id/pages/:page/choose',
  tag: TAG,
  summary: 'Go on from a page',
  description:
    'By one of its choices, or in the reader’s own words. The same choice leads to the same page again: going back deletes nothing.',
  access: write,
  limit: 'api',
  params: pageParams,
  body: z
    .union([
      z.strictObject({ choice: z.int().min(0).max(9) }),
      z.strictObject({ own: line(MAX_CHOICE_CHARS) }),
    ])
    .meta({ id: 'ChooseStoryPage' }),
  responses: {
    200: {
      description: 'The page it leads to, and the story.',
      schema: z.object({ page_id: z.string(), story: storySchema }).meta({ id: 'ChosenStoryPage' }),
    },
  },
  errors: [...NEEDS, ...CREATION_ERRORS],
});

export const regeneratePageRoute = defineRoute({
  id: 'stories.regenerate',
  method: 'POST',
  path: '/v1/stories/:id/pages/:page/regenerate',
  tag: TAG,
  summary: 'Make a page’s text, its picture or both again',
  description:
    'Also the way to try again what failed, or at once what waits. Text alone keeps its picture and choices. Both writes the page anew where no page follows it; else its choices stay.',
  access: write,
  limit: 'api',
  params: pageParams,
  body: z.strictObject({ what: z.enum(['text', 'picture', 'both']) }).meta({ id: 'RegenerateStoryPage' }),
  responses: { 202: STORY },
  errors: [...NEEDS, ...CREATION_ERRORS],
});

export const quoteStoryRoute = defineRoute({
  id: 'stories.quote',
  method: 'GET',
  path: '/v1/stories/:id/quote',
  tag: TAG,
  summary: 'What the next step would cost',
  access: read,
  limit: 'api',
  params: storyParams,
  responses: {
    200: {
      description: 'In credits; nothing is created.',
      schema: z
        .object({
          text_credits: z.number().describe('One text: an outline round, a page, a retelling.'),
          picture_credits: z.number().describe('One picture.'),
          page_credits: z.number().describe('A page: its text and its picture.'),
          ahead_credits: z.number().describe('At most, for what is made ahead when a page is opened.'),
          path_credits: z
            .number()
            .describe('One whole path from the first page, without what is made ahead.'),
        })
        .meta({ id: 'StoryQuote' }),
    },
  },
  errors: ['not_found', 'model_not_found'],
});

export const storyEventsRoute = defineRoute({
  id: 'stories.events',
  method: 'GET',
  path: '/v1/stories/:id/events',
  tag: TAG,
  summary: 'One story as it changes',
  description:
    'Begins with `event: story.updated` and the whole story. After that `story.updated` has the story with an empty `pages`, and `story.page` each page that changed, its text as it is written. Reconnecting begins with the whole story again.',
  access: { ...read, ticket: true },
  limit: 'api',
  params: storyParams,
  query: z.object({ last_event_id: z.string().max(100).optional(), ticket: z.string().max(2000).optional() }),
  responses: { 200: { description: 'Server-sent events.', contentType: 'text/event-stream' } },
  errors: ['not_found'],
});

const exportQuery = z.strictObject({
  page: id.optional().describe('Only the path that ends with this page; without it, the whole tree.'),
});

export const exportPdfRoute = defineRoute({
  id: 'stories.pdf',
  method: 'GET',
  path: '/v1/stories/:id/export.pdf',
  tag: TAG,
  summary: 'A story as PDF',
  description: 'Choices are links inside the document.',
  access: read,
  limit: 'api',
  params: storyParams,
  query: exportQuery,
  responses: { 200: { description: 'The book.', contentType: 'application/pdf' } },
  errors: ['not_found', 'conflict'],
});

export const exportEpubRoute = defineRoute({
  id: 'stories.epub',
  method: 'GET',
  path: '/v1/stories/:id/export.epub',
  tag: TAG,
  summary: 'A story as EPUB 3',
  description: 'Choices are links inside the book.',
  access: read,
  limit: 'api',
  params: storyParams,
  query: exportQuery,
  responses: { 200: { description: 'The book.', contentType: 'application/epub+zip' } },
  errors: ['not_found', 'conflict'],
});
