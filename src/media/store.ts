// All queries on pictures, and the only writers of them. Their files' rows (file-store.ts) come and go in the same
// transactions, so that a file with a row is always somebody's.

import assert from 'node:assert/strict';
import { sql } from 'kysely';
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { currentChange } from '../kernel/db-dialect.ts';
import { appendEvent } from '../kernel/outbox.ts';
import { fileRows, type StoredPicture, type StoredThumb, thumbRow } from './file-store.ts';
import { galleryColumnsOf, type NewFacts, purgeFromGallery } from './gallery-store.ts';

/** Where the task of a picture came from. */
export type Origin = 'studio' | 'batch' | 'story' | 'api';

export interface ImagesTable {
  id: string;
  account_id: string;
  task_id: string | null;
  position: number;
  kind: 'final' | 'hd';
  file_key: string;
  thumb_key: string | null;
  width: number;
  height: number;
  mime: string;
  bytes: number;
  sha256: string;
  thumbhash: string | null;
  seed: number | null;
  mode: string;
  model: string;
  provider: string;
  prompt: string;
  style_id: string | null;
  /** The names of the style when it was used, `{en, zh}` as JSON. */
  style_names: string | null;
  origin: Origin;
  /** What the gallery keeps of it (gallery-record.ts); null until an old row is prepared. */
  gallery: string | null;
  favourite: 0 | 1;
  /** A JSON array of strings. */
  tags: string;
  parent_id: string | null;
  /** Delivered beyond the `n` that was asked for: kept, uncharged. */
  extra: 0 | 1;
  captured: 0 | 1;
  /** It came when its task had ended without it: kept, uncharged. */
  late: 0 | 1;
  created_at: number;
  trashed_at: number | null;
  version: number;
  change: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    images: ImagesTable;
  }
}

export interface NewImage {
  id: string;
  accountId: string;
  taskId: string | null;
  /** Place in its task, from 0. */
  position: number;
  kind: 'final' | 'hd';
  picture: StoredPicture;
  seed: number | null;
  mode: string;
  model: string;
  provider: string;
  prompt: string;
  /** What it was made with; absent or null: no style. */
  style?: { id: string; names: { en: string; zh: string } } | null;
  /** Absent: `api`. */
  origin?: Origin;
  parentId: string | null;
  extra: boolean;
  captured: boolean;
  late?: boolean;
}

const flag = (value: boolean) => (value ? 1 : 0);

/** Tells open studios that a picture changed. */
export async function announce(
  trx: Trx,
  image: Pick<ImagesTable, 'id' | 'account_id' | 'version'>,
  nowMs: number,
): Promise<void> {
  await appendEvent(trx, {
    accountId: image.account_id,
    topic: 'images',
    entityId: image.id,
    type: 'image.updated',
    version: image.version,
    nowMs,
  });
}

function factsOf(image: NewImage, createdAt: number): NewFacts {
  const { picture, accountId, prompt, mode, kind, model, provider } = image;
  const { width, height, bytes } = picture;
  const style = image.style ? { id: image.style.id, label: JSON.stringify(image.style.names) } : null;
  const origin = image.origin ?? 'api';
  return { accountId, prompt, width, height, bytes, mode, kind, origin, model, provider, style, createdAt };
}

/** Adds pictures and their files; called inside the transaction that finalises their task. */
export async function insertImages(
  trx: Trx,
  input: { now: number; images: readonly NewImage[] },
): Promise<void> {
  if (input.images.length === 0) return;
  const { now } = input;
  for (const { kind, picture } of input.images) assert.equal(kind, picture.fileKind);
  await trx
    .insertInto('files')
    .values(input.images.flatMap(({ picture }) => fileRows(picture, now)))
    .execute();
  const columns = await galleryColumnsOf(
    trx,
    input.images.map((image) => factsOf(image, now)),
  );
  await trx
    .insertInto('images')
    .values(
      input.images.map(({ picture, ...image }, index) => ({
        id: image.id,
        account_id: image.accountId,
        task_id: image.taskId,
        position: image.position,
        kind: image.kind,
        file_key: picture.fileKey,
        thumb_key: picture.thumb?.key ?? null,
        width: picture.width,
        height: picture.height,
        mime: picture.mime,
        bytes: picture.bytes,
        sha256: picture.sha256,
        thumbhash: picture.thumbhash,
        seed: image.seed,
        mode: image.mode,
        model: image.model,
        provider: image.provider,
        prompt: image.prompt,
        style_id: image.style?.id ?? null,
        style_names: image.style ? JSON.stringify(image.style.names) : null,
        origin: image.origin ?? 'api',
        gallery: columns[index] ?? null,
        favourite: 0 as const,
        tags: '[]',
        parent_id: image.parentId,
        extra: flag(image.extra),
        captured: flag(image.captured),
        late: flag(image.late ?? false),
        created_at: now,
        trashed_at: null,
        version: 1,
        change: currentChange(),
      })),
    )
    .execute();
}

export async function updateImage(
  trx: Trx,
  input: { id: string; accountId: string; now: number; favourite?: boolean; tags?: readonly string[] },
): Promise<ImagesTable | undefined> {
  const row = await trx
    .updateTable('images')
    .set((eb) => ({
      version: eb('version', '+', 1),
      change: currentChange(),
      ...(input.favourite === undefined ? {} : { favourite: flag(input.favourite) }),
      ...(input.tags === undefined ? {} : { tags: JSON.stringify(input.tags) }),
    }))
    .where('id', '=', input.id)
    .where('account_id', '=', input.accountId)
    .returningAll()
    .executeTakeFirst();
  if (row) await announce(trx, row, input.now);
  return row;
}

/** Moves a picture to the trash or back. The file is hidden; its thumbnail stays for the trash view. */
export async function setImageTrashed(
  trx: Trx,
  input: { id: string; accountId: string; now: number; trashed: boolean },
): Promise<ImagesTable | undefined> {
  const row = await trx
    .updateTable('images')
    .set((eb) => ({
      version: eb('version', '+', 1),
      change: currentChange(),
      // A second DELETE does not start the trash's time again.
      trashed_at: input.trashed ? eb.fn.coalesce('trashed_at', eb.val(input.now)) : null,
    }))
    .where('id', '=', input.id)
    .where('account_id', '=', input.accountId)
    .returningAll()
    .executeTakeFirst();
  if (row) {
    await trx
      .updateTable('files')
      .set({ hidden: flag(input.trashed) })
      .where('key', '=', row.file_key)
      .execute();
    await announce(trx, row, input.now);
  }
  return row;
}

/** Moves every picture of an account to the trash, and lets none of its uploads outlive `uploadsUntilMs`. */
export async function trashAllOf(
  trx: Trx,
  input: { accountId: string; uploadsUntilMs: number; now: number },
): Promise<void> {
  const { accountId, uploadsUntilMs, now } = input;
  const trashed = await trx
    .updateTable('images')
    .set((eb) => ({ version: eb('version', '+', 1), change: currentChange(), trashed_at: now }))
    .where('account_id', '=', accountId)
    .where('trashed_at', 'is', null)
    .returningAll()
    .execute();
  for (const row of trashed) {
    await trx
      .updateTable('files')
      .set({ hidden: flag(true) })
      .where('key', '=', row.file_key)
      .execute();
    await announce(trx, row, now);
  }
  await trx
    .updateTable('uploads')
    .set({ expires_at: uploadsUntilMs })
    .where('account_id', '=', accountId)
    .where('expires_at', '>', uploadsUntilMs)
    .execute();
}

/** Takes pictures trashed and uploads expired before these times out of the tables and quarantines their files. */
export async function collectExpired(
  trx: Trx,
  input: { now: number; trashedBefore: number; limit: number },
): Promise<{ images: number; uploads: number }> {
  // The condition stands in the DELETE too: a picture restored since the inner query read it stays.
  const images = await trx
    .deleteFrom('images')
    .where('id', 'in', (eb) =>
      eb.selectFrom('images').select('id').where('trashed_at', '<', input.trashedBefore).limit(input.limit),
    )
    .where('trashed_at', '<', input.trashedBefore)
    .returning(['id', 'account_id', 'gallery', 'file_key', 'thumb_key'])
    .execute();
  await purgeFromGallery(trx, { purged: images, now: input.now });
  const uploads = await trx
    .deleteFrom('uploads')
    .where('id', 'in', (eb) =>
      eb.selectFrom('uploads').select('id').where('expires_at', '<', input.now).limit(input.limit),
    )
    .where('expires_at', '<', input.now)
    .returning(['file_key', 'thumb_key'])
    .execute();
  const keys = [...images, ...uploads].flatMap((row) => [row.file_key, row.thumb_key ?? []].flat());
  if (keys.length > 0) {
    await trx.updateTable('files').set({ deleted_at: input.now }).where('key', 'in', keys).execute();
  }
  return { images: images.length, uploads: uploads.length };
}

/** Gives a picture the thumbnail that could not be made when it was stored; false if it has one or is gone. */
export async function addThumb(
  trx: Trx,
  input: {
    imageId: string;
    store: string;
    thumb: StoredThumb;
    thumbhash: string;
    now: number;
  },
): Promise<boolean> {
  const updated = await trx
    .updateTable('images')
    .set((eb) => ({
      thumb_key: input.thumb.key,
      thumbhash: input.thumbhash,
      version: eb('version', '+', 1),
      change: currentChange(),
    }))
    .where('id', '=', input.imageId)
    .where('thumb_key', 'is', null)
    .returning('id')
    .executeTakeFirst();
  if (!updated) return false;
  await trx
    .insertInto('files')
    .values(thumbRow(input.thumb, input.store, input.now))
    .execute();
  return true;
}

/** Lets uploads go that were pinned for something that needs them no more; called inside its transaction. */
export async function releaseUploads(
  trx: Trx,
  input: { ids: readonly string[]; untilMs: number },
): Promise<void> {
  if (input.ids.length === 0) return;
  await trx
    .updateTable('uploads')
    .set({ expires_at: input.untilMs })
    .where('id', 'in', [...input.ids])
    .execute();
}

const imageOfAccount = compileOnce<{ id: string; accountId: string }, ImagesTable>((query, param) =>
  query
    .selectFrom('images')
    .selectAll()
    .where('id', '=', param('id'))
    .where('account_id', '=', param('accountId')),
);
const imagesOfTask = compileOnce<{ taskId: string }, ImagesTable>((query, param) =>
  query.selectFrom('images').selectAll().where('task_id', '=', param('taskId')).orderBy('position'),
);

export async function findImage(
  reader: Reader,
  id: string,
  accountId: string,
): Promise<ImagesTable | undefined> {
  return (await imageOfAccount(reader, { id, accountId }))[0];
}

/** A task's pictures in order, extras and trashed ones included. */
export async function findImagesOfTask(reader: Reader, taskId: string): Promise<ImagesTable[]> {
  return imagesOfTask(reader, { taskId });
}

/** The pictures of many tasks at once, in order within each, for lists. */
export async function findImagesOfTasks(reader: Reader, taskIds: readonly string[]): Promise<ImagesTable[]> {
  if (taskIds.length === 0) return [];
  return reader
    .selectFrom('images')
    .selectAll()
    .where('task_id', 'in', taskIds)
    .orderBy('task_id')
    .orderBy('position')
    .execute();
}

/** Whether the account owns the picture or upload that has this file or thumbnail. */
export async function ownsFile(reader: Reader, key: string, accountId: string): Promise<boolean> {
  for (const table of ['images', 'uploads'] as const) {
    const row = await reader
      .selectFrom(table)
      .select('id')
      .where('account_id', '=', accountId)
      .where((eb) => eb.or([eb('file_key', '=', key), eb('thumb_key', '=', key)]))
      .executeTakeFirst();
    if (row) return true;
  }
  return false;
}

export interface ImageFilter {
  accountId: string;
  trashed: boolean;
  limit: number;
  /** The last id of the page before. */
  afterId?: string | undefined;
  mode?: string | undefined;
  model?: string | undefined;
  provider?: string | undefined;
  favourite?: boolean | undefined;
  kind?: 'final' | 'hd' | undefined;
  taskId?: string | undefined;
  tag?: string | undefined;
  /** Milliseconds: made earlier than, at or later than. */
  before?: number | undefined;
  after?: number | undefined;
  /** Words that must all be in the prompt, case folded. */
  q?: string | undefined;
}

const MAX_SEARCH_WORDS = 8;

/** A substring pattern for LIKE in which the text's own wildcards are plain characters. */
function likePattern(text: string): string {
  return `%${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
}

/** Newest first: ids sort by time of creation, so the id alone is the key of a page. */
export async function findImages(reader: Reader, filter: ImageFilter): Promise<ImagesTable[]> {
  let query = reader
    .selectFrom('images')
    .selectAll()
    .where('account_id', '=', filter.accountId)
    .where('trashed_at', filter.trashed ? 'is not' : 'is', null)
    .orderBy('id', 'desc')
    .limit(filter.limit);
  for (const column of ['mode', 'model', 'provider', 'kind'] as const) {
    const value = filter[column];
    if (value !== undefined) query = query.where(column, '=', value);
  }
  if (filter.taskId !== undefined) query = query.where('task_id', '=', filter.taskId);
  if (filter.favourite !== undefined) query = query.where('favourite', '=', filter.favourite ? 1 : 0);
  if (filter.before !== undefined) query = query.where('created_at', '<', filter.before);
  if (filter.after !== undefined) query = query.where('created_at', '>=', filter.after);
  if (filter.afterId !== undefined) query = query.where('id', '<', filter.afterId);
  if (filter.tag !== undefined) {
    const pattern = likePattern(JSON.stringify(filter.tag));
    query = query.where(sql<boolean>`lower(tags) like ${pattern} escape '\\'`);
  }
  for (const word of (filter.q ?? '').split(/\s+/).filter(Boolean).slice(0, MAX_SEARCH_WORDS)) {
    query = query.where(sql<boolean>`lower(prompt) like ${likePattern(word)} escape '\\'`);
  }
  return query.execute();
}

export async function findImagesWithoutThumb(reader: Reader, limit: number): Promise<ImagesTable[]> {
  return reader
    .selectFrom('images')
    .selectAll()
    .where('thumb_key', 'is', null)
    .where('trashed_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}

registerWrites(import.meta.url, {
  updateImage,
  setImageTrashed,
  collectExpired,
  addThumb,
});
