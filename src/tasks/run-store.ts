// The transactions of one run: intent before effect, what the provider said, and the end of a task together with its
// pictures, its money and its event. Every write carries the lease epoch; `null` back means that somebody else owns it.
import { sql } from 'kysely';
import { settleHold } from '../credits/credits.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { compileOnce, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { insertImages, type NewImage } from '../media/media.ts';
import { type Account, type AccountChoice, takeAccount } from '../providers/providers.ts';
import { endWaiting } from './claim-store.ts';
import { leaveJob } from './late-store.ts';
import {
  type AttemptOutcome,
  type AttemptRow,
  appendEventOf,
  type CancelState,
  enterReadySet,
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
    isAccepted: 0 | 1;
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
      adoptions: sql<number>`case when ${param('isAccepted')} = 1 or ${param('progress')} > coalesce(progress, 0)
        then 0 else adoptions end`,
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
  | 'n'
  | 'provider'
  | 'provider_model'
  | 'client_ref'
  | 'credential'
  | 'endpoints'
  | 'request_hash'
  | 'callback_token'
>;

const openAttempt = compileOnce<AttemptIntent & Pick<AttemptRow, 'task_id' | 'started_at'>>((query, param) =>
  query.insertInto('attempts').values({
    task_id: param('task_id'),
    n: param('n'),
    provider: param('provider'),
    provider_model: param('provider_model'),
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

const acceptAttempt = compileOnce<
  { taskId: string; n: number; jobId: string | null; outputs: string | null; now: number },
  { n: number }
>((query, param) =>
  query
    .updateTable('attempts')
    .set({
      outcome: 'accepted',
      job_id: param('jobId'),
      outputs: param('outputs'),
      accepted_at: param('now'),
    })
    .where('task_id', '=', param('taskId'))
    .where('n', '=', param('n'))
    .where(({ exists, not, selectFrom }) =>
      not(
        exists(
          selectFrom('attempts as other')
            .select('other.n')
            .whereRef('other.provider', '=', 'attempts.provider')
            .whereRef('other.client_ref', '<>', 'attempts.client_ref')
            .where('other.job_id', '=', param('jobId')),
        ),
      ),
    )
    .returning('n'),
);

const closeAttempt = compileOnce<{
  taskId: string;
  n: number;
  outcome: AttemptOutcome;
  savingAt: number | null;
  now: number;
  error: string | null;
}>((query, param) =>
  query
    .updateTable('attempts')
    .set({
      outcome: param('outcome'),
      saving_at: param('savingAt'),
      ended_at: param('now'),
      error: param('error'),
    })
    .where('task_id', '=', param('taskId'))
    .where('n', '=', param('n')),
);

async function touch(
  trx: Trx,
  lease: Lease,
  state: { phase: Phase; progress: number | null; reason: string | null; attempt: number; now: number },
  isAccepted: 0 | 1 = 0,
): Promise<TaskRow | null> {
  const { now, ...fields } = state;
  const [task] = await touchTask(trx, { id: lease.taskId, epoch: lease.epoch, isAccepted, ...fields });
  if (!task) return null;
  await appendEventOf(trx, task, 'task.updated', now);
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

const countBusyAccounts = compileOnce<{ lane: string }, { credential: string | null; count: number }>(
  (query, param) =>
    query
      .selectFrom('tasks')
      .innerJoin('attempts', (join) =>
        join.onRef('attempts.task_id', '=', 'tasks.id').onRef('attempts.n', '=', 'tasks.attempt'),
      )
      .select((eb) => ['attempts.credential', eb.fn.countAll<number>().as('count')])
      .where('tasks.lane', '=', param('lane'))
      .where(sql<boolean>`tasks.status = 'running'`)
      .where('attempts.outcome', 'in', ['open', 'accepted'])
      .groupBy('attempts.credential'),
);

/** What `beginAttemptOnAccount` did: `choice.id` is null when no account was free, and then nothing was begun. */
export interface AccountAttempt {
  task: TaskRow | null;
  choice: AccountChoice;
}

/**
 * As `beginAttempt`, with the least busy of the accounts that have a place and a token; the lock makes the limits of each
 * account the whole cluster's.
 */
export async function beginAttemptOnAccount(
  trx: Trx,
  input: { lease: Lease; intent: AttemptIntent; accounts: readonly Account[]; now: number },
): Promise<AccountAttempt> {
  const { lease, intent, accounts, now } = input;
  const provider = intent.provider;
  await dialectOf(trx).lockName(trx, `accounts:${provider}`);
  const counts = await countBusyAccounts(trx, { lane: provider });
  const busy = new Map(counts.map(({ credential, count }) => [credential ?? '', Number(count)]));
  const choice = await takeAccount(trx, { provider, accounts, busy, now });
  if (choice.id === null) return { task: null, choice };
  const task = await beginAttempt(trx, { lease, intent: { ...intent, credential: choice.id }, now });
  return { task, choice };
}

/**
 * The provider has the job. `outputs` are those that came inside the answer and can be had nowhere else. Throws `conflict` when
 * the job is another attempt's: two tasks would be paid with one picture.
 */
export async function recordAccepted(
  trx: Trx,
  input: { lease: Lease; n: number; jobId: string | null; outputs: string | null; now: number },
): Promise<TaskRow | null> {
  const phase: Phase = input.outputs === null ? 'waiting' : 'saving';
  const { n: attempt, now } = input;
  const task = await touch(trx, input.lease, { phase, progress: null, reason: null, attempt, now }, 1);
  if (!task) return null;
  const accepted = await acceptAttempt(trx, {
    taskId: input.lease.taskId,
    n: input.n,
    jobId: input.jobId,
    outputs: input.outputs,
    now,
  });
  if (accepted.length === 0)
    throw new AppError('conflict', { detail: 'The provider gave this job to another task before.' });
  return task;
}

/** What a running task shows: its progress, or why nothing moves. */
export interface Progress {
  lease: Lease;
  n: number;
  phase: Phase;
  progress: number | null;
  reason: string | null;
}

export async function recordProgress(trx: Trx, input: Progress & { now: number }): Promise<TaskRow | null> {
  const { phase, progress, reason, n: attempt, now } = input;
  crashPoint('kp8');
  return touch(trx, input.lease, { phase, progress, reason, attempt, now });
}

/** As `recordProgress` for many tasks, each for itself: null where the lease is lost. */
export async function recordProgressOfMany(
  trx: Trx,
  { changes, now }: { changes: readonly Progress[]; now: number },
): Promise<(TaskRow | null)[]> {
  const rows: (TaskRow | null)[] = [];
  for (const change of changes) rows.push(await recordProgress(trx, { ...change, now }));
  return rows;
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
    /** Another provider and its own name of the model; null: the same. */
    route?: { lane: string; providerModel: string } | null;
    now: number;
  },
): Promise<TaskRow | null> {
  const delayed = input.dueAt > input.now;
  const current = await trx
    .selectFrom('tasks')
    .select(['lane', 'provider_model', 'priority', 'flow', 'pictures'])
    .where('id', '=', input.lease.taskId)
    .executeTakeFirstOrThrow();
  const lane = input.route?.lane ?? current.lane;
  const place = delayed
    ? ({ status: 'delayed', due_at: input.dueAt, fair: 0 } as const)
    : await enterReadySet(trx, { ...current, lane });
  const task = await trx
    .updateTable('tasks')
    .set((eb) => ({
      phase: null,
      progress: null,
      waiting_reason: input.reason,
      lane,
      provider_model: input.route?.providerModel ?? current.provider_model,
      ...place,
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
    await closeAttempt(trx, { taskId: task.id, n, outcome, savingAt: null, error, now });
  }
  await appendEventOf(trx, task, 'task.updated', input.now);
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
  /** When fetching and storing them began; null or absent where it did not. */
  savingAt?: number | null;
  /** A job may still deliver at the provider: it is looked at for a while, and what comes is kept. */
  leavesJob?: boolean;
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
    const { n, attemptOutcome: outcome, savingAt = null } = input;
    await closeAttempt(trx, { taskId: task.id, n, outcome, savingAt, now, error });
  }
  if (input.leavesJob && input.n > 0) await leaveJob(trx, { taskId: task.id, n: input.n, now });
  if (input.images.length > 0) await insertImages(trx, { now, images: input.images });
  crashPoint('kp13');
  await appendEventOf(trx, task, 'task.finished', now);
  await settleHold(trx, { holdId: task.hold_id, capturePictures: input.capturePictures, now });
  return task;
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
  await appendEventOf(trx, marked, 'task.updated', input.now);
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
  await appendEventOf(trx, task, 'task.updated', input.now);
  return task;
}

registerWrites(import.meta.url, {
  beginAttempt,
  beginAttemptOnAccount,
  recordAccepted,
  recordProgress,
  recordProgressOfMany,
  requeueTask,
  finishTask,
  requestCancel,
  refuseCancel,
});
