// One task, in whatever state it is: under way, finished, failed or cancelled. Redrawn only when its version or that of one of
// its HD variants changes.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, memo, type ReactNode, Suspense, useState } from 'react';
import { networkProblem, type Problem } from '../api/problem.ts';
import type { Task, TaskImage } from '../api/resources.ts';
import { formatCredits, formatTime } from '../ui/format.ts';
import { Icon, type IconName } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { Menu } from '../ui/Menu.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { remarkText } from '../ui/remark.ts';
import { CardFrame } from './CardFrame.tsx';
import { draftFromTask, isActive, picturesOf } from './model.ts';
import { Pictures } from './Pictures.tsx';
import { type PictureActions, usePictureActions } from './picture-actions.ts';
import { cancelTask, modelsQuery, retryTask } from './queries.ts';
import { useStudio } from './studio-context.ts';
import { UnderWay } from './UnderWay.tsx';
import { type Action, useAction } from './use-action.ts';

const WhyDrawer = lazy(() => import('./WhyDrawer.tsx').then(({ WhyDrawer }) => ({ default: WhyDrawer })));
const ShareDialog = lazy(() =>
  import('../share/ShareDialog.tsx').then(({ ShareDialog }) => ({ default: ShareDialog })),
);

function CardButton(props: { icon: IconName; label: string; onClick(): void; isBusy?: boolean }) {
  return (
    <button
      type="button"
      className="button button-quiet"
      aria-disabled={props.isBusy ?? false}
      onClick={props.onClick}
    >
      <Icon name={props.icon} className="size-4.5" />
      {props.label}
    </button>
  );
}

/** What came of asking to stop. */
function CancelRemark({ task, fallback = '' }: { task: Task; fallback?: string }) {
  const text = useText();
  const { remark, note } = task.cancel;
  return <>{remark ? remarkText(remark, note ?? '', text) : fallback}</>;
}

function ActiveActions({ task }: { task: Task }) {
  const { t } = useText();
  const client = useQueryClient();
  const { problem, isBusy, run } = useAction();
  const requested = task.cancel.state === 'requested';
  return (
    <>
      {task.cancel.state === 'not_cancellable' ? (
        <p className="text-sm text-soft">
          <CancelRemark task={task} fallback={t('task.notCancellable')} />
        </p>
      ) : (
        <div>
          <button
            type="button"
            className="button"
            aria-disabled={isBusy || requested}
            data-cancel={requested ? undefined : task.id}
            onClick={() => !requested && run(() => cancelTask(client, task.id))}
          >
            <Icon name="stop" />
            {t(isBusy || requested ? 'task.cancelling' : 'task.cancel')}
          </button>
          {requested && task.cancel.remark && (
            <p className="mt-2 text-sm text-soft">
              <CancelRemark task={task} />
            </p>
          )}
        </div>
      )}
      {problem && <ProblemNote problem={problem} />}
    </>
  );
}

function RetryButton({ task, action }: { task: Task; action: Action }) {
  const { t } = useText();
  const client = useQueryClient();
  const failed = task.status === 'failed';
  return (
    <button
      type="button"
      className={failed ? 'button' : 'button button-quiet'}
      aria-disabled={action.isBusy}
      onClick={() => action.run(() => retryTask(client, task.id))}
    >
      <Icon name="again" className="size-4.5" />
      {t(failed ? 'task.retry.failed' : 'task.retry')}
    </button>
  );
}

function ReuseButtons({ task }: { task: Task }) {
  const { t } = useText();
  const { draft, takeOver } = useStudio();
  const { data: models = [] } = useQuery(modelsQuery);
  const reuse = (what: 'prompt' | 'all') => {
    const model = models.find((known) => known.id === task.model) ?? null;
    takeOver(draftFromTask(draft.get(), task, what, model));
  };
  return (
    <>
      <CardButton icon="prompt" label={t('task.usePrompt')} onClick={() => reuse('prompt')} />
      <CardButton icon="settings" label={t('task.useAll')} onClick={() => reuse('all')} />
    </>
  );
}

/** What it was made with, in one line. */
function MetaLine({ task }: { task: Task }) {
  const { t, language, locale } = useText();
  const { data: models = [] } = useQuery(modelsQuery);
  const name = models.find((model) => model.id === task.model)?.drawbridge.title[language] ?? task.model;
  const finished =
    task.finished_at === null ? [] : [formatTime(Date.parse(task.finished_at), Date.now(), locale)];
  const style = task.style ? [task.style.names[language]] : [];
  return (
    <p className="figures text-sm text-soft">
      {[name, ...style, task.params.size.replace('x', '\u00a0×\u00a0'), ...finished].join(' · ')}
      {task.cancel.state === 'finished_first' && (
        <span className="block">
          <CancelRemark task={task} fallback={t('task.finishedFirst')} />
        </span>
      )}
    </p>
  );
}

interface FinishedProps {
  task: Task;
  actions: PictureActions;
  onShare(imageIds: readonly string[]): void;
}

function FinishedActions({ task, actions, onShare }: FinishedProps) {
  const { t } = useText();
  const retry = useAction();
  const [image] = picturesOf(task);
  const isSingle = picturesOf(task).length === 1;
  const { enlarge } = actions;
  return (
    <>
      {image && isSingle && (
        <div className="flex flex-wrap gap-2">
          <a className="button" href={image.download_url} download="">
            <Icon name="download" className="size-4.5" />
            {t('task.download')}
          </a>
          <Menu
            name={t('task.actions', { n: 1 })}
            label={<Icon name="more" />}
            items={actions.items(image)}
            className="button button-icon"
          />
        </div>
      )}
      <div className="-mx-2.5 grid grid-cols-[repeat(auto-fill,minmax(8rem,1fr))] *:justify-start">
        <ReuseButtons task={task} />
        {image && isSingle && (
          <CardButton icon="vary" label={t('task.vary')} onClick={() => actions.vary(image)} />
        )}
        {image && isSingle && enlarge && image.kind === 'final' && (
          <CardButton icon="hd" label={t('task.hd')} onClick={() => enlarge(image)} />
        )}
        <RetryButton task={task} action={retry} />
        {image && (
          <CardButton
            icon="share"
            label={t('task.share')}
            onClick={() => onShare(picturesOf(task).map(({ id }) => id))}
          />
        )}
      </div>
      {retry.problem && <ProblemNote problem={retry.problem} />}
    </>
  );
}

/** Codes that another model may not have. */
const OF_THE_MODEL =
  /^(?:provider_|model_not_found|content_blocked|submit_unknown|deadline_exceeded|rate_limited)/;

function FailedActions({ task }: { task: Task }) {
  const { t } = useText();
  const { draft, takeOver } = useStudio();
  const retry = useAction();
  const shown: Problem = task.error
    ? { ...networkProblem(), ...task.error, requestId: task.id }
    : { ...networkProblem(), code: 'unknown', requestId: task.id };
  const { data: models = [] } = useQuery(modelsQuery);
  const others = models.filter(
    ({ id, drawbridge }) => id !== task.model && drawbridge.provider_state !== 'down',
  );
  const [other] = others;
  return (
    <ProblemNote problem={retry.problem ?? shown}>
      <RetryButton task={task} action={retry} />
      {other && OF_THE_MODEL.test(shown.code) && (
        <CardButton
          icon="studio"
          label={t('task.otherModel')}
          onClick={() => {
            takeOver({ ...draftFromTask(draft.get(), task, 'all', other), model: other.id });
            document.querySelector<HTMLElement>('form button[aria-controls]')?.focus();
          }}
        />
      )}
      <ReuseButtons task={task} />
    </ProblemNote>
  );
}

function CancelledActions({ task }: { task: Task }) {
  const { t, locale } = useText();
  const retry = useAction();
  const charged = task.cost.captured;
  return (
    <>
      <p className="text-soft">
        {t('task.cancelled')}{' '}
        {charged === 0
          ? t('task.cancelled.free')
          : t('why.cost.captured', { amount: formatCredits(charged, locale) })}
      </p>
      {task.cancel.remark && (
        <p className="text-sm text-soft">
          <CancelRemark task={task} />
        </p>
      )}
      <div className="-mx-2.5 flex flex-wrap">
        <RetryButton task={task} action={retry} />
        <ReuseButtons task={task} />
      </div>
      {retry.problem && <ProblemNote problem={retry.problem} />}
    </>
  );
}

interface TaskCardProps {
  task: Task;
  /** HD variants of its pictures, newest first. */
  variants: readonly Task[];
  variantOf(image: TaskImage): Task | undefined;
}

function Card({ task, variantOf }: TaskCardProps) {
  const { t } = useText();
  const [layer, setLayer] = useState<{ kind: 'why' } | { kind: 'share'; imageIds: readonly string[] } | null>(
    null,
  );
  const onShare = (imageIds: readonly string[]) => setLayer({ kind: 'share', imageIds });
  const actions = usePictureActions(task, onShare);
  const close = () => setLayer(null);
  const pictures =
    picturesOf(task).length > 0 ? <Pictures task={task} variantOf={variantOf} actions={actions} /> : null;
  const parts: Record<Task['status'], () => ReactNode> = {
    queued: () => <ActiveActions task={task} />,
    running: () => <ActiveActions task={task} />,
    succeeded: () => <FinishedActions task={task} actions={actions} onShare={onShare} />,
    failed: () => <FailedActions task={task} />,
    cancelled: () => <CancelledActions task={task} />,
  };
  return (
    <CardFrame prompt={task.prompt} picture={isActive(task) ? <UnderWay task={task} /> : pictures}>
      {task.status === 'succeeded' && <MetaLine task={task} />}
      {parts[task.status]()}
      <button
        type="button"
        className="mt-auto flex min-h-11 items-center gap-1.5 self-start text-sm text-soft hover:text-ink"
        onClick={() => setLayer({ kind: 'why' })}
      >
        <Icon name="info" className="size-4.5" />
        {t(task.status === 'succeeded' ? 'task.why' : 'task.details')}
      </button>
      <Suspense fallback={null}>
        {layer?.kind === 'why' && <WhyDrawer task={task} onClose={close} />}
        {layer?.kind === 'share' && <ShareDialog imageIds={layer.imageIds} onClose={close} />}
      </Suspense>
    </CardFrame>
  );
}

export const TaskCard = memo(
  Card,
  (before, after) =>
    before.task === after.task &&
    before.variants.length === after.variants.length &&
    before.variants.every((task, index) => task === after.variants[index]),
);
