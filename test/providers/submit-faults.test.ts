// Every way in which a submit can fail, for every provider: what may have made a job is never sent again, what certainly made
// none is, and nothing is charged for either.
import assert from 'node:assert/strict';
import { assertFailed, assertNeverTwice, assertSentAgain, assertSucceeded, rowOfFault } from './rows.ts';

rowOfFault(
  'S3 P1: a connection that is reset after the request makes no second job',
  'reset after body',
  assertNeverTwice,
);
rowOfFault('S3 P1: a 524 page makes no second job', 'status 524', assertNeverTwice);
rowOfFault(
  'S3 S4 P1: a page with status 500 makes no second job and is not shown',
  'status 500 page',
  assertNeverTwice,
);
rowOfFault(
  'S9 P1: a page instead of an answer is no success and makes no second job',
  'page instead of answer',
  assertNeverTwice,
);
rowOfFault('S10 P1: a truncated answer makes no second job', 'truncated answer', assertNeverTwice);
rowOfFault(
  'S10 P1: an answer without an id or a picture makes no second job',
  'answer without id',
  async (play, words) => {
    const fault = play.driver.faults['answer without id'];
    if (!('error' in fault) || fault.error === undefined) return assertNeverTwice(play, words);
    assertFailed(await play.ended(await play.create(words)), fault.error);
    assert.equal(await play.submits(), 1);
  },
);
rowOfFault(
  'S5: a rate limit with an absurd Retry-After is obeyed within reason',
  'rate limit',
  assertSentAgain,
);
rowOfFault('S14 P3: a redirect of a submit is not followed', 'redirect', assertSentAgain);
rowOfFault(
  'S6: a refused credential stops the queue, not the task, and one probe takes it up again',
  'expired credential',
  async (play, words) => {
    const id = await play.create(words);
    await play.run(async () => (await play.submits()) === 1, 'the submit', 0);
    assertSucceeded(await play.ended(id));
    assert.equal(await play.submits(), 2);
  },
);
rowOfFault('S7: an empty account stops the queue, not the task', 'empty account', async (play, words) => {
  const id = await play.create(words);
  const task = await play.ended(id);
  assertSucceeded(task);
  assert.equal(await play.submits(), 2);
});
rowOfFault(
  'S8: a refused content ends the task at once, free of charge',
  'refused content',
  async (play, words) => {
    const fault = play.driver.faults['refused content'];
    const code = ('error' in fault ? fault.error : undefined) ?? 'content_blocked';
    assertFailed(await play.ended(await play.create(words)), code);
    assert.equal(await play.submits(), play.wire ? 1 : 0);
  },
);
