// A folder on a server with SSH. A file is written under a private name beside its place (`.name.….drawbridge-part`), checked
// there, and then renamed: what has its name is whole. A part that a cut left behind is gone on with at the next try.
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import type { FileEntryWithStats, Stats } from 'ssh2';
import type { Clock } from '../kernel/clock.ts';
import type { SftpTargetConfig, SyncKind } from '../kernel/config-sync.ts';
import { SyncFault } from './fault.ts';
import { addressesOf } from './public-check.ts';
import { SFTP_STATUS, SftpConnection, statusOf } from './sftp-connection.ts';
import { SftpVerifier } from './sftp-verify.ts';
import { nameOf, type RemoteFile, type SendOptions, type SourceFile, type Target } from './target.ts';

const DEFAULT_CONNECTIONS = 2;
export const MOST_CONNECTIONS = 16;
/** Small files are mostly waiting: many on one connection keep it busy. */
const SMALL_PER_CONNECTION = 128;
const LARGE_PER_CONNECTION = 3;
/** Bytes of one file that are on their way at once. */
const WINDOW_BYTES = 2 * 1024 * 1024;
/** Below this a file is sent anew sooner than its part is looked at. */
const LEAST_RESUMED_BYTES = 1024 * 1024;
const LISTINGS_AT_ONCE = 16;
const PART_SUFFIX = '.drawbridge-part';
const FILE_MODE = 0o644;
const EXECUTABLE_MODE = 0o755;
const FOLDER_MODE = 0o755;

interface Slot {
  opening: Promise<{ connection: SftpConnection; verifier: SftpVerifier }> | null;
  busy: number;
}

export interface SftpTargetOptions {
  config: SftpTargetConfig;
  clock: Clock;
  /** SSH connections at the same time (default 2). */
  connections?: number | undefined;
  /** Another folder for everything, in place of those of the configuration. */
  root?: string;
}

const seconds = (ms: number) => Math.floor(ms / 1000);

export class SftpTarget implements Target {
  readonly label: string;
  readonly comparison = 'size_time';
  readonly lanes: { small: number; large: number };
  readonly #options: SftpTargetOptions;
  readonly #slots: Slot[];
  readonly #folders = new Map<string, Promise<void>>();
  /** Parts that a cut left behind: path → bytes. */
  readonly #parts = new Map<string, number>();
  #isClosed = false;

  constructor(options: SftpTargetOptions) {
    const { user, host, port } = options.config;
    this.#options = options;
    const count = Math.min(options.connections ?? DEFAULT_CONNECTIONS, MOST_CONNECTIONS);
    this.#slots = Array.from({ length: count }, () => ({ opening: null, busy: 0 }));
    this.lanes = { small: count * SMALL_PER_CONNECTION, large: count * LARGE_PER_CONNECTION };
    this.label = `sftp://${user}@${host}${port === 22 ? '' : `:${port}`}`;
  }

  place(kind: SyncKind): string {
    return `${this.label}${this.#folderOf(kind)}`;
  }

  takes(): boolean {
    return true;
  }

  publicUrls(file: SourceFile): string[] {
    return addressesOf(this.#options.config.publicUrl, file);
  }

  async list(kinds: readonly SyncKind[]): Promise<Map<string, RemoteFile>> {
    const found = new Map<string, RemoteFile>();
    for (const kind of kinds) {
      const folder = this.#folderOf(kind);
      const pending = [''];
      while (pending.length > 0) {
        const group = pending.splice(0, LISTINGS_AT_ONCE);
        const listed = await Promise.all(group.map((below) => this.#readFolder(posix.join(folder, below))));
        for (const [index, entries] of listed.entries()) {
          for (const { filename, attrs } of entries ?? []) {
            const path = posix.join(group[index] ?? '', filename);
            if (attrs.isDirectory()) {
              // Other kinds may lie in folders of this one, and are listed by themselves.
              if (!this.#isOtherPlace(kind, posix.join(folder, path))) pending.push(path);
            } else if (filename.endsWith(PART_SUFFIX)) this.#parts.set(posix.join(folder, path), attrs.size);
            else found.set(nameOf({ kind, path }), { bytes: attrs.size, modifiedAtMs: attrs.mtime * 1000 });
          }
        }
      }
    }
    return found;
  }

  async sha256Of(file: SourceFile): Promise<string | null> {
    return this.use(({ verifier }) => verifier.sha256(this.#pathOf(file)));
  }

  async send(file: SourceFile, options: SendOptions): Promise<{ resumedBytes: number }> {
    const path = this.#pathOf(file);
    await this.#makeFolder(posix.dirname(path));
    return this.use(async ({ connection, verifier }) => {
      const part = this.#partOf(path, file);
      const resumedBytes = this.#resumable(part, file);
      // Until it has its name this part is what a next try goes on with.
      const sha256 = await this.#write(connection, file, part, resumedBytes, options).catch(
        (error: unknown) => this.#rethrow(connection, error, path, file.bytes),
      );
      await this.#check(connection, verifier, part, file.bytes, sha256);
      await this.#publish(connection, part, path, options.replaces);
      this.#parts.delete(part);
      return { resumedBytes };
    });
  }

  /** Does work over the connection that has the least to do; one that was lost is opened anew. */
  async use<Value>(
    work: (slot: { connection: SftpConnection; verifier: SftpVerifier }) => Promise<Value>,
  ): Promise<Value> {
    const slot = this.#slots.reduce((least, one) => (one.busy < least.busy ? one : least));
    slot.busy += 1;
    try {
      return await work(await this.#open(slot));
    } finally {
      slot.busy -= 1;
    }
  }

  /** Opens the first connection: says early that nothing will work. Throws `SyncFault`. */
  async connect(): Promise<void> {
    await this.use(async () => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { opening } of this.#slots) {
      const opened = await opening?.catch(() => null);
      await opened?.connection.close();
    }
  }

  async #open(slot: Slot) {
    const { config, clock } = this.#options;
    for (;;) {
      if (this.#isClosed) throw new SyncFault('failed', 'the sync has ended');
      // Of all that wait for the same connection, one opens it.
      slot.opening ??= SftpConnection.open(config, clock).then((connection) => ({
        connection,
        verifier: new SftpVerifier(connection),
      }));
      const { opening } = slot;
      const opened = await opening.catch((error: unknown) => {
        if (slot.opening === opening) slot.opening = null;
        throw error;
      });
      if (!opened.connection.isLost) return opened;
      if (slot.opening === opening) slot.opening = null;
    }
  }

  #folderOf(kind: SyncKind): string {
    const { config, root } = this.#options;
    if (root !== undefined) return root;
    const own = config.paths[kind];
    if (own !== undefined) return own;
    const base = config.path ?? '';
    return kind === 'files' ? base : posix.join(base, kind);
  }

  #isOtherPlace(kind: SyncKind, folder: string): boolean {
    if (kind !== 'files' || this.#options.root !== undefined) return false;
    return (['original', 'final', 'hd', 'thumb'] as const).some((other) => this.#folderOf(other) === folder);
  }

  #pathOf({ kind, path }: SourceFile): string {
    return posix.join(this.#folderOf(kind), path);
  }

  /** A name that only the same bytes have: a part of what the file was before is never gone on with. */
  #partOf(path: string, { bytes, modifiedAtMs }: SourceFile): string {
    const { dir, base } = posix.parse(path);
    const what = createHash('sha256').update(`${base} ${bytes} ${modifiedAtMs}`).digest('hex').slice(0, 12);
    return posix.join(dir, `.${base.slice(0, 100)}.${what}${PART_SUFFIX}`);
  }

  #resumable(part: string, { bytes }: SourceFile): number {
    const there = this.#parts.get(part) ?? 0;
    return there >= LEAST_RESUMED_BYTES && there <= bytes ? there : 0;
  }

  async #readFolder(path: string): Promise<FileEntryWithStats[] | null> {
    return this.use(async ({ connection }) => {
      try {
        return await connection.call<FileEntryWithStats[]>((sftp, done) => sftp.readdir(path, done));
      } catch (error) {
        if (statusOf(error) === SFTP_STATUS.noSuchFile) return null;
        if (statusOf(error) === SFTP_STATUS.denied)
          throw new SyncFault('denied', `${path} may not be read`, error);
        throw error instanceof SyncFault ? error : new SyncFault('failed', `${path} cannot be listed`, error);
      }
    });
  }

  #makeFolder(path: string): Promise<void> {
    const known = this.#folders.get(path);
    if (known) return known;
    const made = this.use(({ connection }) => this.#makeOne(connection, path));
    this.#folders.set(path, made);
    made.catch(() => this.#folders.delete(path));
    return made;
  }

  async #makeOne(connection: SftpConnection, path: string, isFirst = true): Promise<void> {
    if (path === '/' || path === '.') return;
    try {
      await connection.call((sftp, done) => sftp.mkdir(path, { mode: FOLDER_MODE }, done as never));
    } catch (error) {
      if (error instanceof SyncFault) throw error;
      if (statusOf(error) === SFTP_STATUS.noSuchFile && isFirst) {
        await this.#makeFolder(posix.dirname(path));
        return this.#makeOne(connection, path, false);
      }
      const found = await this.#stat(connection, path);
      if (found?.isDirectory()) return;
      if (found) throw new SyncFault('failed', `${path} is there and is no folder`, error);
      return this.#rethrow(connection, error, path, 1);
    }
  }

  async #stat(connection: SftpConnection, path: string): Promise<Stats | null> {
    try {
      return await connection.call<Stats>((sftp, done) => sftp.stat(path, done));
    } catch (error) {
      if (error instanceof SyncFault) throw error;
      return null;
    }
  }

  /** Writes the file from `start` on, with many packets on their way at once; returns the SHA-256 of the whole source. */
  async #write(
    connection: SftpConnection,
    file: SourceFile,
    part: string,
    start: number,
    { onBytes, signal }: SendOptions,
  ): Promise<string> {
    const handle = await connection.call<Buffer>((sftp, done) =>
      sftp.open(part, start > 0 ? 'r+' : 'w', done),
    );
    const hash = createHash('sha256');
    const pending: { done: Promise<void>; bytes: number }[] = [];
    let pendingBytes = 0;
    let offset = 0;
    let acknowledged = start;
    const oldest = async () => {
      const first = pending.shift();
      if (!first) return;
      await first.done;
      pendingBytes -= first.bytes;
      acknowledged += first.bytes;
      if (acknowledged >= LEAST_RESUMED_BYTES) this.#parts.set(part, acknowledged);
      onBytes(first.bytes);
    };
    if (start > 0) onBytes(start);
    try {
      for await (const chunk of file.read()) {
        signal.throwIfAborted();
        hash.update(chunk);
        const skip = Math.max(0, Math.min(chunk.byteLength, start - offset));
        const at = offset + skip;
        offset += chunk.byteLength;
        const bytes = chunk.byteLength - skip;
        if (bytes === 0) continue;
        const done = connection.call((sftp, finish) =>
          sftp.write(
            handle,
            Buffer.from(chunk.buffer, chunk.byteOffset + skip, bytes),
            0,
            bytes,
            at,
            finish as never,
          ),
        );
        done.catch(() => {});
        pending.push({ done, bytes });
        pendingBytes += bytes;
        while (pendingBytes > WINDOW_BYTES) await oldest();
      }
      while (pending.length > 0) await oldest();
    } catch (error) {
      await connection.call((sftp, done) => sftp.close(handle, done as never)).catch(() => {});
      throw error;
    }
    const mtime = seconds(file.modifiedAtMs);
    const mode = file.isExecutable ? EXECUTABLE_MODE : FILE_MODE;
    await Promise.all([
      connection.call((sftp, done) =>
        sftp.fsetstat(handle, { mode, mtime, atime: mtime } as never, done as never),
      ),
      connection.call((sftp, done) => sftp.close(handle, done as never)),
    ]);
    return hash.digest('hex');
  }

  /** What the server reads must be what was sent; a part that is not is thrown away. */
  async #check(
    connection: SftpConnection,
    verifier: SftpVerifier,
    part: string,
    bytes: number,
    sha256: string,
  ): Promise<void> {
    const found = await verifier.sha256(part);
    if (`${found}` === `${sha256}`) return;
    const size = (await this.#stat(connection, part))?.size ?? 0;
    this.#parts.delete(part);
    await connection.call((sftp, done) => sftp.unlink(part, done as never)).catch(() => {});
    const what = size === bytes ? 'other bytes' : `${size} of ${bytes} bytes`;
    throw new SyncFault('hash', `the target had ${what} where this file was sent; they were removed`);
  }

  async #publish(connection: SftpConnection, part: string, path: string, replaces: boolean): Promise<void> {
    try {
      if (!replaces) {
        // This form fails where something lies there by now.
        await connection.call((sftp, done) => sftp.rename(part, path, done as never));
        return;
      }
      await connection
        .call((sftp, done) => sftp.ext_openssh_rename(part, path, done as never))
        .catch(async (error: unknown) => {
          if (error instanceof SyncFault && error.kind === 'connection' && connection.isLost) throw error;
          // A server without that extension replaces nothing by renaming.
          await connection.call((sftp, done) => sftp.unlink(path, done as never));
          await connection.call((sftp, done) => sftp.rename(part, path, done as never));
        });
    } catch (error) {
      if (error instanceof SyncFault) throw error;
      if (!replaces && (await this.#stat(connection, path)))
        throw new SyncFault('appeared', 'another file appeared there meanwhile; it was left alone', error);
      throw new SyncFault('failed', 'the sent file could not be given its name', error);
    }
  }

  /** Says why the server refused: it says "failure" for a full disk too. */
  async #rethrow(connection: SftpConnection, error: unknown, path: string, bytes: number): Promise<never> {
    if (error instanceof SyncFault || statusOf(error) === null) throw error;
    const status = statusOf(error);
    if (status === SFTP_STATUS.denied)
      throw new SyncFault('denied', `the server does not let us write in ${posix.dirname(path)}`, error);
    if (status === SFTP_STATUS.failure && (await this.#freeBytes(connection, posix.dirname(path))) < bytes)
      throw new SyncFault('full', `there is no room left at ${posix.dirname(path)}`, error);
    throw new SyncFault('failed', `the server refused it (${(error as Error).message})`, error);
  }

  async #freeBytes(connection: SftpConnection, folder: string): Promise<number> {
    try {
      const found = await connection.call<Record<string, unknown>>((sftp, done) =>
        sftp.ext_openssh_statvfs(folder, done),
      );
      return Number(found.f_bavail) * Number(found.f_frsize);
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }
}
