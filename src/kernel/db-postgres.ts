// PostgreSQL as the state layer of many nodes: the pools and their sessions, the writer, the signals. Invariant: every session
// commits durably and is read-only outside of a write, and whatever hangs is given up in a time that callers can wait.
import { Kysely, PostgresDialect } from 'kysely';
import type { Client, ClientBase, ClientConfig, Pool, PoolConfig } from 'pg';
import { type Clock, systemClock } from './clock.ts';
import { COMMITS_LOST_CHANNEL, type Db, type DbLog, silentLog, type Tables } from './db.ts';
import { connect, PostgresReadDriver, postgresDialect, sameTypesAsSqlite } from './db-postgres-driver.ts';
import { isServerError } from './db-postgres-errors.ts';
import { PostgresSignals } from './db-postgres-signals.ts';
import { PING_LONGEST_MS, ServerWatch } from './db-postgres-watch.ts';
import { CommitLog, PostgresWriter, TIMELINE } from './db-postgres-writer.ts';
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
/** A connection that the network dropped in silence answers nothing, whatever the server's own limit is. */
const ANSWER_LONGEST_MS = STATEMENT_LONGEST_MS + 5_000;
const KEEP_ALIVE_AFTER_MS = 5_000;

/** Durable commits whatever the server's default; sessions are read-only except inside a write. */
const SESSION_SETUP = `select
  set_config('synchronous_commit', case current_setting('synchronous_commit')
    when 'remote_apply' then 'remote_apply' else 'on' end, false),
  set_config('default_transaction_read_only', 'on', false),
  set_config('statement_timeout', '${STATEMENT_LONGEST_MS}', false),
  set_config('idle_in_transaction_session_timeout', '${IDLE_IN_TRANSACTION_LONGEST_MS}', false),
  ${TIMELINE} as timeline`;

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
      // It may be promoted at any moment.
      retryAfterS: 2,
    });
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
      query_timeout: ANSWER_LONGEST_MS,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
      ...config,
    });
    pool.on('error', (err) => log.warn({ err }, 'An idle database connection was lost'));
    // Without a listener of its own, a connection that dies while it is in use would end the process.
    pool.on('connect', (connected) =>
      connected.on('error', (err) => log.warn({ err }, 'A database connection was lost')),
    );
    return pool;
  };
  const timelines = new WeakMap<ClientBase, string>();
  const setUp = async (connected: ClientBase) => {
    const { rows } = await watch.guard(connected.query<{ timeline: string | null }>(SESSION_SETUP));
    const timeline = rows[0]?.timeline;
    if (timeline) timelines.set(connected, timeline);
  };
  // A migration may take longer than any other statement.
  await migrateDatabase(newPool({ max: 1, query_timeout: 0 }));
  const pool = newPool({ max: poolSize, onConnect: setUp });
  const slowPool = newPool({ max: SLOW_POOL_SIZE, onConnect: setUp });
  const signals = new PostgresSignals(newClient, clock, log);
  const commits = new CommitLog(() => signals.signal(COMMITS_LOST_CHANNEL));
  const timelineOf = (connected: ClientBase) => timelines.get(connected) ?? null;
  const writer = new PostgresWriter({ pool, watch, clock, commits, timelineOf, newClient });
  await signals.start();
  let closing: Promise<void> | undefined;
  const close = async () => {
    await writer.drain();
    await signals.close();
    await Promise.all([pool.end(), slowPool.end()]);
  };
  return {
    dialect: 'postgres',
    commits,
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
