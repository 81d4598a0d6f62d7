// A row of the conformance suite: written once, run for each provider, and what most rows end with.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Driver, FaultName } from './driver.ts';
import { ALL_DIALECTS } from './drivers.ts';
import { open, type Play, PRICE, type Shown } from './kit.ts';

const MINUTE_MS = 60_000;
/** However long a service asks to wait, it is asked again after this. */
const LONGEST_PAUSE_MS = 11 * MINUTE_MS;

/** One test for each provider. */
export function row(title: string, body: (t: TestContext, driver: Driver) => Promise<void>): void {
  for (const driver of ALL_DIALECTS) test(`${driver.name}: ${title}`, (t) => body(t, driver));
}

/** A row about one fault, for each provider that can have it; conformance.test.ts proves why the others cannot. */
export function rowOfFault(
  title: string,
  name: FaultName,
  body: (play: Play, words: string) => Promise<void>,
): void {
  for (const driver of ALL_DIALECTS) {
    if (driver.faults[name].at === 'nowhere') continue;
    test(`${driver.name}: ${title}`, async (t) => {
      const play = await open(t, driver);
      await body(play, play.inject(name));
    });
  }
}

export function assertSucceeded(task: Shown): void {
  assert.equal(task.status, 'succeeded', JSON.stringify(task.error));
  assert.equal(task.cost.captured, PRICE, 'a delivered picture is charged once');
}

export function assertFailed(task: Shown, code: string): void {
  assert.equal(task.status, 'failed');
  assert.equal(task.error.code, code, JSON.stringify(task.error));
  assert.equal(task.cost.captured, 0, 'nothing delivered, nothing charged');
}

/** The submit may have made a job: it is found, or proven absent and sent again; otherwise it is never sent again. */
export async function assertNeverTwice(play: Play, words: string): Promise<void> {
  const task = await play.ended(await play.create(words));
  if (play.driver.canLookUp) {
    assertSucceeded(task);
    assert.equal(await play.jobs(), 1, 'P1: one job');
    return;
  }
  assertFailed(task, 'submit_unknown');
  assert.equal(await play.submits(), 1, 'P1: never submitted twice');
  assert.doesNotMatch(task.error.detail, /<html|127\.0\.0\.1/);
}

/** The submit certainly made no job: it is sent again in time, and then works. */
export async function assertSentAgain(play: Play, words: string): Promise<void> {
  const startedAt = play.clock.now();
  const task = await play.ended(await play.create(words));
  assertSucceeded(task);
  assert.equal(await play.submits(), play.wire ? 2 : 1, 'refused once, sent once more');
  assert.ok(play.clock.now() - startedAt < LONGEST_PAUSE_MS, 'a pause has an end');
}
