// The form for the next picture. It is never locked: a request goes to the outbox at once and the next can be written.
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useId, useState, useSyncExternalStore } from 'react';
import { creditsQuery } from '../account/queries.ts';
import type { Model } from '../api/resources.ts';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { formatCredits } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { submitKeyLabel } from '../ui/keys.ts';
import { useText } from '../ui/language.ts';
import { AspectShape } from './AspectShape.tsx';
import { ImageSlot } from './ImageSlot.tsx';
import { ModelPicker } from './ModelPicker.tsx';
import {
  capabilitiesOf,
  chosenModel,
  cleanSeed,
  countChoices,
  fitDraft,
  LARGEST_SEED,
  parseRatio,
  priceOf,
  takesPictures,
  toTaskRequest,
} from './model.ts';
import { PromptBox } from './PromptBox.tsx';
import { modelsQuery } from './queries.ts';
import { useDraft, useInputUpload, useStudio } from './studio-context.ts';

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

/** Two columns, so that the settings need not be folded away. */
const WIDE = '(min-width: 60rem)';

function subscribeWidth(listener: () => void): () => void {
  const query = matchMedia(WIDE);
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
}

function useIsWide(): boolean {
  return useSyncExternalStore(subscribeWidth, () => matchMedia(WIDE).matches);
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

function Strength() {
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

/** Shape, count and model, with what the chosen model does not offer left away. */
function Settings({ models, model }: { models: readonly Model[]; model: Model | null }) {
  const { t } = useText();
  const { draft } = useStudio();
  const current = useDraft();
  const capabilities = capabilitiesOf(model);
  const fitted = fitDraft(current, capabilities);
  const counts = countChoices(capabilities.max_images);
  return (
    <>
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
function FoldedSettings({ models, model }: { models: readonly Model[]; model: Model | null }) {
  const { t, language } = useText();
  const fitted = fitDraft(useDraft(), capabilitiesOf(model));
  const summary = [fitted.aspectRatio, `× ${fitted.count}`, model?.drawbridge.title[language]];
  return (
    <Fold title={t('composer.settings')} note={summary.filter(Boolean).join(' · ')}>
      <Settings models={models} model={model} />
    </Fold>
  );
}

function Price({ model }: { model: Model | null }) {
  const { t, locale } = useText();
  const price = priceOf(useDraft(), model);
  if (price === null) return null;
  const amount = formatCredits(price, locale);
  return (
    <span className="figures font-normal">
      {' · '}
      {price === 0 ? t('composer.price.free') : t('composer.price', { n: price, amount })}
    </span>
  );
}

function BalanceNote({ model }: { model: Model | null }) {
  const { t, locale } = useText();
  const { data: credits } = useQuery(creditsQuery);
  const price = priceOf(useDraft(), model);
  const available = credits?.available_credits ?? 0;
  if (!credits || price === null || price <= available) return null;
  return (
    <p className="text-sm text-alarm">
      {t('composer.price.short', { amount: formatCredits(available, locale) })}
    </p>
  );
}

/** Below the form on narrow screens: what was just asked for comes into view, and a soft keyboard goes away. */
function showFeed(): void {
  if (matchMedia('(pointer: coarse)').matches && document.activeElement instanceof HTMLElement)
    document.activeElement.blur();
  const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
  requestAnimationFrame(() => document.getElementById('feed')?.scrollIntoView({ behavior }));
}

export function Composer() {
  const { t } = useText();
  const { draft, outbox, focusPrompt } = useStudio();
  const current = useDraft();
  const upload = useInputUpload();
  const { data: models } = useQuery(modelsQuery);
  const [empty, setEmpty] = useState(false);
  const noteId = useId();
  const model = chosenModel(models ?? [], current.model);
  const capabilities = capabilitiesOf(model);
  const wide = useIsWide();
  const uploading = upload.state === 'uploading';

  const submit = () => {
    const now = draft.get();
    setEmpty(now.prompt.trim() === '');
    if (now.prompt.trim() === '') return focusPrompt();
    if (uploading) return;
    const fitted = fitDraft(now, capabilities);
    outbox.submit((key) => toTaskRequest(now, model, key), parseRatio(fitted.aspectRatio) ?? 1);
    draft.flush();
    if (!wide) showFeed();
  };
  const isEmpty = empty && current.prompt.trim() === '';

  return (
    <section
      aria-labelledby="composer-title"
      className="lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem)] lg:self-start lg:overflow-y-auto lg:rounded-sheet"
    >
      <form
        className="sheet flex flex-col gap-3.5 p-4 xl:p-5"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          submit();
        }}
      >
        <h2 id="composer-title" className="sr-only">
          {t('composer.title')}
        </h2>
        <PromptBox onSubmit={submit} noteId={noteId} invalid={isEmpty} />
        <ImageSlot usable={takesPictures(capabilities)} />
        {capabilities.strength && fitDraft(current, capabilities).input && <Strength />}
        {models &&
          (wide ? (
            <Settings models={models} model={model} />
          ) : (
            <FoldedSettings models={models} model={model} />
          ))}
        <div className="sticky bottom-0 -mx-4 -mb-4 flex flex-col gap-2 rounded-b-sheet border-t border-line bg-sheet p-4 xl:-mx-5 xl:-mb-5 xl:px-5">
          <button type="submit" className="button button-lamp min-h-12 text-base" aria-disabled={uploading}>
            <span>
              {t('composer.submit')}
              <Price model={model} />
            </span>
          </button>
          <p id={noteId} className={`text-sm ${isEmpty ? 'text-alarm' : 'text-soft max-lg:sr-only'}`}>
            {isEmpty ? t('composer.prompt.empty') : t('composer.keys', { key: submitKeyLabel() })}
          </p>
          <BalanceNote model={model} />
        </div>
      </form>
    </section>
  );
}
