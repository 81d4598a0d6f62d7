// What a page shows when it could not load or broke while rendering. Tasks are not affected, and the page says so.
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';
import { ApiError } from '../api/problem.ts';
import { Bridge } from '../ui/Bridge.tsx';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';

export function Crash({ error, reset }: ErrorComponentProps) {
  const { t } = useText();
  const router = useRouter();
  const retry = (
    <button
      type="button"
      className="button button-lamp"
      onClick={() => {
        if (!(error instanceof ApiError)) return location.reload();
        reset();
        void router.invalidate();
      }}
    >
      {error instanceof ApiError ? t('app.retry') : t('app.crash.reload')}
    </button>
  );
  return (
    <main id="main" tabIndex={-1} className="mx-auto flex max-w-xl flex-col gap-6 px-4 py-16">
      <Bridge progress={0} className="w-24 text-soft" />
      {error instanceof ApiError ? (
        <>
          <h1 className="sr-only">{t('app.crash.title')}</h1>
          <ProblemNote problem={error.problem}>{retry}</ProblemNote>
        </>
      ) : (
        <>
          <h1 className="text-2xl font-semibold">{t('app.crash.title')}</h1>
          <p>{t('app.crash.detail')}</p>
          <code className="rounded-control bg-well p-3 font-mono text-sm">
            {error instanceof Error ? error.message : String(error)}
          </code>
          <div>{retry}</div>
        </>
      )}
    </main>
  );
}
