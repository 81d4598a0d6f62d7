// Signing in with an API key: exchanged for a session here, or, for another server, kept on this device as its proof.
import { type FormEvent, useRef, useState } from 'react';
import { otherServer, saveOtherServer } from '../settings/api-address.ts';
import { testKey } from '../settings/server-test.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { accountTexts } from './account-text.ts';
import { Field } from './Field.tsx';
import { createSession } from './queries.ts';
import { SubmissionNote, SubmitButton, useSubmission } from './submission.tsx';

const KEY_COMMAND = 'npx drawbridge keys create';

function WhereFrom() {
  const { t } = accountTexts.useText();
  return (
    <div className="flex flex-col gap-2 text-sm text-soft">
      <p>{t('signIn.help.command')}</p>
      <div className="flex items-center gap-1 rounded-control bg-well pl-3">
        <code className="grow font-mono text-ink">{KEY_COMMAND}</code>
        <CopyButton text={KEY_COMMAND}>{t('app.copy')}</CopyButton>
      </div>
    </div>
  );
}

export function KeySignIn({ onEntered }: { onEntered(): Promise<void> }) {
  const { t } = accountTexts.useText();
  const other = otherServer();
  const [key, setKey] = useState('');
  const [isEmpty, setEmpty] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const submission = useSubmission(({ status }) => (status === 401 ? 'door.key.wrong' : null));
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const apiKey = key.trim();
    setEmpty(apiKey === '');
    if (apiKey === '') return field.current?.focus();
    const isIn = await submission.submit(async () => {
      if (other) {
        await testKey(other.url, apiKey);
        saveOtherServer({ ...other, key: apiKey });
      } else {
        await createSession({ api_key: apiKey });
      }
      await onEntered();
    });
    if (!isIn) field.current?.focus();
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => void send(event)} noValidate>
      <p className="text-sm text-soft">{t(other ? 'server.key.hint' : 'door.key.lead')}</p>
      <Field
        id="api-key"
        label={t('signIn.key')}
        value={key}
        onChange={setKey}
        isSecret
        isMono
        autoComplete="off"
        hint={t('signIn.key.hint')}
        fault={isEmpty && key.trim() === '' ? t('signIn.key.empty') : null}
        field={field}
      />
      <SubmissionNote submission={submission} />
      <SubmitButton submission={submission} className={other ? 'button button-lamp' : 'button'}>
        {t('signIn.submit')}
      </SubmitButton>
      {!other && <WhereFrom />}
    </form>
  );
}
