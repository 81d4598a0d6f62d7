// Restores a backup into an empty place: pictures first, the database last, then the mark that pauses collection and holds
// providers back (restore-state.ts). Until all of it is there a note in the data folder keeps the server from starting on
// half of it; cut off anywhere, the same command goes on where it was.
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { Config } from '../kernel/config.ts';
import { SECRETS_KEY_FILE } from '../kernel/config-externals.ts';
import type { Db } from '../kernel/db.ts';
import { lockDataDir } from '../kernel/db-lock.ts';
import { DATABASE_FILE, openSqliteDb } from '../kernel/db-sqlite.ts';
import { AppError } from '../kernel/errors.ts';
import { MARKER_FILE, syncDirectory } from '../media/media.ts';
import {
  BACKUPS,
  type Backup,
  CONFIGURATION,
  copyFailure,
  MANIFEST,
  MEDIA,
  MISSING,
  PRIVATE_FILE,
  readBackup,
  readMissing,
  summaryOf,
  syncFile,
  withCopyFailures,
  writeDurably,
} from './backup-folder.ts';
import { copyMedia, type MediaCopyReport } from './backup-media.ts';
import { requireEmptyPostgres, restorePostgres } from './backup-postgres.ts';
import { ownProblems } from './backup-verify.ts';
import { CopyError, type CopyWorld, type RestoreReport } from './contract.ts';
import { markRestored, PARTIAL_NOTE } from './restore-state.ts';

const INCOMING = '.restoring';
const MOST_NAMED = 20;
const MS_PER_S = 1000;
/** As the program makes them: the group may read pictures, for nginx. */
const MEDIA_FOLDER_MODE = 0o750;
const MEDIA_FILE_MODE = 0o640;
/** What is left over besides: logs, the lock, a little to breathe. */
const SPARE_BYTES = 64 * 1024 * 1024;
const NOTHING: MediaCopyReport = { copiedFiles: 0, copiedBytes: 0, keptFiles: 0, missing: [] };
/** Names that an empty folder may hold. */
const IGNORED = new Set(['lost+found', 'drawbridge.lock', 'drawbridge.pid']);

/** Restores a backup (null: the newest) as the configuration says where. Throws CopyError. */
export async function restoreBackup(
  { config, clock, folder, onProgress }: CopyWorld,
  { id, databaseOnly }: { id: string | null; databaseOnly: boolean },
): Promise<RestoreReport> {
  const startedAtMs = clock.monotonicMs();
  const { dataDir } = config;
  const backup = await readBackup(folder, id);
  const own = join(folder, BACKUPS, backup.id);
  if ((config.databaseUrl === null) !== (backup.database.kind === 'sqlite'))
    throw new CopyError('other_database', backup.database.kind);
  onProgress({ phase: 'check', doneBytes: 0, totalBytes: 0 });
  const [problem] = await ownProblems(own, backup);
  if (problem !== undefined) throw new CopyError('broken', problem);
  await requireEmpty(config, backup, databaseOnly);
  const media = await withCopyFailures(dataDir, async () => {
    await mkdir(dataDir, { recursive: true, mode: MEDIA_FOLDER_MODE });
    const lock = lockTarget(dataDir);
    try {
      await writeDurably(join(dataDir, PARTIAL_NOTE), `${JSON.stringify({ backup: backup.id })}\n`);
      const copied = databaseOnly ? NOTHING : await restoreMedia(config, { backup, own, folder }, onProgress);
      onProgress({ phase: 'database', doneBytes: 0, totalBytes: 0 });
      if (backup.secrets_key) await copyIn(join(own, SECRETS_KEY_FILE), join(dataDir, SECRETS_KEY_FILE));
      const database = join(own, backup.database.file);
      if (config.databaseUrl === null) await copyIn(database, join(dataDir, DATABASE_FILE));
      else await restorePostgres(config.databaseUrl, database);
      return copied;
    } finally {
      lock.release();
    }
  });
  const unfinishedTasks = await mark(config, backup, clock.now());
  await rm(join(dataDir, PARTIAL_NOTE));
  await syncDirectory(dataDir);
  return {
    ...summaryOf(backup),
    dataDir,
    restoredFiles: media.copiedFiles + media.keptFiles,
    lostKeys: media.missing.slice(0, MOST_NAMED).map(({ key }) => key),
    lostFiles: media.missing.length,
    unfinishedTasks,
    configurationCopy: join(own, CONFIGURATION),
    seconds: (clock.monotonicMs() - startedAtMs) / MS_PER_S,
  };
}

/** Nothing that is there may be lost: only an empty place is filled, or one where this very restore was cut off. */
async function requireEmpty(config: Config, backup: Backup, databaseOnly: boolean): Promise<void> {
  const { dataDir, media, databaseUrl } = config;
  const note = await readFile(join(dataDir, PARTIAL_NOTE), 'utf8').catch(() => null);
  const isResumed = note !== null && noteOf(note) === backup.id;
  if (databaseOnly) {
    if (existsSync(join(dataDir, DATABASE_FILE))) throw new CopyError('not_empty', dataDir);
    const found = await readFile(join(media.root, MARKER_FILE), 'utf8').catch(() => '');
    if (found.trim() !== backup.media_marker) throw new CopyError('no_volume', media.root);
  } else if (!isResumed) {
    for (const place of new Set([dataDir, media.root])) {
      const names = await readdir(place).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return [];
        throw copyFailure(error, place);
      });
      if (names.some((name) => !IGNORED.has(name))) throw new CopyError('not_empty', place);
    }
  }
  if (databaseUrl !== null) await requireEmptyPostgres(databaseUrl);
}

function noteOf(text: string): string | null {
  try {
    return z.object({ backup: z.string() }).parse(JSON.parse(text)).backup;
  } catch {
    return null;
  }
}

function lockTarget(dataDir: string) {
  try {
    return lockDataDir(dataDir);
  } catch (error) {
    if (error instanceof AppError && error.code === 'conflict') throw new CopyError('busy', dataDir);
    throw error;
  }
}

async function restoreMedia(
  { dataDir, media }: Config,
  { backup, own, folder }: { backup: Backup; own: string; folder: string },
  onProgress: CopyWorld['onProgress'],
): Promise<MediaCopyReport> {
  const { root } = media;
  await mkdir(root, { recursive: true, mode: MEDIA_FOLDER_MODE });
  const { bavail, bsize } = await statfs(root);
  const present = existsSync(join(root, MARKER_FILE));
  // What was copied before an interruption takes no room a second time; then the disk itself is the judge.
  if (!present && bavail * bsize < backup.bytes + backup.database.bytes + SPARE_BYTES)
    throw new CopyError('no_space', root);
  if (backup.media_marker !== null) await writeDurably(join(root, MARKER_FILE), `${backup.media_marker}\n`);
  const incoming = join(root, INCOMING);
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { mode: MEDIA_FOLDER_MODE });
  let doneBytes = 0;
  try {
    return await copyMedia({
      manifest: join(own, MANIFEST),
      from: join(folder, MEDIA),
      to: root,
      incoming,
      recheck: true,
      folderMode: MEDIA_FOLDER_MODE,
      fileMode: MEDIA_FILE_MODE,
      skip: await readMissing(join(own, MISSING)),
      onBytes(bytes) {
        doneBytes += bytes;
        onProgress({ phase: 'pictures', doneBytes, totalBytes: backup.bytes });
      },
    });
  } finally {
    await rm(incoming, { recursive: true, force: true });
    await syncDirectory(dataDir);
  }
}

/** A file of the backup in its place, whole or not at all. */
async function copyIn(source: string, target: string): Promise<void> {
  const temporary = `${target}.restoring`;
  await copyFile(source, temporary);
  await chmod(temporary, PRIVATE_FILE);
  await syncFile(temporary);
  await rename(temporary, target);
  await syncDirectory(dirname(target));
}

/** Brings the schema up to this version and marks the data as restored; returns how many tasks are unfinished in it. */
async function mark(config: Config, backup: Backup, now: number): Promise<number> {
  const db = await openDb(config);
  try {
    await markRestored(db, { backup: backup.id, backupAt: Date.parse(backup.created_at), now });
  } finally {
    await db.close();
  }
  return backup.unfinished_tasks;
}

async function openDb({ dataDir, databaseUrl }: Config): Promise<Db> {
  if (databaseUrl === null) return openSqliteDb({ dataDir });
  const { openPostgresDb } = await import('../kernel/db-postgres.ts');
  return openPostgresDb({ url: databaseUrl });
}
