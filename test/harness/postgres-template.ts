// A PostgreSQL cluster that was made and migrated once, of which every throw-away server starts as a copy, and the migrated
// database in it, of which every test gets a copy: much faster than making and migrating each.
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { openPostgresDb } from '../../src/kernel/db-postgres.ts';
import { canKeep, removeOutdated, schemaCachePath } from './test-cache.ts';

/** A database of every prepared cluster: empty, with the newest schema. */
export const MIGRATED_DATABASE = 'migrated';

/** What is needed of a server to prepare its cluster. */
export interface ClusterMaker {
  readonly dataDir: string;
  url(database: string): string;
  start(): Promise<void>;
  query(sql: string): Promise<unknown>;
  /** Ends it cleanly, so that its files are whole. */
  stop(): Promise<void>;
}

/** The folder of a cleanly stopped cluster with the migrated database; `make` gives a new server where none is kept yet. */
export async function preparedCluster(version: string, make: () => ClusterMaker): Promise<string> {
  const name = `postgres-${version}`;
  const folder = schemaCachePath(name);
  if (existsSync(folder)) return folder;
  if (!canKeep())
    throw new Error('The cluster cannot be kept in node_modules/.cache, which cannot be written.');
  removeOutdated(name);
  const server = make();
  await server.start();
  await server.query(`create database ${MIGRATED_DATABASE}`);
  const db = await openPostgresDb({ url: server.url(MIGRATED_DATABASE) });
  await db.close();
  await server.stop();
  const unfinished = `${folder}.${randomUUID()}`;
  copyCluster(server.dataDir, unfinished);
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // Another test file's process was faster.
    if (!existsSync(folder)) throw error;
    rmSync(unfinished, { recursive: true });
  }
  return folder;
}

/** Copies with owners and modes, on which the server insists. */
export function copyCluster(from: string, to: string): void {
  execFileSync('cp', ['--archive', from, to], { stdio: 'pipe' });
}
