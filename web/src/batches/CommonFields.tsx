// What holds for every item that does not say otherwise, and what holds for the batch: name, cap on credits, file names.
import { type ReactNode, useId } from 'react';
import type { Model, StyleCategory } from '../api/resources.ts';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { Icon } from '../ui/Icon.tsx';
import { batchTexts } from './batch-text.ts';
import type { BatchDraft } from './new-batch.ts';

interface FieldsProps {
  draft: BatchDraft;
  onChange(change: Partial<BatchDraft>): void;
  models: readonly Model[];
  categories: readonly StyleCategory[];
  ratios: readonly string[];
  mostImages: number;
}

const COUNTS = [1, 2, 3, 4, 6, 8];

function Labelled({
  label,
  hint,
  children,
}: {
  label: string;
  hint?: string;
  children(id: string, hintId: string | undefined): ReactNode;
}) {
  const id = useId();
  const hintId = hint === undefined ? undefined : `${id}-hint`;
  return (
    <div className="flex min-w-0 flex-col gap-1.5">
      <label className="eyebrow" htmlFor={id}>
        {label}
      </label>
      {children(id, hintId)}
      {hint !== undefined && (
        <p id={hintId} className="text-sm text-soft">
          {hint}
        </p>
      )}
    </div>
  );
}

export function CommonFields({ draft, onChange, models, categories, ratios, mostImages }: FieldsProps) {
  const { t, language } = batchTexts.useText();
  const isMatrix = draft.source === 'matrix';
  const usual = models.find((model) => model.drawbridge.is_default) ?? models[0];
  return (
    <section className="flex flex-col gap-4">
      <h2 className="eyebrow">{t('new.common')}</h2>
      <div className="grid gap-4 sm:grid-cols-2">
        {!(isMatrix && draft.models.length > 0) && (
          <Labelled label={t('new.model')}>
            {(id) => (
              <select
                id={id}
                className="field"
                value={draft.model ?? ''}
                onChange={(event) => onChange({ model: event.currentTarget.value || null })}
              >
                <option value="">
                  {t('new.model.default', { name: usual?.drawbridge.title[language] ?? '' })}
                </option>
                {models.map((model) => (
                  <option key={model.id} value={model.id}>
                    {model.drawbridge.title[language]} · {model.drawbridge.provider}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
        )}
        {!(isMatrix && draft.ratios.length > 0) && (
          <Labelled label={t('new.ratio')}>
            {(id) => (
              <select
                id={id}
                className="field"
                value={draft.ratio ?? ''}
                onChange={(event) => onChange({ ratio: event.currentTarget.value || null })}
              >
                <option value="">{t('new.ratio.default')}</option>
                {ratios.map((ratio) => (
                  <option key={ratio} value={ratio}>
                    {ratio}
                  </option>
                ))}
              </select>
            )}
          </Labelled>
        )}
        {categories.length > 0 && !(isMatrix && draft.styles.length > 0) && (
          <Labelled label={t('new.style')}>
            {(id) => (
              <select
                id={id}
                className="field"
                value={draft.style ?? ''}
                onChange={(event) => onChange({ style: event.currentTarget.value || null })}
              >
                <option value="">{t('new.style.none')}</option>
                {categories.map((category) => (
                  <optgroup key={category.id} label={category.name}>
                    {category.styles.map((style) => (
                      <option key={style.id} value={style.id}>
                        {style.name}
                      </option>
                    ))}
                  </optgroup>
                ))}
              </select>
            )}
          </Labelled>
        )}
        {mostImages > 1 && (
          <ChoiceGroup
            legend={t('new.count')}
            choices={COUNTS.filter((count) => count <= mostImages)}
            value={draft.count}
            onChange={(count) => onChange({ count })}
            draw={(count) => <span className="figures">{count}</span>}
            className="flex flex-wrap gap-1.5"
          />
        )}
      </div>
    </section>
  );
}

export function BatchFields({ draft, onChange }: Pick<FieldsProps, 'draft' | 'onChange'>) {
  const { t } = batchTexts.useText();
  const isFilled = draft.name !== '' || draft.budget !== '' || draft.pattern !== '' || draft.isPaused;
  return (
    <details open={isFilled}>
      <summary className="flex min-h-11 items-center gap-2 font-medium">
        <Icon name="down" className="size-4.5" />
        {t('new.more')}
      </summary>
      <div className="grid gap-4 pt-2 sm:grid-cols-2">
        <Labelled label={t('new.name')}>
          {(id) => (
            <input
              id={id}
              className="field"
              maxLength={200}
              placeholder={t('new.name.placeholder')}
              value={draft.name}
              onInput={(event) => onChange({ name: event.currentTarget.value })}
            />
          )}
        </Labelled>
        <Labelled label={t('new.budget')} hint={t('new.budget.hint')}>
          {(id, hintId) => (
            <input
              id={id}
              className="field"
              type="number"
              min={0}
              step="any"
              inputMode="decimal"
              aria-describedby={hintId}
              value={draft.budget}
              onInput={(event) => onChange({ budget: event.currentTarget.value })}
            />
          )}
        </Labelled>
        <Labelled label={t('new.pattern')} hint={t('new.pattern.hint')}>
          {(id, hintId) => (
            <input
              id={id}
              className="field font-mono"
              maxLength={200}
              placeholder="{n}-{prompt}"
              aria-describedby={hintId}
              value={draft.pattern}
              onInput={(event) => onChange({ pattern: event.currentTarget.value })}
            />
          )}
        </Labelled>
        <label className="flex min-h-11 items-center gap-3 self-start sm:mt-6">
          <input
            type="checkbox"
            className="size-5"
            checked={draft.isPaused}
            onChange={(event) => onChange({ isPaused: event.currentTarget.checked })}
          />
          {t('new.paused')}
        </label>
      </div>
    </details>
  );
}
