// The database of a run: one SQLite in memory behind the program's own group commit, on virtual time. A commit is seen and
// acknowledged after its sync; what was not synced is gone after a loss of power. Requests may be refused, or carried out
// without their answer ever coming.
// Everything happens inside one transaction of the connection: savepoints are the commits, and a rollback makes it new again.
import { DatabaseSync } from 'node:sqlite';
import { type CompiledQuery, Kysely, type QueryResult } from 'kysely';
import {
  type AnyWrite,
  addressOf,
  type Db,
  type Reader,
  type Tables,
  type WriteFunction,
} from '../../src/kernel/db.ts';
import { SingleConnectionDriver } from '../../src/kernel/db-driver.ts';
import { migrationKysely, SqliteConnection, sqliteDialect } from '../../src/kernel/db-node-sqlite.ts';
import { GroupCommit, type Outcome } from '../../src/kernel/db-sqlite-group.ts';
import { AppError, fromErrorRecord, toErrorRecord } from '../../src/kernel/errors.ts';
import { migrate } from '../../src/kernel/migrate.ts';
import { Signals } from './signals.ts';
import type { SimProcess, World } from './world.ts';

const LONGEST_TRIP_MS = 30;
const LONGEST_SYNC_MS = 60;
/** Without syncs a commit stays this long in the machine's memory. */
const LONGEST_UNSYNCED_MS = 5_000;

/** Notes each change of a task's state in the database itself, so that what is rolled back was never noted. */
const WITNESS = `
  create table sim_transitions (task_id text, from_status text, to_status text, from_epoch integer, to_epoch integer, from_version integer, to_version integer);
  create trigger sim_witness after update on tasks begin
    insert into sim_transitions values (new.id, old.status, new.status, old.lease_epoch, new.lease_epoch, old.version, new.version);
  end;`;

/** The group commit's transactions, as savepoints of the run's one transaction. */
class NestedConnection extends SqliteConnection {
  override run(sql: string, parameters: readonly unknown[] = []): QueryResult<unknown> {
    if (sql === 'begin immediate') return super.run('savepoint group_commit');
    if (sql === 'commit') return super.run('release group_commit');
    if (sql !== 'rollback') return super.run(sql, parameters);
    super.run('rollback to group_commit');
    return super.run('release group_commit');
  }
}

/** A migrated database that runs are made in, one after another. */
export async function openBlankDatabase(): Promise<SqliteConnection> {
  const connection = new NestedConnection(new DatabaseSync(':memory:'));
  await migrate(migrationKysely(connection));
  connection.database.exec('pragma foreign_keys = on');
  connection.database.exec(WITNESS);
  connection.database.exec('begin');
  return connection;
}

/** What may go wrong between the program and its database; the fault plan turns it. */
export interface StoreFaults {
  /** Of writes: refused with nothing done, and done with the answer lost. */
  refused: number;
  unanswered: number;
  readsFailed: number;
  signalsLost: number;
  isDown: boolean;
}

interface Request {
  process: SimProcess;
  write: AnyWrite;
  input: unknown;
  resolve(output: unknown): void;
  reject(error: unknown): void;
}

interface Executed extends Request {
  outcome: Outcome;
}

class ReadDriver extends SingleConnectionDriver {
  readonly #read: (query: CompiledQuery) => Promise<QueryResult<unknown>>;
  constructor(read: (query: CompiledQuery) => Promise<QueryResult<unknown>>) {
    super();
    this.#read = read;
  }
  override executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>> {
    return this.#read(query);
  }
}

const away = () => new AppError('database_unavailable', { detail: 'The connection to the database broke.' });

export class SimStore {
  readonly faults: StoreFaults = { refused: 0, unanswered: 0, readsFailed: 0, signalsLost: 0, isDown: false };
  readonly signals: Signals;
  /** Reads at once, for whoever judges the run. */
  readonly judge: Reader;
  /** Called before and after each write function that changed something, for checks on every step. */
  onWrite: (request: { name: string; input: unknown; process: string }) => () => void = () => () => {};
  /** Called when a write function was carried out and nobody knows yet. */
  onExecuted: (name: string, process: SimProcess) => void = () => {};
  readonly #world: World;
  readonly #connection: SqliteConnection;
  /** `server`: one machine's database shared by nodes. `file`: inside the one process, which takes it along when it dies. */
  readonly #place: 'server' | 'file';
  readonly #isSynced: boolean;
  #group: GroupCommit;
  #queue: Request[] = [];
  #unacknowledged: Executed[] = [];
  #waitingReads: (() => void)[] = [];
  #isGroupDue = false;
  #isGroupOpen = false;
  #hasUnsynced = false;
  /** Raised by a loss of power: what was under way before means nothing any more. */
  #life = 0;

  constructor(
    world: World,
    connection: SqliteConnection,
    options: { place: 'server' | 'file'; isSynced: boolean },
  ) {
    this.#world = world;
    this.#connection = connection;
    this.#place = options.place;
    this.#isSynced = options.isSynced;
    connection.run('savepoint blank');
    this.#group = new GroupCommit(connection);
    this.signals = new Signals(world, this.faults);
    this.judge = new Kysely<Tables>({
      dialect: sqliteDialect(new ReadDriver(async (query) => connection.run(query.sql, query.parameters))),
    });
  }

  /** Rows of a query, at once. */
  rows<Row>(sql: string, parameters: readonly unknown[] = []): Row[] {
    return this.#connection.run(sql, parameters).rows as Row[];
  }

  /** Makes the connection blank again for the next run. */
  close(): void {
    this.#life += 1;
    this.#connection.run('rollback to blank');
    this.#connection.run('release blank');
  }

  /** The database as one process has it. */
  open(process: SimProcess): Db {
    const read = new Kysely<Tables>({
      dialect: sqliteDialect(new ReadDriver((query) => this.#read(process, query))),
    });
    return {
      dialect: this.#place === 'server' ? 'postgres' : 'sqlite',
      read,
      slow: read,
      write: (write, input) => this.#write(process, write, input),
      signal: (channel) => this.signals.signal(channel),
      onSignal: (channel, listener) => this.signals.listen(process, channel, listener),
      close: async () => {},
    };
  }

  /** A write outside of any process, done and synced at once; for what is there before the run. */
  async prepare<Input, Output>(write: WriteFunction<Input, Output>, input: Input): Promise<Output> {
    const [done] = await this.#group.run(once({ write: write as AnyWrite, input }));
    if (!done) throw new Error('The write was not run');
    if (!done.outcome.ok) throw done.outcome.error;
    return done.outcome.output as Output;
  }

  /** The machine under the database loses its power: what was not synced never was. */
  losePower(): void {
    this.#life += 1;
    if (this.#hasUnsynced) {
      this.#connection.run('rollback to unsynced');
      this.#connection.run('release unsynced');
    }
    this.#hasUnsynced = false;
    this.#isGroupDue = false;
    this.#isGroupOpen = false;
    this.#group = new GroupCommit(this.#connection);
    const cut = [...this.#unacknowledged.splice(0), ...this.#queue.splice(0)];
    for (const { reject, process } of cut) this.#world.schedule(this.#trip(), () => reject(away()), process);
    for (const answer of this.#waitingReads.splice(0)) answer();
  }

  #trip(): number {
    return this.#world.latency(LONGEST_TRIP_MS);
  }

  #read(process: SimProcess, query: CompiledQuery): Promise<QueryResult<unknown>> {
    const { random } = this.#world;
    return new Promise((resolve, reject) => {
      const answer = () => {
        if (this.faults.isDown || random.chance(this.faults.readsFailed)) {
          this.#world.schedule(this.#trip(), () => reject(away()), process);
          return;
        }
        const result = this.#connection.run(query.sql, query.parameters);
        this.#world.schedule(this.#trip(), () => resolve(result), process);
      };
      // What is not synced yet is seen by nobody.
      if (this.#isGroupOpen) this.#waitingReads.push(answer);
      else answer();
    });
  }

  #write<Input, Output>(
    process: SimProcess,
    write: WriteFunction<Input, Output>,
    input: Input,
  ): Promise<Output> {
    return new Promise<Output>((resolve, reject) => {
      const request: Request = {
        process,
        write: write as AnyWrite,
        input: structuredClone(input),
        resolve: resolve as Request['resolve'],
        reject,
      };
      const arrive = () => this.#arrive(request);
      this.#world.schedule(this.#trip(), arrive, this.#place === 'file' ? process : null);
    });
  }

  #arrive(request: Request): void {
    const { random } = this.#world;
    const { process } = request;
    // A server may still carry out what a dead client had sent.
    if (process.state === 'dead' && random.chance(0.5)) return;
    if (this.faults.isDown || random.chance(this.faults.refused)) {
      this.#world.note(`${process.name} ${addressOf(request.write).name} is refused`);
      this.#world.schedule(this.#trip(), () => request.reject(away()), process);
      return;
    }
    this.#queue.push(request);
    this.#scheduleGroup();
  }

  #scheduleGroup(): void {
    if (this.#isGroupDue || this.#isGroupOpen || this.#queue.length === 0) return;
    this.#isGroupDue = true;
    const life = this.#life;
    this.#world.schedule(0, () => (life === this.#life ? this.#runGroup() : undefined));
  }

  async #runGroup(): Promise<void> {
    this.#isGroupDue = false;
    if (!this.#hasUnsynced) {
      this.#connection.run('savepoint unsynced');
      this.#hasUnsynced = true;
      if (!this.#isSynced) this.#scheduleFlush();
    }
    const executed: Executed[] = [];
    for (const request of this.#queue.splice(0)) executed.push(await this.#execute(request));
    if (!this.#isSynced) return this.#acknowledge(executed);
    this.#isGroupOpen = true;
    this.#unacknowledged = executed;
    const life = this.#life;
    this.#world.schedule(this.#world.latency(LONGEST_SYNC_MS), () => {
      if (life === this.#life) this.#sync();
    });
  }

  async #execute(request: Request): Promise<Executed> {
    const { name } = addressOf(request.write);
    const check = this.onWrite({ name, input: request.input, process: request.process.name });
    const [done] = await this.#group.run(once({ write: request.write, input: request.input }));
    const outcome: Outcome = done?.outcome ?? { ok: false, error: away() };
    const says = outcome.ok ? outlineOf(outcome.output) : String(outcome.error);
    this.#world.note(`${request.process.name} ${name} ${says}`);
    if (outcome.ok) check();
    this.onExecuted(name, request.process);
    return { ...request, outcome };
  }

  #sync(): void {
    this.#connection.run('release unsynced');
    this.#hasUnsynced = false;
    this.#isGroupOpen = false;
    this.#acknowledge(this.#unacknowledged.splice(0));
    for (const answer of this.#waitingReads.splice(0)) answer();
    this.#scheduleGroup();
  }

  #scheduleFlush(): void {
    const life = this.#life;
    this.#world.schedule(this.#world.latency(LONGEST_UNSYNCED_MS), () => {
      if (life !== this.#life) return;
      this.#connection.run('release unsynced');
      this.#hasUnsynced = false;
    });
  }

  #acknowledge(executed: readonly Executed[]): void {
    for (const { outcome, process, resolve, reject } of executed) {
      const isLost = this.#world.random.chance(this.faults.unanswered);
      const answer = () => {
        if (isLost) reject(away());
        else if (outcome.ok) resolve(structuredClone(outcome.output));
        else reject(fromErrorRecord(toErrorRecord(outcome.error)));
      };
      this.#world.schedule(this.#trip(), answer, process);
    }
  }
}

function once<T>(item: T): () => T | undefined {
  let left: T | undefined = item;
  return () => {
    const next = left;
    left = undefined;
    return next;
  };
}

/** What a write answered, in few words. */
function outlineOf(output: unknown): string {
  if (Array.isArray(output)) return `[${output.map(outlineOf).join(', ')}]`;
  if (typeof output !== 'object' || output === null) return String(output);
  const { task, id, status, phase, version, taskId, created } = output as Record<string, unknown>;
  if (task !== undefined) return outlineOf(task);
  if (taskId !== undefined) return `${String(taskId)} ${String(created)}`;
  return status === undefined ? '{}' : `${String(id)} v${String(version)} ${String(status)} ${String(phase)}`;
}
