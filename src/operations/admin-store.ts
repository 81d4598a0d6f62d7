// The queries behind the admin rooms, read-only and across slices: figures, the tasks of all accounts and heartbeats. Each is
// answered by an index or looks at a bounded number of rows, so that a million tasks cost what a thousand do.
import { type RawBuilder, sql } from 'kysely';
import type { Reader } from '../kernel/db.ts';
import type { TaskRow } from '../tasks/tasks.ts';

/** Tasks that one page of a search looks at. */
export const SCANNED_TASKS = 8_000;
/** Finished tasks that a latency is taken of. */
const LATENCY_SAMPLE = 5_000;
/** Overdue tasks are counted up to here. */
const MOST_OVERDUE = 10_000;
const MOST_NAMED_ACCOUNTS = 20;
const HOUR_MS = 3_600_000;

// Spelled out, as the partial indexes are: with bound parameters SQLite would not use them.
const isOpen = sql<boolean>`tasks.status in ('queued', 'delayed', 'running')`;
const isFailed = sql<boolean>`tasks.status = 'failed'`;

export interface AdminTaskFilter {
  statuses?: readonly string[] | undefined;
  /** Only unfinished tasks whose deadline was before this time. */
  overdueAt?: number | undefined;
  provider?: string | undefined;
  model?: string | undefined;
  accountId?: string | undefined;
  errorCode?: string | undefined;
  /** Finished since; for unfinished ones, made since. */
  since?: number | undefined;
  /** The smallest id that can have been finished since then. */
  fromId?: string | undefined;
  text?: string | undefined;
  /** Accounts that the text names. */
  namedAccounts?: readonly string[] | undefined;
  beforeId?: string | undefined;
  limit: number;
}

export type AdminTaskRow = Pick<
  TaskRow,
  | 'id'
  | 'account_id'
  | 'status'
  | 'phase'
  | 'progress'
  | 'deadline_at'
  | 'mode'
  | 'model'
  | 'lane'
  | 'prompt'
  | 'pictures'
  | 'attempt'
  | 'error'
  | 'captured_micros'
  | 'created_at'
  | 'started_at'
  | 'finished_at'
>;

/** The tasks that one page may look at, newest first: what an index answers. */
function candidates(read: Reader, filter: AdminTaskFilter) {
  const { statuses, overdueAt, accountId, beforeId, fromId } = filter;
  const only = (wanted: readonly string[]) =>
    statuses !== undefined && statuses.length > 0 && statuses.every((status) => wanted.includes(status));
  let query = read.selectFrom('tasks');
  if (overdueAt !== undefined || only(['queued', 'delayed', 'running'])) query = query.where(isOpen);
  else if (only(['failed'])) query = query.where(isFailed);
  if (accountId) query = query.where('account_id', '=', accountId);
  if (beforeId) query = query.where('id', '<', beforeId);
  if (fromId) query = query.where('id', '>=', fromId);
  return query.orderBy('id', 'desc');
}

const escaped = (text: string) => text.replace(/[\\%_]/g, '\\$&');
const hasCode = (code: string): RawBuilder<boolean> =>
  sql<boolean>`error like ${`{"code":"${escaped(code)}"%`} escape '\\'`;

/** Tasks that fit, newest first, out of the next SCANNED_TASKS. */
export function listAdminTasks(read: Reader, filter: AdminTaskFilter): Promise<AdminTaskRow[]> {
  const { statuses, overdueAt, provider, model, errorCode, since, text, namedAccounts } = filter;
  const near = candidates(read, filter).limit(SCANNED_TASKS);
  const columns = near.select([
    'id',
    'account_id',
    'status',
    'phase',
    'progress',
    'deadline_at',
    'mode',
    'model',
    'lane',
    'prompt',
    'pictures',
    'attempt',
    'error',
    'captured_micros',
    'created_at',
    'started_at',
    'finished_at',
  ]);
  let query = read.selectFrom(columns.as('near')).selectAll();
  if (statuses) query = query.where('status', 'in', statuses as AdminTaskRow['status'][]);
  if (overdueAt !== undefined) query = query.where('deadline_at', '<', overdueAt);
  if (provider) query = query.where('lane', '=', provider);
  if (model) query = query.where('model', '=', model);
  if (errorCode) query = query.where(hasCode(errorCode));
  if (since !== undefined)
    query = query.where((eb) =>
      eb.or([
        eb('finished_at', '>=', since),
        eb.and([eb('finished_at', 'is', null), eb('created_at', '>=', since)]),
      ]),
    );
  if (text) {
    const pattern = `%${escaped(text.toLowerCase())}%`;
    query = query.where((eb) =>
      eb.or([
        sql<boolean>`lower(prompt) like ${pattern} escape '\\'`,
        hasCode(text),
        ...(namedAccounts && namedAccounts.length > 0 ? [eb('account_id', 'in', [...namedAccounts])] : []),
      ]),
    );
  }
  return query.orderBy('id', 'desc').limit(filter.limit).execute();
}

/** The last task that a page looked at, where there are more behind it. */
export async function lastScanned(read: Reader, filter: AdminTaskFilter): Promise<string | null> {
  const row = await candidates(read, filter)
    .select('id')
    .offset(SCANNED_TASKS - 1)
    .limit(1)
    .executeTakeFirst();
  return row?.id ?? null;
}

/** Tasks whose id begins with `prefix`, newest first. */
export function listTasksByIdStart(read: Reader, prefix: string, limit: number): Promise<AdminTaskRow[]> {
  return read
    .selectFrom('tasks')
    .selectAll()
    .where('id', '>=', prefix)
    .where('id', '<', `${prefix}g`)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

/** Accounts that a text names, by their own name or that of a person in them. */
export async function findNamedAccounts(read: Reader, text: string): Promise<string[]> {
  const pattern = `%${escaped(text.toLowerCase())}%`;
  const like = (column: RawBuilder<unknown>) => sql<boolean>`lower(${column}) like ${pattern} escape '\\'`;
  const [accounts, people] = await Promise.all([
    read
      .selectFrom('accounts')
      .select('id')
      .where(like(sql.ref('name')))
      .limit(MOST_NAMED_ACCOUNTS)
      .execute(),
    read
      .selectFrom('users')
      .select('account_id as id')
      .where((eb) => eb.or([like(sql.ref('name')), like(sql.ref('username')), like(sql.ref('email'))]))
      .limit(MOST_NAMED_ACCOUNTS)
      .execute(),
  ]);
  return [...new Set([...accounts, ...people].map(({ id }) => id))];
}

/** The names of accounts by their ids. */
export async function nameAccounts(read: Reader, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await read
    .selectFrom('accounts')
    .select(['id', 'name'])
    .where('id', 'in', [...new Set(ids)])
    .execute();
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** When the task that waits longest was made. */
export async function oldestWaiting(read: Reader): Promise<number | null> {
  const row = await read
    .selectFrom('tasks')
    .select('created_at')
    .where(isOpen)
    .where('status', 'in', ['queued', 'delayed'])
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return row?.created_at ?? null;
}

/** Unfinished tasks past their deadline, counted up to MOST_OVERDUE. */
export async function countOverdue(read: Reader, now: number): Promise<number> {
  const late = read
    .selectFrom('tasks')
    .select('id')
    .where(isOpen)
    .where('deadline_at', '<', now)
    .limit(MOST_OVERDUE);
  const row = await read
    .selectFrom(late.as('late'))
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export interface FinishedCount {
  /** Number of the hour, or of the segment, since 1970. */
  slot: number;
  lane: string;
  status: TaskRow['status'];
  count: number;
  capturedMicros: number;
}

/** Tasks finished since `since`, by slots of `slotMs` of the clock, provider and end. */
export async function countFinished(
  read: Reader,
  { since, slotMs }: { since: number; slotMs: number },
): Promise<FinishedCount[]> {
  const length = sql.lit(slotMs);
  const rows = await read
    .selectFrom('tasks')
    .select((eb) => [
      sql<number>`finished_at / ${length}`.as('slot'),
      'lane',
      'status',
      eb.fn.countAll<number>().as('count'),
      eb.fn.sum<number>('captured_micros').as('micros'),
    ])
    .where('finished_at', 'is not', null)
    .where('finished_at', '>=', since)
    .groupBy([sql`finished_at / ${length}`, 'lane', 'status'])
    .execute();
  return rows.map(({ slot, lane, status, count, micros }) => ({
    slot: Number(slot),
    lane,
    status,
    count: Number(count),
    capturedMicros: Number(micros),
  }));
}

/** How long the newest pictures of the last hour took, in milliseconds, ascending. */
export async function listLatencies(read: Reader, now: number): Promise<number[]> {
  const rows = await read
    .selectFrom('tasks')
    .select(['created_at', 'finished_at'])
    .where('finished_at', 'is not', null)
    .where('finished_at', '>=', now - HOUR_MS)
    .where('status', '=', 'succeeded')
    .orderBy('finished_at', 'desc')
    .limit(LATENCY_SAMPLE)
    .execute();
  return rows.map((row) => (row.finished_at ?? 0) - row.created_at).sort((one, other) => one - other);
}
