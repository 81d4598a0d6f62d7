// How a job's state is said: the words and the colour of its dot.
import type { AdminTaskRow } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { State, type Tone } from './parts.tsx';

const TONES: Record<AdminTaskRow['status'], Tone> = {
  queued: 'off',
  running: 'work',
  succeeded: 'calm',
  failed: 'alarm',
  cancelled: 'off',
};

export function JobState({ job }: { job: Pick<AdminTaskRow, 'status' | 'overdue'> }) {
  const { t } = adminTexts.useText();
  return (
    <State tone={job.overdue ? 'alarm' : TONES[job.status]}>
      {job.overdue ? t('status.overdue') : t(`status.${job.status}`)}
    </State>
  );
}
