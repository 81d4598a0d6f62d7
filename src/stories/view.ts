// A story as answers show it. The picture of a page is its task: nothing about pictures is kept twice.
import { toTimestamp } from '../kernel/clock.ts';
import type { Reader } from '../kernel/db.ts';
import type { Language } from '../kernel/errors.ts';
import { findImagesOfTasks, type ImagesTable, type Media } from '../media/media.ts';
import type { Providers } from '../providers/providers.ts';
import { showError, type TaskRow, type Tasks } from '../tasks/tasks.ts';
import type { OutlineBody, StoryBody, StoryHeadBody, StoryPageBody } from './contract.ts';
import {
  findPictureTasks,
  type JobKind,
  type JobRow,
  listJobs,
  listOutlineJobs,
  listPages,
  type PageRow,
  parseOutline,
  type StoryRow,
} from './store.ts';

const MICROS_PER_CREDIT = 1_000_000;

export interface StoryView {
  baseUrl: string;
  language: Language;
}

export interface ViewParts {
  read: Reader;
  media: Media;
  tasks: Tasks;
  providers: Providers;
  /** What a page's text is so far while it is written on this node. */
  partialText(pageId: string): string | undefined;
}

interface Gathered {
  pages: Map<string, PageRow[]>;
  jobs: Map<string, JobRow[]>;
  tasks: Map<string, TaskRow>;
  images: Map<string, ImagesTable>;
}

async function gather(
  { read }: ViewParts,
  storyIds: readonly string[],
  onlyHeads: boolean,
): Promise<Gathered> {
  // In this order, since all of it goes on meanwhile: what a job has done is in the pages that are read after it, and the
  // picture of an ended task in the pictures. The other way round a page would be ready without its picture.
  const jobs = await (onlyHeads ? listOutlineJobs : listJobs)(read, storyIds);
  const pages = await listPages(read, storyIds);
  const shown = onlyHeads ? pages.filter(({ number }) => number === 1) : pages;
  const taskIds = shown.flatMap((page) => [page.task_id ?? [], page.former_task_id ?? []].flat());
  const tasks = await findPictureTasks(read, taskIds);
  const images = taskIds.length === 0 ? [] : await findImagesOfTasks(read, taskIds);
  const firsts = new Map<string, ImagesTable>();
  for (const image of images)
    if (image.trashed_at === null && image.task_id !== null && !firsts.has(image.task_id))
      firsts.set(image.task_id, image);
  return {
    pages: Map.groupBy(pages, ({ story_id: id }) => id),
    jobs: Map.groupBy(jobs, ({ story_id: id }) => id),
    tasks: new Map(tasks.map((task) => [task.id, task])),
    images: firsts,
  };
}

/** The picture to show of a page: of its task, or of the one before until that is there. */
function imageOf(page: PageRow, { images }: Gathered): ImagesTable | undefined {
  return images.get(page.task_id ?? '') ?? images.get(page.former_task_id ?? '');
}

function shownImage(image: ImagesTable | undefined, { media }: ViewParts, { baseUrl }: StoryView) {
  return image ? media.taskImage(image, baseUrl) : null;
}

function newest(
  jobs: readonly JobRow[],
  pageId: string | null,
  kinds: readonly JobKind[],
): JobRow | undefined {
  return jobs.findLast((job) => job.page_id === pageId && kinds.includes(job.kind));
}

const STEP_STATUS = {
  queued: 'queued',
  waiting: 'waiting',
  running: 'running',
  done: 'ready',
  failed: 'failed',
} as const;

function step(job: JobRow | undefined, language: Language) {
  if (!job) return { status: 'none' as const, error: null, attempts: 0 };
  return {
    status: STEP_STATUS[job.status],
    error: job.error === null ? null : showError(job.error, language),
    attempts: job.attempt,
  };
}

function writingStep(page: PageRow, jobs: readonly JobRow[], language: Language) {
  const job = newest(jobs, page.id, ['page', 'retell']);
  // A page is born with its job, which is only not among those that were read before it.
  if (!job && page.text === '') return { status: 'queued' as const, error: null, attempts: 0 };
  return step(job, language);
}

function pictureStep(
  job: JobRow | undefined,
  task: TaskRow | undefined,
  { providers }: ViewParts,
  language: Language,
) {
  const ordering = step(job, language);
  if (!task || (job && job.status !== 'done')) return ordering;
  const status = (
    {
      queued: task.waiting_reason === null ? 'queued' : 'waiting',
      delayed: 'waiting',
      running: 'running',
      succeeded: 'ready',
      failed: 'failed',
      cancelled: 'failed',
    } as const
  )[task.status];
  const isWaiting = task.finished_at === null && task.status !== 'running';
  const stop = isWaiting ? providers.stop(task.lane, task.provider_model) : null;
  const reason = stop && JSON.stringify({ code: stop.code, detail: stop.detail });
  const stored = task.error ?? (task.status === 'cancelled' ? CANCELLED : reason);
  return {
    status,
    error: stored === null ? null : showError(stored, language),
    attempts: task.attempt,
  };
}

const CANCELLED = JSON.stringify({ code: 'cancelled', detail: 'The picture was cancelled.' });

interface PageParts {
  story: StoryRow;
  outline: OutlineBody | null;
  gathered: Gathered;
  previews: ReadonlyMap<string, string | null>;
}

function pageBody(page: PageRow, parts: ViewParts, view: StoryView, of: PageParts): StoryPageBody {
  const { gathered, story, outline } = of;
  const jobs = gathered.jobs.get(story.id) ?? [];
  const siblings = gathered.pages.get(story.id) ?? [];
  const task = gathered.tasks.get(page.task_id ?? '');
  const texts = JSON.parse(page.choices) as string[];
  return {
    id: page.id,
    parent_id: page.parent_id,
    number: page.number,
    choice: page.choice,
    choice_index: page.choice_index,
    opened: page.opened === 1,
    is_last: page.number >= story.page_count || (page.text !== '' && texts.length === 0),
    title: outline?.pages[page.number - 1]?.title ?? '',
    text: parts.partialText(page.id) ?? page.text,
    alt_text: page.alt_text,
    picture_prompt: page.picture_prompt,
    choices: texts.map((text, index) => ({
      index,
      text,
      page_id: siblings.find((one) => one.parent_id === page.id && one.choice === text)?.id ?? null,
    })),
    writing: writingStep(page, jobs, view.language),
    picture: {
      ...pictureStep(newest(jobs, page.id, ['picture']), task, parts, view.language),
      task_id: page.task_id,
      progress: task?.progress ?? null,
      preview_url: of.previews.get(page.task_id ?? '') ?? null,
      image: shownImage(imageOf(page, gathered), parts, view),
    },
    version: page.version,
  };
}

function headBody(story: StoryRow, parts: ViewParts, view: StoryView, gathered: Gathered): StoryHeadBody {
  const pages = gathered.pages.get(story.id) ?? [];
  const cover = pages.find(({ number }) => number === 1);
  const status =
    pages.length > 0
      ? 'telling'
      : story.outline !== null
        ? 'ready'
        : story.proposals !== '[]'
          ? 'choosing'
          : 'outlining';
  return {
    id: story.id,
    status,
    title: story.title,
    idea: story.idea,
    language: story.language,
    style: story.style_id,
    style_text: story.style_text,
    model: story.model,
    aspect_ratio: story.aspect_ratio,
    page_count: story.page_count,
    written_pages: pages.filter(({ text }) => text !== '').length,
    safety: story.safety,
    softened: JSON.parse(story.softened) as string[],
    ahead: story.ahead,
    ahead_budget_credits: story.ahead_budget_micros / MICROS_PER_CREDIT,
    ahead_spent_credits: story.ahead_spent_micros / MICROS_PER_CREDIT,
    seed: story.seed,
    by_demo_writer: story.by_demo_writer === 1,
    writer: story.writer,
    cover: cover ? shownImage(imageOf(cover, gathered), parts, view) : null,
    outlining: step(newest(gathered.jobs.get(story.id) ?? [], null, ['outlines']), view.language),
    version: story.version,
    created_at: toTimestamp(story.created_at),
    updated_at: toTimestamp(story.updated_at),
  };
}

/** Stories without their pages. */
export async function viewHeads(
  parts: ViewParts,
  view: StoryView,
  stories: readonly StoryRow[],
): Promise<StoryHeadBody[]> {
  const gathered = await gather(
    parts,
    stories.map(({ id }) => id),
    true,
  );
  return stories.map((story) => headBody(story, parts, view, gathered));
}

/** A story with the whole tree. */
export async function viewStory(parts: ViewParts, view: StoryView, story: StoryRow): Promise<StoryBody> {
  const gathered = await gather(parts, [story.id], false);
  const outline = story.outline === null ? null : parseOutline(story.outline);
  const running = [...gathered.tasks.values()].filter(({ status }) => status === 'running');
  const bodies = running.length === 0 ? [] : await parts.tasks.viewPage(view, running);
  const previews = new Map(bodies.map((body) => [body.id, body.preview_url]));
  const pages = gathered.pages.get(story.id) ?? [];
  const url = `${view.baseUrl}/v1/stories/${story.id}`;
  return {
    ...headBody(story, parts, view, gathered),
    proposals: JSON.parse(story.proposals) as OutlineBody[],
    outline,
    pages: pages
      .filter((page) => isReachable(page, pages))
      .map((page) => pageBody(page, parts, view, { story, outline, gathered, previews })),
    urls: {
      get: url,
      events: `${url}/events`,
      web: `${view.baseUrl}/stories/${story.id}`,
      pdf: `${url}/export.pdf`,
      epub: `${url}/export.epub`,
    },
  };
}

/** Pages made ahead for choices that a rewritten page no longer has are not shown. */
function isReachable(page: PageRow, pages: readonly PageRow[]): boolean {
  if (page.opened === 1 || page.parent_id === null) return true;
  const parent = pages.find(({ id }) => id === page.parent_id);
  return parent !== undefined && (JSON.parse(parent.choices) as string[]).includes(page.choice ?? '');
}

/** The pictures of a story's read pages, in the order of the tree: what a share of it shows. */
export async function picturesOf(parts: ViewParts, storyId: string): Promise<string[]> {
  const gathered = await gather(parts, [storyId], false);
  return (gathered.pages.get(storyId) ?? [])
    .filter(({ opened }) => opened === 1)
    .flatMap((page) => imageOf(page, gathered)?.id ?? []);
}

/** A page with what a book needs of it. */
export interface BookPage {
  page: PageRow;
  image: ImagesTable | null;
}

/** The written pages of a story, each after its parent; with `lastPageId` only the path to it. */
export async function bookPages(
  parts: ViewParts,
  storyId: string,
  lastPageId: string | null,
): Promise<BookPage[]> {
  const gathered = await gather(parts, [storyId], false);
  const pages = gathered.pages.get(storyId) ?? [];
  const path = lastPageId === null ? null : pathIds(pages, lastPageId);
  return pages
    .filter((page) => page.text !== '' && (path ? path.has(page.id) : page.opened === 1))
    .map((page) => ({ page, image: imageOf(page, gathered) ?? null }));
}

function pathIds(pages: readonly PageRow[], lastId: string): Set<string> {
  const byId = new Map(pages.map((page) => [page.id, page]));
  const ids = new Set<string>();
  for (let page = byId.get(lastId); page; page = byId.get(page.parent_id ?? '')) ids.add(page.id);
  return ids;
}
