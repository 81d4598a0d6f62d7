// Choosing how to sign in from now on: a user name, where wanted an e-mail address, and a password.
import { type FormEvent, type Ref, useRef, useState } from 'react';
import type { Problem } from '../api/problem.ts';
import { accountTexts } from './account-text.ts';
import { Field } from './Field.tsx';
import { type Explanation, SubmissionNote, SubmitButton, useSubmission } from './submission.tsx';

export interface Person {
  username: string;
  email?: string;
  password: string;
}

export const MAX_USERNAME_CHARS = 40;
export const MAX_EMAIL_CHARS = 254;
export const MAX_PASSWORD_CHARS = 200;
/** Until the server has said its own. */
const USUAL_MIN_CHARS = 10;

/** What a refusal of a new person or password means. */
export function explainPerson(problem: Problem): Explanation | null {
  if (problem.fields.some(({ pointer }) => pointer === '/password')) return 'person.weak';
  // Other conflicts, such as an account that was closed, say themselves what they are.
  return problem.code === 'conflict' && /has this user name/.test(problem.detail ?? '')
    ? 'person.taken'
    : null;
}

interface NewPasswordProps {
  value: string;
  onChange(value: string): void;
  minChars: number | undefined;
  /** The form was sent. */
  isChecked: boolean;
  field?: Ref<HTMLInputElement>;
}

/** How many characters a password still lacks. */
export const lacking = (password: string, minChars = USUAL_MIN_CHARS) =>
  Math.max(0, minChars - [...password.normalize('NFKC')].length);

export function NewPasswordField({ value, onChange, minChars, isChecked, field }: NewPasswordProps) {
  const { t } = accountTexts.useText();
  const missing = lacking(value, minChars);
  return (
    <Field
      id="new-password"
      label={t('person.newPassword')}
      value={value}
      onChange={onChange}
      isSecret
      autoComplete="new-password"
      maxLength={MAX_PASSWORD_CHARS}
      hint={t('person.newPassword.hint', { n: minChars ?? USUAL_MIN_CHARS })}
      fault={isChecked && missing > 0 ? t('person.short', { n: missing }) : null}
      {...(field ? { field } : {})}
    />
  );
}

interface PersonFormProps {
  minChars: number | undefined;
  submitLabel: string;
  /** Offers a field for an e-mail address. */
  asksEmail?: boolean;
  /** An e-mail address is given already, so that the user name may stay empty. */
  hasEmail?: boolean;
  onSubmit(person: Person): Promise<unknown>;
  explain?(problem: Problem): Explanation | null;
}

export function PersonForm(props: PersonFormProps) {
  const { t } = accountTexts.useText();
  const [username, setUsername] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [isChecked, setChecked] = useState(false);
  const usernameField = useRef<HTMLInputElement>(null);
  const passwordField = useRef<HTMLInputElement>(null);
  const submission = useSubmission((problem) => props.explain?.(problem) ?? explainPerson(problem));
  const needsUsername = !props.hasEmail && username.trim() === '';
  const send = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (needsUsername) return usernameField.current?.focus();
    if (lacking(password, props.minChars) > 0) return passwordField.current?.focus();
    const address = email.trim();
    void submission.submit(() =>
      props.onSubmit({ username: username.trim(), password, ...(address === '' ? {} : { email: address }) }),
    );
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={send} noValidate>
      <Field
        id="username"
        label={t('person.username')}
        value={username}
        onChange={setUsername}
        autoComplete="username"
        maxLength={MAX_USERNAME_CHARS}
        hint={t('person.username.hint')}
        fault={isChecked && needsUsername ? t('door.empty.username') : null}
        isOptional={props.hasEmail ?? false}
        field={usernameField}
      />
      {props.asksEmail && (
        <Field
          label={t('person.email')}
          value={email}
          onChange={setEmail}
          autoComplete="email"
          isEmail
          maxLength={MAX_EMAIL_CHARS}
          hint={t('person.email.hint')}
          isOptional
        />
      )}
      <NewPasswordField
        value={password}
        onChange={setPassword}
        minChars={props.minChars}
        isChecked={isChecked}
        field={passwordField}
      />
      <SubmissionNote submission={submission} />
      <SubmitButton submission={submission}>{props.submitLabel}</SubmitButton>
    </form>
  );
}
