// PostgreSQL as the state layer of many nodes: write functions run in process, each in a READ COMMITTED transaction that is run
// again when it collided with another. Invariant: a write is run again only when the server said that nothing of it was stored;
// a lost answer to COMMIT is reported as unknown.
import { randomInt } from 'node:crypto';
import { Kysely, PostgresDialect } from 'kysely';
import type { Client, ClientBase, ClientConfig, Pool, PoolClient, PoolConfig } from 'pg';
import { type Clock, sleep, systemClock } from './clock.ts';
import { addressOf, type Db, type DbLog, silentLog, type Tables, type WriteFunction } from './db.ts';
import { databaseClosed } from './db-driver.ts';
import {
  connect,
  PostgresReadDriver,
  postgresDialect,
  sameTypesAsSqlite,
  TransactionDriver,
} from './db-postgres-driver.ts';
import { isCollision, isServerError, toCommitError, toPostgresAppError } from './db-postgres-errors.ts';
import { PostgresSignals } from './db-postgres-signals.ts';
import { PING_LONGEST_MS, ServerWatch } from './db-postgres-watch.ts';
import { AppError } from './errors.ts';
import { migrate } from './migrate.ts';

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`; TLS by `sslmode`, `sslrootcert`, … as pg reads them. */
  url: string;
  log?: DbLog;
  clock?: Clock;
  /** Connections for writes and point reads; slow reads have a few of their own. */
  poolSize?: number;
}

const POOL_SIZE = 16;
const SLOW_POOL_SIZE = 4;
/** A caller gets `database_unavailable` in under two seconds when no connection is to be had. */
const CONNECT_LONGEST_MS = 1_200;
const STATEMENT_LONGEST_MS = 30_000;
const IDLE_IN_TRANSACTION_LONGEST_MS = 10_000;
const OLDEST_SERVER_VERSION = 140_000;
const MOST_ATTEMPTS = 8;
const RETRY_FIRST_MS = 5;
const RETRY_LONGEST_MS = 250;

/** Durable commits whatever the server's default; sessions are read-only except inside a write. */
const SESSION_SETUP = `select
  set_config('synchronous_commit', case current_setting('synchronous_commit')
    when 'remote_apply' then 'remote_apply' else 'on' end, false),
  set_config('default_transaction_read_only', 'on', false),
  set_config('statement_timeout', '${STATEMENT_LONGEST_MS}', false),
  set_config('idle_in_transaction_session_timeout', '${IDLE_IN_TRANSACTION_LONGEST_MS}', false)`;

async function checkServer(pool: Pool): Promise<void> {
  const client = await connect(pool);
  const { rows } = await client
    .query<{ version: number; standby: number }>(
      `select current_setting('server_version_num')::bigint as version, pg_is_in_recovery() as standby`,
    )
    .finally(() => client.release());
  const [server] = rows;
  if (!server || server.version < OLDEST_SERVER_VERSION) {
    throw new AppError('database_unavailable', {
      detail: 'The PostgreSQL server is too old; version 14 or newer is needed.',
      fix: 'Upgrade the PostgreSQL server, or leave DATABASE_URL empty to use SQLite.',
    });
  }
  if (server.standby) {
    throw new AppError('database_unavailable', {
      detail: 'DATABASE_URL leads to a standby, which cannot be written.',
      fix: 'Let DATABASE_URL name the primary server.',
    });
  }
}

class PostgresWriter {
  readonly #pool: Pool;
  readonly #watch: ServerWatch;
  readonly #clock: Clock;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(pool: Pool, watch: ServerWatch, clock: Clock) {
    this.#pool = pool;
    this.#watch = watch;
    this.#clock = clock;
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
      if (!('collision' in outcome)) return outcome.output;
      if (attempt === MOST_ATTEMPTS) {
        throw new AppError('database_unavailable', {
          detail: 'The change collided with others again and again; nothing was stored.',
          retryAfterS: 1,
        });
      }
      const longestMs = Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_LONGEST_MS);
      await sleep(this.#clock, randomInt(longestMs));
    }
  }

  async #attempt<Input, Output>(
    write: WriteFunction<Input, Output>,
    input: Input,
  ): Promise<{ output: Output } | { collision: true }> {
    // A copy, as the worker gets one: what a failed attempt did to its input must not reach the next.
    const copy = structuredClone(input);
    const client = await connect(this.#pool);
    const driver = new TransactionDriver(client, this.#watch);
    try {
      await this.#begin(client);
      const output = (await driver.run(write, copy)) as Output;
      await this.#commit(client, driver);
      client.release();
      return { output };
    } catch (error) {
      await this.#rollback(client, driver, error);
      if (driver.collided || isCollision(error)) return { collision: true };
      throw error;
    }
  }

  async #begin(client: PoolClient): Promise<void> {
    try {
      await this.#watch.guard(client.query('begin isolation level read committed read write'));
    } catch (error) {
      throw toPostgresAppError(error);
    }
  }

  async #commit(client: PoolClient, driver: TransactionDriver): Promise<void> {
    let command: string;
    try {
      ({ command } = await this.#watch.guard(client.query('commit')));
    } catch (error) {
      throw toPostgresAppError(toCommitError(error));
    }
    if (command === 'COMMIT') return;
    // The function caught the error of a failed statement; PostgreSQL then rolls everything back without another word.
    throw (
      driver.failure ??
      new Error('A write function went on after one of its queries had failed; it was rolled back')
    );
  }

  /** Leaves the connection clean, or closes it when that cannot be known. */
  async #rollback(client: PoolClient, driver: TransactionDriver, error: unknown): Promise<void> {
    const lost =
      driver.busy ||
      driver.failure !== undefined ||
      (error instanceof AppError && error.code === 'database_unavailable');
    if (lost) return client.release(true);
    try {
      await this.#watch.guard(client.query('rollback'));
      client.release();
    } catch {
      client.release(true);
    }
  }
}

/** Whether the server gives any sign of life on a new connection; a refusal in its own words is one. */
async function ping(newClient: (config: ClientConfig) => Client): Promise<boolean> {
  const client = newClient({ connectionTimeoutMillis: PING_LONGEST_MS, query_timeout: PING_LONGEST_MS });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch (error) {
    return isServerError(error);
  } finally {
    client.end().catch(() => {});
  }
}

/**
 * Connects, migrates and returns the state layer. Throws `database_unavailable` when the server cannot be reached, is too old, is
 * a standby, or was migrated by a newer version.
 */
export async function openPostgresDb(options: PostgresOptions): Promise<Db> {
  const { url, log = silentLog, clock = systemClock, poolSize = POOL_SIZE } = options;
  const pg = (await import('pg')).default;
  const client: ClientConfig = {
    connectionString: url,
    application_name: 'drawbridge',
    types: sameTypesAsSqlite(pg.types),
  };
  const newClient = (config: ClientConfig) => new pg.Client({ ...client, ...config });
  const watch = new ServerWatch(clock, () => ping(newClient));
  const newPool = (config: PoolConfig): Pool => {
    const pool = new pg.Pool({
      ...client,
      connectionTimeoutMillis: CONNECT_LONGEST_MS,

      ...config,
    });
    pool.on('error', (err) => log.warn({ err }, 'An idle database connection was lost'));
    // Without a listener of its own, a connection that dies while it is in use would end the process.
    pool.on('connect', (connected) =>
      connected.on('error', (err) => log.warn({ err }, 'A database connection was lost')),
    );
    return pool;
  };
  const setUp = async (connected: ClientBase) => {
    await watch.guard(connected.query(SESSION_SETUP));
  };
  await migrateDatabase(newPool({ max: 1 }));
  const pool = newPool({ max: poolSize, onConnect: setUp });
  const slowPool = newPool({ max: SLOW_POOL_SIZE, onConnect: setUp });
  const writer = new PostgresWriter(pool, watch, clock);
  const signals = new PostgresSignals(newClient, clock, log);
  await signals.start();
  let closing: Promise<void> | undefined;
  const close = async () => {
    await writer.drain();
    await signals.close();
    await Promise.all([pool.end(), slowPool.end()]);
  };
  return {
    dialect: 'postgres',
    read: new Kysely<Tables>({ dialect: postgresDialect(new PostgresReadDriver(pool, watch)) }),
    slow: new Kysely<Tables>({ dialect: postgresDialect(new PostgresReadDriver(slowPool, watch)) }),
    write: (write, input) => writer.write(write, input),
    signal: (channel) => signals.signal(channel),
    onSignal: (channel, listener) => signals.onSignal(channel, listener),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

async function migrateDatabase(pool: Pool): Promise<void> {
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await checkServer(pool);
    await migrate(db);
  } finally {
    await db.destroy();
  }
}
