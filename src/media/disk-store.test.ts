// The store on real disk: durability steps, hostile names and files, full and broken disks, missing volumes.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { DiskStore, MARKER_FILE } from './disk-store.ts';
import { isMediaKey, newMediaKey } from './media-store.ts';

const MAX_BYTES = 1024 * 1024;

async function* chunks(...parts: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof Error) throw part;
    yield part;
  }
}

const hasCode = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drawbridge-media-'));
});
after(() => rm(folder, { recursive: true, force: true }));

let count = 0;
async function freshStore(
  root = join(folder, `root${++count}`),
): Promise<{ store: DiskStore; root: string; marker: string }> {
  const store = new DiskStore({ root, clock: systemClock, verifyHash: true });
  return { store, root, marker: await store.attach(null) };
}

async function publishText(store: DiskStore, text: string): Promise<string> {
  const key = newMediaKey('png');
  await store.publish(await store.stage(chunks(Buffer.from(text)), { maxBytes: MAX_BYTES }), 'final', key);
  return key;
}

async function readAll(store: DiskStore, key: string): Promise<string> {
  const opened = await store.open('final', key);
  const parts: Buffer[] = [];
  for await (const part of opened.stream()) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

const stagedFiles = (root: string) => readdir(join(root, '.staging'));

describe('disk store', () => {
  test('keys hold 160 random bits, have one shape and never repeat', () => {
    const keys = new Set(Array.from({ length: 2000 }, () => newMediaKey('jpeg')));
    assert.equal(keys.size, 2000);
    for (const key of keys) assert.match(key, /^[a-z2-7]{32}\.jpg$/);
    assert.ok([...keys].every(isMediaKey));
  });

  test('R6: a published file has its bytes, its place and its hash; nothing is left in staging', async () => {
    const { store, root } = await freshStore();
    const staged = await store.stage(chunks(Buffer.from('ab'), Buffer.from('c')), { maxBytes: 3 });
    assert.equal(staged.bytes, 3);
    assert.equal(staged.sha256, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    const key = newMediaKey('png');
    await store.publish(staged, 'final', key);
    assert.equal(await readAll(store, key), 'abc');
    assert.equal((await readFile(join(root, 'final', key.slice(0, 2), key))).toString(), 'abc');
    assert.deepEqual(await stagedFiles(root), []);
    await store.remove('final', key);
    await assert.rejects(store.open('final', key), hasCode('not_found'));
    await store.probe();
  });

  test('D4 D2: over the cap or cut off, nothing is kept', async () => {
    const { store, root } = await freshStore();
    const flood = async function* () {
      for (let sent = 0; sent < 10_000_000_000; sent += 65_536) yield Buffer.alloc(65_536);
    };
    await assert.rejects(store.stage(flood(), { maxBytes: MAX_BYTES }), hasCode('payload_too_large'));
    await assert.rejects(
      store.stage(chunks(Buffer.from('half'), new Error('cut off')), { maxBytes: 99 }),
      /cut off/,
    );
    assert.deepEqual(await stagedFiles(root), []);
  });

  test('M1s: no name outside the shape of keys reaches a file', async () => {
    const { store, root } = await freshStore();
    await writeFile(join(root, 'canary'), 'secret');
    const corpus = [
      '../canary',
      '..%2fcanary',
      '%2e%2e/canary',
      '..\\canary',
      'canary\0.png',
      '/etc/passwd',
      '．．/canary',
      '',
      '.',
      MARKER_FILE,
      `${'a'.repeat(32)}.png/../../canary`,
      `${'A'.repeat(32)}.png`,
      'a'.repeat(5000),
    ];
    for (const key of corpus) {
      assert.equal(isMediaKey(key), false, key);
      await assert.rejects(store.open('final', key), hasCode('not_found'), key);
    }
    await assert.rejects(store.open('..' as 'final', newMediaKey('png')), hasCode('not_found'));
  });

  test('M2s: planted links, further hard links, FIFOs and directories are never opened', async () => {
    const { store, root } = await freshStore();
    const secret = join(folder, 'secret.txt');
    await writeFile(secret, 'secret');
    const plant = async (how: (path: string) => unknown) => {
      const key = await publishText(store, 'x');
      const path = join(root, 'final', key.slice(0, 2), key);
      await rm(path);
      await how(path);
      await assert.rejects(store.open('final', key), hasCode('not_found'));
    };
    await plant((path) => symlink(secret, path));
    await plant((path) => link(secret, path));
    await plant((path) => execFileSync('mkfifo', [path]));
    await plant((path) => mkdir(path));
    const key = await publishText(store, 'x');
    const group = join(root, 'final', key.slice(0, 2));
    await rename(group, join(folder, 'elsewhere'));
    await symlink(join(folder, 'elsewhere'), group);
    await assert.rejects(store.open('final', key), hasCode('not_found'));
  });

  test('F6: without the marker, or with another one, nothing is stored, swept, listed or removed', async () => {
    const { store, root, marker } = await freshStore();
    const staged = await store.stage(chunks(Buffer.from('x')), { maxBytes: 9 });
    await rm(join(root, MARKER_FILE));
    const key = newMediaKey('png');
    const calls: (() => Promise<unknown>)[] = [
      () => store.stage(chunks(Buffer.from('x')), { maxBytes: 9 }),
      () => store.publish(staged, 'final', key),
      () => store.remove('final', key),
      () => store.quarantine('final', key),
      () => store.sweep({ stagedMs: 0, quarantinedMs: 0 }),
      () => store.probe(),
      async () => {
        for await (const file of store.list()) assert.fail(file.key);
      },
    ];
    for (const call of calls) await assert.rejects(call, hasCode('storage_unavailable'));
    // An unmounted volume: the directory is there, but empty. The marker is not made a second time.
    await assert.rejects(store.attach(marker), hasCode('storage_unavailable'));
    await writeFile(join(root, MARKER_FILE), 'of-another-installation\n');
    await assert.rejects(store.attach(marker), hasCode('storage_unavailable'));
    for (const call of calls) await assert.rejects(call, hasCode('storage_unavailable'));
    await writeFile(join(root, MARKER_FILE), `${marker}\n`);
    assert.equal(await store.attach(marker), marker);
    await store.publish(staged, 'final', key);
    await assert.rejects(
      new DiskStore({ root: join(folder, 'gone'), clock: systemClock }).attach('id'),
      hasCode('storage_unavailable'),
    );
  });

  test('F6: two nodes that start on an empty volume agree on one marker', async () => {
    const root = join(folder, 'shared');
    const ids = await Promise.all(
      Array.from({ length: 8 }, () => freshStore(root).then(({ marker }) => marker)),
    );
    assert.equal(new Set(ids).size, 1);
  });

  test('quarantine hides at once; sweep deletes only what is older than asked', async () => {
    const { store, root } = await freshStore();
    const key = await publishText(store, 'x');
    await store.quarantine('final', key);
    await store.quarantine('final', key);
    await assert.rejects(store.open('final', key), hasCode('not_found'));
    const old = await store.stage(chunks(Buffer.from('x')), { maxBytes: 9 });
    const young = await store.stage(chunks(Buffer.from('x')), { maxBytes: 9 });
    await utimes(old.path, 1000, 1000);
    assert.deepEqual(await store.sweep({ stagedMs: 2_000_000, quarantinedMs: 2_000_000 }), {
      staged: 1,
      quarantined: 0,
    });
    assert.equal((await stat(young.path)).size, 1);
    const soon = systemClock.now() + 60_000;
    assert.deepEqual(await store.sweep({ stagedMs: 0, quarantinedMs: soon }), { staged: 0, quarantined: 1 });
    assert.deepEqual(await readdir(join(root, '.quarantine')), []);
  });

  test('a published key whose directory cannot be made keeps the staged bytes for another try', async () => {
    const { store, root } = await freshStore();
    const staged = await store.stage(chunks(Buffer.from('x')), { maxBytes: 9 });
    await rm(join(root, 'hd'), { recursive: true });
    await writeFile(join(root, 'hd'), 'a file in the way');
    await assert.rejects(store.publish(staged, 'hd', newMediaKey('png')), hasCode('storage_unavailable'));
    await store.publish(staged, 'final', newMediaKey('png'));
  });
});

describe('broken disks', () => {
  const mounted = join(tmpdir(), `drawbridge-full-${process.pid}`);
  const canMount = process.getuid?.() === 0 && process.platform === 'linux';

  test('F1: a full disk says storage_full, shows nothing, and goes on once there is space', {
    skip: !canMount && 'needs root to mount a small tmpfs',
  }, async (t) => {
    await mkdir(mounted, { recursive: true });
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', mounted]).status !== 0)
      return t.skip('mount is not allowed here');
    try {
      const store = new DiskStore({ root: mounted, clock: systemClock, minFreeBytes: 0 });
      await store.attach(null);
      await assert.rejects(
        store.stage(chunks(Buffer.alloc(300_000)), { maxBytes: MAX_BYTES }),
        hasCode('storage_full'),
      );
      assert.deepEqual(await stagedFiles(mounted), []);
      assert.deepEqual(await readdir(join(mounted, 'final')), []);
      await store.publish(
        await store.stage(chunks(Buffer.alloc(50_000)), { maxBytes: MAX_BYTES }),
        'final',
        newMediaKey('png'),
      );
      const reserve = new DiskStore({ root: mounted, clock: systemClock, minFreeBytes: 10_000_000 });
      await reserve.attach(null);
      await assert.rejects(reserve.stage(chunks(Buffer.from('x')), { maxBytes: 9 }), hasCode('storage_full'));
    } finally {
      spawnSync('umount', [mounted]);
      await rm(mounted, { recursive: true, force: true });
    }
  });

  test('F2: after EIO on fsync the file is abandoned, not visible and not trusted again', {
    skip: !hasStrace() && 'needs strace',
  }, async () => {
    const root = join(folder, 'eio');
    await freshStore(root);
    const script = `
      import { DiskStore } from ${JSON.stringify(new URL('./disk-store.ts', import.meta.url).href)};
      import { newMediaKey } from ${JSON.stringify(new URL('./media-store.ts', import.meta.url).href)};
      import { systemClock } from ${JSON.stringify(new URL('../kernel/clock.ts', import.meta.url).href)};
      const store = new DiskStore({ root: ${JSON.stringify(root)}, clock: systemClock });
      await store.attach(null);
      const staged = await store.stage((async function* () { yield Buffer.from('x'); })(), { maxBytes: 9 });
      const first = await store.publish(staged, 'final', newMediaKey('png')).catch((error) => error.code);
      const again = await store.publish(staged, 'final', newMediaKey('png')).catch((error) => error.code);
      console.log(first, again);`;
    // The first fsync is that of the new group directory's parent, the second that of the file.
    const args = [
      '-f',
      '-qq',
      '-o',
      '/dev/null',
      '-e',
      'trace=fsync',
      '-e',
      'inject=fsync:error=EIO:when=2',
      process.execPath,
      '--input-type=module',
      '-e',
      script,
    ];
    const run = spawnSync('strace', args, {
      encoding: 'utf8',
      env: { UV_THREADPOOL_SIZE: '1', PATH: process.env.PATH ?? '' },
    });
    assert.equal(run.stdout.trim(), 'storage_unavailable storage_unavailable', run.stderr);
    assert.deepEqual(await stagedFiles(root), []);
    const groups = await readdir(join(root, 'final'), { recursive: true });
    assert.ok(groups.every((name) => !name.endsWith('.png')));
  });
});

function hasStrace(): boolean {
  return spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;
}
