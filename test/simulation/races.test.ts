// Everything that may end a task, in every order that a scheduler finds: its run's success, its deadline, another node that
// took it over, its owner's cancel; and a success after any of them. However they interleave, one of them ends it and money moves once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createAccountOpener, getHold, verifyLedger } from '../../src/credits/credits.ts';
import type { Db } from '../../src/kernel/db.ts';
import { openInlineSqliteDb } from '../../src/kernel/db-sqlite.ts';
import { newId } from '../../src/kernel/id.ts';
import { adoptTasks, type ClaimedTask, claimTasks, expireWaiting } from '../../src/tasks/claim-store.ts';
import { encodeError } from '../../src/tasks/outcome.ts';
import { findTask } from '../../src/tasks/read-store.ts';
import {
  beginAttempt,
  finishTask,
  type Lease,
  recordAccepted,
  requestCancel,
  requeueTask,
} from '../../src/tasks/run-store.ts';
import { createTask, type TaskRow } from '../../src/tasks/store.ts';

const NOW = 1_800_000_000_000;
const RUNS = Number(process.env.RACE_RUNS ?? 300);
const UNIT_MICROS = 7;
const PICTURES = 2;

type Schedule = <T>(label: string, work: () => Promise<T>) => Promise<T>;

interface Race {
  db: Db;
  taskId: string;
  step: Schedule;
  /** Who ended it, by their own account. */
  ends: string[];
}

const failure = encodeError('deadline_exceeded', 'Too late.');

async function finish(
  { db, step, ends }: Race,
  who: string,
  lease: Lease,
  status: 'succeeded' | 'failed' | 'cancelled',
): Promise<boolean> {
  const row = await step(`${who} finishes ${status}`, () =>
    db.write(finishTask, {
      lease,
      n: 1,
      status,
      attemptOutcome: status,
      error: status === 'succeeded' ? null : failure,
      images: [],
      capturePictures: status === 'succeeded' ? PICTURES : 0,
      unitMicros: UNIT_MICROS,
      now: NOW,
    }),
  );
  if (row) ends.push(`${who} ${status}`);
  // Who was taken over must not end what another node goes on with.
  if (row) assert.equal(row.lease_epoch, lease.epoch, `${who} had lost the task`);
  return row !== null;
}

const leaseOf = (task: TaskRow): Lease => ({ taskId: task.id, epoch: task.lease_epoch });

/** A run that is stopped by nobody: its job is accepted, its pictures come, perhaps too late. */
async function succeed(race: Race, who: string, { task }: ClaimedTask): Promise<void> {
  const { db, step, taskId } = race;
  const lease = leaseOf(task);
  const accepted = await step(`${who} records the job`, () =>
    db.write(recordAccepted, { lease, n: 1, jobId: `job-${taskId}`, outputs: null, now: NOW }),
  );
  if (!accepted) return;
  await finish(race, who, lease, 'succeeded');
}

/** Another node takes over what the first one holds, and fails it or gives it back. */
async function takeOver(race: Race, end: 'succeeded' | 'failed' | 'requeued'): Promise<void> {
  const { db, step } = race;
  const adopted = await step('the other node adopts', () =>
    db.write(adoptTasks, { owner: 'node b', deadOwners: ['node a'], batch: 9, now: NOW }),
  );
  for (const { task } of adopted) {
    if (end !== 'requeued') await finish(race, 'the other node', leaseOf(task), end);
    else
      await step('the other node gives it back', () =>
        db.write(requeueTask, {
          lease: leaseOf(task),
          n: 1,
          outcome: 'rejected',
          error: failure,
          reason: null,
          dueAt: NOW,
          now: NOW,
        }),
      );
  }
}

async function newBegunTask(db: Db, accountId: string): Promise<ClaimedTask> {
  const taskId = newId('task', NOW);
  await db.write(createTask, {
    taskId,
    accountId,
    credentialId: 'key_r',
    mode: 'text-to-image',
    model: 'brush',
    lane: taskId,
    providerModel: 'brush',
    prompt: 'a race',
    params: '{}',
    requestHash: taskId,
    pictures: PICTURES,
    priority: 0,
    flow: accountId,
    unitMicros: UNIT_MICROS,
    deadlineAt: NOW + 1,
    retryOf: null,
    metadata: '{}',
    idempotencyKey: null,
    uploadIds: [],
    dedupeWindowMs: 0,
    now: NOW,
  });
  const claim = { lane: taskId, concurrency: 1, batch: 1, owner: 'node a', runMs: 1, now: NOW };
  const [claimed] = await db.write(claimTasks, claim);
  assert.ok(claimed);
  const intent = {
    n: 1,
    provider: taskId,
    provider_model: 'brush',
    client_ref: newId('job', NOW),
    credential: null,
    endpoints: null,
    request_hash: null,
    callback_token: null,
  };
  const task = await db.write(beginAttempt, { lease: leaseOf(claimed.task), intent, now: NOW });
  assert.ok(task);
  return { ...claimed, task };
}

/** Whatever happened, the task ended at most once, with its money and its one final event. */
async function checkEnd({ db, taskId, ends }: Race): Promise<void> {
  const task = await findTask(db.read, taskId);
  assert.ok(task);
  const finals = await db.read
    .selectFrom('events')
    .select('id')
    .where('entity_id', '=', taskId)
    .where('type', '=', 'task.finished')
    .execute();
  const hold = await getHold(db.read, task.hold_id);
  const isOver = ['succeeded', 'failed', 'cancelled'].includes(task.status);
  assert.ok(ends.length <= 1, `ended by ${ends.join(' and by ')}`);
  if (ends[0]) assert.ok(ends[0].endsWith(task.status), `${ends[0]}, and it is ${task.status}`);
  assert.equal(finals.length, isOver ? 1 : 0);
  assert.equal(hold.state, isOver ? 'resolved' : 'open');
  const captured = task.status === 'succeeded' ? UNIT_MICROS * PICTURES : 0;
  assert.deepEqual([task.captured_micros, hold.captured_micros], [captured, captured]);
}

test('success, deadline, take-over, expiry and cancel end a task once in every order', async () => {
  const db = await openInlineSqliteDb();
  const accountId = newId('acct', NOW);
  const accounts = [{ id: accountId, name: 'Ada', role: 'member' as const }];
  await createAccountOpener(db, 10 ** 9).open({ accounts, now: NOW });
  const outcomes = new Set<string>();
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.constantFrom('succeeded', 'failed', 'requeued'),
    fc.subarray(['deadline', 'cancel', 'take over', 'expire'] as const),
    async (scheduler, takeOverEnd, actors) => {
      const claimed = await newBegunTask(db, accountId);
      const taskId = claimed.task.id;
      const step: Schedule = (label, work) => scheduler.schedule(Promise.resolve(), label).then(work);
      const race: Race = { db, taskId, step, ends: [] };
      const running = [succeed(race, 'the run', claimed)];
      for (const actor of actors) {
        if (actor === 'take over') running.push(takeOver(race, takeOverEnd));
        else if (actor === 'deadline')
          running.push(finish(race, 'the deadline', leaseOf(claimed.task), 'failed').then(() => {}));
        else if (actor === 'cancel')
          running.push(
            step('its owner cancels', () => db.write(requestCancel, { taskId, now: NOW })).then((outcome) => {
              if (outcome === 'ended') race.ends.push('its owner cancelled');
            }),
          );
        else
          running.push(
            step('what waits expires', () => db.write(expireWaiting, { now: NOW + 2, batch: 9 })).then(
              (count) => {
                if (count > 0) race.ends.push('the queue failed');
              },
            ),
          );
      }
      await scheduler.waitFor(Promise.all(running));
      await checkEnd(race);
      outcomes.add((await findTask(db.read, taskId))?.status ?? 'none');
      // The next race's take-over and expiry must find nothing of this one.
      await db.write(requestCancel, { taskId, now: NOW });
      const left = await findTask(db.read, taskId);
      if (left?.status === 'running')
        await finish({ ...race, step: (_, work) => work() }, 'the end', leaseOf(left), 'failed');
    },
  );
  try {
    await fc.assert(property, { numRuns: RUNS });
    assert.deepEqual((await verifyLedger(db)).findings, []);
    assert.deepEqual(
      [...outcomes].sort(),
      ['cancelled', 'failed', 'queued', 'succeeded'].filter((each) => outcomes.has(each)),
    );
    assert.ok(outcomes.size >= 3, `only ${[...outcomes].join(', ')} ever came out`);
  } finally {
    await db.close();
  }
});
