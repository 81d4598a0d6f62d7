// The face of the slice: pictures come in (uploads, providers' results), get checked in the image process, and are stored
// before anything refers to them. Rows are written by the caller's own transaction (`insertImages`) or by a named one; a file
// whose row never came is collected after a grace.
import { constants } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { StoreConfig } from '../kernel/config-stores.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { isId, newId } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { LoopState } from '../kernel/supervised-loop.ts';
import { DirectUploads } from './direct-uploads.ts';
import { errnoOf, writeFailure } from './disk-files.ts';
import { DiskStore } from './disk-store.ts';
import { checkMedia, type MediaCheck } from './doctor.ts';
import {
  type FilesTable,
  findFile,
  findVolumeMarker,
  markFiles,
  rememberVolume,
  type StoredPicture,
} from './file-store.ts';
import { Gallery } from './gallery.ts';
import { GalleryActions } from './gallery-actions.ts';
import { collectGarbage, type GarbageReport } from './garbage.ts';
import { requireFormat } from './image-format.ts';
import { ImageProcess } from './image-process.ts';
import { Intake, type PictureSource } from './intake.ts';
import { type MediaKind, mimeOf, type OpenedFile, type StagingStore } from './media-store.ts';
import { openStores } from './open-stores.ts';
import { findPublicCopies, type PublicCopiesTable } from './public-copy-store.ts';
import { RemoteFiles } from './remote-files.ts';
import { taskImageResource } from './resources.ts';
import { type Replica, repairFile, type ScrubRequest, type ScrubStep, scrubStores } from './scrubber.ts';
import { addThumb, findImage, findImagesWithoutThumb, type ImagesTable } from './store.ts';
import { StoreMover } from './store-moves.ts';
import { type StoreHealth, StoreOrder } from './store-order.ts';
import { createUpload, findUpload, type UploadsTable } from './upload-store.ts';
import { MediaUrls } from './urls.ts';

export { type AliasKind, findAliases, findOwnerOfFile } from './alias-store.ts';
export { errnoOf, measure, openPlainFile, syncDirectory } from './disk-files.ts';
export { MARKER_FILE, mediaFilePath } from './disk-store.ts';
export type { MediaCheck } from './doctor.ts';
export {
  type FilesTable,
  findFilesAfter,
  findVolumeMarker,
  type StoredPicture,
} from './file-store.ts';
export { type GarbageReport, TRASH_KEEP_MS } from './garbage.ts';
export type { PictureSource } from './intake.ts';
export { isMediaKey, isMediaKind, type MediaKind } from './media-store.ts';
export {
  findByAnyName,
  type ImportRequest,
  importPicture,
  importStateOf,
  keyOfOldName,
  parseOldName,
} from './older-names.ts';
export { storeOrigins } from './open-stores.ts';
export { countStoredBytes, findAgedImages } from './retention-store.ts';
export { S3Connection, toS3Failure } from './s3-connection.ts';
export { S3Objects } from './s3-objects.ts';
export type { Replica, ScrubRequest, ScrubStep } from './scrubber.ts';
export {
  findImage,
  findImages,
  findImagesOfTask,
  findImagesOfTasks,
  type ImageFilter,
  type ImagesTable,
  insertImages,
  type NewImage,
  releaseUploads,
  setImageTrashed,
  trashAllOf,
} from './store.ts';
export type { StoreHealth } from './store-order.ts';
export { KEPT_FOREVER_MS, pinUploads, type UploadsTable } from './upload-store.ts';
export { downloadName, MediaUrls } from './urls.ts';

export const DEFAULT_UPLOAD_BYTES = 32 * 1024 * 1024;
/** A 50-megapixel PNG of a provider stays below this. */
export const DEFAULT_RESULT_BYTES = 128 * 1024 * 1024;
/** How long an upload that no task uses is kept. */
export const UPLOAD_KEEP_MS = 30 * 24 * 60 * 60_000;
/** Thumbnails made in one collection run; the rest follows in the next. */
const THUMBS_PER_RUN = 100;

export interface MediaOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  /** Folder of the pictures. */
  root: string;
  /** Largest upload and largest result of a provider, in bytes. */
  uploadBytes?: number;
  resultBytes?: number;
  /** Largest picture that is decoded, in pixels (default 50 million). */
  maxPixels?: number;
  /** Children that decode pictures at the same time (default 2). */
  decoders?: number;
  /** Serve the prompt and workflow text that some providers write into their files (default: cut it out). */
  keepPromptMetadata?: boolean;
  /** Set for private access: the secret that signs picture URLs, the same on every node. */
  signingKey?: Uint8Array | null;
  /** The internal nginx location that serves the root, when nginx is to send the bytes (X-Accel-Redirect). */
  accelLocation?: string | null;
  /** The stores in the order in which they are tried (default: the disk alone). */
  stores?: readonly StoreConfig[];
  /** The way to remote stores; needed where there are some. */
  openOutbound?: () => Promise<Outbound>;
  /** Whether pictures in remote stores pass through this server (the default) or callers are sent there. */
  serve?: 'stream' | 'redirect';
  /** Least free space for new pictures, in bytes (default 64 MB). */
  minFreeBytes?: number;
  /** Where the scrubber looks for a good copy of a damaged file. */
  replica?: Replica | null;
  /** How long an upload is kept, and longer while a task needs it (default 30 days). */
  uploadKeepMs?: number | null;
  /** Throws when an account may keep nothing more; asked before an upload is stored. */
  requireRoom?(accountId: string): Promise<void>;
}

/** A picture's file on local disk, as providers' adapters take their inputs. */
export interface LocalPicture {
  path: string;
  bytes: number;
  mime: string;
}

/** A file that may be served: its row, and the file itself, open. The caller closes it. */
export interface ServableFile {
  row: FilesTable;
  opened: OpenedFile;
}

/** Builds the slice. Nothing is touched before `start`. */
export function createMedia(options: MediaOptions): Media {
  const { clock, root, minFreeBytes, maxPixels, decoders } = options;
  const store = new DiskStore({ root, clock, ...(minFreeBytes === undefined ? {} : { minFreeBytes }) });
  const imageProcess = new ImageProcess({
    clock,
    ...(decoders === undefined ? {} : { children: decoders }),
    ...(maxPixels === undefined ? {} : { maxPixels }),
  });
  return new Media(options, store, imageProcess);
}

export class Media {
  readonly urls: MediaUrls;
  readonly uploadBytes: number;
  readonly accelLocation: string | null;
  /** Which stores there are, and how they do. */
  readonly order: StoreOrder;
  readonly mover: StoreMover;
  readonly directUploads: DirectUploads;
  readonly gallery: Gallery;
  readonly galleryActions: GalleryActions;
  readonly #remote: RemoteFiles;
  readonly #options: MediaOptions;
  readonly #store: DiskStore;
  readonly #imageProcess: ImageProcess;
  readonly #intake: Intake;

  constructor(options: MediaOptions, store: DiskStore, imageProcess: ImageProcess) {
    this.#options = options;
    this.#store = store;
    this.#imageProcess = imageProcess;
    const { db, clock, log } = options;
    this.order = new StoreOrder({ disk: store, entries: openStores(options, store), clock, log });
    this.mover = new StoreMover({ db, clock, log, order: this.order });
    this.#remote = new RemoteFiles({
      order: this.order,
      disk: store,
      redirects: options.serve === 'redirect',
    });
    this.#intake = new Intake({ store, order: this.order, imageProcess, log });
    this.directUploads = new DirectUploads({ db, clock, order: this.order, media: this });
    this.gallery = new Gallery({ db, clock, log });
    this.galleryActions = new GalleryActions({ db, clock, log, gallery: this.gallery });
    this.urls = new MediaUrls({ clock: options.clock, signingKey: options.signingKey ?? null });
    this.uploadBytes = options.uploadBytes ?? DEFAULT_UPLOAD_BYTES;
    this.accelLocation = options.accelLocation ?? null;
  }

  /** For other parts of the slice and the test suites of stores. */
  get store(): StagingStore {
    return this.#store;
  }

  /** The folder that nginx must be pointed at. */
  get root(): string {
    return this.#store.root;
  }

  /**
   * Binds to the volume: at the very first start its marker is made, later it must be there. Throws `storage_unavailable`
   * when it is not; until a later `start` succeeds everything that stores refuses in the same way.
   */
  async start(): Promise<void> {
    const { db } = this.#options;
    const known = await findVolumeMarker(db.read, this.#store.name);
    const markerId = await this.#store.attach(known);
    if (known === null) await this.#remember(markerId, false);
    this.#options.log.info({ free_bytes: await this.#store.freeBytes() }, 'media volume attached');
  }

  /** Prepares what older versions left for the gallery, and goes on with actions that a restart cut off. */
  async startGallery(): Promise<void> {
    this.gallery.start();
    await this.galleryActions.start();
  }

  /** Starts to look after remote stores and to move pictures to the first store; does nothing with the disk alone. */
  startMoving(): void {
    if (this.order.remotes.length > 0) this.mover.start();
  }

  /** The loops that must go on while this process serves. */
  get loops(): LoopState[] {
    return this.order.remotes.length > 0 ? [this.mover.loop] : [];
  }

  /** How every store does, in the order in which they are tried. */
  storeHealth(): StoreHealth[] {
    return this.order.health();
  }

  /** Copies of these files at public hosts, which nobody but their owner can delete. */
  publicCopies(keys: readonly string[]): Promise<PublicCopiesTable[]> {
    return findPublicCopies(this.#options.db.read, keys);
  }

  /** The operator's word that the volume now at the root is the right one, although its marker is new or missing. */
  async adoptVolume(): Promise<void> {
    await this.#remember(await this.#store.attach(null), true);
  }

  /** Ends the moves and the image processes; pictures in work fail with `storage_unavailable`. */
  async close(): Promise<void> {
    await this.mover.stop();
    this.gallery.close();
    await this.galleryActions.close();
    await this.#imageProcess.close();
  }

  /** Throws unless a picture can be stored just now. For readiness. */
  probe(): Promise<void> {
    return this.#store.probe();
  }

  freeBytes(): Promise<number> {
    return this.#store.freeBytes();
  }

  /**
   * Writes bytes that came inside a provider's answer, or a download, to a private local file under the size cap. Hand it to
   * `ingestResult`, or to `discard`; forgotten ones are swept after a day. The mime is by the first bytes.
   */
  async spool(source: AsyncIterable<Uint8Array>, maxBytes = this.#resultBytes): Promise<LocalPicture> {
    const { path, bytes } = await this.#store.stage(source, { maxBytes });
    const format = await requireFormat(path).catch(() => null);
    return { path, bytes, mime: format ? mimeOf(format) : 'application/octet-stream' };
  }

  /**
   * Turns an unfinished picture into a WebP of at most 512 pixels a side, decoded in the image process; nothing is kept.
   * Throws `image_invalid`, `unsupported_media_type`, `payload_too_large`, `storage_full`, `storage_unavailable`.
   */
  shrink(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
    return this.#intake.shrink(bytes, maxBytes);
  }

  /**
   * A stored picture in another size by plain interpolation, as a private local file for `ingestResult`; its label says
   * that a machine made it. Throws `image_invalid`, `storage_full`, `storage_unavailable`.
   */
  async enlarge(path: string, size: { width: number; height: number }): Promise<LocalPicture> {
    const { path: larger, bytes } = await this.#intake.enlarge(path, size);
    return { path: larger, bytes, mime: mimeOf(await requireFormat(larger)) };
  }

  /**
   * A copy of a spooled file to hand to `ingestResult`, which moves what it gets: a run that breaks off after the move and
   * before its commit finds the spooled one again. A file elsewhere is read and never moved, so it is returned as it is.
   * Throws `image_invalid` when it is gone, `storage_full`, `storage_unavailable`.
   */
  async copySpooled(path: string): Promise<string> {
    const copy = this.#store.stagingPath('copy');
    if (dirname(path) !== dirname(copy)) return path;
    try {
      await copyFile(path, copy, constants.COPYFILE_FICLONE);
      return copy;
    } catch (error) {
      await this.discard(copy);
      if (errnoOf(error) !== 'ENOENT') throw writeFailure(error);
      throw new AppError('image_invalid', {
        detail: 'The picture of the answer is not on the volume any more.',
      });
    }
  }

  /** Removes a spooled file that is not wanted; a missing one is fine. */
  discard(path: string): Promise<void> {
    return this.#store.discard(path);
  }

  /**
   * Checks, stores and thumbnails a provider's picture; its rows come by `insertImages` in the caller's transaction. Bytes are
   * kept as they came, but for prompt text. Throws `image_invalid` (what came is no whole picture), `payload_too_large`,
   * `storage_full`, `storage_unavailable`; after the last two a spooled file is still there for another try. `isBackground`:
   * one of many, decoded behind pictures that somebody waits for.
   */
  async ingestResult(
    source: PictureSource,
    kind: 'final' | 'hd' = 'final',
    { isBackground = false }: { isBackground?: boolean } = {},
  ): Promise<StoredPicture> {
    try {
      return await this.#intake.take(source, kind, {
        purpose: 'result',
        removeRecipes: this.#options.keepPromptMetadata !== true,
        maxBytes: this.#resultBytes,
        isBackground,
      });
    } catch (error) {
      // 415 is about what our caller sent; here it is the provider who sent something else.
      if (!(error instanceof AppError) || error.code !== 'unsupported_media_type') throw error;
      throw new AppError('image_invalid', { detail: `No picture came from the provider. ${error.message}` });
    }
  }

  /** The picture of an upload without its row, which the caller's transaction adds. Throws as `createUpload` does. */
  storeOriginal(source: PictureSource): Promise<StoredPicture> {
    const rules = { purpose: 'upload', removeRecipes: true, maxBytes: this.uploadBytes } as const;
    return this.#intake.take(source, 'original', rules);
  }

  /**
   * Stores an upload: turned upright, re-encoded without metadata. Throws `unsupported_media_type`, `image_invalid`,
   * `payload_too_large`, `storage_full`, `storage_unavailable`.
   */
  async createUpload(accountId: string, source: PictureSource, id?: string): Promise<UploadsTable> {
    await this.#options.requireRoom?.(accountId);
    const picture = await this.storeOriginal(source);
    const { db, clock } = this.#options;
    const now = clock.now();
    const expiresAt = now + (this.#options.uploadKeepMs ?? UPLOAD_KEEP_MS);
    return db.write(createUpload, { id: id ?? newId('up', now), accountId, picture, now, expiresAt });
  }

  /** An account's upload (`up_…`) or picture (`img_…`) as a local file. Throws `not_found` for foreign and unknown ids. */
  async localFileOf(
    id: string,
    accountId: string,
  ): Promise<
    LocalPicture & { width: number; height: number; kind: 'original' | 'final' | 'hd'; key: string }
  > {
    const { read } = this.#options.db;
    const found = isId('up', id)
      ? await findUpload(read, id, accountId)
      : isId('img', id)
        ? await findImage(read, id, accountId)
        : undefined;
    if (!found) throw new AppError('not_found', { detail: 'There is no such picture or upload.' });
    const kind = 'kind' in found ? found.kind : 'original';
    const file = await this.openFile(kind, found.file_key, { allowHidden: true });
    const path = await this.#remote.localPath(file);
    const { bytes, mime, width, height, file_key: key } = found;
    return { path, bytes, mime, width, height, kind, key };
  }

  /** A task's picture as its answer shows it. */
  taskImage(row: ImagesTable, baseUrl: string): ReturnType<typeof taskImageResource> {
    return taskImageResource(row, this.urls, baseUrl);
  }

  /** The row of a file that may be seen. Throws `not_found` without one, `storage_unavailable` for a damaged file. */
  async requireFile(kind: MediaKind, key: string, { allowHidden = false } = {}): Promise<FilesTable> {
    const row = await findFile(this.#options.db.read, key);
    if (!row || row.kind !== kind || row.deleted_at !== null || (row.hidden === 1 && !allowHidden)) {
      throw new AppError('not_found', { detail: 'There is no such picture.' });
    }
    if (row.damaged_at !== null) throw damaged();
    return row;
  }

  /** Where a browser is sent for a file in a remote store, and for how long that stands; null where we send it ourselves. */
  redirectOf(row: FilesTable, disposition: string | null): ReturnType<RemoteFiles['redirect']> {
    return this.#remote.redirect(row, { disposition, isPrivate: this.urls.areSigned });
  }

  /**
   * Opens a stored file whose row says that it may be seen. Throws `not_found` without such a row, and `storage_unavailable`
   * when the bytes are missing or not those that were stored: wrong bytes are never served.
   */
  async openFile(kind: MediaKind, key: string, { allowHidden = false } = {}): Promise<ServableFile> {
    const { db, log, clock } = this.#options;
    const row = await this.requireFile(kind, key, { allowHidden });
    const { opened, store } = await this.#remote
      .open(row, () => findFile(db.read, key))
      .catch((error: unknown) => {
        log.error({ key, err: error }, 'a stored picture could not be opened');
        throw damaged();
      });
    row.store = store;
    if (opened.bytes === row.bytes) return { row, opened };
    await opened.close();
    log.error(
      { key, bytes: opened.bytes, expected: row.bytes },
      'a stored picture has another size than was stored',
    );
    await db.write(markFiles, { keys: [key], damagedAt: clock.now() });
    throw damaged();
  }

  /** Collects what nobody needs and makes missing thumbnails. Throws `storage_unavailable` when the volume is not there. */
  async gc(): Promise<GarbageReport & { thumbs: number }> {
    const { db, clock, log } = this.#options;
    const report = await collectGarbage({ db, clock, log, store: this.#store, order: this.order });
    await this.directUploads.collect();
    await this.galleryActions.prune();
    return { ...report, thumbs: await this.deriveMissingThumbs() };
  }

  /** Makes thumbnails that failed when their pictures were stored; returns how many. */
  async deriveMissingThumbs(): Promise<number> {
    const { db, clock, log } = this.#options;
    let made = 0;
    for (const image of await findImagesWithoutThumb(db.slow, THUMBS_PER_RUN)) {
      try {
        const { path } = await this.localFileOf(image.id, image.account_id);
        const { thumb, thumbhash } = await this.#intake.deriveThumb(path);
        const store = thumb.store ?? this.#store.name;
        const input = { imageId: image.id, store, thumb, thumbhash, now: clock.now() };
        if (await db.write(addThumb, input)) made += 1;
      } catch (error) {
        log.warn({ image_id: image.id, err: error }, 'a thumbnail still cannot be made');
      }
    }
    return made;
  }

  /** One step of a pass over all files, as slow as asked; see `scrubStep`. */
  scrub(request: ScrubRequest): Promise<ScrubStep> {
    const { db, clock, log, replica = null } = this.#options;
    return scrubStores({ db, clock, log, replica, order: this.order }, request);
  }

  /** Whether there is another place that may hold a good copy of a damaged file. */
  get hasReplica(): boolean {
    return (this.#options.replica ?? null) !== null || this.order.remotes.length > 0;
  }

  /**
   * Reads a picture's file again, and brings it back from another place if it is damaged. Throws `not_found` for foreign and
   * unknown ids, `storage_unavailable` when its store is away.
   */
  async repair(id: string, accountId: string): Promise<'whole' | 'repaired' | 'damaged'> {
    const { db, clock, log, replica = null } = this.#options;
    const image = await findImage(db.read, id, accountId);
    const row = image && (await findFile(db.read, image.file_key));
    if (!row) throw new AppError('not_found', { detail: 'There is no such picture.' });
    return repairFile({ db, clock, log, replica, order: this.order }, row);
  }

  /** The slice's checks for `doctor`; deep ones read every byte. Damaged files are flagged and not served from then on. */
  doctorChecks(how: { deep: boolean; strayBefore?: number | undefined }): Promise<MediaCheck[]> {
    const { db, clock } = this.#options;
    return checkMedia({ db, clock, store: this.#store, order: this.order }, how);
  }

  get #resultBytes(): number {
    return this.#options.resultBytes ?? DEFAULT_RESULT_BYTES;
  }

  async #remember(markerId: string, replace: boolean): Promise<void> {
    const { db, clock } = this.#options;
    const input = { store: this.#store.name, markerId, now: clock.now(), replace };
    const kept = await db.write(rememberVolume, input);
    // Another node was first with another volume: ours is not the cluster's.
    if (kept !== markerId) await this.#store.attach(kept);
  }
}

function damaged(): AppError {
  return new AppError('storage_unavailable', {
    detail: 'The file of this picture is missing or damaged, or its volume is not mounted.',
  });
}
