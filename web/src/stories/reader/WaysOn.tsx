// How the story goes on: the choices of a page with what is known of each (read, made ahead, its price), and a reader's own words.
import { type FormEvent, useId, useState } from 'react';
import { Icon } from '../../ui/Icon.tsx';
import { ProblemNote } from '../../ui/ProblemNote.tsx';
import type { StoryPage, StoryQuote } from '../story-api.ts';
import { creditsIn, type ReaderText } from './reader-text.ts';
import { keepOwnWords, ownWordsOf } from './reading-place.ts';
import { stateOfWay, type Way } from './story-tree.ts';
import type { Step } from './use-step.ts';

/** The server's limit for a way on. */
const MAX_OWN_CHARS = 160;
/** Ways that have a key. */
const MOST_KEYS = 9;

interface WaysOnProps {
  page: StoryPage;
  ways: readonly Way[];
  quote: StoryQuote | undefined;
  text: ReaderText;
  /** Of the story. */
  lang: string;
  step: Step;
  onChoose(way: Way): void;
  onOwn(words: string): Promise<boolean>;
}

/** What going this way costs now; made ahead without its picture, that is what is left to pay. */
function priceOf({ page }: Way, { page_credits: whole, picture_credits: picture }: StoryQuote): number {
  if (!page) return whole;
  return !page.opened && page.picture.status === 'none' ? picture : 0;
}

function WayMark({ way, quote, text }: { way: Way; quote: StoryQuote | undefined; text: ReaderText }) {
  const state = stateOfWay(way);
  const price = quote ? priceOf(way, quote) : 0;
  const words = [
    state === 'new' ? '' : text.t(`reader.way.${state}`),
    price === 0 ? '' : creditsIn(text, price),
  ].filter((part) => part !== '');
  if (words.length === 0) return null;
  return (
    <span className={`way-mark figures ${state === 'ready' ? 'way-ready' : ''}`}>
      {state === 'read' && <Icon name="check" className="size-4" />}
      {words.join(' · ')}
    </span>
  );
}

function OwnWords({ page, quote, text, step, onOwn }: Omit<WaysOnProps, 'ways' | 'lang' | 'onChoose'>) {
  const { t } = text;
  const id = useId();
  const [words, setWords] = useState(() => ownWordsOf(page.id));
  const write = (next: string) => {
    setWords(next);
    keepOwnWords(page.id, next);
    step.forget();
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (words.trim() !== '' && (await onOwn(words.trim()))) write('');
  };
  return (
    <form className="own-words" onSubmit={(event) => void submit(event)}>
      <label htmlFor={id} className="eyebrow">
        {t('reader.own')}
      </label>
      <div className="flex gap-2">
        <input
          id={id}
          className="field"
          maxLength={MAX_OWN_CHARS}
          autoComplete="off"
          enterKeyHint="go"
          placeholder={t('reader.own.placeholder')}
          value={words}
          onInput={(event) => write(event.currentTarget.value)}
        />
        <button
          type="submit"
          className="button"
          aria-disabled={step.isBusy || words.trim() === ''}
          aria-describedby={`${id}-price`}
        >
          {t('reader.own.submit')}
        </button>
      </div>
      {quote && quote.page_credits > 0 && (
        <p id={`${id}-price`} className="figures text-sm text-soft">
          {t('reader.price', { price: creditsIn(text, quote.page_credits) })}
          {quote.ahead_credits > 0 &&
            ` ${t('reader.price.ahead', { price: creditsIn(text, quote.ahead_credits) })}`}
        </p>
      )}
    </form>
  );
}

export function WaysOn(props: WaysOnProps) {
  const { page, ways, quote, text, step, onChoose } = props;
  const title = useId();
  return (
    <section className="ways" aria-labelledby={title}>
      <h2 id={title} className="ways-title">
        {text.t('reader.ways')}
      </h2>
      <ol>
        {ways.map((way, index) => (
          <li key={way.choice ?? way.page?.id ?? index}>
            <button
              type="button"
              className="way"
              data-way={stateOfWay(way)}
              aria-disabled={step.isBusy}
              onClick={() => onChoose(way)}
            >
              {index < MOST_KEYS && (
                <span className="way-key" aria-hidden="true">
                  {index + 1}
                </span>
              )}
              <span className="way-text" lang={props.lang}>
                {way.text}
              </span>
              <WayMark way={way} quote={quote} text={text} />
            </button>
          </li>
        ))}
      </ol>
      <OwnWords key={page.id} {...props} />
      {step.problem && (
        <div role="alert">
          <ProblemNote problem={step.problem} />
        </div>
      )}
    </section>
  );
}
