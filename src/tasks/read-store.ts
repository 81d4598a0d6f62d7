// Reads of tasks and their attempts, for callers, streams and the engine's tick.
import { sql } from 'kysely';
import { compileOnce, type Reader } from '../kernel/db.ts';
import type { Mode } from '../providers/provider.ts';
import { type AttemptRow, findIdempotencyKey, type StoredStatus, statusIs, type TaskRow } from './store.ts';

const selectTask = compileOnce<{ id: string }, TaskRow>((query, param) =>
  query.selectFrom('tasks').selectAll().where('id', '=', param('id')),
);

const selectAttempts = compileOnce<{ id: string }, AttemptRow>((query, param) =>
  query.selectFrom('attempts').selectAll().where('task_id', '=', param('id')).orderBy('n'),
);

/** Any account's task; callers compare `account_id` themselves. */
export async function findTask(reader: Reader, id: string): Promise<TaskRow | undefined> {
  return (await selectTask(reader, { id }))[0];
}

export async function findTasks(reader: Reader, ids: readonly string[]): Promise<TaskRow[]> {
  if (ids.length === 0) return [];
  const [only] = ids;
  if (ids.length === 1 && only !== undefined) return selectTask(reader, { id: only });
  return reader
    .selectFrom('tasks')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute();
}

/** The task that an idempotency key led to, if the key is known. */
export async function findByIdempotencyKey(
  reader: Reader,
  accountId: string,
  key: string,
): Promise<{ request_hash: string; task_id: string } | undefined> {
  return (await findIdempotencyKey(reader, { accountId, key }))[0];
}

export function listAttempts(reader: Reader, taskId: string): Promise<AttemptRow[]> {
  return selectAttempts(reader, { id: taskId });
}

export async function listAttemptsOf(reader: Reader, taskIds: readonly string[]): Promise<AttemptRow[]> {
  if (taskIds.length === 0) return [];
  return reader
    .selectFrom('attempts')
    .selectAll()
    .where('task_id', 'in', [...taskIds])
    .orderBy('task_id')
    .orderBy('n')
    .execute();
}

/** How far back a queue position is counted; beyond it the answer says null (1.4 ms at a depth of 18,000 otherwise). */
export const QUEUE_POSITION_LIMIT = 1000;

/** 1 for the next one; null when further back than is counted. */
export async function queuePosition(reader: Reader, task: TaskRow): Promise<number | null> {
  const ahead = reader
    .selectFrom('tasks')
    .select(sql.lit(1).as('one'))
    .where('lane', '=', task.lane)
    .where(statusIs.queued)
    .where((eb) =>
      eb.or([
        eb('priority', '>', task.priority),
        eb.and([eb('priority', '=', task.priority), eb('fair', '<', task.fair)]),
      ]),
    )
    .limit(QUEUE_POSITION_LIMIT);
  const row = await reader
    .selectFrom(ahead.as('ahead'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count) >= QUEUE_POSITION_LIMIT ? null : Number(row.count) + 1;
}

export interface TaskFilter {
  accountId: string;
  statuses?: readonly StoredStatus[];
  mode?: Mode;
  model?: string;
  provider?: string;
  /** The id of a style. */
  style?: string;
  /** The tasks of a batch; absent: those of none. */
  batchId?: string;
  text?: string;
  createdBefore?: number;
  createdAfter?: number;
  /** Only ids below this one: the cursor. */
  beforeId?: string;
  limit: number;
}

/** Newest first; ids are UUIDv7, so their order is the order of creation. */
export function listTasks(reader: Reader, filter: TaskFilter): Promise<TaskRow[]> {
  let query = reader.selectFrom('tasks').selectAll().where('account_id', '=', filter.accountId);
  query =
    filter.batchId === undefined
      ? query.where('batch_id', 'is', null)
      : query.where('batch_id', '=', filter.batchId);
  if (filter.statuses) query = query.where('status', 'in', [...filter.statuses]);
  if (filter.mode) query = query.where('mode', '=', filter.mode);
  if (filter.model) query = query.where('model', '=', filter.model);
  if (filter.provider) query = query.where('lane', '=', filter.provider);
  if (filter.style) query = query.where('style_id', '=', filter.style);
  if (filter.text) {
    const pattern = `%${filter.text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    query = query.where(sql<boolean>`lower(prompt) like ${pattern} escape '\\'`);
  }
  if (filter.createdBefore !== undefined) query = query.where('created_at', '<', filter.createdBefore);
  if (filter.createdAfter !== undefined) query = query.where('created_at', '>', filter.createdAfter);
  if (filter.beforeId) query = query.where('id', '<', filter.beforeId);
  return query.orderBy('id', 'desc').limit(filter.limit).execute();
}

/** How long the newest tasks ran that were finished with pictures since `since` (milliseconds), whoever made them. */
export function listFinishedRuns(
  reader: Reader,
  { since, limit }: { since: number; limit: number },
): Promise<Pick<TaskRow, 'lane' | 'provider_model' | 'started_at' | 'finished_at'>[]> {
  // By their pictures, whose ids begin with the time of the finish: the primary key finds the newest, however many tasks wait.
  const newest = reader
    .selectFrom('images')
    .select('task_id')
    .where('position', '=', 0)
    .orderBy('id', 'desc')
    .limit(limit);
  return reader
    .selectFrom(newest.as('newest'))
    .innerJoin('tasks', 'tasks.id', 'newest.task_id')
    .select(['tasks.lane', 'tasks.provider_model', 'tasks.started_at', 'tasks.finished_at'])
    .where('tasks.status', '=', 'succeeded')
    .where('tasks.finished_at', '>=', since)
    .where('tasks.started_at', 'is not', null)
    .execute();
}

/** How many unfinished tasks an account has, counted up to `atMost`: single ones, or items of batches. */
export async function countOpenTasks(
  reader: Reader,
  accountId: string,
  atMost: number,
  isBatched = false,
): Promise<number> {
  const open = reader
    .selectFrom('tasks')
    .select(sql.lit(1).as('one'))
    .where('account_id', '=', accountId)
    .where(statusIs.open)
    .where('batch_id', isBatched ? 'is not' : 'is', null)
    .limit(atMost);
  const row = await reader
    .selectFrom(open.as('open'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The newest equal task of a credential that a cut-off OpenAI-style call may be attached to. */
export async function findAttachable(
  reader: Reader,
  match: { accountId: string; credentialId: string; requestHash: string; createdAfter: number },
): Promise<TaskRow | undefined> {
  return reader
    .selectFrom('tasks')
    .selectAll()
    .where('account_id', '=', match.accountId)
    .where('request_hash', '=', match.requestHash)
    .where('created_at', '>', match.createdAfter)
    .where('credential_id', '=', match.credentialId)
    .where('answer_delivered_at', 'is', null)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Counts for status and metrics: tasks by lane and status, unfinished ones only. */
export async function countOpenByLane(
  reader: Reader,
): Promise<{ lane: string; status: StoredStatus; count: number }[]> {
  const rows = await reader
    .selectFrom('tasks')
    .select((eb) => ['lane', 'status', eb.fn.countAll<number>().as('count')])
    .where(statusIs.open)
    .groupBy(['lane', 'status'])
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** Owners of running tasks: the caller knows which of them are dead. */
export async function listOwners(reader: Reader): Promise<string[]> {
  const rows = await reader
    .selectFrom('tasks')
    .select('lease_owner')
    .distinct()
    .where(statusIs.running)
    .where('lease_owner', 'is not', null)
    .execute();
  return rows.flatMap((row) => (row.lease_owner === null ? [] : [row.lease_owner]));
}

/** Running tasks of a node. */
export async function listRunningOf(reader: Reader, owner: string): Promise<string[]> {
  const rows = await reader
    .selectFrom('tasks')
    .select('id')
    .where(statusIs.running)
    .where('lease_owner', '=', owner)
    .execute();
  return rows.map((row) => row.id);
}

/** Running tasks of a node whose cancel was asked for, perhaps through another node. */
export async function listCancelRequests(reader: Reader, owner: string): Promise<string[]> {
  const rows = await reader
    .selectFrom('tasks')
    .select('id')
    .where(statusIs.running)
    .where('lease_owner', '=', owner)
    .where('cancel_state', '=', 'requested')
    .execute();
  return rows.map((row) => row.id);
}

/** When the next delayed task is due and the next waiting one is late; null where there is none. */
export async function nextWakeTimes(
  reader: Reader,
): Promise<{ dueAt: number | null; deadlineAt: number | null }> {
  const row = await reader
    .selectNoFrom((eb) => [
      eb.selectFrom('tasks').select('due_at').where(statusIs.delayed).orderBy('due_at').limit(1).as('dueAt'),
      eb
        .selectFrom('tasks')
        .select('deadline_at')
        .where(statusIs.waiting)
        .orderBy('deadline_at')
        .limit(1)
        .as('deadlineAt'),
    ])
    .executeTakeFirstOrThrow();
  return { dueAt: row.dueAt ?? null, deadlineAt: row.deadlineAt ?? null };
}

/** Which of these tasks have ended; unknown ids are not in the answer. */
export async function areTasksEnded(reader: Reader, ids: readonly string[]): Promise<Map<string, boolean>> {
  const rows = await reader
    .selectFrom('tasks')
    .select(['id', 'finished_at'])
    .where('id', 'in', [...ids])
    .execute();
  return new Map(rows.map((row) => [row.id, row.finished_at !== null]));
}

/** Ready tasks by what they were sent to: the model that callers asked for, and who was to serve it. */
export async function listReadyRoutes(
  reader: Reader,
): Promise<{ lane: string; provider_model: string; model: string }[]> {
  return reader
    .selectFrom('tasks')
    .select(['lane', 'provider_model', 'model'])
    .distinct()
    .where(statusIs.queued)
    .execute();
}

/**
 * Ready tasks of one route in the order of their ids, after `afterId`: only those of which a provider never had a job, since
 * only they may go to another.
 */
export function listMovable(
  reader: Reader,
  route: { lane: string; provider_model: string; model: string },
  afterId: string,
  limit: number,
): Promise<Pick<TaskRow, 'id' | 'mode' | 'pictures' | 'params'>[]> {
  return reader
    .selectFrom('tasks')
    .select(['id', 'mode', 'pictures', 'params'])
    .where('lane', '=', route.lane)
    .where('provider_model', '=', route.provider_model)
    .where('model', '=', route.model)
    .where(statusIs.queued)
    .where('id', '>', afterId)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('attempts')
            .select('attempts.n')
            .whereRef('attempts.task_id', '=', 'tasks.id')
            .where('attempts.outcome', 'not in', ['not_sent', 'rejected']),
        ),
      ),
    )
    .orderBy('id')
    .limit(limit)
    .execute();
}
