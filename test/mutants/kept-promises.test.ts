// What was promised when a task was accepted holds whatever happens to it: its place in the queue, its price, and its pictures.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Db } from '../../src/kernel/db.ts';
import { newId } from '../../src/kernel/id.ts';
import { findImagesOfTask, type NewImage, type StoredPicture } from '../../src/media/media.ts';
import { claimTasks } from '../../src/tasks/claim-store.ts';
import { keepLateResult } from '../../src/tasks/late-store.ts';
import { finishTask } from '../../src/tasks/run-store.ts';
import { createTask } from '../../src/tasks/store.ts';
import { until } from '../harness/clock.ts';
import { openTestDb } from '../harness/database.ts';
import { pictures, png, ScriptedProvider } from '../harness/scripted-provider.ts';
import { createTaskWorld, type TaskWorld } from '../harness/task-world.ts';

const NOW = 1_800_000_000_000;

async function withWorld(
  provider: ScriptedProvider,
  work: (world: TaskWorld) => Promise<void>,
  spoil?: (db: Db) => Db,
): Promise<void> {
  const world = await createTaskWorld('sqlite-inline', provider, spoil);
  try {
    await work(world);
  } finally {
    await world.close();
  }
}

test('C1: a picture that came inside an answer outlives an end that was not committed', async () => {
  const provider = new ScriptedProvider();
  provider.submitScript.push(async (call) => {
    const outputs = await pictures(call, 1);
    return { state: 'done', jobId: null, outputs };
  });
  let ends = 0;
  const endingBadlyOnce = (db: Db): Db => ({
    ...db,
    write: async (write, input) => {
      if ((write as unknown) === finishTask) {
        ends += 1;
        if (ends === 1) throw new Error('The process is cut off');
      }
      return db.write(write, input);
    },
  });
  await withWorld(
    provider,
    async (world) => {
      const { id } = await world.create();
      assert.equal((await world.ended(id)).status, 'succeeded');
      assert.equal(ends, 2);
      assert.equal(provider.submits.length, 1);
      assert.equal((await findImagesOfTask(world.db.read, id)).length, 1);
    },
    endingBadlyOnce,
  );
});

test('H1: a task keeps its price, whatever the model costs when it ends', async () => {
  const provider = new ScriptedProvider({ priceMicros: 1_000_000 });
  provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 1_000 });
  await withWorld(provider, async (world) => {
    const { id } = await world.create();
    await until(() => provider.polls > 0, { clock: world.clock, stepMs: 50 });
    Object.assign(provider.models[0] ?? {}, { priceMicros: 3_000_000 });
    await world.restart();
    provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, 1) });
    const task = await world.ended(id);
    assert.deepEqual([task.status, task.captured_micros], ['succeeded', 1_000_000]);
    assert.deepEqual(await world.money(), { available: 19, held: 0 });
  });
});

test('X2: late pictures of a task are kept once, and uncharged', async () => {
  const provider = new ScriptedProvider();
  provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 1_000 });
  await withWorld(provider, async (world) => {
    const { id } = await world.create();
    await until(() => provider.polls > 0, { clock: world.clock, stepMs: 50 });
    await world.tasks.cancel(id, world.access);
    await world.ended(id);
    const keep = async () => {
      const picture = await world.media.ingestResult(await world.media.spool(bytesOf(await png(1))));
      const images = [lateImage(world, id, picture)];
      return world.db.write(keepLateResult, { taskId: id, attempt: 1, images, now: world.clock.now() });
    };
    assert.ok(await keep());
    assert.equal(await keep(), null);
    const kept = await findImagesOfTask(world.db.read, id);
    assert.deepEqual(
      kept.map(({ late, captured }) => [late, captured]),
      [[1, 0]],
    );
  });
});

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function lateImage(world: TaskWorld, taskId: string, picture: StoredPicture): NewImage {
  const made = { mode: 'text-to-image', model: 'scripted', provider: 'scripted', prompt: 'a test', seed: 1 };
  const place = { taskId, position: 0, kind: 'final', parentId: null } as const;
  const { accountId } = world;
  return { id: newId('img', NOW), accountId, picture, extra: false, captured: true, ...place, ...made };
}

test('fair share: who comes late takes turns with those who wait, and does not overtake them', async () => {
  const { db, close } = await openTestDb('sqlite-inline');
  try {
    const flowOf = new Map<string, string>();
    const create = async (flow: string) => {
      const taskId = newId('task', NOW);
      flowOf.set(taskId, flow);
      const who = { accountId: 'acct_a', credentialId: 'key_a', flow, priority: 0 };
      const what = { mode: 'text-to-image', model: 'm', lane: 'l', providerModel: 'm', prompt: 'p' } as const;
      const terms = { params: '{}', requestHash: taskId, pictures: 1, unitMicros: 0, metadata: '{}' };
      const none = { retryOf: null, idempotencyKey: null, uploadIds: [], dedupeWindowMs: 0 };
      const times = { deadlineAt: NOW + 3_600_000, now: NOW };
      await db.write(createTask, { taskId, ...who, ...what, ...terms, ...none, ...times });
    };
    const claim = async () => {
      const input = { lane: 'l', concurrency: 100, batch: 1, owner: 'node_a', runMs: 60_000, now: NOW };
      const [claimed] = await db.write(claimTasks, input);
      return flowOf.get(claimed?.task.id ?? '');
    };
    for (let i = 0; i < 20; i += 1) await create('early');
    for (let i = 0; i < 10; i += 1) assert.equal(await claim(), 'early');
    for (let i = 0; i < 20; i += 1) await create('late');
    const next: (string | undefined)[] = [];
    for (let i = 0; i < 8; i += 1) next.push(await claim());
    assert.equal(next.filter((flow) => flow === 'late').length, 4, next.join(' '));
  } finally {
    await close();
  }
});
