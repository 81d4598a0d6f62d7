// The tasks tables, and the creation of a task in one transaction - idempotency, fair place in the queue, hold and event
// together or not at all. task-row.ts and task-params.ts say what a row holds; claim-store.ts and run-store.ts have the
// engine's later transactions.
import { sql } from 'kysely';
import { holdCredits } from '../credits/credits.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { compileOnce, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { isId, newId } from '../kernel/id.ts';
import { appendEvent, appendEvents, type NewEvent } from '../kernel/outbox.ts';
import { pinUploads } from '../media/media.ts';
import type { Mode } from '../providers/provider.ts';
import type { AttemptRow, TaskRow } from './task-row.ts';

export { finalPrompts, type InputPicture, type TaskParams, type TaskStyle } from './task-params.ts';
export {
  type AttemptOutcome,
  type AttemptRow,
  type CancelState,
  type Phase,
  type StoredStatus,
  statusOf,
  type TaskRow,
} from './task-row.ts';

export const TASK_TOPIC = 'tasks';
/** Of tasks that belong to a batch: whoever follows everything hears of the batch, not of ten thousand items. */
export const BATCH_ITEM_TOPIC = 'batch_items';
/** When a task is due that nobody may begin: its batch is paused. Beyond every clock, and a time as every other. */
export const PARKED_UNTIL = 253_402_300_799_000;

/** How long an idempotency key is remembered. */
export const IDEMPOTENCY_KEY_TTL_MS = 24 * 3600_000;

/**
 * Conditions on the status as literal SQL. SQLite uses a partial index only where the query spells out the index's own
 * condition; with a bound parameter it scans (74 against 2 microseconds for the fair tag at a depth of 6,000).
 */
export const statusIs = {
  queued: sql<boolean>`status = 'queued'`,
  delayed: sql<boolean>`status = 'delayed'`,
  running: sql<boolean>`status = 'running'`,
  waiting: sql<boolean>`status in ('queued', 'delayed')`,
  open: sql<boolean>`status in ('queued', 'delayed', 'running')`,
  queuedSingle: sql<boolean>`status = 'queued' and batch_id is null`,
} as const;

declare module '../kernel/db.ts' {
  interface Tables {
    tasks: TaskRow;
    attempts: AttemptRow;
    /** `single_at`: when a task of no batch last began there; null when none did. */
    lanes: { lane: string; priority: number; clock: number; single_at: number | null };
    idempotency_keys: {
      account_id: string;
      key: string;
      request_hash: string;
      task_id: string;
      created_at: number;
    };
    /** Of whose tasks none is begun. */
    paused_flows: { flow: string; paused_at: number };
    late_results: { task_id: string; attempt: number; note: string; created_at: number };
  }
}

export interface CreateTaskInput {
  taskId: string;
  accountId: string;
  credentialId: string;
  mode: Mode;
  model: string;
  lane: string;
  providerModel: string;
  prompt: string;
  /** Absent: none. */
  styleId?: string | null;
  params: string;
  requestHash: string;
  pictures: number;
  priority: number;
  flow: string;
  unitMicros: number;
  deadlineAt: number;
  retryOf: string | null;
  metadata: string;
  idempotencyKey: string | null;
  /** Uploads that the task reads: kept until its deadline at least. */
  uploadIds: readonly string[];
  /** A non-failed equal task younger than this is returned instead; 0 switches it off. */
  dedupeWindowMs: number;
  now: number;
}

export type CreateTaskOutcome = { taskId: string; created: 'new' | 'replayed' | 'duplicate' };

export const findIdempotencyKey = compileOnce<
  { accountId: string; key: string },
  { request_hash: string; task_id: string }
>((query, param) =>
  query
    .selectFrom('idempotency_keys')
    .select(['request_hash', 'task_id'])
    .where('account_id', '=', param('accountId'))
    .where('key', '=', param('key')),
);

const insertIdempotencyKey = compileOnce<
  { accountId: string; key: string; requestHash: string; taskId: string; now: number },
  { task_id: string }
>((query, param) =>
  query
    .insertInto('idempotency_keys')
    .values({
      account_id: param('accountId'),
      key: param('key'),
      request_hash: param('requestHash'),
      task_id: param('taskId'),
      created_at: param('now'),
    })
    .onConflict((conflict) => conflict.columns(['account_id', 'key']).doNothing())
    .returning('task_id'),
);

const findDuplicate = compileOnce<{ accountId: string; requestHash: string; since: number }, { id: string }>(
  (query, param) =>
    query
      .selectFrom('tasks')
      .select('id')
      .where('account_id', '=', param('accountId'))
      .where('request_hash', '=', param('requestHash'))
      .where('created_at', '>', param('since'))
      .where('status', 'not in', ['failed', 'cancelled'])
      .orderBy('created_at', 'desc')
      .limit(1),
);

/**
 * The fair tag of a task that enters the ready set: never before the lane's clock, and after the flow's own waiting
 * tasks there. Nothing "last" is stored, so a flow that was cancelled or paused does not pay for what never ran.
 */
const findFairBase = compileOnce<
  { lane: string; priority: number; flow: string },
  { clock: number | null; last: number | null }
>((query, param) =>
  query.selectNoFrom((eb) => [
    eb
      .selectFrom('lanes')
      .select('clock')
      .where('lane', '=', param('lane'))
      .where('priority', '=', param('priority'))
      .as('clock'),
    eb
      .selectFrom('tasks')
      .select('fair')
      .where('flow', '=', param('flow'))
      .where('lane', '=', param('lane'))
      .where('priority', '=', param('priority'))
      .where(statusIs.queued)
      .orderBy('fair', 'desc')
      .limit(1)
      .as('last'),
  ]),
);

/** The tag for `pictures` more pictures of this flow; call it in the transaction that makes the task ready. */
export async function fairTag(
  trx: Trx,
  place: { lane: string; priority: number; flow: string; pictures: number },
): Promise<number> {
  // Two creates of one flow at the same moment would otherwise get one place.
  await dialectOf(trx).lockName(trx, `flow:${place.flow}`);
  const [base] = await findFairBase(trx, { lane: place.lane, priority: place.priority, flow: place.flow });
  return Math.max(base?.clock ?? 0, base?.last ?? 0) + place.pictures;
}

/** Where a task stands that may be begun again: in the queue, or aside while its batch is paused. */
export async function enterReadySet(
  trx: Trx,
  place: { lane: string; priority: number; flow: string; pictures: number },
): Promise<{ status: 'queued' | 'delayed'; fair: number; due_at: number | null }> {
  // The tag takes the flow's lock, so that no pause is overlooked.
  const fair = await fairTag(trx, place);
  const ready = { status: 'queued', fair, due_at: null } as const;
  if (!isId('batch', place.flow)) return ready;
  const paused = await trx
    .selectFrom('paused_flows')
    .select('flow')
    .where('flow', '=', place.flow)
    .executeTakeFirst();
  return paused ? { status: 'delayed', fair: 0, due_at: PARKED_UNTIL } : ready;
}

/** What every task is when it is accepted. */
export const UNSTARTED = {
  status: 'queued',
  phase: null,
  progress: null,
  waiting_reason: null,
  due_at: null,
  lease_owner: null,
  lease_epoch: 0,
  adoptions: 0,
  attempt: 0,
  cancel_state: 'none',
  cancel_note: null,
  error: null,
  captured_micros: 0,
  released_micros: 0,
  answer_delivered_at: null,
  version: 1,
  started_at: null,
  finished_at: null,
} as const satisfies Partial<TaskRow>;

export type NewTask = Omit<TaskRow, keyof typeof UNSTARTED>;

export const insertTask = compileOnce<NewTask>((query, param) =>
  query.insertInto('tasks').values({
    ...UNSTARTED,
    id: param('id'),
    account_id: param('account_id'),
    credential_id: param('credential_id'),
    mode: param('mode'),
    model: param('model'),
    lane: param('lane'),
    provider_model: param('provider_model'),
    prompt: param('prompt'),
    style_id: param('style_id'),
    params: param('params'),
    request_hash: param('request_hash'),
    pictures: param('pictures'),
    priority: param('priority'),
    flow: param('flow'),
    fair: param('fair'),
    deadline_at: param('deadline_at'),
    hold_id: param('hold_id'),
    held_micros: param('held_micros'),
    retry_of: param('retry_of'),
    batch_id: param('batch_id'),
    batch_position: param('batch_position'),
    metadata: param('metadata'),
    created_at: param('created_at'),
  }),
);

function newTask(input: CreateTaskInput, place: { fair: number; holdId: string }): NewTask {
  return {
    id: input.taskId,
    account_id: input.accountId,
    credential_id: input.credentialId,
    mode: input.mode,
    model: input.model,
    lane: input.lane,
    provider_model: input.providerModel,
    prompt: input.prompt,
    style_id: input.styleId ?? null,
    params: input.params,
    request_hash: input.requestHash,
    pictures: input.pictures,
    priority: input.priority,
    flow: input.flow,
    fair: place.fair,
    deadline_at: input.deadlineAt,
    hold_id: place.holdId,
    held_micros: input.unitMicros * input.pictures,
    retry_of: input.retryOf,
    batch_id: null,
    batch_position: null,
    metadata: input.metadata,
    created_at: input.now,
  };
}

/** The row as an accepted task's caller sees it, without reading it again; its place in the queue is not part of that. */
export function createdTask(input: CreateTaskInput): TaskRow {
  return { ...UNSTARTED, ...newTask(input, { fair: 0, holdId: '' }) };
}

/**
 * Accepts a task: one transaction of idempotency row, task, hold and event (rule R1). Throws `idempotency_mismatch` and
 * `insufficient_credits`; an equal earlier request gives the earlier task instead.
 */
export async function createTask(trx: Trx, input: CreateTaskInput): Promise<CreateTaskOutcome> {
  const { accountId, taskId, now, idempotencyKey: key } = input;
  if (key !== null) {
    const inserted = await insertIdempotencyKey(trx, {
      accountId,
      key,
      requestHash: input.requestHash,
      taskId,
      now,
    });
    if (inserted.length === 0) return replay(trx, accountId, key, input.requestHash);
  }
  if (input.dedupeWindowMs > 0) {
    const since = now - input.dedupeWindowMs;
    const [equal] = await findDuplicate(trx, { accountId, requestHash: input.requestHash, since });
    if (equal) return duplicateOf(trx, input, equal.id);
  }
  await pinUploads(trx, { ids: input.uploadIds, accountId, untilMs: input.deadlineAt });
  const fair = await fairTag(trx, input);
  const holdId = newId('hold', now);
  await insertTask(trx, newTask(input, { fair, holdId }));
  await appendTaskEvent(trx, { taskId, accountId, type: 'task.updated', version: 1, now });
  // Last, because on PostgreSQL the account's balance row is the one that everybody waits for.
  await holdCredits(trx, {
    holdId,
    accountId,
    taskId,
    unitMicros: input.unitMicros,
    pictures: input.pictures,
    now,
  });
  crashPoint('kp1');
  return { taskId, created: 'new' };
}

async function replay(
  trx: Trx,
  accountId: string,
  key: string,
  requestHash: string,
): Promise<CreateTaskOutcome> {
  const [first] = await findIdempotencyKey(trx, { accountId, key });
  if (!first) throw new AppError('idempotency_in_progress', { retryAfterS: 1 });
  if (first.request_hash !== requestHash) {
    throw idempotencyMismatch();
  }
  return { taskId: first.task_id, created: 'replayed' };
}

/** The key, if one came, must lead to the task that the caller was given. */
async function duplicateOf(trx: Trx, input: CreateTaskInput, taskId: string): Promise<CreateTaskOutcome> {
  if (input.idempotencyKey !== null) {
    await trx
      .updateTable('idempotency_keys')
      .set({ task_id: taskId })
      .where('account_id', '=', input.accountId)
      .where('key', '=', input.idempotencyKey)
      .execute();
  }
  return { taskId, created: 'duplicate' };
}

export function idempotencyMismatch(): AppError {
  return new AppError('idempotency_mismatch', {
    detail: 'This Idempotency-Key was used with another request.',
  });
}

export interface TaskEvent {
  taskId: string;
  accountId: string;
  /** Absent: it belongs to none. */
  batchId?: string | null;
  type: 'task.updated' | 'task.finished';
  version: number;
  now: number;
}

const toNewEvent = (event: TaskEvent): NewEvent => ({
  accountId: event.accountId,
  topic: event.batchId ? BATCH_ITEM_TOPIC : TASK_TOPIC,
  entityId: event.taskId,
  type: event.type,
  version: event.version,
  nowMs: event.now,
});

/** The event that tells readers of a task's change; written in the transaction that changes it. */
function appendTaskEvent(trx: Trx, event: TaskEvent): Promise<string> {
  return appendEvent(trx, toNewEvent(event));
}

/** As `appendTaskEvent`, of a row as the transaction left it. */
export function appendEventOf(
  trx: Trx,
  { id, account_id, batch_id, version }: Pick<TaskRow, 'id' | 'account_id' | 'batch_id' | 'version'>,
  type: TaskEvent['type'],
  now: number,
): Promise<string> {
  return appendTaskEvent(trx, { taskId: id, accountId: account_id, batchId: batch_id, type, version, now });
}

/** As `appendTaskEvent` for many. */
export function appendTaskEvents(trx: Trx, events: readonly TaskEvent[]): Promise<void> {
  return appendEvents(trx, events.map(toNewEvent));
}

/** Marks a held OpenAI-style answer as fully delivered. */
export async function markAnswerDelivered(trx: Trx, input: { taskId: string; now: number }): Promise<void> {
  await trx
    .updateTable('tasks')
    .set({ answer_delivered_at: input.now })
    .where('id', '=', input.taskId)
    .where('answer_delivered_at', 'is', null)
    .execute();
}

/** Forgets idempotency keys that are older than their promise. */
export async function pruneIdempotencyKeys(trx: Trx, input: { olderThan: number }): Promise<void> {
  await trx.deleteFrom('idempotency_keys').where('created_at', '<', input.olderThan).execute();
}

registerWrites(import.meta.url, { createTask, markAnswerDelivered, pruneIdempotencyKeys });
