// Writes on PostgreSQL: each runs in process in one READ COMMITTED transaction, again as a whole when it collided. Invariants: a
// write is run again only when the server said that nothing of it was stored; a lost answer to COMMIT is looked up by the
// transaction's number; and a number at or below that of an acknowledged commit means that the server has lost commits.
import { randomInt } from 'node:crypto';
import type { Client, ClientConfig, Pool, PoolClient, QueryResult } from 'pg';
import { type Clock, sleep } from './clock.ts';
import { addressOf, type CommitRecord, type WriteFunction } from './db.ts';
import { databaseClosed } from './db-driver.ts';
import { connect, TransactionDriver } from './db-postgres-driver.ts';
import {
  COMMIT_UNKNOWN,
  isCollision,
  toCommitError,
  toPostgresAppError,
  unavailable,
} from './db-postgres-errors.ts';
import type { ServerWatch } from './db-postgres-watch.ts';
import { AppError } from './errors.ts';

const MOST_ATTEMPTS = 8;
const RETRY_FIRST_MS = 5;
const RETRY_LONGEST_MS = 250;
/** How long a lost answer to COMMIT is looked for; with the time it took to notice, the caller waits under two seconds. */
const RESOLVE_LONGEST_MS = 1_000;
const RESOLVE_PAUSE_MS = 50;

/** The number is fetched with BEGIN, so that it is known when the answer to COMMIT is lost, at no further round trip. */
const BEGIN = 'begin isolation level read committed read write; select pg_current_xact_id()::text as xid';

/** A server's history: the same commits, until a standby that lacks some of them is promoted. */
export const TIMELINE = `case when pg_is_in_recovery() then null
  else substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) end`;

interface Transaction {
  xid: number;
  /** Of the connection it ran on; null where it is not known. */
  timeline: string | null;
}

type Fate = 'committed' | 'aborted' | 'unknown';

/** The acknowledged commits of this process, and whether the server still has them. */
export class CommitLog implements CommitRecord {
  readonly #onLoss: () => void;
  #highest = 0;
  #hasLost = false;

  /** `onLoss` is called once for each loss. */
  constructor(onLoss: () => void) {
    this.#onLoss = onLoss;
  }

  get highest(): number {
    return this.#highest;
  }

  get hasLost(): boolean {
    return this.#hasLost;
  }

  expectAbove(highest: number): void {
    this.#highest = Math.max(this.#highest, highest);
  }

  accept(): void {
    this.#highest = 0;
    this.#hasLost = false;
  }

  acknowledged(xid: number): void {
    this.#highest = Math.max(this.#highest, xid);
  }

  /** A transaction that began after `floor` was acknowledged must have a larger number. */
  check(xid: number, floor: number): void {
    if (xid > floor || floor > this.#highest) return;
    if (!this.#hasLost) {
      this.#hasLost = true;
      this.#onLoss();
    }
    throw unavailable('The database has lost changes that it had confirmed, so nothing is written for now.');
  }
}

export interface WriterParts {
  pool: Pool;
  watch: ServerWatch;
  clock: Clock;
  commits: CommitLog;
  /** The timeline of a pool's connection, as it was when that was set up. */
  timelineOf(client: PoolClient): string | null;
  newClient(config: ClientConfig): Client;
}

export class PostgresWriter {
  readonly #parts: WriterParts;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  async write<Input, Output>(write: WriteFunction<Input, Output>, input: Input): Promise<Output> {
    if (this.#closed) throw databaseClosed();
    addressOf(write);
    const running = this.#attempts(write, input);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Refuses new writes and waits for those running. */
  async drain(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
  }

  async #attempts<Input, Output>(write: WriteFunction<Input, Output>, input: Input): Promise<Output> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(write, input);
      if (!('again' in outcome)) return outcome.output;
      if (attempt === MOST_ATTEMPTS) {
        throw new AppError('database_unavailable', {
          detail: 'The change collided with others again and again; nothing was stored.',
          retryAfterS: 1,
        });
      }
      const longestMs = Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_LONGEST_MS);
      await sleep(this.#parts.clock, randomInt(longestMs));
    }
  }

  async #attempt<Input, Output>(
    write: WriteFunction<Input, Output>,
    input: Input,
  ): Promise<{ output: Output } | { again: true }> {
    // A copy, as the worker gets one: what a failed attempt did to its input must not reach the next.
    const copy = structuredClone(input);
    const { pool, watch } = this.#parts;
    const client = await connect(pool);
    const driver = new TransactionDriver(client, watch);
    let output: Output;
    let transaction: Transaction;
    try {
      transaction = await this.#begin(client);
      output = (await driver.run(write, copy)) as Output;
    } catch (error) {
      await this.#rollback(client, driver, error);
      if (driver.collided || isCollision(error)) return { again: true };
      throw error;
    }
    return this.#commit(client, driver, transaction, output);
  }

  async #begin(client: PoolClient): Promise<Transaction> {
    const { watch, commits, timelineOf } = this.#parts;
    const floor = commits.highest;
    let results: QueryResult<{ xid: string }>[];
    try {
      // Several statements in one message are answered by several results.
      results = (await watch.guard(client.query(BEGIN))) as unknown as QueryResult<{ xid: string }>[];
    } catch (error) {
      throw toPostgresAppError(error);
    }
    const xid = Number(results[1]?.rows[0]?.xid);
    commits.check(xid, floor);
    return { xid, timeline: timelineOf(client) };
  }

  async #commit<Output>(
    client: PoolClient,
    driver: TransactionDriver,
    transaction: Transaction,
    output: Output,
  ): Promise<{ output: Output } | { again: true }> {
    const { watch, commits } = this.#parts;
    let command: string;
    try {
      ({ command } = await watch.guard(client.query('commit')));
    } catch (error) {
      const meaning = toPostgresAppError(toCommitError(error));
      client.release(true);
      if (isCollision(error)) return { again: true };
      if (!(meaning instanceof AppError) || meaning.message !== COMMIT_UNKNOWN) throw meaning;
      const fate = await this.#fateOf(transaction);
      if (fate === 'unknown') throw meaning;
      if (fate === 'aborted') return { again: true };
      commits.acknowledged(transaction.xid);
      return { output };
    }
    client.release(driver.failure !== undefined);
    if (command === 'COMMIT') {
      commits.acknowledged(transaction.xid);
      return { output };
    }
    if (driver.collided) return { again: true };
    // The function caught the error of a failed statement; PostgreSQL then rolls everything back without another word.
    throw (
      driver.failure ??
      new Error('A write function went on after one of its queries had failed; it was rolled back')
    );
  }

  /** What became of a transaction whose COMMIT got no answer. */
  async #fateOf(transaction: Transaction): Promise<Fate> {
    const { clock } = this.#parts;
    const endMs = clock.monotonicMs() + RESOLVE_LONGEST_MS;
    for (;;) {
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) return 'unknown';
      const fate = await this.#askFate(transaction, leftMs);
      if (fate !== null) return fate;
      await sleep(clock, RESOLVE_PAUSE_MS);
    }
  }

  /** Null: the server does not know yet, or cannot be asked just now. */
  async #askFate({ xid, timeline }: Transaction, longestMs: number): Promise<Fate | null> {
    const client = this.#parts.newClient({ connectionTimeoutMillis: longestMs, query_timeout: longestMs });
    client.on('error', () => {});
    try {
      await client.connect();
      const { rows } = await client.query<{ status: string | null; timeline: string | null }>(
        `select pg_xact_status($1::xid8) as status, ${TIMELINE} as timeline`,
        [String(xid)],
      );
      const [answer] = rows;
      // On another timeline the number may be another transaction's.
      if (!answer || timeline === null || answer.timeline !== timeline) return 'unknown';
      if (answer.status === 'committed' || answer.status === 'aborted') return answer.status;
      return answer.status === null ? 'unknown' : null;
    } catch {
      return null;
    } finally {
      client.end().catch(() => {});
    }
  }

  /** Leaves the connection clean, or closes it when that cannot be known. */
  async #rollback(client: PoolClient, driver: TransactionDriver, error: unknown): Promise<void> {
    const lost =
      driver.busy ||
      driver.failure !== undefined ||
      (error instanceof AppError && error.code === 'database_unavailable');
    if (lost) return client.release(true);
    try {
      await this.#parts.watch.guard(client.query('rollback'));
      client.release();
    } catch {
      client.release(true);
    }
  }
}
