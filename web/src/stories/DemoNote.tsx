// Says honestly that no language model writes, but the built-in demo writer, and what that means.
import { Icon } from '../ui/Icon.tsx';
import { storyTexts } from './story-text.ts';

/** `isTold`: of a story that exists, rather than of what would be written now. */
export function DemoNote({ isTold }: { isTold: boolean }) {
  const { t } = storyTexts.useText();
  return (
    <p className="flex gap-2.5 rounded-control bg-glow px-3 py-2 text-sm" data-demo-writer="">
      <Icon name="info" className="mt-0.5 size-4.5" />
      <span>
        <strong className="font-semibold">{t('demo.title')}</strong> {t(isTold ? 'demo.told' : 'demo.now')}
      </span>
    </p>
  );
}
