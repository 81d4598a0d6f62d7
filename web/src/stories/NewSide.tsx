// What a new story costs, who writes it, and the button that asks for its outlines.
import { useQuery } from '@tanstack/react-query';
import { chosenModel } from '../studio/model.ts';
import { modelsQuery } from '../studio/queries.ts';
import type { Action } from '../studio/use-action.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { DemoNote } from './DemoNote.tsx';
import { creditsOf, estimateOf, type FilledDraft } from './new-story.ts';
import { creditsText } from './price-words.ts';
import type { StoryIdeas } from './story-api.ts';
import { storyTexts } from './story-text.ts';

/** Prices of every step, before the first. */
function Prices({ draft, writer }: { draft: FilledDraft; writer: StoryIdeas['writer'] | undefined }) {
  const text = storyTexts.useText();
  const { t } = text;
  const { data: models } = useQuery(modelsQuery);
  const model = chosenModel(models ?? [], draft.model);
  if (!writer || !model) return null;
  const { price_credits: textCredits } = writer;
  const { page, path } = estimateOf(draft.pages, textCredits, model.drawbridge.price_credits);
  const budget = draft.ahead === 'none' ? 0 : (creditsOf(draft.aheadBudget) ?? 0);
  const rows = [
    [t('new.price.outline'), creditsText(textCredits, text)],
    [t('new.price.page'), creditsText(page, text)],
    [t('new.price.path', { n: draft.pages }), creditsText(path, text)],
    ...(budget > 0 && page > 0
      ? [[t('new.price.ahead'), t('price.upTo', { amount: creditsText(budget, text) })]]
      : []),
  ] as const;
  return (
    <dl className="figures flex flex-col gap-1.5 text-sm" data-prices="">
      {rows.map(([name, amount]) => (
        <div key={name} className="flex justify-between gap-4">
          <dt className="text-soft">{name}</dt>
          <dd className="text-right font-medium">{amount}</dd>
        </div>
      ))}
    </dl>
  );
}

interface NewSideProps {
  draft: FilledDraft;
  writer: StoryIdeas['writer'] | undefined;
  beginning: Pick<Action, 'isBusy' | 'problem'>;
  /** What lacks, once somebody has tried. */
  hint: string | null;
}

export function NewSide({ draft, writer, beginning, hint }: NewSideProps) {
  const text = storyTexts.useText();
  const { t } = text;
  return (
    <div className="story-side">
      <div className="sheet flex flex-col gap-4 p-4 sm:p-5">
        <h2 className="eyebrow">{t('new.next')}</h2>
        <Prices draft={draft} writer={writer} />
        {writer?.by_demo_writer && <DemoNote isTold={false} />}
      </div>
      <div className="story-act">
        {beginning.problem && (
          <div role="alert">
            <ProblemNote problem={beginning.problem} />
          </div>
        )}
        <button
          type="submit"
          className="button button-lamp figures min-h-12 w-full text-base"
          aria-disabled={beginning.isBusy}
        >
          <span>
            {t(beginning.isBusy ? 'new.submit.busy' : 'new.submit')}
            {writer && <span className="font-normal"> · {creditsText(writer.price_credits, text)}</span>}
          </span>
        </button>
        <p role="status" className="text-sm text-alarm empty:hidden">
          {hint}
        </p>
      </div>
    </div>
  );
}
