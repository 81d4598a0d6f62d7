// A process that dies while it accepts a task: before the COMMIT nothing exists, after it the task runs and a repeated call
// is answered as the first would have been.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SERVED_KINDS, servedData } from './served-data.ts';

for (const { kind, skip } of SERVED_KINDS) {
  test(`A3 killed before COMMIT nothing exists, killed after it the task runs and a retry replays it, on ${kind}`, {
    skip,
  }, async (t) => {
    const data = await servedData(t, kind);
    const early = await data.start({ DRAWBRIDGE_CRASH_POINT: 'kp1' });
    const before = (await data.ask('GET', '/v1/credits')).json;
    const send = (key: string) =>
      data.create({ prompt: `a picture for ${key}`, n: 2 }, { 'idempotency-key': key });
    await assert.rejects(send('one'));
    assert.equal((await early.closed).signal, 'SIGKILL');

    const late = await data.start({ DRAWBRIDGE_CRASH_POINT: 'kp2' });
    assert.deepEqual((await data.ask('GET', '/v1/tasks')).json.data, []);
    assert.deepEqual((await data.ask('GET', '/v1/credits')).json, before);
    await assert.rejects(send('one'));
    assert.equal((await late.closed).signal, 'SIGKILL');

    await data.start();
    const [ended, ...others] = await data.ended();
    assert.equal(others.length, 0);
    const again = await send('one');
    assert.deepEqual(
      [again.status, again.headers.get('idempotent-replayed'), again.json.id, again.json.status],
      [202, 'true', ended.id, 'queued'],
    );
    assert.equal(ended.status, 'succeeded', JSON.stringify(ended.error));
    assert.equal(ended.images.length, 2);
    assert.deepEqual(ended.cost, { held: 0, captured: 0.5, released: 0 });
    const after = (await data.ask('GET', '/v1/credits')).json;
    assert.equal(after.available_credits, before.available_credits - 0.5);
    assert.equal((await data.jobs()).length, 1);
    await data.examine();
  });
}
