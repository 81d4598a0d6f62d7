// The sign-in page: the ways in that the server offers, the page of a reset link, and what went wrong on the way back from
// signing in elsewhere. Whoever was sent here comes back to the same place.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { otherServer } from '../settings/api-address.ts';
import { Icon } from '../ui/Icon.tsx';
import { accountTexts } from './account-text.ts';
import { Door } from './Door.tsx';
import { KeySignIn } from './KeySignIn.tsx';
import { PasswordSignIn } from './PasswordSignIn.tsx';
import { signInElsewhereUrl, wasSignedIn } from './queries.ts';
import { Register } from './Register.tsx';
import { ResetPassword } from './ResetPassword.tsx';
import { type SignInOptions, signInOptionsQuery, takeFromFragment, useEnter } from './sign-in-api.ts';
import { ExplainedProblem, type Explanation } from './submission.tsx';

const signInRoute = getRouteApi('/sign-in');

/** What `/sign-in#error=…` may say. */
const ELSEWHERE_ERRORS: Readonly<Record<string, Explanation>> = {
  oidc_stale: 'oidc.oidc_stale',
  oidc_refused: 'oidc.oidc_refused',
  oidc_unknown: 'oidc.oidc_unknown',
  oidc_not_allowed: 'oidc.oidc_not_allowed',
  oidc_taken: 'oidc.oidc_taken',
  oidc_unavailable: 'oidc.oidc_unavailable',
  disabled: 'oidc.disabled',
  invitation_over: 'oidc.invitation_over',
};

function elsewhereProblem(code: string): { problem: Problem; explanation: Explanation } {
  return {
    problem: { ...problemOf(null), detail: null },
    explanation: ELSEWHERE_ERRORS[code] ?? 'oidc.oidc_refused',
  };
}

function isPlainHttp(): boolean {
  return location.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);
}

/** Below the card: what helps those who cannot sign in. */
function Help({ options }: { options: SignInOptions | undefined }) {
  const { t } = accountTexts.useText();
  return (
    <section className="flex flex-col items-start gap-2 text-sm text-soft">
      {options?.setup_done === false ? <p>{t('door.setUp')}</p> : <p>{t('door.forgotten')}</p>}
      {isPlainHttp() && <p>{t('signIn.http')}</p>}
      <Link to="/settings/server" className="button button-quiet -ml-2.5">
        {t('door.server')}
      </Link>
    </section>
  );
}

/** The ways in, the own ones first. */
function WaysIn({ options, next }: { options: SignInOptions | undefined; next: string }) {
  const { t } = accountTexts.useText();
  const enter = useEnter();
  const [registers, setRegisters] = useState(false);
  const onEntered = () => enter(next);
  return (
    <>
      <h1 className="text-xl font-semibold">{t(registers ? 'door.register' : 'signIn.title')}</h1>
      {!registers && wasSignedIn() && <p className="text-soft">{t('door.ended')}</p>}
      {registers ? (
        <Register minChars={options?.password_min_chars} onEntered={onEntered} />
      ) : (
        <PasswordSignIn onEntered={onEntered} />
      )}
      {options?.oidc && (
        <>
          <p className="text-center text-sm text-soft">{t('door.or')}</p>
          <a className="button" href={signInElsewhereUrl(next)}>
            {t('door.elsewhere', { name: options.oidc.name })}
          </a>
        </>
      )}
      {options?.registration && (
        <button type="button" className="button button-quiet" onClick={() => setRegisters(!registers)}>
          {t(registers ? 'door.toSignIn' : 'door.toRegister')}
        </button>
      )}
      {!registers && (
        <details className="group border-t border-line pt-2">
          <summary className="flex min-h-11 items-center gap-2 text-sm font-medium text-soft">
            <Icon name="down" className="size-4.5 group-open:rotate-180" />
            {t('door.key')}
          </summary>
          <div className="pt-2">
            <KeySignIn onEntered={onEntered} />
          </div>
        </details>
      )}
    </>
  );
}

function OtherServerSignIn({ address, next }: { address: string; next: string }) {
  const { t } = accountTexts.useText();
  // A page keeps the server and key it was loaded with.
  const load = async () => location.assign(new URL(`.${next}`, document.baseURI));
  return (
    <>
      <h1 className="text-xl font-semibold">{t('signIn.title')}</h1>
      <p className="text-soft">
        {t('server.signIn.lead')} <span className="text-ink">{address}</span>
      </p>
      <KeySignIn onEntered={load} />
    </>
  );
}

/** The server did not say what it offers: nothing answers, or something that is no Drawbridge. */
function NoServer({ problem, onRetry }: { problem: Problem; onRetry(): void }) {
  const { t } = accountTexts.useText();
  return (
    <div role="alert" className="flex flex-col gap-4">
      <h1 className="text-xl font-semibold">{t('signIn.title')}</h1>
      <ExplainedProblem
        problem={problem}
        explanation={problem.code === 'unknown' && problem.status < 500 ? 'door.noServer' : null}
      />
      <div className="flex flex-wrap gap-2">
        <button type="button" className="button" onClick={onRetry}>
          {t('app.retry')}
        </button>
        <Link to="/settings/server" className="button">
          {t('door.server')}
        </Link>
      </div>
    </div>
  );
}

export function SignIn() {
  const { t } = accountTexts.useText();
  const { next = '/' } = signInRoute.useSearch();
  const enter = useEnter();
  const { data: options, error, refetch } = useQuery(signInOptionsQuery);
  // Taken once: they leave the address bar.
  const fragment = useRef<{ reset: string | null; error: string | null } | null>(null);
  fragment.current ??= { reset: takeFromFragment('reset'), error: takeFromFragment('error') };
  const { reset, error: elsewhereError } = fragment.current;
  const other = otherServer();
  useEffect(() => {
    document.title = `${t(reset === null ? 'signIn.title' : 'reset.title')} · Drawbridge`;
  }, [t, reset]);
  return (
    <Door progress={0}>
      <div className="sheet flex flex-col gap-4 p-6">
        {reset !== null && (
          <>
            <h1 className="text-xl font-semibold">{t('reset.title')}</h1>
            <ResetPassword
              token={reset}
              minChars={options?.password_min_chars}
              onEntered={() => enter('/')}
            />
          </>
        )}
        {elsewhereError !== null && (
          <div role="alert">
            <ExplainedProblem {...elsewhereProblem(elsewhereError)} />
          </div>
        )}
        {reset === null && error && <NoServer problem={problemOf(error)} onRetry={() => void refetch()} />}
        {reset === null && !error && other && <OtherServerSignIn address={other.url} next={next} />}
        {reset === null && !error && !other && <WaysIn options={options} next={next} />}
      </div>
      {reset === null && !error && <Help options={options} />}
    </Door>
  );
}
