// Tasks among several providers and accounts: where one goes when a provider fails, what waits and for what, and that nothing
// that a provider may have taken is ever sent to another.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from '../../test/harness/clock.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { type Fleet, FleetProvider, openFleet } from '../../test/harness/provider-fleet.ts';
import { pictures } from '../../test/harness/scripted-provider.ts';
import { systemClock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { ProviderError, type ProviderErrorKind } from '../providers/provider.ts';
import { decodeError } from './outcome.ts';

type Options = Parameters<typeof openFleet>[2];

/** While a picture is decoded and stored, which takes real time, neither a deadline nor a breaker's patience must run out. */
const SLOW_STEP_MS = 20;

/** Fails every submit until it is told to stop. */
function failing(channel: FleetProvider, kind: ProviderErrorKind, retryAfterMs?: number) {
  const submit = channel.submit.bind(channel);
  let isOver = false;
  channel.submit = async (call) => {
    if (isOver) return submit(call);
    channel.log.push({ credential: call.credential ?? null, at: channel.clock?.now() ?? 0 });
    throw new ProviderError(
      kind,
      'no',
      `it says ${kind}`,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  };
  return () => {
    isOver = true;
  };
}

/** A probe that fails until it is told to stop. */
function unprobeable(channel: FleetProvider, kind: ProviderErrorKind) {
  channel.onProbe = () => Promise.reject(new ProviderError(kind, 'no', `it says ${kind}`));
  return () => {
    channel.onProbe = async () => ({ note: null });
  };
}

for (const { kind, skip } of databaseKinds().filter((each) => each.kind !== 'sqlite')) {
  describe(`routing on ${kind}`, { skip }, () => {
    const scenario = (
      name: string,
      make: () => FleetProvider[],
      options: Options,
      run: (fleet: Fleet, ...channels: FleetProvider[]) => Promise<void>,
    ) =>
      test(name, async () => {
        const channels = make();
        const fleet = await openFleet(kind, channels, options);
        try {
          await run(fleet, ...channels);
        } finally {
          await fleet.close();
        }
      });
    const two = () => [new FleetProvider('first'), new FleetProvider('second', { priceMicros: 2_000_000 })];
    const outcomes = async (fleet: Fleet, id: string) =>
      (await fleet.attempts(id)).map(({ provider, outcome }) => `${provider} ${outcome}`);

    scenario('S1: what was not sent goes to the next route at once', two, {}, async (fleet, first) => {
      assert.ok(first);
      failing(first, 'unreachable');
      const startedAt = fleet.clock.now();
      const { id } = await fleet.create();
      const task = await fleet.ended(id, 10);
      assert.equal(task.status, 'succeeded');
      assert.deepEqual(await outcomes(fleet, id), ['first not_sent', 'second succeeded']);
      assert.ok(fleet.clock.now() - startedAt < 5_000);
      assert.equal((await fleet.shown(id)).provider, 'second');
    });

    scenario(
      'the price is frozen when it is held, whatever route does the work',
      two,
      {},
      async (fleet, first) => {
        assert.ok(first);
        failing(first, 'unavailable');
        assert.equal(fleet.quote().costMicros, 2_000_000);
        const { id } = await fleet.create({ n: 2 });
        const task = await fleet.ended(id, 10);
        assert.equal(task.captured_micros, 4_000_000);
        assert.deepEqual(await fleet.money(), { available: 16, held: 0 });
      },
    );

    const uncertain = () => [
      new FleetProvider('first', {
        script: { capabilities: { lookup: false, idempotentSubmit: false } },
      }),
      new FleetProvider('second'),
    ];
    scenario(
      'P1: what may have been taken is never sent to another',
      uncertain,
      {},
      async (fleet, first, second) => {
        assert.ok(first && second);
        first.script.submitScript.push(async (call, self) => {
          self.makeJob(call.clientRef);
          throw new ProviderError('timeout', 'unknown', 'no answer');
        });
        const { id } = await fleet.create();
        const task = await fleet.ended(id);
        assert.equal(decodeError(task.error ?? '').code, 'submit_unknown');
        assert.deepEqual([first.script.jobs.size, second.log.length], [1, 0]);
      },
    );

    scenario('P1: nor what was lost', two, {}, async (fleet, first, second) => {
      assert.ok(first && second);
      first.script.onPoll = async () => ({ state: 'lost' });
      const { id } = await fleet.create();
      await until(() => first.log.length === 1);
      failing(first, 'unreachable');
      await until(() => first.log.length >= 3, { clock: fleet.clock, stepMs: 500 });
      assert.equal(second.log.length, 0);
      await fleet.ended(id, 20_000);
      assert.equal(second.log.length, 0);
    });

    scenario('a pinned provider is the only one', two, {}, async (fleet, first, second) => {
      assert.ok(first && second);
      const mend = failing(first, 'unavailable');
      const { id } = await fleet.create({ provider: 'first' });
      await until(() => first.log.length === 2, { clock: fleet.clock, stepMs: 200 });
      mend();
      assert.equal((await fleet.ended(id)).lane, 'first');
      assert.equal(second.log.length, 0);
    });

    const unlike = () => [
      new FleetProvider('first', { script: { capabilities: { maxImages: 1 } } }),
      new FleetProvider('second', { script: { capabilities: { negativePrompt: false } } }),
    ];
    scenario('a route that cannot do the request is not chosen', unlike, {}, async (fleet, first, second) => {
      assert.ok(first && second);
      assert.equal(fleet.quote({ n: 3 }).model.provider, 'second');
      assert.equal(fleet.quote({ negative_prompt: 'fog' }).model.provider, 'first');
      assert.throws(() => fleet.quote({ n: 3, negative_prompt: 'fog' }), /at most 1/);
      failing(first, 'unavailable');
      const { id } = await fleet.create({ negative_prompt: 'fog' });
      await until(() => first.log.length === 3, { clock: fleet.clock, stepMs: 200 });
      assert.equal((await fleet.task(id)).lane, 'first');
      assert.equal(second.log.length, 0);
    });

    const one = () => [new FleetProvider('first')];
    scenario(
      'S5: an absurd Retry-After pauses the lane, capped, and burns nothing',
      one,
      {},
      async (fleet, first) => {
        assert.ok(first);
        const mend = failing(first, 'rate_limited', 10 ** 9);
        const startedAt = fleet.clock.now();
        const { id } = await fleet.create();
        await until(async () => (await fleet.task(id)).status === 'delayed');
        mend();
        const second = await fleet.create();
        await until(async () => (await fleet.shown(second.id)).waiting_reason?.includes('asked for a pause'));
        assert.equal(first.log.length, 1, 'nobody else tries meanwhile');
        // Fast through the pause and slowly from its end on: what is then done takes real time.
        await until(() => fleet.clock.now() >= startedAt + 295_000, { clock: fleet.clock, stepMs: 2_000 });
        assert.equal(first.log.length, 1, 'nor does anybody before its end');
        const task = await fleet.ended(id, SLOW_STEP_MS);
        assert.equal(task.status, 'succeeded');
        const pauseMs = (first.log[1]?.at ?? 0) - startedAt;
        assert.ok(pauseMs >= 300_000 && pauseMs < 320_000, `${pauseMs} ms`);
        assert.deepEqual(await outcomes(fleet, id), ['first rejected', 'first succeeded']);
        await fleet.ended(second.id);
      },
    );

    const accounts = () => [
      new FleetProvider('first', {
        credentials: [
          { id: 'a', label: 'account 1 of 2' },
          { id: 'b', label: 'account 2 of 2' },
        ],
      }),
    ];
    scenario(
      'S6: the other account is used at once, and the refused one asked once a probe',
      accounts,
      {},
      async (fleet, first) => {
        assert.ok(first);
        const refused = new Set(['a']);
        const submit = first.submit.bind(first);
        first.submit = async (call) => {
          if (!refused.has(call.credential ?? '')) return submit(call);
          first.log.push({ credential: call.credential ?? null, at: fleet.clock.now() });
          throw new ProviderError('credentials_expired', 'no', 'sign in again');
        };
        first.onProbe = async (credential) => {
          if (refused.has(credential ?? ''))
            throw new ProviderError('credentials_expired', 'no', 'sign in again');
          return { note: null };
        };
        for (let i = 0; i < 6; i += 1) await fleet.ended((await fleet.create()).id, 10);
        const used = first.log.map(({ credential }) => credential);
        assert.equal(used.filter((credential) => credential === 'a').length, 1);
        assert.equal(used.filter((credential) => credential === 'b').length, 6);
        assert.equal(first.probed.length, 0, 'no hot loop');
        refused.clear();
        await until(() => fleet.providers.accounts('first')?.length === 2, {
          clock: fleet.clock,
          stepMs: 1_000,
        });
        assert.deepEqual(first.probed, ['a']);
        const detail = await fleet.providers.detail('first');
        assert.deepEqual(
          detail.credentials.map(({ state }) => state),
          ['healthy', 'healthy'],
        );
      },
    );

    scenario(
      'S6: with its only account refused, tasks wait, new ones get 503, one probe mends it',
      one,
      {},
      async (fleet, first) => {
        assert.ok(first);
        const mend = failing(first, 'credentials_expired');
        const recover = unprobeable(first, 'credentials_expired');
        const { id } = await fleet.create();
        await until(() => first.log.length === 1);
        await until(() => fleet.providers.health('first')?.state === 'down');
        await assert.rejects(fleet.create(), (error) => {
          assert.ok(error instanceof AppError);
          assert.equal(error.code, 'provider_credentials_expired');
          assert.ok((error.options.retryAfterS ?? 0) > 0);
          return true;
        });
        await until(async () => (await fleet.task(id)).status === 'queued', {
          clock: fleet.clock,
          stepMs: 200,
        });
        assert.match((await fleet.shown(id)).waiting_reason ?? '', /it says credentials_expired/);
        await until(() => first.probed.length === 2, { clock: fleet.clock, stepMs: 1_000 });
        assert.equal(first.log.length, 1, 'only probes ask');
        mend();
        recover();
        await until(() => first.log.length === 2, { clock: fleet.clock, stepMs: 1_000 });
        assert.equal((await fleet.ended(id, SLOW_STEP_MS)).status, 'succeeded');
        assert.equal(first.probed.length, 3);
      },
    );

    scenario(
      'S7: without credit the task goes elsewhere, and later ones go there first',
      two,
      {},
      async (fleet, first, second) => {
        assert.ok(first && second);
        failing(first, 'quota_exhausted');
        const { id } = await fleet.create();
        assert.equal((await fleet.ended(id, 10)).lane, 'second');
        assert.equal(fleet.quote().model.provider, 'second');
        assert.equal((await fleet.create()).lane, 'second');
      },
    );

    scenario(
      'S7: with nowhere to go it waits, and a trial after a good probe finds out',
      one,
      {},
      async (fleet, first) => {
        assert.ok(first);
        const mend = failing(first, 'quota_exhausted');
        const { id } = await fleet.create();
        await until(() => first.log.length === 1);
        // The probe is content; only a task shows that the credit is still gone.
        await until(() => first.log.length === 2, { clock: fleet.clock, stepMs: 1_000 });
        await until(() => fleet.providers.health('first')?.state === 'down');
        mend();
        await until(() => first.log.length === 3, { clock: fleet.clock, stepMs: 1_000 });
        assert.equal((await fleet.ended(id, SLOW_STEP_MS)).status, 'succeeded');
        assert.equal(first.log.length, 3);
      },
    );

    scenario(
      'queued tasks move when a breaker opens before them',
      two,
      { lanes: { first: { concurrency: 1 } } },
      async (fleet, first, second) => {
        assert.ok(first && second);
        let isHanging = true;
        first.script.onPoll = async (call) =>
          isHanging
            ? { state: 'running', progress: null, pollAfterMs: 1_000 }
            : { state: 'done', outputs: await pictures(call, 1) };
        const busy = await fleet.create();
        await until(() => first.log.length === 1);
        const ids = [];
        for (let i = 0; i < 5; i += 1) ids.push((await fleet.create()).id);
        const stays = await fleet.create({ provider: 'first' });
        unprobeable(first, 'unreachable');
        await fleet.providers.probe('first');
        for (const id of ids) {
          const task = await fleet.ended(id);
          assert.deepEqual([task.status, task.lane], ['succeeded', 'second']);
        }
        assert.equal(first.log.length, 1);
        assert.match((await fleet.shown(stays.id)).waiting_reason ?? '', /unreachable/);
        isHanging = false;
        assert.equal((await fleet.ended(busy.id)).lane, 'first', 'a job that runs stays where it is');
      },
    );

    scenario(
      'a drained provider finishes what it has, and gets nothing new',
      two,
      {},
      async (fleet, first, second) => {
        assert.ok(first && second);
        await fleet.providers.drain('first');
        assert.equal((await fleet.create()).lane, 'second');
        await fleet.providers.drain('second');
        await assert.rejects(fleet.create(), { code: 'provider_unavailable' });
        await fleet.providers.undrain('first');
        assert.equal((await fleet.ended((await fleet.create()).id)).lane, 'first');
      },
    );

    /** Rates go by the database's clock, which on PostgreSQL no test can turn. */
    const rateClock = (fleet: Fleet) => (kind === 'postgres' ? systemClock : fleet.clock);

    const rated = { lanes: { first: { requestsPerMinute: 60, concurrency: 50 } } };
    scenario(
      'no more tasks are started in a minute than the limit says',
      one,
      rated,
      async (fleet, first) => {
        assert.ok(first);
        first.clock = rateClock(fleet);
        const ids = [];
        for (let i = 0; i < 9; i += 1) ids.push((await fleet.create()).id);
        for (const id of ids) await fleet.ended(id, 200);
        // Six at once is what the bucket holds; then one a second.
        const [begin = 0, end = 0] = [first.log[0]?.at, first.log.at(-1)?.at];
        assert.equal(first.log.length, 9);
        assert.ok(end - begin >= 2_000, `${end - begin} ms`);
      },
    );

    const narrow = { lanes: { first: { credentialConcurrency: 1, credentialRequestsPerMinute: 20 } } };
    scenario(
      'each account has its own places and rate, and the least busy one is taken',
      accounts,
      narrow,
      async (fleet, first) => {
        assert.ok(first);
        first.clock = rateClock(fleet);
        let isReleased = false;
        first.script.onPoll = async (call) =>
          isReleased
            ? { state: 'done', outputs: await pictures(call, 1) }
            : { state: 'running', progress: null, pollAfterMs: 500 };
        const ids: string[] = [];
        for (let i = 0; i < 6; i += 1) ids.push((await fleet.create()).id);
        await until(() => first.log.length === 2);
        assert.deepEqual(first.log.map(({ credential }) => credential).sort(), ['a', 'b']);
        await until(async () => (await fleet.task(ids[0] ?? '')).phase === 'waiting');
        assert.equal(first.log.length, 2, 'one place each');
        isReleased = true;
        for (const id of ids) {
          await fleet.ended(id, 100);
          // A place that was not free burnt no attempt.
          assert.equal((await fleet.attempts(id)).length, 1);
        }
        for (const account of ['a', 'b']) {
          const times = first.log.filter(({ credential }) => credential === account).map(({ at }) => at);
          // Two are in the bucket, the next token comes after 3 s.
          if (times.length > 2) assert.ok((times[2] ?? 0) - (times[0] ?? 0) >= 2_500, `${times}`);
        }
      },
    );

    const addressed = () => [new FleetProvider('first', { endpoints: ['http://old.test'] })];
    scenario(
      'S15: a job is not spoken of at another address, and goes on when its own is back',
      addressed,
      {},
      async (fleet, first) => {
        assert.ok(first);
        let isDone = false;
        first.script.onPoll = async (call) =>
          isDone
            ? { state: 'done', outputs: await pictures(call, 1) }
            : { state: 'running', progress: null, pollAfterMs: 500 };
        const { id } = await fleet.create();
        await until(() => first.script.polls > 1, { clock: fleet.clock, stepMs: 200 });
        isDone = true;
        first.endpoints = ['http://new.test'];
        const polls = first.script.polls;
        await until(async () => (await fleet.shown(id)).waiting_reason?.includes('another address'), {
          clock: fleet.clock,
          stepMs: 100,
        });
        const shown = first.script.polls;
        assert.ok(shown <= polls + 1, 'a poll that was under way at most');
        first.endpoints = ['http://old.test'];
        await until(() => first.script.polls > shown, { clock: fleet.clock, stepMs: 200 });
        assert.equal((await fleet.ended(id, SLOW_STEP_MS)).status, 'succeeded');
        assert.equal(first.log.length, 1);
      },
    );

    scenario('S15: an address that never comes back costs nothing', addressed, {}, async (fleet, first) => {
      assert.ok(first);
      first.script.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 500 });
      const { id } = await fleet.create();
      await until(() => first.script.polls > 1, { clock: fleet.clock, stepMs: 200 });
      first.endpoints = ['http://new.test'];
      const task = await fleet.ended(id, 10_000);
      assert.equal(task.status, 'failed');
      assert.deepEqual([first.log.length, first.script.cancels.length], [1, 0]);
      assert.deepEqual(await fleet.money(), { available: 20, held: 0 });
    });

    const crowd = { maxOpenTasks: 1_000, startingCredits: 1_000, deadlineMs: 3_600_000 };
    scenario(
      'X16: after 10 minutes of outage the provider sees no storm',
      one,
      crowd,
      async (fleet, first) => {
        assert.ok(first);
        const { clock } = fleet;
        // Each job takes 6 s at 4 places: 40 a minute.
        const startedAtMs = new Map<string, number>();
        first.script.onPoll = async (call) => {
          const begun = startedAtMs.get(call.jobId) ?? clock.now();
          startedAtMs.set(call.jobId, begun);
          // Refused pictures are not decoded, which would take real time.
          return clock.now() - begun >= 6_000
            ? { state: 'failed', error: new ProviderError('content_blocked', 'yes', 'not this one') }
            : { state: 'running', progress: null, pollAfterMs: 6_000 };
        };
        for (let i = 0; i < 500; i += 1) await fleet.create();
        const mend = failing(first, 'unavailable');
        const recover = unprobeable(first, 'unreachable');
        const end = clock.now() + 600_000;
        await until(() => clock.now() >= end, { clock, stepMs: 1_000, limitMs: 60_000 });
        assert.ok(first.log.length < 30, `${first.log.length} submits in the outage`);
        mend();
        recover();
        const before = first.log.length;
        await until(() => first.log.length > before, { clock, stepMs: 500, limitMs: 60_000 });
        const recoveredAt = clock.now();
        // Slowly: how much is submitted in this minute depends on what the database manages in it.
        await until(() => clock.now() >= recoveredAt + 60_000, { clock, stepMs: 100, limitMs: 60_000 });
        const seen = first.log.filter(({ at }) => at >= recoveredAt && at < recoveredAt + 60_000).length;
        assert.ok(seen <= 80, `${seen} submits in the minute of the recovery`);
        assert.ok(seen >= 10, `${seen}: it must recover`);
      },
    );
  });
}
