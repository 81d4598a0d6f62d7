// What comes too late: pictures of a task that has ended without them are kept for its owner, uncharged; and jobs that a task
// left at its provider are remembered for a while, so that somebody asks for them.

import type { Reader } from '../kernel/db.ts';
import { registerWrites, type Trx } from '../kernel/db.ts';
import { dialectOf } from '../kernel/db-dialect.ts';
import { findImagesOfTask, insertImages, type NewImage } from '../media/media.ts';
import { appendEventOf, type TaskRow } from './store.ts';

declare module '../kernel/db.ts' {
  interface Tables {
    left_jobs: LeftJob;
  }
}

/** An attempt whose task ended while its job may still deliver. */
export interface LeftJob {
  task_id: string;
  n: number;
  left_at: number;
  looked_at: number | null;
  /** Set before its pictures are fetched: who dies of them does not try again. */
  saving_at: number | null;
}

/** Remembers a job that an ended task leaves; in the transaction that ends it. */
export async function leaveJob(trx: Trx, input: { taskId: string; n: number; now: number }): Promise<void> {
  const { taskId: task_id, n, now: left_at } = input;
  await trx
    .insertInto('left_jobs')
    .values({ task_id, n, left_at, looked_at: null, saving_at: null })
    .onConflict((conflict) => conflict.columns(['task_id', 'n']).doNothing())
    .execute();
}

/** Left jobs by how long nobody looked at them. */
export function listLeftJobs(reader: Reader, limit: number): Promise<LeftJob[]> {
  return reader
    .selectFrom('left_jobs')
    .selectAll()
    .orderBy((eb) => eb.fn.coalesce('looked_at', 'left_at'))
    .orderBy('task_id')
    .limit(limit)
    .execute();
}

export async function markLooked(
  trx: Trx,
  input: { taskId: string; n: number; now: number; isSaving: boolean },
): Promise<void> {
  await trx
    .updateTable('left_jobs')
    .set({ looked_at: input.now, saving_at: input.isSaving ? input.now : null })
    .where('task_id', '=', input.taskId)
    .where('n', '=', input.n)
    .execute();
}

export async function forgetLeftJob(trx: Trx, input: { taskId: string; n: number }): Promise<void> {
  await trx.deleteFrom('left_jobs').where('task_id', '=', input.taskId).where('n', '=', input.n).execute();
}

/**
 * Keeps what came when its task had failed or was cancelled: pictures marked `late`, uncharged, with an event. The task's end
 * stays what it was. A task that succeeded, runs again or has such pictures already gets only a note; null then.
 */
export async function keepLateResult(
  trx: Trx,
  input: { taskId: string; attempt: number; images: readonly NewImage[]; now: number },
): Promise<TaskRow | null> {
  const { taskId, attempt, images, now } = input;
  const task = await dialectOf(trx)
    .lockRow(trx.selectFrom('tasks').selectAll().where('id', '=', taskId))
    .executeTakeFirst();
  const isOver = task?.status === 'failed' || task?.status === 'cancelled';
  const isKept = isOver && images.length > 0 && (await findImagesOfTask(trx, taskId)).length === 0;
  const what = isKept ? 'were kept, uncharged' : 'were left out: the task has an owner or its pictures';
  const note = `${images.length} pictures came late and ${what}.`;
  await trx.insertInto('late_results').values({ task_id: taskId, attempt, note, created_at: now }).execute();
  if (!isKept) return null;
  const late = images.map((image) => ({ ...image, captured: false, late: true }));
  await insertImages(trx, { now, images: late });
  const changed = await trx
    .updateTable('tasks')
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', taskId)
    .returningAll()
    .executeTakeFirstOrThrow();
  await appendEventOf(trx, changed, 'task.updated', now);
  await forgetLeftJob(trx, { taskId, n: attempt });
  return changed;
}

/** How often something came too late, ever. */
export async function countLateResults(reader: Reader): Promise<number> {
  const row = await reader
    .selectFrom('late_results')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

registerWrites(import.meta.url, { keepLateResult, markLooked, forgetLeftJob });
