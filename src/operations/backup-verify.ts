// What backups there are, and whether one could be restored: every byte of it is read.
import { join } from 'node:path';
import { mediaFilePath } from '../media/media.ts';
import { checkSqliteFile } from './backup-database.ts';
import {
  BACKUPS,
  type Backup,
  MANIFEST,
  MEDIA,
  MISSING,
  readBackup,
  readBackups,
  readManifest,
  readMissing,
  summaryOf,
} from './backup-folder.ts';
import { holds } from './backup-media.ts';
import { checkDump } from './backup-postgres.ts';
import { type BackupSummary, CopyError, type CopyWorld, type VerifyReport } from './contract.ts';

const MOST_NAMED = 20;

/** Newest first. */
export async function listBackups(folder: string): Promise<BackupSummary[]> {
  return (await readBackups(folder)).map(summaryOf);
}

/** Reads everything that a backup consists of and names what is wrong. */
export async function verifyBackup(
  { folder, onProgress }: Pick<CopyWorld, 'folder' | 'onProgress'>,
  id: string | null,
): Promise<VerifyReport> {
  const backup = await readBackup(folder, id);
  const own = join(folder, BACKUPS, backup.id);
  const problems: string[] = [];
  let problemCount = 0;
  let checkedFiles = 0;
  let doneBytes = 0;
  const report = (problem: string) => {
    problemCount += 1;
    if (problems.length < MOST_NAMED) problems.push(problem);
  };
  onProgress({ phase: 'check', doneBytes: 0, totalBytes: 0 });
  for (const problem of await ownProblems(own, backup)) report(problem);
  if (problemCount === 0) {
    const missing = await readMissing(join(own, MISSING));
    for await (const line of readManifest(join(own, MANIFEST))) {
      if (!missing.has(line.key)) {
        const path = mediaFilePath(join(folder, MEDIA), line.kind, line.key);
        if (!(await holds(path, line))) report(path);
        checkedFiles += 1;
      }
      doneBytes += line.bytes;
      onProgress({ phase: 'check', doneBytes, totalBytes: backup.bytes });
    }
  }
  return { ...summaryOf(backup), checkedFiles, problems, problemCount };
}

/** What is wrong with a backup's own files: their hashes, and whether the database opens. */
export async function ownProblems(own: string, backup: Backup): Promise<string[]> {
  const problems: string[] = [];
  for (const { file, bytes, sha256 } of [backup.database, backup.manifest, backup.missing]) {
    if (!(await holds(join(own, file), { bytes, sha256 }))) problems.push(join(own, file));
  }
  if (problems.length > 0) return problems;
  const path = join(own, backup.database.file);
  try {
    if (backup.database.kind === 'sqlite') checkSqliteFile(path);
    else await checkDump(path);
  } catch (error) {
    if (!(error instanceof CopyError)) throw error;
    problems.push(error.message);
  }
  return problems;
}
