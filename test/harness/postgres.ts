// A real, throw-away PostgreSQL server for the tests of one process, from Debian's binaries: started at first use in a temporary
// directory on a unix socket, fsync on, ended with the process (also when the process is killed).
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';

const INSTALLATIONS = '/usr/lib/postgresql';
/** PostgreSQL refuses to run as root; Debian's package makes this user. */
const SYSTEM_USER = 'postgres';
const START_LONGEST_MS = 20_000;
const POLL_MS = 50;

export interface PostgresServer {
  /** Directory of the unix socket, for `?host=`; the port is 5432 by name only. */
  readonly socketDir: string;
  /** A connection URL for one of its databases. */
  url(database: string): string;
  /** Makes an empty database (or a copy of `template`) and returns its name. */
  createDatabase(template?: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** Runs one statement as the superuser in `database` (default `postgres`). */
  query(sql: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Ends the server at once, as a crash would; `start` brings it back with the same data. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** The newest installed server's programs, or undefined. */
function findBinaries(): string | undefined {
  if (!existsSync(INSTALLATIONS)) return undefined;
  const newestFirst = readdirSync(INSTALLATIONS).sort((a, b) => Number(b) - Number(a));
  return newestFirst
    .map((version) => join(INSTALLATIONS, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
}

function systemUser(): { uid: number; gid: number } | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${SYSTEM_USER}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

const isRoot = () => process.getuid?.() === 0;

/** Why no server can be started here, or undefined when one can; a test's `skip` option takes it. */
export function postgresUnavailable(): string | undefined {
  if (!findBinaries()) return 'no PostgreSQL server is installed (apt-get install postgresql)';
  if (isRoot() && !systemUser()) return `the user ${SYSTEM_USER} does not exist (apt-get install postgresql)`;
  return undefined;
}

/** `setpriv` changes the user and lets the server die with this process, however that ends. */
function asServerUser(command: string[]): string[] {
  const identity = isRoot() ? [`--reuid=${SYSTEM_USER}`, `--regid=${SYSTEM_USER}`, '--init-groups'] : [];
  return ['setpriv', ...identity, '--pdeathsig=QUIT', '--', ...command];
}

/** The dying server may still make and remove files between two looks into its directory, and fail the removal silently. */
function removeWhileItShutsDown(directory: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; attempt < 100 && existsSync(directory); attempt++) {
    try {
      rmSync(directory, { recursive: true, force: true });
    } catch {
      // The next attempt meets what was made meanwhile.
    }
    Atomics.wait(pause, 0, 0, 10);
  }
}

class ThrowAwayServer implements PostgresServer {
  readonly socketDir: string;
  readonly #bin: string;
  #child: ChildProcess | undefined;

  constructor(bin: string) {
    this.#bin = bin;
    this.socketDir = mkdtempSync(join(tmpdir(), 'drawbridge-pg-'));
    const user = isRoot() ? systemUser() : undefined;
    if (user) chownSync(this.socketDir, user.uid, user.gid);
    const options = [
      '-D',
      join(this.socketDir, 'data'),
      '-U',
      SYSTEM_USER,
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C.UTF-8',
    ];
    // Only the making of the cluster skips fsync: it can be made again.
    const [program = '', ...args] = asServerUser([join(this.#bin, 'initdb'), ...options, '--no-sync']);
    execFileSync(program, args, { stdio: 'pipe', cwd: this.socketDir });
    process.on('exit', () => {
      this.#child?.kill('SIGQUIT');
      removeWhileItShutsDown(this.socketDir);
    });
  }

  async start(): Promise<void> {
    const log = openSync(join(this.socketDir, 'log'), 'a');
    const settings = [
      'listen_addresses=',
      `unix_socket_directories=${this.socketDir}`,
      'fsync=on',
      'max_connections=100',
    ];
    const flags = settings.flatMap((setting) => ['-c', setting]);
    const command = [join(this.#bin, 'postgres'), '-D', join(this.socketDir, 'data'), ...flags];
    const [program = '', ...args] = asServerUser(command);
    this.#child = spawn(program, args, { stdio: ['ignore', log, log], cwd: this.socketDir });
    this.#child.unref();
    for (let waitedMs = 0; ; waitedMs += POLL_MS) {
      try {
        await this.query('select 1');
        return;
      } catch (error) {
        if (waitedMs >= START_LONGEST_MS) throw error;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    child.kill('SIGQUIT');
    await exited;
  }

  url(database: string): string {
    return `postgres://${SYSTEM_USER}@localhost/${database}?host=${encodeURIComponent(this.socketDir)}`;
  }

  async query(sql: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.url(database) });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async createDatabase(template = 'template1'): Promise<string> {
    const name = `test_${randomBytes(6).toString('hex')}`;
    await this.query(`create database ${name} template ${template}`);
    return name;
  }

  async dropDatabase(name: string): Promise<void> {
    await this.query(`drop database if exists ${name} with (force)`);
  }
}

let starting: Promise<PostgresServer> | undefined;

/** The server of this process, started at first use. Ask `postgresUnavailable()` before. */
export function postgresServer(): Promise<PostgresServer> {
  starting ??= startServer();
  return starting;
}

async function startServer(): Promise<PostgresServer> {
  const bin = findBinaries();
  const reason = postgresUnavailable();
  if (!bin || reason) throw new Error(`PostgreSQL cannot be started: ${reason}`);
  const server = new ThrowAwayServer(bin);
  await server.start();
  return server;
}
