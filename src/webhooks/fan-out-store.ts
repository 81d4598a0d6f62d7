// From events to deliveries, by a cursor in the database: the cursor and the deliveries of what it passes move in one write,
// so that no event is lost and none becomes two messages, whichever nodes do it and wherever they are stopped.
import { sql } from 'kysely';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { newId } from '../kernel/id.ts';
import { type EventCursor, type EventRow, readEvents } from '../kernel/outbox.ts';
import { BATCH_FINISHED, type FinalStatus, messageType, STORY_EVENTS } from './event-names.ts';
import { type DeliveryRow, noteDeliveriesDue, targetOfUrl } from './target-store.ts';

/** The type of the one event that says how a task ended. */
const FINAL_EVENT = 'task.finished';
/** Rows in one INSERT, far below both databases' limits on parameters. */
const INSERT_ROWS = 200;

export const isFinalEvent = ({ type }: Pick<EventRow, 'type'>): boolean =>
  type === FINAL_EVENT || type === BATCH_FINISHED || STORY_EVENTS.includes(type);

/** The last event whose deliveries are stored. */
export async function storedCursor(reader: Reader): Promise<EventCursor> {
  const row = await reader
    .selectFrom('webhook_cursor')
    .select(['change', 'event_id'])
    .where('id', '=', 1)
    .executeTakeFirstOrThrow();
  return { change: row.change, id: row.event_id };
}

export interface FanOutInput {
  /** Where the caller saw the stored cursor. */
  from: EventCursor;
  /** Up to here from there, the caller has seen nothing that anybody is told of. */
  skipTo: EventCursor;
  limit: number;
  now: number;
}

export interface FanOutResult {
  cursor: EventCursor;
  deliveries: number;
  /** There may be more events to read. */
  isMore: boolean;
}

const isSame = (a: EventCursor, b: EventCursor) => a.change === b.change && a.id === b.id;

/** Stores the deliveries of the next events and moves the cursor past them. */
export async function fanOut(trx: Trx, input: FanOutInput): Promise<FanOutResult> {
  const stored = await dialectOf(trx)
    .lockRow(trx.selectFrom('webhook_cursor').select(['change', 'event_id']).where('id', '=', 1))
    .executeTakeFirstOrThrow();
  const place = { change: stored.change, id: stored.event_id };
  const after = isSame(place, input.from) ? input.skipTo : place;
  const events = await readEvents(trx, { after, limit: input.limit });
  const last = events.at(-1);
  const cursor = last ? { change: last.change, id: last.id } : after;
  const ofType = (type: string) => events.filter((event) => event.type === type);
  const deliveries = [
    ...(await planDeliveries(trx, ofType(FINAL_EVENT), input.now)),
    ...(await planBatchDeliveries(trx, ofType(BATCH_FINISHED), input.now)),
    ...(await planStoryDeliveries(trx, STORY_EVENTS.flatMap(ofType), input.now)),
  ];
  await insertDeliveries(trx, deliveries, input.now);
  if (!isSame(cursor, place)) {
    await trx
      .updateTable('webhook_cursor')
      .set({ change: cursor.change, event_id: cursor.id })
      .where('id', '=', 1)
      .execute();
  }
  return { cursor, deliveries: deliveries.length, isMore: events.length === input.limit };
}

async function planDeliveries(trx: Trx, events: readonly EventRow[], now: number): Promise<DeliveryRow[]> {
  if (events.length === 0) return [];
  const tasks = await trx
    .selectFrom('tasks')
    .select(['id', 'account_id', 'status', 'params', 'finished_at'])
    .where('id', 'in', [...new Set(events.map((event) => event.entity_id))])
    .where('finished_at', 'is not', null)
    .execute();
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const endpoints = await openEndpoints(
    trx,
    tasks.map((task) => task.account_id),
  );
  return events.flatMap((event) => {
    const task = byId.get(event.entity_id);
    if (!task) return [];
    const status = task.status as FinalStatus;
    const base = {
      account_id: task.account_id,
      event_id: event.id,
      task_id: task.id,
      occurred_at: task.finished_at ?? event.created_at,
    };
    const own = ownWebhookOf(task.params);
    return [
      ...endpoints
        .filter((endpoint) => endpoint.account_id === task.account_id)
        .flatMap((endpoint) => {
          const type = messageType(JSON.parse(endpoint.events) as string[], status);
          return type === null
            ? []
            : [
                newDelivery(
                  { ...base, type, endpoint_id: endpoint.id, url: null, base_url: null, target: endpoint.id },
                  now,
                ),
              ];
        }),
      ...(own === undefined
        ? []
        : [
            newDelivery(
              {
                ...base,
                type: `task.${status}`,
                endpoint_id: null,
                url: own.url,
                base_url: own.baseUrl,
                target: targetOfUrl(task.account_id, own.url),
              },
              now,
            ),
          ]),
    ];
  });
}

/** Who may be told of what happens in these accounts. */
function openEndpoints(trx: Trx, accountIds: readonly string[]) {
  return trx
    .selectFrom('webhook_endpoints')
    .select(['id', 'account_id', 'events'])
    .where('account_id', 'in', [...new Set(accountIds), ''])
    .where('enabled', '=', 1)
    .where('deleted_at', 'is', null)
    .execute();
}

/** The end of a batch: to every endpoint that asked for it, and to the address that its maker named. */
async function planBatchDeliveries(
  trx: Trx,
  events: readonly EventRow[],
  now: number,
): Promise<DeliveryRow[]> {
  if (events.length === 0) return [];
  const batches = await trx
    .selectFrom('batches')
    .select(['id', 'account_id', 'webhook'])
    .where('id', 'in', [...new Set(events.map((event) => event.entity_id))])
    .execute();
  const byId = new Map(batches.map((batch) => [batch.id, batch]));
  const endpoints = await openEndpoints(
    trx,
    batches.map((batch) => batch.account_id),
  );
  return events.flatMap((event) => {
    const batch = byId.get(event.entity_id);
    if (!batch) return [];
    const base = {
      account_id: batch.account_id,
      event_id: event.id,
      task_id: null,
      batch_id: batch.id,
      type: BATCH_FINISHED,
      occurred_at: event.created_at,
    };
    const told = endpoints.filter(
      ({ account_id: owner, events: names }) =>
        owner === batch.account_id &&
        (JSON.parse(names) as string[]).some((name) => name === '*' || name === BATCH_FINISHED),
    );
    const own =
      batch.webhook === null ? null : (JSON.parse(batch.webhook) as { url: string; baseUrl: string });
    return [
      ...told.map(({ id }) =>
        newDelivery({ ...base, endpoint_id: id, url: null, base_url: null, target: id }, now),
      ),
      ...(own === null
        ? []
        : [
            newDelivery(
              {
                ...base,
                endpoint_id: null,
                url: own.url,
                base_url: own.baseUrl,
                target: targetOfUrl(batch.account_id, own.url),
              },
              now,
            ),
          ]),
    ];
  });
}

/** Steps of stories: to every endpoint that asked for them. */
async function planStoryDeliveries(
  trx: Trx,
  events: readonly EventRow[],
  now: number,
): Promise<DeliveryRow[]> {
  if (events.length === 0) return [];
  const jobs = await trx
    .selectFrom('story_jobs')
    .select(['id', 'account_id', 'story_id', 'page_id'])
    .where('id', 'in', [...new Set(events.map((event) => event.entity_id))])
    .execute();
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const endpoints = await openEndpoints(
    trx,
    jobs.map((job) => job.account_id),
  );
  return events.flatMap((event) => {
    const job = byId.get(event.entity_id);
    if (!job) return [];
    const { account_id, story_id, page_id } = job;
    const about = { task_id: null, story_id, page_id, type: event.type, occurred_at: event.created_at };
    return endpoints
      .filter(
        ({ account_id: owner, events: names }) =>
          owner === account_id &&
          (JSON.parse(names) as string[]).some((name) => name === '*' || name === event.type),
      )
      .map(({ id }) => {
        const to = { endpoint_id: id, url: null, base_url: null, target: id };
        return newDelivery({ ...about, ...to, account_id, event_id: event.id }, now);
      });
  });
}

/** What the task's maker asked for beyond the account's webhooks. */
function ownWebhookOf(params: string): { url: string; baseUrl: string | null } | undefined {
  return (JSON.parse(params) as { webhook?: { url: string; baseUrl: string | null } }).webhook;
}

type NewDelivery = Pick<
  DeliveryRow,
  'account_id' | 'endpoint_id' | 'url' | 'base_url' | 'target' | 'type' | 'task_id' | 'occurred_at'
> & {
  event_id: string | null;
  batch_id?: string | null;
  story_id?: string | null;
  page_id?: string | null;
  step?: number;
};

/** A delivery that is due now; a test has no event and is its own. */
export function newDelivery(
  { step = 0, event_id, batch_id = null, story_id = null, page_id = null, ...what }: NewDelivery,
  now: number,
): DeliveryRow {
  const id = newId('msg', now);
  return {
    ...what,
    id,
    event_id: event_id ?? id,
    batch_id,
    story_id,
    page_id,
    step,
    status: 'pending',
    reason: null,
    attempts: 0,
    next_at: now,
    lease_owner: null,
    lease_epoch: 0,
    created_at: now,
    finished_at: null,
  };
}

export async function insertDeliveries(trx: Trx, rows: readonly DeliveryRow[], now: number): Promise<void> {
  for (let start = 0; start < rows.length; start += INSERT_ROWS) {
    await trx
      .insertInto('webhook_deliveries')
      .values(rows.slice(start, start + INSERT_ROWS))
      .onConflict((conflict) => conflict.columns(['event_id', 'target']).doNothing())
      .execute();
  }
  await noteDeliveriesDue(
    trx,
    rows.map((row) => row.target),
    now,
  );
}

/** What a check over many rows found. */
export interface DeliveryReport {
  checked: number;
  broken: number;
  /** The first broken rows, each with what is wrong. */
  examples: string[];
}

/** An endpoint that was changed so shortly before an event may or may not have been told. */
const CHECK_SLACK_MS = 60_000;
const MOST_NAMED = 20;

/**
 * N1: every final event that the cursor has passed has a delivery for each endpoint that asked for it, and for its task's own
 * `webhook_url`, as far back as events are kept.
 */
export async function checkDeliveriesExist(reader: Reader): Promise<DeliveryReport> {
  const passed = sql<boolean>`(e.change, e.id) <= (select change, event_id from webhook_cursor where id = 1)`;
  const { rows } = await sql<{ id: string; target: string; is_missing: number }>`
    select e.id, w.id as target,
      case when exists (select 1 from webhook_deliveries d where d.event_id = e.id and d.target = w.id)
        then 0 else 1 end as is_missing
    from events e join tasks t on t.id = e.entity_id
      join webhook_endpoints w on w.account_id = e.account_id
    where e.type = 'task.finished' and ${passed} and w.enabled = 1 and w.deleted_at is null
      and e.created_at > w.active_since + ${CHECK_SLACK_MS}
      and (w.events like '%"*"%' or w.events like '%"task.finished"%' or w.events like '%"task.' || t.status || '"%')
    union all
    select e.id, 'its own webhook_url' as target,
      case when exists (select 1 from webhook_deliveries d where d.event_id = e.id and d.endpoint_id is null)
        then 0 else 1 end as is_missing
    from events e join tasks t on t.id = e.entity_id
    where e.type = 'task.finished' and ${passed} and t.params like '%"webhook":{"url":"%'
    union all
    select e.id, w.id as target,
      case when exists (select 1 from webhook_deliveries d where d.event_id = e.id and d.target = w.id)
        then 0 else 1 end as is_missing
    from events e join webhook_endpoints w on w.account_id = e.account_id
    where e.type = 'batch.finished' and ${passed} and w.enabled = 1 and w.deleted_at is null
      and e.created_at > w.active_since + ${CHECK_SLACK_MS}
      and (w.events like '%"*"%' or w.events like '%"batch.finished"%')
    union all
    select e.id, 'its own webhook_url' as target,
      case when exists (select 1 from webhook_deliveries d where d.event_id = e.id and d.endpoint_id is null)
        then 0 else 1 end as is_missing
    from events e join batches b on b.id = e.entity_id
    where e.type = 'batch.finished' and ${passed} and b.webhook is not null
    union all
    select e.id, w.id as target,
      case when exists (select 1 from webhook_deliveries d where d.event_id = e.id and d.target = w.id)
        then 0 else 1 end as is_missing
    from events e join story_jobs j on j.id = e.entity_id
      join webhook_endpoints w on w.account_id = e.account_id
    where e.type in ('story.page_ready', 'story.failed') and ${passed} and w.enabled = 1
      and w.deleted_at is null and e.created_at > w.active_since + ${CHECK_SLACK_MS}
      and (w.events like '%"*"%' or w.events like '%"' || e.type || '"%')`.execute(reader);
  const broken = rows.filter((row) => Number(row.is_missing) === 1);
  return {
    checked: rows.length,
    broken: broken.length,
    examples: broken.slice(0, MOST_NAMED).map(({ id, target }) => `${id}: no delivery to ${target}`),
  };
}

registerWrites(import.meta.url, { fanOut });
