// All queries on categories and styles, and the only writers of them. Positions order categories, and styles within one; a
// cover that was uploaded is pinned in the transaction that names it and let go in the one that stops naming it.
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { KEPT_FOREVER_MS, pinUploads, releaseUploads } from '../media/media.ts';
import { MAX_CATEGORIES, MAX_STYLES } from './contract.ts';

interface Common {
  id: string;
  /** `{en, zh}` as JSON. */
  names: string;
  /** `builtin/<file>`, or `<kind>/<key>` of a stored picture; null: none. */
  cover: string | null;
  /** The upload that keeps a stored cover; null for a built-in one. */
  cover_upload_id: string | null;
  enabled: 0 | 1;
  position: number;
}

export type CategoryRow = Common;

export interface StyleRow extends Common {
  category_id: string;
  prompt_template: string;
  negative_prompt: string;
  model: string | null;
  aspect_ratio: string | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    style_categories: CategoryRow;
    styles: StyleRow;
  }
}

/** The table of what has a cover, and what callers call it. */
export type CoverOwner = 'style_categories' | 'styles';

const flag = (value: boolean) => (value ? 1 : 0);

const enabledStyle = compileOnce<{ id: string }, StyleRow>((query, param) =>
  query
    .selectFrom('styles')
    .innerJoin('style_categories', 'style_categories.id', 'styles.category_id')
    .selectAll('styles')
    .where('styles.id', '=', param('id'))
    .where('styles.enabled', '=', 1)
    .where('style_categories.enabled', '=', 1),
);

/** A style that tasks may use: it and its category are switched on. */
export async function findEnabledStyle(reader: Reader, id: string): Promise<StyleRow | undefined> {
  return (await enabledStyle(reader, { id }))[0];
}

export interface StyleBook {
  categories: CategoryRow[];
  styles: StyleRow[];
}

/** Everything, in order. */
export async function readStyles(reader: Reader): Promise<StyleBook> {
  const [categories, styles] = await Promise.all([
    reader.selectFrom('style_categories').selectAll().orderBy('position').orderBy('id').execute(),
    reader.selectFrom('styles').selectAll().orderBy('position').orderBy('id').execute(),
  ]);
  return { categories, styles };
}

/** Whether anything has this cover. */
export async function findCover(reader: Reader, covers: readonly string[]): Promise<string | null> {
  for (const table of ['styles', 'style_categories'] as const) {
    const row = await reader
      .selectFrom(table)
      .select('cover')
      .where('cover', 'in', [...covers])
      .limit(1)
      .executeTakeFirst();
    if (row) return row.cover;
  }
  return null;
}

function missing(what: CoverOwner): AppError {
  const detail = what === 'styles' ? 'There is no such style.' : 'There is no such category.';
  return new AppError('not_found', { detail });
}

/** The next free place of a table, under a lock that makes changes of the set follow one another. */
async function nextPlace(trx: Trx, table: CoverOwner, most: number): Promise<number> {
  await dialectOf(trx).lockName(trx, 'styles');
  const { count, last } = await trx
    .selectFrom(table)
    .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.max('position').as('last')])
    .executeTakeFirstOrThrow();
  if (Number(count) >= most)
    throw new AppError('conflict', { detail: `There are ${most} already, as many as can be.` });
  return Number(last ?? -1) + 1;
}

export async function createCategory(
  trx: Trx,
  input: { id: string; names: string; enabled: boolean },
): Promise<CategoryRow> {
  const position = await nextPlace(trx, 'style_categories', MAX_CATEGORIES);
  const row: CategoryRow = {
    id: input.id,
    names: input.names,
    enabled: flag(input.enabled),
    cover: null,
    cover_upload_id: null,
    position,
  };
  await trx.insertInto('style_categories').values(row).execute();
  return row;
}

export async function updateCategory(
  trx: Trx,
  input: { id: string; names?: string; enabled?: boolean },
): Promise<CategoryRow> {
  const row = await trx
    .updateTable('style_categories')
    .set({
      id: input.id,
      ...(input.names === undefined ? {} : { names: input.names }),
      ...(input.enabled === undefined ? {} : { enabled: flag(input.enabled) }),
    })
    .where('id', '=', input.id)
    .returningAll()
    .executeTakeFirst();
  if (!row) throw missing('style_categories');
  return row;
}

/** Removes a category with its styles; their stored covers are collected later. */
export async function removeCategory(trx: Trx, input: { id: string; now: number }): Promise<void> {
  await dialectOf(trx).lockName(trx, 'styles');
  const styles = await trx
    .deleteFrom('styles')
    .where('category_id', '=', input.id)
    .returning('cover_upload_id')
    .execute();
  const category = await trx
    .deleteFrom('style_categories')
    .where('id', '=', input.id)
    .returning('cover_upload_id')
    .executeTakeFirst();
  if (!category) throw missing('style_categories');
  await letGo(trx, [category, ...styles], input.now);
}

export type StyleFields = Pick<
  StyleRow,
  'names' | 'prompt_template' | 'negative_prompt' | 'model' | 'aspect_ratio' | 'enabled'
>;

export async function createStyle(
  trx: Trx,
  input: { id: string; categoryId: string; fields: StyleFields },
): Promise<StyleRow> {
  const position = await nextPlace(trx, 'styles', MAX_STYLES);
  const category = await trx
    .selectFrom('style_categories')
    .select('id')
    .where('id', '=', input.categoryId)
    .executeTakeFirst();
  if (!category) throw missing('style_categories');
  const row: StyleRow = {
    id: input.id,
    category_id: input.categoryId,
    ...input.fields,
    cover: null,
    cover_upload_id: null,
    position,
  };
  await trx.insertInto('styles').values(row).execute();
  return row;
}

export async function updateStyle(
  trx: Trx,
  input: { id: string; fields: Partial<StyleFields> },
): Promise<StyleRow> {
  const row = await trx
    .updateTable('styles')
    .set({ id: input.id, ...input.fields })
    .where('id', '=', input.id)
    .returningAll()
    .executeTakeFirst();
  if (!row) throw missing('styles');
  return row;
}

export async function removeStyle(trx: Trx, input: { id: string; now: number }): Promise<void> {
  const row = await trx
    .deleteFrom('styles')
    .where('id', '=', input.id)
    .returning('cover_upload_id')
    .executeTakeFirst();
  if (!row) throw missing('styles');
  await letGo(trx, [row], input.now);
}

/** Sets the order of everything at once. Throws `conflict` unless it names exactly what there is. */
export async function orderStyles(
  trx: Trx,
  input: { categories: readonly { id: string; styles: readonly string[] }[] },
): Promise<void> {
  await dialectOf(trx).lockName(trx, 'styles');
  const { categories, styles } = await readStyles(trx);
  const wanted = input.categories.flatMap((category) => category.styles);
  requireSame(
    categories.map(({ id }) => id),
    input.categories.map(({ id }) => id),
  );
  requireSame(
    styles.map(({ id }) => id),
    wanted,
  );
  let place = 0;
  for (const [position, category] of input.categories.entries()) {
    await trx.updateTable('style_categories').set({ position }).where('id', '=', category.id).execute();
    for (const id of category.styles) {
      const where = { category_id: category.id, position: place };
      await trx.updateTable('styles').set(where).where('id', '=', id).execute();
      place += 1;
    }
  }
}

function requireSame(have: readonly string[], wanted: readonly string[]): void {
  const isSame = have.length === wanted.length && new Set([...have, ...wanted]).size === have.length;
  if (isSame) return;
  throw new AppError('conflict', {
    detail: 'The order does not name every category and every style exactly once.',
    fix: 'Read GET /v1/admin/styles again and send the whole order.',
  });
}

/** Names another cover, or none; an upload that it needs is kept for as long as it is named. */
export async function setCover(
  trx: Trx,
  input: {
    owner: CoverOwner;
    id: string;
    cover: { path: string; uploadId: string; accountId: string } | null;
    now: number;
  },
): Promise<void> {
  const { owner, id, cover } = input;
  const before = await dialectOf(trx)
    .lockRow(trx.selectFrom(owner).select('cover_upload_id').where('id', '=', id))
    .executeTakeFirst();
  if (!before) throw missing(owner);
  if (cover) {
    await pinUploads(trx, { ids: [cover.uploadId], accountId: cover.accountId, untilMs: KEPT_FOREVER_MS });
  }
  await trx
    .updateTable(owner)
    .set({ cover: cover?.path ?? null, cover_upload_id: cover?.uploadId ?? null })
    .where('id', '=', id)
    .execute();
  await letGo(trx, [before], input.now);
}

function letGo(trx: Trx, rows: readonly Pick<Common, 'cover_upload_id'>[], now: number): Promise<void> {
  const ids = rows.flatMap((row) => (row.cover_upload_id === null ? [] : [row.cover_upload_id]));
  return releaseUploads(trx, { ids, untilMs: now });
}

registerWrites(import.meta.url, {
  createCategory,
  updateCategory,
  removeCategory,
  createStyle,
  updateStyle,
  removeStyle,
  orderStyles,
  setCover,
});
