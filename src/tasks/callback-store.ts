// What call backs read and leave: whose address it is, when a provider last called, and which job an attempt may have whose
// submit was never answered. A call back changes no task; it only makes whoever runs one look.
import { crashPoint } from '../kernel/crash-point.ts';
import { compileOnce, type Reader, registerWrites, type Trx } from '../kernel/db.ts';
import type { AttemptOutcome } from './store.ts';

/** The attempt that an address was made for. */
export interface CalledAttempt {
  task_id: string;
  n: number;
  provider: string;
  outcome: AttemptOutcome;
  job_id: string | null;
  callback_token: string | null;
}

const selectByToken = compileOnce<{ token: string }, CalledAttempt>((query, param) =>
  query
    .selectFrom('attempts')
    .select(['task_id', 'n', 'provider', 'outcome', 'job_id', 'callback_token'])
    .where('callback_token', '=', param('token')),
);

export async function findByCallbackToken(reader: Reader, token: string): Promise<CalledAttempt | undefined> {
  return (await selectByToken(reader, { token }))[0];
}

/** Whether the provider's job belongs to another attempt than this one. */
export async function isJobOfAnother(
  reader: Reader,
  { task_id, n, provider }: Pick<CalledAttempt, 'task_id' | 'n' | 'provider'>,
  jobId: string,
): Promise<boolean> {
  const rows = await reader
    .selectFrom('attempts')
    .select(['task_id', 'n'])
    .where('job_id', '=', jobId)
    .where('provider', '=', provider)
    .execute();
  return rows.some((row) => row.task_id !== task_id || row.n !== n);
}

/** Notes that the provider called; while its answer to the submit is open also the job that it spoke of. */
export async function noteCallback(
  trx: Trx,
  input: { taskId: string; n: number; jobId: string | null; now: number },
): Promise<void> {
  const attempt = await trx
    .selectFrom('attempts')
    .select(['outcome', 'called_back_at', 'callback_job_id'])
    .where('task_id', '=', input.taskId)
    .where('n', '=', input.n)
    .executeTakeFirst();
  if (!attempt || (attempt.outcome !== 'open' && attempt.outcome !== 'accepted')) return;
  await trx
    .updateTable('attempts')
    .set({
      // Two calls of one millisecond are two calls.
      called_back_at: Math.max(input.now, (attempt.called_back_at ?? 0) + 1),
      callback_job_id:
        attempt.outcome === 'open' ? (input.jobId ?? attempt.callback_job_id) : attempt.callback_job_id,
    })
    .where('task_id', '=', input.taskId)
    .where('n', '=', input.n)
    .execute();
  crashPoint('kp8');
}

/** Tasks that were called back after a time, in milliseconds, with when. */
export function listCalledBack(
  reader: Reader,
  afterMs: number,
): Promise<{ task_id: string; called_back_at: number | null }[]> {
  return reader
    .selectFrom('attempts')
    .select(['task_id', 'called_back_at'])
    .where('called_back_at', '>', afterMs)
    .execute();
}

/** The job that a call back spoke of while the submit was open; null without one. */
export async function findCallbackJob(reader: Reader, taskId: string, n: number): Promise<string | null> {
  const row = await reader
    .selectFrom('attempts')
    .select('callback_job_id')
    .where('task_id', '=', taskId)
    .where('n', '=', n)
    .executeTakeFirst();
  return row?.callback_job_id ?? null;
}

registerWrites(import.meta.url, { noteCallback });
