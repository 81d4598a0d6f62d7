// All queries on files and volumes, and the only writers of them. A row in `files` stands for bytes in a store; it is written in
// the transaction that makes them somebody's, and deleted only after the bytes are gone. `deleted_at` is quarantine: not served
// any more, removed after a grace.
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import type { MediaKind } from './media-store.ts';

export interface FilesTable {
  key: string;
  store: string;
  kind: MediaKind;
  mime: string;
  bytes: number;
  sha256: string;
  created_at: number;
  /** Not served while its picture is in the trash. */
  hidden: 0 | 1;
  deleted_at: number | null;
  /** When the scrubber found the bytes missing or changed; never served from then on. */
  damaged_at: number | null;
}

export interface MediaVolumesTable {
  store: string;
  marker_id: string;
  attached_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    files: FilesTable;
    media_volumes: MediaVolumesTable;
  }
}

export interface StoredThumb {
  key: string;
  /** Where it lies, when that is not where its picture does. */
  store?: string;
  bytes: number;
  sha256: string;
}

/** What ingesting a picture gives: everything about its stored bytes. */
export interface StoredPicture {
  store: string;
  fileKind: MediaKind;
  fileKey: string;
  thumb: StoredThumb | null;
  width: number;
  height: number;
  mime: string;
  bytes: number;
  sha256: string;
  thumbhash: string | null;
}

const FRESH = { hidden: 0, deleted_at: null, damaged_at: null } as const;

/** The rows of a picture's file and thumbnail. */
export function fileRows(picture: StoredPicture, now: number): FilesTable[] {
  const { fileKey: key, fileKind: kind, store, mime, bytes, sha256, thumb } = picture;
  const file: FilesTable = { key, kind, store, mime, bytes, sha256, created_at: now, ...FRESH };
  return thumb ? [file, thumbRow(thumb, store, now)] : [file];
}

export function thumbRow(thumb: StoredThumb, store: string, now: number): FilesTable {
  const { key, bytes, sha256 } = thumb;
  const place = thumb.store ?? store;
  return { key, bytes, sha256, kind: 'thumb', store: place, mime: 'image/webp', created_at: now, ...FRESH };
}

/** Forgets files whose bytes are gone. */
export async function forgetFiles(trx: Trx, input: { keys: readonly string[] }): Promise<void> {
  if (input.keys.length === 0) return;
  await trx.deleteFrom('files').where('key', 'in', input.keys).where('deleted_at', 'is not', null).execute();
}

/** Records what the scrubber found: damaged files are not served; `damagedAt` null lifts it. */
export async function markFiles(
  trx: Trx,
  input: { keys: readonly string[]; damagedAt: number | null },
): Promise<void> {
  if (input.keys.length === 0) return;
  await trx
    .updateTable('files')
    .set({ damaged_at: input.damagedAt })
    .where('key', 'in', input.keys)
    .execute();
}

/** Remembers the marker of a store's volume at its first start; returns the one that holds (another node may have won). */
export async function rememberVolume(
  trx: Trx,
  input: { store: string; markerId: string; now: number; replace: boolean },
): Promise<string> {
  const row = { store: input.store, marker_id: input.markerId, attached_at: input.now };
  await trx
    .insertInto('media_volumes')
    .values(row)
    .onConflict((conflict) =>
      input.replace
        ? conflict.column('store').doUpdateSet({ marker_id: row.marker_id, attached_at: row.attached_at })
        : conflict.column('store').doNothing(),
    )
    .execute();
  const kept = await trx
    .selectFrom('media_volumes')
    .select('marker_id')
    .where('store', '=', input.store)
    .executeTakeFirstOrThrow();
  return kept.marker_id;
}

const fileByKey = compileOnce<{ key: string }, FilesTable>((query, param) =>
  query.selectFrom('files').selectAll().where('key', '=', param('key')),
);
export async function findFile(reader: Reader, key: string): Promise<FilesTable | undefined> {
  return (await fileByKey(reader, { key }))[0];
}

/** Rows in order of their keys, quarantined ones included, a page at a time. */
export async function findFilesAfter(
  reader: Reader,
  store: string,
  afterKey: string,
  limit: number,
): Promise<FilesTable[]> {
  return reader
    .selectFrom('files')
    .selectAll()
    .where('store', '=', store)
    .where('key', '>', afterKey)
    .orderBy('key')
    .limit(limit)
    .execute();
}

/** Files in quarantine since before `deletedBefore`. */
export async function findQuarantined(
  reader: Reader,
  store: string,
  deletedBefore: number,
  limit: number,
): Promise<FilesTable[]> {
  return reader
    .selectFrom('files')
    .selectAll()
    .where('store', '=', store)
    .where('deleted_at', '<', deletedBefore)
    .limit(limit)
    .execute();
}

/** Which of these keys have a row that says they lie in this store, or a move that is not over. */
export async function findKnownKeys(
  reader: Reader,
  store: string,
  keys: readonly string[],
): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const rows = await reader
    .selectFrom('files')
    .select('key')
    .where('key', 'in', keys)
    .where('store', '=', store)
    .execute();
  const moving = await reader
    .selectFrom('store_moves')
    .select('file_key as key')
    .where('file_key', 'in', keys)
    .where('state', '<>', 'done')
    .execute();
  return new Set([...rows, ...moving].map((row) => row.key));
}

export async function findVolumeMarker(reader: Reader, store: string): Promise<string | null> {
  const row = await reader
    .selectFrom('media_volumes')
    .select('marker_id')
    .where('store', '=', store)
    .executeTakeFirst();
  return row?.marker_id ?? null;
}

registerWrites(import.meta.url, { forgetFiles, markFiles, rememberVolume });
