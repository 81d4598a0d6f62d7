// One provider: probe, drain, secrets, each step of the way to it, breakers with countdowns, servers of a pool, and the history of
// state changes.
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import {
  answerOf,
  type Heartbeat,
  type ProviderDetail,
  type ProviderList,
  type ProviderTest,
} from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { HeartbeatBar } from './HeartbeatBar.tsx';
import { Answered, Ask, Facts, FailedNote, Heading, Nothing, Section, State, When } from './parts.tsx';
import { providerNote } from './provider-note.ts';
import { BreakerState, ProviderState, spokenReason } from './provider-words.tsx';
import { SecretDialog } from './SecretDialog.tsx';
import { useAdminAction } from './use-action.ts';

const REFRESH_MS = 5_000;
const LEG_TONES = { ok: 'calm', failed: 'alarm', skipped: 'off' } as const;
const SOURCES = { run_time: 'runTime', configuration: 'configuration', none: 'none' } as const;

function TestResult({ test }: { test: ProviderTest }) {
  const { t } = adminTexts.useText();
  return (
    <Section title={t('provider.test.title')}>
      <ol className="sheet overflow-hidden">
        {test.legs.map((leg) => (
          <li key={leg.leg + (leg.target ?? '')} className="admin-row text-sm">
            <State tone={LEG_TONES[leg.state]}>{t(`leg.${leg.state}`)}</State>
            <span className="min-w-0">
              <span className="font-medium">{t(`leg.name.${leg.leg}`)}</span>{' '}
              <span className="text-soft">{leg.target}</span>
              {leg.reason && <span className="block text-soft">{leg.reason}</span>}
            </span>
            <span className="figures text-soft">{leg.ms === null ? '' : t('ms', { count: leg.ms })}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Secrets({ provider, onSet }: { provider: ProviderDetail; onSet(): void }) {
  const { t } = adminTexts.useText();
  const [cleared, setCleared] = useState<string | null>(null);
  if (provider.secrets.length === 0) return null;
  return (
    <Section
      title={t('provider.secrets')}
      aside={
        <button type="button" className="button button-quiet" onClick={onSet}>
          {t('provider.setSecret')}
        </button>
      }
    >
      <ul className="sheet overflow-hidden">
        {provider.secrets.map((secret) => (
          <li key={secret.field} className="admin-row text-sm">
            <State tone={secret.source === 'none' ? (secret.required ? 'alarm' : 'off') : 'calm'}>
              {t(`secret.source.${SOURCES[secret.source]}`)}
            </State>
            <span className="min-w-0">
              <span className="font-medium">{secret.field}</span>{' '}
              <code className="font-mono text-xs text-soft">{secret.env}</code>
              {secret.origin && <span className="block text-soft">{secret.origin}</span>}
            </span>
            {secret.source === 'run_time' && (
              <button type="button" className="button button-quiet" onClick={() => setCleared(secret.field)}>
                {t('secret.clear')}
              </button>
            )}
          </li>
        ))}
      </ul>
      {cleared !== null && (
        <Ask
          title={t('secret.clear')}
          text={t('secret.clear.hint')}
          label={t('secret.clear')}
          isDanger
          action={() =>
            call('DELETE', `v1/admin/providers/${provider.name}/secret?field=${encodeURIComponent(cleared)}`)
          }
          onClose={() => setCleared(null)}
        />
      )}
    </Section>
  );
}

function Breakers({ provider }: { provider: ProviderDetail }) {
  const { t } = adminTexts.useText();
  return (
    <Section title={t('provider.breakers')}>
      <ul className="sheet overflow-hidden">
        <li className="flex flex-wrap gap-x-4 px-4 py-2.5">
          <span className="min-w-40 font-medium">{t('provider.whole')}</span>
          <BreakerState breaker={provider.breaker} />
        </li>
        {provider.models.map(({ name, breaker }) => (
          <li key={name} className="flex flex-wrap gap-x-4 border-t border-line px-4 py-2.5">
            <span className="min-w-40">{name}</span>
            <BreakerState breaker={breaker} />
          </li>
        ))}
        {provider.servers.map((server) => (
          <li key={server.host} className="flex flex-wrap gap-x-4 border-t border-line px-4 py-2.5">
            <span className="min-w-40">
              {server.label} <span className="text-sm text-soft">{server.host}</span>
            </span>
            <BreakerState
              breaker={{
                state: server.state,
                reason: null,
                next_probe_at: server.next_probe_at,
                failures: 0,
              }}
            />
            {server.reason && <span className="text-sm text-soft">{server.reason}</span>}
          </li>
        ))}
      </ul>
    </Section>
  );
}

function History({ history }: { history: ProviderDetail['history'] }) {
  const text = adminTexts.useText();
  const { t } = text;
  const word = (state: string) =>
    state === 'closed' || state === 'open' || state === 'half_open'
      ? t(`breaker.${state}`)
      : t('provider.drained');
  return (
    <Section title={t('provider.history')}>
      {history.length === 0 ? (
        <Nothing>{t('provider.history.none')}</Nothing>
      ) : (
        <ol className="sheet overflow-hidden">
          {history.map((change) => (
            <li key={change.at + change.scope + change.name} className="admin-row text-sm">
              <When at={change.at} />
              <span className="min-w-0">
                {change.name === '' ? t('provider.whole') : change.name}: {word(change.from)} →{' '}
                {word(change.to)}
                {change.reason && (
                  <span className="block text-soft">{spokenReason(change.reason, text)}</span>
                )}
              </span>
              <span />
            </li>
          ))}
        </ol>
      )}
    </Section>
  );
}

function Actions({ provider, onTest }: { provider: ProviderDetail; onTest(test: ProviderTest): void }) {
  const { t } = adminTexts.useText();
  const { run, isBusy, problem } = useAdminAction();
  const [isDraining, setDraining] = useState(false);
  const path = `v1/admin/providers/${encodeURIComponent(provider.name)}`;
  const button = (label: string, act: () => void) => (
    <button type="button" className="button" aria-disabled={isBusy} onClick={act}>
      {label}
    </button>
  );
  return (
    <>
      {button(
        t('provider.probe'),
        () => void run(() => call('POST', `${path}/probe`), t('provider.probe.done')),
      )}
      {button(
        t('provider.test'),
        () => void run(async () => onTest(await call<ProviderTest>('POST', `${path}/test`, { body: {} }))),
      )}
      {provider.drained
        ? button(
            t('provider.undrain'),
            () => void run(() => call('POST', `${path}/undrain`), t('provider.undrain.done')),
          )
        : button(t('provider.drain'), () => setDraining(true))}
      {problem && <FailedNote problem={problem} />}
      {isDraining && (
        <Ask
          title={t('provider.drain')}
          text={t('provider.drain.hint', { running: provider.running, queued: provider.queued })}
          label={t('provider.drain')}
          done={t('provider.drain.done')}
          action={() => call('POST', `${path}/drain`)}
          onClose={() => setDraining(false)}
        />
      )}
    </>
  );
}

/** A provider that is not set up yet: all it needs is its secret. */
function Unconfigured({ name }: { name: string }) {
  const { t } = adminTexts.useText();
  const [isOpen, setOpen] = useState(true);
  return (
    <>
      <Heading title={name} lead={t('providers.unconfigured.hint')}>
        <button type="button" className="button button-lamp" onClick={() => setOpen(true)}>
          {t('provider.setSecret')}
        </button>
      </Heading>
      {isOpen && <SecretDialog provider={name} fields={[]} onClose={() => setOpen(false)} />}
    </>
  );
}

function Detail({ name }: { name: string }) {
  const text = adminTexts.useText();
  const { t } = text;
  const [test, setTest] = useState<ProviderTest | null>(null);
  const [isSetting, setSetting] = useState(false);
  const query = useQuery({
    ...answerOf<ProviderDetail>(`v1/admin/providers/${encodeURIComponent(name)}?history=50`),
    refetchInterval: REFRESH_MS,
  });
  const beats = useQuery(answerOf<{ data: Heartbeat[] }>('v1/admin/heartbeats'));
  const beat = beats.data?.data.find(({ provider }) => provider === name);
  return (
    <Answered query={query}>
      {(provider) => (
        <>
          <Heading title={provider.name}>
            <Actions provider={provider} onTest={setTest} />
          </Heading>
          <div className="sheet flex flex-col gap-3 p-4">
            <ProviderState provider={provider} />
            {beat && <HeartbeatBar beat={beat} />}
            {provider.reason && <p className="text-alarm">{spokenReason(provider.reason, text)}</p>}
            <Facts
              facts={[
                [
                  t('provider.work'),
                  <Link
                    key="jobs"
                    to="/admin/jobs"
                    search={{ provider: name, view: 'in_flight' }}
                    className="underline"
                  >
                    {t('overview.laneCounts', { queued: provider.queued, running: provider.running })}
                  </Link>,
                ],
                [t('provider.limits'), t('provider.concurrency', { count: provider.limits.concurrency })],
                [t('job.deadline'), t('seconds', { count: provider.limits.deadline_s })],
                [t('provider.endpoints'), provider.endpoints.join(', ') || '–'],
                [t('provider.proxy'), provider.proxy ?? t('provider.proxy.server')],
                ...(provider.note ? [[t('provider.note'), providerNote(provider.note, t)] as const] : []),
              ]}
            />
          </div>
          {test && <TestResult test={test} />}
          <Breakers provider={provider} />
          <Secrets provider={provider} onSet={() => setSetting(true)} />
          <History history={provider.history} />
          {isSetting && (
            <SecretDialog
              provider={name}
              fields={provider.secrets.map(({ field }) => field)}
              onClose={() => setSetting(false)}
            />
          )}
        </>
      )}
    </Answered>
  );
}

export function ProviderPage() {
  const { t } = adminTexts.useText();
  const { name = '' } = useParams({ strict: false }) as { name?: string };
  useRoomTitle(name);
  const list = useQuery(answerOf<ProviderList>('v1/admin/providers'));
  return (
    <>
      <p className="mb-2 text-sm">
        <Link to="/admin/providers" className="underline">
          {t('nav.providers')}
        </Link>
      </p>
      {list.data?.unconfigured.includes(name) ? <Unconfigured name={name} /> : <Detail name={name} />}
    </>
  );
}
