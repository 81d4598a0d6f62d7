// A migrated, empty SQLite database, copied for every test that begins with a new data directory: migrating takes a fifth of a
// second of CPU, and hundreds of tests begin with it. That an empty directory is migrated by the program itself is shown by the
// tests that start it as a process.
import { randomUUID } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE_FILE, openSqliteDb } from '../../src/kernel/db-sqlite.ts';
import { canKeep, removeOutdated, schemaCachePath } from './test-cache.ts';

const NAME = 'sqlite';
/** As the program makes it, and as everybody may copy it: some tests run as another user. */
const DATABASE_MODE = 0o600;
const TEMPLATE_MODE = 0o644;
let template: Promise<string | null> | undefined;

/** Puts a migrated database into a data directory that has none yet. */
export async function copyMigratedDatabase(dataDir: string): Promise<void> {
  const target = join(dataDir, DATABASE_FILE);
  if (existsSync(target)) return;
  template ??= migratedFile();
  const migrated = await template;
  if (migrated === null) return;
  copyFileSync(migrated, target);
  chmodSync(target, DATABASE_MODE);
}

/** null where nothing can be kept, since the checkout is read-only: the program migrates by itself. */
async function migratedFile(): Promise<string | null> {
  const file = schemaCachePath(NAME);
  if (existsSync(file)) return file;
  if (!canKeep()) return null;
  removeOutdated(NAME);
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-template-'));
  try {
    const db = await openSqliteDb({ dataDir });
    await db.close();
    // Test files of other processes may make it at the same time: the last one replaces an equal file.
    const unfinished = `${file}.${randomUUID()}`;
    copyFileSync(join(dataDir, DATABASE_FILE), unfinished);
    chmodSync(unfinished, TEMPLATE_MODE);
    renameSync(unfinished, file);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
  return file;
}
