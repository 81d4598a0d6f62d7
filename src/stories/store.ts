// The stories tables: rows, reads, and the parts that writes are made of. A page is found by the way that leads to it, so that the
// same choice always leads to the same page. change-store.ts has the owners' writes, job-store.ts the runner's.
import { sql } from 'kysely';
import type { Reader, Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { appendEvent } from '../kernel/outbox.ts';
import type { StoryLanguage } from '../providers/chat/chat.ts';
import type { TaskRow } from '../tasks/tasks.ts';
import { MAX_TREE_PAGES, type OutlineBody } from './contract.ts';

export const STORY_TOPIC = 'stories';
/** Of jobs that somebody waited for: what webhooks tell of. */
const STEP_TOPIC = 'story_steps';
/** What waits for an operator to mend something is given up after this. */
export const JOB_DEADLINE_MS = 24 * 3600_000;

export type Safety = 'strict' | 'gentle';
export type Ahead = 'none' | 'text' | 'pictures';
export type JobKind = 'outlines' | 'page' | 'retell' | 'picture';
export type JobStatus = 'queued' | 'waiting' | 'running' | 'done' | 'failed';

export interface StoryRow {
  id: string;
  account_id: string;
  credential_id: string;
  idea: string;
  language: StoryLanguage;
  title: string;
  style_id: string | null;
  style_text: string | null;
  model: string | null;
  aspect_ratio: string;
  page_count: number;
  safety: Safety;
  /** Words of the idea that were made harmless, as JSON. */
  softened: string;
  ahead: Ahead;
  ahead_budget_micros: number;
  ahead_spent_micros: number;
  seed: number;
  /** Characters that must be in it, as JSON. */
  cast_wanted: string;
  /** OutlineBody[] as JSON. */
  proposals: string;
  /** OutlineBody as JSON. */
  outline: string | null;
  by_demo_writer: 0 | 1;
  writer: string | null;
  idempotency_key: string | null;
  request_hash: string;
  version: number;
  created_at: number;
  updated_at: number;
}

export interface PageRow {
  id: string;
  story_id: string;
  parent_id: string | null;
  /** 1 for the first page of a path. */
  number: number;
  choice: string | null;
  choice_index: number | null;
  opened: 0 | 1;
  text: string;
  /** string[] as JSON. */
  choices: string;
  picture_prompt: string;
  alt_text: string;
  task_id: string | null;
  /** The task whose picture is shown until the one of `task_id` is there. */
  former_task_id: string | null;
  version: number;
  created_at: number;
}

export interface JobRow {
  id: string;
  story_id: string;
  page_id: string | null;
  account_id: string;
  kind: JobKind;
  status: JobStatus;
  /** 1: nobody has asked for it yet; it is done after everything that somebody waits for. */
  ahead: 0 | 1;
  lease_owner: string | null;
  attempt: number;
  due_at: number;
  deadline_at: number;
  /** `{code, detail}` as JSON. */
  error: string | null;
  /** JobInput as JSON. */
  input: string;
  /** Of a text; a picture's price is its task's. */
  price_micros: number;
  hold_id: string | null;
  /** For a picture: the id that its task has or will have, chosen before anything is sent. */
  task_id: string | null;
  created_at: number;
  ended_at: number | null;
}

export interface JobInput {
  /** For `outlines`. */
  count?: number;
  /** For `page`: its picture is made anew as well. */
  withPicture?: boolean;
  /** Counts tellings, so that the demo writer tells it differently. */
  variant?: number;
}

export interface AttemptRow {
  job_id: string;
  n: number;
  outcome: 'open' | 'succeeded' | 'failed' | 'unknown';
  model: string | null;
  input_tokens: number;
  output_tokens: number;
  requests: number;
  error: string | null;
  started_at: number;
  ended_at: number | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    stories: StoryRow;
    story_pages: PageRow;
    story_jobs: JobRow;
    story_attempts: AttemptRow;
  }
}

export const pending = sql<boolean>`status in ('queued', 'waiting')`;
export const unfinished = sql<boolean>`status in ('queued', 'waiting', 'running')`;

export const parseOutline = (text: string) => JSON.parse(text) as OutlineBody;

// --- reads --------------------------------------------------------------------------------------------------------

export function findStory(reader: Reader, id: string): Promise<StoryRow | undefined> {
  return reader.selectFrom('stories').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Those of these ids that the account has, in any order. */
export function findStories(reader: Reader, accountId: string, ids: readonly string[]): Promise<StoryRow[]> {
  if (ids.length === 0) return Promise.resolve([]);
  return reader
    .selectFrom('stories')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('id', 'in', [...ids])
    .execute();
}

export function findStoryByKey(
  reader: Reader,
  accountId: string,
  key: string,
): Promise<StoryRow | undefined> {
  return reader
    .selectFrom('stories')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('idempotency_key', '=', key)
    .executeTakeFirst();
}

/** Newest first, below the id `before`. */
export function listStories(
  reader: Reader,
  filter: { accountId: string; before?: string | undefined; limit: number },
): Promise<StoryRow[]> {
  let query = reader.selectFrom('stories').selectAll().where('account_id', '=', filter.accountId);
  if (filter.before !== undefined) query = query.where('id', '<', filter.before);
  return query.orderBy('id', 'desc').limit(filter.limit).execute();
}

/** Each page after its parent. */
export function listPages(reader: Reader, storyIds: readonly string[]): Promise<PageRow[]> {
  if (storyIds.length === 0) return Promise.resolve([]);
  return reader
    .selectFrom('story_pages')
    .selectAll()
    .where('story_id', 'in', [...storyIds])
    .orderBy('story_id')
    .orderBy('number')
    .orderBy('id')
    .execute();
}

/** Oldest first. */
export function listJobs(reader: Reader, storyIds: readonly string[]): Promise<JobRow[]> {
  if (storyIds.length === 0) return Promise.resolve([]);
  return reader
    .selectFrom('story_jobs')
    .selectAll()
    .where('story_id', 'in', [...storyIds])
    .orderBy('id')
    .execute();
}

/** Those that write outlines, oldest first. */
export function listOutlineJobs(reader: Reader, storyIds: readonly string[]): Promise<JobRow[]> {
  if (storyIds.length === 0) return Promise.resolve([]);
  return reader
    .selectFrom('story_jobs')
    .selectAll()
    .where('story_id', 'in', [...storyIds])
    .where('kind', '=', 'outlines')
    .orderBy('id')
    .execute();
}

export function listAttempts(reader: Reader, jobId: string): Promise<AttemptRow[]> {
  return reader.selectFrom('story_attempts').selectAll().where('job_id', '=', jobId).orderBy('n').execute();
}

/** Tasks in any order; unknown ids are not in the answer. */
export async function findPictureTasks(reader: Reader, ids: readonly string[]): Promise<TaskRow[]> {
  if (ids.length === 0) return [];
  return reader
    .selectFrom('tasks')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute();
}

// --- helpers of the writes ------------------------------------------------------------------------------------------

const missing = (what: string) => new AppError('not_found', { detail: `There is no such ${what}.` });

/** The story, with everybody else who changes it waiting. Throws `not_found`. */
export async function lockStory(trx: Trx, id: string, accountId?: string): Promise<StoryRow> {
  const story = await dialectOf(trx)
    .lockRow(trx.selectFrom('stories').selectAll().where('id', '=', id))
    .executeTakeFirst();
  if (!story || (accountId !== undefined && story.account_id !== accountId)) throw missing('story');
  return story;
}

/** Writes a change of the story and the event that tells of it. */
export async function changeStory(
  trx: Trx,
  story: StoryRow,
  change: Partial<StoryRow>,
  now: number,
): Promise<StoryRow> {
  const next = { ...change, version: story.version + 1, updated_at: now };
  await trx.updateTable('stories').set(next).where('id', '=', story.id).execute();
  await appendStoryEvent(trx, { ...story, ...next }, 'story.updated', now);
  return { ...story, ...next };
}

/** Tells of a story as it is after this transaction, or that it is gone. */
export function appendStoryEvent(
  trx: Trx,
  { id: entityId, account_id: accountId, version }: StoryRow,
  type: 'story.updated' | 'story.removed',
  now: number,
): Promise<string> {
  return appendEvent(trx, { accountId, topic: STORY_TOPIC, entityId, type, version, nowMs: now });
}

/** Says, in the transaction that makes it so, that a page can be read or that a step has failed for good. */
export function appendStepEvent(
  trx: Trx,
  job: Pick<JobRow, 'id' | 'account_id' | 'attempt'>,
  type: 'story.page_ready' | 'story.failed',
  now: number,
): Promise<string> {
  const { id: entityId, account_id: accountId, attempt: version } = job;
  return appendEvent(trx, { accountId, topic: STEP_TOPIC, entityId, type, version, nowMs: now });
}

export async function changePage(trx: Trx, page: PageRow, change: Partial<PageRow>): Promise<PageRow> {
  const next = { ...change, version: page.version + 1 };
  await trx.updateTable('story_pages').set(next).where('id', '=', page.id).execute();
  return { ...page, ...next };
}

/** Whether a reader has opened the page. */
export async function isOpened(reader: Reader, pageId: string): Promise<boolean> {
  const page = await reader
    .selectFrom('story_pages')
    .select('opened')
    .where('id', '=', pageId)
    .executeTakeFirst();
  return page?.opened === 1;
}

export async function getPage(trx: Trx, storyId: string, id: string): Promise<PageRow> {
  const page = await trx
    .selectFrom('story_pages')
    .selectAll()
    .where('id', '=', id)
    .where('story_id', '=', storyId)
    .executeTakeFirst();
  if (!page) throw missing('page');
  return page;
}

export interface Prices {
  /** Of one text, in micro-credits. */
  textMicros: number;
  /** Of one picture. */
  pictureMicros: number;
}

export async function addJob(
  trx: Trx,
  story: Pick<StoryRow, 'id' | 'account_id'>,
  job: { kind: JobKind; pageId: string | null; ahead: boolean; input?: JobInput; textMicros: number },
  now: number,
): Promise<void> {
  await trx
    .insertInto('story_jobs')
    .values({
      id: newId('job', now),
      story_id: story.id,
      page_id: job.pageId,
      account_id: story.account_id,
      kind: job.kind,
      status: 'queued',
      ahead: job.ahead ? 1 : 0,
      lease_owner: null,
      attempt: 0,
      due_at: now,
      deadline_at: now + JOB_DEADLINE_MS,
      error: null,
      input: JSON.stringify(job.input ?? {}),
      price_micros: job.kind === 'picture' ? 0 : job.textMicros,
      hold_id: null,
      task_id: job.kind === 'picture' ? newId('task', now) : null,
      created_at: now,
      ended_at: null,
    })
    .execute();
}

/** The newest job of a page that makes its text, or its picture. */
export function newestJob(trx: Trx, pageId: string, kinds: readonly JobKind[]): Promise<JobRow | undefined> {
  return trx
    .selectFrom('story_jobs')
    .selectAll()
    .where('page_id', '=', pageId)
    .where('kind', 'in', [...kinds])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export const isOpenJob = (job: JobRow | undefined) =>
  job !== undefined && job.status !== 'done' && job.status !== 'failed';

/** What somebody waits for now is done before what is made ahead, and at once. */
export async function hurry(trx: Trx, job: JobRow, now: number): Promise<void> {
  await trx.updateTable('story_jobs').set({ ahead: 0 }).where('id', '=', job.id).execute();
  await trx.updateTable('story_jobs').set({ due_at: now }).where('id', '=', job.id).where(pending).execute();
}

export interface NewPage {
  parentId: string | null;
  number: number;
  choice: string | null;
  choiceIndex: number | null;
  opened: boolean;
}

/** A page without its text, or none when the tree is full or the way exists. */
export async function addPage(
  trx: Trx,
  story: StoryRow,
  page: NewPage,
  now: number,
): Promise<PageRow | undefined> {
  const { count } = await trx
    .selectFrom('story_pages')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('story_id', '=', story.id)
    .executeTakeFirstOrThrow();
  if (Number(count) >= MAX_TREE_PAGES) return undefined;
  return trx
    .insertInto('story_pages')
    .values({
      id: newId('page', now),
      story_id: story.id,
      parent_id: page.parentId,
      number: page.number,
      choice: page.choice,
      choice_index: page.choiceIndex,
      opened: page.opened ? 1 : 0,
      text: '',
      choices: '[]',
      picture_prompt: '',
      alt_text: '',
      task_id: null,
      former_task_id: null,
      version: 1,
      created_at: now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
}

/** Makes a page for every choice of an opened page that has its text, while the story's budget for that lasts. */
export async function goAhead(
  trx: Trx,
  story: StoryRow,
  page: PageRow,
  prices: Prices,
  now: number,
): Promise<Partial<StoryRow>> {
  if (story.ahead === 'none' || page.opened === 0 || page.text === '') return {};
  const each = prices.textMicros + (story.ahead === 'pictures' ? prices.pictureMicros : 0);
  let spent = story.ahead_spent_micros;
  for (const [index, choice] of (JSON.parse(page.choices) as string[]).entries()) {
    if (spent + each > story.ahead_budget_micros) break;
    const child = await addPage(
      trx,
      story,
      { parentId: page.id, number: page.number + 1, choice, choiceIndex: index, opened: false },
      now,
    );
    if (!child) continue;
    await addJob(
      trx,
      story,
      { kind: 'page', pageId: child.id, ahead: true, textMicros: prices.textMicros },
      now,
    );
    spent += each;
  }
  return { ahead_spent_micros: spent };
}
