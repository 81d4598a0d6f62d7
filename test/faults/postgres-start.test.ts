// A server that starts while its database does not answer: it says so, waits, and goes on by itself.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { openPatiently } from '../../src/kernel/db-patience.ts';
import { AppError } from '../../src/kernel/errors.ts';
import { createMemoryLogger } from '../../src/kernel/log.ts';
import { startServerProcess } from '../chaos/server-process.ts';
import { FakeClock, until } from '../harness/clock.ts';
import { FaultProxy } from '../harness/fault-proxy.ts';
import { postgresServer, postgresUnavailable } from '../harness/postgres.ts';
import { MIGRATED_DATABASE } from '../harness/postgres-template.ts';

const cwd = mkdtempSync(join(tmpdir(), 'drawbridge-pg-start-'));
after(() => rmSync(cwd, { recursive: true, force: true }));

const LONGEST_MS = 60_000;

test('a database that is away is tried until the time is over, one that is set up wrongly only once', async () => {
  const away = new AppError('database_unavailable', { detail: 'away', retryAfterS: 2 });
  const wrong = new AppError('database_unavailable', { detail: 'wrong' });
  for (const [error, least, most] of [
    [away, 10, 30],
    [wrong, 1, 1],
  ] as const) {
    const clock = new FakeClock();
    const log = createMemoryLogger();
    let tries = 0;
    let end: unknown = null;
    const open = async () => {
      tries += 1;
      throw error;
    };
    openPatiently(open, { clock, log, longestMs: LONGEST_MS }).catch((reason) => {
      end = reason;
    });
    await until(() => end, { clock, stepMs: 500 });
    assert.equal(end, error);
    assert.ok(tries >= least && tries <= most, `${tries} tries`);
    assert.ok(clock.monotonicMs() <= LONGEST_MS + 5_000);
    assert.equal(log.records.length, tries - 1);
  }
});

describe('serve on PostgreSQL', { skip: postgresUnavailable() ?? false }, () => {
  test('X5 waits with a line for each try until the server is there; a wrong address ends it with exit code 6', async () => {
    const server = await postgresServer();
    const database = await server.createDatabase(MIGRATED_DATABASE);
    const proxy = await FaultProxy.start({ path: join(server.socketDir, '.s.PGSQL.5432') });
    proxy.faults = { refuse: true };
    const start = (name: string) =>
      startServerProcess({
        cwd,
        env: {
          DATABASE_URL: `postgres://postgres@127.0.0.1:${proxy.port}/${name}`,
          DRAWBRIDGE_PORT: '0',
        },
      });
    const patient = start(database);
    await until(() => patient.stdout().includes('the database cannot be used yet'), { limitMs: 30_000 });
    proxy.faults = {};
    await patient.ready;
    await patient.kill('SIGTERM');
    const wrong = start('missing');
    assert.equal((await wrong.closed).code, 6);
    assert.match(wrong.stderr(), /does not exist/);
    await proxy.close();
    await server.dropDatabase(database);
  });
});
