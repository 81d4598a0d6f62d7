// The account's first page: who the person is, the password, and where they are signed in.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { otherServer } from '../settings/api-address.ts';
import { formatTime } from '../ui/format.ts';
import { showToast } from '../ui/toast.tsx';
import { accountTexts } from './account-text.ts';
import { askForLogin } from './ask-for-login.ts';
import { Field } from './Field.tsx';
import { Card, PageBody, Unread } from './PageBody.tsx';
import { PasswordCard } from './PasswordCard.tsx';
import { explainPerson, MAX_EMAIL_CHARS, MAX_USERNAME_CHARS, PersonForm } from './PersonForm.tsx';
import { becomePerson, profileQuery, saveProfile, type User } from './profile-api.ts';
import { Sessions } from './Sessions.tsx';
import { prepareElsewhere, signInOptionsQuery } from './sign-in-api.ts';
import { SubmissionNote, SubmitButton, useSubmission } from './submission.tsx';

const MAX_NAME_CHARS = 100;

function PersonCard({ user }: { user: User }) {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const [name, setName] = useState(user.name);
  const [username, setUsername] = useState(user.username ?? '');
  const [email, setEmail] = useState(user.email ?? '');
  const submission = useSubmission(explainPerson);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    const isDone = await submission.submit(() =>
      saveProfile(client, {
        ...(name.trim() === '' ? {} : { name: name.trim() }),
        username: username.trim() || null,
        email: email.trim() || null,
      }),
    );
    if (isDone) showToast({ text: t('account.saved') });
  };
  return (
    <Card title={user.name} lead={t(`account.role.${user.role}`)}>
      <form className="flex flex-col gap-4" onSubmit={(event) => void send(event)} noValidate>
        <Field
          label={t('person.name')}
          value={name}
          onChange={setName}
          autoComplete="name"
          maxLength={MAX_NAME_CHARS}
          hint={t('person.name.hint')}
        />
        <Field
          label={t('person.username')}
          value={username}
          onChange={setUsername}
          autoComplete="username"
          maxLength={MAX_USERNAME_CHARS}
          hint={t('person.username.hint')}
        />
        <Field
          label={t('person.email')}
          value={email}
          onChange={setEmail}
          autoComplete="email"
          isEmail
          isOptional
          maxLength={MAX_EMAIL_CHARS}
          hint={t('person.email.hint')}
        />
        <SubmissionNote submission={submission} />
        <SubmitButton submission={submission} className="button self-start">
          {t('account.save')}
        </SubmitButton>
      </form>
    </Card>
  );
}

/** Sign-ins at other services that open this account, and one to add. */
function Elsewhere({ user }: { user: User }) {
  const { t, locale } = accountTexts.useText();
  const { data: options } = useQuery(signInOptionsQuery);
  const submission = useSubmission();
  const oidc = options?.oidc ?? null;
  if (!oidc && user.identities.length === 0) return null;
  return (
    <Card title={t('profile.elsewhere')}>
      {user.identities.length > 0 && (
        <ul className="flex flex-col gap-2">
          {user.identities.map(({ issuer, email, linked_at }) => (
            <li key={issuer + linked_at}>
              {email && <p className="font-medium">{email}</p>}
              <p className="text-sm text-soft">
                {t('profile.elsewhere.one', {
                  issuer: URL.canParse(issuer) ? new URL(issuer).host : issuer,
                  time: formatTime(Date.parse(linked_at), Date.now(), locale),
                })}
              </p>
            </li>
          ))}
        </ul>
      )}
      <SubmissionNote submission={submission} />
      {oidc && (
        <button
          type="button"
          className="button self-start"
          aria-disabled={submission.isBusy}
          onClick={() =>
            void submission.submit(async () =>
              location.assign(await prepareElsewhere({ link: true, return_to: '/account' })),
            )
          }
        >
          {t('profile.elsewhere.add', { name: oidc.name })}
        </button>
      )}
    </Card>
  );
}

function Nobody({ minChars }: { minChars: number | undefined }) {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const isElsewhere = otherServer() !== null;
  return (
    <Card
      title={t('profile.nobody.title')}
      lead={t(isElsewhere ? 'profile.nobody.other' : 'profile.nobody.key')}
    >
      {!isElsewhere && (
        <PersonForm
          minChars={minChars}
          submitLabel={t('account.save')}
          onSubmit={async (person) => {
            await becomePerson(client, person);
            askForLogin(false);
            showToast({ text: t('ask.saved', { username: person.username }) });
          }}
        />
      )}
    </Card>
  );
}

export function ProfilePage() {
  const { t } = accountTexts.useText();
  const { data: profile, error, refetch } = useQuery(profileQuery);
  const { data: options } = useQuery(signInOptionsQuery);
  useRoomTitle(t('profile.title'));
  return (
    <PageBody title={t('profile.title')} lead={profile?.account.name}>
      {error && <Unread error={error} onRetry={() => void refetch()} />}
      {profile?.user && (
        <>
          <PersonCard key={profile.user.id} user={profile.user} />
          <PasswordCard user={profile.user} minChars={options?.password_min_chars} />
          <Elsewhere user={profile.user} />
        </>
      )}
      {profile?.user === null && <Nobody minChars={options?.password_min_chars} />}
      <Sessions />
    </PageBody>
  );
}
