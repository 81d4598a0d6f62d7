// Who is in a story: a name, a look that goes into every picture word for word, and a reference picture.
import { useId, useRef } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { showToast } from '../ui/toast.tsx';
import { GrowingText } from './GrowingText.tsx';
import {
  type EditedCharacter,
  MAX_LOOK_CHARS,
  MAX_NAME_CHARS,
  MOST_CHARACTERS,
  newCharacter,
} from './outline-edit.ts';
import { ReferencePicture } from './ReferencePicture.tsx';
import { storyTexts } from './story-text.ts';

interface CharacterSheetProps {
  characters: readonly EditedCharacter[];
  onChange(characters: readonly EditedCharacter[]): void;
  /** The language of the words in it, for readers. */
  language: string;
}

interface RowProps {
  character: EditedCharacter;
  number: number;
  language: string;
  onChange(change: Partial<EditedCharacter>): void;
  onRemove(): void;
}

function Row({ character, number, language, onChange, onRemove }: RowProps) {
  const { t } = storyTexts.useText();
  const id = useId();
  const { name, look, imageId } = character;
  const called = name.trim() || t('character.number', { n: number });
  const isStarted = name.trim() !== '' || look.trim() !== '' || imageId !== null;
  return (
    <li className="flex flex-col gap-3 rounded-control border border-line p-3">
      <div className="flex items-end gap-2">
        <div className="flex min-w-0 grow flex-col gap-1.5">
          <label className="eyebrow" htmlFor={`${id}-name`}>
            {t('character.name')}
          </label>
          <input
            id={`${id}-name`}
            className="field"
            lang={language}
            maxLength={MAX_NAME_CHARS}
            value={name}
            aria-invalid={isStarted && name.trim() === ''}
            data-character-name=""
            onInput={(event) => onChange({ name: event.currentTarget.value })}
          />
        </div>
        <button
          type="button"
          className="button button-quiet button-icon"
          aria-label={t('character.remove', { name: called })}
          onClick={onRemove}
        >
          <Icon name="trash" className="size-4.5" />
        </button>
      </div>
      <div className="flex flex-col gap-1.5">
        <label className="eyebrow" htmlFor={`${id}-look`}>
          {t('character.look')}
        </label>
        <GrowingText
          id={`${id}-look`}
          className="min-h-16"
          lang={language}
          maxLength={MAX_LOOK_CHARS}
          placeholder={t('character.look.placeholder')}
          value={look}
          aria-invalid={isStarted && look.trim() === ''}
          onText={(text) => onChange({ look: text })}
        />
      </div>
      <ReferencePicture
        name={called}
        imageId={imageId}
        onChange={(picture) => onChange({ imageId: picture })}
      />
    </li>
  );
}

export function CharacterSheet({ characters, onChange, language }: CharacterSheetProps) {
  const { t } = storyTexts.useText();
  const listId = useId();
  const newest = useRef(characters);
  newest.current = characters;
  const add = () => {
    onChange([...characters, newCharacter()]);
    requestAnimationFrame(() => {
      const names = document.getElementById(listId)?.querySelectorAll<HTMLElement>('[data-character-name]');
      names?.[names.length - 1]?.focus();
    });
  };
  const remove = (at: number) => {
    const [row] = characters.slice(at, at + 1);
    if (!row) return;
    onChange(characters.toSpliced(at, 1));
    showToast({
      text: t('character.removed', { name: row.name.trim() || t('character.number', { n: at + 1 }) }),
      // What was changed meanwhile stays.
      action: { label: t('app.undo'), run: () => onChange(newest.current.toSpliced(at, 0, row)) },
    });
  };
  return (
    <div className="flex flex-col items-start gap-3">
      <p className="text-sm text-soft">{t('character.lead')}</p>
      {characters.length > 0 && (
        <ul id={listId} className="grid w-full gap-3 xl:grid-cols-2">
          {characters.map((character, at) => (
            <Row
              key={character.key}
              character={character}
              number={at + 1}
              language={language}
              onChange={(change) =>
                onChange(characters.map((one) => (one.key === character.key ? { ...one, ...change } : one)))
              }
              onRemove={() => remove(at)}
            />
          ))}
        </ul>
      )}
      {characters.length < MOST_CHARACTERS ? (
        <button type="button" className="button" onClick={add}>
          <Icon name="account" className="size-4.5" />
          {t('character.add')}
        </button>
      ) : (
        <p className="text-sm text-soft">{t('character.most', { n: MOST_CHARACTERS })}</p>
      )}
    </div>
  );
}
