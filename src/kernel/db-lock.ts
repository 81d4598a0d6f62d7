// The exclusive lock on a data directory: SQLite's own file lock on a separate file, held as long as the process lives, so that
// a crash of any kind frees it at once. The owner's pid stands beside it for the message only; the lock alone decides.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from './errors.ts';

const LOCK_FILE = 'drawbridge.lock';
const PID_FILE = 'drawbridge.pid';
const SQLITE_BUSY = 5;
const COMMAND_LONGEST_CHARS = 120;

export interface DataDirLock {
  /** Frees the directory for the next process. Idempotent. */
  release(): void;
}

/** The owner's command up to its first option: what follows an option may be a secret. */
function commandOf(pid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
    const firstOption = words.findIndex((word, index) => index > 0 && word.startsWith('-'));
    return words
      .slice(0, firstOption === -1 ? undefined : firstOption)
      .join(' ')
      .slice(0, COMMAND_LONGEST_CHARS);
  } catch {
    return undefined;
  }
}

function readOwnerPid(dataDir: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(dataDir, PID_FILE), 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function lockedBy(dataDir: string): AppError {
  const pid = readOwnerPid(dataDir);
  if (pid === process.pid) {
    return new AppError('conflict', { detail: 'This process has the data directory open already.' });
  }
  const command = pid === undefined ? undefined : commandOf(pid);
  const owner = pid === undefined ? 'another process' : `process ${pid}${command ? ` (${command})` : ''}`;
  return new AppError('conflict', {
    detail: `The data directory is in use by ${owner}.`,
    cause: 'Another Drawbridge runs on the same data directory; only one may write to it.',
    fix:
      `Use the running one, stop it first${pid === undefined ? '' : ` (kill ${pid})`}, ` +
      'or choose another directory with DRAWBRIDGE_DATA_DIR.',
  });
}

function unusable(error: unknown): AppError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return new AppError('storage_unavailable', {
    detail: `The data directory cannot be written (${code}).`,
    fix: 'Check that DRAWBRIDGE_DATA_DIR exists or can be made, and that this user may write to it.',
  });
}

/** Takes `dataDir` (made when it is missing) for this process; throws `conflict` naming the owner, or `storage_unavailable`. */
export function lockDataDir(dataDir: string): DataDirLock {
  let database: DatabaseSync;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o750 });
    database = new DatabaseSync(join(dataDir, LOCK_FILE), { timeout: 0 });
  } catch (error) {
    throw unusable(error);
  }
  try {
    database.exec('begin exclusive');
    writeFileSync(join(dataDir, PID_FILE), `${process.pid}\n`);
  } catch (error) {
    database.close();
    const errcode = (error as { errcode?: number }).errcode;
    throw errcode !== undefined && (errcode & 0xff) === SQLITE_BUSY ? lockedBy(dataDir) : unusable(error);
  }
  return {
    release() {
      if (!database.isOpen) return;
      // The pid goes first: after the lock is free the file may be the next owner's.
      rmSync(join(dataDir, PID_FILE), { force: true });
      database.close();
    },
  };
}
