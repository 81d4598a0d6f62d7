// A migrated, empty SQLite database, made once for the checkout's migrations and copied for every test that begins with a new
// data directory: migrating takes a fifth of a second of CPU, and hundreds of tests begin with it. That an empty directory is
// migrated by the program itself is shown by the tests that start it as a process.
import { createHash, randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DATABASE_FILE, openSqliteDb } from '../../src/kernel/db-sqlite.ts';

const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, 'node_modules/.cache/drawbridge-test');
/** What decides how a new database looks. */
const SOURCES = ['migrations', 'src/kernel'];

let template: Promise<string> | undefined;

/** Puts a migrated database into a data directory that has none yet. */
export async function copyMigratedDatabase(dataDir: string): Promise<void> {
  const target = join(dataDir, DATABASE_FILE);
  if (existsSync(target)) return;
  template ??= migratedFile();
  copyFileSync(await template, target);
}

async function migratedFile(): Promise<string> {
  const file = join(CACHE, `migrated-${fingerprint()}.db`);
  if (existsSync(file)) return file;
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-template-'));
  try {
    const db = await openSqliteDb({ dataDir });
    await db.close();
    mkdirSync(CACHE, { recursive: true });
    // Test files of other processes may make it at the same time: the last one replaces an equal file.
    const unfinished = `${file}.${randomUUID()}`;
    copyFileSync(join(dataDir, DATABASE_FILE), unfinished);
    renameSync(unfinished, file);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
  return file;
}

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const folder of SOURCES)
    for (const name of readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.ts')).sort())
      hash.update(name).update(readFileSync(join(ROOT, folder, name)));
  return hash.digest('hex').slice(0, 16);
}
