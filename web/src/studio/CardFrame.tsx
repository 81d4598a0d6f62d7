// The frame of a card: pictures on the neutral mat, the plate with prompt and actions beside or beneath.
import { type ReactNode, useState } from 'react';
import { useText } from '../ui/language.ts';

/** Longer prompts are folded to this many characters' worth of lines. */
const FOLD_FROM_CHARS = 160;

function PromptText({ prompt }: { prompt: string }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  const long = prompt.length > FOLD_FROM_CHARS;
  return (
    <div>
      <p
        className={`text-[1.0625rem] leading-snug font-medium whitespace-pre-line ${long && !open ? 'line-clamp-4' : ''}`}
      >
        {prompt}
      </p>
      {long && (
        <button
          type="button"
          className="min-h-8 text-sm text-soft underline underline-offset-4 hover:text-ink"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {t(open ? 'task.less' : 'task.more')}
        </button>
      )}
    </div>
  );
}

interface CardFrameProps {
  prompt: string;
  /** null leaves the mat away, as for a card that has only words. */
  picture: ReactNode;
  children: ReactNode;
}

export function CardFrame({ prompt, picture, children }: CardFrameProps) {
  const { t } = useText();
  return (
    <article aria-label={t('task.label', { prompt })} className="sheet @container overflow-hidden">
      <div className={picture ? 'grid @3xl:grid-cols-[minmax(0,1fr)_19rem]' : ''}>
        {picture && <div className="flex items-center justify-center bg-mat p-3 @xl:p-5">{picture}</div>}
        <div className="flex min-w-0 flex-col gap-3 p-4 @xl:p-5">
          <PromptText prompt={prompt} />
          {children}
        </div>
      </div>
    </article>
  );
}
