// Scheduled backups on a turned clock: when they are due, that one of several nodes makes each, that failures are tried again,
// and that what the server copies can be verified.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startTestApp } from '../../test/harness/app.ts';
import { FakeClock, until } from '../../test/harness/clock.ts';
import { type DatabaseKind, databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { loadConfig } from '../kernel/config.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import { verifyBackup } from './backup.ts';
import { BackupSchedule, lastDue, nextDue } from './backup-schedule.ts';
import { BACKUP_RUNS, claimBackup, noteBackupRun } from './backup-store.ts';
import type { BackupJob, BackupOutcome } from './backup-worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'drawbridge-schedule-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STEP_MS = 5 * MINUTE_MS;
const at = (text: string) => new Date(text).getTime();

test('a daily time and a distance: when a backup was due, and when the next is', () => {
  const daily = { kind: 'daily', minuteOfDay: 3 * 60 + 30 } as const;
  // In the machine's own time, as the setting is.
  assert.equal(lastDue(daily, at('2026-05-10T10:00:00'), null), at('2026-05-10T03:30:00'));
  assert.equal(lastDue(daily, at('2026-05-10T03:29:59'), null), at('2026-05-09T03:30:00'));
  assert.equal(nextDue(daily, at('2026-05-10T03:30:00'), null), at('2026-05-11T03:30:00'));
  assert.equal(nextDue(daily, at('2026-05-10T03:00:00'), null), at('2026-05-10T03:30:00'));
  const sixHours = { kind: 'interval', intervalMs: 6 * HOUR_MS } as const;
  assert.equal(lastDue(sixHours, 7 * HOUR_MS, null), 7 * HOUR_MS);
  assert.equal(lastDue(sixHours, 7 * HOUR_MS, 2 * HOUR_MS), null);
  assert.equal(lastDue(sixHours, 8 * HOUR_MS, 2 * HOUR_MS), 8 * HOUR_MS);
  assert.equal(nextDue(sixHours, 7 * HOUR_MS, 2 * HOUR_MS), 8 * HOUR_MS);
});

test('a schedule without a folder, and one that is none, are refused with their name', () => {
  const problems = (env: Record<string, string>) => loadConfig({ env, cwd: folder }).problems;
  assert.match(
    JSON.stringify(problems({ DRAWBRIDGE_BACKUP_SCHEDULE: '03:30' })),
    /DRAWBRIDGE_BACKUP_FOLDER .*must be set/,
  );
  assert.match(
    JSON.stringify(problems({ DRAWBRIDGE_BACKUP_SCHEDULE: '25:00', DRAWBRIDGE_BACKUP_FOLDER: '/b' })),
    /time of day such as 03:30/,
  );
});

const reportOf = (id: string): BackupOutcome => ({
  report: {
    id,
    createdAt: '2026-01-01T00:00:00.000Z',
    version: '0',
    database: 'sqlite',
    databaseBytes: 10,
    files: 3,
    bytes: 90,
    missing: 0,
    hasSecretsKey: false,
    folder: '/b',
    copiedFiles: 3,
    copiedBytes: 90,
    keptFiles: 0,
    leftOutKey: false,
    missingKeys: [],
    prunedFiles: 0,
    seconds: 1,
  },
});

async function twoNodes(kind: DatabaseKind) {
  const opened = await openTestDb(kind);
  const { db } = opened;
  const clock = new FakeClock(at('2026-05-10T10:00:00'));
  const env = { DRAWBRIDGE_BACKUP_SCHEDULE: '6h', DRAWBRIDGE_BACKUP_FOLDER: join(folder, 'b') };
  const { config } = loadConfig({ env, cwd: folder });
  assert.ok(config);
  const jobs: BackupJob[] = [];
  let answer: () => Promise<BackupOutcome> = async () => reportOf(`run-${jobs.length}`);
  const copy = (job: BackupJob) => {
    jobs.push(job);
    return answer();
  };
  const nodes = [0, 1].map(
    () => new BackupSchedule({ config, db, clock, log: createMemoryLogger({ clock }), copy }),
  );
  const [first, second] = nodes;
  assert.ok(first && second);
  return {
    db,
    clock,
    jobs,
    first,
    second,
    answerWith(next: () => Promise<BackupOutcome>) {
      answer = next;
    },
    /** Some minutes at a time, each look to its end. */
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += STEP_MS) {
        clock.advance(STEP_MS);
        for (const node of nodes) {
          await node.overview();
          await node.settled();
        }
      }
    },
    async close() {
      for (const node of nodes) node.close();
      await opened.close();
    },
  };
}

for (const { kind, skip } of databaseKinds())
  test(`${kind}: one node of two makes each backup, and the record says how it ended`, { skip }, async () => {
    const world = await twoNodes(kind);
    try {
      world.first.start();
      world.second.start();
      await world.pass(5 * MINUTE_MS);
      assert.equal(world.jobs.length, 1, 'the first at the start, once');
      assert.equal(world.jobs[0]?.keep, 7);
      await world.pass(6 * HOUR_MS + 5 * MINUTE_MS);
      assert.equal(world.jobs.length, 2);
      const { runs, nextAt } = await world.second.overview();
      assert.deepEqual(
        runs.map(({ state, id, bytes, trigger }) => ({ state, id, bytes, trigger })),
        [
          { state: 'done', id: 'run-2', bytes: 100, trigger: 'schedule' },
          { state: 'done', id: 'run-1', bytes: 100, trigger: 'schedule' },
        ],
      );
      assert.ok(nextAt && nextAt > world.clock.now());
    } finally {
      await world.close();
    }
  });

test('a backup that failed is tried again after an hour, and one that died with its process too', async () => {
  const world = await twoNodes('sqlite-inline');
  try {
    world.answerWith(async () => ({ fault: 'no_space', detail: '/b is full' }));
    world.first.start();
    await world.pass(5 * MINUTE_MS);
    assert.equal(world.jobs.length, 1);
    assert.equal((await world.first.overview()).runs[0]?.error, 'no_space: /b is full');
    await world.pass(50 * MINUTE_MS);
    assert.equal(world.jobs.length, 1, 'not before its hour');
    world.answerWith(async () => reportOf('second'));
    await world.pass(15 * MINUTE_MS);
    assert.equal((await world.first.overview()).runs[0]?.id, 'second');

    const now = world.clock.now();
    const died = { startedAt: now, endedAt: null, state: 'running', trigger: 'schedule' };
    const name = `${BACKUP_RUNS}${String(now).padStart(15, '0')}`;
    await world.db.write(claimBackup, { dueAt: Number.MAX_SAFE_INTEGER, now, owner: 'dead' });
    await world.db.write(noteBackupRun, { name, at: now, ok: 1, note: JSON.stringify(died) });
    await assert.rejects(world.second.begin(), /being made already/);
    await world.pass(10 * MINUTE_MS);
    const [dead] = (await world.first.overview()).runs;
    assert.equal(dead?.state, 'failed');
    assert.match(dead?.error ?? '', /stopped while it ran/);
    assert.equal(world.jobs.length, 2);
    await world.pass(55 * MINUTE_MS);
    assert.equal(world.jobs.length, 3);
  } finally {
    await world.close();
  }
});

test('the server makes a backup by itself that can be verified, and lists it', async () => {
  const to = join(folder, 'real');
  const app = await startTestApp({ env: { DRAWBRIDGE_BACKUP_FOLDER: to } });
  try {
    const begun = await app.request('POST', '/v1/admin/backups');
    assert.equal(begun.status, 202, begun.text);
    const listed = await until(
      async () => {
        const { json } = await app.request('GET', '/v1/admin/backups');
        return json.data[0]?.state === 'running' ? null : json;
      },
      { what: 'the end of the backup' },
    );
    assert.equal(listed.data[0].state, 'done', JSON.stringify(listed));
    assert.equal(listed.next_at, null);
    const verified = await verifyBackup({ folder: to, onProgress: () => {} }, listed.data[0].backup);
    assert.equal(verified.problemCount, 0);
    const status = await app.request('GET', '/v1/admin/status');
    assert.ok(
      status.json.maintenance.some(({ job, ok }: { job: string; ok: boolean }) => job === 'backup' && ok),
    );
  } finally {
    await app.close();
  }
  const without = await startTestApp();
  const refused = await without.request('POST', '/v1/admin/backups');
  assert.equal(refused.status, 409);
  assert.match(refused.json.fix, /DRAWBRIDGE_BACKUP_FOLDER/);
  await without.close();
});
