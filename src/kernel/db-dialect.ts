// Where SQLite and PostgreSQL differ for slices: one small object per database, found from any connection.
import {
  type ExpressionWrapper,
  type Kysely,
  type RawBuilder,
  type SelectQueryBuilder,
  SqliteAdapter,
  sql,
} from 'kysely';
import type { Tables } from './db.ts';

/** Bytes, or the hexadecimal digits of bytes: `bytesOfHex` reads it. */
export type JoinedHex = Uint8Array | string;

export interface SqlDialect {
  readonly name: 'sqlite' | 'postgres';
  /** Locks the selected rows and skips those that others have locked; on SQLite there is one writer and nothing to skip. */
  forUpdateSkipLocked<DB, TB extends keyof DB, O>(
    query: SelectQueryBuilder<DB, TB, O>,
  ): SelectQueryBuilder<DB, TB, O>;
  /** Locks the selected rows until the write ends, waiting for other owners; nothing to do on SQLite. */
  lockRow<DB, TB extends keyof DB, O>(query: SelectQueryBuilder<DB, TB, O>): SelectQueryBuilder<DB, TB, O>;
  /** Holds a lock of this name until the write ends, waiting for other owners; nothing to do on SQLite. */
  lockName<DB>(connection: Kysely<DB>, name: string): Promise<void>;
  /** The time for leases and deadlines: PostgreSQL's own clock (nodes' clocks differ), on SQLite the caller's `nowMs`. */
  now(nowMs: number): RawBuilder<number>;
  /** True for changes below which no transaction can still commit: readers that follow changes must not look past it. */
  isSettled(change: ExpressionWrapper<Tables, never, number> | RawBuilder<number>): RawBuilder<boolean>;
  /** All rows' hexadecimal texts as one, in the order of an inner query, for `bytesOfHex`; null without rows. */
  joinHex(text: RawBuilder<string>): RawBuilder<JoinedHex | null>;
  /** Behind a table's name: has SQLite, which knows nothing of the values, read by this index. */
  readBy(index: string): RawBuilder<unknown>;
}

const sqlite: SqlDialect = {
  name: 'sqlite',
  forUpdateSkipLocked: (query) => query,
  lockRow: (query) => query,
  lockName: async () => {},
  now: (nowMs) => sql<number>`${nowMs}`,
  isSettled: () => sql<boolean>`1 = 1`,
  joinHex: (text) => sql<JoinedHex | null>`unhex(group_concat(${text}, ''))`,
  readBy: (index) => sql`indexed by ${sql.id(index)}`,
};

const postgres: SqlDialect = {
  name: 'postgres',
  forUpdateSkipLocked: (query) => query.forUpdate().skipLocked(),
  lockRow: (query) => query.forUpdate(),
  lockName: async (connection, name) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(connection);
  },
  now: () => sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
  isSettled: (change) => sql<boolean>`${change} < change_horizon()`,
  // Digits as they are: bytes would become digits once more on the way (a fifth of the time of a page of the gallery).
  joinHex: (text) => sql<JoinedHex | null>`string_agg(${text}, '')`,
  readBy: () => sql``,
};

/** The bytes that `joinHex` joined; none for null. Throws an Error for what is not hexadecimal. */
export function bytesOfHex(joined: JoinedHex | null | undefined): Buffer {
  if (typeof joined !== 'string')
    return joined ? Buffer.from(joined.buffer, joined.byteOffset, joined.byteLength) : Buffer.alloc(0);
  const bytes = Buffer.from(joined, 'hex');
  // Reading ends silently at the first other character.
  if (bytes.length * 2 !== joined.length)
    throw new Error('The database holds a text that is not hexadecimal');
  return bytes;
}

/** The dialect of a `Reader`, a `Trx` or a migration's connection. */
export function dialectOf<DB>(connection: Kysely<DB>): SqlDialect {
  return connection.getExecutor().adapter instanceof SqliteAdapter ? sqlite : postgres;
}

/**
 * The change number of the running write, the same for all its statements, larger than that of every write that readers could
 * already see (SQLite: the writer's counter; PostgreSQL: the transaction id). Stamp rows that are followed by `(change, id)`.
 */
export function currentChange(): RawBuilder<number> {
  return sql<number>`current_change()`;
}
