// The transactions of the runner: claim what is due, write down what came of it, and take over what a dead node left. The intent of
// every try is committed by its claim before anything is sent, and a try that is not its job's newest changes nothing.
import { sql } from 'kysely';
import { holdCredits, settleHold } from '../credits/credits.ts';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import type { StoryPage } from '../providers/chat/chat.ts';
import type { OutlineBody } from './contract.ts';
import {
  type AttemptRow,
  addJob,
  appendStepEvent,
  changePage,
  changeStory,
  getPage,
  goAhead,
  isOpenJob,
  type JobInput,
  type JobRow,
  lockStory,
  newestJob,
  type Prices,
  pending,
  type StoryRow,
} from './store.ts';

/** Jobs of one account that run at the same time on all nodes: a large tree must not keep everybody else waiting. */
export const MAX_RUNNING_PER_ACCOUNT = 4;
/** A job whose nodes died so often is given up: it may be what kills them. */
export const MAX_LOST_TRIES = 4;
const CANDIDATES = 100;

const isRunning = sql<boolean>`status = 'running'`;

/** Claims what is due, what somebody waits for first, and writes down that it will be tried. */
export async function claimJobs(
  trx: Trx,
  input: { owner: string; limit: number; now: number },
): Promise<JobRow[]> {
  const { owner, now } = input;
  const due = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('story_jobs')
        .selectAll()
        .where(pending)
        .where('due_at', '<=', now)
        .orderBy('ahead')
        .orderBy('due_at')
        .limit(CANDIDATES),
    )
    .execute();
  if (due.length === 0) return [];
  const running = await trx
    .selectFrom('story_jobs')
    .select(({ fn }) => ['account_id', fn.countAll().as('count')])
    .where(isRunning)
    .groupBy('account_id')
    .execute();
  const counts = new Map(running.map(({ account_id, count }) => [account_id, Number(count)]));
  const claimed: JobRow[] = [];
  for (const job of due) {
    if (claimed.length >= input.limit) break;
    const count = counts.get(job.account_id) ?? 0;
    if (count >= MAX_RUNNING_PER_ACCOUNT) continue;
    counts.set(job.account_id, count + 1);
    const change = { status: 'running' as const, lease_owner: owner, attempt: job.attempt + 1 };
    await trx.updateTable('story_jobs').set(change).where('id', '=', job.id).execute();
    await trx.insertInto('story_attempts').values(newAttempt(job, now)).execute();
    claimed.push({ ...job, ...change });
  }
  return claimed;
}

function newAttempt(job: JobRow, now: number): AttemptRow {
  return {
    job_id: job.id,
    n: job.attempt + 1,
    outcome: 'open',
    model: null,
    input_tokens: 0,
    output_tokens: 0,
    requests: 0,
    error: null,
    started_at: now,
    ended_at: null,
  };
}

/** When the next job is due; null when none waits. */
export async function nextDueAt(reader: Reader): Promise<number | null> {
  const row = await reader
    .selectFrom('story_jobs')
    .select(({ fn }) => fn.min('due_at').as('due'))
    .where(pending)
    .executeTakeFirst();
  return row?.due ?? null;
}

/** Who runs jobs now, and which. */
export function listRunning(reader: Reader): Promise<Pick<JobRow, 'id' | 'lease_owner' | 'attempt'>[]> {
  return reader.selectFrom('story_jobs').select(['id', 'lease_owner', 'attempt']).where(isRunning).execute();
}

/** A try of a job, by whoever makes it. */
export interface JobRef {
  id: string;
  owner: string;
  attempt: number;
}

/** Puts back what dead nodes left: what their last try did is unknown, and it is tried again. */
export async function takeOver(trx: Trx, input: { jobs: readonly JobRef[]; now: number }): Promise<void> {
  for (const { id, owner, attempt } of input.jobs) {
    const lost = attempt >= MAX_LOST_TRIES && (await countLost(trx, id)) + 1 >= MAX_LOST_TRIES;
    const error = JSON.stringify({
      code: 'submit_unknown',
      detail: `The server stopped ${MAX_LOST_TRIES} times while this was being made.`,
    });
    const job = await trx
      .updateTable('story_jobs')
      .set({
        status: lost ? 'failed' : 'queued',
        lease_owner: null,
        due_at: input.now,
        ...(lost ? { error, ended_at: input.now } : {}),
      })
      .where('id', '=', id)
      .where('lease_owner', '=', owner)
      .where('attempt', '=', attempt)
      .where(isRunning)
      .returningAll()
      .executeTakeFirst();
    if (!job) continue;
    await endAttempt(trx, { id, attempt }, { outcome: 'unknown' }, input.now);
    if (lost && job.ahead === 0) await appendStepEvent(trx, job, 'story.failed', input.now);
  }
}

async function countLost(trx: Trx, jobId: string): Promise<number> {
  const { count } = await trx
    .selectFrom('story_attempts')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('job_id', '=', jobId)
    .where('outcome', '=', 'unknown')
    .executeTakeFirstOrThrow();
  return Number(count);
}

async function endAttempt(
  trx: Trx,
  job: { id: string; attempt: number },
  change: Partial<AttemptRow>,
  now: number,
): Promise<void> {
  await trx
    .updateTable('story_attempts')
    .set({ ...change, ended_at: now })
    .where('job_id', '=', job.id)
    .where('n', '=', job.attempt)
    .execute();
}

/** What a text call cost and who answered it. */
export interface Told {
  byDemoWriter: boolean;
  model: string;
  inputTokens: number;
  outputTokens: number;
  requests: number;
}

export type JobResult =
  | { kind: 'outlines'; outlines: OutlineBody[]; told: Told }
  | { kind: 'page'; page: StoryPage; told: Told }
  | { kind: 'retell'; text: string; told: Told }
  | { kind: 'picture'; taskId: string };

export interface FinishInput {
  job: JobRef;
  result: JobResult;
  prices: Prices;
  now: number;
}

/** The job with its story, if this try is still the one that counts. */
async function lockTry(
  trx: Trx,
  { id, owner, attempt }: JobRef,
): Promise<{ job: JobRow; story: StoryRow } | null> {
  const job = await trx.selectFrom('story_jobs').selectAll().where('id', '=', id).executeTakeFirst();
  if (!job) return null;
  const story = await lockStory(trx, job.story_id);
  const mine = await trx
    .selectFrom('story_jobs')
    .selectAll()
    .where('id', '=', id)
    .where('lease_owner', '=', owner)
    .where('attempt', '=', attempt)
    .where(isRunning)
    .executeTakeFirst();
  return mine ? { job: mine, story } : null;
}

/**
 * Writes a result, the money for it and what follows from it, together. False when another try counts by now. Throws
 * `insufficient_credits` and `spending_limit_reached`, having written nothing.
 */
export async function finishJob(trx: Trx, input: FinishInput): Promise<boolean> {
  const { result, now } = input;
  const locked = await lockTry(trx, input.job);
  if (!locked) return false;
  const { job, story } = locked;
  const change = await applyResult(trx, locked, input);
  const told = 'told' in result ? result.told : null;
  await endAttempt(
    trx,
    job,
    {
      outcome: 'succeeded',
      model: told?.model ?? null,
      input_tokens: told?.inputTokens ?? 0,
      output_tokens: told?.outputTokens ?? 0,
      requests: told?.requests ?? 0,
    },
    now,
  );
  await changeStory(
    trx,
    story,
    {
      ...change,
      ...(told === null ? {} : { by_demo_writer: told.byDemoWriter ? 1 : 0, writer: told.model }),
    },
    now,
  );
  const holdId = await charge(trx, job, now);
  await trx
    .updateTable('story_jobs')
    .set({ status: 'done', lease_owner: null, error: null, ended_at: now, hold_id: holdId })
    .where('id', '=', job.id)
    .execute();
  // A page made ahead is told of when its reader comes to it.
  if (result.kind === 'page' && (await getPage(trx, story.id, job.page_id ?? '')).opened === 1)
    await appendStepEvent(trx, job, 'story.page_ready', now);
  return true;
}

/** Held for and captured at once: a text costs when its reader gets it, and never before. */
async function charge(trx: Trx, job: JobRow, now: number): Promise<string | null> {
  if (job.price_micros === 0) return null;
  const { account_id: accountId, id: taskId, price_micros: unitMicros } = job;
  const holdId = await holdCredits(trx, { accountId, taskId, unitMicros, pictures: 1, now });
  await settleHold(trx, { holdId, capturePictures: 1, now });
  return holdId;
}

async function applyResult(
  trx: Trx,
  { job, story }: { job: JobRow; story: StoryRow },
  { result, prices, now }: FinishInput,
): Promise<Partial<StoryRow>> {
  if (result.kind === 'outlines') {
    return {
      proposals: JSON.stringify(result.outlines),
      ...(story.outline === null ? { title: result.outlines[0]?.title ?? '' } : {}),
    };
  }
  const page = await getPage(trx, story.id, job.page_id ?? '');
  if (result.kind === 'picture') {
    const former =
      page.task_id !== null && (await hasPicture(trx, page.task_id)) ? page.task_id : page.former_task_id;
    await changePage(trx, page, { task_id: result.taskId, former_task_id: former });
    return {};
  }
  const input = JSON.parse(job.input) as JobInput;
  const change =
    result.kind === 'retell'
      ? { text: result.text }
      : {
          text: result.page.text,
          choices: JSON.stringify(result.page.choices),
          picture_prompt: result.page.picturePrompt,
          alt_text: result.page.altText,
        };
  const told = await changePage(trx, page, change);
  const wantsPicture =
    result.kind === 'page' ? page.opened === 1 || story.ahead === 'pictures' : input.withPicture === true;
  const painting = await newestJob(trx, page.id, ['picture']);
  const isFirst = painting === undefined || input.withPicture === true;
  if (wantsPicture && isFirst && !isOpenJob(painting)) {
    const { textMicros } = prices;
    await addJob(trx, story, { kind: 'picture', pageId: page.id, ahead: page.opened === 0, textMicros }, now);
  }
  return goAhead(trx, story, told, prices, now);
}

async function hasPicture(trx: Trx, taskId: string): Promise<boolean> {
  const image = await trx
    .selectFrom('images')
    .select('id')
    .where('task_id', '=', taskId)
    .where('trashed_at', 'is', null)
    .executeTakeFirst();
  return image !== undefined;
}

export interface FailInput {
  job: JobRef;
  error: { code: string; detail: string };
  /** Try again then; null: it has failed. */
  retryAt: number | null;
  /** It waits for somebody to mend something, and does not count as tried. */
  isWaiting: boolean;
  now: number;
}

/** Writes down why a try came to nothing, and what follows: another one later, or the end. */
export async function failJob(trx: Trx, input: FailInput): Promise<void> {
  const { error, retryAt, isWaiting, now } = input;
  const locked = await lockTry(trx, input.job);
  if (!locked) return;
  const { job, story } = locked;
  const isOver = retryAt === null || retryAt >= job.deadline_at;
  const text = JSON.stringify(error);
  await endAttempt(trx, job, { outcome: 'failed', error: text }, now);
  await trx
    .updateTable('story_jobs')
    .set({
      status: isOver ? 'failed' : isWaiting ? 'waiting' : 'queued',
      lease_owner: null,
      error: text,
      due_at: retryAt ?? now,
      ended_at: isOver ? now : null,
    })
    .where('id', '=', job.id)
    .execute();
  if (isOver && job.ahead === 0) await appendStepEvent(trx, job, 'story.failed', now);
  await changeStory(trx, story, {}, now);
}

/** What waits for a working credential is due now. */
export async function wakeWaiting(trx: Trx, input: { now: number }): Promise<void> {
  await trx
    .updateTable('story_jobs')
    .set({ due_at: input.now })
    .where(sql<boolean>`status = 'waiting'`)
    .where('due_at', '>', input.now)
    .execute();
}

registerWrites(import.meta.url, { claimJobs, takeOver, finishJob, failJob, wakeWaiting });
