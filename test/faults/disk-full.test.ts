// The whole program on a volume that fills up: a picture that was paid for waits for room, and nothing is charged before it
// is stored.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTestApp, type TestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { pictures, ScriptedProvider } from '../harness/scripted-provider.ts';

const VOLUME_MB = 96;
const RESUME_LIMIT_MS = 30_000;
const GRANT = 100;
const PRICE = 2;
const canMount = process.getuid?.() === 0 && process.platform === 'linux';
const skip = canMount ? false : 'needs root to mount a small tmpfs';

let folder: string;
let app: TestApp;
const provider = new ScriptedProvider();

before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), 'drawbridge-full-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${VOLUME_MB}m`, 'tmpfs', folder]);
  assert.equal(mounted.status, 0, String(mounted.stderr));
  mkdirSync(join(folder, 'media'));
  provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, call.request.n) });
  app = await startTestApp({
    providers: [{ adapter: provider, lane: { concurrency: 4, deadlineMs: 600_000 } }],
    env: {
      DRAWBRIDGE_MEDIA_ROOT: join(folder, 'media'),
      DRAWBRIDGE_CREDITS_STARTING_GRANT: String(GRANT),
      DRAWBRIDGE_CREDITS_PRICES: `scripted=${PRICE}`,
    },
  });
});
after(async () => {
  if (skip) return;
  await app.close();
  spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});

/** Takes all the room there is. */
function fill(): string {
  const path = join(folder, 'filler');
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(path, Buffer.alloc(bavail * bsize));
  return path;
}

test('F1 G16: on a full disk a task waits with the reason, uncharged, and ends within 30 s of room coming back', {
  skip,
}, async () => {
  // While the job is at the provider the disk fills up.
  const held = Promise.withResolvers<void>();
  provider.onPoll = async (call) => {
    await held.promise;
    return { state: 'done', outputs: await pictures(call, call.request.n) };
  };
  const created = await app.request('POST', '/v1/tasks', { prompt: 'a bridge', model: 'scripted' });
  assert.equal(created.status, 202, created.text);
  const { id } = created.json;
  await until(async () => provider.submits.length === 1, { what: 'the submit' });
  const filler = fill();
  held.resolve();
  const get = async () => (await app.request('GET', `/v1/tasks/${id}`)).json;
  const waiting = await until(
    async () => {
      const task = await get();
      return task.waiting_reason === null ? null : task;
    },
    { what: 'the reason for waiting' },
  );
  assert.equal(waiting.status, 'running');
  assert.match(waiting.waiting_reason, /cannot be stored yet|free where pictures are kept|no space/i);
  assert.equal(waiting.cost.captured, 0);
  const unready = await until(
    async () => {
      const answer = await app.request('GET', '/readyz');
      return answer.status === 503 ? answer : null;
    },
    { what: 'the node to be unready' },
  );
  assert.match(unready.text, /store is not usable/);
  const upload = new FormData();
  upload.append('file', new Blob(['x'.repeat(100)]), 'a.png');
  assert.equal((await app.request('POST', '/v1/uploads', upload)).json.code, 'storage_full');

  rmSync(filler);
  const freedAtMs = performance.now();
  const done = await until(
    async () => {
      const task = await get();
      return task.finished_at === null ? null : task;
    },
    { what: 'the end of the task', limitMs: RESUME_LIMIT_MS },
  );
  assert.ok(performance.now() - freedAtMs < RESUME_LIMIT_MS);
  assert.deepEqual([done.status, done.images.length, done.cost.captured], ['succeeded', 1, PRICE]);
  assert.equal(provider.submits.length, 1, 'a full disk made a second job');
  const picture = await app.request('GET', new URL(done.images[0].url).pathname);
  assert.equal(picture.status, 200);
  await until(async () => (await app.request('GET', '/readyz')).status === 200, {
    what: 'the node to be ready',
  });
  const doctor = await app.request('POST', '/v1/admin/doctor', { deep: true });
  assert.deepEqual(
    doctor.json.findings.filter(({ severity }: { severity: string }) => severity === 'error'),
    [],
  );
});
