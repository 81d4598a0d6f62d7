// Moves credits of an account: a grant or a correction, each with its reason; a repeated press moves them once.
import { useState } from 'react';
import { call } from '../api/client.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { randomUuid } from '../ui/random-id.ts';
import { adminTexts } from './admin-text.ts';
import { Field } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

const KINDS = ['grant', 'add', 'remove'] as const;
type Kind = (typeof KINDS)[number];

export function CreditsDialog({ accountId, onClose }: { accountId: string; onClose(): void }) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [kind, setKind] = useState<Kind>('grant');
  const [credits, setCredits] = useState('');
  const [reason, setReason] = useState('');
  const [key] = useState(randomUuid);
  const save = async () => {
    const shared = { account_id: accountId, credits: credits.trim(), reason, idempotency_key: key };
    const done = await run(
      () =>
        kind === 'grant'
          ? call('POST', 'v1/admin/credits/grants', { body: shared })
          : call('POST', 'v1/admin/credits/corrections', { body: { ...shared, direction: kind } }),
      t('credits.done'),
    );
    if (done) onClose();
  };
  return (
    <Dialog
      title={t('credits.change')}
      onClose={onClose}
      footer={
        <button type="submit" form="credits" className="button button-lamp" aria-disabled={isBusy}>
          {t(`credits.do.${kind}`, { amount: credits.trim() === '' ? '…' : credits.trim() })}
        </button>
      }
    >
      <form
        id="credits"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field label={t('credits.kind')}>
          {(id) => (
            <select
              id={id}
              className="field"
              value={kind}
              onChange={(event) => setKind(event.currentTarget.value as Kind)}
            >
              {KINDS.map((one) => (
                <option key={one} value={one}>
                  {t(`credits.kind.${one}`)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field label={t('credits')}>
          {(id) => (
            <input
              id={id}
              required
              inputMode="decimal"
              className="field"
              value={credits}
              onInput={(event) => setCredits(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={t('credits.reason')} hint={t('credits.reason.hint')}>
          {(id) => (
            <input
              id={id}
              required
              className="field"
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          )}
        </Field>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
