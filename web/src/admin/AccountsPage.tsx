// All accounts, newest first, a new one, and the check of the whole ledger.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { type Account, pagesOf } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, FailedNote, Field, Heading, MorePages, Nothing, State, When } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

interface LedgerCheck {
  ok: boolean;
  accounts: number;
  entries: number;
  findings: { rule: string; table: string; row_id: string | null; problem: string }[];
}

function LedgerResult({ check }: { check: LedgerCheck }) {
  const { t } = adminTexts.useText();
  const { ok, accounts, entries, findings } = check;
  return (
    <div className="sheet mb-4 p-4" role="status">
      <State tone={ok ? 'calm' : 'alarm'}>
        {ok ? t('ledger.ok', { accounts, entries }) : t('ledger.broken', { count: findings.length })}
      </State>
      <ul className="text-sm">
        {findings.map((finding) => (
          <li key={finding.rule + finding.row_id}>
            {finding.rule} · {finding.table} {finding.row_id}: {finding.problem}
          </li>
        ))}
      </ul>
    </div>
  );
}

function NewAccount({ onClose }: { onClose(): void }) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [name, setName] = useState('');
  return (
    <Dialog
      title={t('accounts.new')}
      onClose={onClose}
      footer={
        <button type="submit" form="new-account" className="button button-lamp" aria-disabled={isBusy}>
          {t('accounts.create')}
        </button>
      }
    >
      <form
        id="new-account"
        onSubmit={async (event) => {
          event.preventDefault();
          if (await run(() => call('POST', 'v1/admin/accounts', { body: { name } }), t('accounts.created')))
            onClose();
        }}
      >
        <Field label={t('name')} hint={t('accounts.new.hint')}>
          {(id) => (
            <input
              id={id}
              required
              className="field"
              value={name}
              onInput={(event) => setName(event.currentTarget.value)}
            />
          )}
        </Field>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}

export function AccountsPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.accounts'));
  const [isMaking, setMaking] = useState(false);
  const [check, setCheck] = useState<LedgerCheck | null>(null);
  const verify = useAdminAction();
  const query = useInfiniteQuery(pagesOf<Account>('v1/admin/accounts'));
  const accounts = query.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <Heading title={t('nav.accounts')} lead={t('accounts.lead')}>
        <button
          type="button"
          className="button"
          aria-disabled={verify.isBusy}
          onClick={() =>
            void verify.run(async () => setCheck(await call<LedgerCheck>('GET', 'v1/admin/credits/verify')))
          }
        >
          {t('ledger.verify')}
        </button>
        <button type="button" className="button button-lamp" onClick={() => setMaking(true)}>
          {t('accounts.new')}
        </button>
      </Heading>
      {verify.problem && <FailedNote problem={verify.problem} />}
      {check && <LedgerResult check={check} />}
      <Answered query={query}>
        {() =>
          accounts.length === 0 ? (
            <Nothing>{t('accounts.none')}</Nothing>
          ) : (
            <ul className="sheet overflow-hidden">
              {accounts.map((account) => (
                <li key={account.id} className="admin-row">
                  <State tone={account.disabled ? 'off' : 'calm'}>
                    {t(account.disabled ? 'people.disabled' : 'people.active')}
                  </State>
                  <span className="min-w-0">
                    <Link
                      to="/admin/accounts/$id"
                      params={{ id: account.id }}
                      className="card-link font-medium"
                    >
                      {account.name}
                    </Link>
                    <code className="block truncate font-mono text-xs text-soft">{account.id}</code>
                  </span>
                  <span className="text-sm text-soft">
                    {account.role === 'admin' && `${t('role.admin')} · `}
                    <When at={account.created_at} />
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Answered>
      <MorePages query={query} />
      {isMaking && <NewAccount onClose={() => setMaking(false)} />}
    </>
  );
}
