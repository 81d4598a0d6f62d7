// What a trace shows of a task that has ended: its attempts and its pictures. Read-only.
import type { Reader } from '../kernel/db.ts';

export interface TracedAttempt {
  n: number;
  provider: string;
  outcome: string;
  started_at: number;
  /** When its pictures were there to be fetched and stored; null when there were none. */
  saving_at: number | null;
  ended_at: number | null;
}

export function listTracedAttempts(read: Reader, taskId: string): Promise<TracedAttempt[]> {
  return read
    .selectFrom('attempts')
    .select(['n', 'provider', 'outcome', 'started_at', 'saving_at', 'ended_at'])
    .where('task_id', '=', taskId)
    .orderBy('n')
    .execute();
}
