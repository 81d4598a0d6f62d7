// Leases by process instance: a running task belongs to a node, and a node is alive while it renews one row. On SQLite the lock
// on the data directory proves that every other node is dead, so no clock is asked; on PostgreSQL the database's clock decides.
import { sql } from 'kysely';
import type { Clock, Timer } from './clock.ts';
import { type Db, registerWrites, type Trx } from './db.ts';
import { dialectOf } from './db-dialect.ts';
import { newId } from './id.ts';
import type { Logger } from './log.ts';

/** A node that has not renewed for this long is dead: its tasks go to others within 15 s (goal G8). */
export const LEASE_MS = 8_000;
const RENEW_MS = 2_000;
/** Rows of nodes that are long gone. */
const FORGET_AFTER_MS = 24 * 3600_000;

declare module './db.ts' {
  interface Tables {
    nodes: { id: string; started_at: number; seen_at: number };
  }
}

/** Says that this node is alive. */
export async function renewNode(trx: Trx, input: { id: string; now: number }): Promise<void> {
  const now = dialectOf(trx).now(input.now);
  await trx
    .insertInto('nodes')
    .values({ id: input.id, started_at: now, seen_at: now })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: now }))
    .execute();
  await trx.deleteFrom('nodes').where('seen_at', '<', sql<number>`${now} - ${FORGET_AFTER_MS}`).execute();
}

/** Gives the lease back, so that others need not wait for it to run out. */
export async function removeNode(trx: Trx, input: { id: string }): Promise<void> {
  await trx.deleteFrom('nodes').where('id', '=', input.id).execute();
}

registerWrites(import.meta.url, { renewNode, removeNode });

/** This process as the owner of leases. */
export class NodeLease {
  readonly id: string;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #lost = new AbortController();
  #renewedAtMs = 0;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(options: { db: Db; clock: Clock; log: Logger }) {
    this.#db = options.db;
    this.#clock = options.clock;
    this.#log = options.log;
    this.id = newId('node', options.clock.now());
  }

  /** Aborted once this node can no longer be sure of its leases: it must stop all side effects (fault row Q6). */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async start(): Promise<void> {
    await this.#renew();
    this.#schedule();
  }

  /** Of these owners, those that are dead. */
  async deadAmong(owners: readonly string[]): Promise<string[]> {
    const others = owners.filter((owner) => owner !== this.id);
    if (others.length === 0 || this.#db.dialect === 'sqlite') return others;
    const now = dialectOf(this.#db.read).now(this.#clock.now());
    const alive = await this.#db.read
      .selectFrom('nodes')
      .select('id')
      .where('id', 'in', others)
      .where('seen_at', '>', sql<number>`${now} - ${LEASE_MS}`)
      .execute();
    const aliveIds = new Set(alive.map((row) => row.id));
    return others.filter((owner) => !aliveIds.has(owner));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#db.write(removeNode, { id: this.id }).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'the lease could not be given back; it runs out by itself');
    });
  }

  async #renew(): Promise<void> {
    const startedAtMs = this.#clock.monotonicMs();
    await this.#db.write(renewNode, { id: this.id, now: this.#clock.now() });
    this.#renewedAtMs = startedAtMs;
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = this.#clock.after(RENEW_MS, () => {
      void this.#renew()
        .catch((error: unknown) => this.#onRenewFailed(error))
        .finally(() => this.#schedule());
    });
  }

  /** SQLite leases end with the process, so a full disk there does not stop what is already running. */
  #onRenewFailed(error: unknown): void {
    this.#log.warn({ err: error }, 'the lease could not be renewed');
    const isOver = this.#clock.monotonicMs() - this.#renewedAtMs > LEASE_MS;
    if (isOver && this.#db.dialect === 'postgres' && !this.#isClosed) {
      this.#lost.abort(new Error('This node lost its lease'));
    }
  }
}
