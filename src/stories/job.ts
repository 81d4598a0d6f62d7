// One try of a job: asks the writer or hands the picture to the tasks, and returns what came of it without writing anything of
// stories. Everything that a writer answers is checked again before it is kept.
import { balanceOf } from '../credits/credits.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { PageRequest, PathStep, StoryPage, StoryWriter, Written } from '../providers/chat/chat.ts';
import type { Providers } from '../providers/providers.ts';
import { findTask, type Tasks } from '../tasks/tasks.ts';
import { MAX_PLAN_CHARS, MAX_SUMMARY_CHARS, MOST_CHARACTERS, type OutlineBody } from './contract.ts';
import type { JobResult, Told } from './job-store.ts';
import { pictureRequest } from './picture.ts';
import { findForbidden, requireSafeAnswer } from './safety.ts';
import {
  findStory,
  isOpened,
  type JobInput,
  type JobRow,
  listPages,
  type PageRow,
  parseOutline,
  type StoryRow,
} from './store.ts';

export interface JobContext {
  db: Db;
  tasks: Tasks;
  providers: Providers;
  /** The one that the settings ask for now. */
  writer(): Promise<StoryWriter>;
  /** A page's text while it is written. */
  showText(storyId: string, pageId: string, text: string): void;
  /** Nothing more comes of what was shown. */
  forget(pageId: string | null): void;
}

/** What a job made. Throws `AppError` (`not_found` when its story is gone) and `ProviderError`. */
export async function performJob(
  context: JobContext,
  job: JobRow,
  signal: AbortSignal,
): Promise<{ story: StoryRow; result: JobResult }> {
  const { db } = context;
  const story = await findStory(db.read, job.story_id);
  if (!story) throw gone();
  if (job.kind === 'outlines') return { story, result: await writeOutlines(context, job, story, signal) };
  const pages = await listPages(db.read, [story.id]);
  const page = pages.find(({ id }) => id === job.page_id);
  if (!page || story.outline === null) throw gone();
  if (job.kind === 'picture') return { story, result: await orderPicture(context, job, story, page, signal) };
  return { story, result: await writePage(context, job, { story, page, pages }, signal) };
}

const gone = () => new AppError('not_found', { detail: 'There is no such page any more.' });

/** Asked before the writer is: a text that cannot be paid is not written. */
async function requireFunds({ db }: JobContext, job: JobRow): Promise<void> {
  if (job.price_micros === 0) return;
  const { availableMicros } = await balanceOf(db.read, job.account_id);
  if (availableMicros < job.price_micros)
    throw new AppError('insufficient_credits', { detail: 'There are not enough credits for this text.' });
}

function toldBy({ byDemoWriter, model, usage }: Written<unknown>): Told {
  const { inputTokens, outputTokens, requests } = usage;
  return { byDemoWriter, model, inputTokens, outputTokens, requests };
}

const castOf = (story: StoryRow) => JSON.parse(story.cast_wanted) as OutlineBody['characters'];

/** The idea with the characters that must be in it, who are data as the idea is. */
function ideaOf(story: StoryRow): string {
  const cast = castOf(story).map(({ name, look }) => `${name} (${look})`);
  return cast.length === 0 ? story.idea : `${story.idea}\n+ ${cast.join('; ')}`;
}

function requestOf(story: StoryRow, signal: AbortSignal) {
  const { language, style_text: style, seed } = story;
  return { idea: ideaOf(story), language, style, seed, signal };
}

async function writeOutlines(
  context: JobContext,
  job: JobRow,
  story: StoryRow,
  signal: AbortSignal,
): Promise<JobResult> {
  await requireFunds(context, job);
  const writer = await context.writer();
  const { count = 1 } = JSON.parse(job.input) as JobInput;
  const seed = story.seed + job.attempt + story.version;
  const request = { ...requestOf(story, signal), seed, pages: story.page_count, count };
  const written = await writer.outlines(request);
  const cast = castOf(story);
  const outlines = written.value.map((outline): OutlineBody => {
    const others = outline.characters.filter(({ name }) => !cast.some((one) => one.name === name));
    const free = Math.max(0, others.length - cast.length);
    return {
      title: outline.title,
      summary: outline.summary.slice(0, MAX_SUMMARY_CHARS),
      // Whoever was asked for takes the places of those whom the writer thought of first.
      characters: [...cast, ...others.slice(others.length - free)].slice(0, MOST_CHARACTERS),
      pages: outline.pages.map(({ title, summary }) => ({
        title,
        summary: summary.slice(0, MAX_SUMMARY_CHARS),
      })),
      plan: outline.plan.slice(0, MAX_PLAN_CHARS),
    };
  });
  requireSafeAnswer(outlines.flatMap((outline) => textsOf(outline)));
  return { kind: 'outlines', outlines, told: toldBy(written) };
}

/** All texts of an outline that somebody reads. */
export function textsOf({ title, summary, characters, pages }: OutlineBody): string[] {
  return [
    title,
    summary,
    ...characters.flatMap(({ name, look }) => [name, look]),
    ...pages.flatMap((page) => [page.title, page.summary]),
  ];
}

/** The pages from the first to the parent of `page`, each with how it went on. */
export function pathTo(page: PageRow, pages: readonly PageRow[]): PathStep[] {
  const byId = new Map(pages.map((one) => [one.id, one]));
  const steps: PathStep[] = [];
  let child = page;
  for (let parent = byId.get(page.parent_id ?? ''); parent; parent = byId.get(parent.parent_id ?? '')) {
    steps.unshift({ text: parent.text, choice: child.choice ?? '' });
    child = parent;
  }
  return steps;
}

async function writePage(
  context: JobContext,
  job: JobRow,
  { story, page, pages }: { story: StoryRow; page: PageRow; pages: readonly PageRow[] },
  signal: AbortSignal,
): Promise<JobResult> {
  await requireFunds(context, job);
  const writer = await context.writer();
  const { variant = 0 } = JSON.parse(job.input) as JobInput;
  const request: PageRequest = {
    ...requestOf(story, signal),
    seed: story.seed + variant,
    outline: parseOutline(story.outline ?? ''),
    path: pathTo(page, pages),
    // Nobody reads what is not for children, not even while it is being written.
    onText: (text) =>
      findForbidden(text) === null ? context.showText(story.id, page.id, text) : context.forget(page.id),
  };
  if (job.kind === 'retell') {
    const written = await writer.regenerateText({ ...request, current: currentOf(page) });
    requireSafeAnswer([written.value]);
    return { kind: 'retell', text: written.value, told: toldBy(written) };
  }
  const written = await writer.page(request);
  let told = written.value;
  // The demo writer says the same again to the same question.
  if (writer.byDemoWriter && page.text !== '')
    told = { ...told, text: (await writer.regenerateText({ ...request, current: currentOf(page) })).value };
  requireSafeAnswer([told.text, ...told.choices, told.altText, told.picturePrompt]);
  return { kind: 'page', page: told, told: toldBy(written) };
}

function currentOf(page: PageRow): StoryPage {
  return {
    text: page.text,
    choices: JSON.parse(page.choices) as string[],
    picturePrompt: page.picture_prompt,
    altText: page.alt_text,
  };
}

/** An ordinary task under the id that the job chose; one that exists is the one that an earlier try made. */
async function orderPicture(
  { db, tasks, providers }: JobContext,
  job: JobRow,
  story: StoryRow,
  page: PageRow,
  signal: AbortSignal,
): Promise<JobResult> {
  const taskId = job.task_id ?? '';
  if (await findTask(db.read, taskId)) return { kind: 'picture', taskId };
  const { name, providerModel } = providers.requireModel(story.model, null);
  const model = { name, capabilities: providerModel.capabilities };
  const body = pictureRequest(story, parseOutline(story.outline ?? ''), page, model);
  await tasks.accept(body, {
    access: {
      accountId: story.account_id,
      credentialId: story.credential_id,
      scopes: new Set(['tasks:write']),
      via: 'key',
    },
    taskId,
    origin: 'story',
    idempotencyKey: null,
    retryOf: null,
    parentImageId: null,
    signal: () => signal,
  });
  // Whoever opened the page meanwhile did not find the task yet.
  if (page.opened === 0 && (await isOpened(db.read, page.id))) await tasks.hasten(taskId);
  return { kind: 'picture', taskId };
}
