// Combinations: every prompt with every style, shape, model and seed that is ticked, and what that makes.
import { type ReactNode, useId, useState } from 'react';
import type { Model, Style } from '../api/resources.ts';
import { AspectShape } from '../studio/AspectShape.tsx';
import { batchTexts } from './batch-text.ts';
import { type BatchDraft, matrixTotal } from './new-batch.ts';

/** Fewer are seen at a glance. */
const SEARCH_ABOVE = 12;

interface TicksProps {
  legend: string;
  choices: readonly { id: string; name: ReactNode }[];
  chosen: readonly string[];
  onChange(chosen: string[]): void;
}

function Ticks({ legend, choices, chosen, onChange }: TicksProps) {
  return (
    <fieldset className="min-w-0">
      <legend className="eyebrow mb-1.5">{legend}</legend>
      <div className="flex max-h-56 flex-wrap gap-1.5 overflow-y-auto p-0.5">
        {choices.map(({ id, name }) => (
          <label key={id} className="choice tick">
            <input
              type="checkbox"
              value={id}
              checked={chosen.includes(id)}
              onChange={(event) =>
                onChange(
                  event.currentTarget.checked ? [...chosen, id] : chosen.filter((other) => other !== id),
                )
              }
            />
            {name}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

interface MatrixProps {
  draft: BatchDraft;
  onChange(change: Partial<BatchDraft>): void;
  models: readonly Model[];
  styles: readonly Style[];
  ratios: readonly string[];
}

function StyleTicks({ draft, onChange, styles }: MatrixProps) {
  const { t } = batchTexts.useText();
  const [search, setSearch] = useState('');
  const wanted = search.trim().toLowerCase();
  const shown = styles.filter(
    ({ id, name }) => draft.styles.includes(id) || name.toLowerCase().includes(wanted),
  );
  if (styles.length === 0) return null;
  return (
    <div className="flex flex-col gap-2">
      {styles.length > SEARCH_ABOVE && (
        <input
          type="search"
          className="field"
          aria-label={t('new.matrix.search')}
          placeholder={t('new.matrix.search')}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      <Ticks
        legend={t('new.matrix.styles')}
        choices={shown}
        chosen={draft.styles}
        onChange={(chosen) => onChange({ styles: chosen })}
      />
    </div>
  );
}

export function MatrixSource(props: MatrixProps) {
  const { draft, onChange, models, ratios } = props;
  const { t, language } = batchTexts.useText();
  const promptsId = useId();
  const seedsId = useId();
  const { factors, pictures } = matrixTotal(draft);
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-col gap-1.5">
        <label className="eyebrow" htmlFor={promptsId}>
          {t('new.matrix.prompts')}
        </label>
        <textarea
          id={promptsId}
          className="field"
          rows={4}
          value={draft.matrixPrompts}
          placeholder={t('new.matrix.placeholder')}
          onInput={(event) => onChange({ matrixPrompts: event.currentTarget.value })}
        />
        <p className="text-sm text-soft">{t('new.lines.hint')}</p>
      </div>
      <StyleTicks {...props} />
      <Ticks
        legend={t('new.matrix.ratios')}
        choices={ratios.map((ratio) => ({ id: ratio, name: <AspectShape ratio={ratio} /> }))}
        chosen={draft.ratios}
        onChange={(chosen) => onChange({ ratios: chosen })}
      />
      <Ticks
        legend={t('new.matrix.models')}
        choices={models.map(({ id, drawbridge }) => ({ id, name: drawbridge.title[language] }))}
        chosen={draft.models}
        onChange={(chosen) => onChange({ models: chosen })}
      />
      <div className="flex flex-col gap-1.5">
        <label className="eyebrow" htmlFor={seedsId}>
          {t('new.matrix.seeds')}
        </label>
        <input
          id={seedsId}
          className="field"
          inputMode="numeric"
          value={draft.seeds}
          aria-describedby={`${seedsId}-hint`}
          onInput={(event) => onChange({ seeds: event.currentTarget.value })}
        />
        <p id={`${seedsId}-hint`} className="text-sm text-soft">
          {t('new.matrix.seeds.hint')}
        </p>
      </div>
      <output className="figures rounded-control bg-well px-4 py-3 font-medium" data-matrix-total={pictures}>
        {factors.map(([axis, n]) => t(`new.matrix.axis.${axis}`, { n })).join(' × ')}{' '}
        {t('new.matrix.total', { n: pictures })}
      </output>
    </div>
  );
}
