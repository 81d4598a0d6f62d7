// All filters in one sheet: what there is to choose, how many pictures each choice would show, and the result's size.
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { styleName } from './filter-names.ts';
import type { GalleryFacets } from './gallery-api.ts';
import { GALLERY_MODES, GALLERY_ORIGINS, GALLERY_RATIOS, type GalleryFilter } from './gallery-search.ts';
import { galleryTexts } from './gallery-text.ts';
import type { ToolbarProps } from './Toolbar.tsx';

interface FilterDialogProps extends Omit<ToolbarProps, 'onOpenFilters'> {
  onClose(): void;
}

type Counted = readonly { value: string; count: number }[] | undefined;

const countOf = (counted: Counted, value: string) => counted?.find((one) => one.value === value)?.count ?? 0;

/** A filter with few fixed values, drawn as buttons with counts. */
function Choices<Value extends string>(props: {
  legend: string;
  values: readonly Value[];
  value: Value | undefined;
  counted: Counted;
  name(value: Value): string;
  onChange(value: Value | undefined): void;
}) {
  const { t, locale } = galleryTexts.useText();
  const number = new Intl.NumberFormat(locale, { notation: 'compact' });
  return (
    <ChoiceGroup
      legend={props.legend}
      choices={['', ...props.values]}
      value={props.value ?? ''}
      onChange={(next) => props.onChange(next === '' ? undefined : next)}
      draw={(choice) =>
        choice === '' ? (
          <span className="px-2">{t('gallery.filter.any')}</span>
        ) : (
          <span className="flex gap-1.5 px-2">
            {props.name(choice)}
            <span className="figures font-normal text-soft">
              {number.format(countOf(props.counted, choice))}
            </span>
          </span>
        )
      }
    />
  );
}

/** A filter with as many values as there happen to be. */
function Select(props: {
  label: string;
  value: string | undefined;
  counted: Counted;
  name(value: string): string;
  onChange(value: string | undefined): void;
}) {
  const { t, locale } = galleryTexts.useText();
  const number = new Intl.NumberFormat(locale);
  const values = props.counted ?? [];
  const isMissing = props.value !== undefined && !values.some(({ value }) => value === props.value);
  return (
    <label className="flex min-w-0 flex-col gap-1.5">
      <span className="eyebrow">{props.label}</span>
      <select
        className="field"
        value={props.value ?? ''}
        onChange={(event) => props.onChange(event.currentTarget.value || undefined)}
      >
        <option value="">{t('gallery.filter.any')}</option>
        {isMissing && <option value={props.value}>{props.name(props.value ?? '')}</option>}
        {values.map(({ value, count }) => (
          <option key={value} value={value}>
            {`${props.name(value)} (${number.format(count)})`}
          </option>
        ))}
      </select>
    </label>
  );
}

function Days({ filter, onFilter }: Pick<FilterDialogProps, 'filter' | 'onFilter'>) {
  const { t } = galleryTexts.useText();
  const day = (name: 'from' | 'to') => (
    <label className="flex min-w-0 flex-col gap-1.5">
      <span className="eyebrow">{t(`gallery.filter.${name}`)}</span>
      <input
        type="date"
        className="field"
        value={filter[name] ?? ''}
        max={name === 'from' ? filter.to : undefined}
        min={name === 'to' ? filter.from : undefined}
        onChange={(event) => onFilter({ [name]: event.currentTarget.value || undefined })}
      />
    </label>
  );
  return (
    <div className="grid grid-cols-2 gap-3">
      {day('from')}
      {day('to')}
    </div>
  );
}

function Values({ filter, facets, onFilter }: FilterDialogProps) {
  const text = galleryTexts.useText();
  const { t } = text;
  const plain = (value: string) => value;
  const lists: {
    name: 'model' | 'provider' | 'style' | 'tag';
    counted: Counted;
    label(value: string): string;
  }[] = [
    { name: 'model', counted: facets?.models, label: plain },
    { name: 'provider', counted: facets?.providers, label: plain },
    { name: 'style', counted: facets?.styles, label: (value) => styleName(value, facets, text) },
    { name: 'tag', counted: facets?.tags, label: (value) => `#${value}` },
  ];
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      {lists
        .filter(({ name, counted }) => filter[name] !== undefined || (counted?.length ?? 0) > 0)
        .map(({ name, counted, label }) => (
          <Select
            key={name}
            label={t(`gallery.filter.${name}`)}
            value={filter[name]}
            counted={counted}
            name={label}
            onChange={(value) => onFilter({ [name]: value })}
          />
        ))}
    </div>
  );
}

export function FilterDialog(props: FilterDialogProps) {
  const { filter, facets, onFilter, onClose } = props;
  const { t } = galleryTexts.useText();
  const found = (facets: GalleryFacets | undefined) => facets?.count ?? 0;
  const clearAll = () => {
    const { trashed: _stays, q: _words, ...rest } = filter;
    onFilter(Object.fromEntries(Object.keys(rest).map((name) => [name, undefined])));
  };
  return (
    <Dialog
      title={t('gallery.filters')}
      onClose={onClose}
      footer={
        <>
          <button type="button" className="button" onClick={clearAll}>
            {t('gallery.filters.clear')}
          </button>
          <button type="button" className="button button-lamp" onClick={onClose}>
            {t('gallery.filters.done', { n: found(facets) })}
          </button>
        </>
      }
    >
      <Choices
        legend={t('gallery.filter.mode')}
        values={GALLERY_MODES}
        value={filter.mode}
        counted={facets?.modes}
        name={(mode) => t(`gallery.mode.${mode}`)}
        onChange={(mode) => onFilter({ mode })}
      />
      <Choices
        legend={t('gallery.filter.ratio')}
        values={GALLERY_RATIOS}
        value={filter.ratio}
        counted={facets?.ratios}
        name={(ratio) => t(`gallery.ratio.${ratio}`)}
        onChange={(ratio) => onFilter({ ratio })}
      />
      <Choices
        legend={t('gallery.filter.origin')}
        values={GALLERY_ORIGINS}
        value={filter.origin}
        counted={facets?.origins}
        name={(origin) => t(`gallery.origin.${origin}`)}
        onChange={(origin) => onFilter({ origin })}
      />
      <Choices
        legend={t('gallery.filter.kind')}
        values={['hd'] as const satisfies readonly NonNullable<GalleryFilter['kind']>[]}
        value={filter.kind}
        counted={facets?.kinds}
        name={(kind) => t(`gallery.kind.${kind}`)}
        onChange={(kind) => onFilter({ kind })}
      />
      <Values {...props} />
      <Days filter={filter} onFilter={onFilter} />
    </Dialog>
  );
}
