// Tasks of a batch in bulk: made together or not at all, set aside and brought back, cancelled in steps, counted and listed.
// Every item is a task with a hold of its own, so that all that holds for single tasks holds for it; at each place of a batch
// is exactly one task, its newest try.
import { sql } from 'kysely';
import { holdCreditsOfMany, releaseHolds } from '../credits/credits.ts';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { insertMany } from '../kernel/db-bulk.ts';
import { bytesOfHex, dialectOf } from '../kernel/db-dialect.ts';
import { newId } from '../kernel/id.ts';
import { pinUploads } from '../media/media.ts';
import type { Mode } from '../providers/provider.ts';
import { CANCELLED, requestCancel } from './run-store.ts';
import {
  appendTaskEvents,
  fairTag,
  insertTask,
  type NewTask,
  PARKED_UNTIL,
  type StoredStatus,
  statusIs,
  type TaskEvent,
  type TaskRow,
  UNSTARTED,
} from './store.ts';

/** Ids in one list. */
const LIST_IDS = 500;

/** An item of a batch, planned and priced. */
export interface BatchTaskInput {
  taskId: string;
  position: number;
  mode: Mode;
  model: string;
  lane: string;
  providerModel: string;
  prompt: string;
  styleId: string | null;
  /** TaskParams as JSON. */
  params: string;
  pictures: number;
  unitMicros: number;
  /** The try before, whose place it takes. */
  retryOf: string | null;
  metadata: string;
}

export interface BatchTasksInput {
  batchId: string;
  accountId: string;
  credentialId: string;
  deadlineAt: number;
  uploadIds: readonly string[];
  items: readonly BatchTaskInput[];
  now: number;
}

/**
 * Makes the tasks of a batch in the running transaction, each with its hold. Writes no event of each: the batch's own tells of
 * all. Throws what `holdCreditsOfMany` throws.
 */
export async function insertBatchTasks(trx: Trx, input: BatchTasksInput): Promise<void> {
  const { batchId, accountId, items, now } = input;
  await pinUploads(trx, { ids: input.uploadIds, accountId, untilMs: input.deadlineAt });
  const fairByLane = new Map<string, number>();
  const rows: (NewTask & typeof UNSTARTED)[] = [];
  for (const item of items) {
    const { lane, pictures } = item;
    const before =
      fairByLane.get(lane) ?? (await fairTag(trx, { lane, priority: 0, flow: batchId, pictures: 0 }));
    fairByLane.set(lane, before + pictures);
    rows.push({
      ...UNSTARTED,
      id: item.taskId,
      account_id: accountId,
      credential_id: input.credentialId,
      mode: item.mode,
      model: item.model,
      lane,
      provider_model: item.providerModel,
      prompt: item.prompt,
      style_id: item.styleId,
      params: item.params,
      // Nobody's equal: a single task must not be answered with an item of a batch.
      request_hash: item.taskId,
      pictures,
      priority: 0,
      flow: batchId,
      fair: before + pictures,
      deadline_at: input.deadlineAt,
      hold_id: newId('hold', now),
      held_micros: item.unitMicros * pictures,
      retry_of: item.retryOf,
      batch_id: batchId,
      batch_position: item.position,
      metadata: item.metadata,
      created_at: now,
    });
  }
  await insertMany(trx, 'tasks', rows, { insertOne: insertTask });
  const unitMicros = new Map(items.map((item) => [item.taskId, item.unitMicros]));
  const holds = rows.map((row) => ({
    holdId: row.hold_id,
    taskId: row.id,
    unitMicros: unitMicros.get(row.id) ?? 0,
    pictures: row.pictures,
  }));
  await holdCreditsOfMany(trx, { accountId, holds, now });
}

/** Takes failed or cancelled tasks from their places, so that new tries can have them; returns those that it took. */
export async function vacatePlaces(
  trx: Trx,
  input: { batchId: string; taskIds: readonly string[] },
): Promise<Set<string>> {
  const vacated = new Set<string>();
  for (let start = 0; start < input.taskIds.length; start += LIST_IDS) {
    const rows = await trx
      .updateTable('tasks')
      .set({ batch_position: null })
      .where('batch_id', '=', input.batchId)
      .where('id', 'in', input.taskIds.slice(start, start + LIST_IDS))
      .where('batch_position', 'is not', null)
      .where('status', 'in', ['failed', 'cancelled'])
      .returning('id')
      .execute();
    for (const { id } of rows) vacated.add(id);
  }
  return vacated;
}

/** Sets aside what waits of a batch, and whatever of it would wait later. Idempotent. */
export async function parkBatch(trx: Trx, input: { batchId: string; now: number }): Promise<void> {
  const { batchId: flow, now } = input;
  await dialectOf(trx).lockName(trx, `flow:${flow}`);
  await trx
    .insertInto('paused_flows')
    .values({ flow, paused_at: now })
    .onConflict((conflict) => conflict.column('flow').doNothing())
    .execute();
  await trx
    .updateTable('tasks')
    .set({ status: 'delayed', fair: 0, due_at: PARKED_UNTIL })
    .where('batch_id', '=', flow)
    .where(statusIs.queued)
    .execute();
}

/** Brings back what was set aside, with places in the queue as of now, in its order. Idempotent. */
export async function unparkBatch(trx: Trx, input: { batchId: string }): Promise<void> {
  const { batchId } = input;
  await allowBatch(trx, input);
  const lanes = await trx
    .selectFrom('tasks')
    .select('lane')
    .distinct()
    .where('batch_id', '=', batchId)
    .where(statusIs.delayed)
    .where('due_at', '=', PARKED_UNTIL)
    .execute();
  for (const { lane } of lanes) {
    const base = await fairTag(trx, { lane, priority: 0, flow: batchId, pictures: 0 });
    await sql`
      update tasks set status = 'queued', due_at = null, fair = ${base} + parked.place
      from (
        select id as parked_id, sum(pictures) over (order by batch_position, id) as place
        from tasks
        where batch_id = ${batchId} and status = 'delayed' and lane = ${lane} and due_at = ${PARKED_UNTIL}
      ) as parked
      where tasks.id = parked.parked_id`.execute(trx);
  }
}

/** What of it waits from now on may be begun. */
export async function allowBatch(trx: Trx, { batchId }: { batchId: string }): Promise<void> {
  await dialectOf(trx).lockName(trx, `flow:${batchId}`);
  await trx.deleteFrom('paused_flows').where('flow', '=', batchId).execute();
}

/**
 * Cancels the next open tasks of a batch, at most `limit` of those that wait; running ones are marked for their owners to stop.
 * `isMore`: some still wait.
 */
export async function cancelBatchTasks(
  trx: Trx,
  input: { batchId: string; limit: number; now: number },
): Promise<{ ended: number; requested: number; isMore: boolean }> {
  const { batchId, limit, now } = input;
  const waiting = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('tasks')
        .select('id')
        .where('batch_id', '=', batchId)
        .where(statusIs.waiting)
        .orderBy('id')
        .limit(limit + 1),
    )
    .execute();
  const ended = await endAll(
    trx,
    waiting.slice(0, limit).map(({ id }) => id),
    now,
  );
  const running = await trx
    .selectFrom('tasks')
    .select('id')
    .where('batch_id', '=', batchId)
    .where(statusIs.running)
    .where('cancel_state', '=', 'none')
    .execute();
  let requested = 0;
  for (const { id } of running)
    if ((await requestCancel(trx, { taskId: id, now })) !== 'already') requested += 1;
  return { ended, requested, isMore: waiting.length > limit };
}

/** As `endWaiting` for many of one account: a few statements instead of five each. */
async function endAll(trx: Trx, ids: readonly string[], now: number): Promise<number> {
  if (ids.length === 0) return 0;
  const ended = await trx
    .updateTable('tasks')
    .set((eb) => ({
      status: 'cancelled',
      phase: null,
      due_at: null,
      waiting_reason: null,
      error: CANCELLED,
      cancel_state: 'confirmed',
      released_micros: eb.ref('held_micros'),
      finished_at: now,
      version: eb('version', '+', 1),
    }))
    .where('id', 'in', [...ids])
    .where(statusIs.waiting)
    .returning(['id', 'account_id', 'batch_id', 'version', 'hold_id'])
    .execute();
  const events = ended.map(({ id: taskId, account_id: accountId, batch_id: batchId, version }): TaskEvent => {
    return { taskId, accountId, batchId, type: 'task.finished', version, now };
  });
  await appendTaskEvents(trx, events);
  const [first] = ended;
  const holdIds = ended.map(({ hold_id: holdId }) => holdId);
  if (first) await releaseHolds(trx, { accountId: first.account_id, holdIds, now });
  return ended.length;
}

// --- reads ------------------------------------------------------------------------------------------------------

/** Whether any task of a batch has not ended; asked in the transaction that ends the batch. */
export async function hasOpenTasks(reader: Reader, batchId: string): Promise<boolean> {
  const row = await reader
    .selectFrom('tasks')
    .select('id')
    .where('batch_id', '=', batchId)
    .where('status', 'in', ['queued', 'delayed', 'running'])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export interface BatchTotals {
  /** Of the newest tries alone. */
  byStatus: Partial<Record<StoredStatus, number>>;
  /** Over all tries, in micro-credits. */
  heldMicros: number;
  capturedMicros: number;
  releasedMicros: number;
}

/** Counts and cost of batches, from one index alone (10,000 items: about a millisecond). */
export async function totalsOfBatches(
  reader: Reader,
  batchIds: readonly string[],
): Promise<Map<string, BatchTotals>> {
  const totals = new Map<string, BatchTotals>(
    batchIds.map((id) => [id, { byStatus: {}, heldMicros: 0, capturedMicros: 0, releasedMicros: 0 }]),
  );
  if (batchIds.length === 0) return totals;
  const rows = await reader
    .selectFrom('tasks')
    .select((eb) => [
      'batch_id',
      'status',
      eb.fn.count<number>('batch_position').as('items'),
      eb.fn.sum<number>('held_micros').as('held'),
      eb.fn.sum<number>('captured_micros').as('captured'),
      eb.fn.sum<number>('released_micros').as('released'),
    ])
    .where('batch_id', 'in', [...batchIds])
    .groupBy(['batch_id', 'status'])
    .execute();
  for (const row of rows) {
    const of = totals.get(row.batch_id ?? '');
    if (!of) continue;
    of.byStatus[row.status] = Number(row.items);
    const isOpen = ['queued', 'delayed', 'running'].includes(row.status);
    if (isOpen) of.heldMicros += Number(row.held);
    of.capturedMicros += Number(row.captured);
    of.releasedMicros += Number(row.released);
  }
  return totals;
}

/** A byte for each item in its order: the letter of its state. */
export async function statesOfBatch(reader: Reader, batchId: string): Promise<Uint8Array> {
  const letter = sql<string>`case status when 'running' then '72' when 'succeeded' then '73' when 'failed' then '66'
    when 'cancelled' then '63' else '71' end`;
  const ordered = reader
    .selectFrom('tasks')
    .select(letter.as('letter'))
    .where('batch_id', '=', batchId)
    .where('batch_position', 'is not', null)
    .orderBy('batch_position');
  const row = await reader
    .selectFrom(ordered.as('ordered'))
    .select(dialectOf(reader).joinHex(sql<string>`letter`).as('states'))
    .executeTakeFirstOrThrow();
  return bytesOfHex(row.states);
}

export interface BatchItemFilter {
  batchId: string;
  statuses?: readonly StoredStatus[];
  text?: string;
  /** The first position of the page. */
  from: number;
  limit: number;
}

/** The newest try at each place, in the order of the places. */
export function listBatchItems(reader: Reader, filter: BatchItemFilter): Promise<TaskRow[]> {
  let query = reader
    .selectFrom('tasks')
    .selectAll()
    .where('batch_id', '=', filter.batchId)
    .where('batch_position', 'is not', null)
    .where('batch_position', '>=', filter.from);
  if (filter.statuses) query = query.where('status', 'in', [...filter.statuses]);
  if (filter.text !== undefined && filter.text !== '') {
    const pattern = `%${filter.text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    query = query.where(sql<boolean>`lower(prompt) like ${pattern} escape '\\'`);
  }
  return query.orderBy('batch_position').limit(filter.limit).execute();
}

/** Which batches these tasks belong to; tasks of none are not in the answer. */
export async function batchesOfTasks(reader: Reader, taskIds: readonly string[]): Promise<string[]> {
  if (taskIds.length === 0) return [];
  const rows = await reader
    .selectFrom('tasks')
    .select('batch_id')
    .distinct()
    .where('id', 'in', [...taskIds])
    .where('batch_id', 'is not', null)
    .execute();
  return rows.flatMap(({ batch_id: id }) => (id === null ? [] : [id]));
}

/** How many unfinished tasks each of these batches has in each lane. */
export async function openLanesOf(
  reader: Reader,
  batchIds: readonly string[],
): Promise<{ batchId: string; lane: string; providerModel: string; count: number }[]> {
  if (batchIds.length === 0) return [];
  const rows = await reader
    .selectFrom('tasks')
    .select((eb) => ['batch_id', 'lane', 'provider_model', eb.fn.countAll<number>().as('count')])
    .where('batch_id', 'in', [...batchIds])
    .where('status', 'in', ['queued', 'delayed', 'running'])
    .groupBy(['batch_id', 'lane', 'provider_model'])
    .execute();
  return rows.map((row) => ({
    batchId: row.batch_id ?? '',
    lane: row.lane,
    providerModel: row.provider_model,
    count: Number(row.count),
  }));
}

registerWrites(import.meta.url, { cancelBatchTasks });
