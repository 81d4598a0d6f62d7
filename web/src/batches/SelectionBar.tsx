// What can be done with the selected items: those that failed or were cancelled are tried again, alone.
import { useSyncExternalStore } from 'react';
import { useAction } from '../studio/use-action.ts';
import { Icon } from '../ui/Icon.tsx';
import { describeProblem } from '../ui/ProblemNote.tsx';
import { showToast } from '../ui/toast.tsx';
import { retryItems } from './batch-api.ts';
import type { BatchRoom } from './batch-room.ts';
import { batchTexts } from './batch-text.ts';
import type { ItemSelection } from './item-selection.ts';

interface SelectionBarProps {
  room: BatchRoom;
  selection: ItemSelection;
  isSelecting: boolean;
  /** The positions that are shown. */
  shown(): readonly number[];
  onDone(): void;
}

export function SelectionBar({ room, selection, isSelecting, shown, onDone }: SelectionBarProps) {
  const text = batchTexts.useText();
  const { t } = text;
  const selected = useSyncExternalStore(selection.subscribe, selection.get);
  const { problem, isBusy, run } = useAction();
  if (selected.size === 0 && !isSelecting) return null;
  const retryable = [...selected].filter((position) => room.cells.isRetryable(position));
  const retry = () =>
    run(async () => {
      room.take(await retryItems(room.id, retryable));
      showToast({ text: t('batch.retried', { n: retryable.length }) });
      selection.replace([]);
      onDone();
    });
  const all = shown();
  return (
    <section className="batch-selection" aria-label={t('batch.select')}>
      <p className="figures py-1.5 pr-2">{t('batch.selected', { n: selected.size })}</p>
      {selected.size < all.length && (
        <button
          type="button"
          className="button button-quiet underline underline-offset-4"
          onClick={() => selection.replace(all)}
        >
          {t('batch.select.all', { n: all.length })}
        </button>
      )}
      {retryable.length > 0 && (
        <button type="button" className="button button-lamp" aria-disabled={isBusy} onClick={retry}>
          <Icon name="again" className="size-4.5" />
          {t('batch.select.retry', { n: retryable.length })}
        </button>
      )}
      <button
        type="button"
        className="button button-quiet"
        onClick={() => {
          selection.replace([]);
          onDone();
        }}
      >
        {t('batch.select.clear')}
      </button>
      {selected.size > 0 && retryable.length === 0 && (
        <p className="w-full pb-1.5 text-sm text-soft">{t('batch.select.nothing')}</p>
      )}
      {problem && (
        <p role="alert" className="w-full pb-1.5 text-sm text-alarm">
          {describeProblem(problem, text).title} {describeProblem(problem, text).fix}
        </p>
      )}
    </section>
  );
}
