// Kysely over node:sqlite: one connection, prepared statements kept by their SQL, parameters checked, rows as plain objects.
// Statements that begin or end transactions are refused here, since the group commit alone owns them.
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { databaseClosed, refuseTransactionControl, SingleConnectionDriver } from './db-driver.ts';
import { toSqlParameters } from './db-parameters.ts';
import { AppError } from './errors.ts';

/** Statements kept prepared per connection; lists of varying length (`in (?, ?, …)`) would else grow it without end. */
const STATEMENT_CACHE_SIZE = 512;
/** How long a statement waits for another process's lock (a backup tool, a shell). */
const BUSY_TIMEOUT_MS = 5_000;
const IN_MEMORY = ':memory:';
const OWNER_ONLY = 0o600;
const CACHE_SIZE_KIB = 16_384;
const JOURNAL_SIZE_LIMIT_BYTES = 67_108_864;

interface Prepared {
  statement: StatementSync;
  /** Result columns; empty for a statement that returns no rows. */
  columns: string[];
}

/** SQLite's primary result codes that say something about the machine rather than about the query. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_READONLY = 8;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;

/** Turns a failure of the disk or a lock into the AppError that says so; any other error comes back as it is. */
export function toSqliteAppError(error: unknown): unknown {
  const errcode = (error as { errcode?: unknown } | null)?.errcode;
  if (typeof errcode !== 'number') return error;
  switch (errcode & 0xff) {
    case SQLITE_FULL:
      return new AppError('storage_full', {
        detail: 'The disk that holds the database is full; nothing was stored.',
      });
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return new AppError('database_unavailable', {
        detail: 'Another program holds the database locked; nothing was stored.',
        fix: 'Close other programs that have the database file open, then try again.',
      });
    case SQLITE_READONLY:
      return new AppError('database_unavailable', {
        detail: 'The database file is read-only; nothing was stored.',
      });
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return new AppError('database_unavailable', {
        detail:
          'The disk that holds the database reported an error; the change may or may not have been stored.',
        fix: 'Look for disk errors in the system log, check that the volume is mounted, then restart.',
      });
    default:
      return error;
  }
}

/** A node:sqlite connection with its prepared statements. All calls are synchronous and throw SQLite's own errors. */
export class SqliteConnection {
  readonly database: DatabaseSync;
  readonly #prepared = new Map<string, Prepared>();

  constructor(database: DatabaseSync) {
    this.database = database;
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.database.prepare(sql);
    // Rows as arrays, made into objects here: plain prototypes as pg gives, and faster than node's null-prototype rows.
    statement.setReturnArrays(true);
    const prepared = { statement, columns: statement.columns().map((column) => column.name) };
    if (this.#prepared.size >= STATEMENT_CACHE_SIZE) {
      const [oldest] = this.#prepared.keys();
      if (oldest !== undefined) this.#prepared.delete(oldest);
    }
    this.#prepared.set(sql, prepared);
    return prepared;
  }

  /** Runs one statement; integers are bound as integers, so that `? / 2` means the same as on PostgreSQL. */
  run(sql: string, parameters: readonly unknown[] = []): QueryResult<unknown> {
    const { statement, columns } = this.#prepare(sql);
    const values = toSqlParameters(parameters, sql);
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      if (Number.isInteger(value)) values[index] = BigInt(value as number);
    }
    if (columns.length === 0) {
      const { changes, lastInsertRowid } = statement.run(...values);
      return { numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid), rows: [] };
    }
    const rows = statement.all(...values) as unknown as unknown[][];
    return { rows: rows.map((row) => toObject(columns, row)) };
  }
}

function toObject(columns: readonly string[], row: readonly unknown[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let index = 0; index < columns.length; index++) object[columns[index] as string] = row[index];
  return object;
}

/** Kysely's own adapter denies transactional DDL: a failed migration would leave its half. SQLite does have it. */
export class NodeSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
  /** Every statement runs to its end in one call, so Kysely's connection mutex would only cost time. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** A Kysely dialect over any driver of ours that speaks SQLite's SQL. */
export function sqliteDialect(driver: Driver): Dialect {
  return {
    createAdapter: () => new NodeSqliteAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/**
 * Plain reads on a connection of this thread. `shared` is for a connection that also writes: it is awaited until no group is
 * open, and the read cannot change anything.
 */
export class SqliteReadDriver extends SingleConnectionDriver {
  readonly #connection: SqliteConnection;
  readonly #shared: { idle(): Promise<void> } | undefined;

  constructor(connection: SqliteConnection, shared?: { idle(): Promise<void> }) {
    super();
    this.#connection = connection;
    this.#shared = shared;
  }

  override async executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>> {
    refuseTransactionControl(query.sql);
    await this.#shared?.idle();
    return this.run(query.sql, query.parameters);
  }

  /** One statement at once; a shared connection must be idle. */
  run(sql: string, parameters: readonly unknown[]): QueryResult<unknown> {
    if (!this.#connection.database.isOpen) throw databaseClosed();
    try {
      if (this.#shared) this.#connection.run('pragma query_only = 1');
      return this.#connection.run(sql, parameters);
    } catch (error) {
      // A write through the read connection is a mistake in the code, not a fault of the disk.
      throw (error as { errcode?: unknown }).errcode === SQLITE_READONLY ? error : toSqliteAppError(error);
    } finally {
      if (this.#shared) this.#connection.run('pragma query_only = 0');
    }
  }
}

/** Migrations only: the one driver with transactions of its own. */
class SqliteMigrationDriver extends SingleConnectionDriver {
  readonly #connection: SqliteConnection;

  constructor(connection: SqliteConnection) {
    super();
    this.#connection = connection;
  }

  override async executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>> {
    return this.#connection.run(query.sql, query.parameters);
  }
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }
  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#connection.database.isTransaction) await connection.executeQuery(CompiledQuery.raw('rollback'));
  }
}

/** A Kysely for migrations on a read-write connection whose foreign keys are off (tables can be rebuilt). */
export function migrationKysely(connection: SqliteConnection): Kysely<unknown> {
  return new Kysely({ dialect: sqliteDialect(new SqliteMigrationDriver(connection)) });
}

/** SQLite itself would leave a new file to the umask; what it puts beside the file gets the file's permissions. */
function makeForOwner(path: string): void {
  try {
    closeSync(openSync(path, 'a', OWNER_ONLY));
  } catch {
    // Opening it says what is wrong, in the words that callers know.
  }
}

/** Opens `path` with the settings that durability rests on: WAL, synchronous=FULL, foreign keys. A new file is its owner's alone. */
export function openSqliteFile(path: string, access: 'read-write' | 'read-only'): SqliteConnection {
  if (access === 'read-write' && path !== IN_MEMORY) makeForOwner(path);
  const database = new DatabaseSync(path, { readOnly: access === 'read-only', timeout: BUSY_TIMEOUT_MS });
  if (access === 'read-write') {
    database.exec('pragma journal_mode = wal');
    database.exec('pragma synchronous = full');
    database.exec(`pragma journal_size_limit = ${JOURNAL_SIZE_LIMIT_BYTES}`);
  }
  database.exec('pragma foreign_keys = on');
  database.exec(`pragma cache_size = -${CACHE_SIZE_KIB}`);
  database.exec('pragma temp_store = memory');
  return new SqliteConnection(database);
}
