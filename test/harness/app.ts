// The whole program for a test: real app, real database in a folder of its own, on a free port. Any answer that does not
// fit its own schema fails the test that closes it.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, createApp } from '../../src/app.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { loadConfig } from '../../src/kernel/config.ts';
import { createMemoryLogger, type MemoryLogger } from '../../src/kernel/log.ts';
import type { ProviderEntry } from '../../src/providers/providers.ts';
import { postgresServer } from './postgres.ts';
import { MIGRATED_DATABASE } from './postgres-template.ts';
import { copyMigratedDatabase } from './sqlite-template.ts';

export const ADMIN_KEY = 'dbk_test-admin-key-of-more-than-enough-length';

export interface TestAppOptions {
  /** Names and values as in the process environment. */
  env?: Record<string, string>;
  sandbox?: { instantPicture?: boolean; paintDelayMs?: number };
  providers?: readonly ProviderEntry[];
  clock?: Clock;
  /** The machine's own clock, where the database's is the one that counts. */
  machineClock?: Clock;
  database?: 'sqlite' | 'postgres';
  /** Use and keep this folder instead of a temporary one. */
  dataDir?: string;
}

export interface TestApp {
  app: App;
  url: string;
  adminKey: string;
  dataDir: string;
  /** Where the database is PostgreSQL. */
  databaseUrl: string | null;
  log: MemoryLogger;
  /** A call as admin, unless `headers` say otherwise; JSON in, whatever comes out. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<TestAnswer>;
  close(): Promise<void>;
}

export interface TestAnswer {
  status: number;
  headers: Headers;
  bytes: Uint8Array;
  text: string;
  /** Parsed when the answer is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  json: any;
}

/** Starts the app; close it in `after` or `finally`. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'drawbridge-app-'));
  const removeNow = () => {
    if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
  };
  process.once('exit', removeNow);
  const database = options.database === 'postgres' ? await postgresDatabase() : null;
  const env = {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_PORT: '0',
    DRAWBRIDGE_ADMIN_KEY: ADMIN_KEY,
    DRAWBRIDGE_LIMITS_REQUESTS_PER_MINUTE: '1000000',
    ...(database ? { DATABASE_URL: database.url } : {}),
    ...options.env,
  };
  const { config, problems } = loadConfig({ env, cwd: dataDir });
  if (!config) throw new Error(`The test's configuration is wrong: ${JSON.stringify(problems)}`);
  // A folder that a test brings may be one to be started in from nothing.
  if (!database && !options.dataDir) await copyMigratedDatabase(dataDir);
  const log = createMemoryLogger();
  const mismatches: unknown[] = [];
  const app = await createApp({
    config,
    log,
    onAnswerMismatch: (detail) => mismatches.push(detail),
    ...(options.clock ? { clock: options.clock } : {}),
    ...(options.machineClock ? { machineClock: options.machineClock } : {}),
    ...(options.sandbox ? { sandbox: options.sandbox } : {}),
    ...(options.providers ? { providers: options.providers } : {}),
  });
  const port = await app.listen();
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    url,
    adminKey: ADMIN_KEY,
    dataDir,
    databaseUrl: database?.url ?? null,
    log,
    request: (method, path, body, headers = {}) => call(`${url}${path}`, method, body, headers),
    async close() {
      await app.close();
      await database?.drop();
      process.off('exit', removeNow);
      removeNow();
      assert.deepEqual(mismatches, [], 'answers that do not fit their own schema');
    },
  };
}

async function call(
  url: string,
  method: string,
  body: unknown,
  headers: Record<string, string>,
): Promise<TestAnswer> {
  const isRaw = typeof body === 'string' || body instanceof FormData || body instanceof Uint8Array;
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${ADMIN_KEY}`,
      ...(body !== undefined && !isRaw ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
  });
  return readAnswer(response);
}

/** Reads an answer to its end. */
export async function readAnswer(response: Response): Promise<TestAnswer> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  const text = new TextDecoder().decode(bytes);
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    bytes,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : null,
  };
}

async function postgresDatabase() {
  const server = await postgresServer();
  const name = await server.createDatabase(MIGRATED_DATABASE);
  return { url: server.url(name), drop: () => server.dropDatabase(name) };
}
