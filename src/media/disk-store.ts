// The store on local disk: `<root>/<kind>/<aa>/<key>`, private files in `.staging`, removed ones in `.quarantine`, files with
// wrong bytes in `.damaged`.
// A picture is visible only after temp → fsync → rename → fsync of its directory → size check. A marker file, whose id the
// database remembers, proves that the volume is mounted: without it nothing is stored, collected or swept.
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import {
  link,
  lstat,
  mkdir,
  open,
  opendir,
  readFile,
  realpath,
  rename,
  statfs,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { AppError } from '../kernel/errors.ts';
import {
  discardFile,
  errnoOf,
  measure,
  openPlainFile,
  READ_CHUNK_BYTES,
  readFailure,
  syncDirectory,
  writeFailure,
} from './disk-files.ts';
import {
  isMediaKey,
  isMediaKind,
  type ListedFile,
  MEDIA_KINDS,
  type MediaKind,
  newMediaKey,
  type OpenedFile,
  type StagedFile,
  type StagingStore,
} from './media-store.ts';

export const MARKER_FILE = '.drawbridge-media';
const STAGING = '.staging';
const QUARANTINE = '.quarantine';
/** Local copies of what lies in remote stores, for helpers that need a path; swept a day after their last use. */
const COPIES = '.copies';
/** Never swept: a damaged file may be all that is left of a picture. */
const DAMAGED = '.damaged';
/** Below this much free space nothing new is accepted, so that the database and the logs can still write. */
export const MIN_FREE_BYTES = 64 * 1024 * 1024;
/** How long a free-space measurement stands; one statfs per stored picture would be waste. */
const FREE_SPACE_STANDS_MS = 1_000;
const PRIVATE_FILE_MODE = 0o600;
/** Readable by the group, so that nginx can serve the files. */
const PUBLIC_FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;
const PROBE_BYTES = 4096;

/** Where a file lies below a root, in the store and in copies of it. Both names must have been checked. */
export function mediaFilePath(root: string, kind: MediaKind, key: string): string {
  return join(root, kind, key.slice(0, 2), key);
}

export interface DiskStoreOptions {
  root: string;
  clock: Clock;
  minFreeBytes?: number;
  /** Reads the published file again and compares its hash; the size is compared in any case. */
  verifyHash?: boolean;
}

export class DiskStore implements StagingStore {
  readonly name = 'disk';
  readonly isRemote = false;
  readonly #options: DiskStoreOptions;
  #root: string;
  #markerId: string | null = null;
  #free = { bytes: 0, atMs: Number.NEGATIVE_INFINITY };

  constructor(options: DiskStoreOptions) {
    this.#options = options;
    this.#root = options.root;
  }

  /** The root with links resolved (once attached). For the nginx file and `doctor`, never for answers. */
  get root(): string {
    return this.#root;
  }

  /**
   * Binds to the volume. `expectedId` is the marker's id that the database remembers: then the marker must be there with
   * that id, else `storage_unavailable`. With null (the first start) the marker is made, or the one found is taken over.
   * Returns the id to remember. Call again after a failure; until it succeeds the store refuses everything but reads.
   */
  async attach(expectedId: string | null): Promise<string> {
    this.#markerId = null;
    try {
      if (expectedId === null) await mkdir(this.#options.root, { recursive: true, mode: DIRECTORY_MODE });
      this.#root = await realpath(this.#options.root);
      const found = await this.#readMarker();
      if (expectedId !== null && found !== expectedId) throw markerError(found);
      const id = found ?? (await this.#createMarker());
      for (const name of [STAGING, QUARANTINE, COPIES, DAMAGED, ...MEDIA_KINDS])
        await this.#ensureDirectory(join(this.#root, name));
      this.#markerId = id;
      return id;
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? markerError(null) : writeFailure(error);
    }
  }

  async stage(source: AsyncIterable<Uint8Array>, limits: { maxBytes: number }): Promise<StagedFile> {
    await this.#requireRoom();
    const path = this.stagingPath('part');
    const hash = createHash('sha256');
    let bytes = 0;
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
      const handle = await open(path, flags, PRIVATE_FILE_MODE);
      try {
        for await (const chunk of source) {
          bytes += chunk.byteLength;
          if (bytes > limits.maxBytes) throw tooLarge(limits.maxBytes);
          hash.update(chunk);
          await handle.writeFile(chunk);
          crashPoint('kp9');
        }
      } finally {
        await handle.close();
      }
      return { path, bytes, sha256: hash.digest('hex') };
    } catch (error) {
      await discardFile(path);
      throw writeFailure(error);
    }
  }

  async adopt(path: string): Promise<StagedFile> {
    const { bytes, sha256 } = await measure(path);
    return { path, bytes, sha256 };
  }

  stagingPath(suffix: string): string {
    return join(this.#root, STAGING, `${randomBytes(16).toString('hex')}.${suffix}`);
  }

  /** Where a local copy of a remote file lies, whether it is there or not. The key must have been checked. */
  copyPath(key: string): string {
    return join(this.#root, COPIES, basename(key));
  }

  /** Starts the time anew after which a local copy is swept. */
  async touch(path: string): Promise<void> {
    const seconds = this.#options.clock.now() / 1000;
    await utimes(path, seconds, seconds).catch(() => {});
  }

  async discard(path: string): Promise<void> {
    if (dirname(path) === join(this.#root, STAGING)) await discardFile(path);
  }

  async publish(staged: StagedFile, kind: MediaKind, key: string): Promise<void> {
    await this.#requireMarker();
    const target = this.#pathOf(kind, key);
    let renamed = false;
    try {
      await this.#ensureDirectory(dirname(target));
      const handle = await open(staged.path, constants.O_RDWR | constants.O_NOFOLLOW);
      try {
        await handle.chmod(PUBLIC_FILE_MODE);
        crashPoint('kp11');
        await handle.sync();
      } catch (error) {
        // After a failed fsync the kernel may call the pages clean: the file is abandoned, never synced again and trusted.
        await discardFile(staged.path);
        throw error;
      } finally {
        await handle.close();
      }
      await rename(staged.path, target);
      renamed = true;
      await syncDirectory(dirname(target));
      await this.#verify(target, staged);
    } catch (error) {
      if (renamed) await rename(target, staged.path).catch(() => discardFile(target));
      throw writeFailure(error);
    }
  }

  async open(kind: MediaKind, key: string): Promise<OpenedFile> {
    const path = this.#pathOf(kind, key);
    await this.#requireOwnDirectory(path);
    const { handle, bytes, modifiedAtMs } = await openPlainFile(path);
    return {
      bytes,
      modifiedAtMs,
      path,
      stream: (range) =>
        handle.createReadStream({
          autoClose: true,
          highWaterMark: READ_CHUNK_BYTES,
          ...(range ?? { start: 0 }),
        }),
      close: () => handle.close(),
    };
  }

  quarantine(kind: MediaKind, key: string): Promise<void> {
    return this.#hide(kind, key, QUARANTINE);
  }

  setAside(kind: MediaKind, key: string): Promise<void> {
    return this.#hide(kind, key, DAMAGED);
  }

  requireVolume(): Promise<void> {
    return this.#requireMarker();
  }

  async remove(kind: MediaKind, key: string): Promise<void> {
    await this.#requireMarker();
    const path = this.#pathOf(kind, key);
    await discardFile(path);
    await lstat(path).then(
      () => {
        throw new AppError('storage_unavailable', { detail: 'A picture file could not be deleted.' });
      },
      (error) => {
        if (errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') throw writeFailure(error);
      },
    );
  }

  async sweep(before: {
    stagedMs: number;
    quarantinedMs: number;
  }): Promise<{ staged: number; quarantined: number }> {
    await this.#requireMarker();
    const copies = await this.#sweepDirectory(COPIES, before.stagedMs);
    return {
      staged: copies + (await this.#sweepDirectory(STAGING, before.stagedMs)),
      quarantined: await this.#sweepDirectory(QUARANTINE, before.quarantinedMs),
    };
  }

  async *list(): AsyncIterable<ListedFile> {
    await this.#requireMarker();
    for (const kind of MEDIA_KINDS) {
      for await (const group of await opendir(join(this.#root, kind))) {
        if (!group.isDirectory()) continue;
        const directory = join(this.#root, kind, group.name);
        for await (const entry of await opendir(directory)) {
          if (!entry.isFile() || !isMediaKey(entry.name)) continue;
          const stat = await lstat(join(directory, entry.name)).catch(() => null);
          if (stat?.isFile()) yield { kind, key: entry.name, bytes: stat.size, modifiedAtMs: stat.mtimeMs };
        }
      }
    }
  }

  async probe(): Promise<void> {
    const content = randomBytes(PROBE_BYTES);
    const staged = await this.stage(single(content), { maxBytes: PROBE_BYTES });
    const key = newMediaKey('png');
    await this.publish(staged, 'thumb', key);
    try {
      const opened = await this.open('thumb', key);
      const chunks: Uint8Array[] = [];
      for await (const chunk of opened.stream()) chunks.push(chunk as Uint8Array);
      if (!Buffer.concat(chunks).equals(content)) {
        throw new AppError('storage_unavailable', { detail: 'A test file was read back with other bytes.' });
      }
    } finally {
      await this.remove('thumb', key);
    }
  }

  async freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.#root);
      return bavail * bsize;
    } catch (error) {
      throw writeFailure(error);
    }
  }

  #pathOf(kind: MediaKind, key: string): string {
    // The last line of defence: callers check names from outside before they get here.
    if (!isMediaKind(kind) || !isMediaKey(key))
      throw new AppError('not_found', { detail: 'There is no such file.' });
    return mediaFilePath(this.#root, kind, key);
  }

  async #hide(kind: MediaKind, key: string, directory: string): Promise<void> {
    await this.#requireMarker();
    const hidden = join(this.#root, directory, `${kind}.${key}`);
    try {
      await rename(this.#pathOf(kind, key), hidden);
      // The sweep counts from the moment of hiding, not from when the picture was made.
      const seconds = this.#options.clock.now() / 1000;
      await utimes(hidden, seconds, seconds);
      await syncDirectory(dirname(hidden));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw writeFailure(error);
    }
  }

  async #readMarker(): Promise<string | null> {
    try {
      return (await readFile(join(this.#root, MARKER_FILE), 'utf8')).trim();
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return null;
      throw error;
    }
  }

  async #createMarker(): Promise<string> {
    const id = randomBytes(16).toString('hex');
    const path = join(this.#root, MARKER_FILE);
    const temporary = `${path}.${id}`;
    const handle = await open(temporary, 'wx', PRIVATE_FILE_MODE);
    try {
      await handle.writeFile(`${id}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // link() never replaces: of two nodes that start on an empty volume at once, both take the first one's marker.
    await link(temporary, path).catch((error) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    await discardFile(temporary);
    await syncDirectory(this.#root);
    return (await this.#readMarker()) ?? id;
  }

  async #requireMarker(): Promise<void> {
    const found = await this.#readMarker().catch(() => null);
    if (this.#markerId === null || found !== this.#markerId) throw markerError(found);
  }

  async #requireRoom(): Promise<void> {
    await this.#requireMarker();
    const needed = this.#options.minFreeBytes ?? MIN_FREE_BYTES;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#free.atMs > FREE_SPACE_STANDS_MS || this.#free.bytes < needed) {
      this.#free = { bytes: await this.freeBytes(), atMs: nowMs };
    }
    if (this.#free.bytes < needed) {
      throw new AppError('storage_full', {
        detail: `Only ${Math.floor(this.#free.bytes / 1e6)} MB are free where pictures are kept.`,
      });
    }
  }

  /** Refuses a path whose directories were replaced by links (O_NOFOLLOW guards only the last part of a path). */
  async #requireOwnDirectory(path: string): Promise<void> {
    const directory = dirname(path);
    const real = await realpath(directory).catch((error) => {
      throw readFailure(error);
    });
    if (real !== directory) throw new AppError('not_found', { detail: 'There is no such file.' });
  }

  async #ensureDirectory(path: string): Promise<void> {
    try {
      await mkdir(path, { mode: DIRECTORY_MODE });
      await syncDirectory(dirname(path));
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      if (!(await lstat(path)).isDirectory()) {
        throw new AppError('storage_unavailable', {
          detail: 'Something that is not a directory lies where pictures are kept.',
        });
      }
    }
  }

  async #verify(path: string, staged: StagedFile): Promise<void> {
    const stat = await lstat(path);
    const same = stat.isFile() && stat.size === staged.bytes;
    if (same && (!this.#options.verifyHash || (await measure(path)).sha256 === staged.sha256)) return;
    throw new AppError('storage_unavailable', {
      detail: 'A stored picture does not have the bytes that were written.',
    });
  }

  async #sweepDirectory(name: string, beforeMs: number): Promise<number> {
    let removed = 0;
    for await (const entry of await opendir(join(this.#root, name))) {
      const path = join(this.#root, name, basename(entry.name));
      const stat = await lstat(path).catch(() => null);
      if (!stat || stat.isDirectory() || stat.mtimeMs >= beforeMs) continue;
      await discardFile(path);
      removed += 1;
    }
    return removed;
  }
}

async function* single(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}

function tooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', {
    detail: `The file is larger than the ${Math.floor(maxBytes / 1024 / 1024)} MB that are allowed.`,
  });
}

function markerError(found: string | null): AppError {
  return new AppError('storage_unavailable', {
    detail:
      found === null
        ? `The marker file ${MARKER_FILE} is missing in the media directory: its volume is probably not mounted.`
        : `The marker file ${MARKER_FILE} in the media directory belongs to another installation or an older state.`,
    fix: 'Mount the volume that holds the pictures. If it was replaced on purpose, run: drawbridge doctor --fix',
  });
}
