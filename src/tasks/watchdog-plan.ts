// What the watchdog found and what is to be done about it, in words and as data. Pure: the same answer of a provider always
// leads to the same plan, which a dry run shows and a repair carries out.
import type { TaskRow } from './store.ts';
import type { Answer } from './watchdog-question.ts';

/** What can be wrong; each with one repair. */
export type FindingKind =
  | 'overdue'
  | 'no_owner'
  | 'dead_owner'
  | 'no_run'
  | 'overslept'
  | 'hold_open'
  | 'hold_settled'
  | 'late_picture'
  | 'messages_late';

/** What is done about it: `report` leaves it to the operator. */
export type FindingAction =
  | 'resume'
  | 'resubmit'
  | 'deliver'
  | 'fail'
  | 'wake'
  | 'settle'
  | 'keep_late'
  | 'report';

export interface Finding {
  kind: FindingKind;
  taskId: string | null;
  /** What is wrong. */
  what: string;
  /** What shows it: rows, times, the provider's words. */
  evidence: string[];
  action: FindingAction;
  /** Why this is the right thing to do. */
  reason: string;
  /** The task's status now, and what it would be, or is after the repair. */
  from: string;
  to: string;
  /** Null in a dry run. `unchanged`: it moved by itself meanwhile. `under_way`: begun, and not over yet. */
  result: 'done' | 'under_way' | 'unchanged' | 'failed' | null;
  /** What came of it, where there is more to say. */
  note: string | null;
}

export type Plan = Pick<Finding, 'action' | 'reason' | 'to'>;

const failed = (reason: string): Plan => ({
  action: 'fail',
  reason: `${reason} The credits are returned.`,
  to: 'failed',
});
const resumed = (reason: string): Plan => ({ action: 'resume', reason, to: 'running' });
const delivered: Plan = {
  action: 'deliver',
  reason: 'The provider has finished pictures; they are saved, and charged as any others.',
  to: 'succeeded',
};

/** What to do with a running task that nobody looks after, by what its provider says. */
export function planFor(answer: Answer, isPastDeadline: boolean): Plan {
  const isOver = isPastDeadline ? planPastDeadline(answer) : null;
  if (isOver) return isOver;
  switch (answer.state) {
    case 'done':
      return delivered;
    case 'failed':
      return failed(`The provider says that the job failed: ${answer.problem}`);
    case 'running':
      return resumed('The provider works on it; somebody has to look after it again.');
    case 'lost':
      return {
        action: 'resubmit',
        reason: 'The provider does not know the job (asked twice before anything is sent).',
        to: 'running',
      };
    case 'absent':
      return { action: 'resubmit', reason: 'The provider proves that it never got the job.', to: 'running' };
    case 'nothing_sent':
      return { action: 'resubmit', reason: 'Nothing was sent to the provider.', to: 'running' };
    case 'unknown':
      return resumed(
        'It is not known whether the provider has the job: it is looked for, and never sent a second time without proof.',
      );
    case 'unanswered':
      return resumed(
        `The provider cannot be asked just now (${answer.problem}); it is asked until the deadline.`,
      );
  }
}

function planPastDeadline(answer: Answer): Plan | null {
  switch (answer.state) {
    case 'done':
    case 'failed':
      return null;
    case 'running':
      return failed('The deadline is over and the provider is not done; it is asked to stop.');
    case 'unanswered':
      return failed(`The deadline is over and the provider cannot be asked: ${answer.problem}`);
    default:
      return failed('The deadline is over and the provider has no picture.');
  }
}

/** The provider's answer as a line of evidence. */
export function answerText(answer: Answer): string {
  switch (answer.state) {
    case 'done':
      return `provider: finished, ${answer.outputs.length} pictures`;
    case 'running':
      return answer.progress === null
        ? 'provider: working'
        : `provider: working, ${Math.round(answer.progress * 100)} %`;
    case 'failed':
    case 'unanswered':
      return `provider: ${answer.state}: ${answer.problem}`;
    default:
      return `provider: ${answer.state}`;
  }
}

/** What the row shows of a running task. */
export function rowEvidence(task: TaskRow): string[] {
  return [
    `phase ${task.phase ?? 'none'}, attempt ${task.attempt}, epoch ${task.lease_epoch}`,
    `owner ${task.lease_owner ?? 'none'}`,
    `deadline ${new Date(task.deadline_at).toISOString()}`,
    ...(task.waiting_reason === null ? [] : [`waiting: ${task.waiting_reason}`]),
  ];
}
