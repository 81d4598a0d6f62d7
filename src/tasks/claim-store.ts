// The queue's transactions: claim per lane within its limit, promote what was delayed, take over the runs of dead nodes,
// and end what passed its deadline while it waited. Each later write of a run carries the epoch that a claim gave.
import { sql } from 'kysely';
import { releaseHold } from '../credits/credits.ts';
import { compileOnce, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { encodeError } from './outcome.ts';
import { listAttempts } from './read-store.ts';
import { type AttemptRow, appendTaskEvent, fairTag, statusIs, type TaskRow } from './store.ts';

/** A task that this node may run, with what its earlier attempts left. */
export interface ClaimedTask {
  task: TaskRow;
  attempts: AttemptRow[];
}

export interface ClaimInput {
  lane: string;
  /** Tasks at the provider at once, over all nodes. */
  concurrency: number;
  /** At most this many in one transaction. */
  batch: number;
  owner: string;
  /** From the first start, a task has this long; an earlier deadline that was asked for stays. */
  runMs: number;
  now: number;
}

const countRunning = compileOnce<{ lane: string }, { count: number }>((query, param) =>
  query
    .selectFrom('tasks')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('lane', '=', param('lane'))
    .where(statusIs.running),
);

const startRun = compileOnce<{ id: string; owner: string; now: number; latest: number }, TaskRow>(
  (query, param) =>
    query
      .updateTable('tasks')
      .set((eb) => ({
        status: 'running',
        phase: 'submitting',
        waiting_reason: null,
        lease_owner: param('owner'),
        lease_epoch: eb('lease_epoch', '+', 1),
        version: eb('version', '+', 1),
        // The time in the queue does not count against the provider's deadline.
        deadline_at: sql<number>`case when started_at is null and deadline_at > ${param('latest')} then ${param('latest')} else deadline_at end`,
        started_at: sql<number>`coalesce(started_at, ${param('now')})`,
      }))
      .where('id', '=', param('id'))
      .where(statusIs.queued)
      .returningAll(),
);

const moveLaneClock = compileOnce<{ lane: string; priority: number; clock: number }>((query, param) =>
  query
    .insertInto('lanes')
    .values({ lane: param('lane'), priority: param('priority'), clock: param('clock') })
    .onConflict((conflict) =>
      conflict
        .columns(['lane', 'priority'])
        .doUpdateSet((eb) => ({ clock: eb.ref('excluded.clock') }))
        .whereRef('lanes.clock', '<', 'excluded.clock'),
    ),
);

/**
 * Claims the next tasks of a lane by (priority, fair time), never over its limit: the lane is locked, what runs is
 * counted, and only the difference is claimed (count-then-claim without the lock ran 16 at a limit of 4).
 */
export async function claimTasks(trx: Trx, input: ClaimInput): Promise<ClaimedTask[]> {
  const { lane, owner, now } = input;
  const dialect = dialectOf(trx);
  await dialect.lockName(trx, `lane:${lane}`);
  const [running] = await countRunning(trx, { lane });
  const free = Math.min(input.batch, input.concurrency - Number(running?.count ?? 0));
  if (free <= 0) return [];
  const ready = await dialect
    .forUpdateSkipLocked(
      trx
        .selectFrom('tasks')
        .select(['id', 'priority', 'fair'])
        .where('lane', '=', lane)
        .where(statusIs.queued)
        .orderBy('priority', 'desc')
        .orderBy('fair')
        .limit(free),
    )
    .execute();
  const claimed: ClaimedTask[] = [];
  for (const { id, priority, fair } of ready) {
    const [task] = await startRun(trx, { id, owner, now, latest: now + input.runMs });
    if (!task) continue;
    await moveLaneClock(trx, { lane, priority, clock: fair });
    await appendTaskEvent(trx, {
      taskId: id,
      accountId: task.account_id,
      type: 'task.updated',
      version: task.version,
      now,
    });
    claimed.push({ task, attempts: task.attempt === 0 ? [] : await listAttempts(trx, id) });
  }
  return claimed;
}

/** Moves tasks whose time has come into the ready set, each with a fair tag of now; returns the lanes concerned. */
export async function promoteDelayed(trx: Trx, input: { now: number; batch: number }): Promise<string[]> {
  const due = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('tasks')
        .select(['id', 'lane', 'priority', 'flow', 'pictures'])
        .where(statusIs.delayed)
        .where('due_at', '<=', input.now)
        .orderBy('due_at')
        .limit(input.batch),
    )
    .execute();
  for (const task of due) {
    const fair = await fairTag(trx, task);
    await trx
      .updateTable('tasks')
      .set({ status: 'queued', fair, due_at: null })
      .where('id', '=', task.id)
      .where(statusIs.delayed)
      .execute();
  }
  return [...new Set(due.map((task) => task.lane))];
}

/** Takes over running tasks whose node is dead. The new epoch makes every write of the old owner change no row. */
export async function adoptTasks(
  trx: Trx,
  input: { owner: string; deadOwners: readonly string[]; batch: number; now: number },
): Promise<ClaimedTask[]> {
  if (input.deadOwners.length === 0) return [];
  const orphans = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('tasks')
        .select('id')
        .where(statusIs.running)
        .where('lease_owner', 'in', [...input.deadOwners])
        .orderBy('id')
        .limit(input.batch),
    )
    .execute();
  const adopted: ClaimedTask[] = [];
  for (const { id } of orphans) {
    const task = await trx
      .updateTable('tasks')
      .set((eb) => ({
        lease_owner: input.owner,
        lease_epoch: eb('lease_epoch', '+', 1),
        adoptions: eb('adoptions', '+', 1),
        version: eb('version', '+', 1),
      }))
      .where('id', '=', id)
      .where(statusIs.running)
      .returningAll()
      .executeTakeFirst();
    if (task) adopted.push({ task, attempts: await listAttempts(trx, id) });
  }
  return adopted;
}

/** Takes a run of this node up anew, under a new epoch; only one that broke off counts as an interruption. */
export async function takeUpAgain(
  trx: Trx,
  input: { taskId: string; owner: string; isBroken: boolean },
): Promise<ClaimedTask | null> {
  const task = await trx
    .updateTable('tasks')
    .set((eb) => ({
      lease_epoch: eb('lease_epoch', '+', 1),
      adoptions: eb('adoptions', '+', input.isBroken ? 1 : 0),
    }))
    .where('id', '=', input.taskId)
    .where(statusIs.running)
    .where('lease_owner', '=', input.owner)
    .returningAll()
    .executeTakeFirst();
  return task ? { task, attempts: await listAttempts(trx, task.id) } : null;
}

/** Ends tasks that were never started before their deadline: nothing was sent, so everything is released. */
export async function expireWaiting(trx: Trx, input: { now: number; batch: number }): Promise<number> {
  const late = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('tasks')
        .select(['id', 'waiting_reason'])
        .where(statusIs.waiting)
        .where('deadline_at', '<=', input.now)
        .orderBy('deadline_at')
        .limit(input.batch),
    )
    .execute();
  for (const { id, waiting_reason: reason } of late) {
    const why = reason === null ? 'it was never started' : `the last reason was: ${reason}`;
    const error = encodeError('deadline_exceeded', `Not done by its deadline, ${why}. Nothing was charged.`);
    await endWaiting(trx, { id, status: 'failed', error, now: input.now });
  }
  return late.length;
}

/** Ends a task that is not running, with its hold released; undefined when it was not waiting any more. */
export async function endWaiting(
  trx: Trx,
  input: { id: string; status: 'failed' | 'cancelled'; error: string; now: number },
): Promise<TaskRow | undefined> {
  const ended = await trx
    .updateTable('tasks')
    .set((eb) => ({
      status: input.status,
      phase: null,
      due_at: null,
      waiting_reason: null,
      error: input.error,
      cancel_state: input.status === 'cancelled' ? 'confirmed' : eb.ref('cancel_state'),
      released_micros: eb.ref('held_micros'),
      finished_at: input.now,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', input.id)
    .where(statusIs.waiting)
    .returningAll()
    .executeTakeFirst();
  if (!ended) return undefined;
  await appendTaskEvent(trx, {
    taskId: ended.id,
    accountId: ended.account_id,
    type: 'task.finished',
    version: ended.version,
    now: input.now,
  });
  await releaseHold(trx, { holdId: ended.hold_id, now: input.now });
  return ended;
}

registerWrites(import.meta.url, { claimTasks, promoteDelayed, adoptTasks, takeUpAgain, expireWaiting });
