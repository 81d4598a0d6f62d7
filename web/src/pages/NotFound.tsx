// For addresses that lead nowhere.
import { Link } from '@tanstack/react-router';
import { Bridge } from '../ui/Bridge.tsx';
import { useText } from '../ui/language.ts';

export function NotFound() {
  const { t } = useText();
  return (
    <main id="main" tabIndex={-1} className="mx-auto flex max-w-xl flex-col items-start gap-6 px-4 py-16">
      <Bridge progress={0} className="w-24 text-soft" />
      <h1 className="text-2xl font-semibold">{t('app.notFound.title')}</h1>
      <Link to="/" className="button button-lamp">
        {t('app.notFound.back')}
      </Link>
    </main>
  );
}
