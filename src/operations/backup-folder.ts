// A backup folder: what lies where in it, and how it is read. Picture files are kept once for all backups, since a key is
// never used for other bytes; a backup is a folder of its own that appears whole, by one rename, or not at all.
//   drawbridge-backup.json            says that this folder is one
//   media/<kind>/<aa>/<key>           picture files of all backups
//   backups/<id>/backup.json          what the backup holds, with the hashes of the files beside it
//   backups/<id>/database.sqlite      or database.dump (pg_dump's custom format)
//   backups/<id>/manifest.jsonl       one line for each picture file that the database names
//   backups/<id>/missing.jsonl        keys of those that were not there, or not whole
//   backups/<id>/configuration.json   the settings, without secrets; secrets.key only where it was asked for
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { AppError } from '../kernel/errors.ts';
import { errnoOf, isMediaKey, isMediaKind, syncDirectory } from '../media/media.ts';
import { type BackupSummary, CopyError } from './contract.ts';

export const FOLDER_MARK = 'drawbridge-backup.json';
export const BACKUPS = 'backups';
export const MEDIA = 'media';
export const INCOMING = '.incoming';
export const MANIFEST = 'manifest.jsonl';
export const MISSING = 'missing.jsonl';
export const SUMMARY = 'backup.json';
export const CONFIGURATION = 'configuration.json';
export const DATABASE_FILES = { sqlite: 'database.sqlite', postgres: 'database.dump' } as const;
export const PARTIAL_PREFIX = '.partial-';
export const PRIVATE_FILE = 0o600;
export const PRIVATE_FOLDER = 0o700;
/** What this version writes, and the newest it reads. */
export const FORMAT = 1;
const ID = /^\d{8}-\d{6}(?:-\d+)?$/;
const FULL = new Set(['ENOSPC', 'EDQUOT']);

const hashed = z.object({ file: z.string(), bytes: z.int(), sha256: z.string() });
const backupSchema = z.object({
  format: z.int(),
  id: z.string().regex(ID),
  created_at: z.string(),
  version: z.string(),
  database: hashed.extend({ kind: z.enum(['sqlite', 'postgres']) }),
  manifest: hashed,
  missing: hashed,
  files: z.int(),
  bytes: z.int(),
  missing_files: z.int(),
  unfinished_tasks: z.int(),
  /** The marker of the volume that held the pictures; null when there was none yet. */
  media_marker: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .nullable(),
  secrets_key: z.boolean(),
});
export type Backup = z.output<typeof backupSchema>;

const manifestLine = z.object({
  key: z.string().refine(isMediaKey),
  kind: z.string().refine(isMediaKind),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type ManifestLine = z.output<typeof manifestLine>;

/** An expected failure of the file system in the words of backups; anything else comes back as it is. */
export function copyFailure(error: unknown, path: string): unknown {
  if (error instanceof CopyError) return error;
  if (error instanceof AppError) {
    return error.code === 'storage_full'
      ? new CopyError('no_space', path)
      : new CopyError('file_failed', `${path}: ${error.message}`);
  }
  const errno = errnoOf(error);
  if (errno === null) return error;
  return FULL.has(errno)
    ? new CopyError('no_space', path)
    : new CopyError('file_failed', `${path}: ${errno}`);
}

/** Runs `work`; failures of the file system become those of copies. `path` is what the user knows of the place. */
export async function withCopyFailures<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw copyFailure(error, path);
  }
}

/** Writes a file that is whole and on disk when this resolves, or is not there. */
export async function writeDurably(path: string, text: string | Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  const handle = await open(temporary, 'w', PRIVATE_FILE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Makes bytes durable that another tool wrote. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync().finally(() => handle.close());
}

/** Makes an empty folder a backup folder. Throws `foreign_folder` when something else is in it. */
export async function claimFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER });
  const entries = await readdir(folder);
  if (entries.includes(FOLDER_MARK)) return;
  const foreign = entries.filter((name) => !['lost+found', `${FOLDER_MARK}.new`].includes(name));
  if (foreign.length > 0) throw new CopyError('foreign_folder', folder);
  await writeDurably(join(folder, FOLDER_MARK), `${JSON.stringify({ format: FORMAT })}\n`);
}

/** The ids of finished backups, newest first; throws `no_backup` when this is no backup folder. */
async function backupIds(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch((): string[] => []);
  if (!entries.includes(FOLDER_MARK)) throw new CopyError('no_backup', folder);
  const names = await readdir(join(folder, BACKUPS)).catch(() => []);
  return names
    .filter((name) => ID.test(name))
    .sort()
    .reverse();
}

/** A backup's own account of itself; null: the newest. Throws `no_backup`, `broken`, `newer_version`. */
export async function readBackup(folder: string, id: string | null): Promise<Backup> {
  const ids = await backupIds(folder);
  const wanted = id ?? ids[0];
  if (wanted === undefined || !ids.includes(wanted)) throw new CopyError('no_backup', id ?? folder);
  const path = join(folder, BACKUPS, wanted, SUMMARY);
  const read = await withCopyFailures(path, () => readFile(path, 'utf8'));
  const parsed = parseJson(read);
  const format = z.object({ format: z.int() }).safeParse(parsed);
  if (format.success && format.data.format > FORMAT) throw new CopyError('newer_version', wanted);
  const backup = backupSchema.safeParse(parsed);
  if (!backup.success || backup.data.id !== wanted) throw new CopyError('broken', path);
  return backup.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** All finished backups, newest first. */
export async function readBackups(folder: string): Promise<Backup[]> {
  const backups: Backup[] = [];
  for (const id of await backupIds(folder)) backups.push(await readBackup(folder, id));
  return backups;
}

export function summaryOf(backup: Backup): BackupSummary {
  return {
    id: backup.id,
    createdAt: backup.created_at,
    version: backup.version,
    database: backup.database.kind,
    databaseBytes: backup.database.bytes,
    files: backup.files,
    bytes: backup.bytes,
    missing: backup.missing_files,
    hasSecretsKey: backup.secrets_key,
  };
}

/** The lines of a manifest, one at a time. Throws `broken` for a line that is none. */
export async function* readManifest(path: string): AsyncGenerator<ManifestLine> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const parsed = manifestLine.safeParse(parseJson(line));
    if (!parsed.success) throw new CopyError('broken', path);
    yield parsed.data;
  }
}

/** As `readManifest`, in groups of at most `count`. */
export async function* manifestGroups(path: string, count: number): AsyncGenerator<ManifestLine[]> {
  let group: ManifestLine[] = [];
  for await (const line of readManifest(path)) {
    group.push(line);
    if (group.length < count) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/** The keys of the files that the backup does not have. */
export async function readMissing(path: string): Promise<Set<string>> {
  const keys = new Set<string>();
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) {
    const parsed = z.object({ key: z.string() }).safeParse(parseJson(line));
    if (parsed.success) keys.add(parsed.data.key);
  }
  return keys;
}
