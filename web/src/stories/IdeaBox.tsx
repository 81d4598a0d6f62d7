// The box for an idea, and ideas to start from, a few at a time.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { enterSubmits, isSubmitKey, submitKeyLabel } from '../ui/keys.ts';
import { GrowingText } from './GrowingText.tsx';
import { MAX_IDEA_CHARS } from './new-story.ts';
import { ideasQuery, type StoryLanguage } from './story-api.ts';
import { storyTexts } from './story-text.ts';

const SHOWN_AT_ONCE = 5;

interface IdeaBoxProps {
  id: string;
  idea: string;
  language: StoryLanguage;
  onChange(idea: string): void;
  /** One of the ideas to start from was taken. */
  onChoose(idea: string): void;
  onSubmit(): void;
  /** Whether it was asked for and is empty. */
  isInvalid: boolean;
}

export function IdeaBox(props: IdeaBoxProps) {
  const { id, idea, language, onChange, onChoose, onSubmit, isInvalid } = props;
  const { t } = storyTexts.useText();
  return (
    <div className="flex flex-col gap-1.5">
      <label className="eyebrow" htmlFor={id}>
        {t('new.idea')}
      </label>
      <GrowingText
        id={id}
        rows={3}
        maxLength={MAX_IDEA_CHARS}
        className="max-h-[40dvh] min-h-24 text-[1.0625rem] leading-relaxed"
        placeholder={t('new.idea.placeholder')}
        value={idea}
        aria-invalid={isInvalid}
        aria-describedby={`${id}-note`}
        aria-keyshortcuts="Control+Enter Meta+Enter"
        onText={onChange}
        onKeyDown={(event) => {
          if (!isSubmitKey(event.nativeEvent ?? event, enterSubmits())) return;
          event.preventDefault();
          if (!event.repeat) onSubmit();
        }}
      />
      <p id={`${id}-note`} className={`text-sm ${isInvalid ? 'text-alarm' : 'text-soft'}`}>
        {t(isInvalid ? 'new.missing.idea' : 'new.idea.hint')}
        {!isInvalid && (
          <span className="pointer-coarse:hidden"> {t('new.idea.key', { key: submitKeyLabel() })}</span>
        )}
      </p>
      <Ideas language={language} onChoose={onChoose} />
    </div>
  );
}

function Ideas({ language, onChoose }: { language: StoryLanguage; onChoose(idea: string): void }) {
  const { t } = storyTexts.useText();
  const { data } = useQuery(ideasQuery(language));
  const [first, setFirst] = useState(0);
  const ideas = data?.ideas ?? [];
  if (ideas.length === 0) return null;
  const shown = Array.from({ length: Math.min(SHOWN_AT_ONCE, ideas.length) }, (_, at) => {
    return ideas[(first + at) % ideas.length] ?? '';
  });
  return (
    <fieldset className="mt-1 min-w-0" data-ideas="">
      <legend className="eyebrow mb-1.5">{t('new.ideas')}</legend>
      <ul className="flex flex-wrap gap-1.5">
        {shown.map((idea) => (
          <li key={idea} className="max-w-full">
            <button
              type="button"
              lang={language}
              className="chip max-w-full py-1 text-left whitespace-normal"
              onClick={() => onChoose(idea)}
            >
              {idea}
            </button>
          </li>
        ))}
        <li>
          <button
            type="button"
            className="button button-quiet"
            onClick={() => setFirst((first + SHOWN_AT_ONCE) % ideas.length)}
          >
            <Icon name="dice" className="size-4.5" />
            {t('new.ideas.others')}
          </button>
        </li>
      </ul>
    </fieldset>
  );
}
