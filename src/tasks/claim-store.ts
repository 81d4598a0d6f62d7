// The queue's transactions: claim per lane within its limit, promote what was delayed, take over the runs of dead nodes,
// and end what passed its deadline while it waited. Each later write of a run carries the epoch that a claim gave. Batches
// never fill a lane to its last place where single pictures may come.
import { sql } from 'kysely';
import { releaseHold } from '../credits/credits.ts';
import { compileOnce, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { findTrial, readBucket, setTrial, type TrialKey, takeTokens } from '../providers/providers.ts';
import { encodeError } from './outcome.ts';
import { placesForBatches, readOccupancy } from './place-store.ts';
import { listAttempts } from './read-store.ts';
import { type AttemptRow, appendEventOf, enterReadySet, fairTag, statusIs, type TaskRow } from './store.ts';

/** A task whose process died under it this often without progress runs alone from then on; one time more is the last. */
export const SUSPECT_AFTER = 2;

/** Items of other batches that may have the same fair time as a single picture, which goes first then. */
const TIES = 4;

/** A task that this node may run, with what its earlier attempts left. */
export interface ClaimedTask {
  task: TaskRow;
  attempts: AttemptRow[];
}

export interface ClaimInput {
  lane: string;
  /** Tasks at the provider at once, over all nodes. */
  concurrency: number;
  /** Tasks started in a minute, over all nodes; null or absent: any number. */
  requestsPerMinute?: number | null;
  /** Only tasks of these models, where the breakers of others are not closed; null or absent: of all. */
  models?: readonly string[] | null;
  /** Half-open breakers: one task of the whole cluster tries each. */
  trials?: readonly TrialKey[];
  /** At most this many in one transaction. */
  batch: number;
  owner: string;
  /** From the first start, a task has this long; an earlier deadline that was asked for stays. */
  runMs: number;
  now: number;
}

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

const moveLaneClock = compileOnce<{
  lane: string;
  priority: number;
  clock: number;
  singleAt: number | null;
}>((query, param) =>
  query
    .insertInto('lanes')
    .values({
      lane: param('lane'),
      priority: param('priority'),
      clock: param('clock'),
      single_at: param('singleAt'),
    })
    .onConflict((conflict) =>
      conflict.columns(['lane', 'priority']).doUpdateSet({
        clock: sql<number>`case when lanes.clock < excluded.clock then excluded.clock else lanes.clock end`,
        single_at: sql<number | null>`coalesce(excluded.single_at, lanes.single_at)`,
      }),
    ),
);

/**
 * Claims the next tasks of a lane by (priority, fair time), never over its limits: the lane is locked, what runs is
 * counted, and only the difference is claimed (count-then-claim without the lock ran 16 at a limit of 4). Items of batches
 * are passed over once they have the places that are for them.
 */
export async function claimTasks(trx: Trx, input: ClaimInput): Promise<ClaimedTask[]> {
  const { lane, now } = input;
  await dialectOf(trx).lockName(trx, `lane:${lane}`);
  const [running] = await readOccupancy(trx, { lane });
  const perMinute = input.requestsPerMinute ?? null;
  let free = Math.min(input.batch, input.concurrency - Number(running?.count ?? 0));
  if (free <= 0) return [];
  const rate = { provider: lane, credential: '' };
  const bucket = perMinute === null ? null : await readBucket(trx, { ...rate, perMinute, now });
  if (bucket) free = Math.min(free, Math.floor(bucket.tokens));
  if (free <= 0) return [];
  const claimed = await claimTrials(trx, input, free);
  const { models = null } = input;
  const forBatches = placesForBatches(input.concurrency, running, now) - Number(running?.batched ?? 0);
  if (models === null || models.length > 0) await claimInOrder(trx, input, { claimed, free, forBatches });
  if (bucket && claimed.length > 0) await takeTokens(trx, { ...rate, bucket, taken: claimed.length });
  return claimed;
}

/** Adds to `claimed` until it has `free`, of which batches take `forBatches` at most. */
async function claimInOrder(
  trx: Trx,
  input: ClaimInput,
  { claimed, free, forBatches }: { claimed: ClaimedTask[]; free: number; forBatches: number },
): Promise<void> {
  const { lane, models = null } = input;
  let batchPlaces = forBatches - claimed.filter(({ task }) => task.batch_id !== null).length;
  if (batchPlaces > 0 && claimed.length < free) {
    for (const place of await nextInOrder(trx, { lane, models, limit: free - claimed.length })) {
      if (place.batch_id !== null && batchPlaces <= 0) continue;
      if (place.batch_id !== null) batchPlaces -= 1;
      claimed.push(...(await claimOne(trx, input, place)));
    }
  }
  if (batchPlaces > 0 || claimed.length >= free) return;
  const singles = await readyTasks(trx, { lane, models, limit: free - claimed.length, isSingle: true });
  for (const place of singles) claimed.push(...(await claimOne(trx, input, place)));
}

/** As `readyTasks`, with a single picture before items of the same fair time. */
async function nextInOrder(
  trx: Trx,
  wanted: { lane: string; models: readonly string[] | null; limit: number },
): Promise<ReadyTask[]> {
  const ready = await readyTasks(trx, { ...wanted, limit: wanted.limit + TIES });
  const isOfBatch = ({ batch_id }: ReadyTask) => Number(batch_id !== null);
  return ready
    .sort((a, b) => b.priority - a.priority || a.fair - b.fair || isOfBatch(a) - isOfBatch(b))
    .slice(0, wanted.limit);
}

interface ReadyTask {
  id: string;
  priority: number;
  fair: number;
  batch_id: string | null;
}

/** The next ready tasks of a lane in their order; only of these models, or of all (null); or only those of no batch. */
function readyTasks(
  trx: Trx,
  wanted: { lane: string; models: readonly string[] | null; limit: number; isSingle?: boolean },
): Promise<ReadyTask[]> {
  const { models } = wanted;
  const ready = trx
    .selectFrom('tasks')
    .select(['id', 'priority', 'fair', 'batch_id'])
    .where('lane', '=', wanted.lane)
    .where(wanted.isSingle ? statusIs.queuedSingle : statusIs.queued)
    .orderBy('priority', 'desc')
    .orderBy('fair')
    .limit(wanted.limit);
  const query = models === null ? ready : ready.where('provider_model', 'in', [...models]);
  return dialectOf(trx).forUpdateSkipLocked(query).execute();
}

/** One task for each half-open breaker that none tries just now. */
async function claimTrials(trx: Trx, input: ClaimInput, free: number): Promise<ClaimedTask[]> {
  const { lane, trials = [] } = input;
  const claimed: ClaimedTask[] = [];
  for (const key of trials) {
    if (claimed.length >= free) break;
    const trying = await findTrial(trx, lane, key);
    if (trying === undefined || (trying !== null && (await isRunning(trx, trying)))) continue;
    const [next] = await readyTasks(trx, {
      lane,
      models: key.scope === 'model' ? [key.name] : null,
      limit: 1,
    });
    const [trial] = next ? await claimOne(trx, input, next) : [];
    if (!trial) continue;
    await setTrial(trx, lane, key, trial.task.id);
    claimed.push(trial);
  }
  return claimed;
}

async function isRunning(trx: Trx, id: string): Promise<boolean> {
  const found = await trx
    .selectFrom('tasks')
    .select('id')
    .where('id', '=', id)
    .where(statusIs.running)
    .executeTakeFirst();
  return found !== undefined;
}

async function claimOne(trx: Trx, input: ClaimInput, place: ReadyTask): Promise<ClaimedTask[]> {
  const { lane, owner, now } = input;
  const { id, priority, fair } = place;
  const [task] = await startRun(trx, { id, owner, now, latest: now + input.runMs });
  if (!task) return [];
  await moveLaneClock(trx, { lane, priority, clock: fair, singleAt: task.batch_id === null ? now : null });
  await appendEventOf(trx, task, 'task.updated', now);
  return [{ task, attempts: task.attempt === 0 ? [] : await listAttempts(trx, id) }];
}

/** A ready task that another provider can do, and which. */
export interface TaskMove {
  id: string;
  lane: string;
  providerModel: string;
}

/** Gives ready tasks of a lane to other lanes, each with a place in the queue there; returns how many it moved. */
export async function moveTasks(
  trx: Trx,
  input: { from: string; moves: readonly TaskMove[]; now: number },
): Promise<number> {
  let moved = 0;
  for (const { id, lane, providerModel } of input.moves) {
    const current = await trx
      .selectFrom('tasks')
      .select(['priority', 'flow', 'pictures'])
      .where('id', '=', id)
      .where('lane', '=', input.from)
      .where(statusIs.queued)
      .executeTakeFirst();
    if (!current) continue;
    const fair = await fairTag(trx, { ...current, lane });
    const task = await trx
      .updateTable('tasks')
      .set((eb) => ({ lane, provider_model: providerModel, fair, version: eb('version', '+', 1) }))
      .where('id', '=', id)
      .where('lane', '=', input.from)
      .where(statusIs.queued)
      .returningAll()
      .executeTakeFirst();
    if (!task) continue;
    await appendEventOf(trx, task, 'task.updated', input.now);
    moved += 1;
  }
  return moved;
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
    const place = await enterReadySet(trx, task);
    await trx.updateTable('tasks').set(place).where('id', '=', task.id).where(statusIs.delayed).execute();
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
        // A suspect is counted when it runs alone, not for having waited beside another.
        adoptions: sql<number>`case when adoptions < ${SUSPECT_AFTER} then adoptions + 1 else adoptions end`,
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

/** A suspect begins to run alone: if its process dies now, it is the one. */
export async function beginProbation(trx: Trx, lease: { taskId: string; epoch: number }): Promise<void> {
  await trx
    .updateTable('tasks')
    .set({ adoptions: SUSPECT_AFTER + 1 })
    .where('id', '=', lease.taskId)
    .where('lease_epoch', '=', lease.epoch)
    .where(statusIs.running)
    .execute();
}

/** It lived; the next interruption begins a probation again. */
export async function endProbation(trx: Trx, lease: { taskId: string }): Promise<void> {
  await trx
    .updateTable('tasks')
    .set({ adoptions: SUSPECT_AFTER })
    .where('id', '=', lease.taskId)
    .where('adoptions', '=', SUSPECT_AFTER + 1)
    .where(statusIs.open)
    .execute();
}

/** A node that stops in good order leaves its tasks without a stain: being taken over from it does not count. */
export async function handOver(trx: Trx, input: { owner: string }): Promise<void> {
  await trx
    .updateTable('tasks')
    .set((eb) => ({ adoptions: eb('adoptions', '-', 1) }))
    .where(statusIs.running)
    .where('lease_owner', '=', input.owner)
    .where('adoptions', 'in', [0, 1])
    .execute();
}

/**
 * Takes a task from whoever has it, if it is still as it was seen: its epoch decides. The new epoch makes every write of the
 * old owner change no row. Null: somebody moved it meanwhile.
 */
export async function takeOver(
  trx: Trx,
  input: { taskId: string; seenEpoch: number; owner: string },
): Promise<ClaimedTask | null> {
  const task = await trx
    .updateTable('tasks')
    .set((eb) => ({
      lease_owner: input.owner,
      lease_epoch: eb('lease_epoch', '+', 1),
      phase: sql<TaskRow['phase']>`coalesce(phase, 'submitting')`,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', input.taskId)
    .where('lease_epoch', '=', input.seenEpoch)
    .where(statusIs.running)
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
    const why =
      reason === null ? 'it was never started' : `the last reason was: ${reason.replace(/\.$/, '')}`;
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
  await appendEventOf(trx, ended, 'task.finished', input.now);
  await releaseHold(trx, { holdId: ended.hold_id, now: input.now });
  return ended;
}

registerWrites(import.meta.url, {
  claimTasks,
  moveTasks,
  promoteDelayed,
  adoptTasks,
  takeUpAgain,
  beginProbation,
  endProbation,
  handOver,
  takeOver,
  expireWaiting,
});
