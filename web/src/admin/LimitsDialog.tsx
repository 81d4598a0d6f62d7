// What an account may spend and keep: daily and monthly credits, and megabytes of pictures. An empty field lifts a limit.
import { useState } from 'react';
import { call } from '../api/client.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import type { Spending, StorageUse } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Field } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

const BYTES_PER_MB = 1024 * 1024;
const textOf = (value: number | null) => (value === null ? '' : String(value));

interface LimitsDialogProps {
  accountId: string;
  spending: Spending | undefined;
  storage: StorageUse | undefined;
  onClose(): void;
}

export function LimitsDialog({ accountId, spending, storage, onClose }: LimitsDialogProps) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [daily, setDaily] = useState(textOf(spending?.daily_limit_credits ?? null));
  const [monthly, setMonthly] = useState(textOf(spending?.monthly_limit_credits ?? null));
  const ownBytes = storage?.own ? storage.quota_bytes : null;
  const [quota, setQuota] = useState(ownBytes === null ? '' : String(ownBytes / BYTES_PER_MB));
  const amount = (text: string) => (text.trim() === '' ? null : text.trim());
  const save = async () => {
    const limits = { account_id: accountId, daily_credits: amount(daily), monthly_credits: amount(monthly) };
    const done = await run(async () => {
      await call('PUT', 'v1/admin/credits/limits', { body: limits });
      const quotaMb = amount(quota);
      await call('PUT', `v1/admin/accounts/${accountId}/storage`, {
        body: { quota_mb: quotaMb === null ? null : Number(quotaMb) },
      });
    }, t('saved'));
    if (done) onClose();
  };
  const fields = [
    ['limits.daily', daily, setDaily],
    ['limits.monthly', monthly, setMonthly],
    ['limits.quota', quota, setQuota],
  ] as const;
  return (
    <Dialog
      title={t('limits.title')}
      onClose={onClose}
      footer={
        <button type="submit" form="limits" className="button button-lamp" aria-disabled={isBusy}>
          {t('save')}
        </button>
      }
    >
      <form
        id="limits"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <p className="text-sm text-soft">{t('limits.hint')}</p>
        {fields.map(([name, value, set]) => (
          <Field key={name} label={t(name)}>
            {(id) => (
              <input
                id={id}
                inputMode="decimal"
                className="field"
                value={value}
                onInput={(event) => set(event.currentTarget.value)}
              />
            )}
          </Field>
        ))}
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
