// One task, in whatever state it is: under way, finished, failed or cancelled. Redrawn only when its version changes.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { memo, type ReactNode, useState } from 'react';
import { networkProblem, type Problem, problemOf } from '../api/problem.ts';
import type { Task } from '../api/resources.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { formatCredits, formatDuration, formatTime } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { type Text, useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useNow } from '../ui/ticker.ts';
import { CardFrame } from './CardFrame.tsx';
import { capabilitiesOf, draftFromTask, isActive, picturesOf, ratioOf } from './model.ts';
import { Pictures } from './Pictures.tsx';
import { cancelTask, modelsQuery, retryTask } from './queries.ts';
import { useStudio } from './studio-context.ts';
import { TaskDetails } from './TaskDetails.tsx';
import { WorkInProgress } from './WorkInProgress.tsx';

function titleOf(task: Task, { t }: Text): string {
  if (task.cancel.state === 'requested') return t('task.cancelling');
  if (task.status === 'queued') return t('task.queued');
  const phase = t(`task.${task.phase ?? 'submitting'}`);
  return task.progress === null
    ? phase
    : `${phase} · ${t('task.percent', { percent: Math.floor(task.progress * 100) })}`;
}

function attemptNote(task: Task, { t }: Text): string[] {
  const last = task.attempts.at(-1);
  const before = task.attempts.at(-2);
  if (!last || !before) return [];
  const moved = before.provider !== last.provider;
  return [
    moved ? t('task.attempt.via', { n: last.n, provider: last.provider }) : t('task.attempt', { n: last.n }),
  ];
}

function queueNote(task: Task, { t }: Text): string[] {
  if (task.waiting_reason) return [task.waiting_reason];
  if (task.queue_position === null) return [];
  return [
    task.queue_position <= 1
      ? t('task.queued.next')
      : t('task.queued.position', { n: task.queue_position - 1 }),
  ];
}

function UnderWay({ task }: { task: Task }) {
  const text = useText();
  const nowMs = useNow();
  const { data: models } = useQuery(modelsQuery);
  const typicalS = models?.find((model) => model.id === task.model)?.drawbridge.typical_seconds;
  const elapsed = formatDuration(nowMs - Date.parse(task.started_at ?? task.created_at));
  const usual = typicalS ? ` · ${text.t('task.typical', { time: formatDuration(typicalS * 1000) })}` : '';
  const notes = [...queueNote(task, text), `${elapsed}${usual}`, ...attemptNote(task, text)];
  return (
    <WorkInProgress
      ratio={ratioOf(task)}
      count={task.n}
      progress={task.status === 'queued' ? 0 : task.progress}
      title={titleOf(task, text)}
      notes={notes}
    />
  );
}

/** Runs a call for a card's button; the failure stays beside the button. */
function useAction(): [Problem | null, boolean, (action: () => Promise<void>) => void] {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const run = (action: () => Promise<void>) => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    action()
      .catch((error: unknown) => setProblem(problemOf(error)))
      .finally(() => setBusy(false));
  };
  return [problem, busy, run];
}

function ActiveActions({ task }: { task: Task }) {
  const { t } = useText();
  const client = useQueryClient();
  const [problem, busy, run] = useAction();
  const requested = task.cancel.state === 'requested';
  return (
    <>
      {task.cancel.state === 'not_cancellable' ? (
        <p className="text-sm text-soft">{task.cancel.note ?? t('task.notCancellable')}</p>
      ) : (
        <div>
          <button
            type="button"
            className="button"
            aria-disabled={busy || requested}
            onClick={() => !requested && run(() => cancelTask(client, task.id))}
          >
            <Icon name="stop" />
            {t(busy || requested ? 'task.cancelling' : 'task.cancel')}
          </button>
        </div>
      )}
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}

function RetryButton({
  task,
  run,
  busy,
}: {
  task: Task;
  busy: boolean;
  run(action: () => Promise<void>): void;
}) {
  const { t } = useText();
  const client = useQueryClient();
  const failed = task.status === 'failed';
  return (
    <button
      type="button"
      className={failed ? 'button' : 'button button-quiet'}
      aria-disabled={busy}
      onClick={() => run(() => retryTask(client, task.id))}
    >
      <Icon name="again" className="size-4.5" />
      {t(failed ? 'task.retry.failed' : 'task.retry')}
    </button>
  );
}

/** What it was made with, in one line. */
function MetaLine({ task }: { task: Task }) {
  const { language, locale } = useText();
  const { data: models = [] } = useQuery(modelsQuery);
  const name = models.find((model) => model.id === task.model)?.drawbridge.title[language] ?? task.model;
  const finished =
    task.finished_at === null ? [] : [formatTime(Date.parse(task.finished_at), Date.now(), locale)];
  return (
    <p className="figures text-sm text-soft">
      {[name, task.params.size.replace('x', ' × '), ...finished].join(' · ')}
    </p>
  );
}

function ReuseButtons({ task }: { task: Task }) {
  const { t } = useText();
  const { draft, focusPrompt } = useStudio();
  const { data: models = [] } = useQuery(modelsQuery);
  const reuse = (what: 'prompt' | 'all') => {
    const model = models.find((known) => known.id === task.model) ?? null;
    draft.replace(draftFromTask(draft.get(), task, what, model));
    focusPrompt();
  };
  return (
    <>
      <button type="button" className="button button-quiet" onClick={() => reuse('prompt')}>
        <Icon name="prompt" className="size-4.5" />
        {t('task.usePrompt')}
      </button>
      <button type="button" className="button button-quiet" onClick={() => reuse('all')}>
        <Icon name="settings" className="size-4.5" />
        {t('task.useAll')}
      </button>
    </>
  );
}

function FinishedActions({ task }: { task: Task }) {
  const { t } = useText();
  const { draft, focusPrompt } = useStudio();
  const { data: models = [] } = useQuery(modelsQuery);
  const [problem, busy, run] = useAction();
  const [image] = picturesOf(task);
  const canTake = models.some((model) => capabilitiesOf(model).max_input_images > 0);
  return (
    <>
      {image && task.images.length === 1 && (
        <div>
          <a className="button" href={image.download_url} download="">
            <Icon name="download" className="size-4.5" />
            {t('task.download')}
          </a>
        </div>
      )}
      <div className="-mx-2.5 grid grid-cols-[repeat(auto-fill,minmax(8rem,1fr))] *:justify-start">
        <ReuseButtons task={task} />
        {image && canTake && (
          <button
            type="button"
            className="button button-quiet"
            onClick={() => {
              const { id, width, height } = image;
              draft.update({
                input: { kind: 'image', id, url: image.thumb_url ?? image.url, name: '', width, height },
              });
              focusPrompt();
            }}
          >
            <Icon name="input" className="size-4.5" />
            {t('task.useAsInput')}
          </button>
        )}
        <RetryButton task={task} busy={busy} run={run} />
        {image && (
          <CopyButton text={image.url} icon="link">
            {t('task.copyLink')}
          </CopyButton>
        )}
      </div>
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}

function FailedActions({ task }: { task: Task }) {
  const [problem, busy, run] = useAction();
  const shown: Problem = task.error
    ? { ...networkProblem(), ...task.error, requestId: null }
    : { ...networkProblem(), code: 'unknown' };
  return (
    <ProblemNote problem={problem ?? shown}>
      <RetryButton task={task} busy={busy} run={run} />
      <ReuseButtons task={task} />
    </ProblemNote>
  );
}

function CancelledActions({ task }: { task: Task }) {
  const { t, locale } = useText();
  const [problem, busy, run] = useAction();
  const charged = task.cost.captured;
  return (
    <>
      <p className="text-soft">
        {t('task.cancelled')}{' '}
        {charged === 0
          ? t('task.cancelled.free')
          : t('why.cost.captured', { amount: formatCredits(charged, locale) })}
      </p>
      <div className="-mx-2.5 flex flex-wrap">
        <RetryButton task={task} busy={busy} run={run} />
        <ReuseButtons task={task} />
      </div>
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}

function partsOf(task: Task): { picture: ReactNode; actions: ReactNode } {
  if (isActive(task)) return { picture: <UnderWay task={task} />, actions: <ActiveActions task={task} /> };
  const picture = task.images.length > 0 ? <Pictures task={task} /> : null;
  if (task.status === 'succeeded') return { picture, actions: <FinishedActions task={task} /> };
  if (task.status === 'failed') return { picture, actions: <FailedActions task={task} /> };
  return { picture, actions: <CancelledActions task={task} /> };
}

export const TaskCard = memo(function TaskCard({ task }: { task: Task }) {
  const { picture, actions } = partsOf(task);
  return (
    <CardFrame prompt={task.prompt} picture={picture}>
      {task.status === 'succeeded' && <MetaLine task={task} />}
      {actions}
      <TaskDetails task={task} />
    </CardFrame>
  );
});
