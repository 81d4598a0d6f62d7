// Databases for tests: the same test runs on each kind. A fresh, migrated database per call; `close` removes every trace.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Db, DbLog } from '../../src/kernel/db.ts';
import { openPostgresDb } from '../../src/kernel/db-postgres.ts';
import { openInlineSqliteDb, openSqliteDb } from '../../src/kernel/db-sqlite.ts';
import { postgresServer, postgresUnavailable } from './postgres.ts';
import { MIGRATED_DATABASE } from './postgres-template.ts';
import { copyMigratedDatabase } from './sqlite-template.ts';

export type DatabaseKind = 'sqlite' | 'sqlite-inline' | 'postgres';

export interface TestDb {
  db: Db;
  /** Only for `sqlite`. */
  dataDir?: string;
  /** Only for `postgres`. */
  url?: string;
  /** Closes the same database and opens it again, as a restart does; not for `sqlite-inline`. */
  reopen(): Promise<Db>;
  close(): Promise<void>;
}

/** Every kind, with the reason for a test's `skip` option where this machine lacks it. */
export function databaseKinds(): { kind: DatabaseKind; skip: string | false }[] {
  return [
    { kind: 'sqlite', skip: false },
    { kind: 'sqlite-inline', skip: false },
    { kind: 'postgres', skip: postgresUnavailable() ?? false },
  ];
}

/** Opens a fresh database: `for (const { kind, skip } of databaseKinds()) test(kind, { skip }, async () => { const t = await openTestDb(kind); … })`. */
export async function openTestDb(kind: DatabaseKind, log?: DbLog): Promise<TestDb> {
  const options = log ? { log } : {};
  if (kind === 'sqlite-inline') {
    const db = await openInlineSqliteDb(options);
    return {
      db,
      close: () => db.close(),
      reopen: () => Promise.reject(new Error('A database in memory does not last')),
    };
  }
  if (kind === 'sqlite') {
    const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-db-'));
    // At exit too, for tests that failed before they closed it.
    const removeNow = () => rmSync(dataDir, { recursive: true, force: true });
    process.once('exit', removeNow);
    const remove = async () => {
      process.off('exit', removeNow);
      removeNow();
    };
    await copyMigratedDatabase(dataDir);
    return reopenable(() => openSqliteDb({ dataDir, ...options }), remove, { dataDir });
  }
  const server = await postgresServer();
  const name = await server.createDatabase(MIGRATED_DATABASE);
  const url = server.url(name);
  return reopenable(
    () => openPostgresDb({ url, ...options }),
    () => server.dropDatabase(name),
    { url },
  );
}

async function reopenable(
  open: () => Promise<Db>,
  remove: () => Promise<void>,
  where: object,
): Promise<TestDb> {
  const test: TestDb = {
    ...where,
    db: await open(),
    async reopen() {
      await test.db.close();
      test.db = await open();
      return test.db;
    },
    async close() {
      await test.db.close();
      await remove();
    },
  };
  return test;
}
