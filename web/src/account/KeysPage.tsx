// The account's API keys: made with chosen rights and shown once, told apart by prefix and last use, revoked after being asked.
import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useLayoutEffect, useRef, useState } from 'react';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { announce } from '../ui/announce.tsx';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Dialog } from '../ui/Dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { useNow } from '../ui/ticker.ts';
import { accountTexts } from './account-text.ts';
import { Field } from './Field.tsx';
import { MoreButton, PageBody, Unread } from './PageBody.tsx';
import { type ApiKey, keysQuery, type MadeKey, makeKey, revokeKey, type Scope } from './profile-api.ts';
import { sessionQuery } from './queries.ts';
import { SubmissionNote, SubmitButton, useSubmission } from './submission.tsx';

const MAX_NAME_CHARS = 100;
/** Rights over others are never given unasked. */
const UNUSUAL: ReadonlySet<Scope> = new Set(['admin', 'accounts:act']);

function MadeDialog({ made, onClose }: { made: MadeKey; onClose(): void }) {
  const { t } = accountTexts.useText();
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.select(), []);
  return (
    <Dialog
      title={t('apiKeys.made')}
      onClose={onClose}
      footer={
        <>
          <CopyButton text={made.key} className="button button-lamp">
            {t('apiKeys.copy')}
          </CopyButton>
          <button type="button" className="button" onClick={onClose}>
            {t('apiKeys.made.done')}
          </button>
        </>
      }
    >
      <p>{t('apiKeys.made.lead')}</p>
      <input
        ref={field}
        readOnly
        className="field font-mono"
        value={made.key}
        aria-label={t('apiKeys.made')}
        onFocus={(event) => event.currentTarget.select()}
      />
    </Dialog>
  );
}

interface ScopeChoiceProps {
  offered: readonly Scope[];
  chosen: ReadonlySet<Scope>;
  onChange(chosen: ReadonlySet<Scope>): void;
  isEmpty: boolean;
}

function ScopeChoice({ offered, chosen, onChange, isEmpty }: ScopeChoiceProps) {
  const { t } = accountTexts.useText();
  return (
    <fieldset>
      <legend className="eyebrow mb-1">{t('apiKeys.scopes')}</legend>
      <div className="grid sm:grid-cols-2">
        {offered.map((scope) => (
          <label key={scope} className="flex min-h-11 items-center gap-3">
            <input
              type="checkbox"
              className="size-5 shrink-0"
              checked={chosen.has(scope)}
              onChange={(event) => {
                const next = new Set(chosen);
                if (event.currentTarget.checked) next.add(scope);
                else next.delete(scope);
                onChange(next);
              }}
            />
            <span>
              {t(`scope.${scope}`)} <code className="block font-mono text-xs text-soft">{scope}</code>
            </span>
          </label>
        ))}
      </div>
      {isEmpty && <p className="text-sm text-alarm">{t('apiKeys.scopes.empty')}</p>}
    </fieldset>
  );
}

function NewKeyDialog({ onClose, onMade }: { onClose(): void; onMade(made: MadeKey): void }) {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const { data: session } = useQuery(sessionQuery);
  const offered = session?.scopes ?? [];
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<ReadonlySet<Scope>>(
    () => new Set(offered.filter((scope) => !UNUSUAL.has(scope))),
  );
  const [isChecked, setChecked] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const submission = useSubmission();
  useLayoutEffect(() => field.current?.focus(), []);
  const send = (event: FormEvent) => {
    event.preventDefault();
    setChecked(true);
    if (name.trim() === '') return field.current?.focus();
    if (chosen.size === 0) return;
    const scopes = offered.filter((scope) => chosen.has(scope));
    void submission.submit(async () => onMade(await makeKey(client, { name: name.trim(), scopes })));
  };
  return (
    <Dialog title={t('apiKeys.create')} onClose={onClose}>
      <form className="flex flex-col gap-4" onSubmit={send} noValidate>
        <Field
          id="key-name"
          label={t('apiKeys.name')}
          value={name}
          onChange={setName}
          maxLength={MAX_NAME_CHARS}
          fault={isChecked && name.trim() === '' ? t('apiKeys.name.empty') : null}
          field={field}
        />
        <ScopeChoice
          offered={offered}
          chosen={chosen}
          onChange={setChosen}
          isEmpty={isChecked && chosen.size === 0}
        />
        <SubmissionNote submission={submission} />
        <SubmitButton submission={submission}>{t('apiKeys.make')}</SubmitButton>
      </form>
    </Dialog>
  );
}

function RevokeDialog({ apiKey, onClose }: { apiKey: ApiKey; onClose(): void }) {
  const { t } = accountTexts.useText();
  const client = useQueryClient();
  const submission = useSubmission();
  const revoke = async () => {
    if (!(await submission.submit(() => revokeKey(client, apiKey.id)))) return;
    announce(t('apiKeys.revoked'));
    onClose();
  };
  return (
    <Dialog
      title={t('apiKeys.revoke.title', { name: apiKey.name })}
      onClose={onClose}
      footer={
        <>
          <button type="button" className="button" onClick={onClose}>
            {t('app.cancel')}
          </button>
          <button
            type="button"
            className="button border-alarm text-alarm"
            aria-disabled={submission.isBusy}
            onClick={() => void revoke()}
          >
            {t('apiKeys.revoke.confirm')}
          </button>
        </>
      }
    >
      <p>{t('apiKeys.revoke.text')}</p>
      <SubmissionNote submission={submission} />
    </Dialog>
  );
}

function KeyEntry({ apiKey, onRevoke }: { apiKey: ApiKey; onRevoke(): void }) {
  const { t, locale } = accountTexts.useText();
  const nowMs = useNow();
  const time = (text: string) => formatTime(Date.parse(text), nowMs, locale);
  const used =
    apiKey.last_used_at === null
      ? t('apiKeys.unused')
      : t('apiKeys.used', { time: time(apiKey.last_used_at) });
  return (
    <li className="flex items-start gap-4 border-t border-line py-4 first:border-t-0">
      <div className="min-w-0 grow">
        <p className="font-medium">{apiKey.name}</p>
        <p className="font-mono text-sm text-soft">{apiKey.prefix}…</p>
        <p className="figures text-sm text-soft">
          {t('apiKeys.facts', { time: time(apiKey.created_at) })} · {used}
        </p>
        <p className="text-sm text-soft">{apiKey.scopes.map((scope) => t(`scope.${scope}`)).join(' · ')}</p>
      </div>
      <button
        type="button"
        className="button button-quiet text-alarm"
        aria-label={t('apiKeys.revoke.name', { name: apiKey.name })}
        onClick={onRevoke}
      >
        {t('apiKeys.revoke')}
      </button>
    </li>
  );
}

type Layer = { kind: 'new' } | { kind: 'made'; made: MadeKey } | { kind: 'revoke'; apiKey: ApiKey };

export function KeysPage() {
  const { t } = accountTexts.useText();
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useInfiniteQuery(keysQuery);
  const [layer, setLayer] = useState<Layer | null>(null);
  useRoomTitle(t('apiKeys.title'));
  const keys = data?.pages.flatMap((page) => page.data);
  const close = () => setLayer(null);
  return (
    <PageBody title={t('apiKeys.title')} lead={t('apiKeys.lead')}>
      <button
        type="button"
        className="button button-lamp self-start"
        onClick={() => setLayer({ kind: 'new' })}
      >
        {t('apiKeys.create')}
      </button>
      {error && <Unread error={error} onRetry={() => void refetch()} />}
      {keys?.length === 0 && (
        <div>
          <p className="text-lg font-semibold">{t('apiKeys.none')}</p>
          <p className="text-soft">{t('apiKeys.none.hint')}</p>
        </div>
      )}
      {keys && keys.length > 0 && (
        <ul className="sheet px-5">
          {keys.map((apiKey) => (
            <KeyEntry key={apiKey.id} apiKey={apiKey} onRevoke={() => setLayer({ kind: 'revoke', apiKey })} />
          ))}
        </ul>
      )}
      <MoreButton hasMore={hasNextPage} isBusy={isFetchingNextPage} onMore={() => void fetchNextPage()} />
      {layer?.kind === 'new' && (
        <NewKeyDialog onClose={close} onMade={(made) => setLayer({ kind: 'made', made })} />
      )}
      {layer?.kind === 'made' && <MadeDialog made={layer.made} onClose={close} />}
      {layer?.kind === 'revoke' && <RevokeDialog apiKey={layer.apiKey} onClose={close} />}
    </PageBody>
  );
}
