// Backups and restores with the whole program on both databases: what is copied, what is refused, what is found, and what
// must not go on by itself afterwards.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { startTestApp, type TestApp } from '../../test/harness/app.ts';
import { until } from '../../test/harness/clock.ts';
import { postgresServer, postgresUnavailable } from '../../test/harness/postgres.ts';
import { pictures, ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Config, loadConfig } from '../kernel/config.ts';
import { MARKER_FILE } from '../media/media.ts';
import { createBackup, listBackups, restoreBackup, verifyBackup } from './backup.ts';
import { libpqConnection } from './backup-postgres.ts';
import { CopyError, type CopyFault, type CopyWorld } from './contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-backup-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const fresh = (name: string) => join(folder, `${name}${++count}`);
const PLAIN = { includeSecrets: false, recheck: false, keep: null };
const failsWith = (fault: CopyFault) => (error: unknown) => {
  assert.ok(error instanceof CopyError, String(error));
  assert.equal(error.fault, fault, error.message);
  return true;
};

function configOf(dataDir: string, more: Record<string, string> = {}): Config {
  const { config, problems } = loadConfig({ env: { DRAWBRIDGE_DATA_DIR: dataDir, ...more }, cwd: '/' });
  return config ?? assert.fail(JSON.stringify(problems));
}

const world = (config: Config, target: string): CopyWorld => ({
  config,
  clock: systemClock,
  folder: target,
  onProgress() {},
});

async function make(app: TestApp, n = 2): Promise<{ id: string; keys: string[] }> {
  const { json, text } = await app.request(
    'POST',
    '/v1/tasks',
    { prompt: 'a bridge', model: 'sandbox', size: '64x64', n },
    { prefer: 'wait=30' },
  );
  assert.equal(json.status, 'succeeded', text);
  return { id: json.id, keys: json.images.map(({ url }: { url: string }) => url.split('/').at(-1)) };
}

const INSTANT = { sandbox: { instantPicture: true } } as const;
const backupFile = (target: string, key: string) =>
  globSync(join(target, 'media/*/*', key))[0] ?? assert.fail(`${key} is not in the backup`);
const deep = async (app: TestApp, fix = false) =>
  (await app.request('POST', '/v1/admin/doctor', { deep: true, fix })).json;
// biome-ignore lint/suspicious/noExplicitAny: a report as the API gives it
const finding = (report: any, id: string) => report.findings.find((one: { id: string }) => one.id === id);

describe('backup and restore', () => {
  const databases = [
    { kind: 'sqlite', skip: false },
    { kind: 'postgres', skip: postgresUnavailable() ?? false },
  ] as const;
  for (const { kind, skip } of databases) {
    test(`X12: a backup beside a running server is restored whole, and only what is new is copied again (${kind})`, {
      skip,
    }, async () => {
      const target = fresh('backup');
      const app = await startTestApp({ ...INSTANT, database: kind });
      const url: Record<string, string> = app.databaseUrl === null ? {} : { DATABASE_URL: app.databaseUrl };
      const config = configOf(app.dataDir, { ...url, DRAWBRIDGE_ADMIN_KEY: app.adminKey });
      const first = await make(app);
      const one = await createBackup(world(config, target), PLAIN);
      assert.deepEqual([one.files, one.copiedFiles, one.missing], [4, 4, 0]);
      // Everything goes on while the second one is made.
      const [second, two] = await Promise.all([make(app, 1), createBackup(world(config, target), PLAIN)]);
      assert.ok(two.keptFiles >= 4);
      const three = await createBackup(world(config, target), PLAIN);
      assert.deepEqual([three.files, three.keptFiles + three.copiedFiles], [6, 6]);
      assert.deepEqual(
        (await listBackups(target)).map(({ id }) => id),
        [three.id, two.id, one.id],
      );
      for (const { id } of [one, two, three])
        assert.deepEqual((await verifyBackup(world(config, target), id)).problems, []);
      const written = readFileSync(join(target, 'backups', three.id, 'configuration.json'), 'utf8');
      assert.equal(written.includes(app.adminKey), false);
      assert.equal(JSON.parse(written).dataDir, app.dataDir);
      await app.close();

      const place = fresh('restored');
      const server = kind === 'postgres' ? await postgresServer() : null;
      const empty = server ? await server.createDatabase() : '';
      const env: Record<string, string> = server ? { DATABASE_URL: server.url(empty) } : {};
      const report = await restoreBackup(world(configOf(place, env), target), {
        id: null,
        databaseOnly: false,
      });
      assert.deepEqual([report.id, report.restoredFiles, report.lostFiles], [three.id, 6, 0]);
      const again = await startTestApp({ ...INSTANT, dataDir: place, env });
      try {
        const examined = await deep(again);
        assert.equal(examined.ok, true, JSON.stringify(examined.findings));
        for (const key of [...first.keys, ...second.keys])
          assert.equal((await again.request('GET', `/media/final/${key}`)).status, 200, key);
        assert.equal((await again.request('GET', `/v1/tasks/${first.id}`)).json.status, 'succeeded');
        await make(again, 1);
        await assert.rejects(
          restoreBackup(world(configOf(place, env), target), { id: null, databaseOnly: false }),
          failsWith('not_empty'),
        );
        const other = { ...env, DRAWBRIDGE_DATA_DIR: fresh('other') };
        if (server)
          await assert.rejects(
            restoreBackup(world(configOf(fresh('other'), other), target), { id: null, databaseOnly: false }),
            failsWith('not_empty'),
          );
      } finally {
        await again.close();
        await server?.dropDatabase(empty);
      }
    });
  }

  test('X12: pictures that the restored database does not know are listed and kept until the operator says so', async () => {
    const target = fresh('backup');
    const dataDir = fresh('data');
    const root = fresh('media');
    const env = { DRAWBRIDGE_MEDIA_ROOT: root };
    const app = await startTestApp({ ...INSTANT, dataDir, env });
    const old = await make(app, 1);
    await createBackup(world(configOf(dataDir, env), target), PLAIN);
    const newer = await make(app, 2);
    await app.close();
    // The disk of the database is lost, that of the pictures is not: the database is older than they are.
    await rm(dataDir, { recursive: true });
    const config = configOf(dataDir, env);
    await assert.rejects(
      restoreBackup(world(config, target), { id: null, databaseOnly: false }),
      failsWith('not_empty'),
    );
    await restoreBackup(world(config, target), { id: null, databaseOnly: true });
    const again = await startTestApp({ ...INSTANT, dataDir, env });
    try {
      const report = await deep(again, true);
      const strays = finding(report, 'M3').evidence;
      for (const key of newer.keys) assert.ok(strays.includes(key), key);
      assert.ok(!strays.includes(old.keys[0]));
      assert.match(finding(report, 'M3').fixed, /restored from the backup/);
      assert.match(finding(report, 'restored').fixed, /only you can say/);
      const refused = await again.request('POST', '/v1/admin/gc');
      assert.equal(refused.json.code, 'conflict');
      assert.match(refused.json.fix, /gc --resume/);
      for (const key of newer.keys) assert.ok(existsSync(join(root, 'final', key.slice(0, 2), key)));
      assert.equal((await again.request('POST', '/v1/admin/gc', { resume: true })).status, 200);
      assert.equal((await again.request('POST', '/v1/admin/gc')).status, 200);
      assert.equal(finding(await deep(again), 'restored'), undefined);
    } finally {
      await again.close();
    }
  });

  test('X12: rows whose pictures are older or gone are listed; a whole restore is released by doctor --fix', async () => {
    const target = fresh('backup');
    const app = await startTestApp(INSTANT);
    const { keys } = await make(app, 2);
    const config = configOf(app.dataDir);
    await rm(join(config.media.root, 'final', (keys[0] ?? '').slice(0, 2), keys[0] ?? ''));
    const made = await createBackup(world(config, target), PLAIN);
    assert.deepEqual([made.missing, made.missingKeys], [1, [keys[0]]]);
    await app.close();
    writeFileSync(backupFile(target, keys[1] ?? ''), 'rotten');
    const verified = await verifyBackup(world(config, target), null);
    assert.deepEqual(verified.problems, [backupFile(target, keys[1] ?? '')]);

    const place = fresh('restored');
    const report = await restoreBackup(world(configOf(place), target), { id: null, databaseOnly: false });
    assert.deepEqual([...report.lostKeys].sort(), [...keys].sort());
    const again = await startTestApp({ ...INSTANT, dataDir: place });
    const found = await deep(again, true);
    assert.deepEqual([...finding(found, 'M2').evidence].sort(), [...keys].sort());
    assert.match(finding(found, 'restored').fixed, /only you can say/);
    await again.close();

    const whole = fresh('restored');
    const source = await startTestApp(INSTANT);
    await make(source, 1);
    const good = fresh('backup');
    await createBackup(world(configOf(source.dataDir), good), PLAIN);
    await source.close();
    await restoreBackup(world(configOf(whole), good), { id: null, databaseOnly: false });
    const last = await startTestApp({ ...INSTANT, dataDir: whole });
    assert.match(finding(await deep(last, true), 'restored').fixed, /collection goes on/);
    assert.equal((await last.request('POST', '/v1/admin/gc')).status, 200);
    await last.close();
  });

  test('X12 P1: what was unfinished at the backup is never sent a second time by itself', async () => {
    const provider = new ScriptedProvider({ capabilities: { lookup: false, idempotentSubmit: false } });
    let isHeld = true;
    provider.onPoll = async (call) =>
      isHeld
        ? { state: 'running', progress: 0.5, pollAfterMs: 10 }
        : { state: 'done', outputs: await pictures(call, call.request.n) };
    const providers = [{ adapter: provider, lane: { concurrency: 1, deadlineMs: 600_000 } }];
    const target = fresh('backup');
    const app = await startTestApp({ ...INSTANT, providers });
    const post = async () =>
      (await app.request('POST', '/v1/tasks', { prompt: 'a bridge', model: 'scripted' })).json.id;
    const running = await post();
    await until(() => provider.jobs.size === 1, { what: 'the first job' });
    const queued = await post();
    await createBackup(world(configOf(app.dataDir), target), PLAIN);
    isHeld = false;
    await until(() => provider.submits.length === 2, { what: 'the second job, after the backup' });
    await app.close();

    const place = fresh('restored');
    const report = await restoreBackup(world(configOf(place), target), { id: null, databaseOnly: false });
    assert.equal(report.unfinishedTasks, 2);
    const again = await startTestApp({ ...INSTANT, providers, dataDir: place });
    try {
      const status = async (id: string) => (await again.request('GET', `/v1/tasks/${id}`)).json.status;
      await until(async () => (await status(running)) === 'succeeded', { what: 'the job that was sent' });
      assert.equal((await again.request('GET', '/v1/admin/providers/scripted')).json.drained, true);
      assert.equal(await status(queued), 'queued');
      assert.equal(provider.submits.length, 2);
      const { evidence } = finding(await deep(again), 'restored');
      assert.ok(
        evidence.some((line: string) => line.includes(queued)),
        evidence,
      );
      await again.request('POST', '/v1/admin/providers/scripted/undrain');
      await until(async () => (await status(queued)) === 'succeeded', { what: 'what the operator released' });
      assert.equal(provider.submits.length, 3);
    } finally {
      await again.close();
    }
  });
});

describe('what backups refuse and survive', () => {
  let template: Promise<{ dataDir: string; keys: string[] }> | null = null;

  /** Data with two pictures, made once and copied for each test, and a backup of it. */
  async function smallBackup(): Promise<{ config: Config; target: string; keys: string[] }> {
    template ??= (async () => {
      const dataDir = fresh('template');
      const app = await startTestApp({ ...INSTANT, dataDir });
      const { keys } = await make(app, 2);
      await app.close();
      return { dataDir, keys };
    })();
    const { dataDir: original, keys } = await template;
    const dataDir = fresh('data');
    cpSync(original, dataDir, { recursive: true });
    const config = configOf(dataDir);
    const target = fresh('backup');
    await createBackup(world(config, target), PLAIN);
    return { config, target, keys };
  }

  test('places that hold something else, are inside the data, or have no data', async () => {
    const { config, target } = await smallBackup();
    const foreign = fresh('foreign');
    await mkdir(foreign);
    writeFileSync(join(foreign, 'thesis.txt'), '');
    const cases: [() => Promise<unknown>, CopyFault][] = [
      [() => createBackup(world(config, foreign), PLAIN), 'foreign_folder'],
      [() => createBackup(world(config, join(config.dataDir, 'backup')), PLAIN), 'inside_data'],
      [() => createBackup(world(configOf(fresh('none')), fresh('backup')), PLAIN), 'no_data'],
      [() => listBackups(foreign), 'no_backup'],
      [() => verifyBackup(world(config, target), '20000101-000000'), 'no_backup'],
      [() => restoreBackup(world(config, target), { id: '../..', databaseOnly: false }), 'no_backup'],
      [() => restoreBackup(world(configOf(foreign), target), { id: null, databaseOnly: false }), 'not_empty'],
      [
        () =>
          restoreBackup(world(configOf(fresh('pg'), { DATABASE_URL: 'postgres://localhost/x' }), target), {
            id: null,
            databaseOnly: false,
          }),
        'other_database',
      ],
    ];
    for (const [work, fault] of cases) await assert.rejects(work, failsWith(fault), fault);
  });

  test('F6: without its volume nothing is backed up', async () => {
    const { config, target } = await smallBackup();
    await rename(join(config.media.root, MARKER_FILE), join(config.media.root, 'elsewhere'));
    await assert.rejects(createBackup(world(config, target), PLAIN), failsWith('no_volume'));
    assert.equal((await listBackups(target)).length, 1);
  });

  test('what a cut off backup left does not count, and rotten copies are replaced where asked', async () => {
    const { config, target, keys } = await smallBackup();
    await mkdir(join(target, 'backups/.partial-20260101-000000'));
    const copy = backupFile(target, keys[0] ?? '');
    const whole = readFileSync(copy);
    const wrong = randomBytes(whole.length);
    writeFileSync(copy, wrong);
    await createBackup(world(config, target), PLAIN);
    assert.deepEqual(readFileSync(copy), wrong);
    const { copiedFiles } = await createBackup(world(config, target), { ...PLAIN, recheck: true });
    assert.equal(copiedFiles, 1);
    assert.deepEqual(readFileSync(copy), whole);
    assert.deepEqual(
      (await readdir(join(target, 'backups'))).filter((name) => name.startsWith('.')),
      [],
    );
  });

  test('F7: the scrubber takes a good copy from the last backup', async () => {
    const { config, keys } = await smallBackup();
    const key = keys[0] ?? '';
    const path = join(config.media.root, 'final', key.slice(0, 2), key);
    const whole = readFileSync(path);
    writeFileSync(path, randomBytes(whole.length));
    const app = await startTestApp({ ...INSTANT, dataDir: config.dataDir });
    try {
      const signal = new AbortController().signal;
      const step = await app.app.media.scrub({ afterKey: '', maxBytes: 1e12, bytesPerS: 1e12, signal });
      assert.deepEqual([step.damaged, step.restored], [[], [key]]);
      assert.deepEqual(readFileSync(path), whole);
    } finally {
      await app.close();
    }
  });

  test('old backups go, with the pictures that only they name', async () => {
    const { config, target, keys } = await smallBackup();
    const app = await startTestApp({ ...INSTANT, dataDir: config.dataDir });
    await make(app, 1);
    await app.close();
    const kept = await createBackup(world(config, target), { ...PLAIN, keep: 1 });
    assert.equal(kept.prunedFiles, 0);
    assert.deepEqual(
      (await listBackups(target)).map(({ id }) => id),
      [kept.id],
    );
    backupFile(target, keys[0] ?? '');
    writeFileSync(join(target, 'media/final', 'left-over.png'), '');
    const next = await createBackup(world(config, target), { ...PLAIN, keep: 1 });
    assert.equal(next.prunedFiles, 1);
    assert.deepEqual((await verifyBackup(world(config, target), null)).problems, []);
  });

  test('secrets.key is copied only where it is asked for, and comes back', async () => {
    const { config, target } = await smallBackup();
    const key = join(config.dataDir, 'secrets.key');
    writeFileSync(key, randomBytes(32).toString('base64'));
    await chmod(key, 0o600);
    const without = await createBackup(world(config, target), PLAIN);
    assert.deepEqual([without.hasSecretsKey, without.leftOutKey], [false, true]);
    assert.equal(existsSync(join(target, 'backups', without.id, 'secrets.key')), false);
    await createBackup(world(config, target), { ...PLAIN, includeSecrets: true });
    const place = fresh('restored');
    await restoreBackup(world(configOf(place), target), { id: null, databaseOnly: false });
    assert.deepEqual(readFileSync(join(place, 'secrets.key')), readFileSync(key));
  });

  test('X12: a half restored folder does not start, and the same restore goes on', async () => {
    const { target, keys } = await smallBackup();
    const place = fresh('restored');
    const note = join(place, 'restore-in-progress.json');
    const { id } = await restoreBackup(world(configOf(place), target), { id: null, databaseOnly: false });
    await rm(join(place, 'drawbridge.db'));
    await rm(join(place, 'media/final', (keys[0] ?? '').slice(0, 2), keys[0] ?? ''));
    writeFileSync(note, JSON.stringify({ backup: id }));
    await assert.rejects(startTestApp({ ...INSTANT, dataDir: place }), /its restore was cut off/);
    await restoreBackup(world(configOf(place), target), { id, databaseOnly: false });
    assert.equal(existsSync(note), false);
    const app = await startTestApp({ ...INSTANT, dataDir: place });
    assert.equal((await deep(app)).ok, true);
    await app.close();
  });

  test('a damaged database in the backup is refused before anything is touched', async () => {
    const { target } = await smallBackup();
    const [path = ''] = globSync(join(target, 'backups/*/database.sqlite'));
    const bytes = readFileSync(path);
    bytes.fill(0xff, 5000, 5100);
    writeFileSync(path, bytes);
    const place = fresh('restored');
    await assert.rejects(
      restoreBackup(world(configOf(place), target), { id: null, databaseOnly: false }),
      failsWith('broken'),
    );
    assert.equal(existsSync(place), false);
  });

  test('the password of a database never gets into a command line', () => {
    const { address, password } = libpqConnection(
      'postgres://me:p%40ss@db.example:5433/pictures?sslmode=no-verify&application_name=x&statement_timeout=5',
    );
    assert.equal(address, 'postgres://me@db.example:5433/pictures?sslmode=require');
    assert.equal(password, 'p@ss');
  });
});
