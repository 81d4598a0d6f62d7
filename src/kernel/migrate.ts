// Schema migrations: the files of migrations/ in the order of their numbers, forward only, each in one transaction together with
// its row in the list, under a lock (SQLite: the data directory's; PostgreSQL: an advisory one). What was applied never changes.
// A migration that says `export const olderCodeWorks = true` lets the version before it run on beside the new one.
import { readdirSync } from 'node:fs';
import { type Kysely, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import { crashPoint } from './crash-point.ts';
import { dialectOf } from './db-dialect.ts';
import { AppError } from './errors.ts';

declare module './db.ts' {
  interface Tables {
    /** Small integers that the kernel keeps: `change` (SQLite), `change_base` (PostgreSQL), `events_pruned`. */
    kernel_state: { key: string; value: number };
  }
}

const MIGRATIONS_FOLDER = new URL('../../migrations/', import.meta.url);
const MIGRATION_FILE = /^(\d{4}_[a-z0-9_]+)\.ts$/;
const TABLE = 'kernel_migrations';
const LOCK_TABLE = 'kernel_migrations_lock';
/** The number of the newest migration that code must have to work on this database. */
const OLDEST_CODE_KEY = 'oldest_code';
/** The advisory lock of nodes that start at the same moment; any number that nothing else in the database takes. */
const NODES_LOCK = 7_206_181_503_245;
/** How far above the events' largest change the PostgreSQL counter starts after a restore into another cluster. */
const CHANGE_MARGIN = 1_000;

interface MigrationFile {
  name: string;
  url: URL;
}

/** The migrations that this version of the code has, in order. Throws for two files with the same number. */
function listMigrations(folder: URL): MigrationFile[] {
  const files = readdirSync(folder)
    .map((file) => MIGRATION_FILE.exec(file)?.[1])
    .filter((name) => name !== undefined)
    .sort()
    .map((name) => ({ name, url: new URL(`${name}.ts`, folder) }));
  for (const [index, file] of files.entries()) {
    const number = file.name.slice(0, 4);
    if (files[index + 1]?.name.startsWith(number))
      throw new Error(`Two migrations have the number ${number}`);
  }
  return files;
}

/** Names of the migrations that the database has, oldest first; none for an empty database. */
export async function appliedMigrations<DB>(db: Kysely<DB>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some((table) => table.name === TABLE)) return [];
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(TABLE)} order by name`.execute(
    db,
  );
  return rows.map((row) => row.name);
}

const numberOf = (name: string) => Number(name.slice(0, 4));
const keepsState = (known: readonly MigrationFile[]) =>
  known.some((migration) => migration.name === '0001_kernel');

/** Whether newer code migrated the database. Throws `database_unavailable` when this code cannot work on what it made. */
async function isNewerDatabase<DB>(
  db: Kysely<DB>,
  applied: readonly string[],
  known: readonly MigrationFile[],
): Promise<boolean> {
  const unknown = applied.filter((name) => !known.some((migration) => migration.name === name));
  if (unknown.length === 0) return false;
  const isComplete = known.every(({ name }) => applied.includes(name));
  const newest = known.at(-1);
  if (newest && isComplete && keepsState(known)) {
    const { rows } = await sql<{ value: number }>`
      select value from kernel_state where key = ${OLDEST_CODE_KEY}`.execute(db);
    const oldest = rows[0]?.value;
    if (oldest !== undefined && Number(oldest) <= numberOf(newest.name)) return true;
  }
  throw new AppError('database_unavailable', {
    detail: `The database was written by a newer version of Drawbridge (it has ${unknown.join(', ')}).`,
    cause: 'An older version was started on a database that a newer one has migrated.',
    fix: 'Start the newer version again, or restore the backup that was made before the upgrade.',
  });
}

function provide(known: readonly MigrationFile[]): MigrationProvider {
  return {
    async getMigrations() {
      const migrations: Record<string, Migration> = {};
      for (const { name, url } of known) {
        const module = (await import(url.href)) as { up?: Migration['up']; olderCodeWorks?: true };
        const { up, olderCodeWorks } = module;
        if (!up) throw new Error(`Migration ${name} does not export up()`);
        migrations[name] = {
          async up(db) {
            await up(db);
            if (!olderCodeWorks && keepsState(known)) await raiseOldestCode(db, numberOf(name));
            crashPoint('kp16');
            await checkForeignKeys(db);
          },
        };
      }
      return migrations;
    },
  };
}

async function raiseOldestCode<DB>(db: Kysely<DB>, value: number): Promise<void> {
  await sql`
    insert into kernel_state (key, value) values (${OLDEST_CODE_KEY}, ${value})
    on conflict (key) do update set value = excluded.value`.execute(db);
}

/** Foreign keys are off while SQLite migrates, so that tables can be rebuilt; what a migration leaves must hold. */
async function checkForeignKeys<DB>(db: Kysely<DB>): Promise<void> {
  if (dialectOf(db).name !== 'sqlite') return;
  const { rows } = await sql<{ table: string }>`pragma foreign_key_check`.execute(db);
  const [broken] = rows;
  if (broken) throw new Error(`${rows.length} rows refer to missing rows, the first in ${broken.table}`);
}

/**
 * Brings the database to the newest schema and returns the names of what was applied now; nothing on a newer database that older
 * code works on. Throws `database_unavailable` when the database is newer and this code does not, and the migration's own error when one fails (which then left nothing).
 */
export async function migrate<DB>(db: Kysely<DB>, folder: URL = MIGRATIONS_FOLDER): Promise<string[]> {
  const known = listMigrations(folder);
  if (dialectOf(db).name !== 'postgres') return applyMissing(db, known);
  // One node at a time, from the first look: the migrator's own lock is taken after it has listed all tables and columns, and that
  // fails when another node renames one meanwhile. The lock goes with the connection, also when the node dies.
  return db.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(${sql.lit(NODES_LOCK)})`.execute(connection);
    try {
      return await applyMissing(connection, known);
    } finally {
      // A connection that cannot unlock is gone, and its lock with it; what failed before is worth telling, not this.
      await sql`select pg_advisory_unlock(${sql.lit(NODES_LOCK)})`.execute(connection).catch(() => {});
    }
  });
}

async function applyMissing<DB>(db: Kysely<DB>, known: readonly MigrationFile[]): Promise<string[]> {
  if (await isNewerDatabase(db, await appliedMigrations(db), known)) return [];
  const migrator = new Migrator({
    db,
    provider: provide(known),
    migrationTableName: TABLE,
    migrationLockTableName: LOCK_TABLE,
    nameComparator: (a, b) => (a < b ? -1 : 1),
  });
  const applied: string[] = [];
  for (;;) {
    // One step at a time: each migration commits by itself, and a failed one does not undo those before it.
    const { error, results } = await migrator.migrateUp();
    const [result] = results ?? [];
    if (error) {
      const name = result?.migrationName ?? 'list';
      throw new Error(`Migration ${name} failed, nothing of it was applied: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (!result) break;
    applied.push(result.migrationName);
  }
  await raiseChangeBase(db, known);
  return applied;
}

/**
 * A database restored into another PostgreSQL cluster meets smaller transaction ids than its events carry. The base offset lifts
 * new change numbers above them; without it, readers would wait for changes that come below their cursor.
 */
async function raiseChangeBase<DB>(db: Kysely<DB>, known: readonly MigrationFile[]): Promise<void> {
  if (dialectOf(db).name !== 'postgres' || !keepsState(known)) return;
  await sql`
    update kernel_state set value = value + behind.gap + ${CHANGE_MARGIN}
    from (select coalesce(max(change), 0) - current_change() as gap from events) as behind
    where key = 'change_base' and behind.gap >= 0`.execute(db);
}
