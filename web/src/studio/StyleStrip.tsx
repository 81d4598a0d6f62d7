// The styles: a strip of cover pictures, "none" first, narrowed by category and by search. One radio group, so that the arrow
// keys go through it; whatever is filtered away, the chosen style stays in sight.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import type { Style } from '../api/resources.ts';
import { Icon } from '../ui/Icon.tsx';
import { isComposing } from '../ui/keys.ts';
import { useText } from '../ui/language.ts';
import { stylesQuery } from './queries.ts';
import { useDraft, useStudio } from './studio-context.ts';

/** Fewer are seen at a glance. */
const SEARCH_ABOVE = 12;

function Cover({ url }: { url: string | null }) {
  return url ? (
    // After the pictures of the feed, which people came for.
    <img
      src={url}
      alt=""
      loading="lazy"
      decoding="async"
      fetchPriority="low"
      className="size-full object-cover"
    />
  ) : (
    <Icon name="close" className="size-5 text-soft" />
  );
}

interface ChoiceProps {
  group: string;
  name: string;
  coverUrl: string | null;
  isChosen: boolean;
  onChoose(): void;
}

function Choice({ group, name, coverUrl, isChosen, onChoose }: ChoiceProps) {
  return (
    <label className="style-choice">
      <input type="radio" name={group} checked={isChosen} onChange={onChoose} />
      <span className="style-cover">
        <Cover url={coverUrl} />
      </span>
      <span className="line-clamp-2 text-center text-xs leading-tight">{name}</span>
    </label>
  );
}

interface StylePickerProps {
  /** The id of the chosen style; null for none. */
  chosenId: string | null;
  onChoose(id: string | null): void;
}

export function StylePicker({ chosenId, onChoose }: StylePickerProps) {
  const { t, language } = useText();
  const { data: categories = [], isPending } = useQuery(stylesQuery(language));
  const [categoryId, setCategoryId] = useState<string | null>(null);
  const [search, setSearch] = useState('');
  const group = useId();
  const strip = useRef<HTMLDivElement>(null);
  const all = useMemo(() => categories.flatMap(({ styles }) => styles), [categories]);

  const wanted = search.trim().toLowerCase();
  const fits = (style: Style) =>
    wanted === '' || `${style.name} ${style.prompt_template}`.toLowerCase().includes(wanted);
  const offered = (categories.find(({ id }) => id === categoryId)?.styles ?? all).filter(fits);
  const chosen = all.find(({ id }) => id === chosenId);
  const shown = chosen && !offered.includes(chosen) ? [chosen, ...offered] : offered;

  useEffect(() => {
    // A chosen style far to the right would look like none.
    const label = strip.current?.querySelector<HTMLElement>('label:has(:checked)');
    if (label && strip.current) strip.current.scrollLeft = label.offsetLeft - strip.current.clientWidth / 2;
  }, [all]);

  // Its place is kept, or else what is below would jump when the styles arrive.
  if (all.length === 0) return isPending ? <div className="h-46" /> : null;
  return (
    <fieldset className="flex min-w-0 flex-col gap-2">
      <legend className="eyebrow mb-1.5">
        {t('composer.style')}
        {chosen && <span className="font-normal"> · {chosen.name}</span>}
      </legend>
      <div className="flex items-center gap-1.5 overflow-x-auto p-0.5">
        {all.length > SEARCH_ABOVE && (
          <input
            type="search"
            className="field min-h-9 w-28 shrink-0 py-1 text-sm"
            aria-label={t('composer.style.search')}
            placeholder={t('composer.style.search.short')}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
            onKeyDown={(event) => {
              // Enter would send the whole form.
              if (event.key === 'Enter' && !isComposing(event.nativeEvent ?? event)) event.preventDefault();
            }}
          />
        )}
        {categories.length > 1 &&
          categories.map(({ id, name }) => (
            <button
              key={id}
              type="button"
              className="chip"
              aria-pressed={id === categoryId}
              onClick={() => setCategoryId(id === categoryId ? null : id)}
            >
              {name}
            </button>
          ))}
      </div>
      <div ref={strip} className="style-strip relative flex gap-2 overflow-x-auto p-0.5 pb-1.5">
        <Choice
          group={group}
          name={t('composer.style.none')}
          coverUrl={null}
          isChosen={!chosen}
          onChoose={() => onChoose(null)}
        />
        {shown.map((style) => (
          <Choice
            key={style.id}
            group={group}
            name={style.name}
            coverUrl={style.cover_url}
            isChosen={style.id === chosenId}
            onChoose={() => onChoose(style.id)}
          />
        ))}
      </div>
      {shown.length === 0 && <p className="text-sm text-soft">{t('composer.style.nothing')}</p>}
    </fieldset>
  );
}

/** The style of the Studio's draft. */
export function StyleStrip() {
  const { draft } = useStudio();
  const { style } = useDraft();
  return <StylePicker chosenId={style} onChoose={(id) => draft.update({ style: id })} />;
}
