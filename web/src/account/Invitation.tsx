// The page of an invitation: what it is for, and a login and a password of the own, or a sign-in elsewhere, to accept it.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useCallback, useEffect, useRef, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { formatTime } from '../ui/format.ts';
import { accountTexts } from './account-text.ts';
import { Door } from './Door.tsx';
import { PersonForm } from './PersonForm.tsx';
import {
  acceptAs,
  type Invitation,
  prepareElsewhere,
  readInvitation,
  signInOptionsQuery,
  takeFromFragment,
  useEnter,
} from './sign-in-api.ts';
import { ExplainedProblem, SubmissionNote, useSubmission } from './submission.tsx';

function Offer({ invitation }: { invitation: Invitation }) {
  const { t, locale } = accountTexts.useText();
  const { role, email, joins_account, expires_at } = invitation;
  return (
    <ul className="flex flex-col gap-1 text-soft">
      <li>{t(joins_account ? 'invite.joins' : 'invite.account')}</li>
      {role === 'admin' && <li>{t('invite.admin')}</li>}
      {email !== null && <li>{t('invite.for', { email })}</li>}
      <li>{t('invite.until', { time: formatTime(Date.parse(expires_at), Date.now(), locale) })}</li>
    </ul>
  );
}

function Acceptance({ token, invitation }: { token: string; invitation: Invitation }) {
  const { t } = accountTexts.useText();
  const { data: options } = useQuery(signInOptionsQuery);
  const enter = useEnter();
  const elsewhere = useSubmission();
  return (
    <>
      <Offer invitation={invitation} />
      <PersonForm
        minChars={options?.password_min_chars}
        hasEmail={invitation.email !== null}
        submitLabel={t('invite.submit')}
        explain={({ status }) => (status === 401 ? 'invite.over' : null)}
        onSubmit={async ({ username, password }) => {
          await acceptAs({ token, password, ...(username === '' ? {} : { username }) });
          await enter('/');
        }}
      />
      {options?.oidc && (
        <>
          <p className="text-center text-sm text-soft">{t('door.or')}</p>
          <SubmissionNote submission={elsewhere} />
          <button
            type="button"
            className="button"
            aria-disabled={elsewhere.isBusy}
            onClick={() =>
              void elsewhere.submit(async () =>
                location.assign(await prepareElsewhere({ invitation: token })),
              )
            }
          >
            {t('invite.elsewhere', { name: options.oidc.name })}
          </button>
        </>
      )}
    </>
  );
}

export function InvitationPage() {
  const { t } = accountTexts.useText();
  const token = useRef<string | null | undefined>(undefined);
  if (token.current === undefined) token.current = takeFromFragment('token');
  const given = token.current;
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const [problem, setProblem] = useState<Problem | null>(
    given === null ? { ...problemOf(null), status: 401 } : null,
  );
  const check = useCallback(async () => {
    if (given === null) return;
    setProblem(null);
    await readInvitation(given).then(setInvitation, (error) => setProblem(problemOf(error)));
  }, [given]);
  useEffect(() => void check(), [check]);
  useEffect(() => {
    document.title = `${t('invite.title')} · Drawbridge`;
  }, [t]);
  return (
    <Door progress={invitation || problem ? 0 : null}>
      <div className="sheet flex flex-col gap-4 p-6" aria-live="polite">
        <h1 className="text-xl font-semibold">{t('invite.title')}</h1>
        {!invitation && !problem && <p className="text-soft">{t('invite.checking')}</p>}
        {invitation && given !== null && <Acceptance token={given} invitation={invitation} />}
        {problem && (
          <>
            <ExplainedProblem problem={problem} explanation={problem.status === 401 ? 'invite.over' : null} />
            {problem.retryable && (
              <button type="button" className="button" onClick={() => void check()}>
                {t('app.retry')}
              </button>
            )}
            <Link to="/sign-in" className="button">
              {t('signIn.title')}
            </Link>
          </>
        )}
      </div>
    </Door>
  );
}
