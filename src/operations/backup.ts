// Backups: database first, then the pictures it names, so that every picture of the copy is there; visible by one rename at
// the end. Cut off anywhere, the next run takes only what is missing, and backups that were finished stay as they are.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, opendir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import { type Config, secretValues } from '../kernel/config.ts';
import { SECRETS_KEY_FILE } from '../kernel/config-externals.ts';
import { type DataDirLock, lockDataDir } from '../kernel/db-lock.ts';
import { AppError } from '../kernel/errors.ts';
import { createRedactor, isSecretName, MASK } from '../kernel/redact.ts';
import { VERSION } from '../kernel/version.ts';
import { MARKER_FILE, syncDirectory } from '../media/media.ts';
import { copyDatabaseTo, type DatabaseCopy } from './backup-database.ts';
import {
  BACKUPS,
  type Backup,
  CONFIGURATION,
  claimFolder,
  DATABASE_FILES,
  FORMAT,
  INCOMING,
  MANIFEST,
  MEDIA,
  MISSING,
  PARTIAL_PREFIX,
  PRIVATE_FILE,
  PRIVATE_FOLDER,
  readBackups,
  readManifest,
  SUMMARY,
  summaryOf,
  withCopyFailures,
  writeDurably,
} from './backup-folder.ts';
import { copyMedia } from './backup-media.ts';
import { noteBackup } from './backup-replica.ts';
import { type BackupReport, CopyError, type CopyWorld } from './contract.ts';

export { listBackups, verifyBackup } from './backup-verify.ts';
export { restoreBackup } from './restore.ts';

const MOST_NAMED = 20;
const MS_PER_S = 1000;

export interface BackupOptions {
  /** Copy the key of provider secrets too. */
  includeSecrets: boolean;
  /** Read the copies that earlier backups made, and replace those that do not hold their bytes. */
  recheck: boolean;
  /** Afterwards, remove all but this many of the newest backups; null keeps all. */
  keep: number | null;
}

/** Makes a backup beside a running server or without one. Throws CopyError. */
export async function createBackup(world: CopyWorld, options: BackupOptions): Promise<BackupReport> {
  const { folder, clock } = world;
  const startedAtMs = clock.monotonicMs();
  requireOutside(world.config, folder);
  return withCopyFailures(folder, async () => {
    await claimFolder(folder);
    const lock = lockFolder(folder);
    try {
      await clearLeftovers(folder);
      const id = await newBackupId(folder, clock);
      const partial = join(folder, BACKUPS, `${PARTIAL_PREFIX}${id}`);
      await mkdir(partial, { recursive: true, mode: PRIVATE_FOLDER });
      const made = await fill(world, options, { id, partial }).catch(async (error: unknown) => {
        // On a full disk the half of a database would take the room that the next try needs.
        await rm(partial, { recursive: true, force: true }).catch(() => {});
        throw error;
      });
      await syncDirectory(partial);
      await rename(partial, join(folder, BACKUPS, id));
      await syncDirectory(join(folder, BACKUPS));
      await noteBackup(world.config.dataDir, { folder, id, createdAt: made.createdAt });
      const prunedFiles = options.keep === null ? 0 : await prune(folder, options.keep);
      return { ...made, prunedFiles, seconds: (clock.monotonicMs() - startedAtMs) / MS_PER_S };
    } finally {
      await rm(join(folder, INCOMING), { recursive: true, force: true }).catch(() => {});
      lock.release();
    }
  });
}

/** A copy inside of what is copied would go with it. */
function requireOutside({ dataDir, media }: Config, folder: string): void {
  for (const place of [dataDir, media.root]) {
    const inside = relative(place, resolve(folder));
    if (inside === '' || (inside !== '..' && !inside.startsWith(`..${sep}`)))
      throw new CopyError('inside_data', folder);
  }
}

function lockFolder(folder: string): DataDirLock {
  try {
    return lockDataDir(folder);
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') throw new CopyError('busy', folder);
    throw error;
  }
}

/** What a backup that was cut off left: nothing of it counts. Its whole picture files stay for the next one. */
async function clearLeftovers(folder: string): Promise<void> {
  await rm(join(folder, INCOMING), { recursive: true, force: true });
  for (const path of [join(folder, BACKUPS), join(folder, MEDIA), join(folder, INCOMING)])
    await mkdir(path, { recursive: true, mode: PRIVATE_FOLDER });
  for await (const entry of await opendir(join(folder, BACKUPS))) {
    if (entry.name.startsWith(PARTIAL_PREFIX))
      await rm(join(folder, BACKUPS, entry.name), { recursive: true, force: true });
  }
}

/** `20260131-120000` in UTC, so that names sort by time. */
async function newBackupId(folder: string, clock: Clock): Promise<string> {
  const [day = '', time = ''] = toTimestamp(clock.now()).split('T');
  const name = `${day.replaceAll('-', '')}-${time.slice(0, 8).replaceAll(':', '')}`;
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? name : `${name}-${number}`;
    if (!(await stat(join(folder, BACKUPS, id)).catch(() => null))) return id;
  }
}

/** Everything of a backup but its final name. */
async function fill(
  { config, clock, folder, onProgress }: CopyWorld,
  { includeSecrets, recheck }: BackupOptions,
  { id, partial }: { id: string; partial: string },
): Promise<Omit<BackupReport, 'prunedFiles' | 'seconds'>> {
  onProgress({ phase: 'database', doneBytes: 0, totalBytes: 0 });
  const createdAt = toTimestamp(clock.now());
  const database = await copyDatabaseTo(config, partial);
  await requireVolume(config, database);
  let doneBytes = 0;
  const media = await copyMedia({
    manifest: join(partial, MANIFEST),
    from: config.media.root,
    to: join(folder, MEDIA),
    incoming: join(folder, INCOMING),
    recheck,
    folderMode: PRIVATE_FOLDER,
    fileMode: PRIVATE_FILE,
    onBytes(bytes) {
      doneBytes += bytes;
      onProgress({ phase: 'pictures', doneBytes, totalBytes: database.bytes });
    },
  });
  const missing = media.missing.map(({ key }) => `${JSON.stringify({ key })}\n`).join('');
  await writeDurably(join(partial, MISSING), missing);
  await writeDurably(join(partial, CONFIGURATION), configurationCopy(config));
  const key = await readFile(join(config.dataDir, SECRETS_KEY_FILE)).catch(() => null);
  const hasKey = key !== null && includeSecrets;
  if (hasKey) await writeDurably(join(partial, SECRETS_KEY_FILE), key);
  const hashed = async (file: string) => ({ file, ...(await hashOf(join(partial, file))) });
  const backup: Backup = {
    format: FORMAT,
    id,
    created_at: createdAt,
    version: VERSION,
    database: { kind: database.kind, ...(await hashed(DATABASE_FILES[database.kind])) },
    manifest: await hashed(MANIFEST),
    missing: await hashed(MISSING),
    files: database.files,
    bytes: database.bytes,
    missing_files: media.missing.length,
    unfinished_tasks: database.unfinishedTasks,
    media_marker: database.mediaMarker,
    secrets_key: hasKey,
  };
  await writeDurably(join(partial, SUMMARY), `${JSON.stringify(backup, null, 2)}\n`);
  return {
    ...summaryOf(backup),
    folder,
    copiedFiles: media.copiedFiles,
    copiedBytes: media.copiedBytes,
    keptFiles: media.keptFiles,
    leftOutKey: key !== null && !hasKey,
    missingKeys: media.missing.slice(0, MOST_NAMED).map(({ key }) => key),
  };
}

/** Without the right volume, every picture would look missing and the backup would be worth nothing. */
async function requireVolume({ media }: Config, { mediaMarker, files }: DatabaseCopy): Promise<void> {
  if (mediaMarker === null && files === 0) return;
  const found = await readFile(join(media.root, MARKER_FILE), 'utf8').catch(() => '');
  if (found.trim() !== mediaMarker) throw new CopyError('no_volume', media.root);
}

/** The settings as they hold now, for whoever sets the new machine up; secrets are left out by name and by value. */
function configurationCopy(config: Config): string {
  const redactor = createRedactor(secretValues(config));
  const withoutSecrets = (name: string, value: unknown) => {
    if (typeof value !== 'string') return value;
    return isSecretName(name) ? MASK : redactor.text(value);
  };
  return `${JSON.stringify(config, withoutSecrets, 2)}\n`;
}

/** Size and SHA-256 of a file of the backup itself. */
async function hashOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    hash.update(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Removes old backups, then the picture files that no backup names any more; returns how many files went. */
async function prune(folder: string, keep: number): Promise<number> {
  const backups = await readBackups(folder);
  const old = backups.slice(Math.max(1, keep));
  if (old.length === 0) return 0;
  for (const { id } of old) {
    // Out of the list first: what is cut off here is no backup any more.
    const leaving = join(folder, BACKUPS, `${PARTIAL_PREFIX}${id}`);
    await rename(join(folder, BACKUPS, id), leaving);
    await rm(leaving, { recursive: true, force: true });
  }
  const named = new Set<string>();
  for (const { id } of await readBackups(folder)) {
    for await (const { key } of readManifest(join(folder, BACKUPS, id, MANIFEST))) named.add(key);
  }
  let removed = 0;
  for await (const entry of await opendir(join(folder, MEDIA), { recursive: true })) {
    if (!entry.isFile() || named.has(entry.name)) continue;
    await rm(join(entry.parentPath, entry.name), { force: true });
    removed += 1;
  }
  await syncDirectory(dirname(join(folder, MEDIA)));
  return removed;
}
