// The way of a picture into the store: private file → checked and prepared in the image process → published with its
// thumbnail. Nothing becomes visible before the whole picture decoded, and a failed thumbnail does not fail the picture.
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { crashPoint } from '../kernel/crash-point.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type { StoredPicture, StoredThumb } from './file-store.ts';
import type { ImageProcess, InspectOptions } from './image-process.ts';
import { type MediaKind, mimeOf, newMediaKey, type StagedFile, type StagingStore } from './media-store.ts';
import type { DecodedPicture } from './picture-decode.ts';
import type { StoreOrder } from './store-order.ts';

export interface IntakeOptions {
  /** Where bytes are kept until they are checked. */
  store: StagingStore;
  /** Where they go then. */
  order: StoreOrder;
  imageProcess: ImageProcess;
  log: Logger;
}

/** Bytes on their way in, or a local file; a file in the staging area is consumed, any other is copied. */
export type PictureSource = AsyncIterable<Uint8Array> | { path: string };

type IntakeRules = Pick<InspectOptions, 'purpose' | 'removeRecipes' | 'isBackground'>;

export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /**
   * Stores one picture and its thumbnail. The caller adds the rows afterwards; without them both files are collected later.
   * A source file in the staging area stays there when the store fails (`storage_full`, `storage_unavailable`), so that the
   * same bytes can be tried again; it is removed once stored or found to be no good picture.
   */
  async take(
    source: PictureSource,
    kind: MediaKind,
    rules: IntakeRules & { maxBytes: number },
  ): Promise<StoredPicture> {
    const { store } = this.#options;
    const { staged, isOurs } = await this.#stage(source, rules.maxBytes);
    try {
      const stored = await this.#checkAndPublish(staged, kind, rules);
      await store.discard(staged.path);
      return stored;
    } catch (error) {
      const isStoreFailure = error instanceof AppError && error.code.startsWith('storage_');
      if (isOurs || !isStoreFailure) await store.discard(staged.path);
      throw error;
    }
  }

  /** Makes and publishes the thumbnail of a stored picture; throws when it still cannot be made. */
  async deriveThumb(path: string): Promise<{ thumb: StoredThumb; thumbhash: string }> {
    const { store, imageProcess } = this.#options;
    const options = this.#inspectOptions({ purpose: 'result', removeRecipes: false });
    try {
      const picture = await imageProcess.inspect(path, options);
      const thumb = await this.#publishThumb(picture);
      if (!thumb || !picture.thumbhash)
        throw new AppError('image_invalid', { detail: 'No thumbnail could be made.' });
      return { thumb, thumbhash: picture.thumbhash };
    } finally {
      await store.discard(options.thumbPath);
    }
  }

  /** A small WebP of a picture that is not kept: painted anew from its pixels, nothing else of it is inside. */
  async shrink(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
    const { store, imageProcess } = this.#options;
    const staged = await store.stage(Readable.from([bytes]), { maxBytes });
    const options = this.#inspectOptions({ purpose: 'result', removeRecipes: false });
    try {
      const { thumbPath } = await imageProcess.inspect(staged.path, options);
      if (thumbPath === null)
        throw new AppError('image_invalid', { detail: 'The preview could not be made smaller.' });
      return await readFile(thumbPath);
    } finally {
      await Promise.all([store.discard(staged.path), store.discard(options.thumbPath)]);
    }
  }

  /**
   * Writes a picture anew in another size by plain interpolation, to a private file of the staging area. Throws as
   * `ImageProcess.inspect` does.
   */
  async enlarge(path: string, enlargeTo: { width: number; height: number }): Promise<StagedFile> {
    const { store, imageProcess } = this.#options;
    const options = this.#inspectOptions({ purpose: 'enlarge', removeRecipes: false });
    try {
      await imageProcess.inspect(path, { ...options, enlargeTo });
      return await store.adopt(options.cleanPath);
    } catch (error) {
      await store.discard(options.cleanPath);
      throw error;
    }
  }

  async #stage(source: PictureSource, maxBytes: number): Promise<{ staged: StagedFile; isOurs: boolean }> {
    const { store } = this.#options;
    if (!('path' in source)) return { staged: await store.stage(source, { maxBytes }), isOurs: true };
    const isStaged = dirname(source.path) === dirname(store.stagingPath('any'));
    if (!isStaged)
      return { staged: await store.stage(createReadStream(source.path), { maxBytes }), isOurs: true };
    const staged = await store.adopt(source.path);
    if (staged.bytes <= maxBytes) return { staged, isOurs: false };
    await store.discard(source.path);
    throw new AppError('payload_too_large', {
      detail: `The picture has ${staged.bytes} bytes; ${maxBytes} are allowed.`,
    });
  }

  #inspectOptions({ purpose, removeRecipes, isBackground = false }: IntakeRules): InspectOptions {
    const { store } = this.#options;
    return {
      purpose,
      removeRecipes,
      isBackground,
      thumbPath: store.stagingPath('thumb'),
      cleanPath: store.stagingPath('clean'),
    };
  }

  async #checkAndPublish(staged: StagedFile, kind: MediaKind, rules: IntakeRules): Promise<StoredPicture> {
    const { store, order, imageProcess } = this.#options;
    const options = this.#inspectOptions(rules);
    crashPoint('kp10');
    try {
      const picture = await imageProcess.inspect(staged.path, options);
      const whole = picture.cleanPath ? await store.adopt(picture.cleanPath) : staged;
      const fileKey = newMediaKey(picture.format);
      const [thumb, place] = await Promise.all([
        this.#publishThumb(picture),
        order.publish(whole, kind, fileKey),
      ]);
      return {
        store: place,
        fileKind: kind,
        fileKey,
        thumb,
        width: picture.width,
        height: picture.height,
        mime: mimeOf(picture.format),
        bytes: whole.bytes,
        sha256: whole.sha256,
        thumbhash: picture.thumbhash,
      };
    } finally {
      await Promise.all([store.discard(options.thumbPath), store.discard(options.cleanPath)]);
    }
  }

  /** Null when there is no thumbnail or it cannot be stored: it is made again by the collection run. */
  async #publishThumb(picture: DecodedPicture): Promise<StoredPicture['thumb']> {
    if (!picture.thumbPath) return null;
    const { store, order, log } = this.#options;
    try {
      const staged = await store.adopt(picture.thumbPath);
      const key = newMediaKey('webp');
      const place = await order.publish(staged, 'thumb', key);
      return { key, store: place, bytes: staged.bytes, sha256: staged.sha256 };
    } catch (error) {
      log.warn({ err: error }, 'a thumbnail could not be stored; it will be made later');
      return null;
    }
  }
}
