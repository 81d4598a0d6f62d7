// The parts of the form of a new story below its idea: language and length, and what most people leave as it is.
import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { chosenModel } from '../studio/model.ts';
import { modelsQuery } from '../studio/queries.ts';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { CharacterSheet } from './CharacterSheet.tsx';
import { Folded } from './Folded.tsx';
import { LANGUAGE_NAMES, STORY_LANGUAGES } from './languages.ts';
import { type FilledDraft, SAFETIES, type StoryDraft } from './new-story.ts';
import { AheadFields, PictureFields } from './OptionFields.tsx';
import { FEWEST_PAGES, MOST_PAGES } from './outline-edit.ts';
import { storyTexts } from './story-text.ts';

interface FieldsProps {
  draft: FilledDraft;
  change(part: Partial<StoryDraft>): void;
}

export function LanguageFields({
  draft,
  change,
  language,
}: FieldsProps & { language: FilledDraft['language'] & string }) {
  const { t } = storyTexts.useText();
  const pagesId = useId();
  return (
    <div className="grid gap-5 sm:grid-cols-[minmax(0,1fr)_14rem]">
      <ChoiceGroup
        legend={t('new.language')}
        choices={STORY_LANGUAGES}
        value={language}
        onChange={(chosen) => change({ language: chosen })}
        draw={(one) => <span lang={one}>{LANGUAGE_NAMES[one]}</span>}
        className="grid grid-cols-3 gap-1.5"
      />
      <div className="flex flex-col">
        <label className="eyebrow flex justify-between" htmlFor={pagesId}>
          {t('new.pages')}
          <output className="figures text-ink" htmlFor={pagesId}>
            {draft.pages}
          </output>
        </label>
        <input
          id={pagesId}
          type="range"
          className="range"
          min={FEWEST_PAGES}
          max={MOST_PAGES}
          value={draft.pages}
          onInput={(event) => change({ pages: Number(event.currentTarget.value) })}
        />
        <p className="text-sm text-soft">{t('new.pages.hint')}</p>
      </div>
    </div>
  );
}

export function MoreFields({ draft, change, language }: FieldsProps & { language: string }) {
  const { t } = storyTexts.useText();
  const { data: models } = useQuery(modelsQuery);
  const text = storyTexts.useText();
  const names = draft.characters.map(({ name }) => name.trim()).filter((name) => name !== '');
  const model = chosenModel(models ?? [], draft.model)?.drawbridge.title[text.language] ?? '';
  return (
    <div className="flex flex-col">
      <Folded
        title={t('new.characters')}
        summary={names.length > 0 ? names.join(', ') : t('new.characters.none')}
        isOpen={draft.characters.length > 0}
      >
        <CharacterSheet
          characters={draft.characters}
          language={language}
          onChange={(characters) => change({ characters })}
        />
      </Folded>
      <Folded title={t('new.safety')} summary={t(`new.safety.${draft.safety}`)}>
        <ChoiceGroup
          legend={t('new.safety')}
          hideLegend
          choices={SAFETIES}
          value={draft.safety}
          onChange={(safety) => change({ safety })}
          draw={(safety) => t(`new.safety.${safety}`)}
          className="grid auto-cols-fr grid-flow-col gap-1.5"
        />
        <p className="-mt-2 text-sm text-soft">{t(`new.safety.${draft.safety}.hint`)}</p>
      </Folded>
      <Folded title={t('options.ahead')} summary={t(`options.ahead.${draft.ahead}`)}>
        <AheadFields options={draft} onChange={change} />
      </Folded>
      <Folded title={t('options.pictures')} summary={`${model} · ${draft.ratio}`}>
        <PictureFields options={draft} onChange={change} />
      </Folded>
    </div>
  );
}
