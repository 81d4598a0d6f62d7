// What only a database server can do to us: collide, lose an answer, hang, die, come back, be restored elsewhere.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import pg from 'pg';
import * as writes from '../../test/harness/db-writes.ts';
import { FaultProxy } from '../../test/harness/fault-proxy.ts';
import { type PostgresServer, postgresServer, postgresUnavailable } from '../../test/harness/postgres.ts';
import { MIGRATED_DATABASE } from '../../test/harness/postgres-template.ts';
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
  const name = await server.createDatabase(MIGRATED_DATABASE);
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

/** A way to the server that can be broken. */
async function startProxy(server: PostgresServer) {
  const proxy = await FaultProxy.start({ path: join(server.socketDir, '.s.PGSQL.5432') });
  cleanups.push(() => proxy.close());
  return Object.assign(proxy, {
    url: (database: string) => `postgres://postgres@127.0.0.1:${proxy.port}/${database}`,
  });
}

/** Opens through a proxy, with a row `n` to count in. */
async function withProxy(options: { log?: DbLog } = {}) {
  const { server, name } = await freshDatabase();
  const proxy = await startProxy(server);
  const db = await open(proxy.url(name), options);
  await db.write(writes.createItems, null);
  await db.write(writes.addItem, item('n'));
  return { server, name, proxy, db };
}

/** Resolves when a session of the database sleeps in a statement. */
async function untilSleeping(server: PostgresServer, name: string): Promise<void> {
  const sleeping = `select 1 from pg_stat_activity where datname = '${name}' and wait_event = 'PgSleep'`;
  while ((await server.query(sleeping)).length === 0);
}

const isCommit = (data: Buffer) => data.includes('commit\0');

describe('state layer on a PostgreSQL server that fails', { skip: postgresUnavailable() ?? false }, () => {
  test('H2 a deadlock is resolved by running the victim again', async () => {
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

  test('A5 a COMMIT whose answer is lost is found by its number: the write succeeds and is not run again', async () => {
    const { proxy, db } = await withProxy();
    let lost = 0;
    proxy.faults = {
      onData(data, direction, link) {
        if (direction === 'to-server' && isCommit(data)) link.note = 'committed';
        if (direction === 'to-server' || link.note !== 'committed') return 'deliver';
        lost += 1;
        return 'reset';
      },
    };
    assert.equal(await db.write(writes.increment, { id: 'n' }), 1);
    proxy.faults = {};
    assert.equal(lost, 1);
    assert.deepEqual(await amounts(db), { n: 1 });
  });

  test('A5 a COMMIT that never arrived is found to be aborted: the whole write is run again', async () => {
    const { proxy, db } = await withProxy();
    let cuts = 0;
    proxy.faults = {
      onData: (data, direction) =>
        direction === 'to-server' && isCommit(data) && cuts++ === 0 ? 'reset' : 'deliver',
    };
    assert.equal(await db.write(writes.increment, { id: 'n' }), 1);
    proxy.faults = {};
    assert.equal(cuts, 2);
    assert.deepEqual(await amounts(db), { n: 1 });
  });

  test('A5 where nobody can be asked, the answer is that it is not known, in under two seconds, and nothing is run again', async () => {
    const { proxy, db } = await withProxy();
    proxy.faults = {
      onData(data, direction, link) {
        if (direction === 'to-server' && isCommit(data)) {
          link.note = 'committed';
          return 'deliver';
        }
        if (direction === 'to-server' || link.note !== 'committed') return 'deliver';
        proxy.faults = { refuse: true };
        return 'reset';
      },
    };
    await answersInTime(() => db.write(writes.increment, { id: 'n' }), new RegExp(COMMIT_UNKNOWN));
    proxy.faults = {};
    assert.deepEqual(await amounts(db), { n: 1 });
  });

  test('A4 a server that hangs gives database_unavailable in under two seconds, and is used again when it answers', async () => {
    const { proxy, db } = await withProxy();
    proxy.faults = { blackHole: 'both' };
    await Promise.all([
      answersInTime(() => db.write(writes.increment, { id: 'n' }), /does not answer/),
      answersInTime(() => amounts(db), /does not answer/),
      answersInTime(() => db.slow.selectFrom('items').selectAll().execute(), /does not answer/),
    ]);
    proxy.faults = {};
    await db.write(writes.increment, { id: 'n' });
    assert.deepEqual(await amounts(db), { n: 1 });
  });

  test('a slow statement on a living server is not taken for a dead one', async () => {
    const { db } = await withItems();
    await db.write(writes.runSql, { text: 'select pg_sleep(1.6)' });
  });

  test('X5 a server that crashes and comes back costs errors in time, never the process', async () => {
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

  test('A4 no free connection gives database_unavailable in under two seconds', async () => {
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

  test('H2 a write that collides every time ends after a bounded number of attempts, with nothing stored', async () => {
    const { db } = await withItems();
    const startedMs = performance.now();
    await assert.rejects(db.write(writes.collide, { code: '40001' }), unavailable(/again and again/));
    assert.ok(performance.now() - startedMs < ANSWER_WITHIN_MS);
    await assert.rejects(db.write(writes.collide, { code: '40P01' }), unavailable(/again and again/));
    assert.deepEqual(await amounts(db), {});
  });

  test('X7 a connection that is cut in the middle of a write stores nothing of it, and the next write works', async () => {
    const { server, name, proxy, db } = await withProxy();
    proxy.faults = {
      onData: (data, direction) =>
        direction === 'to-server' && data.includes('update') ? 'reset' : 'deliver',
    };
    await answersInTime(() => db.write(writes.increment, { id: 'n' }), /does not answer|connection/);
    proxy.faults = {};
    const backends = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = '${name}' and pid <> pg_backend_pid()`;
    const cut = db.write(writes.addThenSleep, { ...item('half'), seconds: 5 });
    await Promise.all([
      assert.rejects(cut, unavailable(/stopping or starting|does not answer/)),
      untilSleeping(server, name).then(() => server.query(backends)),
    ]);
    assert.deepEqual(await amounts(db), { n: 0 });
    assert.equal(await db.write(writes.increment, { id: 'n' }), 1);
  });

  test('X7 a statement over its time limit and a transaction that stood still are rolled back as a whole', async () => {
    const { db } = await withItems();
    await assert.rejects(
      db.write(writes.addThenTimeOut, { ...item('slow'), limitMs: 50 }),
      unavailable(/too long/),
    );
    await assert.rejects(
      db.write(writes.addThenStall, { ...item('idle'), limitMs: 20, stallMs: 200 }),
      unavailable(/ended|does not answer|connection/),
    );
    assert.deepEqual(await amounts(db), {});
    await db.write(writes.addItem, item('a'));
  });

  test('Q5 a signal connection that the network dropped in silence is noticed, replaced, and hears again', async () => {
    let lost = () => {};
    const noticed = new Promise<void>((resolve) => {
      lost = resolve;
    });
    const { server, name, proxy, db } = await withProxy({ log: { ...silentLog, warn: () => lost() } });
    for (const link of proxy.links) link.isSilent = true;
    const startedMs = performance.now();
    await noticed;
    const woken = new Promise<void>((resolve) => db.onSignal('tasks', resolve));
    await woken;
    assert.ok(performance.now() - startedMs < 6_000, 'heartbeat, reconnect and wake-up');
    const other = await open(server.url(name));
    const heard = new Promise<void>((resolve) => db.onSignal('tasks', resolve));
    other.signal('tasks');
    await heard;
  });

  test('slow, sliced connections work; corrupt ones give errors, never wrong rows', async () => {
    const { proxy, db } = await withProxy();
    proxy.faults = { latencyMs: 5, sliceBytes: 7 };
    assert.equal(await db.write(writes.increment, { id: 'n' }), 1);
    proxy.faults = { resetAfter: { direction: 'to-client', bytes: 40 } };
    await assert.rejects(amounts(db), unavailable(/./));
    proxy.faults = {};
    assert.deepEqual(await amounts(db), { n: 1 });
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
