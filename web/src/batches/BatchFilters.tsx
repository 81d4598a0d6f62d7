// Which items the grid shows, how large, and whether a tap selects. The filters carry the signs, so they are the legend too.
import { Icon } from '../ui/Icon.tsx';
import type { BatchCounts } from './batch-api.ts';
import { batchTexts } from './batch-text.ts';
import type { CellSize } from './grid-layout.ts';
import { STATE_NAMES, type StateName } from './item-states.ts';
import { StateSign } from './StateSign.tsx';

interface FiltersProps {
  counts: BatchCounts;
  show: StateName | undefined;
  onShow(show: StateName | undefined): void;
  size: CellSize;
  onSize(size: CellSize): void;
  isSelecting: boolean;
  onSelecting(isSelecting: boolean): void;
}

export function BatchFilters(props: FiltersProps) {
  const { t, locale } = batchTexts.useText();
  const { counts, show, size, isSelecting } = props;
  const number = new Intl.NumberFormat(locale);
  // Once nothing can change any more, states that nothing is in stay away; before, the row of filters must not jump.
  const isOpen = counts.queued + counts.running > 0;
  const states = STATE_NAMES.filter(
    (name) => counts[name] > 0 || show === name || (isOpen && name !== 'cancelled'),
  );
  return (
    <div className="batch-bar flex flex-wrap items-center gap-2">
      <fieldset className="m-0 flex min-w-0 items-center gap-1.5 overflow-x-auto p-0.5">
        <legend className="sr-only">{t('batch.show')}</legend>
        <button
          type="button"
          className="chip batch-filter"
          aria-pressed={show === undefined}
          onClick={() => props.onShow(undefined)}
        >
          {t('batch.show.all')}
          <span className="figures">{number.format(counts.total)}</span>
        </button>
        {states.map((name) => (
          <button
            key={name}
            type="button"
            className="chip batch-filter"
            aria-pressed={show === name}
            data-show={name}
            onClick={() => props.onShow(show === name ? undefined : name)}
          >
            <StateSign state={name} />
            {t(`batch.state.${name}`)}
            <span className="figures">{number.format(counts[name])}</span>
          </button>
        ))}
      </fieldset>
      <div className="ml-auto flex items-center gap-1.5">
        <button
          type="button"
          className="chip"
          aria-pressed={isSelecting}
          onClick={() => props.onSelecting(!isSelecting)}
        >
          {t('batch.select')}
        </button>
        <button
          type="button"
          className="chip batch-filter"
          aria-pressed={size === 'large'}
          onClick={() => props.onSize(size === 'large' ? 'small' : 'large')}
        >
          <Icon name="picture" className="size-4.5" />
          {t('batch.grid.large')}
        </button>
      </div>
    </div>
  );
}
