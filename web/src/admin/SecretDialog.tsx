// Sets a provider's credential: it is tried at the provider before it counts, and never shown again.
import { useState } from 'react';
import { call } from '../api/client.ts';
import { Dialog } from '../ui/Dialog.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { adminTexts } from './admin-text.ts';
import { Field } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

interface SecretDialogProps {
  provider: string;
  /** Names of its secrets; the first is asked for. */
  fields: readonly string[];
  onClose(): void;
}

export function SecretDialog({ provider, fields, onClose }: SecretDialogProps) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [field, setField] = useState(fields[0] ?? '');
  const [value, setValue] = useState('');
  const [unchecked, setUnchecked] = useState(false);
  const save = async () => {
    if (value === '') return;
    const body = { value, unchecked, ...(field === '' ? {} : { field }) };
    const path = `v1/admin/providers/${encodeURIComponent(provider)}/secret`;
    if (await run(() => call('PUT', path, { body }), t('secret.done'))) onClose();
  };
  return (
    <Dialog
      title={t('secret.title', { provider })}
      onClose={onClose}
      footer={
        <button type="submit" form="secret" className="button button-lamp" aria-disabled={isBusy}>
          {isBusy ? t('secret.trying') : t('secret.save')}
        </button>
      }
    >
      <form
        id="secret"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <p className="text-sm text-soft">{t('secret.lead')}</p>
        {fields.length > 1 && (
          <Field label={t('secret.field')}>
            {(id) => (
              <select
                id={id}
                className="field"
                value={field}
                onChange={(event) => setField(event.currentTarget.value)}
              >
                {fields.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Field label={t('secret.value')} hint={t('secret.value.hint')}>
          {(id) => (
            <input
              id={id}
              type="password"
              autoComplete="off"
              className="field font-mono"
              value={value}
              onInput={(event) => setValue(event.currentTarget.value)}
            />
          )}
        </Field>
        <label className="flex min-h-11 items-center gap-3">
          <input type="checkbox" checked={unchecked} onChange={() => setUnchecked(!unchecked)} />
          {t('secret.unchecked')}
        </label>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
