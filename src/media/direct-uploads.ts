// Uploads that a caller puts into the first store itself, past this server: promised with a signed address for exactly so many
// bytes, and an upload only once it was completed here, where its bytes pass the same checks as every other upload.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import {
  findDirectUpload,
  findExpiredDirectUploads,
  openDirectUpload,
  removeDirectUploads,
} from './direct-upload-store.ts';
import type { PictureSource } from './intake.ts';
import { LONGEST_PRESIGN_MS, S3Store } from './s3-store.ts';
import type { StoreOrder } from './store-order.ts';
import { findUpload, type UploadsTable } from './upload-store.ts';

/** Direct uploads that an account may have open at a time. */
const MOST_OPEN = 100;
/** How long after its address has run out an upload can still be completed: a large one may end late. */
const COMPLETE_GRACE_MS = 60 * 60_000;
const COLLECTED_PER_RUN = 500;

export interface DirectUploadsOptions {
  db: Db;
  clock: Clock;
  order: StoreOrder;
  media: {
    readonly uploadBytes: number;
    createUpload(accountId: string, source: PictureSource, id?: string): Promise<UploadsTable>;
  };
}

export interface PromisedUpload {
  uploadId: string;
  url: string;
  headers: Record<string, string>;
  expiresAt: number;
}

export class DirectUploads {
  readonly #options: DirectUploadsOptions;

  constructor(options: DirectUploadsOptions) {
    this.#options = options;
  }

  /**
   * An address to PUT exactly `bytes` bytes to, for 15 minutes. Throws `conflict` when the first store takes none,
   * `payload_too_large`, `rate_limited`, `storage_unavailable`.
   */
  async promise(accountId: string, wanted: { bytes: number; mime: string }): Promise<PromisedUpload> {
    const { db, clock, order, media } = this.#options;
    const { home } = order;
    if (!(home instanceof S3Store)) {
      throw new AppError('conflict', {
        detail: 'The first store of this server is no S3 store, so files cannot be put there directly.',
        fix: 'Send the file to POST /v1/uploads instead.',
      });
    }
    if (wanted.bytes > media.uploadBytes) {
      const detail = `The file has ${wanted.bytes} bytes; ${media.uploadBytes} are allowed.`;
      throw new AppError('payload_too_large', { detail });
    }
    const now = clock.now();
    const id = newId('up', now);
    const signed = await home.presignPut(id, { ...wanted, ttlMs: LONGEST_PRESIGN_MS });
    const { bytes } = wanted;
    const expires_at = signed.expiresAt;
    const row = { id, account_id: accountId, store: home.name, bytes, created_at: now, expires_at };
    await db.write(openDirectUpload, { row, most: MOST_OPEN });
    return { uploadId: id, url: signed.url, headers: signed.headers, expiresAt: signed.expiresAt };
  }

  /**
   * Checks and takes over what was put there; a second call gives the same upload. Throws `not_found` for a foreign, unknown
   * or expired id, `conflict` when nothing was put there yet, and everything that an upload throws.
   */
  async complete(accountId: string, id: string): Promise<UploadsTable> {
    const { db, clock, order, media } = this.#options;
    const done = await findUpload(db.read, id, accountId);
    if (done) return done;
    const row = await findDirectUpload(db.read, id, accountId);
    if (!row || row.expires_at + COMPLETE_GRACE_MS < clock.now()) {
      throw new AppError('not_found', {
        detail: 'There is no such direct upload, or its time has run out: ask for a new one.',
      });
    }
    const store = order.require(row.store);
    const found = store instanceof S3Store ? await store.openIncoming(id) : null;
    if (!found) {
      throw new AppError('conflict', {
        detail: 'No file was put to the address of this upload yet.',
        fix: 'PUT the file to the address, with the headers that came with it, then complete the upload.',
      });
    }
    if (found.bytes !== row.bytes) {
      const detail = `The file has ${found.bytes} bytes; ${row.bytes} were promised.`;
      throw new AppError(found.bytes > row.bytes ? 'payload_too_large' : 'image_invalid', { detail });
    }
    try {
      const upload = await media.createUpload(accountId, found.stream, id);
      await this.#forget(row.store, id);
      return upload;
    } catch (error) {
      // Two calls at once: one of them was first.
      const twin = await findUpload(db.read, id, accountId);
      if (twin) return twin;
      throw error;
    }
  }

  /** Forgets what nobody completed; its bytes go with the sweep of the store. */
  async collect(): Promise<number> {
    const { db, clock } = this.#options;
    const rows = await findExpiredDirectUploads(db.slow, clock.now() - COMPLETE_GRACE_MS, COLLECTED_PER_RUN);
    await db.write(removeDirectUploads, { ids: rows.map(({ id }) => id) });
    return rows.length;
  }

  /** The bytes first: what stays of them is swept a day later. */
  async #forget(storeName: string, id: string): Promise<void> {
    const { db, order } = this.#options;
    const store = order.find(storeName);
    if (store instanceof S3Store) await store.removeIncoming(id).catch(() => {});
    await db.write(removeDirectUploads, { ids: [id] });
  }
}
