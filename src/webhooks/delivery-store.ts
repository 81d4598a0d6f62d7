// The transactions on deliveries: claim a few per receiver, record what came of an attempt, take over from dead nodes, send
// again, forget. Every write of an attempt carries the epoch that its claim gave, so that a former owner changes nothing.
import { sql } from 'kysely';
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { TEST_EVENT } from './event-names.ts';
import { insertDeliveries, newDelivery } from './fan-out-store.ts';
import { LAST_STEP } from './schedule.ts';
import type { DisabledReason } from './store.ts';
import {
  type AttemptRow,
  type DeadReason,
  type DeliveryRow,
  type DeliveryStatus,
  dropPendingOf,
  lockTarget,
  noteDeliveriesDue,
  refreshTarget,
  statusIs,
  type WaitReason,
} from './target-store.ts';

/** Messages on the way to one receiver at once, over all nodes. */
export const MAX_SENDING_PER_TARGET = 2;
/** After so many failures in a row a receiver gets one message at a time, from a share of the places. */
export const FAILING_AFTER = 3;
/** An endpoint that has answered nothing right for so long, and has used up a message's whole schedule, is switched off. */
export const PAUSE_AFTER_MS = 5 * 24 * 3_600_000;
/** Attempts that a list shows of each delivery, the newest. */
const SHOWN_ATTEMPTS = 50;

const claimDue = compileOnce<{ id: string; owner: string }, DeliveryRow>((query, param) =>
  query
    .updateTable('webhook_deliveries')
    .set((eb) => ({
      status: 'sending',
      lease_owner: param('owner'),
      lease_epoch: eb('lease_epoch', '+', 1),
      next_at: null,
    }))
    .where('id', '=', param('id'))
    .where(statusIs.pending)
    .returningAll(),
);

export interface ClaimInput {
  owner: string;
  /** At most this many for receivers that work. */
  limit: number;
  /** At most this many, of the same places, for receivers that keep failing. */
  failingLimit: number;
  now: number;
}

export interface Claimed {
  delivery: DeliveryRow;
  /** Its receiver keeps failing. */
  isFailing: boolean;
}

/** Claims what is due, a few per receiver, those first that were served longest ago. */
export async function claimDeliveries(trx: Trx, input: ClaimInput): Promise<Claimed[]> {
  const working = await claimFrom(trx, input, 'working', input.limit);
  const left = Math.min(input.failingLimit, input.limit - working.length);
  const failing = await claimFrom(trx, input, 'failing', left);
  return [
    ...working.map((delivery) => ({ delivery, isFailing: false })),
    ...failing.map((delivery) => ({ delivery, isFailing: true })),
  ];
}

async function claimFrom(
  trx: Trx,
  { owner, now }: ClaimInput,
  kind: 'working' | 'failing',
  limit: number,
): Promise<DeliveryRow[]> {
  if (limit <= 0) return [];
  const most = kind === 'working' ? MAX_SENDING_PER_TARGET : 1;
  const targets = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('webhook_targets')
        .select(['target', 'sending'])
        .where('next_due_at', '<=', now)
        .where('sending', '<', most)
        .where('failures', kind === 'working' ? '<' : '>=', FAILING_AFTER)
        .orderBy('served_at')
        .orderBy('target')
        .limit(limit),
    )
    .execute();
  const claimed: DeliveryRow[] = [];
  for (const { target, sending } of targets) {
    const free = Math.min(most - sending, limit - claimed.length);
    if (free <= 0) break;
    const due = await trx
      .selectFrom('webhook_deliveries')
      .select('id')
      .where('target', '=', target)
      .where(statusIs.pending)
      .where('next_at', '<=', now)
      .orderBy('next_at')
      .orderBy('id')
      .limit(free)
      .execute();
    for (const { id } of due) claimed.push(...(await claimDue(trx, { id, owner })));
    await trx.updateTable('webhook_targets').set({ served_at: now }).where('target', '=', target).execute();
    await refreshTarget(trx, target);
  }
  return claimed;
}

export interface AttemptRecord {
  delivery: Pick<DeliveryRow, 'id' | 'target' | 'endpoint_id' | 'lease_epoch'>;
  /** Null when nothing was sent, since there was nobody to send it to or nothing to sign it with. */
  attempt: Omit<AttemptRow, 'delivery_id' | 'n'> | null;
  outcome: 'delivered' | 'retry' | 'dead';
  reason: DeadReason | WaitReason | null;
  /** For `retry`. */
  nextAt: number | null;
  now: number;
}

/** Whether the record counted, and whether the endpoint was switched off by it. */
export interface RecordedAttempt {
  isOwner: boolean;
  paused: DisabledReason | null;
}

/** Writes down an attempt and what follows from it, for the delivery, its receiver and its endpoint. */
export async function recordAttempt(trx: Trx, input: AttemptRecord): Promise<RecordedAttempt> {
  const { delivery, attempt, outcome, reason, nextAt, now } = input;
  await lockTarget(trx, delivery.target);
  const isOver = outcome !== 'retry';
  const row = await trx
    .updateTable('webhook_deliveries')
    .set((eb) => ({
      status: isOver ? outcome : ('pending' as const),
      reason,
      next_at: nextAt,
      finished_at: isOver ? now : null,
      lease_owner: null,
      ...(attempt ? { attempts: eb('attempts', '+', 1), step: eb('step', '+', 1) } : {}),
    }))
    .where('id', '=', delivery.id)
    .where('lease_epoch', '=', delivery.lease_epoch)
    .where(statusIs.sending)
    .returning(['attempts', 'type'])
    .executeTakeFirst();
  if (!row) return { isOwner: false, paused: null };
  let paused: DisabledReason | null = null;
  if (attempt) {
    await trx
      .insertInto('webhook_attempts')
      .values({ delivery_id: delivery.id, n: row.attempts, ...attempt })
      .execute();
    await trx
      .updateTable('webhook_targets')
      .set((eb) => ({ failures: outcome === 'delivered' ? 0 : eb('failures', '+', 1) }))
      .where('target', '=', delivery.target)
      .execute();
    if (delivery.endpoint_id !== null && row.type !== TEST_EVENT)
      paused = await judgeEndpoint(trx, delivery.endpoint_id, input);
  }
  await refreshTarget(trx, delivery.target);
  return { isOwner: true, paused };
}

/** Keeps since when an endpoint fails, and switches it off when it is gone or has failed for too long. */
async function judgeEndpoint(
  trx: Trx,
  id: string,
  { outcome, reason, now }: AttemptRecord,
): Promise<DisabledReason | null> {
  if (outcome === 'delivered') {
    await trx
      .updateTable('webhook_endpoints')
      .set({ failing_since: null })
      .where('id', '=', id)
      .where('failing_since', 'is not', null)
      .execute();
    return null;
  }
  const endpoint = await trx
    .updateTable('webhook_endpoints')
    .set({ failing_since: sql<number>`coalesce(failing_since, ${now})` })
    .where('id', '=', id)
    .where('enabled', '=', 1)
    .returning(['failing_since'])
    .executeTakeFirst();
  if (!endpoint || outcome !== 'dead') return null;
  const hasFailedForLong = now - (endpoint.failing_since ?? now) >= PAUSE_AFTER_MS;
  const why = reason === 'gone' ? 'gone' : hasFailedForLong ? 'failing' : null;
  if (why === null) return null;
  await trx
    .updateTable('webhook_endpoints')
    .set({ enabled: 0, disabled_reason: why, updated_at: now })
    .where('id', '=', id)
    .execute();
  await dropPendingOf(trx, { target: id, reason: 'endpoint_disabled', now });
  return why;
}

/** Nodes that hold deliveries: the caller knows which of them are dead. */
export async function listSenders(reader: Reader): Promise<string[]> {
  const rows = await reader
    .selectFrom('webhook_deliveries')
    .select('lease_owner')
    .distinct()
    .where(statusIs.sending)
    .execute();
  return rows.flatMap((row) => (row.lease_owner === null ? [] : [row.lease_owner]));
}

/**
 * Makes what these nodes were sending due again, with the same `webhook-id`: whether it had arrived, nobody knows. The attempt
 * is noted as interrupted and does not count against the schedule. Returns how many there were.
 */
export async function releaseDeliveries(
  trx: Trx,
  input: { owners: readonly string[]; now: number },
): Promise<number> {
  if (input.owners.length === 0) return 0;
  const held = await trx
    .selectFrom('webhook_deliveries')
    .select(['id', 'target', 'attempts', 'lease_epoch'])
    .where(statusIs.sending)
    .where('lease_owner', 'in', [...input.owners])
    .orderBy('target')
    .orderBy('id')
    .execute();
  for (const { id, target, attempts, lease_epoch } of held) {
    await lockTarget(trx, target);
    const released = await trx
      .updateTable('webhook_deliveries')
      .set((eb) => ({
        status: 'pending',
        next_at: input.now,
        lease_owner: null,
        lease_epoch: eb('lease_epoch', '+', 1),
        attempts: eb('attempts', '+', 1),
      }))
      .where('id', '=', id)
      .where('lease_epoch', '=', lease_epoch)
      .where(statusIs.sending)
      .executeTakeFirst();
    if (released.numUpdatedRows === 0n) continue;
    await trx
      .insertInto('webhook_attempts')
      .values({
        delivery_id: id,
        n: attempts + 1,
        started_at: input.now,
        duration_ms: null,
        status_code: null,
        error: 'interrupted',
        answer: null,
      })
      .execute();
    await refreshTarget(trx, target);
  }
  return held.length;
}

/** A test message to an endpoint, switched on or not; it is tried once. */
export async function insertTest(
  trx: Trx,
  input: { accountId: string; endpointId: string; now: number },
): Promise<DeliveryRow> {
  const { accountId, endpointId, now } = input;
  const row = newDelivery(
    {
      account_id: accountId,
      endpoint_id: endpointId,
      url: null,
      base_url: null,
      target: endpointId,
      event_id: null,
      type: TEST_EVENT,
      task_id: null,
      occurred_at: now,
      step: LAST_STEP,
    },
    now,
  );
  await insertDeliveries(trx, [row], now);
  return row;
}

/**
 * Sends a message again, now, with its own id and a fresh schedule. Undefined: there is none. Throws `conflict` while it is
 * being sent, and when its endpoint is switched off or removed.
 */
export async function redeliver(
  trx: Trx,
  input: { accountId: string; id: string; now: number },
): Promise<DeliveryRow | undefined> {
  const { accountId, id, now } = input;
  const before = await findDelivery(trx, accountId, id);
  if (!before) return undefined;
  if (before.endpoint_id !== null && before.type !== TEST_EVENT) {
    const endpoint = await trx
      .selectFrom('webhook_endpoints')
      .select('enabled')
      .where('id', '=', before.endpoint_id)
      .executeTakeFirst();
    if (endpoint?.enabled !== 1) {
      throw new AppError('conflict', {
        detail: 'The webhook of this delivery is switched off or removed.',
        fix: 'Switch the webhook on with PATCH {"enabled": true}, then send again.',
      });
    }
  }
  await lockTarget(trx, before.target);
  const row = await trx
    .updateTable('webhook_deliveries')
    .set({
      status: 'pending',
      reason: null,
      step: before.type === TEST_EVENT ? LAST_STEP : 0,
      next_at: now,
      finished_at: null,
    })
    .where('id', '=', id)
    .where('status', '<>', 'sending')
    .returningAll()
    .executeTakeFirst();
  if (!row)
    throw new AppError('conflict', { detail: 'This message is being sent at this moment.', retryAfterS: 15 });
  // The receiver's row may have been forgotten since.
  await noteDeliveriesDue(trx, [row.target], now);
  await refreshTarget(trx, row.target);
  return row;
}

export function findDelivery(
  reader: Reader,
  accountId: string,
  id: string,
): Promise<DeliveryRow | undefined> {
  return reader
    .selectFrom('webhook_deliveries')
    .selectAll()
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .executeTakeFirst();
}

export interface DeliveryFilter {
  accountId: string;
  endpointId?: string;
  taskId?: string;
  status?: DeliveryStatus;
  /** Only ids below this one: the cursor. */
  beforeId?: string;
  limit: number;
}

/** Newest first. */
export function listDeliveries(reader: Reader, filter: DeliveryFilter): Promise<DeliveryRow[]> {
  let query = reader.selectFrom('webhook_deliveries').selectAll().where('account_id', '=', filter.accountId);
  if (filter.endpointId !== undefined) query = query.where('endpoint_id', '=', filter.endpointId);
  if (filter.taskId !== undefined) query = query.where('task_id', '=', filter.taskId);
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  if (filter.beforeId !== undefined) query = query.where('id', '<', filter.beforeId);
  return query.orderBy('id', 'desc').limit(filter.limit).execute();
}

/** The newest attempts of each of these deliveries, in their order. */
export async function listAttempts(
  reader: Reader,
  deliveries: readonly Pick<DeliveryRow, 'id'>[],
): Promise<AttemptRow[]> {
  if (deliveries.length === 0) return [];
  return reader
    .selectFrom('webhook_attempts as a')
    .innerJoin('webhook_deliveries as d', 'd.id', 'a.delivery_id')
    .selectAll('a')
    .where(
      'a.delivery_id',
      'in',
      deliveries.map(({ id }) => id),
    )
    .where(sql<boolean>`a.n > d.attempts - ${SHOWN_ATTEMPTS}`)
    .orderBy('a.delivery_id')
    .orderBy('a.n')
    .execute();
}

/** When the next delivery is due whose receiver has room; null when none waits. */
export async function nextDueAt(reader: Reader): Promise<number | null> {
  const row = await reader
    .selectFrom('webhook_targets')
    .select('next_due_at')
    .where('next_due_at', 'is not', null)
    .where(
      sql<boolean>`sending < case when failures >= ${FAILING_AFTER} then 1 else ${MAX_SENDING_PER_TARGET} end`,
    )
    .orderBy('next_due_at')
    .limit(1)
    .executeTakeFirst();
  return row?.next_due_at ?? null;
}

/** What waits or is on its way, for metrics. */
export async function countOpenDeliveries(reader: Reader): Promise<{ pending: number; sending: number }> {
  const count = async (status: keyof typeof statusIs) => {
    const row = await reader
      .selectFrom('webhook_deliveries')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where(statusIs[status])
      .executeTakeFirstOrThrow();
    return Number(row.count);
  };
  return { pending: await count('pending'), sending: await count('sending') };
}

/** Forgets what ended before a time, and then receivers and removed endpoints without deliveries; returns how many ended ones. */
export async function pruneDeliveries(
  trx: Trx,
  input: { finishedBefore: number; limit: number },
): Promise<number> {
  const old = await dialectOf(trx)
    .forUpdateSkipLocked(
      trx
        .selectFrom('webhook_deliveries')
        .select('id')
        .where('finished_at', 'is not', null)
        .where('finished_at', '<', input.finishedBefore)
        .orderBy('finished_at')
        .limit(input.limit),
    )
    .execute();
  const ids = old.map(({ id }) => id);
  if (ids.length > 0) {
    await trx.deleteFrom('webhook_attempts').where('delivery_id', 'in', ids).execute();
    await trx.deleteFrom('webhook_deliveries').where('id', 'in', ids).execute();
    return ids.length;
  }
  await trx
    .deleteFrom('webhook_targets')
    .where('next_due_at', 'is', null)
    .where(
      sql<boolean>`not exists (select 1 from webhook_deliveries d where d.target = webhook_targets.target)`,
    )
    .execute();
  await trx
    .deleteFrom('webhook_endpoints')
    .where('deleted_at', '<', input.finishedBefore)
    .where(
      sql<boolean>`not exists (select 1 from webhook_deliveries d where d.endpoint_id = webhook_endpoints.id)`,
    )
    .execute();
  return 0;
}

registerWrites(import.meta.url, {
  claimDeliveries,
  recordAttempt,
  releaseDeliveries,
  insertTest,
  redeliver,
  pruneDeliveries,
});
