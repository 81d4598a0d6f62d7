// What the target itself reads of files that were sent: their SHA-256, many at once by a command in a shell of the server, or
// by reading them back where no command may be run. While one command runs, the next group collects.
import { createHash } from 'node:crypto';
import { SyncFault } from './fault.ts';
import { type RemoteShell, type SftpConnection, shellWord } from './sftp-connection.ts';

const MOST_IN_COMMAND = 200;
const READ_BYTES = 32 * 1024;
const READS_AT_ONCE = 32;
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const COMMANDS = ['sha256sum', 'shasum -a 256'] as const;
const LINE = /^\\?([0-9a-f]{64})\s/;

interface Waiting {
  path: string;
  resolve(sha256: string | null): void;
  reject(error: unknown): void;
}

export class SftpVerifier {
  readonly #connection: SftpConnection;
  readonly #waiting: Waiting[] = [];
  #command: Promise<string | null> | null = null;
  #shell: RemoteShell | null = null;
  #isRunning = false;

  constructor(connection: SftpConnection) {
    this.#connection = connection;
  }

  /** Lower-case hex of what lies there. */
  async sha256(path: string): Promise<string> {
    const found = await this.#byCommand(path);
    return found ?? this.#byReading(path);
  }

  /** Whether the server computes hashes by itself. */
  async hasCommand(): Promise<boolean> {
    this.#command ??= this.#findCommand();
    return (await this.#command) !== null;
  }

  async #findCommand(): Promise<string | null> {
    try {
      const shell = await this.#connection.openShell();
      for (const command of COMMANDS) {
        if (!(await shell.ask(`${command} </dev/null 2>/dev/null`)).startsWith(EMPTY_SHA256)) continue;
        this.#shell = shell;
        return command;
      }
    } catch (error) {
      if (!(error instanceof SyncFault && error.kind === 'unable')) throw error;
    }
    return null;
  }

  async #byCommand(path: string): Promise<string | null> {
    if (!(await this.hasCommand())) return null;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ path, resolve, reject });
      if (!this.#isRunning) void this.#runGroups();
    });
  }

  async #runGroups(): Promise<void> {
    this.#isRunning = true;
    // Those that become ready in the same turn go together.
    await null;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MOST_IN_COMMAND);
      try {
        const words = group.map(({ path }) => shellWord(path)).join(' ');
        const answer = (await this.#shell?.ask(`${await this.#command} -- ${words} 2>/dev/null`)) ?? '';
        const lines = answer.split('\n').filter((line) => line !== '');
        // A file that could not be read has no line: then nobody knows whose line is whose, and each is read back.
        const isWhole = lines.length === group.length;
        for (const [index, one] of group.entries())
          one.resolve(isWhole ? (LINE.exec(lines[index] ?? '')?.[1] ?? null) : null);
      } catch (error) {
        for (const one of group) one.reject(error);
      }
    }
    this.#isRunning = false;
  }

  async #byReading(path: string): Promise<string> {
    const connection = this.#connection;
    const handle = await connection.call<Buffer>((sftp, done) => sftp.open(path, 'r', done));
    try {
      const { size } = await connection.call<{ size: number }>((sftp, done) => sftp.fstat(handle, done));
      const hash = createHash('sha256');
      const pending: Promise<Buffer>[] = [];
      const read = async (at: number, length: number): Promise<Buffer> => {
        const buffer = Buffer.allocUnsafe(length);
        let got = 0;
        while (got < length) {
          const more = await connection.call<number>((sftp, done) =>
            sftp.read(handle, buffer, got, length - got, at + got, (error, count) => done(error, count)),
          );
          if (more === 0) break;
          got += more;
        }
        return buffer.subarray(0, got);
      };
      for (let at = 0; at < size || pending.length > 0; ) {
        while (at < size && pending.length < READS_AT_ONCE) {
          const length = Math.min(READ_BYTES, size - at);
          const one = read(at, length);
          one.catch(() => {});
          pending.push(one);
          at += length;
        }
        hash.update((await pending.shift()) ?? Buffer.alloc(0));
      }
      return hash.digest('hex');
    } finally {
      await connection.call((sftp, done) => sftp.close(handle, done as never)).catch(() => {});
    }
  }
}
