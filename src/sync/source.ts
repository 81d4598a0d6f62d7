// Where files come from: the media folder, any other folder, the S3 stores of this installation, and the files of a checkout
// that git knows. Links are never followed; a file that changes while it is read fails instead of arriving mixed.
import type { Dirent } from 'node:fs';
import { lstat, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SYNC_KINDS, type SyncKind } from '../kernel/config-sync.ts';
import { isMediaKey, isMediaKind } from '../media/media.ts';
import { SyncFault } from './fault.ts';
import type { SourceFile } from './target.ts';

/** What is read at once; one packet of SFTP to most servers. */
export const CHUNK_BYTES = 128 * 1024;
const STATS_AT_ONCE = 64;

export interface SkippedEntry {
  name: string;
  reason: 'link';
}

export interface SourceListing {
  files: SourceFile[];
  skipped: SkippedEntry[];
}

const isKind = (name: string): name is SyncKind => (SYNC_KINDS as readonly string[]).includes(name);

function isStoredPicture(kind: SyncKind, path: string): boolean {
  return isMediaKind(kind) && isMediaKey(path.slice(path.lastIndexOf('/') + 1));
}

/** The bytes of a local file, which must be as many as it had when it was listed. */
async function* readLocal(path: string, bytes: number): AsyncGenerator<Uint8Array> {
  const changed = () => new SyncFault('source', 'it changed while it was read');
  const gone = (error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    return new SyncFault('source', `it cannot be read (${code ?? 'error'})`, error);
  };
  if (bytes <= CHUNK_BYTES) {
    const whole = await readFile(path).catch((error: unknown) => Promise.reject(gone(error)));
    if (whole.byteLength !== bytes) throw changed();
    if (bytes > 0) yield whole;
    return;
  }
  const handle = await open(path).catch((error: unknown) => Promise.reject(gone(error)));
  try {
    let offset = 0;
    for (;;) {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, offset).catch((error: unknown) => {
        throw gone(error);
      });
      if (bytesRead === 0) break;
      offset += bytesRead;
      if (offset > bytes) throw changed();
      yield chunk.subarray(0, bytesRead);
    }
    if (offset !== bytes) throw changed();
  } finally {
    await handle.close();
  }
}

async function localFile(full: string, kind: SyncKind, path: string): Promise<SourceFile> {
  const { size, mtimeMs, mode } = await stat(full);
  return {
    kind,
    path,
    bytes: size,
    modifiedAtMs: Math.floor(mtimeMs),
    isExecutable: (mode & 0o100) !== 0,
    isImmutable: isStoredPicture(kind, path),
    read: () => readLocal(full, size),
  };
}

interface Place {
  full: string;
  kind: SyncKind;
  path: string;
}

/** Everything below a folder, as places; links are told. */
async function walk(folder: string, to: (path: string) => Place, skipped: SkippedEntry[]): Promise<Place[]> {
  const places: Place[] = [];
  const pending = [''];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    let entries: Dirent[];
    try {
      entries = await readdir(join(folder, below), { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new SyncFault('source', `a folder of the source cannot be read: ${below || '.'}`, error);
    }
    for (const entry of entries) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) pending.push(path);
      else if (entry.isFile()) places.push(to(path));
      else skipped.push({ name: path, reason: 'link' });
    }
  }
  return places;
}

async function toFiles(places: readonly Place[]): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (let at = 0; at < places.length; at += STATS_AT_ONCE) {
    const found = await Promise.all(
      places.slice(at, at + STATS_AT_ONCE).map(({ full, kind, path }) =>
        localFile(full, kind, path).catch((error: unknown) => {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
          throw error;
        }),
      ),
    );
    files.push(...found.filter((file) => file !== null));
  }
  return files;
}

/** The pictures in the media folder of an installation, kind by kind; what else lies there is not sent. */
export async function listMediaFolder(root: string): Promise<SourceListing> {
  const skipped: SkippedEntry[] = [];
  const places: Place[] = [];
  for (const kind of SYNC_KINDS.filter((one) => isMediaKind(one))) {
    const folder = join(root, kind);
    places.push(...(await walk(folder, (path) => ({ full: join(folder, path), kind, path }), skipped)));
  }
  return { files: await toFiles(places), skipped };
}

/** Everything below any folder. What lies in a folder named like a kind is of that kind, all else is of the kind `files`. */
export async function listFolder(folder: string): Promise<SourceListing> {
  const skipped: SkippedEntry[] = [];
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) throw new SyncFault('source', `there is no folder ${folder}`);
  const places = await walk(
    folder,
    (path) => {
      const [first = '', ...rest] = path.split('/');
      const isOfKind = isKind(first) && first !== 'files' && rest.length > 0;
      return {
        full: join(folder, path),
        kind: isOfKind ? first : 'files',
        path: isOfKind ? rest.join('/') : path,
      };
    },
    skipped,
  );
  return { files: await toFiles(places), skipped };
}

/** These files of a checkout, by their paths in it. */
export async function listTracked(folder: string, paths: readonly string[]): Promise<SourceListing> {
  const skipped: SkippedEntry[] = [];
  const places: Place[] = [];
  for (const path of paths) {
    const full = join(folder, path);
    const found = await lstat(full).catch(() => null);
    if (found?.isFile()) places.push({ full, kind: 'files', path });
    else if (found) skipped.push({ name: `files/${path}`, reason: 'link' });
  }
  return { files: await toFiles(places), skipped };
}
