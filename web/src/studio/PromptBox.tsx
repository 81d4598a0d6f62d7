// The prompt: grows with its text, submits by Ctrl/⌘+Enter (never by the Enter of an input method), and walks through
// earlier prompts by Alt+↑ and Alt+↓.
import { useQueryClient } from '@tanstack/react-query';
import { type KeyboardEvent, useLayoutEffect, useRef } from 'react';
import { isComposing, isSubmitKey } from '../ui/keys.ts';
import { useText } from '../ui/language.ts';
import { promptHistory } from './model.ts';
import { allTasks, tasksQuery } from './queries.ts';
import { useDraft, useStudio } from './studio-context.ts';

/** Must agree with the server's limit. */
const MAX_PROMPT_CHARS = 8000;

interface PromptBoxProps {
  onSubmit(): void;
  /** Id of the note that belongs to the box. */
  noteId: string;
  invalid: boolean;
}

export function PromptBox({ onSubmit, noteId, invalid }: PromptBoxProps) {
  const { t } = useText();
  const { draft } = useStudio();
  const { prompt } = useDraft();
  const client = useQueryClient();
  const box = useRef<HTMLTextAreaElement>(null);
  /** Where in the history the box stands (-1 = what was typed), and what was typed. */
  const walk = useRef({ at: -1, typed: '' });

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || CSS.supports('field-sizing', 'content')) return;
    element.style.height = 'auto';
    element.style.height = `${element.scrollHeight + 2}px`;
  }, [prompt]);

  const walkHistory = (step: number) => {
    const history = promptHistory(allTasks(client.getQueryData(tasksQuery.queryKey)));
    if (walk.current.at === -1) walk.current.typed = prompt;
    const at = Math.min(history.length - 1, Math.max(-1, walk.current.at + step));
    walk.current.at = at;
    draft.update({ prompt: at === -1 ? walk.current.typed : (history[at] ?? prompt) });
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const key = event.nativeEvent ?? event;
    if (isComposing(key)) return;
    if (isSubmitKey(key)) {
      event.preventDefault();
      if (!event.repeat) onSubmit();
    } else if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
      event.preventDefault();
      walkHistory(event.key === 'ArrowUp' ? 1 : -1);
    }
  };

  return (
    <div className="flex flex-col gap-1.5">
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
        onInput={(event) => {
          walk.current.at = -1;
          draft.update({ prompt: event.currentTarget.value });
        }}
        onKeyDown={onKeyDown}
        aria-describedby={noteId}
        aria-invalid={invalid}
        aria-keyshortcuts="Control+Enter Meta+Enter"
        enterKeyHint="enter"
      />
    </div>
  );
}
