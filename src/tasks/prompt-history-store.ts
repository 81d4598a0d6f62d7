// The prompts table and how far it has come: what an account's tasks were asked for, each prompt once. Creating a task writes
// nothing here; whoever looks first takes the newer tasks in. A removed prompt keeps its row for a while, so that the task it
// came from does not bring it back.
import { sql } from 'kysely';
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import { MAX_PINNED_PROMPTS, MAX_PROMPTS } from './prompt-history-contract.ts';

export interface PromptRow {
  id: string;
  account_id: string;
  prompt_hash: string;
  prompt: string;
  /** The last task that was made with it. */
  task_id: string;
  pinned: 0 | 1;
  last_used_at: number;
  /** Not shown from then on, unless a later task uses it. */
  removed_at: number | null;
}

declare module '../kernel/db.ts' {
  interface Tables {
    prompts: PromptRow;
    prompt_cursors: { account_id: string; task_id: string };
  }
}

/** One look takes in this many tasks at most, the newest. */
const MOST_TASKS = 5_000;

/** All prompts of an account that are shown. */
export function listPrompts(reader: Reader, accountId: string): Promise<PromptRow[]> {
  return reader
    .selectFrom('prompts')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('removed_at', 'is', null)
    .orderBy('pinned', 'desc')
    .orderBy('task_id', 'desc')
    .execute();
}

/** Which task each prompt was last taken in with, removed ones included. */
export function listKnownPrompts(
  reader: Reader,
  accountId: string,
): Promise<Pick<PromptRow, 'prompt_hash' | 'task_id'>[]> {
  return reader
    .selectFrom('prompts')
    .select(['prompt_hash', 'task_id'])
    .where('account_id', '=', accountId)
    .execute();
}

/** The newest task that was taken in; null before the first. */
export async function findPromptCursor(reader: Reader, accountId: string): Promise<string | null> {
  const row = await reader
    .selectFrom('prompt_cursors')
    .select('task_id')
    .where('account_id', '=', accountId)
    .executeTakeFirst();
  return row?.task_id ?? null;
}

/** A prompt with its last use. */
export interface PromptUse {
  prompt: string;
  taskId: string;
  usedAt: number;
}

/** The newest distinct prompts of an account's own tasks after `afterId`; those of batches and HD variants are no one's typing. */
export async function listUses(reader: Reader, accountId: string, afterId: string): Promise<PromptUse[]> {
  const newest = reader
    .selectFrom('tasks')
    .select(['id', 'prompt', 'created_at'])
    .where('account_id', '=', accountId)
    .where('id', '>', afterId)
    .where('flow', '=', accountId)
    .where('mode', '<>', 'upscale')
    .orderBy('id', 'desc')
    .limit(MOST_TASKS);
  const rows = await reader
    .selectFrom(newest.as('newest'))
    .select((eb) => ['prompt', eb.fn.max('id').as('task_id'), eb.fn.max('created_at').as('used_at')])
    .groupBy('prompt')
    .orderBy('task_id', 'desc')
    .limit(MAX_PROMPTS)
    .execute();
  return rows.map((row) => ({ prompt: row.prompt, taskId: row.task_id, usedAt: Number(row.used_at) }));
}

/** Takes uses in, and lets go what is beyond the number that is kept. Doing it twice changes nothing. */
export async function takeInPrompts(
  trx: Trx,
  input: {
    accountId: string;
    uses: readonly (PromptUse & { hash: string })[];
    cursor: string;
    /** Rows that were removed before this need no memory any more, in milliseconds. */
    forgetBefore: number;
    now: number;
  },
): Promise<void> {
  const { accountId, now } = input;
  await dialectOf(trx).lockName(trx, `prompts:${accountId}`);
  for (const { prompt, hash, taskId, usedAt } of input.uses) {
    await trx
      .insertInto('prompts')
      .values({
        id: newId('prompt', now),
        account_id: accountId,
        prompt_hash: hash,
        prompt,
        task_id: taskId,
        pinned: 0,
        last_used_at: usedAt,
        removed_at: null,
      })
      .onConflict((conflict) =>
        conflict
          .columns(['account_id', 'prompt_hash'])
          .doUpdateSet({ task_id: taskId, last_used_at: usedAt, removed_at: null })
          .where('prompts.task_id', '<', taskId)
          .where((eb) =>
            eb.or([eb('prompts.removed_at', 'is', null), eb('prompts.removed_at', '<', usedAt)]),
          ),
      )
      .execute();
  }
  await trx
    .insertInto('prompt_cursors')
    .values({ account_id: accountId, task_id: input.cursor })
    .onConflict((conflict) =>
      conflict
        .column('account_id')
        .doUpdateSet({ task_id: input.cursor })
        .where('prompt_cursors.task_id', '<', input.cursor),
    )
    .execute();
  await trx
    .deleteFrom('prompts')
    .where('account_id', '=', accountId)
    .where('removed_at', '<', input.forgetBefore)
    .execute();
  await dropOldest(trx, accountId);
}

/** Beyond the number that is kept the oldest go, pinned ones never. */
async function dropOldest(trx: Trx, accountId: string): Promise<void> {
  const unpinned = trx
    .selectFrom('prompts')
    .select('id')
    .where('account_id', '=', accountId)
    .where('pinned', '=', 0)
    .where('removed_at', 'is', null);
  const kept = unpinned.orderBy('task_id', 'desc').limit(MAX_PROMPTS);
  await trx
    .deleteFrom('prompts')
    .where('id', 'in', unpinned)
    .where('id', 'not in', sql<string>`(select id from ${kept.as('kept')})`)
    .execute();
}

/** Throws `not_found`, and `conflict` when as many are pinned as can be. */
export async function pinPrompt(
  trx: Trx,
  input: { id: string; accountId: string; pinned: boolean },
): Promise<PromptRow> {
  const { id, accountId, pinned } = input;
  await dialectOf(trx).lockName(trx, `prompts:${accountId}`);
  const row = await trx
    .updateTable('prompts')
    .set({ pinned: pinned ? 1 : 0 })
    .where('id', '=', id)
    .where('account_id', '=', accountId)
    .where('removed_at', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (!row) throw new AppError('not_found', { detail: 'There is no such prompt.' });
  const { count } = await trx
    .selectFrom('prompts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .where('pinned', '=', 1)
    .where('removed_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (pinned && Number(count) > MAX_PINNED_PROMPTS)
    throw new AppError('conflict', {
      detail: `${MAX_PINNED_PROMPTS} prompts are pinned, as many as can be.`,
    });
  return row;
}

/** Removes one prompt (`id`), or all that are not pinned (null); returns how many. */
export async function removePrompts(
  trx: Trx,
  input: { accountId: string; id: string | null; now: number },
): Promise<number> {
  const all = trx
    .updateTable('prompts')
    .set({ removed_at: input.now, pinned: 0 })
    .where('account_id', '=', input.accountId)
    .where('removed_at', 'is', null);
  const some = input.id === null ? all.where('pinned', '=', 0) : all.where('id', '=', input.id);
  return (await some.returning('id').execute()).length;
}

registerWrites(import.meta.url, { takeInPrompts, pinPrompt, removePrompts });
