// Asks what of a page to make again, each with its price and what stays.
import { useId, useState } from 'react';
import { announce } from '../../ui/announce.tsx';
import { Dialog } from '../../ui/Dialog.tsx';
import { ProblemNote } from '../../ui/ProblemNote.tsx';
import type { StoryPage, StoryQuote } from '../story-api.ts';
import { creditsIn, type ReaderText } from './reader-text.ts';
import { useStep } from './use-step.ts';

const PARTS = ['text', 'picture', 'both'] as const;
export type Part = (typeof PARTS)[number];

interface RemakeDialogProps {
  page: StoryPage;
  /** Pages that were read follow this one: its choices stay. */
  hasNext: boolean;
  quote: StoryQuote | undefined;
  text: ReaderText;
  onRemake(part: Part): Promise<void>;
  onClose(): void;
}

function priceOf(part: Part, { text_credits: words, picture_credits: picture }: StoryQuote): number {
  return (part === 'picture' ? 0 : words) + (part === 'text' ? 0 : picture);
}

export function RemakeDialog({ page, hasNext, quote, text, onRemake, onClose }: RemakeDialogProps) {
  const { t } = text;
  const id = useId();
  const [part, setPart] = useState<Part>(page.picture.error?.code === 'content_blocked' ? 'both' : 'picture');
  const { isBusy, problem, run } = useStep();
  const price = (one: Part) => (quote ? creditsIn(text, priceOf(one, quote)) : '…');
  const remake = async () => {
    const isDone = await run(() => onRemake(part));
    if (!isDone) return;
    announce(t(`reader.remake.started.${part}`));
    onClose();
  };
  const hint = (one: Part) =>
    t(one === 'both' && hasNext ? 'reader.remake.both.hint.kept' : `reader.remake.${one}.hint`);
  const footer = (
    <>
      <button type="button" className="button" onClick={onClose}>
        {t('app.cancel')}
      </button>
      <button
        type="button"
        className="button button-lamp figures"
        aria-disabled={isBusy || !quote}
        onClick={() => void remake()}
      >
        {t('reader.remake.submit', { price: price(part) })}
      </button>
    </>
  );
  return (
    <Dialog title={t('reader.remake.title', { number: page.number })} onClose={onClose} footer={footer}>
      <fieldset className="flex flex-col gap-2">
        <legend className="sr-only">{t('reader.remake')}</legend>
        {PARTS.map((one) => (
          <label key={one} className="choice justify-start! gap-3 px-4 py-2.5 text-left">
            <input
              type="radio"
              name={id}
              value={one}
              checked={one === part}
              onChange={() => setPart(one)}
              aria-describedby={`${id}-${one}`}
            />
            <span className="min-w-0 grow">
              <span className="block">{t(`reader.remake.${one}`)}</span>
              <span id={`${id}-${one}`} className="block text-sm font-normal text-soft">
                {hint(one)}
              </span>
            </span>
            <span className="figures shrink-0 text-sm font-normal text-soft">{price(one)}</span>
          </label>
        ))}
      </fieldset>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
