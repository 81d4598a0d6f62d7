// Choosing another server: its address and key, tested step by step; saved only when every step works.
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { accountTexts } from '../account/account-text.ts';
import { Field } from '../account/Field.tsx';
import { announce } from '../ui/announce.tsx';
import { Icon } from '../ui/Icon.tsx';
import { type OtherServer, otherServer, saveOtherServer } from './api-address.ts';
import { SERVER_STEPS, type ServerStep, type ServerTestOutcome, testServer } from './server-test.ts';

type StepState = 'ok' | 'failed' | 'running' | 'waiting';

interface TestRun {
  address: string;
  step: ServerStep;
  outcome: ServerTestOutcome | null;
}

function stateOf(step: ServerStep, { step: reached, outcome }: TestRun): StepState {
  if (outcome && 'server' in outcome) return 'ok';
  const distance = SERVER_STEPS.indexOf(step) - SERVER_STEPS.indexOf(reached);
  if (distance !== 0) return distance < 0 ? 'ok' : 'waiting';
  return outcome ? 'failed' : 'running';
}

const LOOKS = {
  ok: ['check', 'text-calm'],
  failed: ['alert', 'text-alarm'],
  running: ['more', 'text-soft'],
  waiting: ['more', 'text-soft opacity-40'],
} as const;

function Steps({ run }: { run: TestRun }) {
  const { t } = accountTexts.useText();
  return (
    <section aria-label={t('server.steps', { address: run.address })}>
      <ol className="flex flex-col gap-2">
        {SERVER_STEPS.map((step) => {
          const state = stateOf(step, run);
          const [icon, look] = LOOKS[state];
          const failure =
            state === 'failed' && run.outcome && 'failure' in run.outcome ? run.outcome.failure : null;
          return (
            <li key={step} className="flex gap-3" data-step={step} data-state={state}>
              <Icon name={icon} className={`mt-0.5 size-5 ${look}`} />
              <div className="min-w-0">
                <p className={state === 'waiting' ? 'text-soft' : ''}>
                  {t(`server.step.${step}`)}
                  <span className="sr-only">: {t(`server.state.${state}`)}</span>
                </p>
                {failure && <p className="text-sm text-alarm">{t(failure.reason, failure.values)}</p>}
              </div>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

/** Takes the page to the server that was just saved. */
function start(): void {
  location.assign(document.baseURI);
}

export function ServerForm() {
  const { t } = accountTexts.useText();
  const current = otherServer();
  const [address, setAddress] = useState(current?.url ?? '');
  const [key, setKey] = useState(current?.key ?? '');
  const [run, setRun] = useState<TestRun | null>(null);
  const [isRefused, setRefused] = useState(false);
  const running = useRef<AbortController | null>(null);
  const addressField = useRef<HTMLInputElement>(null);
  useEffect(() => () => running.current?.abort(), []);
  const ready: OtherServer | null = run?.outcome && 'server' in run.outcome ? run.outcome.server : null;
  const isTesting = run !== null && run.outcome === null;
  const change = (set: (value: string) => void) => (value: string) => {
    running.current?.abort();
    setRun(null);
    set(value);
  };
  const save = (server: OtherServer | null) => {
    if (saveOtherServer(server)) start();
    else setRefused(true);
  };
  const test = async () => {
    running.current?.abort();
    const stopper = new AbortController();
    running.current = stopper;
    const onStep = (step: ServerStep) => setRun({ address, step, outcome: null });
    const options = { address, key: key.trim() || null, signal: stopper.signal, onStep };
    const outcome = await testServer(options).catch(() => null);
    if (stopper.signal.aborted || !outcome) return;
    setRun((last) => ({ address, step: last?.step ?? 'address', outcome }));
    announce('server' in outcome ? t('server.ready') : t(outcome.failure.reason, outcome.failure.values));
    if ('failure' in outcome && outcome.failure.step === 'address') addressField.current?.focus();
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (ready) return save(ready);
    if (!isTesting) void test();
  };
  return (
    <form className="flex flex-col gap-4" onSubmit={send} noValidate>
      <Field
        id="server-address"
        label={t('server.address')}
        value={address}
        onChange={change(setAddress)}
        autoComplete="url"
        hint={t('server.address.hint')}
        field={addressField}
      />
      <Field
        id="server-key"
        label={t('server.key')}
        value={key}
        onChange={change(setKey)}
        isSecret
        isMono
        hint={t('server.key.hint')}
      />
      {run && <Steps run={run} />}
      {ready && <p className="font-medium">{t('server.ready')}</p>}
      {isRefused && (
        <p role="alert" className="text-alarm">
          {t('server.unsaved')}
        </p>
      )}
      <button type="submit" className="button button-lamp" aria-disabled={isTesting}>
        {t(ready ? 'server.save' : isTesting ? 'server.testing' : 'server.test')}
      </button>
      {current && (
        <button type="button" className="button" onClick={() => save(null)}>
          {t('server.own')}
        </button>
      )}
    </form>
  );
}
