// Sign-in with an API key, and the explanation of where one comes from.
import { useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useRouter } from '@tanstack/react-router';
import { type FormEvent, type RefObject, useEffect, useRef, useState } from 'react';
import { type Problem, problemOf } from '../api/problem.ts';
import { CopyButton } from '../ui/CopyButton.tsx';
import { Icon } from '../ui/Icon.tsx';
import { useText } from '../ui/language.ts';
import { ProblemNote } from '../ui/ProblemNote.tsx';
import { Door } from './Door.tsx';
import { createSession, sessionQuery } from './queries.ts';

const signInRoute = getRouteApi('/sign-in');
const KEY_COMMAND = 'npx drawbridge keys create';

function Explanation() {
  const { t } = useText();
  return (
    <section className="flex flex-col gap-3 text-sm text-soft">
      <h2 className="font-semibold text-ink">{t('signIn.help.title')}</h2>
      <p>{t('signIn.help.link')}</p>
      <p>{t('signIn.help.command')}</p>
      <div className="flex items-center gap-1 rounded-control bg-well pl-3">
        <code className="grow font-mono text-ink">{KEY_COMMAND}</code>
        <CopyButton text={KEY_COMMAND}>{t('app.copy')}</CopyButton>
      </div>
      {location.protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(location.hostname) && (
        <p>{t('signIn.http')}</p>
      )}
    </section>
  );
}

interface KeyFieldProps {
  value: string;
  onChange(value: string): void;
  field: RefObject<HTMLInputElement | null>;
  /** Nothing was pasted yet. */
  empty: boolean;
  invalid: boolean;
}

function KeyField({ value, onChange, field, empty, invalid }: KeyFieldProps) {
  const { t } = useText();
  const [shown, setShown] = useState(false);
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor="api-key" className="eyebrow">
        {t('signIn.key')}
      </label>
      <div className="relative">
        <input
          ref={field}
          id="api-key"
          className="field pr-12 font-mono"
          type={shown ? 'text' : 'password'}
          autoComplete="current-password"
          autoCapitalize="off"
          spellCheck={false}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
          aria-describedby="api-key-note"
          aria-invalid={invalid}
        />
        <button
          type="button"
          className="button button-quiet button-icon absolute top-0 right-0"
          aria-pressed={shown}
          aria-label={t(shown ? 'signIn.key.hide' : 'signIn.key.show')}
          onClick={() => setShown(!shown)}
        >
          <Icon name="eye" />
        </button>
      </div>
      <p id="api-key-note" className={`text-sm ${empty ? 'text-alarm' : 'text-soft'}`}>
        {t(empty ? 'signIn.key.empty' : 'signIn.key.hint')}
      </p>
    </div>
  );
}

export function SignIn() {
  const { t } = useText();
  const client = useQueryClient();
  const router = useRouter();
  const { next } = signInRoute.useSearch();
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [empty, setEmpty] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const field = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = `${t('signIn.title')} · Drawbridge`;
    field.current?.focus();
  }, [t]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const apiKey = key.trim();
    setEmpty(apiKey === '');
    setProblem(null);
    if (apiKey === '') return field.current?.focus();
    setBusy(true);
    try {
      client.setQueryData(sessionQuery.queryKey, await createSession({ api_key: apiKey }));
      // Back to where the session ended; a path of this app, as the route has checked.
      const [path = '/', query = ''] = (next ?? '/').split(/\?(.*)/s);
      await router.navigate({ to: path as '/', search: router.options.parseSearch(query), replace: true });
    } catch (error) {
      setProblem(problemOf(error));
      field.current?.focus();
    } finally {
      setBusy(false);
    }
  };

  return (
    <Door progress={busy ? null : 0}>
      <form className="sheet flex flex-col gap-4 p-6" onSubmit={(event) => void submit(event)} noValidate>
        <h1 className="text-xl font-semibold">{t('signIn.title')}</h1>
        <p className="text-soft">{t('signIn.lead')}</p>
        <KeyField
          value={key}
          onChange={setKey}
          field={field}
          empty={empty}
          invalid={empty || problem !== null}
        />
        {problem && (
          <div role="alert">
            <ProblemNote problem={problem} />
          </div>
        )}
        <button type="submit" className="button button-lamp" aria-disabled={busy}>
          {t(busy ? 'signIn.busy' : 'signIn.submit')}
        </button>
      </form>
      <Explanation />
    </Door>
  );
}
