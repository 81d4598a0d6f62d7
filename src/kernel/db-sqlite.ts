// SQLite as the state layer of one process: writes go to the writer worker in batches, point reads run on this thread,
// slow reads in a reader worker that starts at first use. One process per data directory (db-lock.ts).
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type CompiledQuery, Kysely, type QueryResult } from 'kysely';
import { armedCrashPoint } from './crash-point.ts';
import {
  addressOf,
  type Db,
  type DbLog,
  offerDirectQuery,
  silentLog,
  type Tables,
  type WriteFunction,
} from './db.ts';
import { databaseClosed, SingleConnectionDriver } from './db-driver.ts';
import { lockDataDir } from './db-lock.ts';
import {
  migrationKysely,
  openSqliteFile,
  type SqliteConnection,
  SqliteReadDriver,
  sqliteDialect,
} from './db-node-sqlite.ts';
import { LocalSignals } from './db-signals.ts';
import { GroupCommit, type Member } from './db-sqlite-group.ts';
import type { ReaderMessage, ReaderRequest } from './db-sqlite-reader.ts';
import type { WriterMessage, WriterRequest } from './db-sqlite-writer.ts';
import { AppError, type ErrorRecord, fromErrorRecord, toErrorRecord } from './errors.ts';
import { migrate } from './migrate.ts';

export const DATABASE_FILE = 'drawbridge.db';

export interface SqliteOptions {
  /** Holds `drawbridge.db` and the lock; made when missing. */
  dataDir: string;
  log?: DbLog;
}

interface Pending {
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

type Answer = { id: number; output: unknown } | { id: number; error: ErrorRecord };

/** Requests to one worker and their answers; when the worker dies, everything pending and everything later is refused. */
class WorkerLink {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exited: Promise<void>;
  #lastId = 0;
  #closed = false;
  #failure: AppError | undefined;
  #onIdle: (() => void) | undefined;

  constructor(module: URL, path: string, whatItDoes: string, log: DbLog) {
    this.#worker = new Worker(module, {
      workerData: { path, crashPoint: armedCrashPoint() },
      name: whatItDoes,
    });
    // The process may end when nothing is pending; a pending write keeps it alive.
    this.#worker.unref();
    this.#worker.on('message', (answers: Answer | Answer[]) => {
      if (Array.isArray(answers)) for (const answer of answers) this.#settle(answer);
      else this.#settle(answers);
    });
    const fail = (fields: object) => {
      if (this.#failure) return;
      this.#failure = new AppError('database_unavailable', {
        detail: `The part that ${whatItDoes} has stopped; whether the last changes were stored is not known.`,
        fix: 'Restart the server; look in its log for the reason.',
      });
      log.error(fields, `The worker that ${whatItDoes} has stopped`);
      for (const pending of this.#pending.values()) pending.reject(this.#failure);
      this.#pending.clear();
      this.#onIdle?.();
    };
    this.#worker.on('error', (err) => fail({ err }));
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', (exitCode) => {
        if (!this.#closed || this.#pending.size > 0) fail({ exitCode });
        resolve();
      });
    });
  }

  /** Sends what `post` posts under a new id; rejects with what the worker answers. */
  request(post: (id: number) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      if (this.#closed) return reject(databaseClosed());
      const id = ++this.#lastId;
      post(id);
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(id, { resolve, reject });
    });
  }

  post(message: WriterMessage | ReaderMessage): void {
    this.#worker.postMessage(message);
  }

  reject(id: number, error: unknown): void {
    this.#take(id)?.reject(error);
  }

  #settle(answer: Answer): void {
    const pending = this.#take(answer.id);
    if ('error' in answer) pending?.reject(fromErrorRecord(answer.error));
    else pending?.resolve(answer.output);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) {
      this.#worker.unref();
      this.#onIdle?.();
    }
    return pending;
  }

  /** Refuses new requests and waits for those pending. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#pending.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Drains, then lets the worker close its connection and end. */
  async close(): Promise<void> {
    await this.drain();
    if (!this.#failure) {
      this.#worker.ref();
      this.post({ close: true });
    }
    await this.#exited;
  }
}

/** Collects the writes of one turn into one message: cloning a batch costs far less than many messages. */
class Writer {
  readonly #link: WorkerLink;
  #batch: WriterRequest[] = [];

  constructor(link: WorkerLink) {
    this.#link = link;
  }

  write<Input, Output>(write: WriteFunction<Input, Output>, input: Input): Promise<Output> {
    const { moduleUrl, name } = addressOf(write);
    return this.#link.request((id) => {
      if (this.#batch.length === 0) queueMicrotask(() => this.#post());
      this.#batch.push({ id, moduleUrl, name, input });
    }) as Promise<Output>;
  }

  #post(): void {
    const writes = this.#batch;
    this.#batch = [];
    try {
      this.#link.post({ writes });
    } catch {
      // One input cannot be cloned: the others must not fail with it.
      for (const request of writes) {
        try {
          this.#link.post({ writes: [request] });
        } catch (error) {
          this.#link.reject(request.id, error);
        }
      }
    }
  }

  drain(): Promise<void> {
    return this.#link.drain();
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}

class SlowReadDriver extends SingleConnectionDriver {
  readonly #start: () => WorkerLink;
  #link: WorkerLink | undefined;

  constructor(start: () => WorkerLink) {
    super();
    this.#start = start;
  }

  override async executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>> {
    this.#link ??= this.#start();
    const link = this.#link;
    const request: Omit<ReaderRequest, 'id'> = { sql: query.sql, parameters: query.parameters };
    const rows = (await link.request((id) => link.post({ id, ...request }))) as unknown[];
    return { rows };
  }

  async close(): Promise<void> {
    await this.#link?.close();
  }
}

async function migrateConnection(connection: SqliteConnection): Promise<void> {
  connection.database.exec('pragma foreign_keys = off');
  await migrate(migrationKysely(connection));
  connection.database.exec('pragma foreign_keys = on');
}

/**
 * Opens (and migrates) the database of a data directory. Throws `conflict` when another process has the directory,
 * `storage_unavailable` when it cannot be written, `database_unavailable` when a newer version wrote it.
 */
export async function openSqliteDb({ dataDir, log = silentLog }: SqliteOptions): Promise<Db> {
  const lock = lockDataDir(dataDir);
  try {
    return await openLocked(join(dataDir, DATABASE_FILE), log, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function openLocked(path: string, log: DbLog, release: () => void): Promise<Db> {
  const migration = openSqliteFile(path, 'read-write');
  try {
    await migrateConnection(migration);
  } finally {
    migration.database.close();
  }
  const startWorker = (file: string, whatItDoes: string) =>
    new WorkerLink(new URL(file, import.meta.url), path, whatItDoes, log);
  const writer = new Writer(startWorker('./db-sqlite-writer.ts', 'writes to the database'));
  const reading = openSqliteFile(path, 'read-only');
  const slowDriver = new SlowReadDriver(() =>
    startWorker('./db-sqlite-reader.ts', 'reads lists from the database'),
  );
  const signals = new LocalSignals(log);
  let closing: Promise<void> | undefined;
  const close = async () => {
    await writer.drain();
    await slowDriver.close();
    reading.database.close();
    // Last of the connections, so that its close folds the write-ahead log into the database file.
    await writer.close();
    release();
  };
  const readDriver = new SqliteReadDriver(reading);
  const read = new Kysely<Tables>({ dialect: sqliteDialect(readDriver) });
  offerDirectQuery(read, (sql, parameters) => readDriver.run(sql, parameters).rows);
  return {
    dialect: 'sqlite',
    read,
    slow: new Kysely<Tables>({ dialect: sqliteDialect(slowDriver) }),
    write: (write, input) => writer.write(write, input),
    signal: (channel) => signals.signal(channel),
    onSignal: (channel, listener) => signals.onSignal(channel, listener),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

interface InlineMember extends Member, Pending {}

/**
 * A database in memory, on this thread, with the same groups, errors and copies of inputs and outputs as the worker:
 * for tests and the simulation. Reads wait for a running group, so that nothing uncommitted is seen.
 */
export async function openInlineSqliteDb({ log = silentLog }: { log?: DbLog } = {}): Promise<Db> {
  const connection = openSqliteFile(':memory:', 'read-write');
  await migrateConnection(connection);
  const group = new GroupCommit(connection);
  const queue: InlineMember[] = [];
  let running: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const work = async () => {
    await Promise.resolve();
    while (queue.length > 0) {
      for (const { member, outcome } of await group.run(() => queue.shift())) {
        if (!outcome.ok) member.reject(fromErrorRecord(toErrorRecord(outcome.error)));
        else settleWithCopy(member, outcome.output);
      }
    }
    running = undefined;
  };
  const idle = async () => {
    while (running) await running;
  };
  const close = async () => {
    await idle();
    connection.database.close();
  };
  const read = new Kysely<Tables>({ dialect: sqliteDialect(new SqliteReadDriver(connection, { idle })) });
  const signals = new LocalSignals(log);
  return {
    dialect: 'sqlite',
    read,
    slow: read,
    write: <Input, Output>(write: WriteFunction<Input, Output>, input: Input) =>
      new Promise<Output>((resolve, reject) => {
        if (closing) return reject(databaseClosed());
        addressOf(write);
        queue.push({ write, input: structuredClone(input), resolve: resolve as Pending['resolve'], reject });
        running ??= work();
      }),
    signal: (channel) => signals.signal(channel),
    onSignal: (channel, listener) => signals.onSignal(channel, listener),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

function settleWithCopy(member: InlineMember, output: unknown): void {
  try {
    member.resolve(structuredClone(output));
  } catch (error) {
    member.reject(error);
  }
}
