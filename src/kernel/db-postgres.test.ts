// What only a database server can do to us: collide, lose an answer, hang, die, come back, be restored elsewhere.
import assert from 'node:assert/strict';
import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import pg from 'pg';
import { migratedTemplate } from '../../test/harness/database.ts';
import * as writes from '../../test/harness/db-writes.ts';
import { type PostgresServer, postgresServer, postgresUnavailable } from '../../test/harness/postgres.ts';
import { type Db, type DbLog, silentLog } from './db.ts';
import { openPostgresDb } from './db-postgres.ts';
import { COMMIT_UNKNOWN } from './db-postgres-errors.ts';
import { AppError } from './errors.ts';
import { latestCursor, oldestWaitingEventMs, readEvents } from './outbox.ts';

/** The promise to callers: no database, an answer within two seconds. */
const ANSWER_WITHIN_MS = 2_000;

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function freshDatabase(): Promise<{ server: PostgresServer; name: string }> {
  const server = await postgresServer();
  const name = await server.createDatabase(await migratedTemplate());
  cleanups.push(() => server.dropDatabase(name));
  return { server, name };
}

async function open(url: string, options: { poolSize?: number; log?: DbLog } = {}): Promise<Db> {
  const db = await openPostgresDb({ url, ...options });
  cleanups.push(() => db.close());
  return db;
}

async function withItems(options: { poolSize?: number; log?: DbLog } = {}) {
  const { server, name } = await freshDatabase();
  const db = await open(server.url(name), options);
  await db.write(writes.createItems, null);
  return { server, name, db };
}

const item = (id: string, amount = 0) => ({ id, amount, note: null });

async function amounts(db: Db): Promise<Record<string, number>> {
  const rows = await db.read.selectFrom('items').select(['id', 'amount']).execute();
  return Object.fromEntries(rows.map((row) => [row.id, row.amount]));
}

function unavailable(detail: RegExp | string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, 'database_unavailable');
    if (typeof detail === 'string') assert.equal(error.message, detail);
    else assert.match(error.message, detail);
    return true;
  };
}

async function answersInTime(running: () => Promise<unknown>, detail: RegExp): Promise<void> {
  const startedMs = performance.now();
  await assert.rejects(running, unavailable(detail));
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < ANSWER_WITHIN_MS, `it took ${Math.round(tookMs)} ms`);
}

type Fault = 'none' | 'stall' | 'lose-commit-answer';

/** A way to the server that can stall, or swallow the answer to a COMMIT and hang up. */
async function startProxy(server: PostgresServer) {
  const proxy = { fault: 'none' as Fault, url: (_database: string) => '' };
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const upstream = connectSocket(join(server.socketDir, '.s.PGSQL.5432'));
    let committed = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.on('data', (data) => {
      if (proxy.fault === 'stall') return;
      committed = proxy.fault === 'lose-commit-answer' && data.includes('commit\0');
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (proxy.fault === 'stall') return;
      if (committed) client.destroy();
      else client.write(data);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => listener.close(resolve));
  });
  const address = listener.address();
  assert.ok(address && typeof address === 'object');
  proxy.url = (database) => `postgres://postgres@127.0.0.1:${address.port}/${database}`;
  return proxy;
}

describe('state layer on a PostgreSQL server that fails', { skip: postgresUnavailable() ?? false }, () => {
  test('a deadlock is resolved by running the victim again', async () => {
    const { server, name } = await freshDatabase();
    await server.query(`alter database ${name} set deadlock_timeout = '20ms'`);
    const db = await open(server.url(name));
    await db.write(writes.createItems, null);
    for (const id of ['a', 'b']) await db.write(writes.addItem, item(id));
    await Promise.all([
      db.write(writes.incrementBoth, { first: 'a', second: 'b' }),
      db.write(writes.incrementBoth, { first: 'b', second: 'a' }),
    ]);
    assert.deepEqual(await amounts(db), { a: 2, b: 2 });
  });

  test('a lost answer to COMMIT is reported as unknown, and the write is not run again', async () => {
    const { server, name } = await freshDatabase();
    const proxy = await startProxy(server);
    const db = await open(proxy.url(name));
    await db.write(writes.createItems, null);
    await db.write(writes.addItem, item('n'));
    proxy.fault = 'lose-commit-answer';
    await assert.rejects(db.write(writes.increment, { id: 'n' }), unavailable(COMMIT_UNKNOWN));
    proxy.fault = 'none';
    assert.deepEqual(await amounts(db), { n: 1 });
  });

  test('a server that hangs gives database_unavailable in under two seconds, and is used again when it answers', async () => {
    const { server, name } = await freshDatabase();
    const proxy = await startProxy(server);
    const db = await open(proxy.url(name));
    await db.write(writes.createItems, null);
    await db.write(writes.addItem, item('n'));
    proxy.fault = 'stall';
    await Promise.all([
      answersInTime(() => db.write(writes.increment, { id: 'n' }), /does not answer/),
      answersInTime(() => amounts(db), /does not answer/),
      answersInTime(() => db.slow.selectFrom('items').selectAll().execute(), /does not answer/),
    ]);
    proxy.fault = 'none';
    await db.write(writes.increment, { id: 'n' });
    assert.deepEqual(await amounts(db), { n: 1 });
  });

  test('a slow statement on a living server is not taken for a dead one', async () => {
    const { db } = await withItems();
    await db.write(writes.runSql, { text: 'select pg_sleep(1.6)' });
  });

  test('a server that crashes and comes back costs errors in time, never the process', async () => {
    const { server, db } = await withItems();
    await db.write(writes.addItem, item('n'));
    await server.kill();
    await answersInTime(
      () => db.write(writes.increment, { id: 'n' }),
      /does not answer|stopping or starting/,
    );
    await answersInTime(() => amounts(db), /does not answer|stopping or starting/);
    await server.start();
    assert.equal(await db.write(writes.increment, { id: 'n' }), 1);
  });

  test('no free connection gives database_unavailable in under two seconds', async () => {
    const { db } = await withItems({ poolSize: 1 });
    const long = db.write(writes.runSql, { text: 'select pg_sleep(1.9)' });
    await answersInTime(() => db.write(writes.addItem, item('a')), /does not answer/);
    await long;
    await db.write(writes.addItem, item('a'));
  });

  test('a server that cannot be reached is said so at opening', async () => {
    await answersInTime(
      () => openPostgresDb({ url: 'postgres://postgres@127.0.0.1:1/none' }),
      /does not answer/,
    );
    const server = await postgresServer();
    await answersInTime(() => openPostgresDb({ url: server.url('missing') }), /does not exist/);
  });

  test('idle connections may be cut: they are replaced, and listeners are called since they may have missed something', async () => {
    let lost = () => {};
    const cut = new Promise<void>((resolve) => {
      lost = resolve;
    });
    const { server, name, db } = await withItems({ log: { ...silentLog, warn: () => lost() } });
    const called = new Promise<void>((resolve) => db.onSignal('tasks', resolve));
    await server.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and pid <> pg_backend_pid()`,
    );
    await cut;
    await called;
    await db.write(writes.addItem, item('a'));
    assert.deepEqual(await amounts(db), { a: 0 });
  });

  test('signals reach the other nodes', async () => {
    const { server, name, db } = await withItems();
    const other = await open(server.url(name));
    const heard = Promise.all(
      ['tasks', 'credits'].map((channel) => new Promise<void>((resolve) => other.onSignal(channel, resolve))),
    );
    db.signal('tasks');
    db.signal('credits');
    await heard;
  });

  test('commits wait for the disk even where the server’s default says otherwise', async () => {
    const { server, name } = await freshDatabase();
    await server.query(`alter database ${name} set synchronous_commit = off`);
    const db = await open(server.url(name));
    assert.deepEqual(await db.write(writes.runSql, { text: 'show synchronous_commit' }), [
      { synchronous_commit: 'on' },
    ]);
  });

  test('events wait for an older transaction that still runs, which the lag shows', async () => {
    const { server, name, db } = await withItems();
    const older = new pg.Client({ connectionString: server.url(name) });
    await older.connect();
    await older.query('begin');
    await older.query('select pg_current_xact_id()');
    await db.write(writes.emit, { entityId: 'e', count: 1 });
    assert.deepEqual(await readEvents(db.read, { after: null, limit: 10 }), []);
    assert.equal(await latestCursor(db.read), null);
    assert.equal(await oldestWaitingEventMs(db.read), 5_000);
    await older.query('commit');
    await older.end();
    assert.equal((await readEvents(db.read, { after: null, limit: 10 })).length, 1);
    assert.equal(await oldestWaitingEventMs(db.read), null);
  });

  test('a database restored into a younger cluster goes on above its old change numbers', async () => {
    const { server, name, db } = await withItems();
    await db.write(writes.emit, { entityId: 'old', count: 1 });
    await server.query('update events set change = change + 5000000000', name);
    await db.close();
    const restored = await open(server.url(name));
    const cursor = await latestCursor(restored.read);
    assert.ok(cursor && cursor.change > 5_000_000_000);
    await restored.write(writes.emit, { entityId: 'new', count: 1 });
    const events = await readEvents(restored.read, { after: cursor, limit: 10 });
    assert.deepEqual(
      events.map((event) => event.entity_id),
      ['new'],
    );
  });
});
