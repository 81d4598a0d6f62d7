// A task on its way: where it stands in the queue or at the provider, for how long, when it should be ready, which attempt it
// is and why the one before was not the last.
import { useRef } from 'react';
import type { Task } from '../api/resources.ts';
import { formatDuration } from '../ui/format.ts';
import { type Text, useText } from '../ui/language.ts';
import { reasonText, remarkText } from '../ui/remark.ts';
import { useNow } from '../ui/ticker.ts';
import { ratioOf } from './model.ts';
import { WorkInProgress } from './WorkInProgress.tsx';

/** What is going on, in two or three words. */
export function stateName(task: Task, { t }: Pick<Text, 't'>): string {
  if (task.cancel.state === 'requested') return t('task.cancelling');
  if (task.status === 'queued') return t('task.queued');
  const phase = t(`task.${task.phase ?? 'submitting'}`);
  return task.progress === null || task.phase !== 'waiting'
    ? phase
    : `${phase} · ${t('task.percent', { percent: Math.floor(task.progress * 100) })}`;
}

function queueNote(task: Task, text: Text): string[] {
  const { t } = text;
  if (task.waiting) return [remarkText(task.waiting, task.waiting_reason ?? '', text)];
  if (task.queue_position === null) return [];
  return [
    task.queue_position <= 1
      ? t('task.queued.next')
      : t('task.queued.position', { n: task.queue_position - 1 }),
  ];
}

/** Which attempt it is, and what moved it where it is now. */
function attemptNotes(task: Task, text: Text): string[] {
  const { t } = text;
  const last = task.attempts.at(-1);
  if (!last || last.n < 2) return [];
  if (!last.switched) return [t('task.attempt', { n: last.n })];
  const moved = t('task.attempt.via', { n: last.n, provider: last.provider });
  const { from, reason, reason_code: code } = last.switched;
  if (reason === null) return [moved];
  return [moved, t('task.attempt.because', { provider: from, reason: reasonText(code, reason, text) })];
}

/** Seconds until it should be ready, counted down from when the server said it; null when nobody knows or it is overdue. */
function useRemainingS(task: Task, nowMs: number): number | null {
  const said = useRef({ version: -1, atMs: 0 });
  if (said.current.version !== task.version) said.current = { version: task.version, atMs: nowMs };
  if (task.eta_s === null) return null;
  const remainingS = task.eta_s - (nowMs - said.current.atMs) / 1000;
  return remainingS > 0 ? remainingS : null;
}

export function UnderWay({ task }: { task: Task }) {
  const text = useText();
  const { t, locale } = text;
  const nowMs = useNow();
  const remainingS = useRemainingS(task, nowMs);
  const elapsed = formatDuration(nowMs - Date.parse(task.started_at ?? task.created_at), locale);
  const left =
    remainingS === null
      ? ''
      : ` · ${t('task.left', { time: formatDuration(Math.ceil(remainingS) * 1000, locale) })}`;
  return (
    <WorkInProgress
      ratio={ratioOf(task)}
      count={task.n}
      progress={task.status === 'queued' ? 0 : task.progress}
      title={stateName(task, text)}
      notes={[...queueNote(task, text), `${elapsed}${left}`, ...attemptNotes(task, text)]}
      previewUrl={task.preview_url}
    />
  );
}
