// The form for the next picture. It is never locked: a request goes to the outbox at once and the next can be written.
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useId, useState, useSyncExternalStore } from 'react';
import { creditsQuery } from '../account/queries.ts';
import { problemOf } from '../api/problem.ts';
import type { Model, Quote } from '../api/resources.ts';
import { formatCredits, formatDuration } from '../ui/format.ts';
import { submitKeyLabel } from '../ui/keys.ts';
import { useText } from '../ui/language.ts';
import { describeProblem } from '../ui/ProblemNote.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { ImageSlot } from './ImageSlot.tsx';
import { capabilitiesOf, chosenModel, fitDraft, parseRatio, priceOf, toTaskRequest } from './model.ts';
import { PromptBox } from './PromptBox.tsx';
import { modelsQuery } from './queries.ts';
import { FoldedSettings, Settings, Strength } from './Settings.tsx';
import { useDraft, useStudio, useUploads } from './studio-context.ts';
import { useQuote } from './use-quote.ts';

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

/** What it costs and when it is ready, said before it is asked for. */
function Price({ model, quote }: { model: Model | null; quote: Quote | undefined }) {
  const { t, locale } = useText();
  const draft = useDraft();
  const price = quote?.cost_credits ?? priceOf(draft, model);
  if (price === null) return null;
  const amount = formatCredits(price, locale);
  const eta = quote?.eta_s ?? null;
  return (
    <span className="figures font-normal">
      {' · '}
      {price === 0 ? t('composer.price.free') : t('composer.price', { n: price, amount })}
      {eta !== null && ` · ${t('composer.eta', { time: formatDuration(Math.max(1, eta) * 1000, locale) })}`}
    </span>
  );
}

/** Why this would be refused, as far as it can be known before. */
function Warning({ price, refusal }: { price: number | null; refusal: unknown }) {
  const text = useText();
  const { data: credits } = useQuery(creditsQuery);
  const available = credits?.available_credits ?? 0;
  if (refusal) return <p className="text-sm text-alarm">{describeProblem(problemOf(refusal), text).title}</p>;
  if (!credits || price === null || price <= available) return null;
  return (
    <p className="text-sm text-alarm">
      {text.t('composer.price.short', { amount: formatCredits(available, text.locale) })}
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
  const uploads = useUploads();
  const { data: models } = useQuery(modelsQuery);
  const [empty, setEmpty] = useState(false);
  const noteId = useId();
  const model = chosenModel(models ?? [], current.model);
  const capabilities = capabilitiesOf(model);
  const wide = useIsWide();
  const uploading = uploads.some(({ problem }) => problem === null);
  const { quote, refusal } = useQuote(model);

  const submit = () => {
    const now = draft.get();
    setEmpty(now.prompt.trim() === '');
    if (now.prompt.trim() === '') return focusPrompt();
    if (uploading) return;
    const fitted = fitDraft(now, capabilities);
    outbox.submit((key) => toTaskRequest(now, model, key), parseRatio(fitted.aspectRatio) ?? 1);
    draft.replace({ ...now, isSent: true });
    draft.flush();
    if (!wide) showFeed();
  };
  useShortcuts(t('room.studio'), [
    { keys: 'Mod+Enter', label: t('composer.submit'), run: submit, inFields: true },
    { keys: 'Alt+ArrowUp', label: t('keys.history'), run: () => {}, isShownOnly: true },
    { keys: '/', label: t('keys.prompt'), run: focusPrompt },
  ]);
  const isEmpty = empty && current.prompt.trim() === '';

  return (
    <section
      aria-labelledby="composer-title"
      className="lg:sticky lg:top-20 lg:max-h-[calc(100dvh-6rem-var(--notice,0px))] lg:self-start lg:overflow-y-auto lg:rounded-sheet"
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
        <ImageSlot capabilities={capabilities} />
        {capabilities.strength && fitDraft(current, capabilities).inputs.length > 0 && <Strength />}
        {models &&
          (wide ? (
            <Settings models={models} model={model} />
          ) : (
            <FoldedSettings models={models} model={model} />
          ))}
        <div className="sticky bottom-(--tab-bar,0px) -mx-4 -mb-4 flex flex-col gap-2 rounded-b-sheet border-t border-line bg-sheet p-4 xl:-mx-5 xl:-mb-5 xl:px-5">
          <button type="submit" className="button button-lamp min-h-12 text-base" aria-disabled={uploading}>
            <span>
              {t('composer.submit')}
              <Price model={model} quote={quote} />
            </span>
          </button>
          <p id={noteId} className={`text-sm ${isEmpty ? 'text-alarm' : 'text-soft max-lg:sr-only'}`}>
            {isEmpty ? t('composer.prompt.empty') : t('composer.keys', { key: submitKeyLabel() })}
          </p>
          <Warning price={quote?.cost_credits ?? priceOf(current, model)} refusal={refusal} />
        </div>
      </form>
    </section>
  );
}
