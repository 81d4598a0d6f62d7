// Opening an account, where the server takes registrations.
import { accountTexts } from './account-text.ts';
import { PersonForm } from './PersonForm.tsx';
import { registerAs } from './sign-in-api.ts';

interface RegisterProps {
  minChars: number | undefined;
  onEntered(): Promise<void>;
}

export function Register({ minChars, onEntered }: RegisterProps) {
  const { t } = accountTexts.useText();
  return (
    <PersonForm
      minChars={minChars}
      asksEmail
      submitLabel={t('door.register')}
      onSubmit={async (person) => {
        await registerAs(person);
        await onEntered();
      }}
    />
  );
}
