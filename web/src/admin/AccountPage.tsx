// One account: balance, limits and storage, its keys, its ledger, and disabling or ending it.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { problemOf } from '../api/problem.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { formatBytes, formatCredits } from '../ui/format.ts';
import { type ApiKey, answerOf, type Balance, pagesOf, type Spending, type StorageUse } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { CreditsDialog } from './CreditsDialog.tsx';
import { Ledger } from './Ledger.tsx';
import { LimitsDialog } from './LimitsDialog.tsx';
import { Ask, Facts, FailedNote, Heading, MorePages, Nothing, Section, When } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

function Keys({ accountId }: { accountId: string }) {
  const { t } = adminTexts.useText();
  const query = useInfiniteQuery(pagesOf<ApiKey>('v1/keys', {}, accountId));
  const [revoked, setRevoked] = useState<ApiKey | null>(null);
  const keys = query.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <Section title={t('keys.title.admin')}>
      {query.data && keys.length === 0 && <Nothing>{t('keys.none')}</Nothing>}
      {keys.length > 0 && (
        <ul className="sheet overflow-hidden">
          {keys.map((key) => (
            <li key={key.id} className="admin-row text-sm">
              <code className="font-mono text-xs">{key.prefix}…</code>
              <span className="min-w-0">
                <span className="font-medium">{key.name}</span>
                <span className="block text-soft">
                  {key.scopes.join(', ')} · {t('keys.lastUsed')}{' '}
                  {key.last_used_at ? <When at={key.last_used_at} /> : t('keys.never')}
                </span>
              </span>
              <button
                type="button"
                className="button button-quiet text-alarm"
                onClick={() => setRevoked(key)}
              >
                {t('keys.revoke')}
              </button>
            </li>
          ))}
        </ul>
      )}
      <MorePages query={query} />
      {revoked && (
        <Ask
          title={t('keys.revokeNamed', { name: revoked.name })}
          text={t('keys.revoke.hint')}
          label={t('keys.revokeNamed', { name: revoked.name })}
          done={t('keys.revoked')}
          isDanger
          action={() => call('DELETE', `v1/keys/${revoked.id}`, { accountId })}
          onClose={() => setRevoked(null)}
        />
      )}
    </Section>
  );
}

function EndAccount({ accountId }: { accountId: string }) {
  const { t } = adminTexts.useText();
  const action = useAdminAction();
  const [isEnding, setEnding] = useState(false);
  const path = `v1/admin/accounts/${accountId}`;
  const disable = (disabled: boolean) =>
    void action.run(() => call('PATCH', path, { body: { disabled } }), t('saved'));
  return (
    <Section title={t('account.end')}>
      <div className="flex flex-wrap gap-2">
        <button type="button" className="button" onClick={() => disable(true)}>
          {t('people.disable')}
        </button>
        <button type="button" className="button" onClick={() => disable(false)}>
          {t('people.enable')}
        </button>
        <button type="button" className="button text-alarm" onClick={() => setEnding(true)}>
          {t('account.remove')}
        </button>
      </div>
      {action.problem && <FailedNote problem={action.problem} />}
      {isEnding && (
        <Ask
          title={t('account.remove')}
          text={t('account.remove.hint')}
          label={t('account.remove')}
          done={t('account.removed')}
          isDanger
          action={() => call('DELETE', path)}
          onClose={() => setEnding(false)}
        />
      )}
    </Section>
  );
}

export function AccountPage() {
  const { t, locale } = adminTexts.useText();
  const { id = '' } = useParams({ strict: false }) as { id?: string };
  useRoomTitle(t('account.title'));
  const [open, setOpen] = useState<'credits' | 'limits' | null>(null);
  const balance = useQuery(answerOf<Balance>('v1/credits', id));
  const spending = useQuery(answerOf<Spending>('v1/credits/spending', id));
  const storage = useQuery(answerOf<StorageUse>(`v1/admin/accounts/${id}/storage`));
  const credits = (value: number) => formatCredits(value, locale);
  const limit = (value: number | null) => (value === null ? t('noLimit') : credits(value));
  const { data: spent } = spending;
  const { data: kept } = storage;
  return (
    <>
      <p className="mb-2 text-sm">
        <Link to="/admin/accounts" className="underline">
          {t('nav.accounts')}
        </Link>
      </p>
      <Heading title={t('account.title')}>
        <Link to="/admin/jobs" search={{ account: id }} className="button">
          {t('account.jobs')}
        </Link>
        <Link to="/admin/webhooks" search={{ q: id }} className="button">
          {t('nav.webhooks')}
        </Link>
        <button
          type="button"
          className="button"
          onClick={() => setOpen('limits')}
          aria-disabled={!spent || !kept}
        >
          {t('limits.title')}
        </button>
        <button type="button" className="button button-lamp" onClick={() => setOpen('credits')}>
          {t('credits.change')}
        </button>
      </Heading>
      <div className="sheet p-4">
        <p className="mb-3 font-mono text-xs break-all text-soft">{id}</p>
        {balance.data && (
          <Facts
            facts={[
              [t('account.available'), credits(balance.data.available_credits)],
              [t('account.held'), credits(balance.data.held_credits)],
              ...(spent
                ? [
                    [
                      t('account.spentToday'),
                      `${credits(spent.spent_today_credits)} / ${limit(spent.daily_limit_credits)}`,
                    ] as const,
                    [
                      t('account.spentMonth'),
                      `${credits(spent.spent_this_month_credits)} / ${limit(spent.monthly_limit_credits)}`,
                    ] as const,
                  ]
                : []),
              ...(kept
                ? [
                    [
                      t('account.storage'),
                      `${formatBytes(kept.used_bytes, locale)} / ${kept.quota_bytes === null ? t('noLimit') : formatBytes(kept.quota_bytes, locale)}`,
                    ] as const,
                  ]
                : []),
            ]}
          />
        )}
        {balance.error && <FailedNote problem={problemOf(balance.error)} />}
      </div>
      <Keys accountId={id} />
      <Ledger accountId={id} />
      <EndAccount accountId={id} />
      {open === 'credits' && <CreditsDialog accountId={id} onClose={() => setOpen(null)} />}
      {open === 'limits' && spent && kept && (
        <LimitsDialog accountId={id} spending={spent} storage={kept} onClose={() => setOpen(null)} />
      )}
    </>
  );
}
