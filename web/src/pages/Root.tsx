// Around every page: the skip link, the live region and the place of notes.
import { Outlet } from '@tanstack/react-router';
import { Announcer } from '../ui/announce.tsx';
import { useText } from '../ui/language.ts';
import { Toaster } from '../ui/toast.tsx';

export function Root() {
  const { t } = useText();
  return (
    <>
      {/* A button: with a <base>, the fragment of a link would lead to another page. */}
      <button
        type="button"
        className="button button-lamp fixed top-2 left-2 z-50 not-focus:sr-only"
        onClick={() => document.getElementById('main')?.focus()}
      >
        {t('app.skip')}
      </button>
      <Outlet />
      <Announcer />
      <Toaster />
    </>
  );
}
