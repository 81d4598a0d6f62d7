// All queries of the batches slice, and the only writer of its table. A batch goes `running ⇄ paused → finished`, or `cancelling
// → finished`; a retry makes it `running` again. Its items are tasks: what they are is never written here a second time. The
// batch's row is locked by every action, so that a retry and the end of the batch never overlook each other.
import { sql } from 'kysely';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { appendEvent } from '../kernel/outbox.ts';
import {
  allowBatch,
  type BatchTasksInput,
  hasOpenTasks,
  insertBatchTasks,
  parkBatch,
  unparkBatch,
  vacatePlaces,
} from '../tasks/tasks.ts';
import type { BATCH_STATUSES, SOURCE_KINDS } from './contract.ts';

export type BatchStatus = (typeof BATCH_STATUSES)[number];

const TOPIC = 'batches';

export interface BatchRow {
  id: string;
  account_id: string;
  name: string;
  status: BatchStatus;
  source: (typeof SOURCE_KINDS)[number];
  items: number;
  pictures: number;
  skipped: number;
  budget_micros: number | null;
  file_pattern: string;
  /** `{url, baseUrl}` as JSON: who is told of the end; the webhooks slice reads it. */
  webhook: string | null;
  idempotency_key: string | null;
  request_hash: string;
  version: number;
  created_at: number;
  finished_at: number | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    batches: BatchRow;
  }
}

const isOpen = sql<boolean>`status <> 'finished'`;

export interface CreateBatchInput {
  batch: Omit<BatchRow, 'status' | 'version' | 'finished_at'>;
  isPaused: boolean;
  tasks: BatchTasksInput;
}

/**
 * Accepts a batch: itself, its tasks, their holds and one event, all or nothing. An earlier batch of the same key is returned
 * instead; throws `idempotency_mismatch` when that was another request, and what holding the credits throws.
 */
export async function createBatch(
  trx: Trx,
  input: CreateBatchInput,
): Promise<{ batch: BatchRow; created: 'new' | 'replayed' }> {
  const status = input.isPaused ? 'paused' : 'running';
  const batch: BatchRow = { ...input.batch, status, version: 1, finished_at: null };
  const inserted = await trx
    .insertInto('batches')
    .values(batch)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  if (!inserted) return { batch: await requireReplay(trx, input.batch), created: 'replayed' };
  const { id: batchId, created_at: now } = batch;
  await appendBatchEvent(trx, batch, 'batch.updated', now);
  await insertBatchTasks(trx, input.tasks);
  if (input.isPaused) await parkBatch(trx, { batchId, now });
  return { batch, created: 'new' };
}

async function requireReplay(
  trx: Trx,
  wanted: Pick<BatchRow, 'account_id' | 'idempotency_key' | 'request_hash'>,
): Promise<BatchRow> {
  const first = await findBatchByKey(trx, wanted.account_id, wanted.idempotency_key ?? '');
  if (!first) throw new AppError('idempotency_in_progress', { retryAfterS: 1 });
  requireSameRequest(first, wanted.request_hash);
  return first;
}

/** Throws `idempotency_mismatch`. */
export function requireSameRequest(first: BatchRow, hash: string): void {
  if (first.request_hash === hash) return;
  throw new AppError('idempotency_mismatch', {
    detail: 'This Idempotency-Key was used with another batch.',
  });
}

type BatchEvent = 'batch.updated' | 'batch.finished';

function appendBatchEvent(trx: Trx, batch: BatchRow, type: BatchEvent, nowMs: number): Promise<string> {
  const { account_id: accountId, id: entityId, version } = batch;
  return appendEvent(trx, { accountId, topic: TOPIC, entityId, type, version, nowMs });
}

/** The batch with its row locked. Throws `not_found`. */
async function lockBatch(trx: Trx, { batchId, accountId }: BatchAction): Promise<BatchRow> {
  const row = await dialectOf(trx)
    .lockRow(
      trx.selectFrom('batches').selectAll().where('id', '=', batchId).where('account_id', '=', accountId),
    )
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', { detail: 'There is no such batch.' });
  return row;
}

async function setStatus(
  trx: Trx,
  before: BatchRow,
  status: BatchStatus,
  { now, type = 'batch.updated' }: { now: number; type?: BatchEvent },
): Promise<BatchRow> {
  const batch = await trx
    .updateTable('batches')
    .set((eb) => ({
      status,
      version: eb('version', '+', 1),
      finished_at: status === 'finished' ? now : null,
    }))
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await appendBatchEvent(trx, batch, type, now);
  return batch;
}

export interface BatchAction {
  batchId: string;
  accountId: string;
}

/** Nothing more of it begins. Throws `not_found`, and `conflict` when it is over or being cancelled. */
export async function pauseBatch(trx: Trx, input: BatchAction & { now: number }): Promise<BatchRow> {
  const batch = await lockBatch(trx, input);
  if (batch.status === 'paused') return batch;
  if (batch.status !== 'running') throw isOver(batch);
  await parkBatch(trx, input);
  return setStatus(trx, batch, 'paused', input);
}

/** Goes on. Throws as `pauseBatch` does. */
export async function resumeBatch(trx: Trx, input: BatchAction & { now: number }): Promise<BatchRow> {
  const batch = await lockBatch(trx, input);
  if (batch.status === 'running') return batch;
  if (batch.status !== 'paused') throw isOver(batch);
  await unparkBatch(trx, input);
  return setStatus(trx, batch, 'running', input);
}

/** From now on nothing of it begins, and its tasks are cancelled in steps by whoever gets to it. Throws `not_found`. */
export async function beginCancel(trx: Trx, input: BatchAction & { now: number }): Promise<BatchRow> {
  const batch = await lockBatch(trx, input);
  if (batch.status === 'cancelling' || batch.status === 'finished') return batch;
  await parkBatch(trx, input);
  return setStatus(trx, batch, 'cancelling', input);
}

function isOver({ status }: BatchRow): AppError {
  const detail =
    status === 'finished' ? 'The batch is finished.' : 'The batch is being cancelled; wait for its end.';
  return new AppError('conflict', { detail });
}

/**
 * Tries failed and cancelled items again: each new task takes the place of its `retryOf`, if that is still there; others are
 * left out, so that two calls at once make one try. Throws `not_found`, `conflict` and what holding the credits throws.
 */
export async function retryItems(
  trx: Trx,
  input: BatchAction & { tasks: BatchTasksInput; now: number },
): Promise<{ batch: BatchRow; retried: number }> {
  const { batchId, now, tasks } = input;
  const batch = await lockBatch(trx, input);
  if (batch.status === 'cancelling') throw isOver(batch);
  const earlier = tasks.items.flatMap(({ retryOf }) => (retryOf === null ? [] : [retryOf]));
  const vacated = await vacatePlaces(trx, { batchId, taskIds: earlier });
  const items = tasks.items.filter(({ retryOf }) => retryOf !== null && vacated.has(retryOf));
  if (items.length === 0) return { batch, retried: 0 };
  if (batch.status === 'finished') await allowBatch(trx, { batchId });
  const changed = await setStatus(trx, batch, batch.status === 'paused' ? 'paused' : 'running', input);
  await insertBatchTasks(trx, { ...tasks, items });
  if (batch.status === 'paused') await parkBatch(trx, { batchId, now });
  return { batch: changed, retried: items.length };
}

/** Ends a batch of which nothing is open any more, with the one event that says so; null when it goes on or has ended. */
export async function finishBatch(
  trx: Trx,
  input: { batchId: string; now: number },
): Promise<BatchRow | null> {
  const { batchId, now } = input;
  const batch = await dialectOf(trx)
    .lockRow(trx.selectFrom('batches').selectAll().where('id', '=', batchId).where(isOpen))
    .executeTakeFirst();
  if (!batch || (await hasOpenTasks(trx, batchId))) return null;
  await allowBatch(trx, { batchId });
  return setStatus(trx, batch, 'finished', { now, type: 'batch.finished' });
}

// --- reads ------------------------------------------------------------------------------------------------------

export async function findBatch(
  reader: Reader,
  { batchId, accountId }: BatchAction,
): Promise<BatchRow | undefined> {
  return reader
    .selectFrom('batches')
    .selectAll()
    .where('id', '=', batchId)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
}

/** Any account's batch. */
export async function findBatchOfAnyone(reader: Reader, batchId: string): Promise<BatchRow | undefined> {
  return reader.selectFrom('batches').selectAll().where('id', '=', batchId).executeTakeFirst();
}

export async function findBatchByKey(
  reader: Reader,
  accountId: string,
  key: string,
): Promise<BatchRow | undefined> {
  return reader
    .selectFrom('batches')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('idempotency_key', '=', key)
    .executeTakeFirst();
}

/** Of these ids, or without them those that are not finished. */
export async function findBatches(
  reader: Reader,
  accountId: string,
  ids: readonly string[] | null,
  limit: number,
): Promise<BatchRow[]> {
  if (ids?.length === 0) return [];
  const query = reader.selectFrom('batches').selectAll().where('account_id', '=', accountId);
  const picked = ids === null ? query.where(isOpen) : query.where('id', 'in', [...ids]);
  return picked.orderBy('id', 'desc').limit(limit).execute();
}

/** Newest first. */
export function listBatches(
  reader: Reader,
  filter: { accountId: string; status?: BatchStatus; beforeId?: string; limit: number },
): Promise<BatchRow[]> {
  let query = reader.selectFrom('batches').selectAll().where('account_id', '=', filter.accountId);
  if (filter.status) query = query.where('status', '=', filter.status);
  if (filter.beforeId) query = query.where('id', '<', filter.beforeId);
  return query.orderBy('id', 'desc').limit(filter.limit).execute();
}

/** Batches of which nothing is open any more, but which are not finished yet. */
export async function listEnded(reader: Reader, limit: number): Promise<string[]> {
  const rows = await reader
    .selectFrom('batches')
    .select('id')
    .where(isOpen)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('tasks')
            .select('tasks.id')
            .whereRef('tasks.batch_id', '=', 'batches.id')
            .where('tasks.status', 'in', ['queued', 'delayed', 'running']),
        ),
      ),
    )
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Batches that are being cancelled. */
export async function listCancelling(reader: Reader, limit: number): Promise<string[]> {
  const rows = await reader
    .selectFrom('batches')
    .select('id')
    .where(isOpen)
    .where('status', '=', 'cancelling')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

registerWrites(import.meta.url, {
  createBatch,
  pauseBatch,
  resumeBatch,
  beginCancel,
  retryItems,
  finishBatch,
});
