// The names that pictures had in older systems: what is one, which file it means, and how a file comes in under one.
import type { Clock } from '../kernel/clock.ts';
import type { Db, Reader } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import {
  type AliasKind,
  addAlias,
  findAlias,
  findSameContent,
  insertImported,
  type MediaAliasesTable,
} from './alias-store.ts';
import { findFile } from './file-store.ts';
import type { PictureSource } from './intake.ts';
import type { Media } from './media.ts';
import { isMediaKey, type MediaKind } from './media-store.ts';

/** The router takes 300 characters; percent-encoded ones count as one. */
export const MAX_OLD_NAME_CHARS = 250;
/** Whoever imports originals wants them for good: collected as an upload that nobody used for a hundred years. */
const ORIGINAL_KEEP_MS = 100 * 365 * 24 * 3_600_000;
/** Where `/images/<name>` looks, in this order. */
const ALIAS_KINDS: readonly AliasKind[] = ['final', 'hd', 'original'];

/** A name in the one form it is kept and looked up in; null for what can be none. */
export function parseOldName(text: string): string | null {
  const name = text.normalize('NFC');
  if (name === '' || name.length > MAX_OLD_NAME_CHARS || !name.isWellFormed()) return null;
  if (/[\p{Cc}\\]/u.test(name)) return null;
  const isPlain = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  return isPlain ? name : null;
}

export function isAliasKind(kind: MediaKind): kind is AliasKind {
  return kind !== 'thumb';
}

/** The file that an older name of a kind means; null when there is none. */
export async function keyOfOldName(reader: Reader, kind: MediaKind, text: string): Promise<string | null> {
  const name = parseOldName(text);
  if (name === null || !isAliasKind(kind)) return null;
  return (await findAlias(reader, kind, name))?.file_key ?? null;
}

/** What `/images/<name>` means: a key of ours, or an older name of any kind. */
export async function findByAnyName(
  reader: Reader,
  text: string,
): Promise<{ kind: MediaKind; key: string } | null> {
  if (isMediaKey(text)) {
    const row = await findFile(reader, text);
    if (row) return { kind: row.kind, key: row.key };
  }
  for (const kind of ALIAS_KINDS) {
    const key = await keyOfOldName(reader, kind, text);
    if (key !== null) return { kind, key };
  }
  return null;
}

export interface ImportRequest {
  kind: AliasKind;
  /** As `parseOldName` gave it. */
  name: string;
  /** Of the source's bytes, hexadecimal: what came is compared with it. */
  sha256: string;
  source: PictureSource;
  accountId: string;
  prompt: string;
  mode: string;
  model: string;
  /** Milliseconds: when it was made there. */
  createdAt: number;
}

/** How a name stands before its file is sent. */
export function importStateOf(
  alias: Pick<MediaAliasesTable, 'sha256' | 'account_id'> | undefined,
  wanted: { sha256: string; accountId: string },
): 'new' | 'known' | 'taken' {
  if (!alias) return 'new';
  return alias.sha256 === wanted.sha256 && alias.account_id === wanted.accountId ? 'known' : 'taken';
}

/**
 * Stores a picture of an older system under its name there; the same call again changes nothing. Throws `conflict` when the name
 * means other bytes or is another account's, and what storing throws.
 */
export async function importPicture(
  { db, clock, media }: { db: Db; clock: Clock; media: Media },
  request: ImportRequest,
): Promise<'imported' | 'linked' | 'known'> {
  const { kind, name, sha256, accountId, createdAt } = request;
  const state = importStateOf(await findAlias(db.read, kind, name), request);
  if (state === 'known') return 'known';
  if (state === 'taken') {
    throw new AppError('conflict', { detail: `Another picture has the name "${name}" (${kind}) already.` });
  }
  const now = clock.now();
  const alias = { kind, name, sha256, accountId, now };
  const same = await findSameContent(db.read, alias);
  if (same) {
    await db.write(addAlias, { alias, fileKey: same.file_key });
    return 'linked';
  }
  const stored =
    kind === 'original'
      ? await media.storeOriginal(request.source)
      : await media.ingestResult(request.source, kind);
  const { prompt, mode, model } = request;
  const id = newId(kind === 'original' ? 'up' : 'img', createdAt);
  const picture = { id, stored, prompt, mode, model, createdAt, expiresAt: now + ORIGINAL_KEEP_MS };
  await db.write(insertImported, { alias, picture });
  db.signal('events');
  return 'imported';
}
