// Real, throw-away PostgreSQL servers from Debian's binaries: one for the tests of a process, started at first use, and others to
// break: each in a temporary directory on a unix socket, fsync on, ended with the process (also when the process is killed).
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { type ClusterMaker, copyCluster, preparedCluster } from './postgres-template.ts';

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
  /** Ends the server at once, as `pg_ctl -m immediate` does; `start` brings it back with the same data. */
  kill(): Promise<void>;
  /** Ends only the postmaster, by SIGKILL: its children outlive it for a moment, its lock file stays. */
  killPostmaster(): Promise<void>;
  start(): Promise<void>;
  /** A standby that streams from this server, started; nothing makes commits wait for it. */
  startStandby(): Promise<PostgresServer>;
  /** Makes a standby a primary of its own, on a new timeline. */
  promote(): Promise<void>;
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

/** Where a server's data comes from: made anew, a copy of a stopped cluster's folder, or of a server that is then followed. */
type Origin = 'new' | { cluster: string } | { primary: PostgresServer };

class ThrowAwayServer implements PostgresServer, ClusterMaker {
  readonly socketDir: string;
  readonly dataDir: string;
  readonly #bin: string;
  #child: ChildProcess | undefined;

  constructor(bin: string, origin: Origin) {
    this.#bin = bin;
    this.socketDir = mkdtempSync(join(tmpdir(), 'drawbridge-pg-'));
    this.dataDir = join(this.socketDir, 'data');
    const user = isRoot() ? systemUser() : undefined;
    if (user) chownSync(this.socketDir, user.uid, user.gid);
    process.on('exit', () => {
      this.#child?.kill('SIGQUIT');
      removeWhileItShutsDown(this.socketDir);
    });
    if (origin === 'new') this.#make();
    else if ('cluster' in origin) copyCluster(origin.cluster, this.dataDir);
    else this.#follow(origin.primary);
  }

  #make(): void {
    const options = [
      ...['-D', this.dataDir],
      ...['-U', SYSTEM_USER],
      ...['-A', 'trust'],
      ...['-E', 'UTF8'],
      '--locale=C.UTF-8',
    ];
    // Only the making of the cluster skips fsync: it can be made again.
    this.#run('initdb', [...options, '--no-sync']);
  }

  #follow(primary: PostgresServer): void {
    const from = ['-h', primary.socketDir, '-U', SYSTEM_USER, '-D', this.dataDir];
    this.#run('pg_basebackup', [...from, '-R', '-X', 'stream', '-c', 'fast', '--no-sync']);
  }

  #run(tool: string, options: string[]): void {
    const [program = '', ...args] = asServerUser([join(this.#bin, tool), ...options]);
    execFileSync(program, args, { stdio: 'pipe', cwd: this.socketDir });
  }

  async start(): Promise<void> {
    for (let waitedMs = 0; ; waitedMs += POLL_MS) {
      // Children of a killed postmaster hold its memory for a moment: whoever starts it must try again.
      if (!this.#child || this.#hasExited(this.#child)) this.#spawn();
      try {
        await this.query('select 1');
        return;
      } catch (error) {
        if (waitedMs >= START_LONGEST_MS) throw error;
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    }
  }

  #hasExited = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

  #spawn(): void {
    const log = openSync(join(this.socketDir, 'log'), 'a');
    const settings = [
      'listen_addresses=',
      `unix_socket_directories=${this.socketDir}`,
      'fsync=on',
      'max_connections=100',
    ];
    const flags = settings.flatMap((setting) => ['-c', setting]);
    const command = [join(this.#bin, 'postgres'), '-D', this.dataDir, ...flags];
    const [program = '', ...args] = asServerUser(command);
    this.#child = spawn(program, args, { stdio: ['ignore', log, log], cwd: this.socketDir });
    this.#child.unref();
  }

  kill(): Promise<void> {
    return this.#end('SIGQUIT');
  }

  killPostmaster(): Promise<void> {
    return this.#end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.#end('SIGINT');
  }

  async #end(signal: 'SIGQUIT' | 'SIGKILL' | 'SIGINT'): Promise<void> {
    const child = this.#child;
    if (!child || this.#hasExited(child)) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    child.kill(signal);
    await exited;
  }

  async startStandby(): Promise<PostgresServer> {
    const standby = new ThrowAwayServer(this.#bin, { primary: this });
    await standby.start();
    return standby;
  }

  async promote(): Promise<void> {
    await this.query('select pg_promote(true)');
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

let prepared: Promise<string> | undefined;
let starting: Promise<PostgresServer> | undefined;

/** The server of this process, started at first use. Ask `postgresUnavailable()` before. */
export function postgresServer(): Promise<PostgresServer> {
  starting ??= startServer();
  return starting;
}

/** A further server, to be broken without harm to other tests. */
export async function startServer(): Promise<PostgresServer> {
  const bin = findBinaries();
  const reason = postgresUnavailable();
  if (!bin || reason) throw new Error(`PostgreSQL cannot be started: ${reason}`);
  prepared ??= preparedCluster(basename(dirname(bin)), () => new ThrowAwayServer(bin, 'new'));
  const server = new ThrowAwayServer(bin, { cluster: await prepared });
  await server.start();
  return server;
}
