// The log's file: appended to, and put aside under a number when it has grown to its size, so that all of them together are
// bounded. A line is never cut in two, and a disk that takes no more loses lines, never the program.
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

export const LOG_FILE_BYTES = 20 * 1024 * 1024;
/** Files that were put aside: `<name>.1` is the newest. */
export const LOG_FILES_KEPT = 5;
/** The log may name accounts and addresses: not for everybody on the machine. */
const FILE_MODE = 0o640;
/** A handle of another process's rotation is noticed by then. */
const LINES_PER_LOOK = 1_000;

export interface LogFileOptions {
  path: string;
  maxBytes?: number;
  kept?: number;
}

/** Where rotated files lie, the newest first. */
export function rotatedFiles(path: string, kept = LOG_FILES_KEPT): string[] {
  return Array.from({ length: kept }, (_, index) => `${path}.${index + 1}`);
}

export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #kept: number;
  #handle = -1;
  #bytes = 0;
  #lines = 0;

  /** Opens the file and its folder; throws the system's error when that cannot be. */
  constructor({ path, maxBytes = LOG_FILE_BYTES, kept = LOG_FILES_KEPT }: LogFileOptions) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#kept = kept;
    mkdirSync(dirname(path), { recursive: true });
    this.#open();
  }

  /** Appends a line that ends with its line break. Never throws: who logs has other things to do. */
  write(line: string): void {
    try {
      const bytes = Buffer.byteLength(line);
      this.#lines += 1;
      if (this.#lines % LINES_PER_LOOK === 0) this.#bytes = fstatSync(this.#handle).size;
      if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) this.#rotate();
      // One call for a line: nothing of another process gets into the middle of it.
      writeSync(this.#handle, line);
      this.#bytes += bytes;
    } catch {
      // A full disk must not end the program; the next line is tried again.
    }
  }

  flush(): void {
    try {
      fsyncSync(this.#handle);
    } catch {
      // Pipes and devices cannot be synced.
    }
  }

  /** Opens the path anew, after somebody else has moved the file away. */
  reopen(): void {
    const before = this.#handle;
    this.#open();
    closeSync(before);
  }

  #open(): void {
    this.#handle = openSync(this.#path, 'a', FILE_MODE);
    this.#bytes = fstatSync(this.#handle).size;
  }

  #rotate(): void {
    const [first, ...older] = rotatedFiles(this.#path, this.#kept);
    if (first === undefined) return;
    const names = [first, ...older];
    rmSync(names.at(-1) ?? first, { force: true });
    for (let index = names.length - 1; index > 0; index -= 1) {
      const [from, to] = [names[index - 1], names[index]];
      if (from !== undefined && to !== undefined) moveIfThere(from, to);
    }
    renameSync(this.#path, first);
    this.reopen();
  }
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
