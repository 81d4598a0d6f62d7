// What our Kysely drivers have in common on both databases: one connection, no transactions and no streams for its users.
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
} from 'kysely';
import type { Tables } from './db.ts';
import { AppError } from './errors.ts';

const TRANSACTION_CONTROL = /^\s*(begin|commit|end|rollback|savepoint|release)\b/i;

/** What reads and writes get once the server is stopping. */
export function databaseClosed(): AppError {
  return new AppError('database_unavailable', { detail: 'The database is closed: the server is stopping.' });
}

/** Refuses statements that would end or nest the transaction that the caller does not own. */
export function refuseTransactionControl(sql: string): void {
  if (TRANSACTION_CONTROL.test(sql)) {
    throw new Error(`Transactions are not a query's business here: ${sql.slice(0, 80)}`);
  }
}

/** The part of a driver that is the same everywhere: one shared connection, no transactions, no streams. */
export abstract class SingleConnectionDriver implements Driver {
  abstract executeQuery(query: CompiledQuery): Promise<QueryResult<unknown>>;
  readonly #connection: DatabaseConnection = {
    executeQuery: <R>(query: CompiledQuery) => this.executeQuery(query) as Promise<QueryResult<R>>,
    streamQuery: () => {
      throw new Error('Streaming is not offered: read in pages');
    },
  };

  async init(): Promise<void> {}
  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }
  async releaseConnection(_connection: DatabaseConnection): Promise<void> {}
  async beginTransaction(_connection: DatabaseConnection): Promise<void> {
    throw new Error('There is no db.transaction() here: write through Db.write and a registered function');
  }
  async commitTransaction(_connection: DatabaseConnection): Promise<void> {}
  async rollbackTransaction(_connection: DatabaseConnection): Promise<void> {}
  async destroy(): Promise<void> {}
}

/**
 * A Kysely whose driver is ready. A fresh one starts its driver at its first query, some turns later: a query that is not awaited
 * would then not be counted when its write function has settled.
 */
export async function openKysely(dialect: Dialect): Promise<Kysely<Tables>> {
  const kysely = new Kysely<Tables>({ dialect });
  await kysely.getExecutor().provideConnection(async () => {});
  return kysely;
}
