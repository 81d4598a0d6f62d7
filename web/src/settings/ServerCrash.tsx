// What is shown when not even the session could be read: as for every page that broke, and, where the page talks to another
// server, the way to change that.
import { type ErrorComponentProps, Link } from '@tanstack/react-router';
import { Crash } from '../pages/Crash.tsx';
import { useText } from '../ui/language.ts';
import { otherServer } from './api-address.ts';

export function ServerCrash(props: ErrorComponentProps) {
  const { t } = useText();
  const other = otherServer();
  return (
    <>
      <Crash {...props} />
      {other && (
        <nav className="mx-auto flex max-w-xl flex-wrap items-center gap-3 px-4 pb-12" aria-label={other.url}>
          <span className="min-w-0 text-sm text-soft">{other.url}</span>
          <Link to="/settings/server" className="button">
            {t('app.crash.server')}
          </Link>
        </nav>
      )}
    </>
  );
}
