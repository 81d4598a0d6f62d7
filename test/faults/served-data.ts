// One installation that a test starts, kills and starts again as processes of their own: its data stays, on SQLite in its
// folder or on a PostgreSQL database of its own.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { readJobLog } from '../../src/providers/sandbox/job-log.ts';
import { freePort, type ServerProcess, startServerProcess } from '../chaos/server-process.ts';
import { until } from '../harness/clock.ts';
import { postgresServer, postgresUnavailable } from '../harness/postgres.ts';
import { MIGRATED_DATABASE } from '../harness/postgres-template.ts';

const ADMIN_KEY = 'dbk_faults-admin-key-of-more-than-enough-length';
export const BEARER = { authorization: `Bearer ${ADMIN_KEY}` };

export const SERVED_KINDS = [
  { kind: 'sqlite', skip: false },
  { kind: 'postgres', skip: postgresUnavailable() ?? false },
] as const;

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type Wire = any;

export interface Answer {
  status: number;
  headers: Headers;
  json: Wire;
}

export interface ServedData {
  url: string;
  dataDir: string;
  databaseUrl: string | null;
  /** Starts a server on the data; `env` is its own beside what all have in common. */
  start(env?: Record<string, string>): Promise<ServerProcess>;
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  create(body: object, headers?: Record<string, string>): Promise<Answer>;
  /** All tasks, once each of them has ended. */
  ended(limitMs?: number): Promise<Wire[]>;
  /** Throws unless the deep examination finds every invariant kept. */
  examine(): Promise<void>;
  /** Jobs that the sandbox took, by client reference. */
  jobs(): Promise<string[]>;
}

/** Data that goes with the test. */
export async function servedData(
  t: TestContext,
  kind: 'sqlite' | 'postgres',
  common: Record<string, string> = {},
): Promise<ServedData> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-faults-'));
  const dataDir = join(folder, 'data');
  const cwd = join(folder, 'cwd');
  mkdirSync(cwd);
  const servers: ServerProcess[] = [];
  const postgres = kind === 'postgres' ? await postgresServer() : null;
  const name = postgres ? await postgres.createDatabase(MIGRATED_DATABASE) : '';
  t.after(async () => {
    for (const server of servers) {
      server.kill('SIGKILL');
      await server.closed;
    }
    await postgres?.dropDatabase(name);
    rmSync(folder, { recursive: true, force: true });
  });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const databaseUrl = postgres?.url(name) ?? null;
  const data: ServedData = {
    url,
    dataDir,
    databaseUrl,
    async start(env = {}) {
      const server = startServerProcess({
        cwd,
        env: {
          DRAWBRIDGE_DATA_DIR: dataDir,
          DRAWBRIDGE_PORT: String(port),
          DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
          DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
          DRAWBRIDGE_CREDITS_STARTING_GRANT: '1000',
          DRAWBRIDGE_CREDITS_PRICES: 'sandbox=0.25',
          ...(databaseUrl === null ? {} : { DATABASE_URL: databaseUrl }),
          ...common,
          ...env,
        },
      });
      servers.push(server);
      await server.ready;
      return server;
    },
    async ask(method, path, body, headers = {}) {
      const isForm = body instanceof FormData;
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { ...BEARER, ...(isForm ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, json: text ? JSON.parse(text) : null };
    },
    create: (body, headers = {}) =>
      data.ask('POST', '/v1/tasks', { model: 'sandbox', size: '64x64', ...body }, headers),
    ended: (limitMs = 60_000) =>
      until(
        async () => {
          const tasks: Wire[] = [];
          for (let cursor = ''; ; ) {
            const { json } = await data.ask('GET', `/v1/tasks?limit=100${cursor && `&cursor=${cursor}`}`);
            tasks.push(...json.data);
            if (json.next_cursor === null) break;
            cursor = json.next_cursor;
          }
          return tasks.every(({ finished_at }) => finished_at !== null) ? tasks : null;
        },
        { limitMs, what: 'the end of every task' },
      ),
    async examine() {
      const { json } = await data.ask('POST', '/v1/admin/doctor', { deep: true });
      const wrong = json.checks.filter(({ state }: { state: string }) => state === 'error');
      if (wrong.length > 0) throw new Error(JSON.stringify(wrong, null, 2));
    },
    async jobs() {
      return (await readJobLog(join(dataDir, 'sandbox'))).map(({ client_ref }) => client_ref);
    },
  };
  return data;
}
