// Events that other parts of the program write beside the end of a task. A module apart: the writer worker imports it.
import { registerWrites, type Trx } from '../../src/kernel/db.ts';
import { appendEvent } from '../../src/kernel/outbox.ts';

/** What a picture that comes after its task's end leaves behind. */
export async function appendUpdate(
  trx: Trx,
  input: { accountId: string; taskId: string; version: number; nowMs: number },
): Promise<void> {
  const { accountId, taskId: entityId, version, nowMs } = input;
  await appendEvent(trx, { accountId, topic: 'tasks', entityId, type: 'task.updated', version, nowMs });
}

registerWrites(import.meta.url, { appendUpdate });
