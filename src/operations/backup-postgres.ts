// PostgreSQL's own tools for backups: pg_dump within a snapshot that this process holds, so that the list of pictures and
// the dump are of one moment; pg_restore in one transaction, so that a database is restored whole or stays empty.
// The password goes through the environment: other users of the machine can read command lines.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type CompiledQuery, Kysely, type QueryResult } from 'kysely';
import type { Client } from 'pg';
import { processEnvironment } from '../kernel/config.ts';
import type { Reader, Tables } from '../kernel/db.ts';
import { SingleConnectionDriver } from '../kernel/db-driver.ts';
import { toSqlParameters } from '../kernel/db-parameters.ts';
import { postgresDialect, sameTypesAsSqlite } from '../kernel/db-postgres-driver.ts';
import { toPostgresAppError } from '../kernel/db-postgres-errors.ts';
import { redactText } from '../kernel/redact.ts';
import { CopyError } from './contract.ts';

/** The parameters of a connection string that libpq knows as well as pg does. */
const SHARED_PARAMETERS = new Set([
  'host',
  'port',
  'user',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
]);
const MOST_WORDS = 400;

/** A URL as pg takes it, for libpq's programs: the address without its password, and the password for the environment. */
export function libpqConnection(databaseUrl: string): { address: string; password: string | null } {
  const url = new URL(databaseUrl);
  const password = url.password === '' ? url.searchParams.get('password') : decodeURIComponent(url.password);
  url.password = '';
  for (const [name, value] of [...url.searchParams]) {
    if (!SHARED_PARAMETERS.has(name)) url.searchParams.delete(name);
    // pg's own word for: encrypted, whoever it is.
    else if (name === 'sslmode' && value === 'no-verify') url.searchParams.set(name, 'require');
  }
  return { address: url.href, password };
}

/** Runs one of PostgreSQL's programs on a database. Throws `tool_missing`, and `tool_failed` with what it said. */
async function runTool(tool: string, args: readonly string[], databaseUrl: string | null): Promise<void> {
  const { address, password } = databaseUrl === null ? NOWHERE : libpqConnection(databaseUrl);
  const child = spawn(tool, [...args, ...(address === null ? [] : [`--dbname=${address}`])], {
    env: { ...processEnvironment(), ...(password === null ? {} : { PGPASSWORD: password }) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    if (said.length < MOST_WORDS) said += text;
  });
  const [code] = (await once(child, 'close').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new CopyError('tool_missing', tool) : error;
  })) as [number | null];
  if (code === 0) return;
  if (/No space left on device/.test(said)) throw new CopyError('no_space', tool);
  throw new CopyError('tool_failed', redactText(`${tool}: ${said.trim().slice(0, MOST_WORDS)}`));
}

const NOWHERE = { address: null, password: null };

/** Reads inside one transaction of one client. */
class SnapshotDriver extends SingleConnectionDriver {
  readonly #client: Client;

  constructor(client: Client) {
    super();
    this.#client = client;
  }

  override async executeQuery({ sql, parameters }: CompiledQuery): Promise<QueryResult<unknown>> {
    const { rows } = await this.#client.query(sql, toSqlParameters(parameters, sql));
    return { rows };
  }
}

/** Runs `work` on a connection of its own. Throws `no_database` when the server cannot be reached. */
async function withClient<Result>(
  databaseUrl: string,
  work: (client: Client) => Promise<Result>,
): Promise<Result> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: databaseUrl, types: sameTypesAsSqlite(pg.types) });
  // A connection that breaks fails the query that waits for it.
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => {});
    const known = toPostgresAppError(error);
    throw new CopyError('no_database', redactText(known instanceof Error ? known.message : String(known)));
  }
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Dumps the database to `path`; `list` reads the same moment. */
export function dumpPostgres(
  databaseUrl: string,
  path: string,
  list: (reader: Reader) => Promise<void>,
): Promise<void> {
  return withClient(databaseUrl, async (client) => {
    await client.query('begin isolation level repeatable read read only');
    const { rows } = await client.query<{ id: string }>('select pg_export_snapshot() as id');
    await list(new Kysely<Tables>({ dialect: postgresDialect(new SnapshotDriver(client)) }));
    const args = ['--format=custom', '--no-owner', '--no-privileges', `--snapshot=${rows[0]?.id}`];
    await runTool('pg_dump', [...args, `--file=${path}`], databaseUrl);
  });
}

/** Throws `tool_failed` unless pg_restore can read the dump's table of contents. */
export function checkDump(path: string): Promise<void> {
  return runTool('pg_restore', ['--list', path], null);
}

/** Throws `not_empty` when the database has tables. */
export function requireEmptyPostgres(databaseUrl: string): Promise<void> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "select relname as name from pg_class where relkind in ('r', 'p') and relnamespace in (select oid from pg_namespace where nspname = any(current_schemas(false))) limit 1",
    );
    if (rows.length > 0) throw new CopyError('not_empty', redactText(databaseUrl));
  });
}

/** Restores a dump into an empty database, in one transaction. */
export function restorePostgres(databaseUrl: string, path: string): Promise<void> {
  const args = ['--single-transaction', '--exit-on-error', '--no-owner', '--no-privileges'];
  return runTool('pg_restore', [...args, path], databaseUrl);
}
