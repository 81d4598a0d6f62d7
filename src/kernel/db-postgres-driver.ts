// Kysely over pg: parameters checked as on SQLite, integers read exactly or refused, the state of one transaction watched.
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely';
import type { CustomTypesConfig, Pool, PoolClient } from 'pg';
import type { AnyWrite, Trx } from './db.ts';
import { openKysely, refuseTransactionControl, SingleConnectionDriver } from './db-driver.ts';
import { toSqlParameters } from './db-parameters.ts';
import { isCollision, toPostgresAppError } from './db-postgres-errors.ts';
import type { ServerWatch } from './db-postgres-watch.ts';
import { AppError } from './errors.ts';

/** PostgreSQL's type numbers (pg_type.oid) whose values pg gives in another form than node:sqlite does. */
const OID_BOOL = 16;
const OID_INT8 = 20;
const OID_NUMERIC = 1700;

function parseExactNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new RangeError(`Value is too large to be represented as a JavaScript number: ${text}`);
  }
  return value;
}

const PARSERS = new Map<number, (text: string) => unknown>([
  [OID_BOOL, (text) => (text === 't' ? 1 : 0)],
  [OID_INT8, parseExactNumber],
  [OID_NUMERIC, parseExactNumber],
]);

/** Results as SQLite gives them: 64-bit integers and sums as numbers (an error above 2^53), booleans as 0 and 1. */
export function sameTypesAsSqlite(fallback: CustomTypesConfig): CustomTypesConfig {
  return {
    getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
      (format === 'binary' ? undefined : PARSERS.get(oid)) ??
      fallback.getTypeParser(oid, format as 'text')) as CustomTypesConfig['getTypeParser'],
  };
}

export function postgresDialect(driver: Driver): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}

/** Commands whose row count means rows that were changed; a SELECT's does not. */
const CHANGING = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

async function runQuery(
  client: PoolClient,
  query: CompiledQuery,
  watch: ServerWatch,
): Promise<QueryResult<unknown>> {
  refuseTransactionControl(query.sql);
  const values = toSqlParameters(query.parameters, query.sql);
  try {
    const { command, rowCount, rows } = await watch.guard(
      client.query<Record<string, unknown>>(query.sql, values),
    );
    return CHANGING.has(command) ? { numAffectedRows: BigInt(rowCount ?? 0), rows } : { rows };
  } catch (error) {
    throw toPostgresAppError(error);
  }
}

/** Each read on any free connection of the pool; the sessions are read-only outside of `Db.write`. */
export class PostgresReadDriver extends SingleConnectionDriver {
  readonly #pool: Pool;
  readonly #watch: ServerWatch;

  constructor(pool: Pool, watch: ServerWatch) {
    super();
    this.#pool = pool;
    this.#watch = watch;
  }

  override async executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>> {
    const client = await connect(this.#pool);
    let broken = true;
    try {
      const result = await runQuery(client, query, this.#watch);
      broken = false;
      return result;
    } catch (error) {
      // An error of the statement leaves the connection good; after trouble with the server an answer may still be on its way.
      broken = error instanceof AppError;
      throw error;
    } finally {
      client.release(broken);
    }
  }
}

/** A connection from the pool, or `database_unavailable` when none gets free or the server cannot be reached in time. */
export async function connect(pool: Pool): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw toPostgresAppError(error);
  }
}

/** One transaction's connection. It knows what a write function did wrong, whatever that made of the errors itself. */
export class TransactionDriver extends SingleConnectionDriver {
  readonly #client: PoolClient;
  readonly #watch: ServerWatch;
  #inFlight = 0;
  #closed = false;
  #onStall: (() => void) | undefined;
  /** A statement failed because of another transaction: all of it may be run again. */
  collided = false;
  /** The first failure of the server or the way to it. */
  failure: unknown;

  constructor(client: PoolClient, watch: ServerWatch) {
    super();
    this.#client = client;
    this.#watch = watch;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    this.#inFlight += 1;
    return super.acquireConnection();
  }

  override async releaseConnection(): Promise<void> {
    this.#inFlight -= 1;
    this.#watchForStall();
  }

  override async executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>> {
    if (this.#closed) throw new Error('This write has ended: its transaction cannot be used any more');
    try {
      return await runQuery(this.#client, query, this.#watch);
    } catch (error) {
      if (isCollision(error)) this.collided = true;
      if (error instanceof AppError) this.failure ??= error;
      throw error;
    }
  }

  /** A write that is still pending one turn after its last query was answered waits for something else: a bug. */
  #watchForStall(): void {
    setImmediate(() => {
      if (this.#inFlight === 0) this.#onStall?.();
    });
  }

  /** Runs the function, and ends the connection's use by it: queries that it did not await are an error. */
  async run(write: AnyWrite, input: unknown): Promise<unknown> {
    const trx: Trx = await openKysely(postgresDialect(this));
    try {
      const stalled = new Promise<never>((_, reject) => {
        this.#onStall = () => reject(new Error('A write function may await nothing but its transaction'));
      });
      this.#watchForStall();
      const output = await Promise.race([write(trx, input), stalled]);
      if (this.#inFlight > 0) throw new Error('A write function must await each of its queries');
      return output;
    } finally {
      this.#onStall = undefined;
      this.#closed = true;
    }
  }

  /** Whether a query is still out, so that the connection cannot be given back. */
  get busy(): boolean {
    return this.#inFlight > 0;
  }
}
