// Where the person is signed in: each session can be ended, or all but this one.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { announce } from '../ui/announce.tsx';
import { formatTime } from '../ui/format.ts';
import { useNow } from '../ui/ticker.ts';
import { accountTexts } from './account-text.ts';
import { browserNames } from './browser-name.ts';
import { Card, Unread } from './PageBody.tsx';
import { endSessions, type OwnSession, sessionsQuery } from './profile-api.ts';
import { SubmissionNote, useSubmission } from './submission.tsx';

function useSessionName(): (session: OwnSession) => string {
  const { t } = accountTexts.useText();
  return ({ user_agent }) => {
    const { browser, system } = browserNames(user_agent);
    if (browser === null) return t('sessions.unknown');
    return system === null ? browser : t('sessions.on', { browser, system });
  };
}

function SessionEntry({ session, onEnd }: { session: OwnSession; onEnd(): void }) {
  const { t, locale } = accountTexts.useText();
  const nowMs = useNow();
  const name = useSessionName()(session);
  const time = (text: string) => formatTime(Date.parse(text), nowMs, locale);
  const facts = [
    t('sessions.facts', { since: time(session.created_at), used: time(session.last_used_at) }),
    ...(session.address === null ? [] : [t('sessions.from', { address: session.address })]),
  ];
  return (
    <li className="flex items-center gap-4 border-t border-line py-3 first:border-t-0">
      <div className="min-w-0 grow">
        <p className="font-medium">
          {name}
          {session.current && <span className="font-normal text-soft"> · {t('sessions.current')}</span>}
        </p>
        <p className="figures text-sm text-soft">{facts.join(' · ')}</p>
      </div>
      {!session.current && (
        <button
          type="button"
          className="button button-quiet"
          aria-label={t('sessions.end.name', { browser: name })}
          onClick={onEnd}
        >
          {t('sessions.end')}
        </button>
      )}
    </li>
  );
}

export function Sessions() {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const { data: sessions, error, refetch } = useQuery(sessionsQuery);
  const submission = useSubmission();
  const end = async (ended: readonly OwnSession[]) => {
    const isDone = await submission.submit(() =>
      endSessions(
        client,
        ended.map(({ id }) => id),
      ),
    );
    if (isDone) announce(t('sessions.ended', { n: ended.length }));
  };
  const others = sessions?.filter(({ current }) => !current) ?? [];
  return (
    <Card
      title={t('sessions.title')}
      action={
        others.length > 1 && (
          <button
            type="button"
            className="button"
            aria-disabled={submission.isBusy}
            onClick={() => void end(others)}
          >
            {t('sessions.endAll')}
          </button>
        )
      }
    >
      {error && <Unread error={error} onRetry={() => void refetch()} />}
      <SubmissionNote submission={submission} />
      {sessions && (
        <ul className="-my-3">
          {sessions.map((session) => (
            <SessionEntry key={session.id} session={session} onEnd={() => void end([session])} />
          ))}
        </ul>
      )}
    </Card>
  );
}
