// The deliveries' tables, and the row of each receiver ("target": an endpoint, or an origin that an account's tasks name). The
// target row is locked by whoever changes its deliveries, and says when the next one is due and how many are being sent, both
// counted anew from the deliveries at each change, so that they cannot drift.
import { sql } from 'kysely';
import { compileOnce, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import type { AttemptError } from './attempt.ts';

export const DELIVERY_STATUSES = ['pending', 'sending', 'delivered', 'dead'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];
export const DEAD_REASONS = [
  'attempts_exhausted',
  'gone',
  'endpoint_disabled',
  'endpoint_deleted',
  'task_missing',
] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];
/** Why a pending one is not even tried: its secret or headers cannot be decrypted. */
export const WAIT_REASONS = ['secret_unreadable'] as const;
export type WaitReason = (typeof WAIT_REASONS)[number];

/** `pending → sending → delivered | dead`, or back to `pending` for the next attempt; sending again starts at `pending`. */
interface DeliveriesTable {
  /** The `webhook-id` of its message. */
  id: string;
  account_id: string;
  /** Null for a task's own `webhook_url`. */
  endpoint_id: string | null;
  /** The task's own `webhook_url`; an endpoint's is read when it is sent to. */
  url: string | null;
  /** With `url`: where the task's maker reached this server, if that is known. */
  base_url: string | null;
  target: string;
  event_id: string;
  /** Of the message. */
  type: string;
  task_id: string | null;
  batch_id: string | null;
  story_id: string | null;
  page_id: string | null;
  occurred_at: number;
  status: DeliveryStatus;
  /** Why it is dead, or waits without being tried. */
  reason: DeadReason | WaitReason | null;
  /** The place in the schedule: how many waits of the present series are over. */
  step: number;
  attempts: number;
  next_at: number | null;
  lease_owner: string | null;
  lease_epoch: number;
  created_at: number;
  finished_at: number | null;
}

interface AttemptsTable {
  delivery_id: string;
  n: number;
  started_at: number;
  duration_ms: number | null;
  status_code: number | null;
  error: AttemptError | null;
  answer: string | null;
}

interface TargetsTable {
  target: string;
  next_due_at: number | null;
  sending: number;
  /** Failed attempts since the last success. */
  failures: number;
  /** When something was last taken for it: who was served longest ago comes first. */
  served_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    webhook_deliveries: DeliveriesTable;
    webhook_attempts: AttemptsTable;
    webhook_targets: TargetsTable;
    webhook_cursor: { id: number; change: number; event_id: string };
  }
}

export type DeliveryRow = DeliveriesTable;
export type AttemptRow = AttemptsTable;

/** As literal SQL, so that SQLite uses its partial indexes. */
export const statusIs = {
  pending: sql<boolean>`status = 'pending'`,
  sending: sql<boolean>`status = 'sending'`,
} as const;

/** The receiver of a task's own `webhook_url`: its origin, so that one slow server is one receiver. */
export function targetOfUrl(accountId: string, url: string): string {
  return `${accountId} ${new URL(url).origin}`;
}

/** Locks the receiver's row until the write ends. */
export async function lockTarget(trx: Trx, target: string): Promise<void> {
  const row = trx.selectFrom('webhook_targets').select('target').where('target', '=', target);
  await dialectOf(trx).lockRow(row).execute();
}

const recount = compileOnce<{ target: string }>((query, param) =>
  query
    .updateTable('webhook_targets')
    .set((eb) => ({
      next_due_at: eb
        .selectFrom('webhook_deliveries')
        .select('next_at')
        .where('target', '=', param('target'))
        .where(statusIs.pending)
        .orderBy('next_at')
        .limit(1),
      sending: eb
        .selectFrom('webhook_deliveries')
        .select((count) => count.fn.countAll<number>().as('count'))
        .where('target', '=', param('target'))
        .where(statusIs.sending),
    }))
    .where('target', '=', param('target')),
);

/** Brings a locked receiver's row up to date with its deliveries. */
export async function refreshTarget(trx: Trx, target: string): Promise<void> {
  await recount(trx, { target });
}

const noteDue = compileOnce<{ target: string; dueAt: number }>((query, param) =>
  query
    .insertInto('webhook_targets')
    .values({ target: param('target'), next_due_at: param('dueAt'), sending: 0, failures: 0, served_at: 0 })
    .onConflict((conflict) =>
      conflict.column('target').doUpdateSet({
        next_due_at: sql<number>`case when webhook_targets.next_due_at < excluded.next_due_at
          then webhook_targets.next_due_at else excluded.next_due_at end`,
      }),
    ),
);

/** Says that something is due for these receivers; call it after the deliveries were inserted. */
export async function noteDeliveriesDue(trx: Trx, targets: Iterable<string>, dueAt: number): Promise<void> {
  // In one order for everybody, so that two writes never wait for each other.
  for (const target of [...new Set(targets)].sort()) await noteDue(trx, { target, dueAt });
}

/** Gives up what waits for a receiver. What is being sent at this moment comes to its own end. */
export async function dropPendingOf(
  trx: Trx,
  { target, reason, now }: { target: string; reason: DeadReason; now: number },
): Promise<void> {
  await lockTarget(trx, target);
  await trx
    .updateTable('webhook_deliveries')
    .set({ status: 'dead', reason, next_at: null, finished_at: now })
    .where('target', '=', target)
    .where(statusIs.pending)
    .execute();
  await refreshTarget(trx, target);
}
