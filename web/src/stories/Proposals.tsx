// The proposals for a story, to choose one of, and the way to new ones; while they are written, their shapes.
import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { useAction } from '../studio/use-action.ts';
import { Bridge } from '../ui/Bridge.tsx';
import { isSubmitKey } from '../ui/keys.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { GrowingText } from './GrowingText.tsx';
import { MAX_IDEA_CHARS } from './new-story.ts';
import { FEWEST_PAGES, MOST_PAGES } from './outline-edit.ts';
import { creditsText } from './price-words.ts';
import { isUnderWay, type Outline, problemOfStep, type Story, type StoryQuote } from './story-api.ts';
import { storyTexts } from './story-text.ts';

const SHAPES = ['first', 'second', 'third'];

interface ProposalsProps {
  story: Story;
  onChoose(at: number): void;
  isBusy: boolean;
}

function Proposal({
  outline,
  number,
  language,
  isBusy,
  onChoose,
}: {
  outline: Outline;
  number: number;
  language: string;
  isBusy: boolean;
  onChoose(): void;
}) {
  const { t } = storyTexts.useText();
  const titleId = useId();
  return (
    <li className="sheet flex min-w-0 flex-col gap-3 p-4 sm:p-5" data-proposal={number}>
      <p className="eyebrow">{t('proposals.number', { n: number })}</p>
      <div lang={language} className="flex flex-col gap-2">
        <h3 id={titleId} className="text-lg leading-snug font-semibold text-balance">
          {outline.title}
        </h3>
        <p>{outline.summary}</p>
      </div>
      {outline.characters.length > 0 && (
        <p className="text-sm">
          <span className="text-soft">{t('proposals.with')} </span>
          <span lang={language}>{outline.characters.map(({ name }) => name).join(' · ')}</span>
        </p>
      )}
      <details className="text-sm">
        <summary className="min-h-9 content-center font-medium underline underline-offset-4">
          {t('proposals.pages', { n: outline.pages.length })}
        </summary>
        <ol lang={language} className="flex list-decimal flex-col gap-2 py-2 pl-5">
          {outline.pages.map((page, at) => (
            <li key={at}>
              <span className="font-medium">{page.title}</span>
              {page.summary !== '' && <p className="text-soft">{page.summary}</p>}
            </li>
          ))}
        </ol>
      </details>
      <button
        type="button"
        className="button mt-auto self-start"
        aria-describedby={titleId}
        aria-disabled={isBusy}
        onClick={onChoose}
      >
        {t('proposals.choose')}
      </button>
    </li>
  );
}

/** Where the proposals will be, while they are written. */
export function ComingProposals({ story }: { story: Story }) {
  const { t } = storyTexts.useText();
  const { status } = story.outlining;
  return (
    <section className="flex flex-col gap-4" aria-label={t('proposals.coming')} data-outlining={status}>
      <div className="flex items-center gap-4">
        <Bridge progress={null} className="h-14 w-24 shrink-0" />
        <div>
          <p className="text-lg font-semibold">{t('proposals.coming')}</p>
          <p className="text-soft">{t(status === 'queued' ? 'proposals.queued' : 'proposals.leave')}</p>
        </div>
      </div>
      <ul className="grid gap-4 lg:grid-cols-3" aria-hidden="true">
        {SHAPES.map((shape) => (
          <li key={shape} className="sheet flex h-56 flex-col gap-3 p-5 max-lg:not-first:hidden">
            <span className="h-3 w-16 rounded bg-mat" />
            <span className="h-5 w-4/5 rounded bg-mat" />
            <span className="h-3 w-full rounded bg-mat" />
            <span className="h-3 w-2/3 rounded bg-mat" />
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Proposals({ story, onChoose, isBusy }: ProposalsProps) {
  const { t } = storyTexts.useText();
  return (
    <section aria-label={t('proposals.title')}>
      <ul className="grid gap-4 lg:grid-cols-3">
        {story.proposals.map((outline, at) => (
          <Proposal
            key={at}
            outline={outline}
            number={at + 1}
            language={story.language}
            isBusy={isBusy}
            onChoose={() => onChoose(at)}
          />
        ))}
      </ul>
    </section>
  );
}

/** Why proposals wait or have failed, and the button that acts on it. */
export function OutliningTrouble({ story, onAgain }: { story: Story; onAgain(): Promise<void> }) {
  const { t } = storyTexts.useText();
  const { isBusy, problem: refusal, run } = useAction();
  const problem = problemOfStep(story.outlining);
  if (!problem) return null;
  const isWaiting = isUnderWay(story.outlining);
  return (
    <div
      role={isWaiting ? 'status' : 'alert'}
      className={`sheet flex flex-col gap-3 p-4 sm:p-5 ${isWaiting ? '' : 'border-alarm'}`}
      data-trouble={story.outlining.status}
    >
      <h2 className="flex items-center gap-4 text-lg font-semibold">
        {isWaiting && <Bridge progress={null} className="h-14 w-24 shrink-0" />}
        {t(isWaiting ? 'trouble.waiting' : 'trouble.failed')}
      </h2>
      <ProblemNote problem={refusal ?? problem}>
        <button
          type="button"
          className={`button ${isWaiting ? '' : 'button-lamp'}`}
          aria-disabled={isBusy}
          onClick={() => run(onAgain)}
        >
          {t(isWaiting ? 'trouble.now' : 'app.retry')}
        </button>
      </ProblemNote>
      <p className="text-sm text-soft">{t(isWaiting ? 'trouble.waits' : 'trouble.safe')}</p>
    </div>
  );
}

interface ProposeFormProps {
  story: Story;
  quote: StoryQuote | undefined;
  onPropose(wanted: { idea: string; pages: number }): Promise<void>;
}

/** Asks for new proposals, perhaps to another idea. */
export function ProposeForm({ story, quote, onPropose }: ProposeFormProps) {
  const text = storyTexts.useText();
  const { t } = text;
  const id = useId();
  const { isBusy, problem, run } = useAction();
  const [idea, setIdea] = useState(story.idea);
  const [pages, setPages] = useState(story.page_count);
  const known = useRef(story.idea);
  useEffect(() => {
    // The server may have made a word of it harmless; what was typed meanwhile stays.
    setIdea((typed) => (typed === known.current ? story.idea : typed));
    known.current = story.idea;
  }, [story.idea]);
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (idea.trim() === '') return document.getElementById(`${id}-idea`)?.focus();
    known.current = idea;
    run(() => onPropose({ idea: idea.trim(), pages }));
  };
  return (
    <form className="flex flex-col gap-4" aria-label={t('propose.title')} onSubmit={submit}>
      <div className="flex flex-col gap-1.5">
        <label className="eyebrow" htmlFor={`${id}-idea`}>
          {t('new.idea')}
        </label>
        <GrowingText
          id={`${id}-idea`}
          className="min-h-20"
          lang={story.language}
          maxLength={MAX_IDEA_CHARS}
          value={idea}
          aria-invalid={idea.trim() === ''}
          onText={setIdea}
          onKeyDown={(event) => {
            if (!isSubmitKey(event.nativeEvent ?? event)) return;
            event.preventDefault();
            if (!event.repeat) submit();
          }}
        />
      </div>
      <div className="flex flex-wrap items-end gap-3">
        <div className="flex flex-col gap-1.5">
          <label className="eyebrow" htmlFor={`${id}-pages`}>
            {t('new.pages')}
          </label>
          <select
            id={`${id}-pages`}
            className="field figures w-24"
            value={pages}
            onChange={(event) => setPages(Number(event.currentTarget.value))}
          >
            {Array.from({ length: MOST_PAGES - FEWEST_PAGES + 1 }, (_, at) => at + FEWEST_PAGES).map((n) => (
              <option key={n} value={n}>
                {n}
              </option>
            ))}
          </select>
        </div>
        <button type="submit" className="button figures" aria-disabled={isBusy}>
          {t('propose.submit')}
          {quote && <span className="font-normal"> · {creditsText(quote.text_credits, text)}</span>}
        </button>
      </div>
      {problem && (
        <div role="alert">
          <ProblemNote problem={problem} />
        </div>
      )}
    </form>
  );
}
