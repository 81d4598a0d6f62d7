import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WakeLoop } from './wake-loop.ts';

const MOST_TICKS = 20;

test('a wake-up counts at whatever moment it comes, also between the end of the work and the end of the loop', async () => {
  for (let ticks = 0; ticks < MOST_TICKS; ticks += 1) {
    let runs = 0;
    let runsWhenWoken = -1;
    const loop = new WakeLoop(async () => {
      runs += 1;
    });
    loop.wake();
    for (let tick = 0; tick < ticks; tick += 1) await null;
    runsWhenWoken = runs;
    loop.wake();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(runs, runsWhenWoken + 1, `woken after ${ticks} ticks`);
  }
});

test('work is never done twice at once, and many wake-ups become one more run', async () => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const loop = new WakeLoop(async () => {
    running += 1;
    runs += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  });
  for (let i = 0; i < 5; i += 1) loop.wake();
  await loop.idle();
  assert.deepEqual([runs, most, running], [2, 1, 0]);
});
