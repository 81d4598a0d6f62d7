// How a story's pictures look and how much is made ahead: what is chosen for a new story and may be changed later.
import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';
import { AspectShape } from '../studio/AspectShape.tsx';
import { ModelPicker } from '../studio/ModelPicker.tsx';
import { capabilitiesOf, chosenModel } from '../studio/model.ts';
import { modelsQuery } from '../studio/queries.ts';
import { StylePicker } from '../studio/StyleStrip.tsx';
import { ChoiceGroup } from '../ui/ChoiceGroup.tsx';
import { AHEADS, MAX_STYLE_TEXT_CHARS, type StoryOptions } from './new-story.ts';
import { storyTexts } from './story-text.ts';

interface OptionsProps {
  options: StoryOptions;
  onChange(change: Partial<StoryOptions>): void;
}

/** The style: one of the strip, and words of one's own. */
export function StyleFields({ options, onChange }: OptionsProps) {
  const { t } = storyTexts.useText();
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <StylePicker chosenId={options.style} onChoose={(style) => onChange({ style })} />
      <div className="flex flex-col gap-1.5">
        <label className="eyebrow" htmlFor={id}>
          {t('options.styleText')}
        </label>
        <input
          id={id}
          className="field"
          maxLength={MAX_STYLE_TEXT_CHARS}
          placeholder={t('options.styleText.placeholder')}
          value={options.styleText}
          onInput={(event) => onChange({ styleText: event.currentTarget.value })}
        />
      </div>
    </div>
  );
}

/** The model that paints, and the shape of its pictures. */
export function PictureFields({ options, onChange }: OptionsProps) {
  const { t } = storyTexts.useText();
  const { data: models } = useQuery(modelsQuery);
  const model = chosenModel(models ?? [], options.model);
  const offered = capabilitiesOf(model).aspect_ratios;
  const ratios = offered.includes(options.ratio) ? offered : [options.ratio, ...offered];
  return (
    <div className="flex min-w-0 flex-col gap-4">
      {models && <ModelPicker models={models} chosen={model} onChoose={(id) => onChange({ model: id })} />}
      <ChoiceGroup
        legend={t('composer.aspect')}
        choices={ratios}
        value={options.ratio}
        onChange={(ratio) => onChange({ ratio })}
        draw={(ratio) => <AspectShape ratio={ratio} />}
        className="grid grid-cols-[repeat(auto-fill,minmax(3.5rem,1fr))] gap-1.5"
      />
    </div>
  );
}

/** What is made before the reader chooses, and what that may cost. */
export function AheadFields({ options, onChange }: OptionsProps) {
  const { t } = storyTexts.useText();
  const id = useId();
  return (
    <div className="flex flex-col gap-3">
      <ChoiceGroup
        legend={t('options.ahead')}
        hideLegend
        choices={AHEADS}
        value={options.ahead}
        onChange={(ahead) => onChange({ ahead })}
        draw={(ahead) => t(`options.ahead.${ahead}`)}
        className="grid auto-cols-fr grid-flow-col gap-1.5"
      />
      <p className="text-sm text-soft">{t(`options.ahead.${options.ahead}.hint`)}</p>
      {options.ahead !== 'none' && (
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <label htmlFor={id} className="text-sm">
            {t('options.aheadBudget')}
          </label>
          <input
            id={id}
            className="field figures w-28"
            inputMode="decimal"
            value={options.aheadBudget}
            onInput={(event) => onChange({ aheadBudget: event.currentTarget.value })}
          />
        </div>
      )}
    </div>
  );
}
