// A task that was made ahead of need, and that somebody waits for now.
import { registerWrites, type Trx } from '../kernel/db.ts';
import { appendEventOf, fairTag, statusIs, type TaskRow } from './store.ts';

/** What nobody named a priority for. */
export const USUAL_PRIORITY = 0;
/** What is made ahead of need: begun when nothing else waits at the provider. */
export const AHEAD_PRIORITY = -1;

/**
 * Gives a task that has not begun a higher priority, with its place among those; null when it has begun or ended, or is no less
 * urgent already.
 */
export async function hastenTask(
  trx: Trx,
  { taskId, priority, now }: { taskId: string; priority: number; now: number },
): Promise<TaskRow | null> {
  const task = await trx
    .selectFrom('tasks')
    .select(['lane', 'flow', 'pictures', 'status', 'version'])
    .where('id', '=', taskId)
    .where('priority', '<', priority)
    .where(statusIs.waiting)
    .executeTakeFirst();
  if (!task) return null;
  const place = task.status === 'queued' ? { fair: await fairTag(trx, { ...task, priority }) } : {};
  const hastened = await trx
    .updateTable('tasks')
    .set((eb) => ({ priority, ...place, version: eb('version', '+', 1) }))
    .where('id', '=', taskId)
    // It may have been begun by another node meanwhile.
    .where('version', '=', task.version)
    .returningAll()
    .executeTakeFirst();
  if (!hastened) return null;
  await appendEventOf(trx, hastened, 'task.updated', now);
  return hastened;
}

registerWrites(import.meta.url, { hastenTask });
