// The settings below the prompt: style, shape, count, model and the rarer ones, with what the chosen model does not offer left
// away and said in one line.
import { type ReactNode, useId, useState } from 'react';
import type { Model } from '../api/resources.ts';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { AspectShape } from './AspectShape.tsx';
import { ModelPicker } from './ModelPicker.tsx';
import { capabilitiesOf, cleanSeed, countChoices, fitDraft, LARGEST_SEED, unusedBy } from './model.ts';
import { StyleStrip } from './StyleStrip.tsx';
import { useDraft, useStudio } from './studio-context.ts';

const MAX_NEGATIVE_CHARS = 4000;

interface FoldProps {
  title: string;
  /** What is inside, in a few words. */
  note?: string;
  open?: boolean;
  children: ReactNode;
}

/** Opens by itself when it gets something to show; closes only by hand, never under someone who is typing. */
function Fold({ title, note, open = false, children }: FoldProps) {
  const [opened, setOpened] = useState(open);
  const [before, setBefore] = useState(open);
  if (open !== before) {
    setBefore(open);
    if (open) setOpened(true);
  }
  return (
    <details open={opened} className="group/fold" onToggle={(event) => setOpened(event.currentTarget.open)}>
      <summary className="flex min-h-11 items-center gap-2 rounded-control text-sm font-medium text-soft hover:text-ink">
        <Icon
          name="down"
          className="-ml-0.5 size-4.5 -rotate-90 transition-transform group-open/fold:rotate-0"
        />
        {title}
        {note && (
          <span className="figures ml-auto min-w-0 truncate pl-2 font-normal group-open/fold:hidden">
            {note}
          </span>
        )}
      </summary>
      <div className="flex flex-col gap-4 pt-1 pb-2">{children}</div>
    </details>
  );
}

function NegativePrompt() {
  const { t } = useText();
  const { draft } = useStudio();
  const { negativePrompt } = useDraft();
  return (
    <Fold title={t('composer.negative.add')} open={negativePrompt !== ''}>
      <textarea
        rows={2}
        maxLength={MAX_NEGATIVE_CHARS}
        className="field field-sizing-content max-h-40 min-h-16 resize-none"
        aria-label={t('composer.negative')}
        placeholder={t('composer.negative.placeholder')}
        value={negativePrompt}
        onInput={(event) => draft.update({ negativePrompt: event.currentTarget.value })}
      />
    </Fold>
  );
}

function Seed() {
  const { t } = useText();
  const { draft } = useStudio();
  const { seed } = useDraft();
  const id = useId();
  const random = () => {
    const [value = 0] = crypto.getRandomValues(new Uint32Array(1));
    draft.update({ seed: String(value % LARGEST_SEED) });
  };
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="eyebrow">
        {t('composer.seed')}
      </label>
      <div className="flex gap-2">
        <input
          id={id}
          className="field figures font-mono"
          inputMode="numeric"
          autoComplete="off"
          placeholder={t('composer.seed.random')}
          value={seed}
          aria-describedby={`${id}-hint`}
          onInput={(event) => {
            const clean = cleanSeed(event.currentTarget.value);
            event.currentTarget.value = clean;
            draft.update({ seed: clean });
          }}
        />
        <button
          type="button"
          className="button button-icon"
          aria-label={t(seed === '' ? 'composer.seed.random' : 'composer.seed.clear')}
          onClick={() => (seed === '' ? random() : draft.update({ seed: '' }))}
        >
          <Icon name={seed === '' ? 'dice' : 'close'} />
        </button>
      </div>
      <p id={`${id}-hint`} className="text-sm text-soft">
        {t('composer.seed.hint')}
      </p>
    </div>
  );
}

export function Strength() {
  const { t } = useText();
  const { draft } = useStudio();
  const { strength } = useDraft();
  const id = useId();
  const percent = Math.round(strength * 100);
  return (
    <div>
      <label htmlFor={id} className="eyebrow">
        {t('composer.strength')}
      </label>
      <input
        id={id}
        type="range"
        className="range"
        min={0}
        max={100}
        step={5}
        value={percent}
        aria-valuetext={t('composer.strength.hint', { percent })}
        onInput={(event) => draft.update({ strength: Number(event.currentTarget.value) / 100 })}
      />
      <p className="figures -mt-2 text-sm text-soft">{t('composer.strength.hint', { percent })}</p>
    </div>
  );
}

/** What the draft holds that the model will not use, and why, in one line. */
function Unused({ model }: { model: Model }) {
  const { t, locale, language } = useText();
  const unused = unusedBy(useDraft(), capabilitiesOf(model));
  if (unused.length === 0) return null;
  const list = new Intl.ListFormat(locale, { type: 'unit', style: 'long' });
  const names = list.format(unused.map((name) => t(`composer.unused.${name}`)));
  return (
    <p className="text-sm text-soft">
      {t('composer.unused', { model: model.drawbridge.title[language], names })}
    </p>
  );
}

/** Shape, count and model, with what the chosen model does not offer left away. */
export function Settings({ models, model }: { models: readonly Model[]; model: Model | null }) {
  const { t } = useText();
  const { draft } = useStudio();
  const current = useDraft();
  const capabilities = capabilitiesOf(model);
  const fitted = fitDraft(current, capabilities);
  const counts = countChoices(capabilities.max_images);
  return (
    <>
      <StyleStrip />
      {capabilities.aspect_ratios.length > 1 && (
        <ChoiceGroup
          legend={t('composer.aspect')}
          choices={capabilities.aspect_ratios}
          value={fitted.aspectRatio}
          onChange={(aspectRatio) => draft.update({ aspectRatio })}
          draw={(ratio) => <AspectShape ratio={ratio} />}
          className="grid grid-cols-[repeat(auto-fill,minmax(2.75rem,1fr))] gap-1"
        />
      )}
      {counts.length > 1 && (
        <ChoiceGroup
          legend={t('composer.count')}
          choices={counts}
          value={fitted.count}
          onChange={(count) => draft.update({ count })}
          draw={(count) => <span className="figures">{count}</span>}
          className="grid auto-cols-fr grid-flow-col gap-2"
        />
      )}
      <ModelPicker models={models} chosen={model} onChoose={(id) => draft.update({ model: id })} />
      {model && <Unused model={model} />}
      <div>
        {capabilities.negative_prompt && <NegativePrompt />}
        {capabilities.seed && (
          <Fold title={t('composer.advanced')} open={current.seed !== ''}>
            <Seed />
          </Fold>
        )}
      </div>
    </>
  );
}

/** On narrow screens the settings are one line that says what they are, so that the pictures stay in sight. */
export function FoldedSettings({ models, model }: { models: readonly Model[]; model: Model | null }) {
  const { t, language } = useText();
  const fitted = fitDraft(useDraft(), capabilitiesOf(model));
  const summary = [fitted.aspectRatio, `× ${fitted.count}`, model?.drawbridge.title[language]];
  return (
    <Fold title={t('composer.settings')} note={summary.filter(Boolean).join(' · ')}>
      <Settings models={models} model={model} />
    </Fold>
  );
}
