// Reads all records of an account's gallery, in pages of many: what a cold start costs. Invariant: a page is one statement's view,
// holds whole records, and begins right after the picture that it is asked to follow.
import { type RawBuilder, sql } from 'kysely';
import type { Reader } from '../kernel/db.ts';
import { bytesOfHex, dialectOf, type JoinedHex } from '../kernel/db-dialect.ts';
import { RECORD_BYTES } from './gallery-record.ts';

/** The flags by one `case`: a cast of `favourite` would take the database a tenth longer. */
const RECORD = sql<string>`substr(id, 5) || gallery
  || case when trashed_at is null then case favourite when 0 then '00' else '10' end
     else case favourite when 0 then '01' else '11' end end`;

/** Sorts behind the id of every picture. */
const BEHIND_ALL_IDS = 'img_g';
/**
 * Records in one value of PostgreSQL's answer, 82 kB. One value for the page costs its server a fifth more, and this process a full
 * garbage collection every 90,000 pictures.
 */
const CHUNK = 1_000;

export interface RecordsPage {
  accountId: string;
  /** The picture before the page; null for the newest. */
  afterId: string | null;
  limit: number;
}

/**
 * Records of an account's pictures in order, newest first, after `afterId`: whole ones, at most `limit`. Values that the database
 * joins instead of a row each: 0.4 s of SQLite's time for a million pictures and 0.6 s of PostgreSQL's, where rows take four.
 */
export async function loadRecords(reader: Reader, page: RecordsPage): Promise<Buffer> {
  const { accountId, afterId, limit } = page;
  if (dialectOf(reader).name === 'postgres') return loadChunks(reader, page);
  const joined = dialectOf(reader).joinHex(sql<string>`record`);
  const { rows } = await sql<{ records: JoinedHex | null }>`select ${joined} as records from (
    select ${RECORD} as record from images
    where account_id = ${accountId} and gallery is not null and id < ${afterId ?? BEHIND_ALL_IDS}
    order by id desc limit ${limit}) as page`.execute(reader);
  return wholeRecords(bytesOfHex(rows[0]?.records));
}

/** As `loadRecords` in one statement: each chunk begins where the one before it ended, one step into the index. */
async function loadChunks(reader: Reader, { accountId, afterId, limit }: RecordsPage): Promise<Buffer> {
  const chunk = Math.min(CHUNK, limit);
  const { rows } = await sql<{ n: number; records: string }>`with recursive chunks as (
    select 0 as n, cast(null as text) collate "C" as records,
      cast(${afterId ?? BEHIND_ALL_IDS} as text) collate "C" as last_id
    union all
    select chunks.n + 1, chunk.records, chunk.last_id from chunks, lateral (
      select string_agg(record, '') as records, min(id) as last_id from (
        select id, ${RECORD} as record from images
        where account_id = ${accountId} and gallery is not null and id < chunks.last_id
        order by id desc limit ${chunk}) as page) as chunk
    where chunks.n < ${Math.ceil(limit / chunk)} and chunks.last_id is not null)
    select n, records from chunks where records is not null`.execute(reader);
  rows.sort((a, b) => a.n - b.n);
  const records = Buffer.concat(rows.map((row) => bytesOfHex(row.records)));
  return wholeRecords(records).subarray(0, limit * RECORD_BYTES);
}

function wholeRecords(records: Buffer): Buffer {
  if (records.length % RECORD_BYTES !== 0) throw new Error('A picture has a malformed column "gallery"');
  return records;
}

/** How many pictures an account has, in the trash and out of it. */
export interface PictureCount {
  all: number;
  visible: number;
}

/**
 * About how many pictures an account has. SQLite counts them. PostgreSQL would read the whole table for that (0.15 to 0.8 s for a
 * million), so its planner is asked instead: near the truth for large accounts, anything at all for small ones.
 */
export async function estimatePictures(reader: Reader, accountId: string): Promise<PictureCount> {
  if (dialectOf(reader).name === 'postgres') {
    const [all, visible] = await Promise.all([
      plannedRows(reader, sql`select 1 from images where account_id = ${accountId} and gallery is not null`),
      plannedRows(
        reader,
        sql`select 1 from images where account_id = ${accountId} and gallery is not null and trashed_at is null`,
      ),
    ]);
    return { all, visible };
  }
  const row = await reader
    .selectFrom('images')
    .select((eb) => [eb.fn.countAll<number>().as('all'), eb.fn.count<number>('trashed_at').as('trashed')])
    .where('account_id', '=', accountId)
    .where('gallery', 'is not', null)
    .executeTakeFirstOrThrow();
  return { all: row.all, visible: row.all - row.trashed };
}

/** How many rows PostgreSQL expects of a query. */
async function plannedRows(reader: Reader, query: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{
    'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }];
  }>`explain (format json) ${query}`.execute(reader);
  return rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
}
