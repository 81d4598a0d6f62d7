// All queries on the names that pictures had in older systems, and the only writer of them. A name is given once for each kind;
// it means the same bytes for good, unless its picture was deleted.
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { StoredPicture } from './file-store.ts';
import { insertImages } from './store.ts';
import { createUpload } from './upload-store.ts';

export type AliasKind = 'original' | 'final' | 'hd';

export interface MediaAliasesTable {
  kind: AliasKind;
  /** The path below the older system's folder of this kind, such as `cat.png` or `2024/cat.png`. */
  name: string;
  file_key: string;
  account_id: string;
  /** Of the bytes as they were imported; what is stored may be smaller (no GPS position, no prompt). */
  sha256: string;
  created_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    media_aliases: MediaAliasesTable;
  }
}

/** What one imported file becomes, before its picture is stored. */
export interface NewAlias {
  kind: AliasKind;
  name: string;
  sha256: string;
  accountId: string;
  now: number;
}

export interface ImportedPicture {
  /** `img_…`, or `up_…` for an original. */
  id: string;
  stored: StoredPicture;
  prompt: string;
  mode: string;
  model: string;
  createdAt: number;
  /** For an original, which is an upload: when it is collected. */
  expiresAt: number;
}

const aliasOf = compileOnce<{ kind: AliasKind; name: string }, MediaAliasesTable>((query, param) =>
  query
    .selectFrom('media_aliases as a')
    .innerJoin('files as f', 'f.key', 'a.file_key')
    .selectAll('a')
    .where('a.kind', '=', param('kind'))
    .where('a.name', '=', param('name'))
    .where('f.deleted_at', 'is', null),
);

/** A name whose picture is still there; undefined for every other. */
export async function findAlias(
  reader: Reader,
  kind: AliasKind,
  name: string,
): Promise<MediaAliasesTable | undefined> {
  return (await aliasOf(reader, { kind, name }))[0];
}

/** Those of these names whose pictures are still there. */
export async function findAliases(
  reader: Reader,
  kind: AliasKind,
  names: readonly string[],
): Promise<MediaAliasesTable[]> {
  if (names.length === 0) return [];
  return reader
    .selectFrom('media_aliases as a')
    .innerJoin('files as f', 'f.key', 'a.file_key')
    .selectAll('a')
    .where('a.kind', '=', kind)
    .where('a.name', 'in', [...names])
    .where('f.deleted_at', 'is', null)
    .execute();
}

/** The same bytes that the account imported as this kind under another name. */
export async function findSameContent(
  reader: Reader,
  { accountId, kind, sha256 }: Pick<NewAlias, 'accountId' | 'kind' | 'sha256'>,
): Promise<MediaAliasesTable | undefined> {
  return reader
    .selectFrom('media_aliases as a')
    .innerJoin('files as f', 'f.key', 'a.file_key')
    .selectAll('a')
    .where('a.account_id', '=', accountId)
    .where('a.kind', '=', kind)
    .where('a.sha256', '=', sha256)
    .where('f.deleted_at', 'is', null)
    .executeTakeFirst();
}

/** The account's own picture or upload that has this file. */
export async function findOwnerOfFile(
  reader: Reader,
  key: string,
  accountId: string,
): Promise<{ id: string } | undefined> {
  for (const table of ['images', 'uploads'] as const) {
    const row = await reader
      .selectFrom(table)
      .select('id')
      .where('account_id', '=', accountId)
      .where('file_key', '=', key)
      .executeTakeFirst();
    if (row) return row;
  }
  return undefined;
}

async function giveName(trx: Trx, { kind, name, sha256, accountId, now }: NewAlias, fileKey: string) {
  const earlier = await findAlias(trx, kind, name);
  if (earlier)
    throw new AppError('conflict', { detail: `Another picture has the name "${name}" (${kind}) already.` });
  // What is left stands for a picture that was deleted.
  await trx.deleteFrom('media_aliases').where('kind', '=', kind).where('name', '=', name).execute();
  await trx
    .insertInto('media_aliases')
    .values({ kind, name, file_key: fileKey, account_id: accountId, sha256, created_at: now })
    .execute();
}

/** One more name for bytes that are stored already. Throws `conflict` when the name means other bytes. */
export async function addAlias(trx: Trx, input: { alias: NewAlias; fileKey: string }): Promise<void> {
  await giveName(trx, input.alias, input.fileKey);
}

/** A picture of an older system with its name. Throws `conflict` when the name means other bytes. */
export async function insertImported(
  trx: Trx,
  input: { alias: NewAlias; picture: ImportedPicture },
): Promise<void> {
  const { alias, picture } = input;
  const { kind, accountId } = alias;
  const { id, stored, prompt, mode, model, createdAt, expiresAt } = picture;
  await giveName(trx, alias, stored.fileKey);
  if (kind === 'original') {
    await createUpload(trx, { id, accountId, picture: stored, now: alias.now, expiresAt });
    return;
  }
  const image = { id, accountId, picture: stored, prompt, mode, model, kind } as const;
  const nothing = { taskId: null, position: 0, seed: null, parentId: null, extra: false, captured: false };
  // As old as it is, so that it stands in its place among the others.
  await insertImages(trx, { now: createdAt, images: [{ ...image, ...nothing, provider: 'import' }] });
}

registerWrites(import.meta.url, { addAlias, insertImported });
