// Signing in with a user name or an e-mail address and a password.
import { type FormEvent, useLayoutEffect, useRef, useState } from 'react';
import { accountTexts } from './account-text.ts';
import { Field } from './Field.tsx';
import { MAX_EMAIL_CHARS, MAX_PASSWORD_CHARS } from './PersonForm.tsx';
import { createSession } from './queries.ts';
import { SubmissionNote, SubmitButton, useSubmission } from './submission.tsx';

export function PasswordSignIn({ onEntered }: { onEntered(): Promise<void> }) {
  const { t } = accountTexts.useText();
  const [login, setLogin] = useState('');
  const [password, setPassword] = useState('');
  const [isChecked, setChecked] = useState(false);
  const loginField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const submission = useSubmission(({ status }) => (status === 401 ? 'door.wrong' : null));
  useLayoutEffect(() => loginField.current?.focus(), []);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (login.trim() === '') return loginField.current?.focus();
    if (password === '') return passwordField.current?.focus();
    const isIn = await submission.submit(async () => {
      await createSession({ login: login.trim(), password });
      await onEntered();
    });
    if (!isIn) passwordField.current?.focus();
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={(event) => void send(event)} noValidate>
      <Field
        id="login"
        label={t('door.login')}
        value={login}
        onChange={setLogin}
        autoComplete="username"
        maxLength={MAX_EMAIL_CHARS}
        fault={isChecked && login.trim() === '' ? t('door.empty.login') : null}
        field={loginField}
      />
      <Field
        id="password"
        label={t('door.password')}
        value={password}
        onChange={setPassword}
        isSecret
        autoComplete="current-password"
        maxLength={MAX_PASSWORD_CHARS}
        fault={isChecked && password === '' ? t('door.empty.password') : null}
        field={passwordField}
      />
      <SubmissionNote submission={submission} />
      <SubmitButton submission={submission}>{t('door.enter')}</SubmitButton>
    </form>
  );
}
