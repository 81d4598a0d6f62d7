// The database's part of a backup: a copy of one moment, taken while the server goes on writing, and the list of picture
// files that this very copy names.
import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { backup as copyDatabase, DatabaseSync } from 'node:sqlite';
import { finished } from 'node:stream/promises';
import { Kysely } from 'kysely';
import type { Config } from '../kernel/config.ts';
import type { Reader, Tables } from '../kernel/db.ts';
import { openSqliteFile, SqliteReadDriver, sqliteDialect } from '../kernel/db-node-sqlite.ts';
import { DATABASE_FILE } from '../kernel/db-sqlite.ts';
import { findFilesAfter, findVolumeMarker } from '../media/media.ts';
import { countOpenByLane } from '../tasks/tasks.ts';
import { DATABASE_FILES, MANIFEST, PRIVATE_FILE, syncFile } from './backup-folder.ts';
import { checkDump, dumpPostgres } from './backup-postgres.ts';
import { CopyError } from './contract.ts';

/** The only store whose files lie where a backup can copy them. */
const STORE = 'disk';
const PAGE = 500;
/** All pages in one step: the copy is then of one moment, however much is written meanwhile. */
const ALL_PAGES = 2_147_483_647;

export interface DatabaseCopy {
  kind: 'sqlite' | 'postgres';
  files: number;
  bytes: number;
  mediaMarker: string | null;
  unfinishedTasks: number;
}

/** Copies the database into `target` and writes the manifest beside it. Throws `no_data`, `no_database`, `tool_…`, `broken`. */
export async function copyDatabaseTo(config: Config, target: string): Promise<DatabaseCopy> {
  const { databaseUrl } = config;
  let listed: Omit<DatabaseCopy, 'kind'> | null = null;
  const list = async (reader: Reader) => {
    listed = await listFiles(reader, join(target, MANIFEST));
  };
  const kind = databaseUrl === null ? 'sqlite' : 'postgres';
  const path = join(target, DATABASE_FILES[kind]);
  if (databaseUrl === null) await copySqlite(join(config.dataDir, DATABASE_FILE), path, list);
  else {
    await dumpPostgres(databaseUrl, path, list);
    await checkDump(path);
  }
  await syncFile(path);
  if (listed === null) throw new Error('The copy of the database was not listed');
  return { kind, ...(listed as Omit<DatabaseCopy, 'kind'>) };
}

async function copySqlite(
  source: string,
  target: string,
  list: (reader: Reader) => Promise<void>,
): Promise<void> {
  if (!(await stat(source).catch(() => null))?.isFile()) throw new CopyError('no_data', source);
  const live = new DatabaseSync(source, { readOnly: true });
  try {
    await copyDatabase(live, target, { rate: ALL_PAGES });
  } catch (error) {
    throw sqliteFailure(error, target);
  } finally {
    live.close();
  }
  settleFile(target);
  const connection = openSqliteFile(target, 'read-only');
  try {
    await list(new Kysely<Tables>({ dialect: sqliteDialect(new SqliteReadDriver(connection)) }));
  } finally {
    connection.database.close();
  }
}

/** Makes the copy one file without a write-ahead log, and checks its structure. */
function settleFile(path: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec('pragma journal_mode = delete');
  } catch (error) {
    throw sqliteFailure(error, path);
  } finally {
    database.close();
  }
  checkSqliteFile(path);
}

/** Throws `broken` unless SQLite finds the file whole. */
export function checkSqliteFile(path: string): void {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const [row] = database.prepare('pragma integrity_check(1)').all();
    const said = String(Object.values(row ?? {})[0]);
    if (said !== 'ok') throw new CopyError('broken', `${path}: ${said}`);
  } catch (error) {
    throw sqliteFailure(error, path);
  } finally {
    database.close();
  }
}

const SQLITE_FULL = 13;

function sqliteFailure(error: unknown, path: string): unknown {
  if (error instanceof CopyError) return error;
  const { errcode, message } = error as { errcode?: number; message?: string };
  if (typeof errcode !== 'number') return error;
  if ((errcode & 0xff) === SQLITE_FULL) return new CopyError('no_space', path);
  return new CopyError('broken', `${path}: ${message ?? errcode}`);
}

/** Writes the manifest of the files that this database names; those in quarantine are not part of a backup. */
async function listFiles(reader: Reader, path: string): Promise<Omit<DatabaseCopy, 'kind'>> {
  const manifest = createWriteStream(path, { mode: PRIVATE_FILE });
  const done = finished(manifest);
  done.catch(() => {});
  let files = 0;
  let bytes = 0;
  for (let after = ''; ; ) {
    const rows = await findFilesAfter(reader, STORE, after, PAGE);
    const live = rows.filter((row) => row.deleted_at === null);
    const lines = live.map(({ key, kind, bytes: size, sha256 }) =>
      JSON.stringify({ key, kind, bytes: size, sha256 }),
    );
    if (lines.length > 0 && !manifest.write(`${lines.join('\n')}\n`))
      await Promise.race([new Promise<void>((resolve) => manifest.once('drain', resolve)), done]);
    files += live.length;
    bytes += live.reduce((sum, row) => sum + row.bytes, 0);
    const last = rows.at(-1);
    if (!last || rows.length < PAGE) break;
    after = last.key;
  }
  manifest.end();
  await done;
  await syncFile(path);
  const open = await countOpenByLane(reader);
  return {
    files,
    bytes,
    mediaMarker: await findVolumeMarker(reader, STORE),
    unfinishedTasks: open.reduce((sum, { count }) => sum + Number(count), 0),
  };
}
