// What a trace shows of a task that has ended: its attempts and its pictures. Read-only.
import type { Reader } from '../kernel/db.ts';

export interface TracedAttempt {
  n: number;
  provider: string;
  outcome: string;
  started_at: number;
  ended_at: number | null;
}

export function listTracedAttempts(read: Reader, taskId: string): Promise<TracedAttempt[]> {
  return read
    .selectFrom('attempts')
    .select(['n', 'provider', 'outcome', 'started_at', 'ended_at'])
    .where('task_id', '=', taskId)
    .orderBy('n')
    .execute();
}
