import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, until } from '../../test/harness/clock.ts';
import { createMemoryLogger } from './log.ts';
import { SupervisedLoop } from './supervised-loop.ts';

function loopOf(step: () => Promise<void>) {
  const clock = new FakeClock();
  const options = { name: 'test', intervalMs: 1_000, maxBackoffMs: 4_000, stallMs: 10_000 };
  const loop = new SupervisedLoop({ ...options, clock, log: createMemoryLogger(), step });
  loop.start();
  return { clock, loop };
}

test('X10: a step that throws is followed by the next, after a growing wait; the loop says how it does', async () => {
  let steps = 0;
  let isBroken = true;
  const at: number[] = [];
  const { clock, loop } = loopOf(async () => {
    steps += 1;
    at.push(clock.monotonicMs());
    if (isBroken) throw new Error('no database');
  });
  await until(() => steps === 5, { clock, stepMs: 250 });
  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0));
  assert.ok((waits[0] ?? 0) < (waits[1] ?? 0) && (waits[3] ?? 0) >= 4_000, String(waits));
  assert.deepEqual([loop.state.state, loop.state.problem], ['failing', 'no database']);
  isBroken = false;
  await until(() => loop.state.state === 'ok', { clock, stepMs: 250 });
  assert.equal(loop.state.problem, null);
  assert.ok(loop.state.restarts >= 5);
  loop.stop();
  const last = steps;
  clock.advance(60_000);
  assert.equal(steps, last);
  assert.equal(loop.state.state, 'stopped');
});

test('a step that does not come back is left behind, not more often than three times', async () => {
  const hanging: (() => void)[] = [];
  const { clock, loop } = loopOf(() => new Promise((resolve) => hanging.push(resolve)));
  await until(() => hanging.length === 3, { clock, stepMs: 1_000 });
  await until(() => loop.state.problem !== null, { clock, stepMs: 1_000 });
  clock.advance(120_000);
  assert.equal(hanging.length, 3);
  assert.equal(loop.state.state, 'stalled');
  for (const release of hanging.splice(0)) release();
  await until(() => hanging.length === 1, { clock, stepMs: 500 });
  hanging[0]?.();
  await until(() => loop.state.state === 'ok', { clock, stepMs: 500 });
  loop.stop();
});
