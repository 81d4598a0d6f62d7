// Leases by process instance: a running task belongs to a node, and a node is alive while it renews one row. On SQLite the lock
// on the data directory proves that every other node is dead, so no clock is asked; on PostgreSQL the database's clock decides.
// Invariant: a node stops its side effects before another may take over. Who lost the lease comes back under a new id, when the
// database answers again and still has what this node knows of.
import { sql } from 'kysely';
import type { Clock, Timer } from './clock.ts';
import { COMMITS_LOST_CHANNEL, type Db, registerWrites, type Trx } from './db.ts';
import type { DatabaseClock } from './db-clock.ts';
import { dialectOf } from './db-dialect.ts';
import type { DatabaseHistory } from './db-history.ts';
import { newId } from './id.ts';
import type { Logger } from './log.ts';

/** A node that has not renewed for this long is dead: its tasks go to others within 15 s (goal G8). */
export const LEASE_MS = 8_000;
/** It stops by itself this much earlier, so that a byte on its way is not overtaken. */
const MARGIN_MS = 500;
const RENEW_MS = 2_000;
/** While renewals fail: a database that is back has its first progress within 5 s. */
const RETRY_MS = 500;
/** A renewal without an answer by then is left alone, and the next one tries another connection. */
const PATIENCE_MS = 3_000;
/** Rows of nodes that are long gone. */
const FORGET_AFTER_MS = 24 * 3600_000;

declare module './db.ts' {
  interface Tables {
    nodes: { id: string; started_at: number; seen_at: number };
  }
}

/** Says that this node is alive, and that its earlier self is not; returns the time for leases. */
export async function renewNode(
  trx: Trx,
  input: { id: string; replaces: string | null; now: number },
): Promise<number> {
  const now = dialectOf(trx).now(input.now);
  const { seen_at: seenAt } = await trx
    .insertInto('nodes')
    .values({ id: input.id, started_at: now, seen_at: now })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: now }))
    .returning('seen_at')
    .executeTakeFirstOrThrow();
  if (input.replaces !== null) await trx.deleteFrom('nodes').where('id', '=', input.replaces).execute();
  await trx.deleteFrom('nodes').where('seen_at', '<', sql<number>`${now} - ${FORGET_AFTER_MS}`).execute();
  return seenAt;
}

/** Gives the lease back, so that others need not wait for it to run out. */
export async function removeNode(trx: Trx, input: { id: string }): Promise<void> {
  await trx.deleteFrom('nodes').where('id', '=', input.id).execute();
}

registerWrites(import.meta.url, { renewNode, removeNode });

/** Why a node does not hold its lease: it could not renew, or the database lacks what it had confirmed. */
export type LeaseTrouble = 'not_renewed' | 'history_lost';

export interface NodeLeaseOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  /** Asked before each renewal on PostgreSQL; without it every history is good. */
  history?: DatabaseHistory | null;
  /** Told the database's time at each renewal. */
  databaseClock?: DatabaseClock | null;
}

/** This process as the owner of leases. */
export class NodeLease {
  readonly #options: NodeLeaseOptions;
  readonly #onLost = new Set<() => void>();
  #id: string;
  #lost = new AbortController();
  #noted: Promise<void> = Promise.resolve();
  #trouble: LeaseTrouble | null = null;
  /** When the renewal began that holds now, by the monotonic clock; null before the first. */
  #renewedAtMs: number | null = null;
  #renewTimer: Timer | null = null;
  #endTimer: Timer | null = null;
  #unsubscribe: () => void = () => {};
  #isClosed = false;

  constructor(options: NodeLeaseOptions) {
    this.#options = options;
    this.#id = newId('node', options.clock.now());
  }

  /** Changes when the lease was lost: what was done under the old id belongs to a dead node. */
  get id(): string {
    return this.#id;
  }

  /** Of the lease that is held now; aborted once this node must stop all side effects (fault row Q6). */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Why the lease is not held; null while it is. */
  get trouble(): LeaseTrouble | null {
    return this.#trouble;
  }

  /**
   * Whether a side effect may begin now. Asked right before one: a process that slept past the end of its lease learns of it
   * here, before its timers do (fault row Q3).
   */
  get isHeld(): boolean {
    const { db, clock } = this.#options;
    if (this.#lost.signal.aborted) return false;
    if (db.dialect === 'sqlite') return true;
    if (this.#renewedAtMs === null) return false;
    if (db.commits?.hasLost) this.#lose('history_lost');
    else if (clock.monotonicMs() - this.#renewedAtMs > LEASE_MS - MARGIN_MS) this.#lose('not_renewed');
    return !this.#lost.signal.aborted;
  }

  /** Calls `listener` at each loss of the lease; returns the unsubscriber. */
  onLost(listener: () => void): () => void {
    this.#onLost.add(listener);
    return () => this.#onLost.delete(listener);
  }

  /** Takes the lease. Throws `database_unavailable`; a database that lost commits lets it start without the lease. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#options.db.onSignal(COMMITS_LOST_CHANNEL, () => void this.isHeld);
    await this.#renew();
    this.#schedule(RENEW_MS);
  }

  /** Of these owners, those that are dead. */
  async deadAmong(owners: readonly string[]): Promise<string[]> {
    const { db, clock } = this.#options;
    const others = owners.filter((owner) => owner !== this.#id);
    if (others.length === 0 || db.dialect === 'sqlite') return others;
    const now = dialectOf(db.read).now(clock.now());
    const alive = await db.read
      .selectFrom('nodes')
      .select('id')
      .where('id', 'in', others)
      .where('seen_at', '>', sql<number>`${now} - ${LEASE_MS}`)
      .execute();
    const aliveIds = new Set(alive.map((row) => row.id));
    return others.filter((owner) => !aliveIds.has(owner));
  }

  /** Looks at the database's history at once, such as after an operator accepted it. */
  async recheck(): Promise<void> {
    await this.#renew();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#renewTimer?.cancel();
    this.#endTimer?.cancel();
    const { db, log } = this.#options;
    await this.#noted;
    await db.write(removeNode, { id: this.#id }).catch((error: unknown) => {
      log.warn({ err: error }, 'the lease could not be given back; it runs out by itself');
    });
  }

  async #renew(): Promise<void> {
    const { db, clock, log, history, databaseClock } = this.#options;
    if (history && !(await history.isWhole())) return this.#lose('history_lost');
    // A node that slept past its lease must not find out by renewing it.
    void this.isHeld;
    const isComeback = this.#lost.signal.aborted;
    const id = isComeback ? newId('node', clock.now()) : this.#id;
    const replaces = isComeback ? this.#id : null;
    const startedAtMs = clock.monotonicMs();
    const seenAt = await db.write(renewNode, { id, replaces, now: clock.now() }).catch((error: unknown) => {
      if (db.commits?.hasLost) return null;
      throw error;
    });
    if (seenAt === null) return this.#lose('history_lost');
    databaseClock?.set(seenAt);
    if (this.#isClosed || (isComeback && !this.#lost.signal.aborted)) return;
    // It was lost while it was renewed: the next renewal comes back.
    if (!isComeback && (this.#lost.signal.aborted || id !== this.#id)) return;
    this.#renewedAtMs = Math.max(this.#renewedAtMs ?? startedAtMs, startedAtMs);
    if (isComeback) {
      this.#id = id;
      this.#lost = new AbortController();
      this.#trouble = null;
      log.info({ node: id }, 'this node has a lease again and goes on');
    }
    this.#watchEnd(this.#renewedAtMs);
  }

  #schedule(delayMs: number): void {
    const { clock, log } = this.#options;
    if (this.#isClosed) return;
    this.#renewTimer = clock.after(delayMs, () => {
      let isOver = false;
      const goOn = (nextMs: number) => {
        if (isOver) return;
        isOver = true;
        patience.cancel();
        this.#schedule(nextMs);
      };
      const patience = clock.after(PATIENCE_MS, () => goOn(0));
      this.#renew().then(
        () => goOn(RENEW_MS),
        (error: unknown) => {
          if (!this.#isClosed) log.warn({ err: error }, 'the lease could not be renewed');
          goOn(RETRY_MS);
        },
      );
    });
  }

  /** SQLite leases end with the process, so a full disk there does not stop what is already running. */
  #watchEnd(renewedAtMs: number): void {
    const { db, clock } = this.#options;
    if (db.dialect === 'sqlite') return;
    this.#endTimer?.cancel();
    const leftMs = renewedAtMs + LEASE_MS - MARGIN_MS - clock.monotonicMs();
    this.#endTimer = clock.after(leftMs, () => this.#lose('not_renewed'));
  }

  #noteLoss(): void {
    const { history, log } = this.#options;
    this.#noted = (history?.noteLoss() ?? Promise.resolve()).catch((error: unknown) => {
      log.error({ err: error }, 'that the database lost changes could not be noted beside the data');
    });
  }

  #lose(trouble: LeaseTrouble): void {
    if (this.#isClosed) return;
    this.#endTimer?.cancel();
    const isNews = this.#trouble !== trouble;
    this.#trouble = trouble;
    if (isNews) this.#options.log.error({ node: this.#id, trouble }, LOST[trouble]);
    if (isNews && trouble === 'history_lost') this.#noteLoss();
    if (this.#lost.signal.aborted) return;
    this.#lost.abort(new Error('This node lost its lease'));
    for (const listener of this.#onLost) listener();
  }
}

const LOST: Record<LeaseTrouble, string> = {
  not_renewed: 'this node could not renew its lease in time and stops its tasks until it can',
  history_lost:
    'the database lacks changes that it had confirmed, so nothing is sent to providers until an operator accepts it: drawbridge accept-database',
};
