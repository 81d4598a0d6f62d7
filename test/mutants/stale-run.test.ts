// What a node may not do to a task that is not its own any more, and in which order a run commits and sends.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Db } from '../../src/kernel/db.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { adoptTasks, takeOver } from '../../src/tasks/claim-store.ts';
import { beginAttempt, refuseCancel, requestCancel, requeueTask } from '../../src/tasks/run-store.ts';
import type { TaskRow } from '../../src/tasks/store.ts';
import { WATCHDOG_GRACE_MS } from '../../src/tasks/tasks.ts';
import { dropWatchdogLease, holdWatchdogLease } from '../../src/tasks/watchdog-store.ts';
import { until } from '../harness/clock.ts';
import { openTestDb } from '../harness/database.ts';
import { ScriptedProvider } from '../harness/scripted-provider.ts';
import { createTaskWorld, overwriteTask, type TaskWorld } from '../harness/task-world.ts';

/** Far more turns of the event loop than a submit takes to reach its provider. */
const TURNS = 50;

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a task that runs elsewhere by now', () => {
  const provider = new ScriptedProvider();
  let world: TaskWorld;
  let task: TaskRow;

  before(async () => {
    world = await createTaskWorld('sqlite-inline', provider);
    provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 60_000 });
    const { id } = await world.create();
    await until(() => provider.polls > 0, { clock: world.clock, stepMs: 50 });
    task = await world.find(id);
  });
  afterEach(async () => {
    const now = await world.find(task.id);
    assert.deepEqual(
      [now.status, now.lease_epoch, now.lease_owner, now.version, now.cancel_state],
      [task.status, task.lease_epoch, task.lease_owner, task.version, task.cancel_state],
    );
  });
  after(async () => {
    await world.tasks.cancel(task.id, world.access);
    await world.ended(task.id);
    await world.close();
  });

  const stale = () => ({ taskId: task.id, epoch: task.lease_epoch - 1 });

  test('nobody gives back to the queue what is not his', async () => {
    const { clock, db } = world;
    const outcome = { n: task.attempt, outcome: 'lost' as const, error: null, reason: null };
    const input = { ...outcome, lease: stale(), dueAt: clock.now(), now: clock.now() };
    assert.equal(await db.write(requeueTask, input), null);
  });

  test('nobody refuses a cancel of what is not his', async () => {
    const { clock, db } = world;
    const refused = await db.write(refuseCancel, { lease: stale(), note: 'no', now: clock.now() });
    assert.equal(refused, null);
  });

  test('nobody takes over what moved since he saw it', async () => {
    const seenEpoch = task.lease_epoch - 1;
    assert.equal(await world.db.write(takeOver, { taskId: task.id, seenEpoch, owner: 'node_x' }), null);
  });

  test('a cancel under way is asked for once', async () => {
    const ask = () => world.db.write(requestCancel, { taskId: task.id, now: world.clock.now() });
    provider.onCancel = async () => ({ state: 'not_cancellable', note: 'no' });
    assert.equal(await ask(), 'requested');
    assert.equal(await ask(), 'already');
    task = await world.find(task.id);
    provider.onCancel = async () => ({ state: 'cancelled' });
  });
});

test('T4: who lost a task that was adopted writes nothing more', async () => {
  const provider = new ScriptedProvider();
  const world = await createTaskWorld('sqlite-inline', provider);
  try {
    provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 60_000 });
    const { id } = await world.create();
    await until(() => provider.polls > 0, { clock: world.clock, stepMs: 50 });
    const before = await world.find(id);
    const now = world.clock.now();
    const input = { owner: 'node_b', deadOwners: [before.lease_owner ?? ''], batch: 1, now };
    assert.equal((await world.db.write(adoptTasks, input)).length, 1);
    const outcome = { n: before.attempt, outcome: 'lost' as const, error: null, reason: null };
    const lease = { taskId: id, epoch: before.lease_epoch };
    assert.equal(await world.db.write(requeueTask, { ...outcome, lease, dueAt: now, now }), null);
    assert.equal((await world.find(id)).lease_owner, 'node_b');
    await world.restart();
    provider.onPoll = async () => ({ state: 'failed', error: new ProviderError('unavailable', 'yes', 'no') });
    assert.equal((await world.ended(id)).status, 'failed');
  } finally {
    await world.close();
  }
});

test('X1: an owner that lives may still save what it got shortly after the deadline', async () => {
  const provider = new ScriptedProvider();
  const world = await createTaskWorld('sqlite-inline', provider);
  try {
    provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 600_000 });
    const { id } = await world.create();
    await until(() => provider.polls > 0, { clock: world.clock, stepMs: 50 });
    const late = world.clock.now() - WATCHDOG_GRACE_MS - 60_000;
    await world.db.write(overwriteTask, { id, set: { deadline_at: late } });
    const looked = await world.while(world.tasks.watchdog.run({ trigger: 'api', dryRun: true }));
    assert.deepEqual(looked.findings, []);
    await world.tasks.cancel(id, world.access);
    await world.ended(id);
  } finally {
    await world.close();
  }
});

test('T6: one watchdog of the cluster is at work at a time, and a dead one only until its lease is over', async () => {
  const { db, close } = await openTestDb('sqlite-inline');
  try {
    const hold = (owner: string, now: number) =>
      db.write(holdWatchdogLease, { owner, isAlone: false, leaseMs: 1_000, now });
    assert.equal(await hold('node_a', 0), true);
    assert.equal(await hold('node_b', 500), false);
    assert.equal(await hold('node_a', 900), true);
    assert.equal(await hold('node_b', 1_500), false);
    assert.equal(await hold('node_b', 2_000), true);
    await db.write(dropWatchdogLease, { owner: 'node_b' });
    assert.equal(await hold('node_a', 2_001), true);
  } finally {
    await close();
  }
});

test('P1: the intent is committed before the first byte leaves', async () => {
  const order: string[] = [];
  const provider = new ScriptedProvider();
  const slowly = (db: Db): Db => ({
    ...db,
    write: async (write, input) => {
      if ((write as unknown) !== beginAttempt) return db.write(write, input);
      for (let turns = 0; turns < TURNS; turns += 1) await turn();
      const output = await db.write(write, input);
      order.push('committed');
      return output;
    },
  });
  const world = await createTaskWorld('sqlite-inline', provider, slowly);
  try {
    provider.submitScript.push(async (call) => {
      order.push('sent');
      return { state: 'accepted', jobId: provider.makeJob(call.clientRef), pollAfterMs: 0 };
    });
    const { id } = await world.create();
    await world.ended(id);
    assert.deepEqual(order, ['committed', 'sent']);
  } finally {
    await world.close();
  }
});
