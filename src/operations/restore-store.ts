// What of the tasks must be known after a restore: the newest of the unfinished ones, and those of which nothing was sent.
import type { Reader } from '../kernel/db.ts';

/** Unfinished tasks, oldest first. */
export function listUnfinished(read: Reader, limit: number): Promise<{ id: string; lane: string }[]> {
  return read
    .selectFrom('tasks')
    .select(['id', 'lane'])
    .where('status', 'in', ['queued', 'delayed', 'running'])
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Running tasks that were about to submit anew: their last attempt is closed, or they have none. */
export function listAboutToSubmit(read: Reader): Promise<{ id: string; account_id: string }[]> {
  return read
    .selectFrom('tasks')
    .leftJoin('attempts', (join) =>
      join.onRef('attempts.task_id', '=', 'tasks.id').onRef('attempts.n', '=', 'tasks.attempt'),
    )
    .select(['tasks.id', 'tasks.account_id'])
    .where('tasks.status', '=', 'running')
    .where((eb) =>
      eb.or([eb('attempts.outcome', 'is', null), eb('attempts.outcome', 'not in', ['open', 'accepted'])]),
    )
    .execute();
}
