// A job's life as one bar of phases, and its attempts in words with the error where it happened.
import type { Task } from '../api/resources.ts';
import { formatDuration } from '../ui/format.ts';
import { useNow } from '../ui/ticker.ts';
import { adminTexts } from './admin-text.ts';
import { type SpanKind, timelineOf } from './job-timeline.ts';
import { State, type Tone, When } from './parts.tsx';

const FILL: Record<SpanKind, string> = {
  queued: 'fill-mat',
  pause: 'fill-mat',
  submit: 'fill-edge',
  wait: 'fill-lamp',
  save: 'fill-calm',
};
const LEGEND: Record<SpanKind, string> = {
  queued: 'bg-mat',
  pause: 'bg-mat',
  submit: 'bg-edge',
  wait: 'bg-lamp',
  save: 'bg-calm',
};
const MILLISECONDS_SHOWN_BELOW = 10_000;
const OUTCOME_TONES: Partial<Record<Task['attempts'][number]['outcome'], Tone>> = {
  open: 'work',
  accepted: 'work',
  succeeded: 'calm',
  failed: 'alarm',
  rejected: 'alarm',
  lost: 'alarm',
  unknown: 'alarm',
};

function useDuration(): (ms: number) => string {
  const { t, locale } = adminTexts.useText();
  return (ms) => (ms < MILLISECONDS_SHOWN_BELOW ? t('ms', { count: ms }) : formatDuration(ms, locale));
}

function Bars({ task }: { task: Task }) {
  const { t } = adminTexts.useText();
  const duration = useDuration();
  const spans = timelineOf(task, useNow());
  return (
    <>
      <svg className="h-7 w-full rounded-control" role="img" aria-label={t('job.timeline')}>
        {spans.map((span) => (
          <rect
            key={`${span.kind}${span.from}`}
            x={`${span.from * 100}%`}
            width={`${span.width * 100}%`}
            height="100%"
            className={`${FILL[span.kind]} stroke-sheet`}
            strokeWidth="2"
          >
            <title>{`${t(`job.span.${span.kind}`)} · ${duration(span.durationMs)}`}</title>
          </rect>
        ))}
      </svg>
      <ol className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm">
        {spans.map((span) => (
          <li key={`${span.kind}${span.from}`} className="flex items-center gap-1.5">
            <span
              aria-hidden="true"
              className={`size-2.5 rounded-sm border border-edge ${LEGEND[span.kind]}`}
            />
            {span.attempt !== null && task.attempts.length > 1 && (
              <span className="text-soft">{t('job.attemptShort', { n: span.attempt })}</span>
            )}
            {t(`job.span.${span.kind}`)}
            <span className="figures text-soft">
              {duration(span.durationMs)}
              {span.isFolded && ` (${t('job.folded')})`}
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

export function Timeline({ task }: { task: Task }) {
  const { t } = adminTexts.useText();
  const duration = useDuration();
  return (
    <div className="sheet p-4">
      <Bars task={task} />
      {task.attempts.length > 0 && (
        <ol className="mt-3 border-t border-line">
          {task.attempts.map((attempt) => (
            <li key={attempt.n} className="border-b border-line py-2.5 text-sm last:border-b-0 last:pb-0">
              <div className="flex flex-wrap items-center gap-x-3">
                <span className="font-medium">{t('job.attempt', { n: attempt.n })}</span>
                <State tone={OUTCOME_TONES[attempt.outcome] ?? 'off'}>
                  {t(`outcome.${attempt.outcome}`)}
                </State>
                <span className="text-soft">
                  {attempt.provider}
                  {attempt.provider_model && ` · ${attempt.provider_model}`} ·{' '}
                  <When at={attempt.started_at} />
                </span>
              </div>
              {attempt.switched && (
                <p className="text-soft">
                  {t('job.switched', { from: attempt.switched.from, reason: attempt.switched.reason ?? '–' })}
                </p>
              )}
              <p className="figures text-soft">
                {(['submit', 'wait', 'save'] as const)
                  .flatMap((phase) => {
                    const ms = attempt[`${phase}_ms`];
                    return ms === null ? [] : [`${t(`job.span.${phase}`)} ${duration(ms)}`];
                  })
                  .join(' · ')}
              </p>
              {attempt.error && <p className="text-alarm">{attempt.error}</p>}
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
