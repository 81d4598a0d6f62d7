// A new password with the token of a reset link.
import { type FormEvent, useRef, useState } from 'react';
import { accountTexts } from './account-text.ts';
import { explainPerson, lacking, NewPasswordField } from './PersonForm.tsx';
import { resetPassword } from './sign-in-api.ts';
import { SubmissionNote, SubmitButton, useSubmission } from './submission.tsx';

interface ResetPasswordProps {
  token: string;
  minChars: number | undefined;
  onEntered(): Promise<void>;
}

export function ResetPassword({ token, minChars, onEntered }: ResetPasswordProps) {
  const { t } = accountTexts.useText();
  const [password, setPassword] = useState('');
  const [isChecked, setChecked] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const submission = useSubmission((problem) =>
    problem.status === 401 ? 'reset.over' : explainPerson(problem),
  );
  const send = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (lacking(password, minChars) > 0) return field.current?.focus();
    void submission.submit(async () => {
      await resetPassword({ token, password });
      await onEntered();
    });
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={send} noValidate>
      <p className="text-soft">{t('reset.lead')}</p>
      <NewPasswordField
        value={password}
        onChange={setPassword}
        minChars={minChars}
        isChecked={isChecked}
        field={field}
      />
      <SubmissionNote submission={submission} />
      <SubmitButton submission={submission}>{t('reset.submit')}</SubmitButton>
    </form>
  );
}
