// Sends what is due: claims deliveries up to this node's places, makes one attempt for each, writes down what came of it. A
// slow receiver holds at most its own few places, and receivers that keep failing at most half of all. What a dead node was
// sending is taken over; a stop gives back what was not over, to be sent again under the same id.
import { type Clock, sleep, type Timer } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import type { Db } from '../kernel/db.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { type AttemptResult, attemptDelivery, type Parcel } from './attempt.ts';
import {
  type AttemptRecord,
  type Claimed,
  claimDeliveries,
  listSenders,
  nextDueAt,
  pruneDeliveries,
  recordAttempt,
  releaseDeliveries,
} from './delivery-store.ts';
import { judge } from './schedule.ts';
import { type DeadReason, type DeliveryRow, WAIT_REASONS, type WaitReason } from './target-store.ts';
import { WakeLoop } from './wake-loop.ts';

/** Says to all nodes that deliveries may be due. */
export const DELIVERIES_CHANNEL = 'webhooks';
/** Messages that one node sends at once. */
export const MAX_SENDING = 64;
/** Of these, for receivers that keep failing. */
export const MAX_SENDING_TO_FAILING = 32;
const POLL_MS = 2_000;
const TAKEOVER_MS = 5_000;
/** What a stop waits for: most receivers answer within it. */
const DRAIN_MS = 3_000;
/** Between two tries to write down what came of an attempt. */
const RECORD_RETRY_MS = 1_000;
/** A message that cannot be signed here is looked at again, here or on a node that can. */
export const UNREADABLE_WAIT_MS = 60_000;
const PRUNE_MS = 3_600_000;
/** Deliveries that have ended are kept for this long. */
export const DELIVERIES_KEEP_MS = 30 * 24 * 3_600_000;
const PRUNE_BATCH = 500;
const MOST_PRUNE_WRITES = 1_000;

export interface SenderOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  node: NodeLease;
  outbound: () => Promise<Outbound>;
  /** What to send, or why there is nobody to send it to, or why it must wait. */
  prepare(delivery: DeliveryRow): Promise<Parcel | DeadReason | WaitReason>;
}

/** Attempts of this process since its start, and messages that it gave up. */
export interface SenderCounts {
  delivered: number;
  failed: number;
  dead: number;
}

const INTERRUPTED: AttemptResult = {
  statusCode: null,
  error: 'interrupted',
  answer: null,
  retryAfter: null,
  durationMs: null,
};

export class Sender {
  readonly counts: SenderCounts = { delivered: 0, failed: 0, dead: 0 };
  readonly #options: SenderOptions;
  readonly #sending = new Map<string, Promise<void>>();
  #stop = new AbortController();
  readonly #pumping = new WakeLoop(() => this.#pumpSafely());
  #failingNow = 0;
  #isClosing = false;
  #next: Timer | null = null;
  #takeover: Timer | null = null;
  #pruning: Timer | null = null;
  #unsubscribe: () => void = () => {};

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  start(): void {
    const { db, node } = this.#options;
    this.#unsubscribe = db.onSignal(DELIVERIES_CHANNEL, () => this.wake());
    // Without its lease this node may no longer say what became of a delivery: another one sends it.
    node.onLost(() => this.#abandon());
    this.#scheduleTakeover(0);
    this.#schedulePrune();
    this.wake();
  }

  /** Looks for what is due. */
  wake(): void {
    if (!this.#isClosing) this.#pumping.wake();
  }

  /** Waits shortly for what is on its way, then gives it back. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    const { clock, db, node, log } = this.#options;
    this.#stopTimers();
    await this.#pumping.idle();
    const all = Promise.all(this.#sending.values());
    const patience = new AbortController();
    await Promise.race([all, sleep(clock, DRAIN_MS, patience.signal).catch(() => {})]);
    patience.abort();
    this.#stop.abort();
    await Promise.all(this.#sending.values());
    await db
      .write(releaseDeliveries, { owners: [node.id], now: clock.now() })
      .catch((error: unknown) =>
        log.warn({ err: error }, 'webhook deliveries could not be given back; another node takes them over'),
      );
  }

  #stopTimers(): void {
    this.#isClosing = true;
    this.#unsubscribe();
    for (const timer of [this.#next, this.#takeover, this.#pruning]) timer?.cancel();
  }

  /** What it was sending belongs to others; with its next lease this node sends again. */
  #abandon(): void {
    this.#stop.abort();
    if (!this.#isClosing) this.#stop = new AbortController();
  }

  #wakeIn(delayMs: number): void {
    this.#next?.cancel();
    if (!this.#isClosing) this.#next = this.#options.clock.after(delayMs, () => this.wake());
  }

  async #pumpSafely(): Promise<void> {
    try {
      if (!this.#isClosing) await this.#pump();
    } catch (error) {
      if (this.#isClosing) return;
      this.#options.log.warn({ err: error }, 'webhook deliveries could not be read; the next poll goes on');
      this.#wakeIn(POLL_MS);
    }
  }

  /** Claims and sends what there is room for, or sets the time of the next look. */
  async #pump(): Promise<void> {
    const { db, clock, node } = this.#options;
    const limit = MAX_SENDING - this.#sending.size;
    // The end of any of them wakes again.
    if (limit <= 0) return;
    const owner = node.id;
    const dueAt = node.isHeld ? await nextDueAt(db.read) : null;
    const waitMs = dueAt === null ? POLL_MS : dueAt - clock.now();
    if (waitMs > 0) {
      this.#wakeIn(Math.min(waitMs, POLL_MS));
      return;
    }
    const failingLimit = MAX_SENDING_TO_FAILING - this.#failingNow;
    const input = { owner, limit, failingLimit, now: clock.now() };
    const claimed = await db.write(claimDeliveries, input);
    // What was claimed under a lease that is over is taken over, here or elsewhere, before it is sent.
    if (node.isHeld && node.id === owner) for (const one of claimed) this.#send(one);
    if (claimed.length > 0) this.wake();
    else this.#wakeIn(POLL_MS);
  }

  #send({ delivery, isFailing }: Claimed): void {
    if (isFailing) this.#failingNow += 1;
    const work = this.#attempt(delivery)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a webhook delivery broke off'))
      .finally(() => {
        this.#sending.delete(delivery.id);
        if (isFailing) this.#failingNow -= 1;
        this.wake();
      });
    this.#sending.set(delivery.id, work);
  }

  async #attempt(delivery: DeliveryRow): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stop;
    const startedAt = clock.now();
    let result: AttemptResult | DeadReason | WaitReason;
    try {
      result = await this.#post(delivery, signal);
      crashPoint('kp15');
    } catch (error) {
      log.error({ err: error, delivery_id: delivery.id }, 'a webhook message could not be made or sent');
      result = INTERRUPTED;
    }
    // Given back by `close`, or taken over by the node that has the lease now.
    if (signal.aborted) return;
    await this.#record(delivery, toRecord(delivery, result, startedAt, clock.now()), signal);
  }

  async #post(delivery: DeliveryRow, signal: AbortSignal): Promise<AttemptResult | DeadReason | WaitReason> {
    const { clock, outbound, prepare } = this.#options;
    const parcel = await prepare(delivery);
    if (typeof parcel === 'string') return parcel;
    return attemptDelivery(await outbound(), clock, parcel, signal);
  }

  /** A database that is away for a while must not leave a delivery marked as being sent. */
  async #record(delivery: DeliveryRow, record: AttemptRecord, signal: AbortSignal): Promise<void> {
    const { db, clock, log } = this.#options;
    for (;;) {
      try {
        const { isOwner, paused } = await db.write(recordAttempt, record);
        if (isOwner) this.#tell(delivery, record);
        if (paused !== null) {
          const { endpoint_id, account_id } = delivery;
          log.warn({ endpoint_id, account_id, reason: paused }, 'a webhook was switched off');
        }
        return;
      } catch (error) {
        log.warn({ err: error, delivery_id: delivery.id }, 'a webhook attempt could not be written down yet');
      }
      await sleep(clock, RECORD_RETRY_MS, signal).catch(() => {});
      if (signal.aborted) return;
    }
  }

  #tell(delivery: DeliveryRow, { outcome, reason, attempt }: AttemptRecord): void {
    const { log } = this.#options;
    const fields = {
      delivery_id: delivery.id,
      endpoint_id: delivery.endpoint_id,
      account_id: delivery.account_id,
      task_id: delivery.task_id,
      type: delivery.type,
      attempts: delivery.attempts + (attempt ? 1 : 0),
      ...(attempt ? { status: attempt.status_code, error: attempt.error } : {}),
    };
    if (attempt) this.counts[outcome === 'delivered' ? 'delivered' : 'failed'] += 1;
    if (outcome !== 'dead') {
      const failed = attempt ? 'webhook attempt failed' : 'a webhook message waits';
      log.debug({ ...fields, reason }, outcome === 'delivered' ? 'webhook delivered' : failed);
      return;
    }
    this.counts.dead += 1;
    log.warn({ ...fields, reason }, 'a webhook message was given up; it can be sent again');
  }

  #scheduleTakeover(delayMs: number): void {
    if (this.#isClosing) return;
    this.#takeover = this.#options.clock.after(delayMs, () => {
      void this.#takeOver()
        .catch((error: unknown) => this.#options.log.warn({ err: error }, 'webhook takeover failed'))
        .finally(() => this.#scheduleTakeover(TAKEOVER_MS));
    });
  }

  async #takeOver(): Promise<void> {
    const { db, clock, log, node } = this.#options;
    const owners = node.isHeld ? await node.deadAmong(await listSenders(db.read)) : [];
    if (owners.length === 0 || this.#isClosing) return;
    const count = await db.write(releaseDeliveries, { owners, now: clock.now() });
    if (count > 0) log.info({ count }, 'webhook deliveries of a dead node are sent again');
    this.wake();
  }

  #schedulePrune(): void {
    if (this.#isClosing) return;
    this.#pruning = this.#options.clock.after(PRUNE_MS, () => {
      void this.#prune()
        .catch((error: unknown) =>
          this.#options.log.warn({ err: error }, 'old webhook deliveries could not be removed'),
        )
        .finally(() => this.#schedulePrune());
    });
  }

  async #prune(): Promise<void> {
    const { db, clock } = this.#options;
    const finishedBefore = clock.now() - DELIVERIES_KEEP_MS;
    for (let writes = 0; writes < MOST_PRUNE_WRITES && !this.#isClosing; writes += 1) {
      const count = await db.write(pruneDeliveries, { finishedBefore, limit: PRUNE_BATCH });
      if (count === 0) return;
    }
  }
}

const isWaitReason = (result: unknown): result is WaitReason =>
  (WAIT_REASONS as readonly unknown[]).includes(result);

function toRecord(
  delivery: DeliveryRow,
  result: AttemptResult | DeadReason | WaitReason,
  startedAt: number,
  now: number,
): AttemptRecord {
  const about = { delivery, now };
  if (isWaitReason(result))
    return { ...about, attempt: null, outcome: 'retry', reason: result, nextAt: now + UNREADABLE_WAIT_MS };
  if (typeof result === 'string')
    return { ...about, attempt: null, outcome: 'dead', reason: result, nextAt: null };
  const verdict = judge(result, delivery.step, now);
  return {
    ...about,
    attempt: {
      started_at: startedAt,
      duration_ms: result.durationMs,
      status_code: result.statusCode,
      error: result.error,
      answer: result.answer,
    },
    outcome: verdict.outcome,
    reason: verdict.outcome === 'dead' ? verdict.reason : null,
    nextAt: verdict.outcome === 'retry' ? verdict.nextAt : null,
  };
}
