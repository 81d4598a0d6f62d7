// Group commit on one SQLite connection. Members run one after another, each in a savepoint of its own, and share one COMMIT:
//   BEGIN IMMEDIATE → (SAVEPOINT → member → RELEASE | ROLLBACK TO)* → COMMIT → deliver
// Invariant: no outcome, thrown errors included, leaves before the COMMIT is on disk, since a member may have seen the
// uncommitted rows of earlier members. If the COMMIT fails, or a member ended the transaction, all members fail.
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import { systemClock } from './clock.ts';
import { type AnyWrite, offerDirectQuery, type Trx } from './db.ts';
import { openKysely, refuseTransactionControl, SingleConnectionDriver } from './db-driver.ts';
import { type SqliteConnection, sqliteDialect, toSqliteAppError } from './db-node-sqlite.ts';
import { AppError } from './errors.ts';

/** A group ends at this many members or after this long, whichever comes first: later callers must not wait for ever. */
const GROUP_LARGEST_MEMBERS = 512;
const GROUP_LONGEST_MS = 20;

export interface Member {
  write: AnyWrite;
  input: unknown;
}

export type Outcome = { ok: true; output: unknown } | { ok: false; error: unknown };

export interface Finished<M extends Member> {
  member: M;
  outcome: Outcome;
}

/** The connection as one run of members sees it; closed for good when a member leaves queries behind. */
class MemberDriver extends SingleConnectionDriver {
  readonly #connection: SqliteConnection;
  closed = false;
  /** A query of the running member failed. PostgreSQL then rolls back whatever the member makes of it, so SQLite does too. */
  failed: unknown;
  /** Queries that were started and not yet answered: more than none after a member settled means it did not await them. */
  inFlight = 0;

  constructor(connection: SqliteConnection) {
    super();
    this.#connection = connection;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.inFlight += 1;
    return super.acquireConnection();
  }

  override async releaseConnection(): Promise<void> {
    this.inFlight -= 1;
  }

  override async executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>> {
    refuseTransactionControl(query.sql);
    return this.run(query.sql, query.parameters);
  }

  /** One statement of the running member. */
  run(sql: string, parameters: readonly unknown[]): QueryResult<unknown> {
    if (this.closed)
      throw new Error('This write was ended: it waited for something other than its transaction');
    try {
      return this.#connection.run(sql, parameters);
    } catch (error) {
      this.failed ??= error;
      throw error;
    }
  }
}

const NOT_STORED = 'Nothing was stored.';

/** Runs members in group commits. One at a time: the caller awaits `run` before it calls it again. */
export class GroupCommit {
  readonly #connection: SqliteConnection;
  #driver: MemberDriver;
  /** Made when it is needed: at first, and after a member that left queries behind. */
  #trx: Trx | undefined;
  /** The last change number given out; never reused, so a rolled-back group leaves a gap. */
  #change: number;
  #persistedChange: number;
  #memberChange: number | undefined;
  /** Called by the event loop when the running member has outlived every microtask. */
  #onStall: (() => void) | undefined;

  /** `connection` has the schema of migration 0001; its function `current_change()` is defined here. */
  constructor(connection: SqliteConnection) {
    this.#connection = connection;
    this.#driver = new MemberDriver(connection);
    const [row] = connection.run(
      `select max(coalesce((select value from kernel_state where key = 'change'), 0),
                  coalesce((select max(change) from events), 0)) as change`,
    ).rows as [{ change: number }];
    this.#change = row.change;
    this.#persistedChange = row.change;
    // The first call in a member takes the member's number, later calls repeat it.
    connection.database.function('current_change', { directOnly: false }, () => {
      this.#memberChange ??= ++this.#change;
      return BigInt(this.#memberChange);
    });
  }

  /** What a member left running must never reach the next member's savepoint. */
  #replaceTrx(): void {
    this.#driver.closed = true;
    this.#driver = new MemberDriver(this.#connection);
    this.#trx = undefined;
  }

  /** Runs the members that `next` gives, commits, and returns all outcomes; it never rejects. */
  async run<M extends Member>(next: () => M | undefined): Promise<Finished<M>[]> {
    const finished: Finished<M>[] = [];
    const startedMs = systemClock.monotonicMs();
    try {
      this.#connection.run('begin immediate');
    } catch (error) {
      // All that wait fail now: each would only wait for the same lock once more.
      return failAll(next, toSqliteAppError(error));
    }
    const stallCheck = this.#watchForStalls();
    try {
      while (finished.length < GROUP_LARGEST_MEMBERS) {
        const member = next();
        if (!member) break;
        const outcome = await this.#runMember(member);
        finished.push({ member, outcome });
        if (!this.#connection.database.isTransaction) return failGroup(finished);
        if (systemClock.monotonicMs() - startedMs > GROUP_LONGEST_MS) break;
      }
    } finally {
      stallCheck.stop();
    }
    return this.#commit(finished);
  }

  async #runMember(member: Member): Promise<Outcome> {
    this.#memberChange = undefined;
    this.#driver.failed = undefined;
    try {
      this.#trx ??= await this.#openTrx(this.#driver);
      this.#connection.run('savepoint member');
      let outcome = await this.#settle(member, this.#trx);
      if (this.#driver.inFlight > 0) {
        if (outcome.ok)
          outcome = { ok: false, error: new Error('A write function must await each of its queries') };
        this.#replaceTrx();
      }
      if (outcome.ok && this.#driver.failed !== undefined) {
        const message = 'A write function went on after one of its queries had failed; it was rolled back';
        outcome = { ok: false, error: new Error(message, { cause: this.#driver.failed }) };
      }
      if (this.#connection.database.isTransaction) {
        if (!outcome.ok) this.#connection.run('rollback to member');
        this.#connection.run('release member');
      }
      return outcome.ok ? outcome : { ok: false, error: toSqliteAppError(outcome.error) };
    } catch (error) {
      // Only the savepoint's own statements throw here: nothing of this transaction can be trusted any more.
      this.#rollback();
      return { ok: false, error: toSqliteAppError(error) };
    }
  }

  async #openTrx(driver: MemberDriver): Promise<Trx> {
    const trx = await openKysely(sqliteDialect(driver));
    offerDirectQuery(trx, (sql, parameters) => driver.run(sql, parameters).rows);
    return trx;
  }

  /** The member's outcome, or a bug when it is still pending after the event loop turned. */
  #settle(member: Member, trx: Trx): Promise<Outcome> {
    return new Promise((resolve) => {
      const onStall = () => {
        this.#replaceTrx();
        settle({ ok: false, error: new Error('A write function may await nothing but its transaction') });
      };
      const settle = (outcome: Outcome) => {
        // A stalled member may still answer, while another one runs.
        if (this.#onStall !== onStall) return;
        this.#onStall = undefined;
        resolve(outcome);
      };
      this.#onStall = onStall;
      // An async call, so that a write function that throws at once rejects like the others.
      const call = async () => member.write(trx, member.input);
      call().then(
        (output) => settle({ ok: true, output }),
        (error) => settle({ ok: false, error }),
      );
    });
  }

  /** One immediate for the whole group: members run in microtasks, so it can only fire while one waits for something else. */
  #watchForStalls(): { stop(): void } {
    let handle: NodeJS.Immediate;
    const check = () => {
      this.#onStall?.();
      handle = setImmediate(check);
    };
    handle = setImmediate(check);
    return { stop: () => clearImmediate(handle) };
  }

  #commit<M extends Member>(finished: Finished<M>[]): Finished<M>[] {
    try {
      if (this.#change !== this.#persistedChange) {
        this.#connection.run(
          `insert into kernel_state (key, value) values ('change', ?)
           on conflict (key) do update set value = excluded.value`,
          [this.#change],
        );
      }
      this.#connection.run('commit');
      this.#persistedChange = this.#change;
      return finished;
    } catch (error) {
      this.#rollback();
      const failure = toSqliteAppError(error);
      return finished.map(({ member }) => ({ member, outcome: { ok: false, error: failure } }));
    }
  }

  #rollback(): void {
    if (this.#connection.database.isTransaction) this.#connection.run('rollback');
  }
}

function failAll<M extends Member>(next: () => M | undefined, error: unknown): Finished<M>[] {
  const finished: Finished<M>[] = [];
  for (let member = next(); member; member = next()) finished.push({ member, outcome: { ok: false, error } });
  return finished;
}

/** The last member ended the transaction (a full disk, RAISE(ROLLBACK)): what earlier members wrote is gone too. */
function failGroup<M extends Member>(finished: Finished<M>[]): Finished<M>[] {
  return finished.map(({ member, outcome }, index) => {
    if (index === finished.length - 1 && !outcome.ok) return { member, outcome };
    const error = new AppError('database_unavailable', {
      detail: `The database ended the transaction that this change shared with others. ${NOT_STORED}`,
      retryAfterS: 1,
    });
    return { member, outcome: { ok: false, error } };
  });
}
