// A story on the wire: its outlines, its pages and how each is coming along. Every text in an answer is plain: it has no
// meaning as HTML or Markdown.
import { z } from 'zod';
import { taskImageSchema } from '../media/contract.ts';
import { FEWEST_STORY_PAGES, MOST_STORY_PAGES, STORY_LANGUAGES } from '../providers/chat/chat.ts';
import { taskErrorSchema, timestampSchema } from '../tasks/contract.ts';

export const MAX_TITLE_CHARS = 120;
export const MAX_SUMMARY_CHARS = 800;
export const MAX_NAME_CHARS = 60;
export const MAX_LOOK_CHARS = 500;
export const MAX_STYLE_TEXT_CHARS = 300;
export const MAX_CHOICE_CHARS = 160;
export const MAX_PLAN_CHARS = 4000;
export const MOST_CHARACTERS = 6;
/** Pages of one tree; beyond it a story is told no further. */
export const MAX_TREE_PAGES = 400;
export const MAX_STORIES_PER_ACCOUNT = 2000;

export const id = z.string().min(1).max(60);
export const line = (most: number) => z.string().trim().min(1).max(most);

export const storyLanguageSchema = z.enum(STORY_LANGUAGES);
export const stepStatusSchema = z
  .enum(['none', 'queued', 'waiting', 'running', 'ready', 'failed'])
  .describe(
    '`waiting`: it cannot be done just now for the reason in `error`, and goes on by itself once it can. `none`: never asked for.',
  );
export const safetySchema = z
  .enum(['strict', 'gentle'])
  .describe(
    '`strict` refuses an idea with violence, weapons, horror, alcohol or the like; `gentle` makes it harmless. Both refuse what is never for children.',
  );
export const aheadSchema = z
  .enum(['none', 'text', 'pictures'])
  .describe('What is made for every choice before the reader chooses, within `ahead_budget_credits`.');

/** A character, the same on every page: its look is in every picture's prompt, its picture goes along where the model takes one. */
export const storyCharacterSchema = z
  .strictObject({
    name: line(MAX_NAME_CHARS),
    look: line(MAX_LOOK_CHARS).describe('How it looks; in every picture it is in.'),
    image_id: id
      .optional()
      .describe('A reference picture: one of your pictures (`img_…`) or uploads (`up_…`).'),
  })
  .meta({ id: 'StoryCharacter' });

export const outlineSchema = z
  .strictObject({
    title: line(MAX_TITLE_CHARS),
    summary: z.string().trim().max(MAX_SUMMARY_CHARS),
    characters: z.array(storyCharacterSchema).max(MOST_CHARACTERS),
    pages: z
      .array(
        z.strictObject({ title: line(MAX_TITLE_CHARS), summary: z.string().trim().max(MAX_SUMMARY_CHARS) }),
      )
      .min(FEWEST_STORY_PAGES)
      .max(MOST_STORY_PAGES),
    plan: z
      .string()
      .max(MAX_PLAN_CHARS)
      .default('')
      .describe("The writer's own note: send it back unchanged."),
  })
  .meta({ id: 'StoryOutline' });
export type OutlineBody = z.output<typeof outlineSchema>;

const stepShape = {
  status: stepStatusSchema,
  error: taskErrorSchema.nullable(),
  attempts: z.int(),
};
const stepSchema = z.object(stepShape).meta({ id: 'StoryStep' });

export const storyPageSchema = z
  .object({
    id: z.string(),
    parent_id: z.string().nullable(),
    number: z.int().describe('1 for the first page of a path.'),
    choice: z.string().nullable().describe('What was chosen on the page before.'),
    choice_index: z
      .int()
      .nullable()
      .describe('Which of the parent’s choices; null for the first page and for an own way on.'),
    opened: z.boolean().describe('False: made ahead, nobody has chosen it yet.'),
    is_last: z.boolean(),
    title: z.string().describe('Of this page in the outline.'),
    text: z
      .string()
      .describe('Plain text, paragraphs divided by an empty line; what is there so far while it is written.'),
    alt_text: z.string(),
    picture_prompt: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        page_id: z.string().nullable().describe('The page it leads to, if there is one already.'),
      }),
    ),
    writing: stepSchema,
    picture: z
      .object({
        ...stepShape,
        task_id: z.string().nullable(),
        progress: z.number().nullable(),
        preview_url: z.string().nullable(),
        image: taskImageSchema.nullable().describe('Stays while a new one is painted.'),
      })
      .meta({ id: 'StoryPicture' }),
    version: z.int(),
  })
  .meta({ id: 'StoryPage' });
export type StoryPageBody = z.output<typeof storyPageSchema>;

const headShape = {
  id: z.string(),
  status: z
    .enum(['outlining', 'choosing', 'ready', 'telling'])
    .describe(
      '`outlining`: there are no proposals yet; `outlining.status` says whether they are being written, wait or have failed. `choosing`: there are proposals. `ready`: there is an outline. `telling`: there are pages.',
    ),
  title: z.string(),
  idea: z.string(),
  language: storyLanguageSchema,
  style: z.string().nullable().describe('The id of a style.'),
  style_text: z.string().nullable(),
  model: z.string().nullable(),
  aspect_ratio: z.string(),
  page_count: z.int().describe('Pages of one path.'),
  written_pages: z.int(),
  safety: safetySchema,
  softened: z.array(z.string()).describe('Words of the idea that were made harmless.'),
  ahead: aheadSchema,
  ahead_budget_credits: z.number(),
  ahead_spent_credits: z.number(),
  seed: z.int(),
  by_demo_writer: z.boolean().describe('No language model wrote this, but the built-in demo writer: say so.'),
  writer: z.string().nullable().describe('The language model that wrote last.'),
  cover: taskImageSchema.nullable().describe('The picture of the first page.'),
  outlining: stepSchema.describe(
    'The newest round of proposals: written, or waiting or failed for the reason in `error`.',
  ),
  version: z.int(),
  created_at: timestampSchema,
  updated_at: timestampSchema,
};
export const storyHeadSchema = z.object(headShape).meta({ id: 'StoryHead' });
export const storySchema = z
  .object({
    ...headShape,
    proposals: z.array(outlineSchema),
    outline: outlineSchema.nullable(),
    pages: z.array(storyPageSchema).describe('The whole tree, each page after its parent.'),
    urls: z.object({
      get: z.string(),
      events: z.string(),
      web: z.string(),
      pdf: z.string(),
      epub: z.string(),
    }),
  })
  .meta({ id: 'Story' });
export type StoryHeadBody = z.output<typeof storyHeadSchema>;
export type StoryBody = z.output<typeof storySchema>;
/** A story as a webhook tells of it, with the page that it is about; null where it is about the outlines. */
export type StoryNewsBody = Omit<StoryBody, 'pages' | 'proposals' | 'outline'> & {
  page: StoryPageBody | null;
};
