// The engine against a provider whose every answer is scripted: what each outcome means for the task, its money and its
// pictures, and what another process makes of a run that broke off.
import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FakeClock, until } from '../../test/harness/clock.ts';
import { type DatabaseKind, databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { pictures, png, ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import { balanceOf, createAccountOpener, verifyLedger } from '../credits/credits.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { EventHub } from '../kernel/event-hub.ts';
import { newId } from '../kernel/id.ts';
import { NodeLease, removeNode } from '../kernel/lease.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import type { Access } from '../kernel/route.ts';
import { createMedia, findImagesOfTask } from '../media/media.ts';
import { ProviderError } from '../providers/provider.ts';
import { Providers } from '../providers/providers.ts';
import { createTaskBody } from './contract.ts';
import { decodeError } from './outcome.ts';
import { findTask, listAttempts, listOwners } from './read-store.ts';
import { Tasks } from './tasks.ts';

const DEADLINE_MS = 600_000;
const CREDITS = 20_000_000;

type EngineWorld = Awaited<ReturnType<typeof createWorld>>;

/** One database and one provider, with nodes that can be started and lost. */
async function createWorld(kind: DatabaseKind, provider: ScriptedProvider) {
  const opened = await openTestDb(kind);
  const root = mkdtempSync(join(tmpdir(), 'drawbridge-engine-'));
  const worldClock = new FakeClock();
  const clock = worldClock;
  const log = createMemoryLogger();
  const { db } = opened;
  // Pictures are decoded in real time: the scripted clock would kill the decoder for being slow.
  const media = createMedia({ db, clock: systemClock, log, root, minFreeBytes: 0 });
  await media.start();
  const accountId = newId('acct', clock.now());
  const accounts = [{ id: accountId, name: 'test', role: 'member' as const }];
  await createAccountOpener(db, CREDITS).open({ accounts, now: clock.now() });
  const access: Access = {
    accountId,
    scopes: new Set(['tasks:write', 'tasks:read']),
    via: 'key',
    credentialId: 'key_t',
  };
  const hubs: EventHub[] = [];
  const lives: { isOver: boolean; node: NodeLease }[] = [];
  const downloads = {
    open: (_url: string): Promise<AsyncIterable<Uint8Array>> => Promise.reject(new Error('unused')),
  };

  /** A node of its own; a second one stands for the process that starts after the first was killed. */
  async function startNode(): Promise<Tasks> {
    const life = { isOver: false };
    const clock = stoppable(worldClock, life);
    const providers = new Providers({
      entries: [{ adapter: provider, lane: { concurrency: 4, deadlineMs: DEADLINE_MS } }],
      defaultModel: null,
      priceMicrosByModel: new Map(),
      db,
      clock,
      log,
    });
    const hub = new EventHub({ db, clock, log });
    hubs.push(hub);
    await hub.start();
    // The lease is the database's, and a server's time cannot be turned.
    const leaseClock = kind === 'postgres' ? stoppable(systemClock, life) : clock;
    const node = new NodeLease({ db, clock: leaseClock, log });
    lives.push(Object.assign(life, { node }));
    await node.start();
    const tasks = new Tasks({
      db,
      clock,
      log,
      media,
      providers,
      node,
      hub,
      maxOpenTasks: 100,
      maxStreams: 10,
      deadlineMs: null,
      callbackUrl: () => null,
      fetchPicture: () => Promise.reject(new Error('unused')),
      downloadResult: (url) => downloads.open(url),
    });
    await tasks.engine.start();
    return tasks;
  }

  const tasks = await startNode();
  const create = async (wanted: Record<string, unknown> = {}, node = tasks) => {
    const body = createTaskBody.parse({ prompt: 'a test', ...wanted });
    const options = {
      access,
      idempotencyKey: null,
      retryOf: null,
      parentImageId: null,
      signal: () => new AbortController().signal,
    };
    return (await node.accept(body, options)).task;
  };
  const ended = (id: string, stepMs = 200) =>
    until(
      async () => {
        const task = await findTask(db.read, id);
        return task?.finished_at === null ? null : task;
      },
      { clock, stepMs, what: `the end of ${id}` },
    );
  return {
    db,
    clock,
    tasks,
    media,
    access,
    provider,
    downloads,
    /** A new process after the first was killed: no timer of the old one fires, its lease is over. */
    async restart(): Promise<Tasks> {
      for (const life of lives) life.isOver = true;
      // A renewal under way would make it live on.
      for (const { node } of lives) await node.close();
      for (const owner of await listOwners(db.read)) await db.write(removeNode, { id: owner });
      return startNode();
    },
    create,
    ended,
    async money() {
      const { availableMicros, heldMicros } = await balanceOf(db.read, accountId);
      return { available: availableMicros / 1e6, held: heldMicros / 1e6 };
    },
    async close() {
      const report = await verifyLedger(db);
      for (const hub of hubs) hub.close();
      await tasks.engine.drain();
      for (const { node } of lives) await node.close();
      await media.close();
      await opened.close();
      rmSync(root, { recursive: true, force: true });
      assert.deepEqual(report.findings, []);
    },
  };
}

for (const { kind, skip } of databaseKinds().filter((each) => each.kind !== 'sqlite')) {
  describe(`engine on ${kind}`, { skip }, () => {
    const scenario = (
      name: string,
      options: ConstructorParameters<typeof ScriptedProvider>[0],
      run: (world: EngineWorld, provider: ScriptedProvider) => Promise<void>,
    ) =>
      test(name, async () => {
        const provider = new ScriptedProvider(options);
        const world = await createWorld(kind, provider);
        try {
          await run(world, provider);
        } finally {
          await world.close();
        }
      });

    scenario('a task is painted, stored and charged once', {}, async (world, provider) => {
      const { id } = await world.create({ n: 2 });
      assert.deepEqual(await world.money(), { available: 18, held: 2 });
      const task = await world.ended(id);
      assert.equal(task.status, 'succeeded');
      const images = await findImagesOfTask(world.db.read, id);
      assert.deepEqual(
        images.map((image) => [image.position, image.width, image.captured]),
        [
          [0, 32, 1],
          [1, 32, 1],
        ],
      );
      assert.deepEqual(await world.money(), { available: 18, held: 0 });
      assert.equal(provider.submits.length, 1);
    });

    scenario('S5: a rate limit is waited for and burns nothing', {}, async (world, provider) => {
      provider.submitScript.push(async () => {
        throw new ProviderError('rate_limited', 'no', 'slow down', { retryAfterMs: 5_000 });
      });
      const { id } = await world.create();
      const waiting = await until(
        async () => {
          const task = await findTask(world.db.read, id);
          return task?.status === 'delayed' ? task : null;
        },
        { what: 'the delay' },
      );
      assert.equal(waiting.waiting_reason, 'slow down');
      assert.ok((waiting.due_at ?? 0) >= world.clock.now() + 5_000);
      const task = await world.ended(id);
      assert.equal(task.status, 'succeeded');
      const attempts = await listAttempts(world.db.read, id);
      assert.deepEqual(
        attempts.map((attempt) => attempt.outcome),
        ['rejected', 'succeeded'],
      );
    });

    scenario('S8: a refused content fails at once and costs nothing', {}, async (world, provider) => {
      provider.submitScript.push(async () => {
        throw new ProviderError('content_blocked', 'no', 'not allowed');
      });
      const { id } = await world.create();
      const task = await world.ended(id);
      assert.equal(task.status, 'failed');
      assert.equal(decodeError(task.error ?? '').code, 'content_blocked');
      assert.deepEqual(await world.money(), { available: 20, held: 0 });
      assert.equal(provider.submits.length, 1);
    });

    const noSafety = { capabilities: { lookup: false, idempotentSubmit: false } };
    scenario(
      'S2: an unknown submit without look-up is never sent again',
      noSafety,
      async (world, provider) => {
        provider.submitScript.push(async (call, self) => {
          self.makeJob(call.clientRef);
          throw new ProviderError('timeout', 'unknown', 'no answer within 60 s');
        });
        const { id } = await world.create();
        const task = await world.ended(id);
        assert.equal(decodeError(task.error ?? '').code, 'submit_unknown');
        assert.deepEqual(await world.money(), { available: 20, held: 0 });
        assert.equal(provider.submits.length, 1);
      },
    );

    scenario('S12: an unknown submit is adopted by our own reference', {}, async (world, provider) => {
      provider.submitScript.push(async (call, self) => {
        self.makeJob(call.clientRef);
        throw new ProviderError('unavailable', 'unknown', '502 Bad Gateway');
      });
      const { id } = await world.create();
      assert.equal((await world.ended(id)).status, 'succeeded');
      assert.equal(provider.submits.length, 1);
      assert.equal(provider.jobs.size, 1);
    });

    scenario(
      'S3: what was never created is sent again under the same reference',
      {},
      async (world, provider) => {
        provider.submitScript.push(async () => {
          throw new ProviderError('unavailable', 'unknown', 'connection reset');
        });
        const { id } = await world.create();
        assert.equal((await world.ended(id)).status, 'succeeded');
        assert.equal(new Set(provider.submits).size, 1);
        assert.equal(provider.jobs.size, 1);
      },
    );

    const lookupOnly = { capabilities: { idempotentSubmit: false } };
    scenario(
      'S3: a submit that provably makes no job is tried a few times, not for ever',
      lookupOnly,
      async (world, provider) => {
        const failing = async () => {
          throw new ProviderError('unavailable', 'unknown', '502 Bad Gateway');
        };
        for (let i = 0; i < 20; i += 1) provider.submitScript.push(failing);
        const { id } = await world.create();
        const task = await world.ended(id);
        assert.equal(decodeError(task.error ?? '').code, 'provider_unavailable');
        assert.equal(provider.submits.length, 4);
        assert.deepEqual(await world.money(), { available: 20, held: 0 });
      },
    );

    scenario(
      'PC2: a lost job is confirmed twice and sent again once',
      lookupOnly,
      async (world, provider) => {
        provider.pollScript.push(
          async () => ({ state: 'lost' }),
          async () => ({ state: 'running', progress: 0.2, pollAfterMs: 10 }),
          async () => ({ state: 'lost' }),
          async () => ({ state: 'lost' }),
        );
        const { id } = await world.create();
        assert.equal((await world.ended(id)).status, 'succeeded');
        const attempts = await listAttempts(world.db.read, id);
        assert.deepEqual(
          attempts.map((attempt) => attempt.outcome),
          ['lost', 'succeeded'],
        );
        assert.equal(provider.submits.length, 2);
      },
    );

    scenario('PC2: a job that is lost again fails free of charge', {}, async (world, provider) => {
      provider.onPoll = async () => ({ state: 'lost' });
      const { id } = await world.create();
      assert.equal((await world.ended(id)).status, 'failed');
      assert.equal(provider.submits.length, 2);
      assert.deepEqual(await world.money(), { available: 20, held: 0 });
    });

    scenario('PC1: failed polls are shown and do not end the task', {}, async (world, provider) => {
      const fail = async () => {
        throw new ProviderError('unavailable', 'yes', '502');
      };
      provider.pollScript.push(fail, fail, fail, fail);
      const { id } = await world.create();
      await until(async () => (await findTask(world.db.read, id))?.waiting_reason, {
        clock: world.clock,
        stepMs: 200,
      });
      assert.equal((await world.ended(id)).status, 'succeeded');
      assert.equal(provider.submits.length, 1);
    });

    scenario('PC3: progress never goes backwards', {}, async (world, provider) => {
      const seen: number[] = [];
      // A poll that would show more answers only once what came before it was seen: where the writing of it takes long, the next
      // fraction would take its place.
      const fractions = [
        { progress: 0.5 },
        { progress: 0.2, after: 0.5 },
        { progress: 0.7 },
        { progress: 0.1, after: 0.7 },
      ];
      for (const { progress, after } of fractions) {
        provider.pollScript.push(async () => {
          await until(() => after === undefined || seen.includes(after), { what: `${after} on the task` });
          return { state: 'running', progress, pollAfterMs: 1_000 };
        });
      }
      const { id } = await world.create();
      await until(
        async () => {
          const task = await findTask(world.db.read, id);
          if (task?.progress !== null && task !== undefined) seen.push(task.progress);
          return task?.finished_at !== null;
        },
        { clock: world.clock, stepMs: 100 },
      );
      assert.deepEqual(
        seen,
        seen.toSorted((a, b) => a - b),
      );
      assert.ok(seen.includes(0.5) && seen.includes(0.7));
    });

    scenario(
      'PC9: fewer pictures are charged one by one, extra ones not at all',
      {},
      async (world, provider) => {
        provider.pollScript.push(async (call) => ({ state: 'done', outputs: await pictures(call, 2) }));
        const fewer = await world.ended((await world.create({ n: 3 })).id);
        assert.equal(fewer.status, 'succeeded');
        assert.deepEqual([fewer.captured_micros, fewer.released_micros], [2e6, 1e6]);
        provider.pollScript.push(async (call) => ({ state: 'done', outputs: await pictures(call, 4) }));
        const more = await world.ended((await world.create({ n: 1 })).id);
        assert.equal(more.captured_micros, 1e6);
        const images = await findImagesOfTask(world.db.read, more.id);
        assert.deepEqual(
          images.map((image) => image.extra),
          [0, 1, 1, 1],
        );
        provider.pollScript.push(async () => ({ state: 'done', outputs: [] }));
        const none = await world.ended((await world.create({ n: 1 })).id);
        assert.equal(none.status, 'failed');
        assert.deepEqual(await world.money(), { available: 17, held: 0 });
      },
    );

    scenario('V1: a picture that does not decode fails the task, released', {}, async (world, provider) => {
      provider.pollScript.push(async (call) => {
        const file = await call.spool(
          (async function* () {
            yield Buffer.from('<html>not a picture</html>');
          })(),
        );
        return { state: 'done', outputs: [{ file, seed: null }] };
      });
      const task = await world.ended((await world.create()).id);
      assert.equal(decodeError(task.error ?? '').code, 'image_invalid');
      assert.deepEqual(await world.money(), { available: 20, held: 0 });
    });

    scenario('F6: a picture waits for its volume and is charged once', {}, async (world, provider) => {
      const marker = join(world.media.root, '.drawbridge-media');
      let fetched = 0;
      world.downloads.open = async () => {
        fetched += 1;
        if (fetched === 1) renameSync(marker, `${marker}.away`);
        const bytes = await png(3);
        return (async function* () {
          yield bytes;
        })();
      };
      provider.onPoll = async () => ({
        state: 'done',
        outputs: [{ url: 'https://example.test/a.png', seed: 1 }],
      });
      const { id } = await world.create();
      const { clock } = world;
      await until(async () => (await findTask(world.db.read, id))?.waiting_reason, { clock, stepMs: 200 });
      renameSync(`${marker}.away`, marker);
      const task = await world.ended(id);
      assert.equal(task.status, 'succeeded');
      assert.equal(task.captured_micros, 1e6);
      assert.equal(provider.submits.length, 1);
    });

    scenario('X3: a running job is cancelled at its provider', {}, async (world, provider) => {
      provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 5_000 });
      const { id } = await world.create();
      await until(() => provider.polls > 0);
      await world.tasks.cancel(id, world.access);
      const task = await world.ended(id, 0);
      assert.equal(task.status, 'cancelled');
      assert.equal(task.cancel_state, 'confirmed');
      assert.equal(provider.cancels.length, 1);
      assert.deepEqual(await world.money(), { available: 20, held: 0 });
    });

    scenario(
      'X3: a cancel that the provider refuses is said and the picture is delivered',
      {},
      async (world, provider) => {
        let isReleased = false;
        provider.onPoll = async (call) =>
          isReleased
            ? { state: 'done', outputs: await pictures(call, 1) }
            : { state: 'running', progress: null, pollAfterMs: 1_000 };
        provider.onCancel = async () => ({ state: 'not_cancellable', note: 'already painting' });
        const { id } = await world.create();
        await until(() => provider.polls > 0);
        await world.tasks.cancel(id, world.access);
        await until(async () => (await findTask(world.db.read, id))?.cancel_note === 'already painting');
        isReleased = true;
        const task = await world.ended(id);
        assert.equal(task.status, 'succeeded');
        assert.equal(task.cancel_state, 'not_cancellable');
      },
    );

    scenario(
      'PC7: at its deadline a stuck job is stopped and nothing is charged',
      {},
      async (world, provider) => {
        provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 10_000 });
        const { id } = await world.create();
        const task = await world.ended(id, 10_000);
        assert.equal(decodeError(task.error ?? '').code, 'deadline_exceeded');
        assert.equal(provider.cancels.length, 1);
        assert.deepEqual(await world.money(), { available: 20, held: 0 });
      },
    );

    scenario(
      'a job that is done when the deadline comes is delivered after all',
      {},
      async (world, provider) => {
        provider.onPoll = async (call) =>
          world.clock.monotonicMs() < DEADLINE_MS
            ? { state: 'running', progress: null, pollAfterMs: 3_600_000 }
            : { state: 'done', outputs: await pictures(call, 1) };
        const { id } = await world.create();
        assert.equal((await world.ended(id, 1_000)).status, 'succeeded');
      },
    );

    scenario(
      'Q2: a run that was killed while waiting is taken up from its job',
      {},
      async (world, provider) => {
        let isKilled = false;
        provider.onPoll = async (call) =>
          isKilled ? { state: 'done', outputs: await pictures(call, 1) } : hangUntilAborted(call.signal);
        const { id } = await world.create();
        await until(() => provider.polls > 0);
        isKilled = true;
        const second = await world.restart();
        const task = await world.ended(id);
        assert.equal(task.status, 'succeeded');
        assert.equal(provider.submits.length, 1);
        await second.engine.drain();
      },
    );

    scenario(
      'S12 T4: killed between intent and answer: found again, and the zombie changes nothing',
      {},
      async (world, provider) => {
        let answerZombie = () => {};
        provider.submitScript.push(async (call, self) => {
          const jobId = self.makeJob(call.clientRef);
          await new Promise<void>((resolve) => {
            answerZombie = resolve;
          });
          return { state: 'accepted', jobId, pollAfterMs: 10 };
        });
        const { id } = await world.create();
        await until(() => provider.submits.length === 1);
        const second = await world.restart();
        const task = await world.ended(id);
        assert.equal(task.status, 'succeeded');
        answerZombie();
        await until(() => world.tasks.engine.running === 0);
        assert.equal((await findTask(world.db.read, id))?.version, task.version);
        assert.equal(provider.jobs.size, 1);
        await second.engine.drain();
      },
    );
  });
}

/** A node's clock, whose timers die with the node. */
function stoppable(clock: Clock, life: { isOver: boolean }): Clock {
  return {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, callback) => clock.after(delayMs, () => (life.isOver ? undefined : callback())),
  };
}

/** The first node hangs here, as a killed one does. */
function hangUntilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
}
