import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import { postgresServer, postgresUnavailable } from '../../test/harness/postgres.ts';
import { migrationKysely, openSqliteFile } from './db-node-sqlite.ts';
import { AppError } from './errors.ts';
import { appliedMigrations, migrate } from './migrate.ts';

type Files = Record<string, string>;
/** Enough that nodes which start at once meet in the middle of one. */
const RENAMES = 12;

async function withFolder(files: Files, use: (folder: URL) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'drawbridge-migrations-'));
  try {
    writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
    for (const [name, source] of Object.entries(files)) writeFileSync(join(directory, name), source);
    await use(pathToFileURL(`${directory}/`));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const createsTable = (name: string, then = '') =>
  `export async function up(db) { await db.schema.createTable('${name}').addColumn('id', 'text').execute(); ${then} }`;

async function tableNames(db: Kysely<unknown>): Promise<string[]> {
  const tables = await db.introspection.getTables();
  return tables
    .map((table) => table.name)
    .filter((name) => !name.startsWith('kernel_'))
    .sort();
}

async function openSqlite(): Promise<{ connect(): Kysely<unknown>; close(): Promise<void> }> {
  const db = migrationKysely(openSqliteFile(':memory:', 'read-write'));
  return { connect: () => db, close: async () => {} };
}

async function openPostgres(): Promise<{ connect(): Kysely<unknown>; close(): Promise<void> }> {
  const server = await postgresServer();
  const name = await server.createDatabase();
  const opened: Kysely<unknown>[] = [];
  return {
    connect() {
      const pool = new pg.Pool({ connectionString: server.url(name) });
      // The database is dropped while the last connection still says goodbye.
      pool.on('error', () => {});
      const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
      opened.push(db);
      return db;
    },
    async close() {
      for (const db of opened) await db.destroy();
      await server.dropDatabase(name);
    },
  };
}

const kinds = [
  { kind: 'sqlite', skip: false, open: openSqlite },
  { kind: 'postgres', skip: postgresUnavailable() ?? false, open: openPostgres },
];

for (const { kind, skip, open } of kinds) {
  describe(`migrations on ${kind}`, { skip }, () => {
    test('are applied in order and once', async () => {
      const { connect, close } = await open();
      const db = connect();
      await withFolder(
        { '0002_two.ts': createsTable('two'), '0001_one.ts': createsTable('one') },
        async (folder) => {
          assert.deepEqual(await appliedMigrations(db), []);
          assert.deepEqual(await migrate(db, folder), ['0001_one', '0002_two']);
          assert.deepEqual(await migrate(db, folder), []);
          assert.deepEqual(await appliedMigrations(db), ['0001_one', '0002_two']);
          assert.deepEqual(await tableNames(db), ['one', 'two']);
        },
      );
      await close();
    });

    test('one that fails leaves nothing, those before it stay, and it can be run again', async () => {
      const { connect, close } = await open();
      const db = connect();
      const files = {
        '0001_one.ts': createsTable('one'),
        '0002_two.ts': createsTable('two', `throw new Error('half')`),
      };
      await withFolder(files, async (folder) => {
        await assert.rejects(migrate(db, folder), /0002_two failed, nothing of it was applied: half/);
        assert.deepEqual(await tableNames(db), ['one']);
        assert.deepEqual(await appliedMigrations(db), ['0001_one']);
      });
      await withFolder({ ...files, '0002_two.ts': createsTable('two') }, async (folder) => {
        assert.deepEqual(await migrate(db, folder), ['0002_two']);
      });
      await close();
    });

    test('a database newer than the code is refused', async () => {
      const { connect, close } = await open();
      const db = connect();
      const files = { '0001_one.ts': createsTable('one') };
      await withFolder({ ...files, '0002_two.ts': createsTable('two') }, async (folder) => {
        await migrate(db, folder);
      });
      await withFolder(files, async (folder) => {
        await assert.rejects(migrate(db, folder), (error) => {
          assert.ok(error instanceof AppError);
          assert.equal(error.code, 'database_unavailable');
          assert.match(error.message, /newer version.*0002_two/);
          return true;
        });
      });
      await close();
    });

    test('X11 a newer database is used by older code where every newer migration allows it, and refused where one does not', async () => {
      const { connect, close } = await open();
      const db = connect();
      const state = `export { up } from '${import.meta.resolve('../../migrations/0001_kernel.ts')}'`;
      const old = { '0001_kernel.ts': state, '0002_two.ts': createsTable('two') };
      const allowed = {
        ...old,
        '0003_three.ts': `export const olderCodeWorks = true; ${createsTable('three')}`,
      };
      await withFolder(old, async (folder) => assert.equal((await migrate(db, folder)).length, 2));
      await withFolder(allowed, async (folder) =>
        assert.deepEqual(await migrate(db, folder), ['0003_three']),
      );
      await withFolder(old, async (folder) => assert.deepEqual(await migrate(db, folder), []));
      await withFolder({ ...allowed, '0004_four.ts': createsTable('four') }, async (folder) => {
        assert.deepEqual(await migrate(db, folder), ['0004_four']);
      });
      await withFolder(allowed, async (folder) => {
        await assert.rejects(migrate(db, folder), /newer version.*0004_four/);
      });
      await close();
    });

    test('several processes that start at once apply each migration once', async () => {
      const { connect, close } = await open();
      // Renamed columns, too: whoever lists them meanwhile must not stumble.
      const renames = (from: string, to: string) =>
        `export async function up(db) { await db.schema.alterTable('one').renameColumn('${from}', '${to}').execute(); }`;
      const wide = Array.from({ length: 100 }, (_, n) => `.addColumn('c${n}', 'text')`).join('');
      const files: Files = {
        '0001_one.ts': `export async function up(db) { await db.schema.createTable('one').addColumn('id', 'text')${wide}.execute(); }`,
      };
      for (let n = 2; n <= RENAMES; n += 1)
        files[`${String(n).padStart(4, '0')}_rename.ts`] =
          n % 2 ? renames('key', 'id') : renames('id', 'key');
      await withFolder(files, async (folder) => {
        // SQLite's one process is guaranteed by the lock on the data directory.
        const nodes = kind === 'postgres' ? Array.from({ length: 4 }, connect) : [connect()];
        const applied = await Promise.all(nodes.map((db) => migrate(db, folder)));
        assert.deepEqual(
          applied.flat().sort(),
          Object.keys(files).map((name) => name.slice(0, -3)),
        );
      });
      await close();
    });

    test('our own migrations apply to an empty database', async () => {
      const { connect, close } = await open();
      const db = connect();
      assert.equal((await migrate(db))[0], '0001_kernel');
      await close();
    });
  });
}

test('two migrations with one number are refused before anything is applied', async () => {
  const { connect } = await openSqlite();
  await withFolder(
    { '0001_one.ts': createsTable('one'), '0001_two.ts': createsTable('two') },
    async (folder) => {
      await assert.rejects(migrate(connect(), folder), /Two migrations have the number 0001/);
    },
  );
});

test('a migration that leaves rows without their parents is refused on SQLite', async () => {
  const { connect } = await openSqlite();
  const source = `export async function up(db) {
    await db.schema.createTable('parent').addColumn('id', 'text', (c) => c.primaryKey()).execute();
    await db.schema.createTable('child').addColumn('of', 'text', (c) => c.references('parent.id')).execute();
    await db.insertInto('child').values({ of: 'missing' }).execute();
  }`;
  await withFolder({ '0001_orphans.ts': source }, async (folder) => {
    const connection = openSqliteFile(':memory:', 'read-write');
    connection.database.exec('pragma foreign_keys = off');
    const db = migrationKysely(connection);
    await assert.rejects(migrate(db, folder), /1 rows refer to missing rows, the first in child/);
    assert.deepEqual(await tableNames(connect()), []);
  });
});

test('no table of ours could break a group commit: no deferred foreign keys, no trigger that ends the transaction', async () => {
  const { connect } = await openSqlite();
  const db = connect();
  await migrate(db);
  const { rows } = await sql<{
    name: string;
    sql: string;
  }>`select name, sql from sqlite_master where sql is not null`.execute(db);
  const dangerous = rows.filter((row) =>
    /deferr|raise\s*\(\s*rollback|or\s+rollback/i.test(row.sql.replaceAll(/not deferrable/gi, '')),
  );
  assert.deepEqual(
    dangerous.map((row) => row.name),
    [],
  );
});
