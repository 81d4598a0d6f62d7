// What a task's answer says of time: medians and estimates, where a task's time went, and why it changed its provider.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startTestApp } from '../../test/harness/app.ts';
import { until } from '../../test/harness/clock.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { FleetProvider, openFleet } from '../../test/harness/provider-fleet.ts';
import { ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import { copyTask } from '../../test/harness/task-copies.ts';
import { newId } from '../kernel/id.ts';
import { findImagesOfTask } from '../media/media.ts';
import { ProviderError } from '../providers/provider.ts';
import { BOOK_TTL_MS, DURATION_WINDOW_MS, DurationBook, Durations, estimateMs } from './durations.ts';

test('an estimate is the wait for a place and the picture itself', () => {
  const cases: [ahead: number, concurrency: number, expected: number][] = [
    [0, 1, 10],
    [1, 1, 20],
    [4, 1, 50],
    [0, 4, 10],
    // The last free place.
    [3, 4, 10],
    [4, 4, 12.5],
    [11, 4, 30],
    [2, 0, 30],
  ];
  for (const [ahead, concurrency, expected] of cases)
    assert.equal(estimateMs(10, ahead, concurrency), expected, `${ahead} before it, ${concurrency} at once`);
});

for (const { kind, skip } of databaseKinds()) {
  if (kind === 'sqlite-inline') continue;
  describe(`durations on ${kind}`, { skip }, () => {
    test('a task says where its time went, and why it went to another provider', async () => {
      const [first, second] = [new FleetProvider('first'), new FleetProvider('second')];
      const fleet = await openFleet(kind, [first, second]);
      try {
        first.submit = () =>
          Promise.reject(new ProviderError('unavailable', 'no', 'it is closed on Sundays'));
        const { onPoll } = second.script;
        let firstPollAt: number | null = null;
        second.script.onPoll = async (call, self) => {
          firstPollAt ??= fleet.clock.now();
          if (fleet.clock.now() - firstPollAt >= 3_000) return onPoll(call, self);
          return { state: 'running', progress: null, pollAfterMs: 500 };
        };
        const { id } = await fleet.create({ prompt: 'a clock' });
        await fleet.ended(id, 100);
        const shown = await fleet.shown(id);
        assert.equal(shown.status, 'succeeded');
        const [failed, done] = shown.attempts;
        assert.equal(failed?.switched, null);
        assert.deepEqual(done?.switched, {
          from: 'first',
          reason: failed?.error,
          reason_code: failed?.error_code,
        });
        assert.match(failed?.error ?? '', /Sundays/);
        assert.deepEqual([failed?.submit_ms, failed?.wait_ms, failed?.save_ms], [null, null, null]);
        const { queued_ms, submit_ms, wait_ms, save_ms, total_ms } = shown.timings;
        assert.ok(wait_ms !== null && wait_ms >= 3_000, `waited ${wait_ms}`);
        for (const part of [queued_ms, submit_ms, wait_ms, save_ms])
          assert.ok(part !== null && part <= (total_ms ?? 0));
        assert.deepEqual([shown.style, shown.final_prompt, shown.eta_s], [null, 'a clock', null]);
        assert.equal(shown.provider_model, 'picture');
      } finally {
        await fleet.close();
      }
    });

    test('a task that waits or runs says about when it is ready', async () => {
      const first = new FleetProvider('first');
      const fleet = await openFleet(kind, [first], { lanes: { first: { concurrency: 1 } } });
      try {
        const made = await fleet.create();
        await fleet.ended(made.id);
        const row = await fleet.task(made.id);
        const [image] = await findImagesOfTask(fleet.db.read, made.id);
        assert.ok(image);
        fleet.clock.advance(1);
        const now = fleet.clock.now();
        const times = { started_at: now - 60_000, finished_at: now, status: 'succeeded' as const };
        const copies = Array.from({ length: 3 }, () => ({ ...times, id: newId('task', now) }));
        await fleet.db.write(copyTask, { task: row, copies, image });
        fleet.clock.advance(BOOK_TTL_MS);
        await fleet.tasks.durations.book();
        const { onPoll } = first.script;
        first.script.onPoll = async () => ({ state: 'running', progress: null, pollAfterMs: 100 });
        const [running, next] = [await fleet.create(), await fleet.create()];
        await until(async () => (await fleet.task(running.id)).phase === 'waiting', {
          clock: fleet.clock,
          stepMs: 10,
        });
        const { eta_s: left } = await fleet.shown(running.id);
        assert.ok(left !== null && left > 0 && left <= 60, `${left}`);
        assert.deepEqual(
          [(await fleet.shown(next.id)).eta_s, (await fleet.shown(next.id)).queue_position],
          [60, 1],
        );
        first.script.onPoll = onPoll;
        for (const { id } of [running, next]) {
          await fleet.ended(id);
          assert.equal((await fleet.shown(id)).eta_s, null);
        }
      } finally {
        await fleet.close();
      }
    });

    test('medians are of the last hour, for each provider and model', async () => {
      const fleet = await openFleet(kind, [new FleetProvider('first')]);
      try {
        const task = await fleet.create();
        await fleet.ended(task.id);
        const row = await fleet.task(task.id);
        fleet.clock.advance(1);
        const now = fleet.clock.now();
        const durations = new Durations(fleet.db, fleet.clock);
        const run = (
          lane: string,
          ms: number,
          status: 'succeeded' | 'failed' = 'succeeded',
          ended = now,
        ) => ({
          id: newId('task', now),
          lane,
          provider_model: 'x',
          started_at: ended - ms,
          finished_at: ended,
          status,
        });
        const copies = [
          ...[9, 1, 5].map((seconds) => run('odd', seconds * 1000)),
          ...[4, 2].map((seconds) => run('even', seconds * 1000)),
          run('odd', 900_000, 'failed'),
          run('even', 900_000, 'succeeded', now - DURATION_WINDOW_MS - 1),
        ];
        const [image] = await findImagesOfTask(fleet.db.read, task.id);
        assert.ok(image);
        await fleet.db.write(copyTask, { task: row, copies, image });
        // However many wait, what was finished is found.
        const waiting = Array.from({ length: 50 }, () => ({ id: newId('task', now + 1_000) }));
        await fleet.db.write(copyTask, { task: row, copies: waiting });
        const book = await durations.book();
        assert.deepEqual(
          [book.medianMs('odd', 'x'), book.medianMs('even', 'x'), book.medianMs('odd', 'y')],
          [5_000, 3_000, null],
        );
        // It is not read again for every question.
        assert.equal(await durations.book(), book);
      } finally {
        await fleet.close();
      }
    });
  });
}

test('a batch is counted to have the places that batches may have, and no more', async () => {
  const lanes = { large: { concurrency: 8 }, small: { concurrency: 2 } };
  const providers = [new FleetProvider('large'), new FleetProvider('small')];
  const fleet = await openFleet('sqlite', providers, { lanes });
  try {
    const { batchWork } = fleet.tasks;
    const none = await batchWork.placesOf(['large', 'small', 'large']);
    assert.deepEqual(
      [...none],
      [
        ['large', 7],
        ['small', 2],
      ],
    );
    const made = await fleet.create({ provider: 'small' });
    await fleet.ended(made.id);
    const { lane, provider_model: providerModel } = await fleet.task(made.id);
    const places = (await batchWork.placesOf([lane])).get(lane);
    assert.deepEqual([lane, places], ['small', 1], 'the next single picture begins at once');
    const book = new DurationBook(new Map([[`${lane}\n${providerModel}`, 60_000]]));
    assert.equal(batchWork.timeFor(book, { lane, providerModel, count: 4, ahead: 0, places }), 240_000);
  } finally {
    await fleet.close();
  }
});

test('quotes and models say what is known, and null before anything was made', async () => {
  const provider = new ScriptedProvider({
    capabilities: { negativePrompt: false, maxInputImages: 0, mask: false },
  });
  const lane = { concurrency: 4, deadlineMs: 60_000 };
  const app = await startTestApp({ providers: [{ adapter: provider, lane }] });
  try {
    const model = async () => {
      const { data } = (await app.request('GET', '/v1/models')).json;
      return data.find(({ id }: { id: string }) => id === 'scripted').drawbridge;
    };
    const quote = async () =>
      (await app.request('POST', '/v1/tasks/quote', { prompt: 'a', model: 'scripted', n: 2 })).json;
    const before = await quote();
    assert.deepEqual(
      [before.eta_s, before.median_s, before.queue_ahead, before.cost_credits],
      [null, null, 0, 2],
    );
    const known = await model();
    assert.deepEqual([known.median_seconds, known.queue_ahead, known.provider_reason], [null, 0, null]);
    assert.deepEqual(known.providers, [{ name: 'scripted', state: 'healthy' }]);
    const { properties } = known.input_schema;
    assert.deepEqual(Object.keys(properties).sort(), [
      'aspect_ratio',
      'mode',
      'n',
      'prompt',
      'seed',
      'size',
      'strength',
      'style',
    ]);
    assert.deepEqual(properties.n, { type: 'integer', minimum: 1, maximum: 8, default: 1 });
    const made = await app.request(
      'POST',
      '/v1/tasks',
      { prompt: 'a', model: 'scripted' },
      { prefer: 'wait=20' },
    );
    assert.equal(made.json.status, 'succeeded', made.text);
    // The estimate that was read before is used for a while; another node's is new.
    const book = await new Durations(app.app.db, {
      now: Date.now,
      monotonicMs: () => 0,
      after: never,
    }).book();
    assert.ok((book.medianMs('scripted', 'scripted') ?? -1) >= 0);
  } finally {
    await app.close();
  }
});

const never = () => ({ cancel: () => {} });
