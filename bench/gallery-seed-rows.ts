// Writes seeded pictures into a database in bulk, past the program's own writes: the rows are those that it would have written.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { DATABASE_FILE } from '../src/kernel/db-sqlite.ts';
import {
  prepareSeed,
  SEED_NAMES,
  type SeedPicture,
  type SeedPlace,
  seedFacts,
  seedPictures,
  seedThumbs,
} from './gallery-pictures.ts';

const SQLITE_COMMIT = 20_000;
const POSTGRES_ROWS = 2_000;
const SHA = 'a'.repeat(64);
const COLUMNS =
  'id, account_id, task_id, position, kind, file_key, thumb_key, width, height, mime, bytes, sha256, thumbhash, seed, mode, model, provider, prompt, favourite, tags, parent_id, extra, captured, created_at, trashed_at, version, change, style_id, style_names, origin, gallery';
/** Indexes whose order is not that of the rows: made once afterwards. */
const LATER = ['image_words_words', 'images_gallery', 'images_changes', 'images_by_thumb'];

type Value = string | number | null;

function imageRow(picture: SeedPicture, accountId: string, number: number, change: number): Value[] {
  const { style } = picture;
  return [
    picture.id,
    accountId,
    null,
    0,
    picture.kind,
    picture.fileKey,
    picture.thumbKey,
    picture.width,
    picture.height,
    'image/jpeg',
    picture.bytes,
    SHA,
    picture.thumbhash,
    number,
    picture.mode,
    picture.model,
    picture.provider,
    picture.prompt,
    picture.favourite,
    picture.tags,
    null,
    0,
    0,
    picture.createdAt,
    picture.trashedAt,
    1,
    change,
    style,
    style === null ? null : JSON.stringify({ en: style, zh: style }),
    picture.origin,
    seedFacts(picture, number),
  ];
}

const fileRow = (key: string, kind: string, mime: string, bytes: number, at: number): Value[] => [
  key,
  'disk',
  kind,
  mime,
  bytes,
  SHA,
  at,
  0,
];
const FILE_COLUMNS = 'key, store, kind, mime, bytes, sha256, created_at, hidden';

/** Fills a fresh data folder; returns where everything is. */
export async function seedSqlite(dataDir: string, pictures: number): Promise<SeedPlace> {
  const place = await prepareSeed(dataDir, null);
  const database = new DatabaseSync(join(dataDir, DATABASE_FILE));
  database.exec('pragma synchronous = off; pragma cache_size = -400000');
  const later = LATER.flatMap((name) => {
    const row = database.prepare("select sql from sqlite_master where type = 'index' and name = ?").get(name);
    if (row) database.exec(`drop index ${name}`);
    return row ? [String(row.sql)] : [];
  });
  const marks = (columns: string) =>
    columns
      .split(',')
      .map(() => '?')
      .join(', ');
  const file = database.prepare(`insert into files (${FILE_COLUMNS}) values (${marks(FILE_COLUMNS)})`);
  const image = database.prepare(`insert into images (${COLUMNS}) values (${marks(COLUMNS)})`);
  const words = database.prepare('insert into image_words (words) values (?)');
  const scope = `·${place.accountId.replaceAll(/[^0-9a-z]/gi, '')}`;
  database.exec('begin');
  for (const { no, kind, name } of SEED_NAMES)
    database.prepare('insert into gallery_names (no, kind, name) values (?, ?, ?)').run(no, kind, name);
  for (const one of seedThumbs(place))
    file.run(...fileRow(one.thumb, 'thumb', 'image/webp', one.thumbBytes, 0));
  let change = 0;
  for (const picture of seedPictures(place, pictures)) {
    change += 1;
    const number = Number(words.run(`${scope} ${picture.words}`).lastInsertRowid);
    file.run(...fileRow(picture.fileKey, picture.kind, 'image/jpeg', picture.bytes, picture.createdAt));
    image.run(...imageRow(picture, place.accountId, number, change));
    if (change % SQLITE_COMMIT === 0) database.exec('commit; begin');
  }
  database
    .prepare(
      "insert into kernel_state (key, value) values ('change', ?) on conflict (key) do update set value = excluded.value",
    )
    .run(change);
  database.exec('commit');
  for (const sql of later) database.exec(sql);
  database.exec('pragma wal_checkpoint(truncate)');
  database.close();
  return place;
}

/** Fills an empty PostgreSQL database, and `dataDir` with the files. */
export async function seedPostgres(dataDir: string, url: string, pictures: number): Promise<SeedPlace> {
  const place = await prepareSeed(dataDir, url);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query("set synchronous_commit = off; set maintenance_work_mem = '512MB'");
  const { rows: later } = await client.query<{ name: string; sql: string }>(
    'select indexname as name, indexdef as sql from pg_indexes where indexname = any($1)',
    [LATER],
  );
  for (const { name } of later) await client.query(`drop index ${name}`);
  for (const { no, kind, name } of SEED_NAMES)
    await client.query('insert into gallery_names (no, kind, name) values ($1, $2, $3)', [no, kind, name]);
  const insert = async (table: string, columns: string, rows: Value[][]) => {
    const names = columns.split(', ');
    const types = names.map((name, index) =>
      isText(name) ? `$${index + 1}::text[]` : `$${index + 1}::bigint[]`,
    );
    const lists = names.map((_, index) => rows.map((row) => row[index] ?? null));
    await client.query(`insert into ${table} (${columns}) select * from unnest(${types.join(', ')})`, lists);
  };
  await insert(
    'files',
    FILE_COLUMNS,
    seedThumbs(place).map((one) => fileRow(one.thumb, 'thumb', 'image/webp', one.thumbBytes, 0)),
  );
  let batch: SeedPicture[] = [];
  let number = 0;
  const flush = async () => {
    await client.query(
      `insert into image_words (scope, words) select $1, array_to_tsvector(string_to_array(word, ' ')) from unnest($2::text[]) with ordinality as w (word, n) order by n`,
      [place.accountId, batch.map(({ words }) => words)],
    );
    await insert(
      'files',
      FILE_COLUMNS,
      batch.map((one) => fileRow(one.fileKey, one.kind, 'image/jpeg', one.bytes, one.createdAt)),
    );
    const rows = batch.map((one) => {
      number += 1;
      return imageRow(one, place.accountId, number, 1);
    });
    await insert('images', COLUMNS, rows);
    batch = [];
  };
  for (const picture of seedPictures(place, pictures)) {
    batch.push(picture);
    if (batch.length === POSTGRES_ROWS) await flush();
  }
  if (batch.length > 0) await flush();
  for (const { sql } of later) await client.query(sql);
  for (const table of ['images', 'image_words', 'files']) await client.query(`vacuum analyze ${table}`);
  await client.end();
  return place;
}

const NUMBERS = new Set(
  'position width height bytes seed favourite extra captured created_at trashed_at version change hidden'.split(
    ' ',
  ),
);
const isText = (column: string) => !NUMBERS.has(column);
