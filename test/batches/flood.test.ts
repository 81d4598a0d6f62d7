// A batch in a server that is killed while it runs comes to its end whole; the long run is `node bench/batch.ts`. And a single
// picture beside a batch begins at once, without waiting for any item of it, whatever the machine's speed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
import { postgresUnavailable } from '../harness/postgres.ts';
import { pictures, ScriptedProvider } from '../harness/scripted-provider.ts';
import { runFlood } from './flood.ts';

test('a batch survives kills: every item accounted for, the ZIP whole, the ledger and the doctor content', async () => {
  const items = 40;
  const report = await runFlood({ items, kills: 2, paintMs: 20, singles: 2, limitMs: 180_000 });
  assert.equal(report.counts.succeeded, items);
  assert.equal(report.zipped, items);
  assert.equal(report.captured, items * 0.25);
  assert.equal(report.held, 0);
  assert.deepEqual(report.findings, []);
});

/** A provider whose jobs end when a test says so. */
class PatientProvider extends ScriptedProvider {
  readonly #done = new Set<string>();

  constructor(name: string) {
    super({ name, priceMicros: 0 });
    this.onPoll = async (call) =>
      this.#done.has(call.jobId)
        ? { state: 'done', outputs: await pictures(call, 1) }
        : { state: 'running', progress: null, pollAfterMs: 20 };
  }

  /** Ends the nth job that it was given. */
  end(n: number): void {
    this.#done.add([...this.jobs.values()][n] ?? assert.fail(`there is no job ${n}`));
  }

  given(count: number): Promise<boolean> {
    return until(async () => this.submits.length === count, { what: `job ${count} of ${this.name}` });
  }
}

for (const database of ['sqlite', 'postgres'] as const) {
  const skip = database === 'postgres' ? (postgresUnavailable() ?? false) : false;
  test(`G18 a single picture does not wait for items of a batch that fills the queue, on ${database}`, {
    skip,
  }, async () => {
    const [large, small] = [new PatientProvider('large'), new PatientProvider('small')];
    const app = await startTestApp({
      database,
      providers: [
        { adapter: large, lane: { concurrency: 8, deadlineMs: 600_000 } },
        { adapter: small, lane: { concurrency: 2, deadlineMs: 600_000 } },
      ],
    });
    const post = async (path: string, body: object) => {
      const { status, json, text } = await app.request('POST', path, body);
      assert.ok(status < 300, text);
      return json;
    };
    const batchAt = (model: string) =>
      post('/v1/batches', { lines: 'a\n'.repeat(60), defaults: { model, size: '64x64' } });
    const singleAt = (model: string) => post('/v1/tasks', { prompt: 'beside it', model, size: '64x64' });
    const ended = ({ id }: { id: string }) =>
      until(async () => (await app.request('GET', `/v1/tasks/${id}`)).json.status === 'succeeded');
    try {
      const batch = await batchAt('large');
      await large.given(7);
      const first = await singleAt('large');
      // No item has ended: its provider has it all the same.
      await large.given(8);
      large.end(7);
      await ended(first);
      const { counts } = (await app.request('GET', `/v1/batches/${batch.id}`)).json;
      assert.deepEqual([counts.running, counts.succeeded], [7, 0]);
      await ended(
        await singleAt('large').then(async (single) => {
          await large.given(9);
          large.end(8);
          return single;
        }),
      );

      // With two places a batch has both while nobody asks for single pictures, and leaves one from then on.
      const narrow = await batchAt('small');
      await small.given(2);
      const second = await singleAt('small');
      small.end(0);
      await small.given(3);
      small.end(2);
      await ended(second);
      const third = await singleAt('small');
      await small.given(4);
      small.end(3);
      await ended(third);
      const after = (await app.request('GET', `/v1/batches/${narrow.id}`)).json.counts;
      assert.deepEqual([after.running, after.succeeded, small.submits.length], [1, 1, 4]);
    } finally {
      await app.close();
    }
  });
}
