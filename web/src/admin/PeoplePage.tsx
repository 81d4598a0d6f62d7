// People and invitations: search, roles, disabling, reset links, and one-time invitation links that are shown once.
import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { Icon } from '../ui/Icon.tsx';
import { Menu } from '../ui/Menu.tsx';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { type Invitation, pagesOf, type User } from './admin-api.ts';
import type { TextSearch } from './admin-search.ts';
import { adminTexts } from './admin-text.ts';
import {
  Answered,
  Ask,
  FailedNote,
  Field,
  Heading,
  MorePages,
  Nothing,
  SearchBox,
  Section,
  State,
  When,
} from './parts.tsx';
import { useAdminAction } from './use-action.ts';

/** A link that is shown this once. */
function OnceLink({
  title,
  url,
  hint,
  onClose,
}: {
  title: string;
  url: string;
  hint: string;
  onClose(): void;
}) {
  const { t } = adminTexts.useText();
  return (
    <Dialog title={title} onClose={onClose}>
      <p>{hint}</p>
      <Field label={t('people.link')}>
        {(id) => (
          <input
            id={id}
            readOnly
            className="field font-mono"
            value={url}
            onFocus={(event) => event.currentTarget.select()}
          />
        )}
      </Field>
      <CopyButton text={url} className="button button-lamp">
        {t('app.copy')}
      </CopyButton>
    </Dialog>
  );
}

function Person({ user, onLink }: { user: User; onLink(url: string): void }) {
  const { t } = adminTexts.useText();
  const action = useAdminAction();
  const [isRemoving, setRemoving] = useState(false);
  const path = `v1/admin/users/${user.id}`;
  const change = (body: object) => void action.run(() => call('PATCH', path, { body }), t('saved'));
  return (
    <li className="admin-row">
      <State tone={user.disabled ? 'off' : 'calm'}>
        {t(user.disabled ? 'people.disabled' : 'people.active')}
      </State>
      <div className="min-w-0">
        <Link to="/admin/accounts/$id" params={{ id: user.account_id }} className="font-medium underline">
          {user.name}
        </Link>{' '}
        <span className="text-sm text-soft">
          {t(`role.${user.role}`)} · {user.email ?? user.username}
          {user.last_sign_in_at && (
            <>
              {' · '}
              {t('people.lastSignIn')} <When at={user.last_sign_in_at} />
            </>
          )}
        </span>
        {action.problem && <ProblemNote problem={action.problem} />}
      </div>
      <Menu
        name={t('people.actions', { name: user.name })}
        label={<Icon name="more" />}
        className="button button-quiet button-icon"
        items={[
          {
            label: t('people.resetLink'),
            run: () =>
              void action.run(async () =>
                onLink((await call<{ url: string }>('POST', `${path}/reset-link`)).url),
              ),
          },
          user.role === 'admin'
            ? { label: t('people.makeMember'), run: () => change({ role: 'member' }) }
            : { label: t('people.makeAdmin'), run: () => change({ role: 'admin' }) },
          user.disabled
            ? { label: t('people.enable'), run: () => change({ disabled: false }) }
            : { label: t('people.disable'), run: () => change({ disabled: true }) },
          { label: t('people.remove'), isDanger: true, run: () => setRemoving(true) },
        ]}
      />
      {isRemoving && (
        <Ask
          title={t('people.removeNamed', { name: user.name })}
          text={t('people.remove.hint')}
          label={t('people.removeNamed', { name: user.name })}
          done={t('people.removed')}
          isDanger
          action={() => call('DELETE', path)}
          onClose={() => setRemoving(false)}
        />
      )}
    </li>
  );
}

function InviteDialog({ onClose, onLink }: { onClose(): void; onLink(url: string): void }) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState('member');
  const [grant, setGrant] = useState('');
  const invite = async () => {
    const body = {
      role,
      ...(email.trim() === '' ? {} : { email: email.trim() }),
      ...(grant.trim() === '' ? {} : { grant_credits: grant.trim() }),
    };
    await run(async () =>
      onLink((await call<{ url: string }>('POST', 'v1/admin/invitations', { body })).url),
    );
  };
  return (
    <Dialog
      title={t('invite.title')}
      onClose={onClose}
      footer={
        <button type="submit" form="invite" className="button button-lamp" aria-disabled={isBusy}>
          {t('invite.make')}
        </button>
      }
    >
      <form
        id="invite"
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          void invite();
        }}
      >
        <Field label={t('invite.email')} hint={t('invite.email.hint')}>
          {(id) => (
            <input
              id={id}
              type="email"
              className="field"
              value={email}
              onInput={(event) => setEmail(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label={t('invite.role')}>
          {(id) => (
            <select
              id={id}
              className="field"
              value={role}
              onChange={(event) => setRole(event.currentTarget.value)}
            >
              <option value="member">{t('role.member')}</option>
              <option value="admin">{t('role.admin')}</option>
            </select>
          )}
        </Field>
        <Field label={t('invite.grant')} hint={t('invite.grant.hint')}>
          {(id) => (
            <input
              id={id}
              inputMode="decimal"
              className="field"
              value={grant}
              onInput={(event) => setGrant(event.currentTarget.value)}
            />
          )}
        </Field>
      </form>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}

function Invitations() {
  const { t } = adminTexts.useText();
  const query = useInfiniteQuery(pagesOf<Invitation>('v1/admin/invitations'));
  const action = useAdminAction();
  const invitations = query.data?.pages.flatMap((page) => page.data) ?? [];
  const TONES = { open: 'work', used: 'calm', over: 'off' } as const;
  return (
    <Section title={t('invite.list')}>
      {action.problem && <FailedNote problem={action.problem} />}
      {query.data && invitations.length === 0 && <Nothing>{t('invite.none')}</Nothing>}
      {invitations.length > 0 && (
        <ul className="sheet overflow-hidden">
          {invitations.map((invitation) => (
            <li key={invitation.id} className="admin-row text-sm">
              <State tone={TONES[invitation.status]}>{t(`invite.${invitation.status}`)}</State>
              <span className="min-w-0 wrap-anywhere">
                {invitation.email ?? t('invite.anybody')} · {t(`role.${invitation.role}`)}
                <span className="block text-soft">
                  {t('invite.until')} <When at={invitation.expires_at} />
                </span>
              </span>
              {invitation.status === 'open' && (
                <button
                  type="button"
                  className="button button-quiet max-sm:col-start-2 max-sm:justify-self-start"
                  onClick={() =>
                    void action.run(
                      () => call('DELETE', `v1/admin/invitations/${invitation.id}`),
                      t('invite.revoked'),
                    )
                  }
                >
                  {t('invite.revoke')}
                </button>
              )}
            </li>
          ))}
        </ul>
      )}
      <MorePages query={query} />
    </Section>
  );
}

export function PeoplePage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.people'));
  const { q } = useSearch({ strict: false }) as TextSearch;
  const navigate = useNavigate();
  const [isInviting, setInviting] = useState(false);
  const [link, setLink] = useState<{ url: string; kind: 'invite' | 'reset' } | null>(null);
  const query = useInfiniteQuery(pagesOf<User>('v1/admin/users', { q }));
  const people = query.data?.pages.flatMap((page) => page.data) ?? [];
  return (
    <>
      <Heading title={t('nav.people')} lead={t('people.lead')}>
        <button type="button" className="button button-lamp" onClick={() => setInviting(true)}>
          {t('invite.title')}
        </button>
      </Heading>
      <div className="mb-3 flex">
        <SearchBox
          label={t('people.search')}
          value={q ?? ''}
          onSearch={(text) => void navigate({ to: '/admin/people', search: text === '' ? {} : { q: text } })}
        />
      </div>
      <Answered query={query}>
        {() =>
          people.length === 0 ? (
            <Nothing>{t(q ? 'people.none.search' : 'people.none')}</Nothing>
          ) : (
            <ul className="sheet overflow-hidden">
              {people.map((user) => (
                <Person key={user.id} user={user} onLink={(url) => setLink({ url, kind: 'reset' })} />
              ))}
            </ul>
          )
        }
      </Answered>
      <MorePages query={query} />
      <Invitations />
      {isInviting && (
        <InviteDialog
          onClose={() => setInviting(false)}
          onLink={(url) => {
            setInviting(false);
            setLink({ url, kind: 'invite' });
          }}
        />
      )}
      {link && (
        <OnceLink
          title={t(`people.once.${link.kind}`)}
          hint={t(`people.once.${link.kind}.hint`)}
          url={link.url}
          onClose={() => setLink(null)}
        />
      )}
    </>
  );
}
