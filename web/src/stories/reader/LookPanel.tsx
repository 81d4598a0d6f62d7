// The size of the text and the colour of the paper, in a small layer at the reader's bar.
import { ChoiceGroup } from '../../ui/ChoiceGroup.tsx';
import { Popover } from '../../ui/Popover.tsx';
import type { ReaderText } from './reader-text.ts';
import { changeLook, PAPERS, SIZES, useLook } from './reading-look.ts';

export function LookPanel({ text }: { text: ReaderText }) {
  const { t } = text;
  const { paper, size } = useLook();
  return (
    <Popover
      title={t('reader.look')}
      name={t('reader.look')}
      label={
        <span className="look-sign" aria-hidden="true">
          {t('reader.look.sign')}
        </span>
      }
      className="button button-quiet button-icon"
    >
      {() => (
        // biome-ignore lint/a11y/noStaticElementInteractions: keeps the arrows of the choices from turning pages.
        <div className="flex flex-col gap-4 p-4" onKeyDown={(event) => event.stopPropagation()}>
          <ChoiceGroup
            legend={t('reader.look.size')}
            choices={SIZES}
            value={size}
            onChange={(next) => changeLook({ size: next })}
            name={(one) => t('reader.look.size.step', { step: one, count: SIZES.length })}
            draw={(one) => (
              <span className="look-letter" data-size={one} aria-hidden="true">
                {t('reader.look.letter')}
              </span>
            )}
          />
          <ChoiceGroup
            legend={t('reader.look.paper')}
            choices={PAPERS}
            value={paper}
            onChange={(next) => changeLook({ paper: next })}
            draw={(one) => <span className="px-2">{t(`reader.look.paper.${one}`)}</span>}
          />
        </div>
      )}
    </Popover>
  );
}
