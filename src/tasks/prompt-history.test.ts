// The prompt history on both databases: what of the tasks is in it, in which order, and that what is deleted stays away.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { FakeClock } from '../../test/harness/clock.ts';
import { databaseKinds } from '../../test/harness/database.ts';
import { ScriptedProvider } from '../../test/harness/scripted-provider.ts';
import { copyTask } from '../../test/harness/task-copies.ts';
import { createTaskWorld, type TaskWorld } from '../../test/harness/task-world.ts';
import { newId } from '../kernel/id.ts';
import { PromptHistory } from './prompt-history.ts';
import { MAX_PINNED_PROMPTS, MAX_PROMPTS } from './prompt-history-contract.ts';
import type { TaskRow } from './store.ts';

const MINUTE_MS = 60_000;
const OWN = (accountId: string) => ({ account_id: accountId, flow: accountId });

for (const { kind, skip } of databaseKinds()) {
  if (kind === 'sqlite-inline') continue;
  describe(`prompt history on ${kind}`, { skip }, () => {
    let world: TaskWorld;

    let task: TaskRow;
    /** Its own, since the engine would do an hour's work when an hour passes. */
    let clock: FakeClock;
    let history: PromptHistory;
    let accountId: string;

    before(async () => {
      world = await createTaskWorld(kind, new ScriptedProvider());
      task = await world.create();
    });
    after(() => world.close());
    beforeEach(() => {
      clock = new FakeClock();
      accountId = newId('acct', clock.now());
      history = new PromptHistory(world.db, clock);
    });

    const page = (more: { q?: string; cursor?: string; limit?: number } = {}) =>
      history.list({ accountId, limit: 50, ...more });
    const texts = async (q?: string) =>
      (await page(q === undefined ? {} : { q })).rows.map(({ prompt }) => prompt);
    /** A task as creating it leaves it. */
    const use = async (prompt: string, more: Partial<TaskRow> = {}) => {
      clock.advance(1_000);
      const copy = {
        id: newId('task', clock.now()),
        prompt,
        created_at: clock.now(),
        ...OWN(accountId),
        ...more,
      };
      await world.db.write(copyTask, { task, copies: [copy] });
      return copy;
    };
    const flood = (prompts: string[], more: Partial<TaskRow> = {}) => {
      const copies = prompts.map((prompt) => {
        clock.advance(10);
        return {
          id: newId('task', clock.now()),
          prompt,
          created_at: clock.now(),
          ...OWN(accountId),
          ...more,
        };
      });
      return world.db.write(copyTask, { task, copies });
    };

    test('it follows from the tasks that were created', async () => {
      const { id } = await world.create({ prompt: 'a created task' });
      const { rows } = await world.tasks.prompts.list({ accountId: world.accountId, limit: 50 });
      const found = new Map(rows.map(({ prompt, task_id }) => [prompt, task_id]));
      assert.deepEqual([found.size, found.get('a created task'), found.get('a test')], [2, id, task.id]);
    });

    test('each prompt once, the last used first, with its last task', async () => {
      await use('a cat');
      await use('a dog');
      const last = await use('a cat');
      const { rows } = await page();
      assert.deepEqual(
        rows.map(({ prompt }) => prompt),
        ['a cat', 'a dog'],
      );
      assert.equal(rows[0]?.task_id, last.id);
      assert.equal(Number(rows[0]?.last_used_at), clock.now());
      // Looking again changes nothing.
      assert.deepEqual((await page()).rows, rows);
      await use('a dog');
      assert.deepEqual(await texts(), ['a dog', 'a cat']);
    });

    test('another account sees and changes nothing of it', async () => {
      await use('mine');
      const [mine] = (await page()).rows;
      const stranger = newId('acct', clock.now());
      assert.deepEqual((await history.list({ accountId: stranger, limit: 50 })).rows, []);
      await assert.rejects(history.remove(mine?.id ?? '', stranger), { code: 'not_found' });
      await assert.rejects(history.pin(mine?.id ?? '', stranger, true), { code: 'not_found' });
      assert.equal(await history.clear(stranger), 0);
      assert.deepEqual(await texts(), ['mine']);
    });

    test('words are found in Chinese, in any case and width', async () => {
      await use('山谷里的茶舍，晨雾');
      await use('A Teahouse in the ＦＯＧ');
      assert.deepEqual(await texts('茶舍'), ['山谷里的茶舍，晨雾']);
      assert.deepEqual(await texts('晨雾 山谷'), ['山谷里的茶舍，晨雾']);
      assert.deepEqual(await texts('fog TEA'), ['A Teahouse in the ＦＯＧ']);
      assert.deepEqual(await texts('茶馆'), []);
    });

    test('what is deleted stays away until it is used again', async () => {
      await use('keep');
      await use('forget');
      const forget = (await page()).rows[0];
      // Used once more before it is deleted, and nobody has looked since.
      await use('forget');
      clock.advance(1);
      await history.remove(forget?.id ?? '', accountId);
      await use('other');
      assert.deepEqual(await texts(), ['other', 'keep']);
      await assert.rejects(history.remove(forget?.id ?? '', accountId), {
        code: 'not_found',
      });
      // Long after, when its task is not looked at any more and its mark is gone.
      clock.advance(61 * MINUTE_MS);
      await use('later');
      assert.deepEqual(await texts(), ['later', 'other', 'keep']);
      await use('forget');
      assert.deepEqual(await texts(), ['forget', 'later', 'other', 'keep']);
    });

    test('clearing leaves the pinned ones, and takes what nobody has looked at yet', async () => {
      await use('pinned');
      const [row] = (await page()).rows;
      await history.pin(row?.id ?? '', accountId, true);
      await use('seen');
      await page();
      await use('never seen');
      clock.advance(1);
      assert.equal(await history.clear(accountId), 2);
      assert.deepEqual(await texts(), ['pinned']);
      await use('new');
      assert.deepEqual(await texts(), ['pinned', 'new']);
    });

    test('the newest are kept, pinned ones beside them, and pages hold together', async () => {
      await use('pinned');
      const [row] = (await page()).rows;
      await history.pin(row?.id ?? '', accountId, true);
      await flood(Array.from({ length: MAX_PROMPTS + 20 }, (_, i) => `prompt ${i}`));
      const all: string[] = [];
      let cursor: string | undefined;
      do {
        const { rows, nextCursor } = await page({ limit: 30, ...(cursor === undefined ? {} : { cursor }) });
        all.push(...rows.map(({ prompt }) => prompt));
        cursor = nextCursor ?? undefined;
      } while (cursor !== undefined);
      assert.equal(all.length, MAX_PROMPTS + 1);
      assert.equal(new Set(all).size, all.length);
      assert.deepEqual(all.slice(0, 2), ['pinned', `prompt ${MAX_PROMPTS + 19}`]);
      assert.equal(all.at(-1), 'prompt 20');
    });

    test('what a batch or an HD variant was made with is nobody’s typing', async () => {
      await flood(['of a batch'], { flow: 'batch_x' });
      await flood(['of a variant'], { mode: 'upscale' });
      assert.deepEqual(await texts(), []);
    });

    test('a task that became visible after a younger one is taken in', async () => {
      const slowId = newId('task', clock.now());
      await use('quick');
      assert.deepEqual(await texts(), ['quick']);
      await use('another');
      await use('slow', { id: slowId });
      assert.deepEqual((await texts()).sort(), ['another', 'quick', 'slow']);
    });

    test('only so many are pinned', async () => {
      await flood(Array.from({ length: MAX_PINNED_PROMPTS + 1 }, (_, i) => `prompt ${i}`));
      const { rows } = await page({ limit: MAX_PROMPTS });
      const [over, ...others] = rows;
      for (const { id } of others) await history.pin(id, accountId, true);
      await assert.rejects(history.pin(over?.id ?? '', accountId, true), {
        code: 'conflict',
      });
      assert.equal((await page()).rows.filter(({ pinned }) => pinned === 1).length, 50);
      await history.pin(others[0]?.id ?? '', accountId, false);
      assert.equal((await history.pin(over?.id ?? '', accountId, true)).pinned, 1);
    });
  });
}
