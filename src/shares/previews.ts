// The copies of shared pictures that are made for viewing: a JPEG for pages and chat programs, and a whole one without prompt text.
// They are a cache beside the database, named by the content they were made of; any of them may be deleted at any time.
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/log.ts';
import type { Media } from '../media/media.ts';
import { type PreviewJob, PreviewProcess } from './preview-process.ts';
import { previewSize } from './preview-size.ts';
import type { SharedImageRow } from './store.ts';

/** Some 150 kB each. */
const MAX_FILES = 2_000;
/** The folder is looked through once in so many new files. */
const SWEEP_EVERY = 100;
/** Part of the names, so that another way of making them does not serve the old files. */
const RECIPE = 'v1';

export interface PreviewFile {
  path: string;
  bytes: number;
  mime: string;
  /** Strong, with its quotes. */
  etag: string;
}

export interface PreviewsOptions {
  clock: Clock;
  log: Logger;
  media: Media;
  folder: string;
  maxPixels: number;
}

export class Previews {
  readonly #options: PreviewsOptions;
  readonly #process: PreviewProcess;
  readonly #making = new Map<string, Promise<void>>();
  #made = 0;

  constructor(options: PreviewsOptions) {
    this.#options = options;
    this.#process = new PreviewProcess(options.clock);
  }

  /** The copy of a picture, made now if it is not there. Throws `image_invalid`, `storage_full`, `storage_unavailable`, `not_found`. */
  async get(image: SharedImageRow, kind: PreviewJob['kind']): Promise<PreviewFile> {
    const mime = kind === 'preview' ? 'image/jpeg' : image.mime;
    const name = `${image.sha256}-${kind}-${RECIPE}`;
    const path = join(this.#options.folder, name);
    const known = await stat(path).catch(() => null);
    if (!known) await this.#makeOnce(image, kind, path);
    const { size: bytes } = known ?? (await stat(path));
    return { path, bytes, mime, etag: `"${image.sha256.slice(0, 32)}-${kind}-${RECIPE}"` };
  }

  close(): Promise<void> {
    return this.#process.close();
  }

  async #makeOnce(image: SharedImageRow, kind: PreviewJob['kind'], path: string): Promise<void> {
    let making = this.#making.get(path);
    if (!making) {
      making = this.#make(image, kind, path).finally(() => this.#making.delete(path));
      this.#making.set(path, making);
    }
    await making;
  }

  async #make(image: SharedImageRow, kind: PreviewJob['kind'], target: string): Promise<void> {
    const { media, maxPixels, folder } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const { opened } = await media.openFile(image.kind, image.file_key);
    const copy = `${target}.source`;
    try {
      // Decoders read files; a picture that lies elsewhere comes here first.
      if (opened.path === null) await download(opened.stream(), copy);
      await this.#process.make({
        kind,
        source: opened.path ?? copy,
        target,
        mime: image.mime,
        mode: image.mode,
        size: previewSize(image),
        maxPixels,
      });
    } finally {
      await opened.close();
      await rm(copy, { force: true });
    }
    this.#made += 1;
    if (this.#made % SWEEP_EVERY === 0) await this.#sweep();
  }

  /** Deletes the oldest beyond the limit. */
  async #sweep(): Promise<void> {
    const { folder, log } = this.#options;
    try {
      const names = await readdir(folder);
      if (names.length <= MAX_FILES) return;
      const files = await Promise.all(
        names.map(async (name) => ({
          path: join(folder, name),
          touchedMs: (await stat(join(folder, name)).catch(() => null))?.mtimeMs ?? 0,
        })),
      );
      files.sort((a, b) => a.touchedMs - b.touchedMs);
      for (const { path } of files.slice(0, files.length - MAX_FILES)) await rm(path, { force: true });
    } catch (error) {
      log.warn({ err: error }, 'old previews could not be removed');
    }
  }
}

async function download(source: NodeJS.ReadableStream, path: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  await pipeline(source, file.createWriteStream());
}
