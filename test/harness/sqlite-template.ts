// A migrated, empty SQLite database, copied for every test that begins with a new data directory: migrating takes a fifth of a
// second of CPU, and hundreds of tests begin with it. That an empty directory is migrated by the program itself is shown by the
// tests that start it as a process.
import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE_FILE, openSqliteDb } from '../../src/kernel/db-sqlite.ts';
import { removeOutdated, schemaCachePath } from './test-cache.ts';

const NAME = 'sqlite';
let template: Promise<string> | undefined;

/** Puts a migrated database into a data directory that has none yet. */
export async function copyMigratedDatabase(dataDir: string): Promise<void> {
  const target = join(dataDir, DATABASE_FILE);
  if (existsSync(target)) return;
  template ??= migratedFile();
  copyFileSync(await template, target);
}

async function migratedFile(): Promise<string> {
  const file = schemaCachePath(NAME);
  if (existsSync(file)) return file;
  removeOutdated(NAME);
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-template-'));
  try {
    const db = await openSqliteDb({ dataDir });
    await db.close();
    // Test files of other processes may make it at the same time: the last one replaces an equal file.
    const unfinished = `${file}.${randomUUID()}`;
    copyFileSync(join(dataDir, DATABASE_FILE), unfinished);
    renameSync(unfinished, file);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
  return file;
}
