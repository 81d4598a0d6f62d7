// What only SQLite in a worker can suffer: a full disk, an ended group, a crash of worker or process, a second owner.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, test } from 'node:test';
import * as writes from '../../test/harness/db-writes.ts';
import type { Db } from './db.ts';
import { lockDataDir } from './db-lock.ts';
import { openInlineSqliteDb, openSqliteDb } from './db-sqlite.ts';
import { AppError } from './errors.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function tempDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'drawbridge-sqlite-'));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

async function open(dataDir: string): Promise<Db> {
  const db = await openSqliteDb({ dataDir });
  cleanups.push(() => db.close());
  return db;
}

async function itemIds(db: Db): Promise<string[]> {
  const rows = await db.slow.selectFrom('items').select('id').orderBy('id').execute();
  return rows.map((row) => row.id);
}

function refusedWith(code: string, detail: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, detail);
    return true;
  };
}

const item = (id: string, note: string | null = null) => ({ id, amount: 1, note });

function mountTinyDisk(directory: string, sizeBytes: number): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeBytes}`, 'tmpfs', directory], { stdio: 'pipe' });
    cleanups.push(() => void execFileSync('umount', [directory]));
    return undefined;
  } catch {
    return 'a tmpfs cannot be mounted here (needs root)';
  }
}

test('a COMMIT on a full disk fails every member of its group, and the writer goes on after it', async (t) => {
  const directory = tempDir();
  const reason = mountTinyDisk(directory, 4 * 1024 * 1024);
  if (reason) return t.skip(reason);
  const dataDir = join(directory, 'data');
  const db = await open(dataDir);
  await db.write(writes.createItems, null);
  await db.write(writes.addItem, item('before'));
  const filler = join(directory, 'filler');
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(filler, Buffer.alloc(bavail * bsize));

  const note = 'x'.repeat(40_000);
  const outcomes = await Promise.allSettled(
    ['a', 'b', 'c'].map((id) => db.write(writes.addItem, item(id, note))),
  );
  for (const outcome of outcomes) {
    assert.equal(outcome.status, 'rejected');
    assert.ok(refusedWith('storage_full', /full; nothing was stored/)(outcome.reason));
  }
  assert.deepEqual(await itemIds(db), ['before']);

  rmSync(filler);
  await db.write(writes.addItem, item('after', note));
  assert.deepEqual(await itemIds(db), ['after', 'before']);
});

test('a database at its size limit fails as a full disk does, inline too', async () => {
  const db = await openInlineSqliteDb();
  await db.write(writes.createItems, null);
  await db.write(writes.runSql, { text: 'pragma max_page_count = 20' });
  const outcomes = await Promise.allSettled([
    db.write(writes.addItem, item('a')),
    db.write(writes.addItem, item('b', 'x'.repeat(400_000))),
  ]);
  assert.ok(refusedWith('storage_full', /full/)((outcomes[1] as PromiseRejectedResult).reason));
  await db.write(writes.runSql, { text: 'pragma max_page_count = 100000' });
  await db.write(writes.addItem, item('c', 'x'.repeat(400_000)));
  assert.ok((await itemIds(db)).includes('c'));
  await db.close();
});

for (const inline of [false, true]) {
  test(`a member that ends the transaction fails all before it, and those after it run (inline: ${inline})`, async () => {
    const db = inline ? await openInlineSqliteDb() : await open(tempDir());
    await db.write(writes.createItems, null);
    await db.write(writes.createPoison, null);
    const [before, poison, after] = await Promise.allSettled([
      db.write(writes.addItem, item('a')),
      db.write(writes.addItem, item('b', 'poison')),
      db.write(writes.addItem, item('c')),
    ]);
    assert.equal(before.status, 'rejected');
    assert.ok(refusedWith('database_unavailable', /shared with others.*Nothing was stored/)(before.reason));
    assert.match(String((poison as PromiseRejectedResult).reason), /poisoned/);
    assert.equal(after.status, 'fulfilled');
    assert.deepEqual(await itemIds(db), ['c']);
    await db.close();
  });
}

test('a crash of the writer rejects what is pending and everything later, and the directory can be opened again', async () => {
  const dataDir = tempDir();
  const db = await open(dataDir);
  await db.write(writes.createItems, null);
  const pending = await Promise.allSettled([
    db.write(writes.addItem, item('a')),
    db.write(writes.crash, null),
  ]);
  for (const outcome of pending) {
    assert.ok(refusedWith('database_unavailable', /has stopped/)((outcome as PromiseRejectedResult).reason));
  }
  await assert.rejects(
    db.write(writes.addItem, item('b')),
    refusedWith('database_unavailable', /has stopped/),
  );
  await db.close();
  assert.deepEqual(await itemIds(await open(dataDir)), []);
});

/** Starts the owner process and reads its acknowledged ids until `count` of them came. */
async function startOwner(
  dataDir: string,
  prefix: string,
  acknowledged: string[],
  count: number,
): Promise<ChildProcess> {
  const program = new URL('../../test/harness/db-owner-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, dataDir, prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanups.push(() => void child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('The owner process ended by itself')));
    lines.on('line', (line) => {
      acknowledged.push(line);
      if (acknowledged.length >= count) resolve();
    });
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await ended;
}

test('SIGKILL loses no acknowledged write, and frees the directory at once', async () => {
  const dataDir = tempDir();
  const acknowledged: string[] = [];
  for (const [round, prefix] of ['first', 'second'].entries()) {
    await kill(await startOwner(dataDir, prefix, acknowledged, (round + 1) * 300));
  }
  const db = await open(dataDir);
  const stored = new Set(await itemIds(db));
  assert.ok(acknowledged.length >= 600);
  assert.deepEqual(
    acknowledged.filter((id) => !stored.has(id)),
    [],
  );
});

test('a second process is refused with the owner’s pid and command', async () => {
  const dataDir = tempDir();
  const child = await startOwner(dataDir, 'first', [], 1);
  await assert.rejects(openSqliteDb({ dataDir }), (error) => {
    assert.ok(
      refusedWith('conflict', new RegExp(`in use by process ${child.pid} \\(.*db-owner-process\\.ts`))(error),
    );
    assert.match((error as AppError).options.fix ?? '', /DRAWBRIDGE_DATA_DIR/);
    return true;
  });
  await kill(child);
  await open(dataDir);
});

test('the lock is refused twice in one process too, and freed by close', async () => {
  const dataDir = tempDir();
  const db = await open(dataDir);
  await assert.rejects(
    openSqliteDb({ dataDir }),
    refusedWith('conflict', /This process has the data directory open/),
  );
  await db.close();
  assert.equal(existsSync(join(dataDir, 'drawbridge.pid')), false);
  // The log was folded into the file, so that a copy of drawbridge.db alone is a backup.
  assert.equal(existsSync(join(dataDir, 'drawbridge.db-wal')), false);
  await (await open(dataDir)).close();
});

test('nobody but its owner reads the database, whatever the folder and the umask allow', async () => {
  const dataDir = tempDir();
  chmodSync(dataDir, 0o755);
  const db = await open(dataDir);
  await db.write(writes.createItems, null);
  for (const name of ['drawbridge.db', 'drawbridge.db-wal', 'drawbridge.db-shm'])
    assert.equal(statSync(join(dataDir, name)).mode & 0o777, 0o600, name);
});

test('a data directory that cannot be made is named as such', () => {
  const dataDir = tempDir();
  writeFileSync(join(dataDir, 'file'), '');
  assert.throws(
    () => lockDataDir(join(dataDir, 'file')),
    refusedWith('storage_unavailable', /cannot be written/),
  );
});

test('a failed opening frees the lock', async () => {
  const dataDir = tempDir();
  mkdirSync(join(dataDir, 'drawbridge.db'));
  await assert.rejects(openSqliteDb({ dataDir }));
  rmSync(join(dataDir, 'drawbridge.db'), { recursive: true });
  await (await open(dataDir)).close();
});
