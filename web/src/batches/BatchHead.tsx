// What a batch is and how far it is, with what can be done about it as a whole.
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../studio/use-action.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { formatCredits, formatDuration, formatTime } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { Menu, type MenuItem } from '../ui/Menu.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { showToast } from '../ui/toast.tsx';
import {
  actOnBatch,
  type Batch,
  type BatchAction,
  type BatchCounts,
  type BatchFile,
  retryFailed,
  saveBatchFile,
} from './batch-api.ts';
import type { BatchRoom, BatchState } from './batch-room.ts';
import { type BatchText, batchTexts } from './batch-text.ts';
import { endedOf, Progress } from './Progress.tsx';

const FILES = [
  ['archive', 'zip'],
  ['csv', 'csv'],
  ['manifest', 'manifest'],
] as const satisfies readonly [BatchFile, string][];

function factsOf(batch: Batch, counts: BatchCounts, { t, locale }: BatchText): string[] {
  const { captured, held } = batch.cost;
  const nowMs = Date.now();
  return [
    t('batch.progress', { done: endedOf(counts), n: counts.total }),
    ...(batch.eta_s === null || batch.status !== 'running'
      ? []
      : [t('batch.eta', { time: formatDuration(batch.eta_s * 1000, locale) })]),
    ...(captured > 0 ? [t('batch.cost', { amount: formatCredits(captured, locale) })] : []),
    ...(held > 0 ? [t('batch.cost.held', { amount: formatCredits(held, locale) })] : []),
    batch.finished_at === null
      ? t('batch.started', { time: formatTime(Date.parse(batch.created_at), nowMs, locale) })
      : t('batch.finished', { time: formatTime(Date.parse(batch.finished_at), nowMs, locale) }),
    ...(batch.skipped > 0 ? [t('batch.skipped', { n: batch.skipped })] : []),
  ];
}

function CancelDialog(props: { n: number; onClose(): void; onConfirm(): void }) {
  const { t } = batchTexts.useText();
  return (
    <Dialog
      title={t('batch.cancel.title')}
      onClose={props.onClose}
      footer={
        <>
          <button type="button" className="button" onClick={props.onClose}>
            {t('batch.cancel.keep')}
          </button>
          <button type="button" className="button text-alarm" onClick={props.onConfirm}>
            {t('batch.cancel.confirm', { n: props.n })}
          </button>
        </>
      }
    >
      <p>{t('batch.cancel.text', { n: props.n })}</p>
    </Dialog>
  );
}

interface HeadProps {
  room: BatchRoom;
  state: BatchState;
  batch: Batch;
  counts: BatchCounts;
}

export function BatchHead({ room, state, batch, counts }: HeadProps) {
  const text = batchTexts.useText();
  const { t } = text;
  const { problem, isBusy, run } = useAction();
  const [isCancelling, setCancelling] = useState(false);
  const open = counts.queued + counts.running;
  const isPaused = state.status === 'paused';
  const canPause = state.status === 'running' || isPaused;

  const act = (action: BatchAction) => run(async () => room.take(await actOnBatch(room.id, action)));
  const retry = (withCancelled: boolean) => {
    const n = counts.failed + (withCancelled ? counts.cancelled : 0);
    run(async () => {
      room.take(await retryFailed(room.id, withCancelled));
      showToast({ text: t('batch.retried', { n }) });
    });
  };
  const togglePause = () => {
    if (canPause) act(isPaused ? 'resume' : 'pause');
  };
  useShortcuts(t('batches.keys'), [{ keys: 'p', label: t('batch.keys.pause'), run: togglePause }]);

  const more: MenuItem[] = [
    ...(counts.cancelled > 0
      ? [{ label: t('batch.retryCancelled'), icon: 'again' as const, run: () => retry(true) }]
      : []),
    ...(open > 0 && state.status !== 'cancelling'
      ? [{ label: t('batch.cancel'), icon: 'stop' as const, isDanger: true, run: () => setCancelling(true) }]
      : []),
  ];
  return (
    <header className="flex flex-col gap-3 pt-4">
      <Link
        to="/batches"
        className="-ml-1 flex min-h-11 items-center gap-1 self-start text-sm text-soft sm:min-h-6"
      >
        <Icon name="left" className="size-4.5" />
        {t('batch.back')}
      </Link>
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
        <h1 className="text-2xl font-semibold tracking-tight">{batch.name}</h1>
        <p className="rounded-full border border-line px-2.5 text-sm" data-status={state.status}>
          {t(`batch.status.${state.status}`)}
        </p>
        <div className="flex flex-wrap items-center gap-2 sm:ml-auto">
          {canPause && (
            <button
              type="button"
              className="button"
              aria-disabled={isBusy}
              title={isPaused ? undefined : t('batch.pause.note')}
              onClick={togglePause}
            >
              {t(isPaused ? 'batch.resume' : 'batch.pause')}
            </button>
          )}
          {counts.failed > 0 && (
            <button type="button" className="button" aria-disabled={isBusy} onClick={() => retry(false)}>
              <Icon name="again" className="size-4.5" />
              {t('batch.retryFailed', { n: counts.failed })}
            </button>
          )}
          <Menu
            name={t('batch.download')}
            className="button"
            label={
              <>
                <Icon name="download" className="size-4.5" />
                <span className="max-sm:sr-only">{t('batch.download')}</span>
              </>
            }
            items={FILES.map(([file, label]) => ({
              label: t(`batch.download.${label}`),
              run: () => run(() => saveBatchFile(room.id, file)),
            }))}
          />
          {more.length > 0 && (
            <Menu
              name={t('batch.actions')}
              className="button button-icon"
              label={<Icon name="more" />}
              items={more}
            />
          )}
        </div>
      </div>
      <Progress counts={counts} />
      <p className="figures text-soft" data-facts="">
        {factsOf(batch, counts, text).join(' · ')}
      </p>
      {problem && <ProblemNote problem={problem} />}
      {isCancelling && (
        <CancelDialog
          n={open}
          onClose={() => setCancelling(false)}
          onConfirm={() => {
            setCancelling(false);
            act('cancel');
          }}
        />
      )}
    </header>
  );
}
