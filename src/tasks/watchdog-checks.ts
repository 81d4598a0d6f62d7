// Where the watchdog looks: tasks that run past their deadline, that nobody runs, that nobody woke; credits and tasks that
// disagree. What is in motion looks broken for a moment, so each is believed only when a second look shows the same row.
import { sleep } from '../kernel/clock.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { TaskEngine } from './engine.ts';
import { findTasks, listAttempts, listOwners } from './read-store.ts';
import type { RunContext } from './run-state.ts';
import { statusOf, type TaskRow } from './store.ts';
import { answerText, type Finding, type FindingKind, planFor, rowEvidence } from './watchdog-plan.ts';
import { askProvider } from './watchdog-question.ts';
import {
  listForgottenHolds,
  listOverslept,
  listRunningTasksOf,
  listSettledTooEarly,
  listUnended,
} from './watchdog-store.ts';

/** Between the two looks; a claim, a tick and a requeue are over by then. */
const SECOND_LOOK_MS = 3_000;
/** An owner that lives may still ask at the deadline and save what it got. */
const SLOW_END_MS = 6 * 60_000;
/** The engine wakes what is due every second. */
const OVERSLEPT_MS = 60_000;
/** Providers are asked so many questions at once. */
export const QUESTIONS_AT_ONCE = 8;
/** One run looks after so many tasks; the next goes on. */
const MOST_TASKS = 500;

export interface CheckContext {
  ctx: RunContext;
  node: NodeLease;
  engine: Pick<TaskEngine, 'has'>;
  /** After the deadline a task has this long before it counts as stuck. */
  graceMs: number;
}

/** A finding with what its repair needs. */
export interface Found {
  finding: Finding;
  task: TaskRow | null;
  settled?: { capturedMicros: number; releasedMicros: number };
}

/** Everything that is wrong with tasks now; asks their providers, changes nothing. */
export async function findStuck(context: CheckContext, only: ReadonlySet<string> | null): Promise<Found[]> {
  const runs = [...(await findUnattended(context)).values()].slice(0, MOST_TASKS);
  const wanted = runs.filter(({ task }) => only === null || only.has(task.id));
  const found: Found[] = [];
  for (let start = 0; start < wanted.length; start += QUESTIONS_AT_ONCE) {
    const some = wanted.slice(start, start + QUESTIONS_AT_ONCE);
    found.push(...(await Promise.all(some.map((one) => judgeRun(context, one)))));
  }
  found.push(...(await findOverslept(context)), ...(await findHolds(context)));
  return only === null ? found : found.filter(({ task }) => task !== null && only.has(task.id));
}

interface Unattended {
  task: TaskRow;
  kind: Extract<FindingKind, 'overdue' | 'no_owner' | 'dead_owner' | 'no_run'>;
}

/** Running tasks that nobody looks after, found twice with the same owner and epoch. */
async function findUnattended(context: CheckContext): Promise<Map<string, Unattended>> {
  const first = await lookForUnattended(context);
  if (first.size === 0) return first;
  await sleep(context.ctx.clock, SECOND_LOOK_MS);
  const second = await lookForUnattended(context);
  for (const [id, { task }] of second) {
    const before = first.get(id)?.task;
    if (before?.lease_epoch !== task.lease_epoch || before.lease_owner !== task.lease_owner)
      second.delete(id);
  }
  return second;
}

async function lookForUnattended({
  ctx,
  node,
  engine,
  graceMs,
}: CheckContext): Promise<Map<string, Unattended>> {
  const { db, clock } = ctx;
  const now = clock.now();
  const found = new Map<string, Unattended>();
  const mine = await listRunningTasksOf(db.slow, [node.id]);
  for (const task of mine) if (!engine.has(task.id)) found.set(task.id, { task, kind: 'no_run' });
  const dead = await node.deadAmong(await listOwners(db.slow));
  for (const task of await listRunningTasksOf(db.slow, dead))
    found.set(task.id, { task, kind: 'dead_owner' });
  for (const task of await listUnended(db.slow, now - graceMs)) {
    if (found.has(task.id)) continue;
    if (task.lease_owner === null) found.set(task.id, { task, kind: 'no_owner' });
    else if (task.deadline_at < now - graceMs - SLOW_END_MS) found.set(task.id, { task, kind: 'overdue' });
  }
  return found;
}

async function judgeRun({ ctx }: CheckContext, { task, kind }: Unattended): Promise<Found> {
  const attempts = await listAttempts(ctx.db.read, task.id);
  const answer = await askProvider(ctx, { task, attempts });
  if (answer.state === 'done') await ctx.saver.discardCopies(answer.outputs, attempts);
  const isPastDeadline = task.deadline_at <= ctx.clock.now();
  const finding: Finding = {
    kind,
    taskId: task.id,
    what: WHAT[kind],
    evidence: [...rowEvidence(task), answerText(answer)],
    ...planFor(answer, isPastDeadline),
    from: 'running',
    result: null,
    note: null,
  };
  return { finding, task };
}

const WHAT = {
  overdue: 'It runs long after its deadline, and its owner does not end it.',
  no_owner: 'It runs, but nobody owns it.',
  dead_owner: 'Its owner is dead, and nobody took it over.',
  no_run: 'This node owns it, but does not run it.',
} as const;

async function findOverslept({ ctx }: CheckContext): Promise<Found[]> {
  const before = ctx.clock.now() - OVERSLEPT_MS;
  const tasks = await listOverslept(ctx.db.slow, before);
  return tasks.map((task) => {
    const isLate = task.deadline_at < before;
    const finding: Finding = {
      kind: 'overslept',
      taskId: task.id,
      what: isLate ? 'It waits, although its deadline is over.' : 'It is due, but nobody woke it.',
      evidence: [
        `due ${task.due_at === null ? 'never' : new Date(task.due_at).toISOString()}`,
        `deadline ${new Date(task.deadline_at).toISOString()}`,
      ],
      action: isLate ? 'fail' : 'wake',
      reason: isLate
        ? 'Nothing of it is at a provider. The credits are returned.'
        : 'Its time to wait is over; it goes back into the queue.',
      from: statusOf(task),
      to: isLate ? 'failed' : 'queued',
      result: null,
      note: null,
    };
    return { finding, task };
  });
}

async function findHolds({ ctx }: CheckContext): Promise<Found[]> {
  const { db } = ctx;
  const open = (await listForgottenHolds(db.slow)).map((task): Found => {
    const finding: Finding = {
      kind: 'hold_open',
      taskId: task.id,
      what: 'It has ended, but its credits are still held.',
      evidence: [`hold ${task.hold_id}`, `the task says: ${task.captured_micros} micro-credits charged`],
      action: 'settle',
      reason: 'The task says what was charged; the rest is returned.',
      from: task.status,
      to: task.status,
      result: null,
      note: null,
    };
    return { finding, task };
  });
  const early = (await listSettledTooEarly(db.slow)).map(({ task, ...settled }): Found => {
    const finding: Finding = {
      kind: 'hold_settled',
      taskId: task.id,
      what: 'It has not ended, but its credits are settled already.',
      evidence: [
        `hold ${task.hold_id}`,
        `${settled.capturedMicros} charged, ${settled.releasedMicros} returned`,
      ],
      action: 'fail',
      reason: 'Credits are settled once; what a provider still delivers is kept without a charge.',
      from: statusOf(task),
      to: 'failed',
      result: null,
      note: null,
    };
    return { finding, task, settled };
  });
  return [...open, ...early];
}

/** The row as it is now. */
export async function taskNow(ctx: RunContext, taskId: string): Promise<TaskRow | undefined> {
  return (await findTasks(ctx.db.read, [taskId]))[0];
}
