// A batch in a server that is killed while it runs comes to its end whole; the long run is `node bench/batch.ts`. And a single
// picture beside a batch begins before the batch's waiting items, whatever the machine's speed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startTestApp } from '../harness/app.ts';
import { until } from '../harness/clock.ts';
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

test('G18 a single picture beside a batch that fills the queue begins next', async () => {
  const app = await startTestApp({ sandbox: { instantPicture: true } });
  try {
    const defaults = { size: '256x256', model: 'sandbox' };
    const made = await app.request('POST', '/v1/batches', { lines: 'a\n'.repeat(200), defaults });
    assert.equal(made.status, 201, made.text);
    const path = `/v1/batches/${made.json.id}`;
    await until(async () => (await app.request('GET', path)).json.counts.running > 0);
    const { json: single } = await app.request(
      'POST',
      '/v1/tasks',
      { prompt: 'beside it', ...defaults },
      { prefer: 'wait=60' },
    );
    assert.equal(single.status, 'succeeded');
    const { counts } = (await app.request('GET', path)).json;
    assert.ok(counts.queued > 100, `it waited for ${200 - counts.queued} items of the batch`);
    const { json: cancelled } = await app.request('POST', `${path}/cancel`, {});
    assert.equal(cancelled.counts.queued, 0);
  } finally {
    await app.close();
  }
});
