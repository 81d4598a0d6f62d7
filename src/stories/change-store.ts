// What the owners of stories change, each in one transaction with the jobs that follow from it. Going back deletes nothing: only
// deleting the story deletes a page.
import { sql } from 'kysely';
import { registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { MAX_STORIES_PER_ACCOUNT, MAX_TREE_PAGES, type OutlineBody } from './contract.ts';
import { holdReferences, letReferencesGo } from './reference-store.ts';
import {
  addJob,
  addPage,
  appendStepEvent,
  appendStoryEvent,
  changePage,
  changeStory,
  findStoryByKey,
  getPage,
  goAhead,
  hurry,
  isOpenJob,
  type JobRow,
  listPages,
  lockStory,
  type NewPage,
  newestJob,
  type PageRow,
  type Prices,
  type StoryRow,
  unfinished,
} from './store.ts';

export type NewStory = Omit<
  StoryRow,
  | 'title'
  | 'proposals'
  | 'outline'
  | 'by_demo_writer'
  | 'writer'
  | 'version'
  | 'created_at'
  | 'updated_at'
  | 'ahead_spent_micros'
>;

/**
 * Stores a story and the job that writes its proposals. Throws `conflict` when the account has too many, `not_found` for a
 * character's upload that is gone.
 */
export async function createStory(
  trx: Trx,
  input: { story: NewStory; count: number; textMicros: number; now: number },
): Promise<StoryRow> {
  const { now, count, textMicros } = input;
  await dialectOf(trx).lockName(trx, `stories:${input.story.account_id}`);
  const { have } = await trx
    .selectFrom('stories')
    .select(({ fn }) => fn.countAll().as('have'))
    .where('account_id', '=', input.story.account_id)
    .executeTakeFirstOrThrow();
  if (Number(have) >= MAX_STORIES_PER_ACCOUNT) {
    throw new AppError('conflict', {
      detail: `This account has ${MAX_STORIES_PER_ACCOUNT} stories already.`,
      fix: 'Delete stories that nobody reads any more.',
    });
  }
  const key = input.story.idempotency_key;
  const earlier = key === null ? undefined : await findStoryByKey(trx, input.story.account_id, key);
  if (earlier) return earlier;
  const row: StoryRow = {
    ...input.story,
    title: '',
    proposals: '[]',
    outline: null,
    by_demo_writer: 0,
    writer: null,
    ahead_spent_micros: 0,
    version: 0,
    created_at: now,
    updated_at: now,
  };
  await holdReferences(trx, row.account_id, JSON.parse(row.cast_wanted) as OutlineBody['characters']);
  await trx.insertInto('stories').values(row).execute();
  await addJob(trx, row, { kind: 'outlines', pageId: null, ahead: false, input: { count }, textMicros }, now);
  return changeStory(trx, row, {}, now);
}

/** Writes proposals anew, unless they are just being written. */
export async function proposeAgain(
  trx: Trx,
  input: {
    id: string;
    accountId: string;
    change: Partial<Pick<StoryRow, 'idea' | 'page_count' | 'softened'>>;
    count: number;
    textMicros: number;
    now: number;
  },
): Promise<void> {
  const { now, count, textMicros } = input;
  const story = await lockStory(trx, input.id, input.accountId);
  const open = await trx
    .selectFrom('story_jobs')
    .selectAll()
    .where('story_id', '=', story.id)
    .where('kind', '=', 'outlines')
    .where(unfinished)
    .executeTakeFirst();
  if (open?.status === 'running')
    throw new AppError('conflict', { detail: 'The proposals are being written just now.' });
  if (open) {
    await trx
      .updateTable('story_jobs')
      .set({ input: JSON.stringify({ count }), due_at: now })
      .where('id', '=', open.id)
      .execute();
  } else {
    await addJob(
      trx,
      story,
      { kind: 'outlines', pageId: null, ahead: false, input: { count }, textMicros },
      now,
    );
  }
  await changeStory(trx, story, input.change, now);
}

/** Sets what a story is told by from now on. */
export async function setOutline(
  trx: Trx,
  input: {
    id: string;
    accountId: string;
    choice: { proposal: number } | { outline: OutlineBody };
    now: number;
  },
): Promise<void> {
  const story = await lockStory(trx, input.id, input.accountId);
  const { choice } = input;
  const outline =
    'outline' in choice ? choice.outline : (JSON.parse(story.proposals) as OutlineBody[])[choice.proposal];
  if (!outline)
    throw new AppError('conflict', { detail: 'There is no such proposal, or none is written yet.' });
  await holdReferences(trx, story.account_id, outline.characters);
  const change = { outline: JSON.stringify(outline), title: outline.title, page_count: outline.pages.length };
  await changeStory(trx, story, change, input.now);
}

export type StoryChange = Partial<
  Pick<StoryRow, 'style_id' | 'style_text' | 'model' | 'aspect_ratio' | 'ahead' | 'ahead_budget_micros'>
>;

export async function updateStory(
  trx: Trx,
  input: { id: string; accountId: string; change: StoryChange; now: number },
): Promise<void> {
  await changeStory(trx, await lockStory(trx, input.id, input.accountId), input.change, input.now);
}

/** Deletes a story with its pages and jobs; returns the tasks that were to paint for it. */
export async function removeStory(
  trx: Trx,
  input: { id: string; accountId: string; now: number },
): Promise<string[]> {
  const story = await lockStory(trx, input.id, input.accountId);
  const jobs = trx.selectFrom('story_jobs').select('id').where('story_id', '=', story.id);
  const pages = await listPages(trx, [story.id]);
  await trx.deleteFrom('story_attempts').where('job_id', 'in', jobs).execute();
  await trx.deleteFrom('story_jobs').where('story_id', '=', story.id).execute();
  await trx.deleteFrom('story_pages').where('story_id', '=', story.id).execute();
  await trx.deleteFrom('stories').where('id', '=', story.id).execute();
  await letReferencesGo(trx, story, input.now);
  await appendStoryEvent(trx, { ...story, version: story.version + 1 }, 'story.removed', input.now);
  return pages.flatMap(({ task_id }) => (task_id === null ? [] : [task_id]));
}

export type WayOn = { start: true } | { pageId: string; choice: number } | { pageId: string; own: string };

/**
 * Opens the page that a way leads to, made now if nobody has gone there before, and what comes with it: its text, its picture,
 * and what is made ahead of it. The picture's task may wait behind all others still. Throws `not_found`, and `conflict` where nothing leads on.
 */
export async function openPage(
  trx: Trx,
  input: { id: string; accountId: string; way: WayOn; prices: Prices; now: number },
): Promise<{ pageId: string; pictureTaskId: string | null }> {
  const { prices, now, way } = input;
  const story = await lockStory(trx, input.id, input.accountId);
  if (story.outline === null) throw new AppError('conflict', { detail: 'Choose an outline first.' });
  const wanted = 'start' in way ? FIRST_PAGE : await wayOn(trx, story, way);
  const found = await trx
    .selectFrom('story_pages')
    .selectAll()
    .where('story_id', '=', story.id)
    .where(sql<boolean>`coalesce(parent_id, '') = ${wanted.parentId ?? ''}`)
    .where(sql<boolean>`coalesce(choice, '') = ${wanted.choice ?? ''}`)
    .executeTakeFirst();
  const page = found ?? (await addPage(trx, story, wanted, now));
  if (!page) throw new AppError('conflict', { detail: `A story has at most ${MAX_TREE_PAGES} pages.` });
  const opened = page.opened === 1 ? page : await changePage(trx, page, { opened: 1 });
  const writing = page.opened === 0 && page.text !== '' ? await newestJob(trx, page.id, ['page']) : undefined;
  if (writing) await appendStepEvent(trx, writing, 'story.page_ready', now);
  await completePage(trx, story, opened, prices, now);
  await changeStory(trx, story, await goAhead(trx, story, opened, prices, now), now);
  const painting = await newestJob(trx, page.id, ['picture']);
  return { pageId: page.id, pictureTaskId: painting?.task_id ?? null };
}

const FIRST_PAGE: NewPage = { parentId: null, number: 1, choice: null, choiceIndex: null, opened: true };

async function wayOn(trx: Trx, story: StoryRow, way: Exclude<WayOn, { start: true }>): Promise<NewPage> {
  const page = await getPage(trx, story.id, way.pageId);
  const choices = JSON.parse(page.choices) as string[];
  if (page.text === '') throw new AppError('conflict', { detail: 'This page is not written yet.' });
  if (choices.length === 0 || page.number >= story.page_count)
    throw new AppError('conflict', { detail: 'The story ends on this page.' });
  const index = 'choice' in way ? way.choice : choices.indexOf(way.own);
  const choice = 'own' in way ? way.own : choices[way.choice];
  if (choice === undefined) throw new AppError('conflict', { detail: 'This page has no such choice.' });
  return {
    parentId: page.id,
    number: page.number + 1,
    choice,
    choiceIndex: index < 0 ? null : index,
    opened: true,
  };
}

/** Asks for what an opened page lacks; what failed is tried again. */
async function completePage(
  trx: Trx,
  story: StoryRow,
  page: PageRow,
  { textMicros }: Prices,
  now: number,
): Promise<void> {
  const writing = await newestJob(trx, page.id, ['page']);
  if (page.text === '') {
    if (writing && isOpenJob(writing)) await hurry(trx, writing, now);
    else await addJob(trx, story, { kind: 'page', pageId: page.id, ahead: false, textMicros }, now);
    return;
  }
  const painting = await newestJob(trx, page.id, ['picture']);
  if (painting && isOpenJob(painting)) await hurry(trx, painting, now);
  else if (page.task_id === null)
    await addJob(trx, story, { kind: 'picture', pageId: page.id, ahead: false, textMicros }, now);
}

/**
 * Makes a page's text, picture or both anew; a job that waits or failed is what is done instead. Throws `not_found`, and
 * `conflict` while the same is being made.
 */
export async function regeneratePage(
  trx: Trx,
  input: {
    id: string;
    accountId: string;
    pageId: string;
    what: 'text' | 'picture' | 'both';
    prices: Prices;
    now: number;
  },
): Promise<void> {
  const { now, what } = input;
  const { textMicros } = input.prices;
  const story = await lockStory(trx, input.id, input.accountId);
  const page = await getPage(trx, story.id, input.pageId);
  const writing = await newestJob(trx, page.id, ['page', 'retell']);
  const painting = await newestJob(trx, page.id, ['picture']);
  const busy = (job: JobRow | undefined) => job?.status === 'running' || job?.status === 'queued';
  if ((what !== 'picture' && busy(writing)) || (what !== 'text' && busy(painting)))
    throw new AppError('conflict', { detail: 'This is being made just now.' });
  if (what !== 'text' && page.task_id !== null && (await isTaskOpen(trx, page.task_id)))
    throw new AppError('conflict', { detail: 'The picture of this page is being painted just now.' });
  const variant = await countTellings(trx, page.id);
  if (what !== 'picture') {
    if (writing?.status === 'waiting') await hurry(trx, writing, now);
    else {
      // The pages after it go on from its choices, which must stay.
      const hasNext = await hasOpenedChild(trx, page.id);
      const kind = page.text === '' || (what === 'both' && !hasNext) ? 'page' : 'retell';
      const input = { variant, withPicture: what === 'both' };
      await addJob(trx, story, { kind, pageId: page.id, ahead: false, input, textMicros }, now);
    }
  }
  if (what === 'picture') {
    if (page.picture_prompt === '')
      throw new AppError('conflict', { detail: 'This page is not written yet.' });
    if (painting?.status === 'waiting') await hurry(trx, painting, now);
    else await addJob(trx, story, { kind: 'picture', pageId: page.id, ahead: false, textMicros }, now);
  }
  await changeStory(trx, story, {}, now);
}

async function isTaskOpen(trx: Trx, taskId: string): Promise<boolean> {
  const task = await trx
    .selectFrom('tasks')
    .select('finished_at')
    .where('id', '=', taskId)
    .executeTakeFirst();
  return task !== undefined && task.finished_at === null;
}

async function countTellings(trx: Trx, pageId: string): Promise<number> {
  const { count } = await trx
    .selectFrom('story_jobs')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('page_id', '=', pageId)
    .where('kind', 'in', ['page', 'retell'])
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function hasOpenedChild(trx: Trx, pageId: string): Promise<boolean> {
  const child = await trx
    .selectFrom('story_pages')
    .select('id')
    .where('parent_id', '=', pageId)
    .where('opened', '=', 1)
    .executeTakeFirst();
  return child !== undefined;
}

registerWrites(import.meta.url, {
  createStory,
  proposeAgain,
  setOutline,
  updateStory,
  removeStory,
  openPage,
  regeneratePage,
});
