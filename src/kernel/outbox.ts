// The event outbox: one append-only row per change of an entity, written in the same transaction as the change, read in the order
// (change, id) by streams and webhooks. Invariant: a reader that goes on from its cursor misses nothing and sees nothing twice,
// whatever commits meanwhile; on PostgreSQL that holds because readers never look past the oldest running transaction.
import { sql } from 'kysely';
import { compileOnce, type Reader, registerWrites, type Trx } from './db.ts';
import { insertMany } from './db-bulk.ts';
import { currentChange, dialectOf } from './db-dialect.ts';
import { uuidV7Hex } from './id.ts';

export interface EventRow {
  /** The change number of the transaction that wrote it; see db-dialect.ts. */
  change: number;
  id: string;
  /** Whose event it is; null for the operator's. */
  account_id: string | null;
  topic: string;
  entity_id: string;
  type: string;
  /** The entity's version after the change. */
  version: number;
  /** Milliseconds. */
  created_at: number;
}

declare module './db.ts' {
  interface Tables {
    events: EventRow;
  }
}

/** A place in the stream: the last event that was seen. */
export interface EventCursor {
  change: number;
  id: string;
}

export interface NewEvent {
  accountId: string | null;
  topic: string;
  entityId: string;
  type: string;
  version: number;
  /** Milliseconds; the write's own time, from its input. */
  nowMs: number;
}

export interface EventQuery {
  /** Events after this one; null starts at the oldest that is kept. */
  after: EventCursor | null;
  accountId?: string;
  entityId?: string;
  topics?: readonly string[];
  limit: number;
}

/** Before the first event of all. */
export const START_CURSOR: EventCursor = { change: 0, id: `evt_${'0'.repeat(32)}` };
const CURSOR = /^(\d{1,16})-(evt_[0-9a-f]{32})$/;
const PRUNED_KEY = 'events_pruned';
/** UUIDv7's 12 bits after the version serve as a counter, so that one transaction's events sort in the order of writing. */
const COUNTER_LIMIT = 4_096;

let lastIdMs = 0;
let idCounter = 0;

/** A UUIDv7 event id larger than every one this thread made before, even when the clock stands still or goes back. */
function newEventId(nowMs: number): string {
  if (nowMs > lastIdMs) {
    lastIdMs = nowMs;
    idCounter = 0;
  } else if (++idCounter === COUNTER_LIMIT) {
    lastIdMs += 1;
    idCounter = 0;
  }
  const hex = uuidV7Hex(lastIdMs);
  return `evt_${hex.slice(0, 13)}${idCounter.toString(16).padStart(3, '0')}${hex.slice(16)}`;
}

const insertEvent = compileOnce<Omit<EventRow, 'change'>>((query, param) =>
  query.insertInto('events').values({
    change: currentChange(),
    id: param('id'),
    account_id: param('account_id'),
    topic: param('topic'),
    entity_id: param('entity_id'),
    type: param('type'),
    version: param('version'),
    created_at: param('created_at'),
  }),
);

/** Appends an event to the running write and returns its id; readers see it when the write is committed. */
export async function appendEvent(trx: Trx, event: NewEvent): Promise<string> {
  const row = newEventRow(event);
  await insertEvent(trx, row);
  return row.id;
}

/** As `appendEvent` for many, in their order. */
export async function appendEvents(trx: Trx, events: readonly NewEvent[]): Promise<void> {
  const computed = { change: currentChange() };
  await insertMany(trx, 'events', events.map(newEventRow), { insertOne: insertEvent, computed });
}

function newEventRow(event: NewEvent): Omit<EventRow, 'change'> {
  return {
    id: newEventId(event.nowMs),
    account_id: event.accountId,
    topic: event.topic,
    entity_id: event.entityId,
    type: event.type,
    version: event.version,
    created_at: event.nowMs,
  };
}

/** The next events in order, at most `limit`. An empty answer means that there is nothing new yet. */
export async function readEvents(
  reader: Reader,
  { after, accountId, entityId, topics, limit }: EventQuery,
): Promise<EventRow[]> {
  let query = reader
    .selectFrom('events')
    .selectAll()
    .where(dialectOf(reader).isSettled(sql.ref<number>('change')))
    .orderBy('change')
    .orderBy('id')
    .limit(limit);
  if (after) query = query.where(sql<boolean>`(change, id) > (${after.change}, ${after.id})`);
  if (accountId !== undefined) query = query.where('account_id', '=', accountId);
  if (entityId !== undefined) query = query.where('entity_id', '=', entityId);
  if (topics) query = query.where('topic', 'in', topics);
  return query.execute();
}

/** The newest event that readers may see, where a stream without a cursor starts; null when there is none. */
export async function latestCursor(reader: Reader): Promise<EventCursor | null> {
  const row = await reader
    .selectFrom('events')
    .select(['change', 'id'])
    .where(dialectOf(reader).isSettled(sql.ref<number>('change')))
    .orderBy('change', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** The oldest event that is kept; null when there is none. */
export async function oldestCursor(reader: Reader): Promise<EventCursor | null> {
  const row = await reader
    .selectFrom('events')
    .select(['change', 'id'])
    .orderBy('change')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return row ?? null;
}

/** Whether nothing after `cursor` was pruned; if not, the client must fetch a snapshot (`event: reset`). */
export async function canResume(reader: Reader, cursor: EventCursor): Promise<boolean> {
  const row = await reader
    .selectFrom('kernel_state')
    .select('value')
    .where('key', '=', PRUNED_KEY)
    .executeTakeFirst();
  return cursor.change >= (row?.value ?? 0);
}

/**
 * When the oldest event was written that readers may not see yet because an older transaction still runs, in milliseconds; null
 * when none waits. PostgreSQL only: one long write transaction anywhere in the cluster delays all events.
 */
export async function oldestWaitingEventMs(reader: Reader): Promise<number | null> {
  if (dialectOf(reader).name === 'sqlite') return null;
  const { rows } = await sql<{ oldest: number | null }>`
    select min(created_at) as oldest from events where change >= change_horizon()`.execute(reader);
  return rows[0]?.oldest ?? null;
}

/** Deletes the oldest events that were written before `beforeMs`, about `limit` of them; returns how many went. */
export async function pruneEvents(
  trx: Trx,
  { beforeMs, limit }: { beforeMs: number; limit: number },
): Promise<number> {
  const candidates = await trx
    .selectFrom('events')
    .select(['change', 'created_at'])
    .where(dialectOf(trx).isSettled(sql.ref<number>('change')))
    .orderBy('change')
    .orderBy('id')
    .limit(limit)
    .execute();
  const firstKept = candidates.findIndex((event) => event.created_at >= beforeMs);
  const kept = candidates[firstKept];
  // Whole changes only: a cursor between two events of one change must stay good.
  const through = firstKept === -1 ? candidates.at(-1)?.change : (kept as { change: number }).change - 1;
  if (through === undefined || firstKept === 0) return 0;
  const deleted = await trx.deleteFrom('events').where('change', '<=', through).executeTakeFirst();
  await sql`
    insert into kernel_state (key, value) values (${PRUNED_KEY}, ${through})
    on conflict (key) do update set value = excluded.value where excluded.value > kernel_state.value`.execute(
    trx,
  );
  return Number(deleted.numDeletedRows);
}

/** `change-id`, as SSE's `id:` and `Last-Event-ID` carry it. */
export function formatCursor({ change, id }: EventCursor): string {
  return `${change}-${id}`;
}

/** The cursor of a `Last-Event-ID`, or undefined when it is not one of ours. */
export function parseCursor(text: string): EventCursor | undefined {
  const match = CURSOR.exec(text);
  const change = Number(match?.[1]);
  const id = match?.[2];
  return id !== undefined && Number.isSafeInteger(change) ? { change, id } : undefined;
}

registerWrites(import.meta.url, { pruneEvents });
