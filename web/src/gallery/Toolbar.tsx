// The bar above the wall: search, filters, favourites, trash, arrangement, and what is filtered right now as chips.
import { useEffect, useRef, useState } from 'react';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { Icon } from '../ui/Icon.tsx';
import { isComposing } from '../ui/keys.ts';
import { Popover } from '../ui/Popover.tsx';
import { describeFilter } from './filter-names.ts';
import type { GalleryFacets } from './gallery-api.ts';
import type { FilterName, GalleryFilter } from './gallery-search.ts';
import { galleryTexts } from './gallery-text.ts';
import { changeView, LARGEST_SIZE, useViewSettings } from './view-settings.ts';

/** Typing is searched for when it pauses. */
const SEARCH_PAUSE_MS = 350;
const STYLES = ['rows', 'columns'] as const;

export interface ToolbarProps {
  filter: GalleryFilter;
  facets: GalleryFacets | undefined;
  onFilter(change: Partial<Record<FilterName, string | true | undefined>>): void;
  onOpenFilters(): void;
}

function SearchBox({ filter, onFilter }: ToolbarProps) {
  const { t } = galleryTexts.useText();
  const [words, setWords] = useState(filter.q ?? '');
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const sent = useRef(filter.q ?? '');
  useEffect(() => {
    // Changed from outside: by Back, by a chip, by a link.
    if ((filter.q ?? '') !== sent.current) setWords(filter.q ?? '');
    sent.current = filter.q ?? '';
  }, [filter.q]);
  const search = (text: string) => {
    if (timer.current !== null) clearTimeout(timer.current);
    timer.current = null;
    sent.current = text.trim();
    onFilter({ q: text.trim() || undefined });
  };
  const type = (text: string, composing: boolean) => {
    setWords(text);
    if (timer.current !== null) clearTimeout(timer.current);
    // Letters of an input method that are not chosen yet are no words.
    if (!composing) timer.current = setTimeout(() => search(text), SEARCH_PAUSE_MS);
  };
  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
    },
    [],
  );
  return (
    <div className="relative min-w-0 grow sm:max-w-96">
      <Icon
        name="search"
        className="pointer-events-none absolute inset-y-0 left-3 my-auto size-4.5 text-soft"
      />
      <input
        id="gallery-search"
        type="search"
        className="field gallery-search pr-11 pl-9.5"
        aria-label={t('gallery.search')}
        placeholder={t('gallery.keys.search')}
        value={words}
        onInput={(event) =>
          type(event.currentTarget.value, (event.nativeEvent as InputEvent).isComposing === true)
        }
        onCompositionEnd={(event) => type(event.currentTarget.value, false)}
        onKeyDown={(event) => {
          if (isComposing(event.nativeEvent)) return;
          if (event.key === 'Enter') search(words);
          else if (event.key === 'Escape' && words !== '') {
            setWords('');
            search('');
          } else return;
          event.preventDefault();
        }}
      />
      {words !== '' && (
        <button
          type="button"
          className="button button-quiet button-icon absolute top-0 right-0"
          aria-label={t('gallery.search.clear')}
          onClick={() => {
            setWords('');
            search('');
            document.getElementById('gallery-search')?.focus();
          }}
        >
          <Icon name="close" className="size-4.5" />
        </button>
      )}
    </div>
  );
}

function ViewMenu() {
  const { t } = galleryTexts.useText();
  const { style, size } = useViewSettings();
  return (
    <Popover
      title={t('gallery.view')}
      name={t('gallery.view')}
      className="button button-quiet button-icon"
      panelClassName="p-5"
      label={<Icon name="settings" />}
    >
      {() => (
        <div className="flex w-60 flex-col gap-4 max-sm:w-full">
          <ChoiceGroup
            legend={t('gallery.view.layout')}
            choices={STYLES}
            value={style}
            onChange={(next) => changeView({ style: next })}
            draw={(choice) => t(`gallery.view.${choice}`)}
            className="grid grid-cols-2 gap-2"
          />
          <label className="flex flex-col">
            <span className="eyebrow">{t('gallery.view.size')}</span>
            <input
              type="range"
              className="range"
              min={0}
              max={LARGEST_SIZE}
              step={1}
              value={size}
              onInput={(event) => changeView({ size: Number(event.currentTarget.value) })}
            />
          </label>
        </div>
      )}
    </Popover>
  );
}

function Chips({ filter, facets, onFilter }: ToolbarProps) {
  const text = galleryTexts.useText();
  const active = describeFilter(filter, facets, text);
  if (active.length === 0) return null;
  return (
    <ul className="flex gap-2 overflow-x-auto pb-2 sm:flex-wrap">
      {active.map(({ name, label }) => (
        <li key={name} className="shrink-0">
          <button
            type="button"
            className="button button-quiet max-w-60 border-line"
            aria-label={text.t('gallery.filter.remove', { name: label })}
            onClick={() => onFilter({ [name]: undefined })}
          >
            <span className="truncate">{label}</span>
            <Icon name="close" className="size-4" />
          </button>
        </li>
      ))}
      {active.length > 1 && (
        <li className="shrink-0">
          <button
            type="button"
            className="button button-quiet underline underline-offset-4"
            onClick={() => onFilter(Object.fromEntries(active.map(({ name }) => [name, undefined])))}
          >
            {text.t('gallery.filters.clear')}
          </button>
        </li>
      )}
    </ul>
  );
}

export function Toolbar(props: ToolbarProps) {
  const { filter, onFilter, onOpenFilters, facets } = props;
  const text = galleryTexts.useText();
  const { t } = text;
  const active = describeFilter(filter, facets, text).length;
  return (
    <>
      <div className="flex items-center gap-1 py-2 sm:gap-2">
        <SearchBox {...props} />
        <button
          type="button"
          className="button button-quiet relative min-w-11 shrink-0"
          onClick={onOpenFilters}
        >
          <Icon name="filter" />
          <span className="max-lg:sr-only">{t('gallery.filters')}</span>
          {active > 0 && (
            <>
              <span className="gallery-figure figures" aria-hidden="true">
                {active}
              </span>
              <span className="sr-only">{t('gallery.filters.active', { n: active })}</span>
            </>
          )}
        </button>
        <button
          type="button"
          className="button button-quiet min-w-11 shrink-0"
          aria-pressed={filter.favourite === true}
          aria-label={t('gallery.filter.favourite')}
          onClick={() => onFilter({ favourite: filter.favourite ? undefined : true })}
        >
          <Icon name="heart" className={filter.favourite ? 'size-5 fill-current' : 'size-5'} />
          <span className="max-lg:sr-only">{t('gallery.filter.favourite')}</span>
        </button>
        <button
          type="button"
          className="button button-quiet min-w-11 shrink-0 sm:ml-auto"
          aria-pressed={filter.trashed === true}
          aria-label={t('gallery.trash')}
          onClick={() => onFilter({ trashed: filter.trashed ? undefined : true })}
        >
          <Icon name="trash" />
          <span className="max-lg:sr-only">{t('gallery.trash')}</span>
        </button>
        <ViewMenu />
      </div>
      <Chips {...props} />
    </>
  );
}
