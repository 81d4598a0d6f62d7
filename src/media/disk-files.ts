// The file-system calls that durability and safety rest on: reads that follow no link, syncs, and what an errno means.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { AppError } from '../kernel/errors.ts';

export const READ_CHUNK_BYTES = 256 * 1024;
const FULL = new Set(['ENOSPC', 'EDQUOT']);
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'ENAMETOOLONG', 'EISDIR']);

/** The errno name of a file-system error, or null. */
export function errnoOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

/** A failed write as the error that callers act on: they wait and try again, nothing was stored. */
export function writeFailure(error: unknown): Error {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error);
  if (errno === null) return error instanceof Error ? error : new Error(String(error));
  if (FULL.has(errno)) {
    return new AppError('storage_full', { detail: 'The picture could not be stored: no space is left.' });
  }
  return new AppError('storage_unavailable', {
    detail: `The picture could not be stored: the file system answered ${errno}.`,
  });
}

/**
 * Opens a regular file for reading without following a link. A symbolic link, a file with further hard links, a FIFO, a
 * device or a directory counts as absent. Throws `not_found`, or `storage_unavailable` when the disk does not answer.
 */
export async function openPlainFile(
  path: string,
): Promise<{ handle: FileHandle; bytes: number; modifiedAtMs: number }> {
  let handle: FileHandle;
  try {
    // O_NONBLOCK: opening a planted FIFO would otherwise hang a thread of the pool until somebody writes to it.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw readFailure(error);
  }
  try {
    const stat = await handle.stat();
    if (!stat.isFile() || stat.nlink !== 1)
      throw new AppError('not_found', { detail: 'There is no such file.' });
    return { handle, bytes: stat.size, modifiedAtMs: stat.mtimeMs };
  } catch (error) {
    await handle.close();
    throw readFailure(error);
  }
}

/** A failed read: absent files are `not_found`, everything else is the disk's fault. */
export function readFailure(error: unknown): Error {
  if (error instanceof AppError) return error;
  const errno = errnoOf(error);
  if (errno === null) return error instanceof Error ? error : new Error(String(error));
  if (ABSENT.has(errno)) return new AppError('not_found', { detail: 'There is no such file.' });
  return new AppError('storage_unavailable', {
    detail: `The picture could not be read: the file system answered ${errno}.`,
  });
}

/** Makes a directory's entries (a rename, a create) durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Removes a file that may be absent, and swallows other failures: what stays is found by the sweep. */
export async function discardFile(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

/** Size and SHA-256 of what a stream still gives. */
export async function measureStream(
  stream: AsyncIterable<Uint8Array>,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      bytes += chunk.byteLength;
      hash.update(chunk);
    }
  } catch (error) {
    throw readFailure(error);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Size and SHA-256 of a plain file, read in pieces; `not_found` when it is absent or not a plain file. */
export async function measure(path: string): Promise<{ bytes: number; sha256: string }> {
  const { handle } = await openPlainFile(path);
  return measureStream(handle.createReadStream({ autoClose: true, highWaterMark: READ_CHUNK_BYTES }));
}
