// The watchdog's own tables (its runs, and the lease by which one node of the cluster is at it), what it looks for in the tasks'
// tables, and the repairs that are one transaction. Each repair checks that its task is still as it was seen.
import { findResolvedHolds, listOpenHolds, settleHold } from '../credits/credits.ts';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { leaveJob } from './late-store.ts';
import { encodeError } from './outcome.ts';
import { areTasksEnded, findTasks } from './read-store.ts';
import { appendEventOf, statusIs, type TaskRow } from './store.ts';

const PAGE = 1_000;
const LEASE_NAME = 'watchdog';
const DAY_MS = 24 * 3_600_000;
/** How long runs are remembered: those that found nothing, and those that found something. */
const KEEP_EMPTY_MS = 7 * DAY_MS;
const KEEP_MS = 90 * DAY_MS;

export type WatchdogTrigger = 'timer' | 'cli' | 'api';

export interface RunRow {
  id: string;
  trigger: WatchdogTrigger;
  dry_run: 0 | 1;
  node: string;
  started_at: number;
  /** Null while it runs, and for one whose process died. */
  ended_at: number | null;
  /** Finding[] as JSON. */
  findings: string;
  found: number;
  repaired: number;
  error: string | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    watchdog_runs: RunRow;
    watchdog_lease: { name: string; owner: string; until_at: number };
  }
}

/**
 * Takes or renews the right to be the one watchdog at work; false while another node has it. `isAlone`: every other owner is
 * dead (SQLite has one process).
 */
export async function holdWatchdogLease(
  trx: Trx,
  input: { owner: string; isAlone: boolean; leaseMs: number; now: number },
): Promise<boolean> {
  const dialect = dialectOf(trx);
  await dialect.lockName(trx, LEASE_NAME);
  const now = dialect.now(input.now);
  const taken = await trx
    .selectFrom('watchdog_lease')
    .select('owner')
    .where('name', '=', LEASE_NAME)
    .where('owner', '<>', input.owner)
    .where('until_at', '>', now)
    .executeTakeFirst();
  if (taken && !input.isAlone) return false;
  await trx.deleteFrom('watchdog_lease').where('name', '=', LEASE_NAME).execute();
  await trx
    .insertInto('watchdog_lease')
    .values((eb) => ({ name: LEASE_NAME, owner: input.owner, until_at: eb(now, '+', input.leaseMs) }))
    .execute();
  return true;
}

export async function dropWatchdogLease(trx: Trx, input: { owner: string }): Promise<void> {
  await trx.deleteFrom('watchdog_lease').where('owner', '=', input.owner).execute();
}

/** Notes that a run begins, and forgets runs of long ago. */
export async function beginWatchdogRun(
  trx: Trx,
  input: Pick<RunRow, 'id' | 'trigger' | 'dry_run' | 'node' | 'started_at'>,
): Promise<void> {
  const nothing = { ended_at: null, findings: '[]', found: 0, repaired: 0, error: null };
  await trx
    .insertInto('watchdog_runs')
    .values({ ...input, ...nothing })
    .execute();
  await trx
    .deleteFrom('watchdog_runs')
    .where('started_at', '<', input.started_at - KEEP_EMPTY_MS)
    .where((eb) => eb.or([eb('found', '=', 0), eb('started_at', '<', input.started_at - KEEP_MS)]))
    .execute();
}

export async function endWatchdogRun(
  trx: Trx,
  input: Pick<RunRow, 'id' | 'ended_at' | 'findings' | 'found' | 'repaired' | 'error'>,
): Promise<void> {
  const { id, ...ended } = input;
  await trx.updateTable('watchdog_runs').set(ended).where('id', '=', id).execute();
}

/** Newest first; ids are in the order of time. */
export function listWatchdogRuns(
  reader: Reader,
  page: { limit: number; beforeId?: string | undefined; trigger?: WatchdogTrigger },
): Promise<RunRow[]> {
  let query = reader.selectFrom('watchdog_runs').selectAll();
  if (page.beforeId !== undefined) query = query.where('id', '<', page.beforeId);
  if (page.trigger !== undefined) query = query.where('trigger', '=', page.trigger);
  return query.orderBy('id', 'desc').limit(page.limit).execute();
}

/** Running tasks whose deadline passed before `overdueBefore`, or that nobody owns. */
export function listUnended(reader: Reader, overdueBefore: number): Promise<TaskRow[]> {
  return reader
    .selectFrom('tasks')
    .selectAll()
    .where(statusIs.running)
    .where((eb) => eb.or([eb('deadline_at', '<', overdueBefore), eb('lease_owner', 'is', null)]))
    .orderBy('deadline_at')
    .limit(PAGE)
    .execute();
}

export function listRunningTasksOf(reader: Reader, owners: readonly string[]): Promise<TaskRow[]> {
  if (owners.length === 0) return Promise.resolve([]);
  return reader
    .selectFrom('tasks')
    .selectAll()
    .where(statusIs.running)
    .where('lease_owner', 'in', [...owners])
    .orderBy('id')
    .limit(PAGE)
    .execute();
}

/** Tasks that should have left their wait before `before`: delayed ones that are due, and those past their deadline. */
export function listOverslept(reader: Reader, before: number): Promise<TaskRow[]> {
  return reader
    .selectFrom('tasks')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb.and([statusIs.delayed, eb('due_at', '<', before)]),
        eb.and([statusIs.waiting, eb('deadline_at', '<', before)]),
      ]),
    )
    .orderBy('id')
    .limit(PAGE)
    .execute();
}

/** Open holds of tasks that have ended, with the tasks. */
export async function listForgottenHolds(reader: Reader): Promise<TaskRow[]> {
  const found: string[] = [];
  let after = { accountId: '', id: '' };
  for (;;) {
    const holds = await listOpenHolds(reader, after, PAGE);
    const last = holds.at(-1);
    if (!last) break;
    const ended = await areTasksEnded(
      reader,
      holds.map(({ task_id }) => task_id),
    );
    found.push(...holds.map(({ task_id }) => task_id).filter((id) => ended.get(id) === true));
    if (holds.length < PAGE || found.length >= PAGE) break;
    after = { accountId: last.account_id, id: last.id };
  }
  // Read anew: one that ended between the two questions has its hold settled by now.
  const tasks = await findTasks(reader, found.slice(0, PAGE / 2));
  const settled = new Set(
    (
      await findResolvedHolds(
        reader,
        tasks.map(({ hold_id }) => hold_id),
      )
    ).map(({ id }) => id),
  );
  return tasks.filter(({ hold_id }) => !settled.has(hold_id));
}

/** Unfinished tasks whose hold is resolved already, with what was charged and returned. */
export async function listSettledTooEarly(
  reader: Reader,
): Promise<{ task: TaskRow; capturedMicros: number; releasedMicros: number }[]> {
  const found: { task: TaskRow; capturedMicros: number; releasedMicros: number }[] = [];
  let after = { accountId: '', id: '' };
  for (;;) {
    const tasks = await listOpenTasks(reader, after);
    const last = tasks.at(-1);
    if (!last) break;
    const holds = await findResolvedHolds(
      reader,
      tasks.map(({ hold_id }) => hold_id),
    );
    const now = new Map(
      (
        await findTasks(
          reader,
          holds.map(({ task_id }) => task_id),
        )
      ).map((task) => [task.id, task]),
    );
    for (const hold of holds) {
      const task = now.get(hold.task_id);
      if (!task || task.finished_at !== null) continue;
      found.push({ task, capturedMicros: hold.captured_micros, releasedMicros: hold.released_micros });
    }
    if (tasks.length < PAGE / 2 || found.length >= PAGE) break;
    after = { accountId: last.account_id, id: last.id };
  }
  return found;
}

function listOpenTasks(
  reader: Reader,
  after: { accountId: string; id: string },
): Promise<Pick<TaskRow, 'id' | 'account_id' | 'hold_id'>[]> {
  return reader
    .selectFrom('tasks')
    .select(['id', 'account_id', 'hold_id'])
    .where(statusIs.open)
    .where((eb) =>
      eb.or([
        eb('account_id', '>', after.accountId),
        eb.and([eb('account_id', '=', after.accountId), eb('id', '>', after.id)]),
      ]),
    )
    .orderBy('account_id')
    .orderBy('id')
    .limit(PAGE / 2)
    .execute();
}

/** Settles the hold of a task that has ended, as the task itself says it ended; false when there is nothing to settle. */
export async function settleForgottenHold(
  trx: Trx,
  input: { taskId: string; now: number },
): Promise<boolean> {
  const task = await trx
    .selectFrom('tasks')
    .select(['hold_id', 'held_micros', 'pictures', 'captured_micros', 'finished_at'])
    .where('id', '=', input.taskId)
    .executeTakeFirst();
  if (!task || task.finished_at === null) return false;
  const unitMicros = task.held_micros / task.pictures;
  const capturePictures = unitMicros === 0 ? 0 : Math.round(task.captured_micros / unitMicros);
  await settleHold(trx, { holdId: task.hold_id, capturePictures, now: input.now });
  return true;
}

/** Ends a task whose credits were settled before it ended: nobody may work for what is paid or returned already. */
export async function endSettledTask(
  trx: Trx,
  input: { taskId: string; seenEpoch: number; capturedMicros: number; releasedMicros: number; now: number },
): Promise<TaskRow | null> {
  const { taskId, now } = input;
  const error = encodeError('internal_error', 'Its credits were settled before it ended, so it was stopped.');
  const task = await trx
    .updateTable('tasks')
    .set((eb) => ({
      status: 'failed',
      phase: null,
      due_at: null,
      waiting_reason: null,
      lease_owner: null,
      lease_epoch: eb('lease_epoch', '+', 1),
      error,
      captured_micros: input.capturedMicros,
      released_micros: input.releasedMicros,
      finished_at: now,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', taskId)
    .where('lease_epoch', '=', input.seenEpoch)
    .where(statusIs.open)
    .returningAll()
    .executeTakeFirst();
  if (!task) return null;
  const closed = await trx
    .updateTable('attempts')
    .set({ outcome: 'unknown', ended_at: now, error })
    .where('task_id', '=', taskId)
    .where('outcome', 'in', ['open', 'accepted'])
    .returning('n')
    .execute();
  for (const { n } of closed) await leaveJob(trx, { taskId, n, now });
  await appendEventOf(trx, task, 'task.finished', now);
  return task;
}

registerWrites(import.meta.url, {
  holdWatchdogLease,
  dropWatchdogLease,
  beginWatchdogRun,
  endWatchdogRun,
  settleForgottenHold,
  endSettledTask,
});
