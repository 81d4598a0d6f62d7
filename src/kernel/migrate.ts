// Schema migrations: the files of migrations/ in the order of their numbers, forward only, each in one transaction together with
// its row in the list, under a lock (SQLite: the data directory's; PostgreSQL: an advisory one). What was applied never changes.
import { readdirSync } from 'node:fs';
import { type Kysely, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
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

function refuseNewerDatabase(applied: readonly string[], known: readonly MigrationFile[]): void {
  const unknown = applied.filter((name) => !known.some((migration) => migration.name === name));
  if (unknown.length === 0) return;
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
        const module = (await import(url.href)) as { up?: Migration['up'] };
        const { up } = module;
        if (!up) throw new Error(`Migration ${name} does not export up()`);
        migrations[name] = {
          async up(db) {
            await up(db);
            await checkForeignKeys(db);
          },
        };
      }
      return migrations;
    },
  };
}

/** Foreign keys are off while SQLite migrates, so that tables can be rebuilt; what a migration leaves must hold. */
async function checkForeignKeys<DB>(db: Kysely<DB>): Promise<void> {
  if (dialectOf(db).name !== 'sqlite') return;
  const { rows } = await sql<{ table: string }>`pragma foreign_key_check`.execute(db);
  const [broken] = rows;
  if (broken) throw new Error(`${rows.length} rows refer to missing rows, the first in ${broken.table}`);
}

/**
 * Brings the database to the newest schema and returns the names of what was applied now. Throws `database_unavailable` when the
 * database is newer than the code, and the migration's own error when one fails (which then left nothing).
 */
export async function migrate<DB>(db: Kysely<DB>, folder: URL = MIGRATIONS_FOLDER): Promise<string[]> {
  const known = listMigrations(folder);
  refuseNewerDatabase(await appliedMigrations(db), known);
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
  if (dialectOf(db).name !== 'postgres' || !known.some((migration) => migration.name === '0001_kernel'))
    return;
  await sql`
    update kernel_state set value = value + behind.gap + ${CHANGE_MARGIN}
    from (select coalesce(max(change), 0) - current_change() as gap from events) as behind
    where key = 'change_base' and behind.gap >= 0`.execute(db);
}
