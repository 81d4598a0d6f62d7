// All queries on shares, and the only writer of them. A share is a row per link and a row per picture that it shows; revoking
// one deletes both, so that the very next request finds nothing. A picture in the trash is not found either.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import type { ImagesTable } from '../media/media.ts';

export type ShareSourceKind = 'images' | 'story' | 'batch';

interface SharesTable {
  id: string;
  account_id: string;
  /** What the address ends with: unguessable, and all that a visitor needs. */
  slug: string;
  source_kind: ShareSourceKind;
  source_id: string | null;
  title: string;
  show_prompt: 0 | 1;
  allow_download: 0 | 1;
  password_hash: string | null;
  expires_at: number | null;
  views: number;
  created_at: number;
  updated_at: number;
}

interface ShareImagesTable {
  share_id: string;
  /** From 1, as in the addresses of its pictures; it never moves. */
  position: number;
  image_id: string;
}

declare module '../kernel/db.ts' {
  interface Tables {
    shares: SharesTable;
    share_images: ShareImagesTable;
  }
}

export type ShareRow = SharesTable;

/** What a share shows of a picture. */
export type SharedImageRow = Pick<
  ImagesTable,
  | 'kind'
  | 'file_key'
  | 'thumb_key'
  | 'width'
  | 'height'
  | 'mime'
  | 'sha256'
  | 'mode'
  | 'model'
  | 'prompt'
  | 'bytes'
> &
  ShareImagesTable;

/** Each account has this many links at most; a program that makes one a picture must revoke old ones. */
export const MAX_SHARES_PER_ACCOUNT = 10_000;

export interface NewShare {
  id: string;
  slug: string;
  accountId: string;
  sourceKind: ShareSourceKind;
  sourceId: string | null;
  imageIds: readonly string[];
  title: string;
  showPrompt: boolean;
  allowDownload: boolean;
  passwordHash: string | null;
  expiresAt: number | null;
  now: number;
}

const flag = (value: boolean) => (value ? 1 : 0);

/** Throws `not_found` unless every picture is the account's own and out of the trash, `conflict` when it has too many links. */
export async function insertShare(trx: Trx, input: NewShare): Promise<ShareRow> {
  const { accountId, imageIds, now } = input;
  await dialectOf(trx).lockName(trx, `shares:${accountId}`);
  const { count } = await trx
    .selectFrom('shares')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow();
  if (Number(count) >= MAX_SHARES_PER_ACCOUNT) {
    throw new AppError('conflict', {
      detail: `This account has ${MAX_SHARES_PER_ACCOUNT} links already.`,
      fix: 'Revoke links that are no longer used.',
    });
  }
  const owned = await trx
    .selectFrom('images')
    .select('id')
    .where('id', 'in', imageIds)
    .where('account_id', '=', accountId)
    .where('trashed_at', 'is', null)
    .execute();
  if (owned.length !== imageIds.length)
    throw new AppError('not_found', { detail: 'There is no such picture.' });
  const row = await trx
    .insertInto('shares')
    .values({
      id: input.id,
      account_id: accountId,
      slug: input.slug,
      source_kind: input.sourceKind,
      source_id: input.sourceId,
      title: input.title,
      show_prompt: flag(input.showPrompt),
      allow_download: flag(input.allowDownload),
      password_hash: input.passwordHash,
      expires_at: input.expiresAt,
      views: 0,
      created_at: now,
      updated_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await trx
    .insertInto('share_images')
    .values(imageIds.map((image_id, index) => ({ share_id: input.id, position: index + 1, image_id })))
    .execute();
  return row;
}

export interface ShareChange {
  accountId: string;
  id: string;
  title?: string;
  showPrompt?: boolean;
  allowDownload?: boolean;
  /** Null takes the password away. */
  passwordHash?: string | null;
  /** Null: it never expires. */
  expiresAt?: number | null;
  now: number;
}

/** Changes what is given. Undefined: the account has no such share. */
export async function changeShare(trx: Trx, input: ShareChange): Promise<ShareRow | undefined> {
  const { title, showPrompt, allowDownload, passwordHash, expiresAt } = input;
  return trx
    .updateTable('shares')
    .set({
      ...(title === undefined ? {} : { title }),
      ...(showPrompt === undefined ? {} : { show_prompt: flag(showPrompt) }),
      ...(allowDownload === undefined ? {} : { allow_download: flag(allowDownload) }),
      ...(passwordHash === undefined ? {} : { password_hash: passwordHash }),
      ...(expiresAt === undefined ? {} : { expires_at: expiresAt }),
      updated_at: input.now,
    })
    .where('id', '=', input.id)
    .where('account_id', '=', input.accountId)
    .returningAll()
    .executeTakeFirst();
}

/** Revokes a share for good; false when the account has no such one. */
export async function removeShare(trx: Trx, input: { accountId: string; id: string }): Promise<boolean> {
  const row = await findShare(trx, input.accountId, input.id);
  if (!row) return false;
  await trx.deleteFrom('share_images').where('share_id', '=', row.id).execute();
  const removed = await trx.deleteFrom('shares').where('id', '=', row.id).executeTakeFirst();
  return removed.numDeletedRows > 0n;
}

/** Adds views to shares; one revoked meanwhile is passed over. */
export async function addViews(
  trx: Trx,
  input: { views: readonly (readonly [shareId: string, count: number])[] },
): Promise<void> {
  // In one order everywhere, so that two nodes never wait for each other.
  const sorted = [...input.views].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [id, count] of sorted) {
    await trx
      .updateTable('shares')
      .set((eb) => ({ views: eb('views', '+', count) }))
      .where('id', '=', id)
      .execute();
  }
}

/** The account's own share, by its id or by its slug. */
export function findShare(
  reader: Reader,
  accountId: string,
  idOrSlug: string,
): Promise<ShareRow | undefined> {
  return reader
    .selectFrom('shares')
    .selectAll()
    .where((eb) => eb.or([eb('id', '=', idOrSlug), eb('slug', '=', idOrSlug)]))
    .where('account_id', '=', accountId)
    .executeTakeFirst();
}

export interface ShareFilter {
  accountId: string;
  limit: number;
  /** The last id of the page before. */
  afterId?: string | undefined;
  /** Only shares that show one of these pictures. */
  imageIds?: readonly string[] | undefined;
}

/** The account's shares, newest first. */
export function listShares(reader: Reader, filter: ShareFilter): Promise<ShareRow[]> {
  const { accountId, limit, afterId, imageIds } = filter;
  let query = reader
    .selectFrom('shares')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('id', 'desc')
    .limit(limit);
  if (afterId !== undefined) query = query.where('id', '<', afterId);
  if (imageIds !== undefined) {
    query = query.where('id', 'in', (eb) =>
      eb.selectFrom('share_images').select('share_id').where('image_id', 'in', imageIds),
    );
  }
  return query.execute();
}

/** Whose link this is, for visitors; a link of a disabled account is not found. */
export function findShareBySlug(reader: Reader, slug: string): Promise<ShareRow | undefined> {
  return reader
    .selectFrom('shares')
    .innerJoin('accounts', 'accounts.id', 'shares.account_id')
    .selectAll('shares')
    .where('shares.slug', '=', slug)
    .where('accounts.disabled_at', 'is', null)
    .executeTakeFirst();
}

/** All pictures of a share, those in the trash included. */
export async function findImageIdsOfShare(reader: Reader, shareId: string): Promise<string[]> {
  const rows = await reader
    .selectFrom('share_images')
    .select('image_id')
    .where('share_id', '=', shareId)
    .execute();
  return rows.map(({ image_id: id }) => id);
}

/** The pictures that these shares show now, in order within each; trashed and deleted ones are left out. */
export async function findSharedImages(
  reader: Reader,
  shareIds: readonly string[],
): Promise<SharedImageRow[]> {
  if (shareIds.length === 0) return [];
  return reader
    .selectFrom('share_images')
    .innerJoin('images', 'images.id', 'share_images.image_id')
    .select([
      'share_images.share_id',
      'share_images.position',
      'share_images.image_id',
      'images.kind',
      'images.file_key',
      'images.thumb_key',
      'images.width',
      'images.height',
      'images.mime',
      'images.bytes',
      'images.sha256',
      'images.mode',
      'images.model',
      'images.prompt',
    ])
    .where('share_images.share_id', 'in', shareIds)
    .where('images.trashed_at', 'is', null)
    .orderBy('share_images.share_id')
    .orderBy('share_images.position')
    .execute();
}

registerWrites(import.meta.url, { insertShare, changeShare, removeShare, addViews });
