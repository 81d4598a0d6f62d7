// The prompt: grows with its text, submits by Ctrl/⌘+Enter (never by the Enter of an input method), and walks through
// earlier prompts by Alt+↑ and Alt+↓.
import { useQueryClient } from '@tanstack/react-query';
import { type KeyboardEvent, lazy, Suspense, useLayoutEffect, useRef } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { enterSubmits, isComposing, isSubmitKey } from '../ui/keys.ts';
import { useText } from '../ui/language.ts';
import { Popover } from '../ui/Popover.tsx';
import { byTime, promptsQuery } from './prompt-history.ts';
import { useDraft, useStudio } from './studio-context.ts';

const PromptHistory = lazy(() =>
  import('./PromptHistory.tsx').then(({ PromptHistory }) => ({ default: PromptHistory })),
);

/** Must agree with the server's limit. */
const MAX_PROMPT_CHARS = 8000;

interface PromptBoxProps {
  onSubmit(): void;
  /** Id of the note that belongs to the box. */
  noteId: string;
  invalid: boolean;
}

/** Walks through the history; what was typed is the newest entry, and comes back on the way down. */
function useHistoryWalk(): { walk(step: number): void; typed(): void } {
  const { draft } = useStudio();
  const client = useQueryClient();
  const place = useRef({ at: -1, typed: '' });
  return {
    walk(step) {
      if (place.current.at === -1) place.current.typed = draft.get().prompt;
      const started = place.current.typed;
      void client.fetchQuery(promptsQuery('')).then((prompts) => {
        const history = byTime(prompts).filter((prompt) => prompt !== started.trim());
        const at = Math.min(history.length - 1, Math.max(-1, place.current.at + step));
        place.current.at = at;
        draft.update({ prompt: at === -1 ? started : (history[at] ?? started) });
      });
    },
    typed() {
      place.current.at = -1;
    },
  };
}

export function PromptBox({ onSubmit, noteId, invalid }: PromptBoxProps) {
  const { t } = useText();
  const { draft, takeOver } = useStudio();
  const { prompt } = useDraft();
  const client = useQueryClient();
  const box = useRef<HTMLTextAreaElement>(null);
  const history = useHistoryWalk();

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || CSS.supports('field-sizing', 'content')) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [prompt]);

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const key = event.nativeEvent ?? event;
    if (isComposing(key)) return;
    if (isSubmitKey(key, enterSubmits())) {
      event.preventDefault();
      if (!event.repeat) onSubmit();
    } else if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      history.walk(event.key === 'ArrowUp' ? 1 : -1);
    }
  };

  return (
    <div className="relative flex flex-col gap-1.5">
      <label htmlFor="prompt" className="eyebrow">
        {t('composer.prompt')}
      </label>
      <textarea
        ref={box}
        id="prompt"
        rows={4}
        maxLength={MAX_PROMPT_CHARS}
        className="field field-sizing-content max-h-[40dvh] min-h-28 resize-none text-[1.0625rem] leading-relaxed"
        placeholder={t('composer.prompt.placeholder')}
        value={prompt}
        onFocus={() => void client.prefetchQuery(promptsQuery(''))}
        onInput={(event) => {
          history.typed();
          draft.update({ prompt: event.currentTarget.value });
        }}
        onKeyDown={onKeyDown}
        aria-describedby={noteId}
        aria-invalid={invalid}
        aria-keyshortcuts="Control+Enter Meta+Enter"
        enterKeyHint="enter"
      />
      {/* Beside the label, but after the box for the keyboard. */}
      <div className="absolute -top-3 -right-2">
        <Popover
          label={<Icon name="history" />}
          name={t('history.title')}
          title={t('history.title')}
          className="button button-quiet button-icon text-soft"
          panelClassName="w-96"
        >
          {(close) => (
            <Suspense fallback={<p className="p-5 text-soft">{t('app.loading')}</p>}>
              <PromptHistory
                onUse={(used) => {
                  close();
                  history.typed();
                  takeOver({ ...draft.get(), prompt: used, isSent: false });
                }}
              />
            </Suspense>
          )}
        </Popover>
      </div>
    </div>
  );
}
