// The gallery's own queries: what it keeps of each picture, the words of prompts, the names that records give by number, and what
// changed since a reader last looked. Invariant: a picture's column `gallery` and its words come and go in the picture's own
// transaction, and whoever follows (change, id) from a cursor misses neither a change nor a picture that is gone for good.
import { sql } from 'kysely';
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { bytesOfHex, currentChange, dialectOf, type JoinedHex } from '../kernel/db-dialect.ts';
import {
  addToSearch,
  NUMBER_DIGITS,
  removeFromSearch,
  type SearchTerm,
  searchNumbers,
} from '../kernel/db-search.ts';
import { encodeFacts, NUMBER_DIGIT, numberOfFacts } from './gallery-record.ts';
import { searchTokens } from './search-words.ts';
import type { ImagesTable } from './store.ts';

export type NameKind = 'model' | 'provider' | 'style';

/** Models, providers and styles that pictures have had, by the numbers that records use. */
export interface GalleryNamesTable {
  no: number;
  kind: NameKind;
  name: string;
  /** A style's names when it was first seen, `{en, zh}` as JSON. */
  label: string | null;
}

/** Pictures that were removed for good; kept longer than any reader goes without looking. */
export interface GalleryPurgesTable {
  account_id: string;
  change: number;
  image_id: string;
  at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    gallery_names: GalleryNamesTable;
    gallery_purges: GalleryPurgesTable;
  }
}

const WORDS = 'image_words';
/** Records hold a name's number in two bytes. Only operators name models, providers and styles. */
const MOST_NAMES = 65_535;

export interface NewFacts {
  accountId: string;
  prompt: string;
  width: number;
  height: number;
  bytes: number;
  mode: string;
  kind: string;
  origin: string;
  model: string;
  provider: string;
  style: { id: string; label: string } | null;
  createdAt: number;
}

const nameNumber = compileOnce<{ kind: NameKind; name: string }, { no: number }>((query, param) =>
  query
    .selectFrom('gallery_names')
    .select('no')
    .where('kind', '=', param('kind'))
    .where('name', '=', param('name')),
);

/** The number of a name, given one if it is new; 0 once there are too many. */
async function numberOfName(trx: Trx, kind: NameKind, name: string, label: string | null): Promise<number> {
  const [known] = await nameNumber(trx, { kind, name });
  if (known) return known.no;
  await dialectOf(trx).lockName(trx, 'gallery_names');
  const [since] = await nameNumber(trx, { kind, name });
  if (since) return since.no;
  const last = await trx
    .selectFrom('gallery_names')
    .select((eb) => eb.fn.coalesce(eb.fn.max('no'), eb.val(0)).as('no'))
    .executeTakeFirstOrThrow();
  if (last.no >= MOST_NAMES) return 0;
  await trx
    .insertInto('gallery_names')
    .values({ no: last.no + 1, kind, name, label })
    .execute();
  return last.no + 1;
}

/** Makes the column `gallery` of new pictures, and their prompts findable, inside the transaction that adds them. */
export async function galleryColumnsOf(trx: Trx, images: readonly NewFacts[]): Promise<string[]> {
  const columns: string[] = [];
  let prompt: string | null = null;
  let tokens: string[] = [];
  for (const facts of images) {
    // The pictures of one task have one prompt.
    if (prompt !== facts.prompt) tokens = searchTokens(facts.prompt);
    prompt = facts.prompt;
    const model = await numberOfName(trx, 'model', facts.model, null);
    const provider = await numberOfName(trx, 'provider', facts.provider, null);
    const { style: chosen } = facts;
    const style = chosen ? await numberOfName(trx, 'style', chosen.id, chosen.label) : 0;
    const number = await addToSearch(trx, WORDS, { scope: facts.accountId, tokens });
    columns.push(encodeFacts({ ...facts, model, provider, style, number }));
  }
  return columns;
}

export type PurgedImage = Pick<ImagesTable, 'id' | 'account_id' | 'gallery'>;

/** Forgets the words of pictures whose rows were just deleted, and tells those who follow changes. */
export async function purgeFromGallery(
  trx: Trx,
  { purged, now }: { purged: readonly PurgedImage[]; now: number },
): Promise<void> {
  if (purged.length === 0) return;
  const numbers = purged.map(({ gallery }) => numberOfFacts(gallery)).filter((number) => number > 0);
  await removeFromSearch(trx, WORDS, numbers);
  await trx
    .insertInto('gallery_purges')
    .values(
      purged.map(({ id, account_id }) => ({ account_id, change: currentChange(), image_id: id, at: now })),
    )
    .execute();
}

/** Forgets that pictures went before this time; returns how many, at most `limit`. */
export async function prunePurges(trx: Trx, input: { beforeMs: number; limit: number }): Promise<number> {
  const old = await trx
    .selectFrom('gallery_purges')
    .selectAll()
    .where('at', '<', input.beforeMs)
    .orderBy('at')
    .limit(input.limit)
    .execute();
  for (const { account_id, change, image_id } of old)
    await trx
      .deleteFrom('gallery_purges')
      .where('account_id', '=', account_id)
      .where('change', '=', change)
      .where('image_id', '=', image_id)
      .execute();
  return old.length;
}

/** Prepares pictures from before there was a gallery, the newest first; returns how many, at most `limit`. */
export async function preparePictures(trx: Trx, input: { limit: number }): Promise<number> {
  const query = trx
    .selectFrom('images')
    .selectAll()
    .where('gallery', 'is', null)
    .orderBy('id', 'desc')
    .limit(input.limit);
  const rows = await dialectOf(trx).lockRow(query).execute();
  for (const row of rows) {
    const style = row.style_id === null ? null : { id: row.style_id, label: row.style_names ?? '{}' };
    const { account_id: accountId, created_at: createdAt } = row;
    const [gallery] = await galleryColumnsOf(trx, [{ ...row, accountId, createdAt, style }]);
    await trx
      .updateTable('images')
      .set({ gallery: gallery ?? null, change: currentChange() })
      .where('id', '=', row.id)
      .execute();
  }
  return rows.length;
}

/** Whether any picture still waits to be prepared. */
export async function hasUnprepared(reader: Reader): Promise<boolean> {
  const row = await reader
    .selectFrom('images')
    .select('id')
    .where('gallery', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** A place among an account's changes. */
export interface ChangeCursor {
  change: number;
  id: string;
}

/** Before the first change of all. */
const START: ChangeCursor = { change: 0, id: '' };

/** The newest change that no running write can still come before. */
export async function latestChange(reader: Reader, accountId: string): Promise<ChangeCursor> {
  const row = await reader
    .selectFrom('images')
    .select(['change', 'id'])
    .where('account_id', '=', accountId)
    .where(dialectOf(reader).isSettled(sql.ref<number>('change')))
    .orderBy('change', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? START;
}

export async function latestPurge(reader: Reader, accountId: string): Promise<ChangeCursor> {
  const row = await reader
    .selectFrom('gallery_purges')
    .select(['change', 'image_id as id'])
    .where('account_id', '=', accountId)
    .where(dialectOf(reader).isSettled(sql.ref<number>('change')))
    .orderBy('change', 'desc')
    .orderBy('image_id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ?? START;
}

export interface ChangedPicture extends ChangeCursor {
  gallery: string | null;
  favourite: 0 | 1;
  trashed_at: number | null;
  /** 1: nothing can still come before it. */
  settled: number;
}

/** Pictures that changed after the cursor, in order. */
export async function changedPictures(
  reader: Reader,
  { accountId, after, limit }: { accountId: string; after: ChangeCursor; limit: number },
): Promise<ChangedPicture[]> {
  const settled = dialectOf(reader).isSettled(sql.ref<number>('change'));
  return reader
    .selectFrom('images')
    .select(['id', 'change', 'gallery', 'favourite', 'trashed_at'])
    .select(sql<number>`case when ${settled} then 1 else 0 end`.as('settled'))
    .where('account_id', '=', accountId)
    .where(sql<boolean>`(change, id) > (${after.change}, ${after.id})`)
    .orderBy('change')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Pictures that went for good after the cursor, in order. */
export async function purgedPictures(
  reader: Reader,
  { accountId, after, limit }: { accountId: string; after: ChangeCursor; limit: number },
): Promise<(ChangeCursor & { settled: number })[]> {
  const settled = dialectOf(reader).isSettled(sql.ref<number>('change'));
  return reader
    .selectFrom('gallery_purges')
    .select(['image_id as id', 'change'])
    .select(sql<number>`case when ${settled} then 1 else 0 end`.as('settled'))
    .where('account_id', '=', accountId)
    .where(sql<boolean>`(change, image_id) > (${after.change}, ${after.id})`)
    .orderBy('change')
    .orderBy('image_id')
    .limit(limit)
    .execute();
}

export async function findNames(reader: Reader): Promise<GalleryNamesTable[]> {
  return reader.selectFrom('gallery_names').selectAll().execute();
}

/** The search numbers of an account's pictures whose prompts hold all terms, four bytes each. */
export async function promptNumbers(
  reader: Reader,
  accountId: string,
  terms: readonly SearchTerm[],
): Promise<Buffer> {
  if (terms.length === 0) return Buffer.alloc(0);
  return searchNumbers(reader, WORDS, accountId, terms);
}

/** The search numbers of an account's pictures with this tag, whatever its case, four bytes each. */
export async function taggedNumbers(reader: Reader, accountId: string, tag: string): Promise<Buffer> {
  const pattern = `%${JSON.stringify(tag)
    .toLowerCase()
    .replace(/[\\%_]/g, '\\$&')}%`;
  const number = sql<string>`substr(gallery, ${sql.lit(NUMBER_DIGIT)}, ${sql.lit(NUMBER_DIGITS)})`;
  const { joinHex, readBy } = dialectOf(reader);
  const { rows } = await sql<{ numbers: JoinedHex | null }>`
    select ${joinHex(number)} as numbers from images ${readBy('images_tagged')}
    where account_id = ${accountId} and tags <> '[]' and gallery is not null
      and lower(tags) like ${pattern} escape '\\'`.execute(reader);
  return bytesOfHex(rows[0]?.numbers);
}

const MOST_TAG_LISTS = 20_000;

/** The lists of tags that an account's pictures have, as they are stored, with the number of pictures. */
export async function tagLists(
  reader: Reader,
  accountId: string,
): Promise<{ tags: string; pictures: number }[]> {
  const { rows } = await sql<{ tags: string; pictures: number }>`
    select tags, count(*) as pictures from images ${dialectOf(reader).readBy('images_tagged')}
    where account_id = ${accountId} and tags <> '[]' and trashed_at is null
    group by tags limit ${MOST_TAG_LISTS}`.execute(reader);
  return rows;
}

export type WindowRow = ImagesTable & { damaged_at: number | null };

/** Pictures by their ids with the state of their files, in no order. */
export async function windowRows(
  reader: Reader,
  accountId: string,
  ids: readonly string[],
): Promise<WindowRow[]> {
  if (ids.length === 0) return [];
  return reader
    .selectFrom('images')
    .leftJoin('files', 'files.key', 'images.file_key')
    .selectAll('images')
    .select('files.damaged_at')
    .where('images.id', 'in', ids)
    .where('images.account_id', '=', accountId)
    .execute();
}

/** Larger variants of these pictures that are not in the trash, the newest first. */
export async function variantsOf(
  reader: Reader,
  accountId: string,
  ids: readonly string[],
): Promise<{ id: string; parent_id: string | null }[]> {
  if (ids.length === 0) return [];
  const { rows } = await sql<{ id: string; parent_id: string | null }>`
    select id, parent_id from images ${dialectOf(reader).readBy('images_of_parent')}
    where parent_id in (${sql.join([...ids])}) and account_id = ${accountId}
      and kind = 'hd' and trashed_at is null
    order by id desc`.execute(reader);
  return rows;
}

registerWrites(import.meta.url, { preparePictures, prunePurges });
