// The watchdog and what stands behind it: stuck tasks are asked for and repaired once, slow successes are not raced, late
// ones are kept, a task that kills its process is put aside, and no cancel or retry touches another attempt's job.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../../test/harness/clock.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { pictures, png, ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import {
  createTaskWorld,
  DEADLINE_MS,
  hangUntilAborted,
  overwriteTask,
  type TaskWorld,
} from '../../test/harness/task-world.ts';
import { settleHold } from '../credits/credits.ts';
import type { Db, WriteFunction } from '../kernel/db.ts';
import { findImagesOfTask } from '../media/media.ts';
import { ProviderError } from '../providers/provider.ts';
import { decodeError } from './outcome.ts';
import { listAttempts } from './read-store.ts';
import { finishTask } from './run-store.ts';
import type { TaskRow } from './store.ts';

/** While a run of the watchdog decodes a picture, which takes real time, its patience of 20 s must not run out. */
const DECODING_STEP_MS = 10;
const LONG_AFTER_MS = DEADLINE_MS + 10 * 60_000;
const RUN = { trigger: 'api', dryRun: false } as const;

for (const { kind, skip } of databaseKinds().filter((each) => each.kind !== 'sqlite')) {
  describe(`watchdog on ${kind}`, { skip }, () => {
    const scenario = (
      name: string,
      options: ConstructorParameters<typeof ScriptedProvider>[0],
      run: (world: TaskWorld, provider: ScriptedProvider) => Promise<void>,
    ) =>
      test(name, async () => {
        const provider = new ScriptedProvider(options);
        const world = await createTaskWorld(kind, provider);
        try {
          await run(world, provider);
        } finally {
          await world.close();
        }
      });
    const change = (world: TaskWorld, id: string, set: Partial<TaskRow>) =>
      world.db.write(overwriteTask, { id, set });
    const finalEvents = async (world: TaskWorld, id: string) =>
      (
        await world.db.read
          .selectFrom('events')
          .select('type')
          .where('entity_id', '=', id)
          .where('type', '=', 'task.finished')
          .execute()
      ).length;

    scenario(
      'X1: a success that hangs is taken over once, asked for and charged once',
      {},
      async (world, provider) => {
        const hung = Promise.withResolvers<AsyncIterable<Uint8Array>>();
        let fetched = 0;
        const bytes = await png(1);
        const stream = async function* () {
          yield bytes;
        };
        world.downloads.open = async () => {
          fetched += 1;
          return fetched === 1 ? hung.promise : stream();
        };
        provider.onPoll = async () => ({
          state: 'done',
          outputs: [{ url: 'https://example.test/a.png', seed: 1 }],
        });
        const { id } = await world.create();
        await until(() => fetched === 1);
        // The run's own timer does not know: it hangs.
        await change(world, id, { deadline_at: world.clock.now() - LONG_AFTER_MS });
        const looked = await world.while(world.tasks.watchdog.run(RUN), DECODING_STEP_MS);
        assert.deepEqual(
          looked.findings.map(({ kind: what, action, to, result }) => [what, action, to, result]),
          [['overdue', 'deliver', 'succeeded', 'done']],
        );
        const task = await world.find(id);
        hung.resolve(stream());
        await until(() => world.tasks.engine.running === 0, { clock: world.clock, stepMs: 100 });
        assert.equal((await world.find(id)).version, task.version);
        assert.equal(await finalEvents(world, id), 1);
        assert.deepEqual(await world.money(), { available: 19, held: 0 });
        assert.equal((await findImagesOfTask(world.db.read, id)).length, 1);
      },
    );

    scenario('X1: a task that is merely slow is left alone', {}, async (world, provider) => {
      provider.onPoll = async () => ({ state: 'running', progress: 0.5, pollAfterMs: 5_000 });
      const { id } = await world.create();
      await until(() => provider.polls > 0);
      await change(world, id, { deadline_at: world.clock.now() - 60_000 });
      const before = await world.find(id);
      const looked = await world.while(world.tasks.watchdog.run(RUN));
      assert.deepEqual(looked.findings, []);
      assert.equal((await world.find(id)).lease_epoch, before.lease_epoch);
      provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, 1) });
      assert.equal((await world.ended(id)).status, 'succeeded');
    });

    scenario(
      'X2: a picture that comes after the credits were returned is kept, uncharged, once',
      {},
      async (world, provider) => {
        provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 10_000 });
        provider.onCancel = async () => ({ state: 'not_cancellable', note: 'already painting' });
        const { id } = await world.create({ deadline_s: 20 });
        const failed = await world.ended(id);
        assert.equal(decodeError(failed.error ?? '').code, 'deadline_exceeded');
        assert.deepEqual(await world.money(), { available: 20, held: 0 });
        assert.deepEqual((await world.while(world.tasks.watchdog.run(RUN))).findings, []);
        provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, 2) });
        const dry = await world.while(world.tasks.watchdog.run({ ...RUN, dryRun: true }));
        assert.equal(dry.findings[0]?.kind, 'late_picture');
        assert.deepEqual(await findImagesOfTask(world.db.read, id), []);
        const looked = await world.while(world.tasks.watchdog.run(RUN), DECODING_STEP_MS);
        assert.deepEqual(
          looked.findings.map(({ kind: what, result }) => [what, result]),
          [['late_picture', 'done']],
        );
        const images = await findImagesOfTask(world.db.read, id);
        assert.deepEqual(
          images.map((image) => [image.late, image.captured, image.extra]),
          [
            [1, 0, 0],
            [1, 0, 1],
          ],
        );
        const task = await world.find(id);
        assert.deepEqual([task.status, task.captured_micros], ['failed', 0]);
        assert.ok(task.version > failed.version);
        const shown = await world.tasks.view({ baseUrl: 'http://x', language: 'en' }, task);
        assert.deepEqual(
          shown.images.map(({ late }) => late),
          [true, true],
        );
        assert.equal(await finalEvents(world, id), 1);
        assert.deepEqual((await world.while(world.tasks.watchdog.run(RUN))).findings, []);
        assert.deepEqual(await world.money(), { available: 20, held: 0 });
      },
    );

    scenario(
      'T6 PC7: a task that nobody owns is shown by a dry run and taken up by a real one',
      {},
      async (world, provider) => {
        provider.onPoll = async (call) => hangUntilAborted(call.signal);
        const { id } = await world.create();
        await until(() => provider.polls > 0);
        await change(world, id, { lease_owner: null, lease_epoch: 40 });
        provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, 1) });
        const dry = await world.while(world.tasks.watchdog.run({ ...RUN, dryRun: true }));
        assert.deepEqual(
          dry.findings.map(({ kind: what, action, from, to, result }) => [what, action, from, to, result]),
          [['no_owner', 'deliver', 'running', 'succeeded', null]],
        );
        assert.equal((await world.find(id)).lease_epoch, 40);
        const looked = await world.while(world.tasks.watchdog.run(RUN));
        assert.deepEqual([looked.found, looked.repaired], [1, 1]);
        assert.equal((await world.ended(id)).status, 'succeeded');
        assert.equal(provider.submits.length, 1);
        const [real, dried] = await world.tasks.watchdog.history({ limit: 5 });
        assert.deepEqual([real?.dryRun, real?.repaired, dried?.dryRun, dried?.repaired], [false, 1, true, 0]);
        assert.deepEqual(real?.findings, looked.findings);
      },
    );

    scenario(
      'T6: what was taken over past its deadline is asked for and never sent',
      {},
      async (world, provider) => {
        provider.submitScript.push(async () => {
          throw new ProviderError('rate_limited', 'no', 'slow down', { retryAfterMs: 1_000 });
        });
        provider.submitScript.push((call) => hangUntilAborted(call.signal));
        const { id } = await world.create();
        await until(() => provider.submits.length === 2, { clock: world.clock, stepMs: 100 });
        const next = world.restart();
        world.clock.advance(LONG_AFTER_MS);
        await next;
        const task = await world.ended(id);
        assert.equal(decodeError(task.error ?? '').code, 'deadline_exceeded');
        assert.equal(provider.submits.length, 2);
        assert.deepEqual(await world.money(), { available: 20, held: 0 });
      },
    );

    scenario('C2 C4: credits and tasks that disagree are brought together', {}, async (world, provider) => {
      provider.onPoll = async (call) => hangUntilAborted(call.signal);
      const ended = await world.create();
      const settled = await world.create();
      await until(() => provider.polls === 2);
      await change(world, ended.id, {
        status: 'failed',
        phase: null,
        lease_owner: null,
        error: '{"code":"internal_error","detail":"by hand"}',
        finished_at: world.clock.now(),
        released_micros: 1e6,
      });
      const { hold_id: holdId } = await world.find(settled.id);
      await world.db.write(settleHold, { holdId, capturePictures: 0, now: world.clock.now() });
      const looked = await world.while(world.tasks.watchdog.run(RUN));
      assert.deepEqual(
        looked.findings.map(({ kind: what, taskId, result }) => [what, taskId, result]),
        [
          ['hold_open', ended.id, 'done'],
          ['hold_settled', settled.id, 'done'],
        ],
      );
      assert.equal((await world.find(settled.id)).status, 'failed');
      assert.deepEqual(await world.money(), { available: 20, held: 0 });
      assert.deepEqual((await world.while(world.tasks.watchdog.run(RUN))).findings, []);
    });

    scenario('two watchdogs are not at work at once', {}, async (world) => {
      const both = [world.tasks.watchdog.run(RUN), world.tasks.watchdog.run(RUN)];
      const outcomes = await Promise.allSettled(both);
      assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
      assert.equal((await world.tasks.watchdog.run(RUN)).error, null);
    });

    scenario(
      'Q4: a task under which its process dies is put aside after three times, others go on',
      {},
      async (world, provider) => {
        provider.onPoll = async (call) => hangUntilAborted(call.signal);
        const poison = await world.create();
        // Ids are in the order of time.
        world.clock.advance(10);
        const neighbour = await world.create();
        await until(() => provider.polls === 2);
        await world.restart();
        await until(() => provider.polls === 4);
        await world.restart();
        // From now on one after the other: the second waits until the first has lived for a minute or ended.
        await until(() => provider.polls === 5);
        await until(async () => (await world.find(poison.id)).adoptions === 3);
        assert.equal((await world.find(neighbour.id)).adoptions, 2);
        provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, 1) });
        await world.restart();
        const aside = await world.ended(poison.id);
        assert.equal(decodeError(aside.error ?? '').code, 'internal_error');
        assert.equal((await world.ended(neighbour.id)).status, 'succeeded');
        assert.deepEqual(await world.money(), { available: 19, held: 0 });
        assert.equal(provider.submits.length, 2);
      },
    );

    scenario('X9: being stopped in good order counts against no task', {}, async (world, provider) => {
      provider.onPoll = async (call) => hangUntilAborted(call.signal);
      const { id } = await world.create();
      await until(() => provider.polls === 1);
      for (let times = 2; times < 7; times += 1) {
        await world.while(world.replace());
        await until(() => provider.polls === times);
      }
      assert.equal((await world.find(id)).adoptions, 0);
      provider.onPoll = async (call) => ({ state: 'done', outputs: await pictures(call, 1) });
      await world.while(world.replace());
      assert.equal((await world.ended(id)).status, 'succeeded');
    });

    scenario('X3: cancelled in the queue: at once, and nothing is sent', {}, async (world, provider) => {
      provider.submitScript.push(async () => {
        throw new ProviderError('rate_limited', 'no', 'slow down', { retryAfterMs: 60_000 });
      });
      const { id } = await world.create();
      await until(async () => (await world.find(id)).status === 'delayed');
      const task = await world.tasks.cancel(id, world.access);
      assert.deepEqual([task.status, task.cancel_state], ['cancelled', 'confirmed']);
      assert.deepEqual(await world.money(), { available: 20, held: 0 });
      assert.equal(provider.submits.length, 1);
      assert.equal((await world.tasks.cancel(id, world.access)).version, task.version);
    });

    scenario(
      'X3: cancelled while it is submitted: the answer is waited for, then the job is stopped',
      {},
      async (world, provider) => {
        const answer = Promise.withResolvers<void>();
        provider.submitScript.push(async (call, self) => {
          await answer.promise;
          return { state: 'accepted', jobId: self.makeJob(call.clientRef), pollAfterMs: 0 };
        });
        provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 1_000 });
        const { id } = await world.create();
        await until(() => provider.submits.length === 1);
        assert.equal((await world.tasks.cancel(id, world.access)).cancel_state, 'requested');
        answer.resolve();
        const task = await world.ended(id);
        assert.deepEqual([task.status, task.cancel_state], ['cancelled', 'confirmed']);
        assert.deepEqual(provider.cancels, [...provider.jobs.values()]);
      },
    );

    scenario('X3: cancelled while it is unknown: found first, then stopped', {}, async (world, provider) => {
      let isAway = true;
      provider.lookup = async (call) => {
        if (isAway) throw new ProviderError('unavailable', 'no', '502');
        const jobId = provider.jobs.get(call.clientRef);
        return jobId === undefined ? { state: 'absent' } : { state: 'found', jobId };
      };
      provider.submitScript.push(async (call, self) => {
        self.makeJob(call.clientRef);
        throw new ProviderError('timeout', 'unknown', 'no answer');
      });
      provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 1_000 });
      const { id } = await world.create();
      await until(async () => (await world.find(id)).waiting_reason, { clock: world.clock, stepMs: 200 });
      await world.tasks.cancel(id, world.access);
      world.clock.advance(5_000);
      assert.equal((await world.find(id)).cancel_state, 'requested');
      isAway = false;
      const task = await world.ended(id);
      assert.deepEqual([task.status, task.cancel_state], ['cancelled', 'confirmed']);
      assert.equal(provider.cancels.length, 1);
      assert.equal(provider.submits.length, 1);
    });

    scenario(
      'X3: cancelled while it is saved: the picture stays and is charged, and that is said',
      {},
      async (world, provider) => {
        const open = Promise.withResolvers<void>();
        const bytes = await png(2);
        world.downloads.open = async () => {
          await open.promise;
          return (async function* () {
            yield bytes;
          })();
        };
        let isAsked = false;
        provider.onPoll = async () => {
          isAsked = true;
          return { state: 'done', outputs: [{ url: 'https://example.test/a.png', seed: 1 }] };
        };
        const { id } = await world.create();
        await until(() => isAsked);
        await until(async () => (await world.find(id)).phase === 'saving', {
          clock: world.clock,
          stepMs: 100,
        });
        await world.tasks.cancel(id, world.access);
        open.resolve();
        const task = await world.ended(id);
        assert.deepEqual([task.status, task.cancel_state], ['succeeded', 'finished_first']);
        assert.deepEqual(await world.money(), { available: 19, held: 0 });
      },
    );

    const lookupOnly = { capabilities: { idempotentSubmit: false } };
    scenario(
      'X3: a cancel after a second attempt stops that attempt’s job, not the first’s',
      lookupOnly,
      async (world, provider) => {
        provider.pollScript.push(
          async () => ({ state: 'lost' }),
          async () => ({ state: 'lost' }),
        );
        provider.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 1_000 });
        const { id } = await world.create();
        await until(() => provider.submits.length === 2 && provider.polls > 2, {
          clock: world.clock,
          stepMs: 200,
        });
        await world.tasks.cancel(id, world.access);
        await world.ended(id);
        const [, second] = await listAttempts(world.db.read, id);
        assert.deepEqual(provider.cancels, [second?.job_id]);
      },
    );

    scenario(
      'X4: retries of a failed task are new tasks with their own holds, and touch no old job',
      {},
      async (world, provider) => {
        provider.pollScript.push(async () => ({
          state: 'failed',
          error: new ProviderError('unavailable', 'yes', 'out of memory'),
        }));
        const { id } = await world.create();
        const failed = await world.ended(id);
        const [oldAttempt] = await listAttempts(world.db.read, id);
        const asked: string[] = [];
        provider.onPoll = async (call) => {
          asked.push(call.jobId);
          return { state: 'done', outputs: await pictures(call, 1) };
        };
        const storm = await Promise.all(
          Array.from({ length: 6 }, (_, i) => world.retry(id, i < 3 ? 'once' : null)),
        );
        const ids = [...new Set(storm.map(({ task }) => task.id))];
        assert.equal(ids.length, 4);
        for (const retry of ids) {
          const task = await world.ended(retry);
          assert.deepEqual([task.status, task.retry_of, task.captured_micros], ['succeeded', id, 1e6]);
        }
        assert.ok(!asked.includes(oldAttempt?.job_id ?? ''));
        assert.deepEqual(await world.find(id), failed);
        assert.deepEqual(await world.money(), { available: 16, held: 0 });
      },
    );

    test('C1: killed between the stored picture and its charge, the end is made once', async () => {
      const provider = new ScriptedProvider();
      let isKilled = false;
      // The first node dies when its end would be written: nothing of it is committed, nothing else happens.
      const spoil = (db: Db): Db => ({
        ...db,
        read: db.read,
        slow: db.slow,
        dialect: db.dialect,
        signal: (channel) => db.signal(channel),
        onSignal: (channel, listener) => db.onSignal(channel, listener),
        close: () => db.close(),
        write<I, O>(write: WriteFunction<I, O>, input: I): Promise<O> {
          if ((write as unknown) !== finishTask) return db.write(write, input);
          isKilled = true;
          return new Promise<never>(() => {});
        },
      });
      const world = await createTaskWorld(kind, provider, spoil);
      try {
        const { id } = await world.create({ n: 2 });
        await until(() => isKilled);
        assert.deepEqual(await world.money(), { available: 18, held: 2 });
        await world.restart();
        const task = await world.ended(id);
        assert.equal(task.captured_micros, 2e6);
        assert.equal((await findImagesOfTask(world.db.read, id)).length, 2);
        assert.equal(await finalEvents(world, id), 1);
        assert.deepEqual(await world.money(), { available: 18, held: 0 });
        assert.equal(provider.submits.length, 1);
      } finally {
        await world.close();
      }
    });
  });
}
