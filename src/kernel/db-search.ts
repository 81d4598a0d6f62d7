// Search for whole words and their beginnings in text that the caller has cut into tokens, the same on both databases: SQLite keeps
// the tokens in an FTS5 table without the text, PostgreSQL in a tsvector with a GIN index. A text is known by the number it got.
// Invariant: a token holds letters and digits only (`isSearchToken`), so that neither database cuts or reads it in its own way.
import assert from 'node:assert/strict';
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { bytesOfHex, dialectOf, type JoinedHex } from './db-dialect.ts';

/** All of these must be in a text; with `isPrefix` any token that begins so. */
export interface SearchTerm {
  token: string;
  isPrefix: boolean;
}

/** Numbers travel as hexadecimal of this many digits. */
export const NUMBER_DIGITS = 8;
/** The longest token; PostgreSQL takes 2,046 bytes. */
export const MAX_TOKEN_CHARS = 64;

const TOKEN = /^[\p{L}\p{N}]{1,64}$/u;

export const isSearchToken = (token: string): boolean => TOKEN.test(token);

/** Makes the tables of a search named `name`; for migrations. `scope` keeps one owner's texts apart. */
export async function createSearch(db: Kysely<unknown>, name: string): Promise<void> {
  const table = sql.table(name);
  if (dialectOf(db).name === 'sqlite') {
    // detail=none: which texts hold a token, not where; about a third of the size. `ascii` leaves all other letters as they are.
    await sql`create virtual table ${table} using fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii')`.execute(
      db,
    );
    return;
  }
  await sql`create table ${table} (no bigint generated always as identity primary key,
    scope text collate "C" not null, words tsvector not null)`.execute(db);
  await sql`create index ${sql.id(`${name}_words`)} on ${table} using gin (words)`.execute(db);
}

/** Keeps FTS5 from reading the texts of other scopes. It begins with what no search token holds, so that no query can name it. */
const scopeToken = (scope: string) => `·${scope.replaceAll(/[^0-9a-z]/gi, '')}`;

/** Adds a text's tokens in the running write; returns the number to know it by, from 1. */
export async function addToSearch<DB>(
  trx: Kysely<DB>,
  name: string,
  { scope, tokens }: { scope: string; tokens: readonly string[] },
): Promise<number> {
  const table = sql.table(name);
  const words = tokens.join(' ');
  if (dialectOf(trx).name === 'sqlite') {
    const { insertId } =
      await sql`insert into ${table} (words) values (${`${scopeToken(scope)} ${words}`})`.execute(trx);
    return Number(insertId);
  }
  const { rows } = await sql<{ no: number }>`insert into ${table} (scope, words)
    values (${scope}, array_to_tsvector(array_remove(string_to_array(${words}, ' '), ''))) returning no`.execute(
    trx,
  );
  return rows[0]?.no ?? 0;
}

/** Forgets texts by their numbers. */
export async function removeFromSearch<DB>(
  trx: Kysely<DB>,
  name: string,
  numbers: readonly number[],
): Promise<void> {
  if (numbers.length === 0) return;
  const key = dialectOf(trx).name === 'sqlite' ? 'rowid' : 'no';
  await sql`delete from ${sql.table(name)} where ${sql.ref(key)} in (${sql.join([...numbers])})`.execute(trx);
}

/** The numbers of the texts of `scope` that hold all terms: four bytes each, big-endian, in no order. At least one term. */
export async function searchNumbers<DB>(
  reader: Kysely<DB>,
  name: string,
  scope: string,
  terms: readonly SearchTerm[],
): Promise<Buffer> {
  assert.ok(terms.length > 0 && terms.every(({ token }) => isSearchToken(token)));
  const { rows } = await matching(reader, name, scope, terms).execute(reader);
  return bytesOfHex(rows[0]?.numbers);
}

function matching<DB>(
  reader: Kysely<DB>,
  name: string,
  scope: string,
  terms: readonly SearchTerm[],
): RawBuilder<{ numbers: JoinedHex | null }> {
  const table = sql.table(name);
  if (dialectOf(reader).name === 'sqlite') {
    const match = terms.map(({ token, isPrefix }) => `"${token}"${isPrefix ? '*' : ''}`);
    const all = [`"${scopeToken(scope)}"`, ...match].join(' AND ');
    return sql`select ${dialectOf(reader).joinHex(sql`printf('%08x', rowid)`)} as numbers from ${table} where ${table} match ${all}`;
  }
  const query = terms.map(({ token, isPrefix }) => `'${token}'${isPrefix ? ':*' : ''}`).join(' & ');
  // Bytes at once: making digits of each number takes a tenth more. What is left is visiting the rows, which lie everywhere: a word
  // of 140,000 among a million takes the server 65 ms while the table fits `shared_buffers` (180 MB), and 115 ms when it does not.
  return sql`select string_agg(substr(int8send(no), 5), ''::bytea) as numbers from ${table}
    where scope = ${scope} and words @@ ${query}::tsquery`;
}
