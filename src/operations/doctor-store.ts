// The doctor's own queries, in pages and read-only. It is the one place that reads other slices' tables directly: an
// invariant spans slices, and asking each slice for its part would check the slices' words instead of the rows.
import { type RawBuilder, sql } from 'kysely';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';

/** Rows that one page looks at; the slow reader is shared. */
const PAGE = 2_000;
/** A check names this many rows. */
export const MOST_NAMED = 20;
/** How far apart the clocks of two nodes may be that wrote the times of one task. */
const CLOCKS_APART_MS = 2_000;

/** What a check over many rows found. */
export interface RowsReport {
  checked: number;
  broken: number;
  /** The first broken rows, each with what is wrong. */
  examples: string[];
}

interface TaskProblem {
  id: string;
  problem: string | null;
}

/** Goes over all tasks in pages; `problem` gives each its fault as SQL text, or null. */
async function scanTasks(read: Reader, problem: RawBuilder<string | null>, since = 0): Promise<RowsReport> {
  const report: RowsReport = { checked: 0, broken: 0, examples: [] };
  let after = '';
  for (;;) {
    const rows: TaskProblem[] = await read
      .selectFrom('tasks')
      .select(['id', problem.as('problem')])
      .where('id', '>', after)
      .where((expression) =>
        expression.or([expression('finished_at', 'is', null), expression('finished_at', '>=', since)]),
      )
      .orderBy('id')
      .limit(PAGE)
      .execute();
    for (const row of rows) {
      report.checked += 1;
      if (row.problem === null) continue;
      report.broken += 1;
      if (report.examples.length < MOST_NAMED) report.examples.push(`${row.id}: ${row.problem}`);
    }
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) return report;
    after = last.id;
  }
}

/** T2: an ended task has exactly one final event, as far back as events are kept; an unfinished one has none. */
export async function checkFinalEvents(read: Reader): Promise<RowsReport> {
  const since = await eventsCompleteSince(read);
  return scanTasks(
    read,
    sql<string | null>`case
      when finished_at is null and (select count(*) from events where entity_id = tasks.id and type = 'task.finished') > 0
        then 'it has a final event, but has not ended'
      when finished_at is not null and (select count(*) from events where entity_id = tasks.id and type = 'task.finished') <> 1
        then 'it has ' || (select count(*) from events where entity_id = tasks.id and type = 'task.finished') || ' final events'
      end`,
    since,
  );
}

/** The time from which on every event is kept; 0 when none was ever pruned. */
async function eventsCompleteSince(read: Reader): Promise<number> {
  const pruned = await read
    .selectFrom('kernel_state')
    .select('value')
    .where('key', '=', 'events_pruned')
    .executeTakeFirst();
  if (!pruned) return 0;
  const oldest = await read
    .selectFrom('events')
    .select('created_at')
    .orderBy('change')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return (oldest?.created_at ?? Number.MAX_SAFE_INTEGER - 1) + 1;
}

/** T3: what a status says and what the other columns say go together. */
export function checkStates(read: Reader): Promise<RowsReport> {
  return scanTasks(
    read,
    sql<string | null>`case
      when status in ('succeeded','failed','cancelled') and finished_at is null then 'it is ' || status || ' without an end'
      when status not in ('succeeded','failed','cancelled') and finished_at is not null then 'it is ' || status || ', but has an end'
      when status in ('succeeded','failed','cancelled') and (lease_owner is not null or phase is not null)
        then 'it is ' || status || ', but still owned or in a phase'
      when status = 'running' and (lease_owner is null or phase is null) then 'it is running without an owner or a phase'
      when status in ('queued','delayed') and (lease_owner is not null or phase is not null) then 'it is waiting, but owned or in a phase'
      when status = 'delayed' and due_at is null then 'it is delayed without a time'
      when status = 'succeeded' and error is not null then 'it succeeded with an error'
      when status in ('failed','cancelled') and error is null then 'it is ' || status || ' without an error'
      when finished_at < created_at - ${CLOCKS_APART_MS} or started_at < created_at - ${CLOCKS_APART_MS}
        then 'its times are out of order'
      when finished_at is not null and captured_micros + released_micros <> held_micros then 'its held credits are not settled'
      end`,
  );
}

/** T5: attempts are numbered without gaps up to the task's own count, and none is left open behind another or an end. */
export function checkAttempts(read: Reader): Promise<RowsReport> {
  return scanTasks(
    read,
    sql<string | null>`case
      when (select count(*) from attempts where task_id = tasks.id) <> attempt
        or coalesce((select max(n) from attempts where task_id = tasks.id), 0) <> attempt
        then 'it counts ' || attempt || ' attempts, but has ' || (select count(*) from attempts where task_id = tasks.id)
      when exists (select 1 from attempts where task_id = tasks.id and ended_at is null
        and (n < tasks.attempt or tasks.finished_at is not null)) then 'an attempt was never ended'
      when (select count(*) from attempts where task_id = tasks.id and outcome = 'succeeded') > 1 then 'two attempts succeeded'
      end`,
  );
}

/** T6: unfinished tasks whose deadline was over before `before`. */
export function checkDeadlines(read: Reader, before: number): Promise<RowsReport> {
  return scanTasks(
    read,
    sql<string | null>`case when finished_at is null and deadline_at < ${before}
      then 'it is ' || status || ' after its deadline' end`,
    Number.MAX_SAFE_INTEGER,
  );
}

/** M1: charged is what was stored and counted; pictures of longer ago may have been removed from the trash since. */
export function checkDelivery(read: Reader, since: number): Promise<RowsReport> {
  return scanTasks(
    read,
    sql<string | null>`case
      when finished_at is null then null
      when status = 'succeeded' and not exists (select 1 from images where task_id = tasks.id and extra = 0)
        then 'it succeeded without a picture'
      when captured_micros <> (select count(*) from images where task_id = tasks.id and captured = 1)
        * coalesce((select unit_micros from holds where id = tasks.hold_id), 0)
        then captured_micros || ' micro-credits were charged for '
          || (select count(*) from images where task_id = tasks.id and captured = 1) || ' charged pictures'
      end`,
    since,
  );
}

/** T7: keys whose task is missing or belongs to somebody else. */
export async function checkIdempotencyKeys(read: Reader): Promise<RowsReport> {
  const total = await count(
    read.selectFrom('idempotency_keys').select((e) => e.fn.countAll<number>().as('n')),
  );
  const broken = await read
    .selectFrom('idempotency_keys as k')
    .leftJoin('tasks as t', 't.id', 'k.task_id')
    .select(['k.task_id', 't.id as found'])
    .where((e) => e.or([e('t.id', 'is', null), e('t.account_id', '<>', e.ref('k.account_id'))]))
    .limit(PAGE)
    .execute();
  return {
    checked: total,
    broken: broken.length,
    examples: broken
      .slice(0, MOST_NAMED)
      .map(
        (row) => `${row.task_id}: ${row.found === null ? 'it does not exist' : 'it is of another account'}`,
      ),
  };
}

/**
 * T1: holds, pictures and attempts speak of tasks that do not exist. A hold may also be for a text of a story: it names the job
 * (`job_…`), which is removed with its story.
 */
export async function checkTasksExist(read: Reader): Promise<RowsReport> {
  const { rows } = await sql<{ task_id: string; named_by: string }>`
    select task_id, 'a hold' as named_by from holds
      where substr(task_id, 1, 4) <> 'job_' and not exists (select 1 from tasks where id = holds.task_id)
    union select task_id, 'a picture' from images where task_id is not null and not exists (select 1 from tasks where id = images.task_id)
    union select task_id, 'an attempt' from attempts where not exists (select 1 from tasks where id = attempts.task_id)
    limit ${PAGE}`.execute(read);
  const checked = await count(read.selectFrom('tasks').select((e) => e.fn.countAll<number>().as('n')));
  return {
    checked,
    broken: rows.length,
    examples: rows
      .slice(0, MOST_NAMED)
      .map((row) => `${row.task_id}: ${row.named_by} names it, but it does not exist`),
  };
}

/** L6 as a whole: both sums at one moment, in micro-credits. */
export async function heldSums(read: Reader): Promise<{ openHolds: number; unfinishedTasks: number }> {
  const { rows } = await sql<{ open_holds: number; unfinished_tasks: number }>`select
    (select cast(coalesce(sum(amount_micros), 0) as bigint) from holds where state = 'open') as open_holds,
    (select cast(coalesce(sum(held_micros), 0) as bigint) from tasks where finished_at is null) as unfinished_tasks`.execute(
    read,
  );
  return {
    openHolds: Number(rows[0]?.open_holds ?? 0),
    unfinishedTasks: Number(rows[0]?.unfinished_tasks ?? 0),
  };
}

/** Which of these tasks have ended; those that are missing do not exist. For the ledger's verification. */
export async function findEndedTasks(
  read: Reader,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, boolean>> {
  const ended = new Map<string, boolean>();
  for (let start = 0; start < taskIds.length; start += PAGE / 4) {
    const page = taskIds.slice(start, start + PAGE / 4);
    const rows = await read
      .selectFrom('tasks')
      .select(['id', 'finished_at'])
      .where('id', 'in', page)
      .execute();
    for (const { id, finished_at: finishedAt } of rows) ended.set(id, finishedAt !== null);
  }
  return ended;
}

/** The newest picture that can be seen; undefined when there is none. */
export function findNewestImage(read: Reader) {
  return read
    .selectFrom('images')
    .selectAll()
    .where('trashed_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

export async function countMissingThumbs(read: Reader): Promise<number> {
  return count(
    read
      .selectFrom('images')
      .select((e) => e.fn.countAll<number>().as('n'))
      .where('thumb_key', 'is', null)
      .where('trashed_at', 'is', null),
  );
}

/** When the newest event says it was written, in milliseconds; null when there is none. */
export async function newestEventMs(read: Reader): Promise<number | null> {
  const row = await read
    .selectFrom('events')
    .select('created_at')
    .orderBy('change', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.created_at ?? null;
}

/** Faults in the database's own structure; PostgreSQL checks its pages itself when it reads them. */
export async function checkStructure(read: Reader): Promise<string[]> {
  if (dialectOf(read).name === 'postgres') {
    await sql`select 1`.execute(read);
    return [];
  }
  const { rows } = await sql<{ quick_check: string }>`pragma quick_check(${sql.lit(MOST_NAMED)})`.execute(
    read,
  );
  const faults = rows.map((row) => row.quick_check).filter((text) => text !== 'ok');
  const { rows: dangling } = await sql<{ table: string; parent: string }>`pragma foreign_key_check`.execute(
    read,
  );
  return [
    ...faults,
    ...dangling.slice(0, MOST_NAMED).map((row) => `a row of ${row.table} refers to a missing ${row.parent}`),
  ];
}

/** Settings that decide whether a confirmed write survives a power failure, as `name value`, for those that are wrong. */
export async function readWeakSettings(trx: Trx, _input: null): Promise<string[]> {
  if (dialectOf(trx).name === 'sqlite') {
    const { rows: mode } = await sql<{ journal_mode: string }>`pragma journal_mode`.execute(trx);
    const { rows: level } = await sql<{ synchronous: number }>`pragma synchronous`.execute(trx);
    return [
      ...(mode[0]?.journal_mode === 'wal' ? [] : [`journal_mode ${mode[0]?.journal_mode}`]),
      ...((level[0]?.synchronous ?? 0) >= 2 ? [] : [`synchronous ${level[0]?.synchronous}`]),
    ];
  }
  const { rows } = await sql<{ name: string; setting: string }>`select name, setting from pg_settings
    where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting in ('off', 'local')`.execute(
    trx,
  );
  return rows.map(({ name, setting }) => `${name} ${setting}`);
}

registerWrites(import.meta.url, { readWeakSettings });

async function count(query: { executeTakeFirstOrThrow(): Promise<{ n: number }> }): Promise<number> {
  return Number((await query.executeTakeFirstOrThrow()).n);
}
