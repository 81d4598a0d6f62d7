// Pauses of a run under a clock that the test turns: what shortens them, and that many wake-ups are one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/harness/clock.ts';
import { LeaseLostError, RunControl } from './run-control.ts';

const POLL_MS = 60_000;

/** A pause, and when it ended, in milliseconds from its start; null while it lasts. */
function startPause(control: RunControl, clock: FakeClock, wokenDelayMs: number | null) {
  const startedAt = clock.now();
  const pause = { endedMs: null as number | null, reason: null as unknown };
  const settled = control.pause(clock, { delayMs: POLL_MS, wokenDelayMs }, control.stopped).then(
    () => {
      pause.endedMs = clock.now() - startedAt;
    },
    (error: unknown) => {
      pause.reason = error;
    },
  );
  return { pause, settled };
}

test('without a wake-up a pause lasts as long as it was asked to', async () => {
  const [control, clock] = [new RunControl(), new FakeClock()];
  const { pause, settled } = startPause(control, clock, 1_000);
  clock.advance(POLL_MS - 1);
  await Promise.resolve();
  assert.equal(pause.endedMs, null);
  clock.advance(1);
  await settled;
  assert.equal(pause.endedMs, POLL_MS);
});

test('a thousand wake-ups end a pause once, and not before it may end', async () => {
  const [control, clock] = [new RunControl(), new FakeClock()];
  const { pause, settled } = startPause(control, clock, 1_000);
  clock.advance(400);
  for (let i = 0; i < 1_000; i += 1) control.wake();
  clock.advance(599);
  await Promise.resolve();
  assert.equal(pause.endedMs, null);
  clock.advance(1);
  await settled;
  assert.equal(pause.endedMs, 1_000);
});

test('a wake-up that came while a poll was under way shortens the pause after it; one answered by a poll does not', async () => {
  const [control, clock] = [new RunControl(), new FakeClock()];
  control.wake();
  const woken = startPause(control, clock, 1_000);
  clock.advance(1_000);
  await woken.settled;
  assert.equal(woken.pause.endedMs, 1_000);
  control.clearWake();
  const calm = startPause(control, clock, 1_000);
  clock.advance(POLL_MS);
  await calm.settled;
  assert.equal(calm.pause.endedMs, POLL_MS);
});

test('where wake-ups do not count only a cancel or the end of the lease cuts a pause short', async () => {
  const [control, clock] = [new RunControl(), new FakeClock()];
  const first = startPause(control, clock, null);
  control.wake();
  clock.advance(10_000);
  await Promise.resolve();
  assert.equal(first.pause.endedMs, null);
  control.requestCancel();
  await first.settled;
  assert.equal(first.pause.endedMs, 10_000);
  control.clearCancel();
  const second = startPause(control, clock, null);
  control.stop();
  await second.settled;
  assert.ok(second.pause.reason instanceof LeaseLostError);
});

test('a cancel aborts the signal of polls, and polls after its refusal get a new one', () => {
  const control = new RunControl();
  const first = control.interruptible(control.stopped);
  assert.equal(control.interruptible(control.stopped), first);
  control.requestCancel();
  assert.ok(first.aborted);
  assert.ok(control.interruptible(control.stopped).aborted);
  control.clearCancel();
  const second = control.interruptible(control.stopped);
  assert.ok(!second.aborted);
  control.stop();
  assert.ok(second.aborted);
});

test('a drain waits for a step that must end, but not for its waits', async () => {
  const [control, clock] = [new RunControl(), new FakeClock()];
  let release = () => {};
  const sent = new Promise<void>((resolve) => {
    release = resolve;
  });
  const step = control.finishing(async () => {
    await sent;
    await control.idling(() => control.pause(clock, { delayMs: POLL_MS, wokenDelayMs: 0 }, control.stopped));
  });
  control.drain();
  assert.ok(!control.stopped.aborted);
  release();
  await assert.rejects(step, LeaseLostError);
});
