// Many rows at once, as each database takes them fastest: SQLite one compiled row after another, PostgreSQL as one JSON
// parameter, since 20,000 parameters cost both sides more than the rows themselves (10,000 tasks with their holds and entries
// take half the time).
import { type RawBuilder, sql } from 'kysely';
import type { Tables, Trx } from './db.ts';
import { dialectOf } from './db-dialect.ts';

/** Rows of one statement: a few MB of JSON. */
const ROWS = 2_000;

/**
 * Inserts all rows; every one has the same columns. `insertOne` writes a single one (SQLite); `computed` are columns whose value
 * is an expression of PostgreSQL's, the same for all rows.
 */
export async function insertMany<Table extends keyof Tables & string, Row extends Partial<Tables[Table]>>(
  trx: Trx,
  table: Table,
  rows: readonly Row[],
  {
    insertOne,
    computed = {},
  }: {
    insertOne: (trx: Trx, row: Row) => Promise<unknown>;
    computed?: Readonly<Record<string, RawBuilder<unknown>>>;
  },
): Promise<void> {
  const [first] = rows;
  if (!first) return;
  if (dialectOf(trx).name === 'sqlite' || rows.length === 1) {
    for (const row of rows) await insertOne(trx, row);
    return;
  }
  const given = Object.keys(first).map((column) => sql.ref(column));
  const names = [...given, ...Object.keys(computed).map((column) => sql.ref(column))];
  const values = [...given, ...Object.values(computed)];
  for (let start = 0; start < rows.length; start += ROWS) {
    const json = JSON.stringify(rows.slice(start, start + ROWS));
    await sql`insert into ${sql.table(table)} (${sql.join(names)})
      select ${sql.join(values)} from json_populate_recordset(null::${sql.table(table)}, ${json}::json)`.execute(
      trx,
    );
  }
}
