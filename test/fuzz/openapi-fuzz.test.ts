// I5: five hundred calls to every route, right and spoilt, as four callers. The command in openapi-fuzz.ts makes more.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allContracts } from '../../src/contracts.ts';
import { fuzz, startFuzzWorld } from './openapi-fuzz.ts';

const RUNS = 500;
/** Always the same calls, so that a failure here is one that a change brought. */
const SEED = 20_260_101;

test('I5 no call of any route ends in an undescribed answer, a failure or silence', async () => {
  const world = await startFuzzWorld();
  try {
    const reports = await fuzz(world, { runs: RUNS, seed: SEED });
    assert.deepEqual(reports.map(({ id }) => id).sort(), allContracts.map(({ id }) => id).sort());
    for (const { id, runs, statuses } of reports) {
      const successes = Object.entries(statuses).some(([status]) => Number(status) < 300);
      const refusals = Object.entries(statuses).some(([status]) => Number(status) >= 400);
      // Queues are full and there is nothing to refund, so that some calls cannot succeed here.
      const cannot = [
        'tasks.create',
        'tasks.retry',
        'tasks.preview',
        'callbacks.',
        'prompts.remove',
        'prompts.update',
        'styles.',
        'providers.',
        'batches.',
        'shares.',
        'stories.',
        'webhooks.',
        'images.upscale',
        'gallery.act',
        'gallery.getAction',
        'gallery.undo',
        'openai.',
        'auth.',
        // No folder for backups is configured.
        'backups.begin',
        // Nor a receiver of alerts.
        'alerts.test',
        'account.',
        'people.',
        'invitations.',
        'credits.',
        'media.',
        'older.generate',
        'older.upload',
        'older.download',
        'older.share',
        'import.picture',
        'import.tasks',
        'import.accounts',
        'uploads.presign',
        'uploads.complete',
      ];
      if (runs >= RUNS / 2 && !cannot.some((start) => id.startsWith(start)))
        assert.ok(successes, `${id} never succeeded`);
      if (runs >= RUNS / 2 && !id.startsWith('health.'))
        assert.ok(
          refusals || ['auth.signOut', 'auth.options', 'styles.list', 'older.health'].includes(id),
          `${id} was never refused`,
        );
    }
  } finally {
    await world.app.close();
  }
});
