// The breaker: its states by a fake clock, one breaker for two nodes on every database, its history, and one probe in the
// whole cluster.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock, until } from '../../test/harness/clock.ts';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { FleetProvider } from '../../test/harness/provider-fleet.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import {
  FIRST_OPEN_MS,
  FIRST_THROTTLE_MS,
  freshChannel,
  LONGEST_OPEN_MS,
  LONGEST_THROTTLE_MS,
  nextChannel,
  OPEN_AFTER_FAILURES,
  openDelayMs,
  TRUSTED_PAUSES,
} from './breaker.ts';
import { ProviderError, type ProviderErrorKind } from './provider.ts';
import { Providers } from './providers.ts';
import { applyEvent, listHistory } from './store.ts';

const KEY = { provider: 'one', scope: 'model', name: 'picture' } as const;
const REASON = { code: 'provider_unavailable', detail: '502' } as const;

test('an open breaker waits 30 s, then twice as long each time, 10 minutes at most, with jitter', () => {
  const delays = [1, 2, 3, 4, 5, 6, 20].map((openings) => openDelayMs(KEY, openings));
  const plain = [1, 2, 4, 8, 16, 20, 20].map((factor) => factor * FIRST_OPEN_MS);
  for (const [i, delay] of delays.entries())
    assert.ok(Math.abs(delay / (plain[i] ?? 0) - 1) <= 0.2, `${delay} at opening ${i + 1}`);
  assert.ok(Math.max(...delays) <= LONGEST_OPEN_MS * 1.2);
  assert.notEqual(openDelayMs(KEY, 1), openDelayMs({ ...KEY, name: 'other' }, 1));
});

test('S5: an absurd Retry-After is capped, and a burst of refusals is one', () => {
  const asked = nextChannel(freshChannel(KEY), { type: 'throttle', retryAfterMs: 10 ** 12 }, 1_000);
  assert.equal(asked.throttled_until, 1_000 + LONGEST_THROTTLE_MS);
  let burst = freshChannel(KEY);
  for (let i = 0; i < 20; i += 1)
    burst = nextChannel(burst, { type: 'throttle', retryAfterMs: null }, 1_000 + i);
  assert.equal(burst.throttles, 1);
  const late = nextChannel(burst, { type: 'success', startedAt: 0 }, 1_100);
  assert.equal(late.throttled_until, burst.throttled_until, 'a call under way does not end the pause');
});

test('S5: a pause that is asked for is taken at its word, unless it helps nothing time and again', () => {
  let channel = freshChannel(KEY);
  let now = 1_000;
  const pauses: number[] = [];
  for (let i = 0; i < TRUSTED_PAUSES + 2; i += 1) {
    channel = nextChannel(channel, { type: 'throttle', retryAfterMs: 1_500 }, now);
    pauses.push((channel.throttled_until ?? 0) - now);
    now = channel.throttled_until ?? now;
  }
  assert.deepEqual(pauses, [
    ...Array(TRUSTED_PAUSES).fill(1_500),
    2 * FIRST_THROTTLE_MS,
    4 * FIRST_THROTTLE_MS,
  ]);
  const helped = nextChannel(channel, { type: 'success', startedAt: now }, now + 1);
  const again = nextChannel(helped, { type: 'throttle', retryAfterMs: 1_500 }, now + 2);
  assert.equal((again.throttled_until ?? 0) - now - 2, 1_500);
});

test('what was sent before a breaker changed says nothing about it after', () => {
  const failure = { type: 'failure', reason: REASON, startedAt: 10, taskId: 't' } as const;
  let channel = freshChannel(KEY);
  for (let i = 0; i < OPEN_AFTER_FAILURES; i += 1) channel = nextChannel(channel, failure, 20);
  assert.equal(channel.state, 'open');
  assert.equal(nextChannel(channel, { type: 'success', startedAt: 10 }, 30).state, 'open');
  const halfOpen = nextChannel(channel, { type: 'probe_ok' }, 40_000);
  assert.equal(halfOpen.state, 'half_open');
  assert.equal(nextChannel(halfOpen, failure, 41_000).state, 'half_open', 'a late timeout');
  const trial = { ...halfOpen, trial_task: 'trial' };
  const other = { ...failure, startedAt: 41_000 };
  assert.equal(nextChannel(trial, other, 42_000).state, 'half_open', "another task's failure");
  const again = nextChannel(trial, { ...other, taskId: 'trial' }, 42_000);
  assert.deepEqual([again.state, again.openings], ['open', 2]);
});

/** Two nodes of one cluster. */
function twoNodes(db: Db, clock: FakeClock, channel: FleetProvider): [Providers, Providers] {
  const log = createMemoryLogger();
  const make = () =>
    new Providers({
      entries: [{ adapter: channel, lane: { concurrency: 4, deadlineMs: 60_000 } }],
      defaultModel: null,
      priceMicrosByModel: new Map(),
      db,
      clock,
      log,
    });
  return [make(), make()];
}

for (const { kind, skip } of databaseKinds().filter((each) => each.kind !== 'sqlite')) {
  describe(`breaker on ${kind}`, { skip }, () => {
    const scenario = (
      name: string,
      channel: () => FleetProvider,
      run: (world: {
        db: Db;
        clock: FakeClock;
        channel: FleetProvider;
        nodes: [Providers, Providers];
        fail(node: Providers, failure: ProviderErrorKind, credential?: string | null): Promise<void>;
      }) => Promise<void>,
    ) =>
      test(name, async () => {
        const opened = await openTestDb(kind);
        const clock = new FakeClock();
        const provider = channel();
        const nodes = twoNodes(opened.db, clock, provider);
        for (const node of nodes) await node.start();
        const fail = (node: Providers, failure: ProviderErrorKind, credential: string | null = null) =>
          node.reportFailure(
            { provider: 'one', model: 'picture', credential, taskId: 't', startedAt: clock.now() },
            new ProviderError(failure, 'no', `it says ${failure}`),
          );
        try {
          await run({ db: opened.db, clock, channel: provider, nodes, fail });
        } finally {
          for (const node of nodes) await node.close();
          await opened.close();
        }
      });
    const one = () => new FleetProvider('one');
    const breakerOf = async (node: Providers) => (await node.detail('one')).models[0]?.breaker;

    scenario(
      'failures of the service open it on both nodes, a probe half-opens, a success closes',
      one,
      async (world) => {
        const { nodes, clock, fail, channel } = world;
        const [first, second] = nodes;
        // Counted together, whichever node saw them.
        for (let i = 1; i < OPEN_AFTER_FAILURES; i += 1) await fail(i % 2 ? first : second, 'timeout');
        assert.equal((await breakerOf(first))?.state, 'closed');
        await fail(second, 'unavailable');
        const state = async (node: Providers) => (await breakerOf(node))?.state;
        await until(async () => (await state(first)) === 'open' && (await state(second)) === 'open');
        const seen = await breakerOf(first);
        assert.equal(seen?.failures, OPEN_AFTER_FAILURES);
        assert.equal(seen?.reason?.detail, 'it says unavailable');
        assert.ok(seen?.next_probe_at);
        assert.deepEqual(first.gate('one')?.models, []);
        const refusal = () => first.chooseRoute(first.requireModel('picture', null).routes, 't');
        assert.throws(refusal, (error) => {
          assert.ok(error instanceof AppError);
          assert.equal(error.code, 'provider_unavailable');
          assert.ok((error.options.retryAfterS ?? 0) > 20);
          return true;
        });
        // Opening it asks once, for nothing, whether it is the whole provider.
        await until(() => channel.probed.length === 1);
        await until(
          async () => (await state(first)) === 'half_open' && (await state(second)) === 'half_open',
          {
            clock,
            stepMs: 1_000,
          },
        );
        assert.equal(channel.probed.length, 2, 'one probe in the cluster');
        assert.deepEqual(second.gate('one')?.trials, [{ scope: 'model', name: 'picture' }]);
        await second.reportSuccess({
          provider: 'one',
          model: 'picture',
          credential: null,
          taskId: 't',
          startedAt: clock.now(),
        });
        await until(async () => (await state(first)) === 'closed');
        const history = await first.history('one', 10);
        assert.deepEqual(
          history.map(({ from, to }) => `${from}>${to}`),
          ['half_open>closed', 'open>half_open', 'closed>open'],
        );
        assert.equal(history[2]?.reason?.detail, 'it says unavailable');
      },
    );

    scenario('a probe that fails keeps it open longer', one, async ({ nodes, clock, channel, fail }) => {
      const [first] = nodes;
      for (let i = 0; i < OPEN_AFTER_FAILURES; i += 1) await fail(first, 'bad_answer');
      await until(() => channel.probed.length === 1);
      channel.onProbe = () => Promise.reject(new ProviderError('unreachable', 'no', 'refused'));
      const openedAt = clock.now();
      await until(() => channel.probed.length === 3, { clock, stepMs: 1_000 });
      // 30 s and 60 s, each with 20 % of jitter.
      assert.ok(clock.now() - openedAt >= 72_000, `${clock.now() - openedAt} ms`);
    });

    scenario('the request itself being refused never counts', one, async ({ nodes, fail }) => {
      const [first] = nodes;
      for (let i = 0; i < 3 * OPEN_AFTER_FAILURES; i += 1) {
        await fail(first, 'invalid_request');
        await fail(first, 'content_blocked');
      }
      assert.deepEqual(await breakerOf(first), {
        state: 'closed',
        reason: null,
        next_probe_at: null,
        failures: 0,
      });
    });

    scenario('a success forgets the failures before it', one, async ({ nodes, fail, clock }) => {
      const [first] = nodes;
      for (let i = 1; i < OPEN_AFTER_FAILURES; i += 1) await fail(first, 'timeout');
      const news = { provider: 'one', model: 'picture', credential: null, taskId: 't' };
      await first.reportSuccess({ ...news, startedAt: clock.now() });
      for (let i = 1; i < OPEN_AFTER_FAILURES; i += 1) await fail(first, 'timeout');
      assert.equal((await breakerOf(first))?.state, 'closed');
    });

    const twoAccounts = () =>
      new FleetProvider('one', {
        credentials: [
          { id: 'a', label: 'account 1 of 2' },
          { id: 'b', label: 'account 2 of 2' },
        ],
      });
    scenario('S6: a refused account is parked alone, until one good probe', twoAccounts, async (world) => {
      const { nodes, clock, channel, fail } = world;
      const [first, second] = nodes;
      await fail(first, 'credentials_expired', 'a');
      await until(() => second.accounts('one')?.length === 1);
      assert.deepEqual(
        second.accounts('one')?.map(({ id }) => id),
        ['b'],
      );
      assert.equal(second.health('one')?.state, 'degraded');
      await until(() => first.accounts('one')?.length === 2, { clock, stepMs: 1_000 });
      assert.deepEqual(channel.probed, ['a'], 'one probe, of that account');
      await fail(first, 'credentials_expired', 'a');
      await fail(first, 'quota_exhausted', 'b');
      await until(() => second.gate('one')?.concurrency === 0);
      assert.equal(second.health('one')?.state, 'down');
    });

    scenario(
      'draining outlives a node, and is in the history',
      one,
      async ({ db, nodes, clock, channel }) => {
        const [first, second] = nodes;
        await first.drain('one');
        await until(() => second.gate('one')?.concurrency === 0);
        const [restarted] = twoNodes(db, clock, channel);
        await restarted.start();
        assert.equal((await restarted.detail('one')).isDrained, true);
        assert.match(restarted.waitingReason('one', 'picture') ?? '', /operator/);
        await second.undrain('one');
        await until(() => first.gate('one')?.concurrency === 4);
        assert.equal((await first.history('one', 1))[0]?.to, 'closed');
        await restarted.close();
      },
    );

    scenario('the history keeps its newest rows', one, async ({ db, clock }) => {
      const key = { provider: 'one', scope: 'provider', name: '' } as const;
      for (let i = 0; i < 110; i += 1) {
        clock.advance(1);
        await db.write(applyEvent, { key, event: { type: 'drain' }, now: clock.now() });
        await db.write(applyEvent, { key, event: { type: 'undrain' }, now: clock.now() });
      }
      const rows = await listHistory(db.read, 'one', 1_000);
      assert.equal(rows.length, 200);
      assert.equal(rows[0]?.at, clock.now());
    });
  });
}
