// Changing the own password, or setting the first one.
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import type { Problem } from '../api/problem.ts';
import { showToast } from '../ui/toast.tsx';
import { accountTexts } from './account-text.ts';
import { Field } from './Field.tsx';
import { Card } from './PageBody.tsx';
import { explainPerson, lacking, MAX_PASSWORD_CHARS, NewPasswordField } from './PersonForm.tsx';
import { changePassword, type User } from './profile-api.ts';
import { SubmissionNote, SubmitButton, useSubmission } from './submission.tsx';

const isWrongCurrent = (problem: Problem | null) =>
  problem?.fields.some(({ pointer }) => pointer === '/current_password') === true;

export function PasswordCard({ user, minChars }: { user: User; minChars: number | undefined }) {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [isChecked, setChecked] = useState(false);
  const currentField = useRef<HTMLInputElement>(null);
  const newField = useRef<HTMLInputElement>(null);
  const submission = useSubmission(explainPerson);
  const needsCurrent = user.has_password && current === '';
  const isWrong = isWrongCurrent(submission.problem);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (needsCurrent) return currentField.current?.focus();
    if (lacking(password, minChars) > 0) return newField.current?.focus();
    const isDone = await submission.submit(() =>
      changePassword(client, { password, ...(user.has_password ? { current_password: current } : {}) }),
    );
    if (!isDone) return currentField.current?.focus();
    setCurrent('');
    setPassword('');
    setChecked(false);
    showToast({ text: t('password.done') });
  };
  const fault = isChecked && needsCurrent ? t('password.current.empty') : null;
  return (
    <Card title={t('password.title')} lead={t(user.has_password ? 'password.lead' : 'password.lead.none')}>
      <form className="flex flex-col gap-4" onSubmit={(event) => void send(event)} noValidate>
        {/* Password managers file the new password under it. */}
        <input
          type="text"
          autoComplete="username"
          value={user.username ?? user.email ?? ''}
          readOnly
          hidden
        />
        {user.has_password && (
          <Field
            id="current-password"
            label={t('password.current')}
            value={current}
            onChange={(value) => {
              submission.clear();
              setCurrent(value);
            }}
            isSecret
            autoComplete="current-password"
            maxLength={MAX_PASSWORD_CHARS}
            fault={isWrong ? t('password.current.wrong') : fault}
            field={currentField}
          />
        )}
        <NewPasswordField
          value={password}
          onChange={setPassword}
          minChars={minChars}
          isChecked={isChecked}
          field={newField}
        />
        {!isWrong && <SubmissionNote submission={submission} />}
        <SubmitButton submission={submission} className="button self-start">
          {t('password.set')}
        </SubmitButton>
      </form>
    </Card>
  );
}
