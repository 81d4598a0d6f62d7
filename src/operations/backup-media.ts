// Copies picture files between a store's folder and a backup's, whose layouts are the same. A copy becomes visible only when
// it is on disk and was read back with the hash that the database names, so that what is there is right.
import { constants } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../kernel/errors.ts';
import { errnoOf, measure, mediaFilePath, openPlainFile, syncDirectory } from '../media/media.ts';
import { type ManifestLine, manifestGroups, syncFile } from './backup-folder.ts';

/** Files on their way at the same time: enough to keep a disk busy while others are hashed. */
const LANES = 4;
const GROUP = 400;

export interface MediaCopyOptions {
  manifest: string;
  from: string;
  to: string;
  /** A folder on the file system of `to`, for files that are not whole yet. */
  incoming: string;
  /** Read files that are there already, instead of trusting their size. */
  recheck: boolean;
  folderMode: number;
  fileMode: number;
  skip?: ReadonlySet<string>;
  onBytes(bytes: number): void;
}

export interface MediaCopyReport {
  copiedFiles: number;
  copiedBytes: number;
  keptFiles: number;
  /** Files that were not there, or had other bytes than the database says. */
  missing: ManifestLine[];
}

/** Copies everything that the manifest names and the target lacks. Throws what the target's disk says; the source only lacks files. */
export async function copyMedia(options: MediaCopyOptions): Promise<MediaCopyReport> {
  const report: MediaCopyReport = { copiedFiles: 0, copiedBytes: 0, keptFiles: 0, missing: [] };
  const folders = new Set<string>();
  let number = 0;
  for await (const group of manifestGroups(options.manifest, GROUP)) {
    const lines = group.values();
    const work = async () => {
      for (const line of lines) {
        number += 1;
        const outcome = options.skip?.has(line.key)
          ? 'missing'
          : await copyOne(options, line, join(options.incoming, String(number)), folders);
        if (outcome === 'missing') report.missing.push(line);
        else if (outcome === 'kept') report.keptFiles += 1;
        else {
          report.copiedFiles += 1;
          report.copiedBytes += line.bytes;
        }
        options.onBytes(line.bytes);
      }
    };
    await Promise.all(Array.from({ length: LANES }, work));
  }
  // Once for each folder, not for each file: nothing counts before the whole backup does.
  for (const folder of folders) await syncDirectory(folder);
  return report;
}

async function copyOne(
  { from, to, recheck, folderMode, fileMode }: MediaCopyOptions,
  line: ManifestLine,
  temporary: string,
  folders: Set<string>,
): Promise<'copied' | 'kept' | 'missing'> {
  const target = mediaFilePath(to, line.kind, line.key);
  const found = await lstat(target).catch(() => null);
  if (found?.isFile() && found.size === line.bytes && (!recheck || (await holds(target, line))))
    return 'kept';
  const source = mediaFilePath(from, line.kind, line.key);
  if (!(await isPlain(source, line.bytes))) return 'missing';
  const folder = dirname(target);
  if (!folders.has(folder)) {
    await mkdir(folder, { recursive: true, mode: folderMode });
    folders.add(folder).add(dirname(folder)).add(to);
  }
  try {
    await copyFile(source, temporary, constants.COPYFILE_FICLONE);
    await chmod(temporary, fileMode);
    await syncFile(temporary);
    if (!(await holds(temporary, line))) return 'missing';
    await rename(temporary, target);
    return 'copied';
  } catch (error) {
    // Gone since it was looked at, or unreadable where it lies: that is the source's fault and no reason to stop.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EIO') {
      if (!(await canRead(source))) return 'missing';
    }
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function isPlain(path: string, bytes: number): Promise<boolean> {
  try {
    const opened = await openPlainFile(path);
    await opened.handle.close();
    return opened.bytes === bytes;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

const canRead = (path: string) =>
  measure(path).then(
    () => true,
    () => false,
  );

/** Whether the file has exactly the bytes that the database names. */
export async function holds(path: string, line: Pick<ManifestLine, 'bytes' | 'sha256'>): Promise<boolean> {
  try {
    const { bytes, sha256 } = await measure(path);
    return bytes === line.bytes && sha256 === line.sha256;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}
