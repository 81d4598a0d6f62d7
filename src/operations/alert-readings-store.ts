// What alerts and metrics read of other slices' tables: how tasks ended lately, what waits longest, which files are damaged and
// which are on their way to another store. Read-only, on the slow reader.
import { sql } from 'kysely';
import type { Reader } from '../kernel/db.ts';

export interface Ended {
  lane: string;
  succeeded: number;
  failed: number;
  /** Its most frequent error codes. */
  codes: string[];
}

const MOST_CODES = 3;
const MOST_TARGETS = 20;

/**
 * Tasks that ended since `since`, by lane; only those made after `createdSince` are looked at, since ids are in the order of
 * time. What the caller has to answer for (a refused prompt, a wrong input, a cancelled task) is no failure of a provider.
 */
export async function countEnded(
  read: Reader,
  input: { since: number; createdSince: number; callersOwn: readonly string[] },
): Promise<Ended[]> {
  const { since, createdSince, callersOwn } = input;
  const rows = await read
    .selectFrom('tasks')
    .select(['lane', 'status', 'error'])
    .where('id', '>=', `task_${createdSince.toString(16).padStart(12, '0')}`)
    .where('finished_at', '>=', since)
    .where('status', 'in', ['succeeded', 'failed'])
    .execute();
  const lanes = new Map<string, Ended & { byCode: Map<string, number> }>();
  for (const { lane, status, error } of rows) {
    const code = status === 'failed' ? codeOf(error) : null;
    if (code !== null && callersOwn.includes(code)) continue;
    const ended = lanes.get(lane) ?? { lane, succeeded: 0, failed: 0, codes: [], byCode: new Map() };
    lanes.set(lane, ended);
    if (code === null) ended.succeeded += 1;
    else {
      ended.failed += 1;
      ended.byCode.set(code, (ended.byCode.get(code) ?? 0) + 1);
    }
  }
  return [...lanes.values()].map(({ byCode, ...ended }) => ({
    ...ended,
    codes: [...byCode.entries()]
      .sort((a, b) => b[1] - a[1])
      .slice(0, MOST_CODES)
      .map(([code]) => code),
  }));
}

function codeOf(error: string | null): string {
  try {
    const { code } = JSON.parse(error ?? '{}') as { code?: unknown };
    return typeof code === 'string' ? code : 'internal_error';
  } catch {
    return 'internal_error';
  }
}

/** The task that has waited longest for its turn, in each lane. */
export function findLongestWaiting(
  read: Reader,
): Promise<{ lane: string; id: string; created_at: number; waiting_reason: string | null }[]> {
  return read
    .selectFrom('tasks')
    .select(['lane', 'id', 'created_at', 'waiting_reason'])
    .where(
      'id',
      'in',
      read
        .selectFrom('tasks')
        .select(({ fn }) => fn.min('id').as('id'))
        .where(sql<boolean>`status in ('queued', 'delayed')`)
        .groupBy('lane'),
    )
    .execute();
}

/** Tasks that run past their deadline and `graceMs` more: nobody looks after them. */
export async function findOverdue(read: Reader, before: number, limit: number): Promise<string[]> {
  const rows = await read
    .selectFrom('tasks')
    .select('id')
    .where(sql<boolean>`status in ('queued', 'delayed', 'running')`)
    .where('deadline_at', '<', before)
    .orderBy('deadline_at')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** Files that are known to be missing or to have wrong bytes. */
export async function countDamaged(read: Reader): Promise<number> {
  const { count } = await read
    .selectFrom('files')
    .select(({ fn }) => fn.countAll<number | string>().as('count'))
    .where('damaged_at', 'is not', null)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Files on their way to another store, by the state of their move. */
export async function countMoves(
  read: Reader,
): Promise<{ from: string; to: string; state: string; count: number }[]> {
  const rows = await read
    .selectFrom('store_moves')
    .select(({ fn }) => [
      'from_store as from',
      'to_store as to',
      'state',
      fn.countAll<number | string>().as('count'),
    ])
    .where('ended_at', 'is', null)
    .groupBy(['from_store', 'to_store', 'state'])
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** Receivers (account and address, or endpoint) with webhook messages that were given up since `since`, with how many. */
export async function countDeadMessages(
  read: Reader,
  since: number,
): Promise<{ target: string; count: number }[]> {
  const rows = await read
    .selectFrom('webhook_deliveries')
    .select(({ fn }) => ['target', fn.countAll<number | string>().as('count')])
    .where('status', '=', 'dead')
    .where('created_at', '>=', since)
    .groupBy('target')
    .orderBy('target')
    .limit(MOST_TARGETS)
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

/** Addresses that webhook messages go to, those of endpoints that are on, each once. */
export async function listReceiverUrls(read: Reader, limit: number): Promise<string[]> {
  const rows = await read
    .selectFrom('webhook_endpoints')
    .select('url')
    .distinct()
    .where('enabled', '=', 1)
    .where('deleted_at', 'is', null)
    .orderBy('url')
    .limit(limit)
    .execute();
  return rows.map(({ url }) => url);
}
