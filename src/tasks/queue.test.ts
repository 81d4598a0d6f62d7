// The queue on every database: fair share within a lane, claims within its limit, and creation as one transaction.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { databaseKinds, openTestDb, type TestDb } from '../../test/harness/database.ts';
import { createAccountOpener } from '../credits/credits.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { type ClaimedTask, claimTasks, promoteDelayed } from './claim-store.ts';
import { AHEAD_PRIORITY, hastenTask, USUAL_PRIORITY } from './hasten-store.ts';
import { countOpenTasks, findTask, queuePosition } from './read-store.ts';
import { beginAttempt, finishTask, requestCancel, requeueTask } from './run-store.ts';
import { type CreateTaskInput, createTask } from './store.ts';

const NOW = 1_700_000_000_000;

class Queue {
  readonly db: Db;
  #clock = NOW;
  readonly names = new Map<string, string>();

  constructor(db: Db) {
    this.db = db;
  }

  /** Creates a task and remembers it under a short name. */
  async create(name: string, wanted: Partial<CreateTaskInput> & { flow: string }): Promise<string> {
    this.#clock += 1;
    const taskId = newId('task', this.#clock);
    const input: CreateTaskInput = {
      taskId,
      accountId: 'acct_a',
      credentialId: 'key_a',
      mode: 'text-to-image',
      model: 'm',
      lane: 'one',
      providerModel: 'm',
      prompt: name,
      params: '{}',
      requestHash: name,
      pictures: 1,
      priority: 0,
      unitMicros: 0,
      deadlineAt: NOW + 3_600_000,
      retryOf: null,
      metadata: '{}',
      idempotencyKey: null,
      uploadIds: [],
      dedupeWindowMs: 0,
      now: this.#clock,
      ...wanted,
    };
    const outcome = await this.db.write(createTask, input);
    this.names.set(outcome.taskId, name);
    return outcome.taskId;
  }

  async createMany(
    prefix: string,
    count: number,
    wanted: Partial<CreateTaskInput> & { flow: string },
  ): Promise<void> {
    for (let i = 1; i <= count; i += 1) await this.create(`${prefix}${i}`, wanted);
  }

  claim(lane: string, batch: number, concurrency = 1_000_000): Promise<ClaimedTask[]> {
    return this.db.write(claimTasks, {
      lane,
      concurrency,
      batch,
      owner: 'node_a',
      runMs: 300_000,
      now: this.#clock,
    });
  }

  /** The names of the next tasks of a lane, in the order of their claim. */
  async next(count: number, lane = 'one'): Promise<string[]> {
    const order: string[] = [];
    // One by one, as a busy provider frees its places.
    for (let i = 0; i < count; i += 1) {
      const [claimed] = await this.claim(lane, 1);
      if (claimed) order.push(this.names.get(claimed.task.id) ?? '?');
    }
    return order;
  }
}

for (const { kind, skip } of databaseKinds()) {
  describe(`queue on ${kind}`, { skip }, () => {
    let opened: TestDb;
    let queue: Queue;
    before(async () => {
      opened = await openTestDb(kind);
    });
    after(() => opened?.close());

    const scenario = (name: string, run: () => Promise<void>) =>
      test(name, async () => {
        // Every scenario has lanes and flows of its own names, so that one database serves them all.
        queue = new Queue(opened.db);
        await run();
      });

    scenario('what is made ahead waits for all others, until somebody waits for it', async () => {
      const ahead = { flow: 'reader', lane: 'l0', priority: AHEAD_PRIORITY };
      await queue.createMany('ahead', 3, ahead);
      await queue.createMany('own', 2, { flow: 'reader', lane: 'l0' });
      assert.deepEqual(await queue.next(1, 'l0'), ['own1']);
      const wanted = [...queue.names].find(([, name]) => name === 'ahead3')?.[0] ?? '';
      const hasten = () =>
        queue.db.write(hastenTask, { taskId: wanted, priority: USUAL_PRIORITY, now: NOW + 1_000 });
      const before = await findTask(queue.db.read, wanted);
      const hastened = await hasten();
      assert.deepEqual([hastened?.priority, hastened?.version], [USUAL_PRIORITY, (before?.version ?? 0) + 1]);
      assert.equal(await hasten(), null, 'once');
      assert.deepEqual(await queue.next(4, 'l0'), ['own2', 'ahead3', 'ahead1', 'ahead2']);
      const [begun] = [...queue.names].find(([, name]) => name === 'ahead1') ?? [''];
      const late = { taskId: begun, priority: USUAL_PRIORITY, now: NOW + 2_000 };
      assert.equal(await queue.db.write(hastenTask, late), null, 'it has begun');
    });

    scenario('fair share: a flood of one flow does not starve a single picture of another', async () => {
      await queue.createMany('flood', 40, { flow: 'f1', lane: 'l1' });
      await queue.next(5, 'l1');
      await queue.create('single', { flow: 'f2', lane: 'l1' });
      assert.ok((await queue.next(2, 'l1')).includes('single'));
    });

    scenario('fair share: two flows take turns, whoever came first', async () => {
      await queue.createMany('a', 4, { flow: 'f1', lane: 'l2' });
      await queue.createMany('b', 4, { flow: 'f2', lane: 'l2' });
      const order = await queue.next(8, 'l2');
      for (let i = 0; i < 8; i += 2) assert.notEqual(order[i]?.[0], order[i + 1]?.[0], order.join(' '));
    });

    scenario(
      'fair share: price 0 counts as much as any price, since pictures are what takes time',
      async () => {
        await queue.createMany('free', 20, { flow: 'f1', lane: 'l3', unitMicros: 0 });
        await queue.create('other', { flow: 'f2', lane: 'l3' });
        assert.ok((await queue.next(2, 'l3')).includes('other'));
      },
    );

    scenario("fair share: another provider's clock does not move this one's", async () => {
      await queue.createMany('busy', 30, { flow: 'f9', lane: 'l4-other' });
      await queue.next(30, 'l4-other');
      await queue.createMany('a', 3, { flow: 'f1', lane: 'l4' });
      await queue.create('late', { flow: 'f2', lane: 'l4' });
      assert.ok((await queue.next(2, 'l4')).includes('late'));
    });

    scenario('fair share: an own batch at another provider does not push a picture here back', async () => {
      await queue.createMany('elsewhere', 30, { flow: 'f1', lane: 'l5-other' });
      await queue.createMany('others', 5, { flow: 'f2', lane: 'l5' });
      await queue.create('mine', { flow: 'f1', lane: 'l5' });
      assert.ok((await queue.next(2, 'l5')).includes('mine'));
    });

    scenario(
      'fair share: an urgent class has a clock of its own and does not move the normal one',
      async () => {
        await queue.createMany('urgent', 20, { flow: 'f1', lane: 'l6', priority: 5 });
        await queue.next(20, 'l6');
        await queue.createMany('a', 3, { flow: 'f2', lane: 'l6' });
        await queue.create('mine', { flow: 'f1', lane: 'l6' });
        assert.ok((await queue.next(2, 'l6')).includes('mine'));
      },
    );

    scenario('fair share: a cancelled batch costs its flow nothing', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 20; i += 1) ids.push(await queue.create(`gone${i}`, { flow: 'f1', lane: 'l7' }));
      for (const taskId of ids) await opened.db.write(requestCancel, { taskId, now: NOW });
      await queue.createMany('others', 5, { flow: 'f2', lane: 'l7' });
      await queue.create('mine', { flow: 'f1', lane: 'l7' });
      assert.ok((await queue.next(2, 'l7')).includes('mine'));
    });

    scenario(
      'fair share: what was delayed comes back with a tag of now, neither first nor last',
      async () => {
        await queue.create('delayed', { flow: 'f1', lane: 'l8' });
        const [claimed] = await queue.claim('l8', 1);
        assert.ok(claimed);
        const lease = { taskId: claimed.task.id, epoch: claimed.task.lease_epoch };
        await opened.db.write(requeueTask, {
          lease,
          n: 0,
          outcome: 'rejected',
          error: null,
          reason: 'wait',
          dueAt: NOW + 60_000,
          now: NOW,
        });
        await queue.createMany('others', 20, { flow: 'f2', lane: 'l8' });
        await queue.next(10, 'l8');
        assert.deepEqual(await opened.db.write(promoteDelayed, { now: NOW + 60_000, batch: 10 }), ['l8']);
        assert.ok((await queue.next(2, 'l8')).includes('delayed'));
      },
    );

    scenario('fair share: an own batch beside one Studio picture lets the picture through', async () => {
      await queue.createMany('batch', 30, { flow: 'batch_1', lane: 'l9' });
      await queue.next(3, 'l9');
      await queue.create('studio', { flow: 'acct_a', lane: 'l9' });
      assert.ok((await queue.next(2, 'l9')).includes('studio'));
    });

    scenario('Q1 T4: concurrent claims never exceed the limit and never share a task', async () => {
      await queue.createMany('c', 40, { flow: 'f1', lane: 'l10' });
      const claims = await Promise.all(Array.from({ length: 12 }, () => queue.claim('l10', 3, 8)));
      const ids = claims.flat().map(({ task }) => task.id);
      assert.equal(ids.length, 8);
      assert.equal(new Set(ids).size, 8);
    });

    scenario('T4: a write under an old epoch changes nothing', async () => {
      await queue.create('x', { flow: 'f1', lane: 'l11' });
      const [claimed] = await queue.claim('l11', 1);
      assert.ok(claimed);
      const stale = { taskId: claimed.task.id, epoch: claimed.task.lease_epoch - 1 };
      const intent = {
        n: 1,
        provider: 'l11',
        provider_model: null,
        client_ref: newId('job', NOW),
        credential: null,
        endpoints: null,
        request_hash: null,
        callback_token: null,
      };
      assert.equal(await opened.db.write(beginAttempt, { lease: stale, intent, now: NOW }), null);
      const end = {
        lease: stale,
        n: 0,
        status: 'failed' as const,
        attemptOutcome: 'failed' as const,
        error: '{"code":"internal_error","detail":""}',
        images: [],
        capturePictures: 0,
        unitMicros: 0,
        now: NOW,
      };
      assert.equal(await opened.db.write(finishTask, end), null);
      assert.equal((await findTask(opened.db.read, claimed.task.id))?.version, claimed.task.version);
    });

    scenario('T2: a task that has ended does not change, whoever tries', async () => {
      const id = await queue.create('y', { flow: 'f1', lane: 'l12' });
      await opened.db.write(requestCancel, { taskId: id, now: NOW });
      assert.equal(await opened.db.write(requestCancel, { taskId: id, now: NOW }), 'already');
      assert.equal((await findTask(opened.db.read, id))?.status, 'cancelled');
    });

    scenario('T7: 50 parallel creates with one key make one task and one hold', async () => {
      const accountId = newId('acct', NOW);
      await openAccount(opened.db, accountId);
      const create = () =>
        queue.create('same', {
          flow: accountId,
          accountId,
          lane: 'l13',
          idempotencyKey: 'k',
          unitMicros: 1_000_000,
        });
      const ids = await Promise.all(Array.from({ length: 50 }, create));
      assert.equal(new Set(ids).size, 1);
      assert.equal(await countOpenTasks(opened.db.read, accountId, 100), 1);
      await assert.rejects(
        queue.create('other', { flow: accountId, accountId, lane: 'l13', idempotencyKey: 'k' }),
        (error) => error instanceof AppError && error.code === 'idempotency_mismatch',
      );
    });

    scenario(
      'A7: credit for three lets exactly three through, and a refused task leaves nothing',
      async () => {
        const accountId = newId('acct', NOW);
        await openAccount(opened.db, accountId);
        const wanted = { flow: accountId, accountId, lane: 'l14', unitMicros: 3_000_000 };
        const tries = await Promise.allSettled(
          Array.from({ length: 8 }, (_, i) => queue.create(`p${i}`, wanted)),
        );
        const refused = tries.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
        assert.equal(refused.length, 5);
        for (const error of refused) assert.equal((error as AppError).code, 'insufficient_credits');
        assert.equal(await countOpenTasks(opened.db.read, accountId, 100), 3);
      },
    );

    scenario('the queue position counts those ahead in the lane', async () => {
      await queue.createMany('q', 3, { flow: 'f1', lane: 'l15' });
      const id = await queue.create('last', { flow: 'f1', lane: 'l15' });
      const task = await findTask(opened.db.read, id);
      assert.ok(task);
      assert.equal(await queuePosition(opened.db.read, task), 4);
    });
  });
}

async function openAccount(db: Db, id: string): Promise<void> {
  const opener = createAccountOpener(db, 10_000_000);
  await opener.open({ accounts: [{ id, name: 'test', role: 'member' }], now: NOW });
}
