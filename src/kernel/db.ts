// The state layer's interface. Slices read through `read` and `slow`, and write only through named functions
// given to `write`: on SQLite these run in the writer worker's group commits, on PostgreSQL in process.
import type { CompiledQuery, Kysely } from 'kysely';

/** All tables, each declared by the slice that owns it: `declare module '../kernel/db.ts' { interface Tables {…} }`. */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by declaration merging in the slices
export interface Tables {}

export type Reader = Kysely<Tables>;
/** The connection inside a write. Nothing but this may be awaited in a write function. */
export type Trx = Kysely<Tables>;

/**
 * A write transaction: a named, top-level function of a slice's store. Input and output are structured-cloneable; the
 * time comes in the input. It may be run more than once (PostgreSQL 40001/40P01), and others may share its COMMIT.
 */
export type WriteFunction<Input, Output> = (trx: Trx, input: Input) => Promise<Output>;

/** Signalled on this node when the database turns out to have lost commits. */
export const COMMITS_LOST_CHANNEL = 'commits-lost';

/** What this process was told is durable, against what the server still has; only servers can lose commits to a failover. */
export interface CommitRecord {
  /** The largest number of a transaction whose COMMIT was acknowledged to this process. */
  readonly highest: number;
  /** A later transaction got a smaller number, so acknowledged commits are gone; until `accept` such writes are refused. */
  readonly hasLost: boolean;
  /** A process before this one was told of commits up to here. */
  expectAbove(highest: number): void;
  /** The operator takes the database as it is. */
  accept(): void;
}

export interface Db {
  readonly dialect: 'sqlite' | 'postgres';
  /** Only on PostgreSQL. */
  readonly commits?: CommitRecord;
  /** Point reads (a few rows by an index). SQLite: synchronous, on the main thread. */
  readonly read: Reader;
  /** Lists, counts and scans. SQLite: in the reader worker, so that the event loop never waits. */
  readonly slow: Reader;
  /** Runs `write` durably; resolves or rejects only after its COMMIT is on disk. Throws what the function threw. */
  write<Input, Output>(write: WriteFunction<Input, Output>, input: Input): Promise<Output>;
  /** Tells this and every other node that something happened on `channel` (a hint: listeners also poll). */
  signal(channel: string): void;
  /** Calls `listener` after a `signal` on `channel` from any node; returns the unsubscriber. */
  onSignal(channel: string, listener: () => void): () => void;
  /** Waits for running writes, then closes; on SQLite the lock on the data directory goes last. Idempotent. */
  close(): Promise<void>;
}

/** What the state layer tells the operator; a pino logger fits. */
export interface DbLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const silentLog: DbLog = { warn: () => {}, error: () => {} };

export interface WriteAddress {
  moduleUrl: string;
  name: string;
}

// biome-ignore lint/suspicious/noExplicitAny: inputs differ per function, and a parameter type is contravariant
export type AnyWrite = WriteFunction<any, unknown>;

const addresses = new WeakMap<object, WriteAddress>();
const registered = new Map<string, AnyWrite>();

/**
 * Makes a module's write functions known by name, so that the writer worker can import and run them.
 * Call once at the end of the module: `registerWrites(import.meta.url, { createTask, cancelTask })`.
 */
export function registerWrites(moduleUrl: string, writes: Record<string, AnyWrite>): void {
  for (const [name, write] of Object.entries(writes)) {
    addresses.set(write, { moduleUrl, name });
    registered.set(`${moduleUrl}#${name}`, write);
  }
}

/** Where a write function lives; a function that was not registered is a programming error. */
export function addressOf(write: object): WriteAddress {
  const address = addresses.get(write);
  if (!address) throw new Error('This write function is not registered with registerWrites()');
  return address;
}

/** The function that this thread's copy of the module registered, if it was imported here. */
export function registeredWrite(address: WriteAddress): AnyWrite | undefined {
  return registered.get(`${address.moduleUrl}#${address.name}`);
}

const MISUSED_SLOT =
  'A compileOnce() parameter marks a place and has no value: hand it to the query as it is, do not compute with it';

/** Marks a parameter's place in a query that is compiled once. */
class Slot {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
  [Symbol.toPrimitive](): never {
    throw new Error(MISUSED_SLOT);
  }
  toJSON(): never {
    throw new Error(MISUSED_SLOT);
  }
}

/** Runs one statement at once; throws like the connection's own queries. */
export type DirectQuery = (sql: string, parameters: readonly unknown[]) => unknown[];

const directQueries = new WeakMap<object, DirectQuery>();

/**
 * Lets compiled queries on `connection` go past Kysely's executor, whose promises and bookkeeping cost as much as a small
 * SQLite statement itself. Only for connections that run a statement in one synchronous call.
 */
export function offerDirectQuery(connection: Kysely<Tables>, run: DirectQuery): void {
  directQueries.set(connection, run);
}

interface Compilable {
  compile(): CompiledQuery;
}

/**
 * Compiles a hot query once per dialect and returns a function that runs it with other parameters
 * (Kysely's own compile costs 30-60 microseconds a query: 7.4k against 12.0k creates a second).
 * `build` gets a function that marks where a named parameter goes: `(q, p) => q.selectFrom('tasks').where('id', '=', p('id'))`.
 * It runs once, so a parameter can only stand where a value stands: no lists, no conditional parts. The rows are what the
 * query returns; an update or delete says which rows it changed by `returning`.
 */
export function compileOnce<Params extends object, Row = unknown>(
  build: (
    query: Kysely<Tables>,
    param: <K extends keyof Params & string>(name: K) => Params[K],
  ) => Compilable,
): (connection: Kysely<Tables>, params: Params) => Promise<Row[]> {
  const cache = new Map<unknown, CompiledQuery>();
  const compile = (connection: Kysely<Tables>): CompiledQuery => {
    const dialect = connection.getExecutor().adapter.constructor;
    const known = cache.get(dialect);
    if (known) return known;
    const compiled = build(connection, (name) => new Slot(name) as never).compile();
    cache.set(dialect, compiled);
    return compiled;
  };
  const run = async (connection: Kysely<Tables>, params: Params): Promise<Row[]> => {
    const { query, queryId, sql, parameters } = compile(connection);
    const values = parameters.map((value) =>
      value instanceof Slot ? (params as Record<string, unknown>)[value.name] : value,
    );
    const direct = directQueries.get(connection);
    if (direct) return direct(sql, values) as Row[];
    const result = await connection.executeQuery({ query, queryId, sql, parameters: values });
    return result.rows as Row[];
  };
  return (connection, params) => {
    const rows = run(connection, params);
    // A write function that forgets to await a failing query is rolled back for it; the process must not end by it.
    rows.catch(() => {});
    return rows;
  };
}
