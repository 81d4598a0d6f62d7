// Column types and tables for migrations, the same meaning on both databases. Ids and text compare by bytes, times are integer
// milliseconds, money is integer micro-credits, booleans are 0 or 1, JSON is text.
import { type CreateTableBuilder, type Kysely, type RawBuilder, SqliteAdapter, sql } from 'kysely';

export interface ColumnTypes {
  /** Ids, names, JSON: compared by bytes (a PostgreSQL database's own collation would sort differently from SQLite). */
  text: RawBuilder<string>;
  /** 64 bits: milliseconds, micro-credits, counts, 0/1. */
  integer: RawBuilder<number>;
  /** 64-bit floating point: progress, fair time. */
  real: RawBuilder<number>;
  bytes: RawBuilder<Uint8Array>;
}

const SQLITE_TYPES: ColumnTypes = {
  text: sql`text`,
  integer: sql`integer`,
  real: sql`real`,
  bytes: sql`blob`,
};
const POSTGRES_TYPES: ColumnTypes = {
  text: sql`text collate "C"`,
  integer: sql`bigint`,
  real: sql`double precision`,
  bytes: sql`bytea`,
};

const isSqlite = <DB>(db: Kysely<DB>) => db.getExecutor().adapter instanceof SqliteAdapter;

/** The column types of the database that a migration runs on. */
export function columnTypes<DB>(db: Kysely<DB>): ColumnTypes {
  return isSqlite(db) ? SQLITE_TYPES : POSTGRES_TYPES;
}

/** Starts a table whose columns refuse values of another type on SQLite too, as PostgreSQL does. */
export function createTable<DB, Name extends string>(db: Kysely<DB>, name: Name): CreateTableBuilder<Name> {
  const table = db.schema.createTable(name);
  return isSqlite(db) ? table.modifyEnd(sql`strict`) : table;
}

/** As `createTable`, for small rows that are found by their primary key: on SQLite the rows lie in the key's own tree. */
export function createKeyedTable<DB, Name extends string>(
  db: Kysely<DB>,
  name: Name,
): CreateTableBuilder<Name> {
  const table = db.schema.createTable(name);
  return isSqlite(db) ? table.modifyEnd(sql`strict, without rowid`) : table;
}
