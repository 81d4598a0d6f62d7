// What can go wrong once a provider has the job: polls, downloads and pictures that are none. The job is asked about and its
// picture fetched again; it is never painted again, and what cannot be kept is not charged.
import assert from 'node:assert/strict';
import { assertFailed, assertSucceeded, rowOfFault } from './rows.ts';

rowOfFault(
  'PC1: polls that fail are asked again, and nothing else is',
  'failed polls',
  async (play, words) => {
    assertSucceeded(await play.ended(await play.create(words)));
    assert.equal(await play.submits(), 1);
  },
);
rowOfFault(
  'D3: a download that says nothing is given up and fetched again',
  'silent download',
  async (play, words) => {
    assertSucceeded(await play.ended(await play.create(words)));
    assert.deepEqual([await play.submits(), play.stage.downloads()], [1, 2]);
  },
);
rowOfFault('D2: a truncated download is fetched again', 'truncated download', async (play, words) => {
  assertSucceeded(await play.ended(await play.create(words)));
  assert.deepEqual([await play.submits(), play.stage.downloads()], [1, 2]);
});
rowOfFault(
  'D1: an address of a picture that is refused is asked for again',
  'expired address',
  async (play, words) => {
    assertSucceeded(await play.ended(await play.create(words)));
    assert.deepEqual([await play.submits(), play.stage.downloads()], [1, 2]);
  },
);
rowOfFault(
  'D7: a page instead of the picture is not kept, and not painted again',
  'page instead of picture',
  async (play, words) => {
    assertFailed(await play.ended(await play.create(words)), 'image_invalid');
    assert.equal(await play.submits(), 1);
  },
);
rowOfFault(
  'V1: a corrupt picture is not kept, not charged, and not painted again',
  'corrupt picture',
  async (play, words) => {
    assertFailed(await play.ended(await play.create(words)), 'image_invalid');
    assert.equal(await play.submits(), 1);
  },
);
rowOfFault(
  'D4 V2: a picture of too many pixels is not kept, not charged, and not painted again',
  'huge picture',
  async (play, words) => {
    assertFailed(await play.ended(await play.create(words)), 'image_invalid');
    assert.equal(await play.submits(), 1);
  },
);
