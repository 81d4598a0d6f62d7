// Files wherever they lie: opens them in the store that their row names, gives helpers a local path, and says where browsers
// may fetch them by themselves. A file that is being moved is found in either place.
import { rename } from 'node:fs/promises';
import { AppError } from '../kernel/errors.ts';
import { measure } from './disk-files.ts';
import type { DiskStore } from './disk-store.ts';
import type { FilesTable } from './file-store.ts';
import { ImgbbStore } from './imgbb-store.ts';
import type { OpenedFile } from './media-store.ts';
import { LONGEST_PRESIGN_MS, S3Store } from './s3-store.ts';
import type { StoreOrder } from './store-order.ts';

/** How long a redirect to a public address may be kept; the address itself holds for good. */
const PUBLIC_REDIRECT_S = 3600;

export interface RemoteFilesOptions {
  order: StoreOrder;
  disk: DiskStore;
  /** Callers are sent to S3 stores instead of through this server. */
  redirects: boolean;
}

export interface Redirect {
  url: string;
  /** Seconds for which the answer may be kept by anybody; 0: not at all. */
  publicForS: number;
}

export class RemoteFiles {
  readonly #options: RemoteFilesOptions;

  constructor(options: RemoteFilesOptions) {
    this.#options = options;
  }

  /** Opens the file, and again where `reread` says it lies when it has moved meanwhile. Throws what the store says. */
  async open(
    row: FilesTable,
    reread: () => Promise<FilesTable | undefined>,
  ): Promise<{ opened: OpenedFile; store: string }> {
    const { order } = this.#options;
    try {
      return { opened: await order.require(row.store).open(row.kind, row.key), store: row.store };
    } catch (error) {
      const now = order.remotes.length > 0 ? await reread() : undefined;
      if (!now || now.store === row.store) throw error;
      return { opened: await order.require(now.store).open(row.kind, row.key), store: now.store };
    }
  }

  /** The path of an open file, which it closes; a remote one is fetched once and kept for a day after its last use. */
  async localPath({ row, opened }: { row: FilesTable; opened: OpenedFile }): Promise<string> {
    const { disk } = this.#options;
    if (opened.path !== null) {
      await opened.close();
      return opened.path;
    }
    const path = disk.copyPath(row.key);
    try {
      const kept = await measure(path).catch(() => null);
      if (kept && isSame(kept, row)) {
        await this.#options.disk.touch(path);
        return path;
      }
      const staged = await disk.stage(opened.stream(), { maxBytes: row.bytes });
      if (!isSame(staged, row)) {
        await disk.discard(staged.path);
        throw new AppError('storage_unavailable', {
          detail: 'The store gave other bytes than were stored.',
        });
      }
      await rename(staged.path, path);
      return path;
    } finally {
      await opened.close();
    }
  }

  /** Where browsers fetch the file by themselves, or null. Only pictures at a public host are always fetched there. */
  async redirect(
    row: FilesTable,
    how: { disposition: string | null; isPrivate: boolean },
  ): Promise<Redirect | null> {
    const store = this.#options.order.find(row.store);
    if (store instanceof ImgbbStore) {
      const url = how.isPrivate ? null : await store.publicUrl(row.key);
      return url === null ? null : { url, publicForS: PUBLIC_REDIRECT_S };
    }
    if (!(store instanceof S3Store) || !this.#options.redirects) return null;
    const open = how.isPrivate || how.disposition !== null ? null : store.publicUrl(row.kind, row.key);
    if (open !== null) return { url: open, publicForS: PUBLIC_REDIRECT_S };
    const { mime } = row;
    const { disposition } = how;
    const signed = await store.presignGet(row.kind, row.key, {
      ttlMs: LONGEST_PRESIGN_MS,
      mime,
      disposition,
    });
    return { url: signed.url, publicForS: 0 };
  }
}

/** Hashes of stored bytes, which are no secrets. */
function isSame(found: { bytes: number; sha256: string }, row: { bytes: number; sha256: string }): boolean {
  return `${found.bytes} ${found.sha256}` === `${row.bytes} ${row.sha256}`;
}
