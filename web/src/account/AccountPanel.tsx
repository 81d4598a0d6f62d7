// What the account's panel shows: who is signed in, the balance in detail, further pages, language, appearance, sign out.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';
import { useState } from 'react';
import { apiUrl } from '../api/client.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { formatCredits } from '../ui/format.ts';
import { Icon } from '../ui/Icon.tsx';
import { LookChoices } from '../ui/LookChoices.tsx';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import type { AccountMenuProps } from './AccountMenu.tsx';
import { creditsQuery, removeSession, sessionQuery } from './queries.ts';

export interface AccountPanelProps extends AccountMenuProps {
  close(): void;
}

function SignOut() {
  const { t } = useText();
  const client = useQueryClient();
  const router = useRouter();
  const [problem, setProblem] = useState<Problem | null>(null);
  const signOut = async () => {
    try {
      await removeSession();
    } catch (error) {
      if (problemOf(error).status !== 401) return setProblem(problemOf(error));
    }
    client.clear();
    client.setQueryData(sessionQuery.queryKey, null);
    await router.invalidate();
  };
  return (
    <>
      {problem && <ProblemNote problem={problem} />}
      <button type="button" className="button" onClick={() => void signOut()}>
        {t('account.signOut')}
      </button>
    </>
  );
}

/** The pages that have no place in the navigation. */
function Links({ links, onShowKeys, close }: AccountPanelProps) {
  const { t } = useText();
  const router = useRouter();
  const { data: session } = useQuery(sessionQuery);
  const isAdmin = session?.scopes.includes('admin') === true;
  const row = 'menu-item -mx-3';
  return (
    <div className="flex flex-col">
      {links
        .filter((link) => isAdmin || !link.adminOnly)
        .map((link) => (
          <a
            key={link.to}
            className={row}
            href={router.buildLocation({ to: link.to }).href}
            onClick={(event) => {
              if (event.metaKey || event.ctrlKey || event.shiftKey) return;
              event.preventDefault();
              close();
              void router.navigate({ to: link.to });
            }}
          >
            <Icon name={link.icon} />
            {t(link.name)}
          </a>
        ))}
      <a className={row} href={apiUrl('docs')} target="_blank" rel="noreferrer">
        <Icon name="info" />
        {t('room.docs')}
      </a>
      <button
        type="button"
        className={row}
        onClick={() => {
          close();
          onShowKeys();
        }}
      >
        <Icon name="keyboard" />
        {t('keys.title')}
      </button>
    </div>
  );
}

export function AccountPanel(props: AccountPanelProps) {
  const { t, locale } = useText();
  const { data: session } = useQuery(sessionQuery);
  const { data: credits } = useQuery(creditsQuery);
  const amount = (value: number) => formatCredits(value, locale);
  return (
    <div className="flex flex-col gap-5">
      <p className="truncate text-base font-semibold">{session?.account.name}</p>
      {credits && (
        <dl className="figures grid grid-cols-[1fr_auto] gap-x-4 gap-y-1 text-sm">
          <dt className="text-soft">{t('account.available')}</dt>
          <dd className="text-right font-medium">{amount(credits.available_credits)}</dd>
          <dt className="text-soft">{t('account.held')}</dt>
          <dd className="text-right">{amount(credits.held_credits)}</dd>
        </dl>
      )}
      <Links {...props} />
      <LookChoices />
      {session?.secure_transport === false && <p className="text-sm text-soft">{t('signIn.http')}</p>}
      <SignOut />
    </div>
  );
}
