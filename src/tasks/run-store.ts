// The transactions of one run: intent before effect, what the provider said, and the end of a task together with its
// pictures, its money and its event. Every write carries the lease epoch; `null` back means that somebody else owns it.
import { sql } from 'kysely';
import { settleHold } from '../credits/credits.ts';
import { compileOnce, registerWrites, type Trx } from '../kernel/db.ts';
import { insertImages, type NewImage } from '../media/media.ts';
import { endWaiting } from './claim-store.ts';
import {
  type AttemptOutcome,
  type AttemptRow,
  appendTaskEvent,
  type CancelState,
  fairTag,
  type Phase,
  type StoredStatus,
  statusIs,
  type TaskRow,
} from './store.ts';

/** What every write of a run is checked against. */
export interface Lease {
  taskId: string;
  epoch: number;
}

const touchTask = compileOnce<
  {
    id: string;
    epoch: number;
    phase: Phase;
    progress: number | null;
    reason: string | null;
    attempt: number;
  },
  TaskRow
>((query, param) =>
  query
    .updateTable('tasks')
    .set((eb) => ({
      phase: param('phase'),
      progress: param('progress'),
      waiting_reason: param('reason'),
      attempt: param('attempt'),
      // Progress proves that this task does not kill the node that runs it.
      adoptions: 0,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', param('id'))
    .where('lease_epoch', '=', param('epoch'))
    .where(statusIs.running)
    .returningAll(),
);

/** What is committed about an attempt before its first byte leaves (rule R3). */
export type AttemptIntent = Pick<
  AttemptRow,
  'n' | 'provider' | 'client_ref' | 'credential' | 'endpoints' | 'request_hash' | 'callback_token'
>;

const openAttempt = compileOnce<AttemptIntent & Pick<AttemptRow, 'task_id' | 'started_at'>>((query, param) =>
  query.insertInto('attempts').values({
    task_id: param('task_id'),
    n: param('n'),
    provider: param('provider'),
    client_ref: param('client_ref'),
    credential: param('credential'),
    endpoints: param('endpoints'),
    request_hash: param('request_hash'),
    callback_token: param('callback_token'),
    job_id: null,
    outcome: 'open',
    outputs: null,
    started_at: param('started_at'),
    ended_at: null,
    error: null,
  }),
);

const acceptAttempt = compileOnce<{
  taskId: string;
  n: number;
  jobId: string | null;
  outputs: string | null;
}>((query, param) =>
  query
    .updateTable('attempts')
    .set({ outcome: 'accepted', job_id: param('jobId'), outputs: param('outputs') })
    .where('task_id', '=', param('taskId'))
    .where('n', '=', param('n')),
);

const closeAttempt = compileOnce<{
  taskId: string;
  n: number;
  outcome: AttemptOutcome;
  now: number;
  error: string | null;
}>((query, param) =>
  query
    .updateTable('attempts')
    .set({ outcome: param('outcome'), ended_at: param('now'), error: param('error') })
    .where('task_id', '=', param('taskId'))
    .where('n', '=', param('n')),
);

async function touch(
  trx: Trx,
  lease: Lease,
  state: { phase: Phase; progress: number | null; reason: string | null; attempt: number; now: number },
): Promise<TaskRow | null> {
  const { now, ...fields } = state;
  const [task] = await touchTask(trx, { id: lease.taskId, epoch: lease.epoch, ...fields });
  if (!task) return null;
  const { account_id: accountId, version } = task;
  await appendTaskEvent(trx, { taskId: task.id, accountId, type: 'task.updated', version, now });
  return task;
}

/** Commits the intent to submit (rule R3): after this, a crash means that a job may exist. */
export async function beginAttempt(
  trx: Trx,
  input: { lease: Lease; intent: AttemptIntent; now: number },
): Promise<TaskRow | null> {
  const state = {
    phase: 'submitting',
    progress: null,
    reason: null,
    attempt: input.intent.n,
    now: input.now,
  } as const;
  const task = await touch(trx, input.lease, state);
  if (!task) return null;
  await openAttempt(trx, { ...input.intent, task_id: input.lease.taskId, started_at: input.now });
  return task;
}

/** The provider has the job. `outputs` are those that came inside the answer and can be had nowhere else. */
export async function recordAccepted(
  trx: Trx,
  input: { lease: Lease; n: number; jobId: string | null; outputs: string | null; now: number },
): Promise<TaskRow | null> {
  const phase: Phase = input.outputs === null ? 'waiting' : 'saving';
  const task = await touch(trx, input.lease, {
    phase,
    progress: null,
    reason: null,
    attempt: input.n,
    now: input.now,
  });
  if (!task) return null;
  await acceptAttempt(trx, {
    taskId: input.lease.taskId,
    n: input.n,
    jobId: input.jobId,
    outputs: input.outputs,
  });
  return task;
}

/** What a waiting task shows: its progress, or why nothing moves. */
export async function recordProgress(
  trx: Trx,
  input: {
    lease: Lease;
    n: number;
    phase: Phase;
    progress: number | null;
    reason: string | null;
    now: number;
  },
): Promise<TaskRow | null> {
  const { phase, progress, reason, n: attempt, now } = input;
  return touch(trx, input.lease, { phase, progress, reason, attempt, now });
}

/** Ends an attempt and gives the task back to the queue, at once or after a delay. */
export async function requeueTask(
  trx: Trx,
  input: {
    lease: Lease;
    /** 0 when no attempt was begun. */
    n: number;
    outcome: AttemptOutcome;
    error: string | null;
    reason: string | null;
    dueAt: number;
    now: number;
  },
): Promise<TaskRow | null> {
  const delayed = input.dueAt > input.now;
  const current = await trx
    .selectFrom('tasks')
    .select(['lane', 'priority', 'flow', 'pictures'])
    .where('id', '=', input.lease.taskId)
    .executeTakeFirstOrThrow();
  const fair = delayed ? 0 : await fairTag(trx, current);
  const task = await trx
    .updateTable('tasks')
    .set((eb) => ({
      status: delayed ? 'delayed' : 'queued',
      phase: null,
      progress: null,
      waiting_reason: input.reason,
      due_at: delayed ? input.dueAt : null,
      fair,
      lease_owner: null,
      lease_epoch: eb('lease_epoch', '+', 1),
      version: eb('version', '+', 1),
    }))
    .where('id', '=', input.lease.taskId)
    .where('lease_epoch', '=', input.lease.epoch)
    .where(statusIs.running)
    .returningAll()
    .executeTakeFirst();
  if (!task) return null;
  if (input.n > 0) {
    const { n, outcome, error, now } = input;
    await closeAttempt(trx, { taskId: task.id, n, outcome, error, now });
  }
  const { account_id: accountId, version } = task;
  await appendTaskEvent(trx, { taskId: task.id, accountId, type: 'task.updated', version, now: input.now });
  // A cancel that arrived while the attempt was open takes effect now, when provably nothing runs.
  if (task.cancel_state === 'requested') {
    return (
      (await endWaiting(trx, { id: task.id, status: 'cancelled', error: CANCELLED, now: input.now })) ?? null
    );
  }
  return task;
}

/** The stored error of a task that its owner cancelled. */
export const CANCELLED = JSON.stringify({
  code: 'cancelled',
  detail: 'The task was cancelled; nothing was charged.',
});

export interface FinishInput {
  lease: Lease;
  n: number;
  status: 'succeeded' | 'failed' | 'cancelled';
  attemptOutcome: AttemptOutcome;
  /** StoredError as JSON; null on success. */
  error: string | null;
  /** Stored and verified pictures, in order; those beyond the number asked for are marked `extra`. */
  images: readonly NewImage[];
  /** How many of them are charged. */
  capturePictures: number;
  now: number;
}

const endTask = compileOnce<
  { id: string; epoch: number; status: StoredStatus; error: string | null; captured: number; now: number },
  TaskRow
>((query, param) =>
  query
    .updateTable('tasks')
    .set((eb) => ({
      status: param('status'),
      phase: null,
      progress: sql<number | null>`case when ${param('status')} = 'succeeded' then 1 else progress end`,
      waiting_reason: null,
      lease_owner: null,
      error: param('error'),
      cancel_state: sql<CancelState>`case when cancel_state <> 'requested' then cancel_state
        when ${param('status')} = 'cancelled' then 'confirmed' else 'finished_first' end`,
      captured_micros: param('captured'),
      released_micros: eb('held_micros', '-', param('captured')),
      finished_at: param('now'),
      version: eb('version', '+', 1),
    }))
    .where('id', '=', param('id'))
    .where('lease_epoch', '=', param('epoch'))
    .where(statusIs.running)
    .returningAll(),
);

/** Ends a task: state, pictures, money and event together or not at all (rule R7). Null: the lease is lost. */
export async function finishTask(
  trx: Trx,
  input: FinishInput & { unitMicros: number },
): Promise<TaskRow | null> {
  const { lease, now } = input;
  const [task] = await endTask(trx, {
    id: lease.taskId,
    epoch: lease.epoch,
    status: input.status,
    error: input.error,
    captured: input.unitMicros * input.capturePictures,
    now,
  });
  if (!task) return null;
  if (input.n > 0) {
    const error = input.status === 'succeeded' ? null : input.error;
    await closeAttempt(trx, { taskId: task.id, n: input.n, outcome: input.attemptOutcome, now, error });
  }
  if (input.images.length > 0) await insertImages(trx, { now, images: input.images });
  const { account_id: accountId, version } = task;
  await appendTaskEvent(trx, { taskId: task.id, accountId, type: 'task.finished', version, now });
  await settleHold(trx, { holdId: task.hold_id, capturePictures: input.capturePictures, now });
  return task;
}

/** Notes a result that came after its task had ended or had another owner; it is never charged. */
export async function recordLateResult(
  trx: Trx,
  input: { taskId: string; attempt: number; note: string; now: number },
): Promise<void> {
  const { taskId: task_id, attempt, note, now: created_at } = input;
  await trx.insertInto('late_results').values({ task_id, attempt, note, created_at }).execute();
}

export type CancelOutcome = 'ended' | 'requested' | 'already';

/**
 * Asks for the end of a task: a waiting one ends at once, a running one is marked for its owner to ask the provider.
 * A task that has ended stays as it is.
 */
export async function requestCancel(
  trx: Trx,
  input: { taskId: string; now: number },
): Promise<CancelOutcome> {
  const ended = await endWaiting(trx, {
    id: input.taskId,
    status: 'cancelled',
    error: CANCELLED,
    now: input.now,
  });
  if (ended) return 'ended';
  const marked = await trx
    .updateTable('tasks')
    .set((eb) => ({ cancel_state: 'requested', cancel_note: null, version: eb('version', '+', 1) }))
    .where('id', '=', input.taskId)
    .where(statusIs.running)
    .where('cancel_state', 'in', ['none', 'not_cancellable'])
    .returningAll()
    .executeTakeFirst();
  if (!marked) return 'already';
  const { account_id: accountId, version } = marked;
  await appendTaskEvent(trx, { taskId: marked.id, accountId, type: 'task.updated', version, now: input.now });
  return 'requested';
}

/** The provider could not stop the job: says so and lets it run on. */
export async function refuseCancel(
  trx: Trx,
  input: { lease: Lease; note: string; now: number },
): Promise<TaskRow | null> {
  const task = await trx
    .updateTable('tasks')
    .set((eb) => ({
      cancel_state: 'not_cancellable',
      cancel_note: input.note,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', input.lease.taskId)
    .where('lease_epoch', '=', input.lease.epoch)
    .where(statusIs.running)
    .returningAll()
    .executeTakeFirst();
  if (!task) return null;
  const { account_id: accountId, version } = task;
  await appendTaskEvent(trx, { taskId: task.id, accountId, type: 'task.updated', version, now: input.now });
  return task;
}

registerWrites(import.meta.url, {
  beginAttempt,
  recordAccepted,
  recordProgress,
  requeueTask,
  finishTask,
  recordLateResult,
  requestCancel,
  refuseCancel,
});
