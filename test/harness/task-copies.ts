// Many tasks without the cost of creating them: copies of one, as thousands of creates would leave them.
import { registerWrites, type Trx } from '../../src/kernel/db.ts';
import { newId } from '../../src/kernel/id.ts';
import type { ImagesTable } from '../../src/media/media.ts';
import type { TaskRow } from '../../src/tasks/store.ts';

/** What differs from the task that is copied. */
export interface TaskCopy extends Partial<TaskRow> {
  id: string;
}

/** Copies hold no credits: they have failed unless they say otherwise. With `image` each has a copy of that picture. */
export async function copyTask(
  trx: Trx,
  input: { task: TaskRow; copies: TaskCopy[]; image?: ImagesTable },
): Promise<void> {
  for (const copy of input.copies) {
    const row = { ...input.task, status: 'failed' as const, hold_id: copy.id, ...copy };
    await trx.insertInto('tasks').values(row).execute();
    if (!input.image) continue;
    const id = newId('img', row.finished_at ?? row.created_at);
    const image = { ...input.image, id, task_id: copy.id, file_key: id, thumb_key: null };
    await trx.insertInto('images').values(image).execute();
  }
}

registerWrites(import.meta.url, { copyTask });
