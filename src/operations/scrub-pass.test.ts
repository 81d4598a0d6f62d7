// A pass over all files in steps: it goes on after an interruption, counts over all of them, and starts again when it is over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openTestDb } from '../../test/harness/database.ts';
import { systemClock } from '../kernel/clock.ts';
import type { ScrubRequest, ScrubStep } from '../media/media.ts';
import { SCRUB_BYTES_PER_S, scrubPass } from './scrub-pass.ts';

test('F7: a pass that was cut off goes on where it was, and a new one begins at the first file', async (t) => {
  const { db, close } = await openTestDb('sqlite-inline');
  t.after(close);
  const asked: string[] = [];
  const steps: (ScrubStep | Error)[] = [
    { files: 2, bytes: 20, damaged: ['b'], restored: [], nextKey: 'b' },
    new Error('cut off'),
    { files: 1, bytes: 10, damaged: [], restored: ['c'], nextKey: null },
    { files: 3, bytes: 30, damaged: [], restored: [], nextKey: null },
  ];
  const media = {
    async scrub({ afterKey, bytesPerS }: ScrubRequest): Promise<ScrubStep> {
      asked.push(afterKey);
      assert.equal(bytesPerS, SCRUB_BYTES_PER_S);
      const step = steps.shift();
      if (step === undefined || step instanceof Error) throw step ?? new Error('asked too often');
      return step;
    },
  };
  const pass = () => scrubPass({ db, clock: systemClock, media, signal: new AbortController().signal });
  const totals = async () => {
    const done = await pass();
    return done && [done.files, done.bytes, done.damaged, done.restored];
  };
  await assert.rejects(pass(), /cut off/);
  assert.deepEqual(await totals(), [3, 30, 1, 1]);
  assert.deepEqual(await totals(), [3, 30, 0, 0]);
  assert.deepEqual(asked, ['', 'b', 'b', '']);
});
