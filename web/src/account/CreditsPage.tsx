// The account's credits: the balance, what may be spent, and every movement with the balance after it and its task.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { cssVariables } from '../ui/css-variables.ts';
import { formatCredits, formatTime } from '../ui/format.ts';
import { useNow } from '../ui/ticker.ts';
import { accountTexts } from './account-text.ts';
import { Card, MoreButton, PageBody, Unread } from './PageBody.tsx';
import { type Entry, entriesQuery, spendingQuery } from './profile-api.ts';
import { creditsQuery } from './queries.ts';
import { TaskDialog } from './TaskDialog.tsx';

/** Whether a movement is more or less of what can be spent, or neither: what is charged had been held before. */
function signOf({ debit_book, credit_book }: Entry): 1 | -1 | 0 {
  if (credit_book === 'available') return 1;
  return debit_book === 'available' ? -1 : 0;
}

function Balance() {
  const { t, locale } = accountTexts.useText();
  const { data: credits, error, refetch } = useQuery(creditsQuery);
  if (error) return <Unread error={error} onRetry={() => void refetch()} />;
  if (!credits) return null;
  return (
    <dl className="sheet figures flex flex-wrap gap-x-12 gap-y-4 p-5 sm:p-6">
      <div>
        <dt className="eyebrow">{t('credits.available')}</dt>
        <dd className="text-3xl font-semibold">{formatCredits(credits.available_credits, locale)}</dd>
      </div>
      <div>
        <dt className="eyebrow">{t('credits.held')}</dt>
        <dd>
          <span className="block text-3xl font-semibold">{formatCredits(credits.held_credits, locale)}</span>
          <span className="text-sm text-soft">{t('credits.held.hint')}</span>
        </dd>
      </div>
    </dl>
  );
}

function SpendingRow({ name, spent, limit }: { name: string; spent: number; limit: number | null }) {
  const { t, locale } = accountTexts.useText();
  const amounts = {
    spent: formatCredits(spent, locale),
    limit: limit === null ? '' : formatCredits(limit, locale),
  };
  return (
    <div>
      <dt className="eyebrow">{name}</dt>
      <dd className="figures">
        {t(limit === null ? 'credits.noLimit' : 'credits.of', amounts)}
        {limit !== null && (
          <div className="mt-1.5 rounded-control bg-well" aria-hidden="true">
            <div
              className="bar"
              style={cssVariables({ '--part': String(limit === 0 ? 1 : Math.min(1, spent / limit)) })}
            />
          </div>
        )}
      </dd>
    </div>
  );
}

function SpendingCard() {
  const { t } = accountTexts.useText();
  const { data: spending, error, refetch } = useQuery(spendingQuery);
  return (
    <Card title={t('credits.limits')} lead={t('credits.limits.hint')}>
      {error && <Unread error={error} onRetry={() => void refetch()} />}
      {spending && (
        <dl className="grid gap-4 sm:grid-cols-2">
          <SpendingRow
            name={t('credits.today')}
            spent={spending.spent_today_credits}
            limit={spending.daily_limit_credits}
          />
          <SpendingRow
            name={t('credits.month')}
            spent={spending.spent_this_month_credits}
            limit={spending.monthly_limit_credits}
          />
        </dl>
      )}
    </Card>
  );
}

function EntryRow({ entry, onOpenTask }: { entry: Entry; onOpenTask(): void }) {
  const { t, locale } = accountTexts.useText();
  const nowMs = useNow();
  const sign = signOf(entry);
  const amount = formatCredits(entry.amount_credits, locale);
  return (
    <li className="flex items-start gap-4 border-t border-line py-3 first:border-t-0">
      <div className="min-w-0 grow">
        <p className="font-medium">{t(`credits.${entry.kind}`)}</p>
        {entry.reason && (
          <p className="text-sm text-soft">
            {entry.reason_code ? t(`credits.reason.${entry.reason_code}`) : entry.reason}
          </p>
        )}
        <p className="figures flex flex-wrap gap-x-2 text-sm text-soft">
          <time dateTime={entry.created_at}>{formatTime(Date.parse(entry.created_at), nowMs, locale)}</time>
          {entry.task_id && (
            <button type="button" className="underline underline-offset-4" onClick={onOpenTask}>
              {t('credits.task')}
            </button>
          )}
        </p>
      </div>
      <div className="figures shrink-0 text-right">
        <p className={`font-medium ${sign === 0 ? 'text-soft' : ''}`}>
          {sign > 0 ? '+' : sign < 0 ? '−' : ''}
          {amount}
        </p>
        <p className="text-sm text-soft">
          {t('credits.after', { amount: formatCredits(entry.available_credits_after, locale) })}
        </p>
      </div>
    </li>
  );
}

export function CreditsPage() {
  const { t } = accountTexts.useText();
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useInfiniteQuery(entriesQuery);
  const [taskId, setTaskId] = useState<string | null>(null);
  useRoomTitle(t('credits.title'));
  const entries = data?.pages.flatMap((page) => page.data);
  return (
    <PageBody title={t('credits.title')}>
      <Balance />
      <SpendingCard />
      <Card title={t('credits.history')}>
        {error && <Unread error={error} onRetry={() => void refetch()} />}
        {entries?.length === 0 && <p className="text-soft">{t('credits.none')}</p>}
        {entries && entries.length > 0 && (
          <ul className="-my-3">
            {entries.map((entry) => (
              <EntryRow key={entry.id} entry={entry} onOpenTask={() => setTaskId(entry.task_id)} />
            ))}
          </ul>
        )}
        <MoreButton hasMore={hasNextPage} isBusy={isFetchingNextPage} onMore={() => void fetchNextPage()} />
      </Card>
      {taskId !== null && <TaskDialog taskId={taskId} onClose={() => setTaskId(null)} />}
    </PageBody>
  );
}
