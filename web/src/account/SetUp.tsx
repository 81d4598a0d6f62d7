// The landing page of the one-time set-up link: trades the token in the fragment for a session and goes on to the Studio.
import { useQueryClient } from '@tanstack/react-query';
import { Link, useRouter } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { Icon } from '../ui/Icon.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { accountTexts } from './account-text.ts';
import { askForLogin } from './ask-for-login.ts';
import { Door } from './Door.tsx';
import { createSession, sessionQuery } from './queries.ts';

function tokenFromFragment(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('token');
}

function MissingToken() {
  const { t } = accountTexts.useText();
  return (
    <>
      <p className="flex gap-2 font-semibold text-alarm">
        <Icon name="alert" />
        {t('setUp.missing.title')}
      </p>
      <p>{t('setUp.missing.cause')}</p>
      <p>{t('setUp.missing.fix')}</p>
    </>
  );
}

export function SetUp() {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const router = useRouter();
  const token = useRef(tokenFromFragment());
  const [problem, setProblem] = useState<Problem | null>(null);

  const enter = useCallback(async () => {
    if (!token.current) return;
    setProblem(null);
    try {
      const session = await createSession({ token: token.current });
      client.setQueryData(sessionQuery.queryKey, session);
      askForLogin(session.user === null);
      await router.navigate({ to: '/', replace: true });
    } catch (error) {
      setProblem(problemOf(error));
    }
  }, [client, router]);

  useEffect(() => {
    document.title = `${t('setUp.title')} · Drawbridge`;
  }, [t]);
  const started = useRef(false);
  useEffect(() => {
    if (started.current) return;
    started.current = true;
    // The token leaves the address bar before anything else, so that it is not kept in the history.
    history.replaceState(history.state, '', location.pathname);
    void enter();
  }, [enter]);

  const failed = problem !== null || token.current === null;
  return (
    <Door progress={failed ? 0 : null}>
      <div className="sheet flex flex-col gap-4 p-6" aria-live="polite">
        <h1 className="text-xl font-semibold">{t(failed ? 'setUp.failed' : 'setUp.title')}</h1>
        {!failed && <p className="text-soft">{t('setUp.busy')}</p>}
        {token.current === null && <MissingToken />}
        {problem && (
          <ProblemNote problem={problem}>
            {problem.retryable && (
              <button type="button" className="button" onClick={() => void enter()}>
                {t('app.retry')}
              </button>
            )}
          </ProblemNote>
        )}
        {failed && (
          <Link to="/sign-in" className="button button-lamp">
            {t('setUp.toSignIn')}
          </Link>
        )}
      </div>
    </Door>
  );
}
