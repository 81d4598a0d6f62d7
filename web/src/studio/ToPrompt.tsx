// On narrow screens, the way back to the prompt once it has been scrolled away.
import { useEffect, useState } from 'react';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { useStudio } from './studio-context.ts';

export function ToPrompt() {
  const { t } = useText();
  const { focusPrompt } = useStudio();
  const [away, setAway] = useState(false);
  useEffect(() => {
    const form = document.querySelector('form');
    if (!form) return;
    const watcher = new IntersectionObserver(([entry]) => setAway(entry?.isIntersecting === false));
    watcher.observe(form);
    return () => watcher.disconnect();
  }, []);
  if (!away) return null;
  return (
    <button
      type="button"
      className="button button-lamp fixed right-4 bottom-[calc(var(--tab-bar,0px)+1rem)] z-10 rounded-full [box-shadow:var(--shadow-float)] lg:hidden"
      onClick={focusPrompt}
    >
      <Icon name="up" />
      {t('composer.toPrompt')}
    </button>
  );
}
