// What comes next and what it costs: the way into the reader, and how the story goes on.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { creditsQuery } from '../account/queries.ts';
import { chosenModel } from '../studio/model.ts';
import { modelsQuery, stylesQuery } from '../studio/queries.ts';
import { useAction } from '../studio/use-action.ts';
import { formatCredits } from '../ui/format.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { useShortcuts } from '../ui/shortcuts.ts';
import { DemoNote } from './DemoNote.tsx';
import { Folded } from './Folded.tsx';
import { AheadFields, PictureFields, StyleFields } from './OptionFields.tsx';
import { creditsText } from './price-words.ts';
import {
  firstPageOf,
  type Story,
  type StoryQuote,
  startStory,
  storyQuoteQuery,
  takeStory,
} from './story-api.ts';
import { storyTexts } from './story-text.ts';
import { useOptions } from './use-options.ts';
import type { EditedStory } from './use-outline.ts';

function Prices({ quote, story }: { quote: StoryQuote; story: Story }) {
  const text = storyTexts.useText();
  const { t, locale } = text;
  const { data: credits } = useQuery(creditsQuery);
  const rows = [
    [t('new.price.page'), creditsText(quote.page_credits, text)],
    ...(quote.ahead_credits > 0
      ? [[t('price.ahead'), t('price.upTo', { amount: creditsText(quote.ahead_credits, text) })]]
      : []),
    [t('new.price.path', { n: story.page_count }), creditsText(quote.path_credits, text)],
  ] as const;
  const isShort = credits !== undefined && quote.page_credits > credits.available_credits;
  return (
    <>
      <dl className="figures flex flex-col gap-1.5 text-sm" data-prices="">
        {rows.map(([name, amount]) => (
          <div key={name} className="flex justify-between gap-4">
            <dt className="text-soft">{name}</dt>
            <dd className="text-right font-medium">{amount}</dd>
          </div>
        ))}
      </dl>
      {isShort && (
        <p className="text-sm text-alarm">
          {t('composer.price.short', { amount: formatCredits(credits.available_credits, locale) })}
        </p>
      )}
    </>
  );
}

function OptionFolds({ story, edited }: { story: Story; edited: ReturnType<typeof useOptions> }) {
  const text = storyTexts.useText();
  const { t, language } = text;
  const { data: models } = useQuery(modelsQuery);
  const { data: categories = [] } = useQuery(stylesQuery(language));
  const { options, change, problem } = edited;
  const styles = categories.flatMap(({ styles: ofOne }) => ofOne);
  const styleName = styles.find(({ id }) => id === options.style)?.name ?? '';
  const style = [styleName, options.styleText].filter((part) => part !== '').join(' · ');
  const model = chosenModel(models ?? [], options.model)?.drawbridge.title[language] ?? '';
  return (
    <div className="flex flex-col">
      {problem && (
        <div role="alert" className="pb-3">
          <ProblemNote problem={problem} />
        </div>
      )}
      <Folded title={t('composer.style')} summary={style || t('composer.style.none')}>
        <StyleFields options={options} onChange={change} />
      </Folded>
      <Folded title={t('options.ahead')} summary={t(`options.ahead.${options.ahead}`)}>
        <AheadFields options={options} onChange={change} />
        {story.ahead_spent_credits > 0 && (
          <p className="figures -mt-2 text-sm text-soft">
            {t('options.ahead.spent', { amount: creditsText(story.ahead_spent_credits, text) })}
          </p>
        )}
      </Folded>
      <Folded title={t('options.pictures')} summary={`${model} · ${options.ratio}`}>
        <PictureFields options={options} onChange={change} />
      </Folded>
      <p className="border-t border-line pt-3 text-sm text-soft">
        {t('new.safety')}: {t(`new.safety.${story.safety}`)}
      </p>
    </div>
  );
}

export function StartPanel({ story, edit }: { story: Story; edit: EditedStory }) {
  const text = storyTexts.useText();
  const { t } = text;
  const client = useQueryClient();
  const router = useRouter();
  const { data: quote } = useQuery(storyQuoteQuery(story.id));
  const options = useOptions(story);
  const { isBusy, problem, run } = useAction();
  const [hint, setHint] = useState<string | null>(null);
  const isBegun = firstPageOf(story) !== undefined;
  const toReader = { to: '/stories/$id/read', params: { id: story.id } } as const;
  const start = () =>
    run(async () => {
      const [isOutlineSaved, areOptionsSaved] = await Promise.all([edit.draft.flush(), options.flush()]);
      if (!isOutlineSaved || !areOptionsSaved) {
        const isIncomplete = edit.draft.get().status === 'incomplete';
        return setHint(t(isIncomplete ? 'start.incomplete' : 'start.unsaved'));
      }
      setHint(null);
      takeStory(client, await startStory(story.id));
      await router.navigate(toReader);
    });
  useShortcuts(
    t('stories.title'),
    !isBegun ? [{ keys: 'Mod+Enter', label: t('start.submit'), run: start, inFields: true }] : [],
  );
  return (
    <div className="story-side">
      <div className="sheet flex min-w-0 flex-col gap-4 p-4 sm:p-5">
        {quote && <Prices quote={quote} story={story} />}
        <OptionFolds story={story} edited={options} />
        {story.by_demo_writer && <DemoNote isTold />}
      </div>
      <div className="story-act">
        {problem && (
          <div role="alert">
            <ProblemNote problem={problem} />
          </div>
        )}
        {isBegun ? (
          <Link {...toReader} className="button button-lamp min-h-12 w-full text-base">
            {t('start.readOn')}
          </Link>
        ) : (
          <button
            type="button"
            className="button button-lamp figures min-h-12 w-full text-base"
            aria-disabled={isBusy}
            onClick={start}
          >
            <span>
              {t(isBusy ? 'start.busy' : 'start.submit')}
              {quote && <span className="font-normal"> · {creditsText(quote.page_credits, text)}</span>}
            </span>
          </button>
        )}
        <p role="status" className="text-sm text-alarm empty:hidden">
          {hint}
        </p>
      </div>
    </div>
  );
}
