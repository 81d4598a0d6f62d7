// The model: one row that shows the chosen one, unfolding to all of them with health, price and usual time.
import { useId, useState } from 'react';
import type { Model } from '../api/resources.ts';
import { formatCredits } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { type Text, useText } from '../ui/language.ts';
import { takesPictures } from './model.ts';

const HEALTH_COLOURS = { healthy: 'text-calm', degraded: 'text-lamp', down: 'text-alarm' };
const HEALTH_SHAPES = {
  healthy: 'M10 5a5 5 0 1 0 0 10 5 5 0 0 0 0-10',
  degraded: 'M10 4 16 15H4z',
  down: 'M5 5h10v10H5z',
};

/** Health by shape, colour and name. */
function Health({ state }: { state: Model['drawbridge']['provider_state'] }) {
  const { t } = useText();
  const name = t(`composer.model.${state}`);
  return (
    <svg
      viewBox="0 0 20 20"
      role="img"
      aria-label={name}
      className={`size-3.5 shrink-0 ${HEALTH_COLOURS[state]}`}
    >
      <title>{name}</title>
      <path d={HEALTH_SHAPES[state]} fill="currentColor" stroke="var(--color-ink)" strokeWidth="1" />
    </svg>
  );
}

function metaOf(model: Model, { t, locale }: Text): string {
  const { price_credits: price, typical_seconds: seconds } = model.drawbridge;
  const amount = formatCredits(price, locale);
  const priceText = price === 0 ? t('composer.model.free') : t('composer.model.each', { n: price, amount });
  return t('composer.model.meta', { price: priceText, seconds: Math.max(1, Math.round(seconds)) });
}

function Row({ model }: { model: Model }) {
  const text = useText();
  const { title, provider, provider_state, capabilities } = model.drawbridge;
  return (
    <span className="flex min-w-0 grow flex-col py-1.5 text-left">
      <span className="flex items-center gap-2 font-medium">
        <Health state={provider_state} />
        <span className="truncate">{title[text.language]}</span>
        <span className="truncate text-sm font-normal text-soft">{provider}</span>
      </span>
      <span className="figures text-sm font-normal text-soft">
        {metaOf(model, text)}
        {takesPictures(capabilities) && ` · ${text.t('composer.model.takesPictures')}`}
      </span>
    </span>
  );
}

interface ModelPickerProps {
  models: readonly Model[];
  chosen: Model | null;
  onChoose(id: string): void;
}

export function ModelPicker({ models, chosen, onChoose }: ModelPickerProps) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  const list = useId();
  if (!chosen) return <p className="text-sm text-alarm">{t('composer.model.none')}</p>;
  if (models.length === 1)
    return (
      <div>
        <p className="eyebrow">{t('composer.model')}</p>
        <Row model={chosen} />
      </div>
    );
  return (
    <div className="flex flex-col gap-1.5">
      <p className="eyebrow">{t('composer.model')}</p>
      <button
        type="button"
        className="flex min-h-14 items-center gap-2 rounded-control border border-line px-3 hover:border-edge"
        aria-expanded={open}
        aria-controls={list}
        onClick={() => setOpen(!open)}
      >
        <Row model={chosen} />
        <Icon name="down" className={`size-5 transition-transform ${open ? 'rotate-180' : ''}`} />
      </button>
      <fieldset id={list} hidden={!open} className="min-w-0">
        <legend className="sr-only">{t('composer.model.choose')}</legend>
        <div className="flex max-h-80 flex-col gap-1 overflow-y-auto p-0.5">
          {models.map((model) => (
            <label key={model.id} className="choice justify-start px-3">
              <input
                type="radio"
                name={list}
                checked={model.id === chosen.id}
                onChange={() => onChoose(model.id)}
              />
              <Row model={model} />
            </label>
          ))}
        </div>
      </fieldset>
    </div>
  );
}
