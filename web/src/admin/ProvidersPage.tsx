// Every provider with its last day, why it does not work, and how much it has to do.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { answerOf, type Heartbeat, type Provider, type ProviderList } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { HeartbeatBar } from './HeartbeatBar.tsx';
import { Answered, Heading, Section, When } from './parts.tsx';
import { providerNote } from './provider-note.ts';
import { BreakerState, ProviderState, spokenReason } from './provider-words.tsx';

const REFRESH_MS = 10_000;

function ProviderCard({ provider, beat }: { provider: Provider; beat: Heartbeat | undefined }) {
  const text = adminTexts.useText();
  const { t } = text;
  const broken = provider.models.filter(({ breaker }) => breaker.state !== 'closed');
  return (
    <li className="sheet relative flex flex-col gap-2.5 p-4 hover:border-edge">
      <div className="flex items-center gap-3">
        <Link
          to="/admin/providers/$name"
          params={{ name: provider.name }}
          className="card-link min-w-0 grow truncate text-base font-semibold"
        >
          {provider.name}
        </Link>
        <ProviderState provider={provider} />
      </div>
      {beat && <HeartbeatBar beat={beat} />}
      <p className="figures text-sm text-soft">
        {t('overview.laneCounts', { queued: provider.queued, running: provider.running })} ·{' '}
        {t('provider.concurrency', { count: provider.limits.concurrency })}
        {provider.checked_at && (
          <>
            {' · '}
            {t('provider.checked')} <When at={provider.checked_at} />
          </>
        )}
      </p>
      {provider.reason && <p className="text-sm text-alarm">{spokenReason(provider.reason, text)}</p>}
      {provider.note && <p className="text-sm text-soft">{providerNote(provider.note, t)}</p>}
      {broken.map(({ name, breaker }) => (
        <div key={name} className="text-sm">
          <span className="font-medium">{name}</span> <BreakerState breaker={breaker} />
        </div>
      ))}
    </li>
  );
}

export function ProvidersPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.providers'));
  const list = useQuery({ ...answerOf<ProviderList>('v1/admin/providers'), refetchInterval: REFRESH_MS });
  const beats = useQuery({
    ...answerOf<{ data: Heartbeat[] }>('v1/admin/heartbeats'),
    refetchInterval: REFRESH_MS,
  });
  return (
    <>
      <Heading title={t('nav.providers')} lead={t('providers.lead')} />
      <Answered query={list}>
        {({ data, unconfigured }) => (
          <>
            <ul className="grid gap-3 xl:grid-cols-2">
              {data.map((provider) => (
                <ProviderCard
                  key={provider.name}
                  provider={provider}
                  beat={beats.data?.data.find((beat) => beat.provider === provider.name)}
                />
              ))}
            </ul>
            {unconfigured.length > 0 && (
              <Section title={t('providers.unconfigured')}>
                <p className="mb-2 text-sm text-soft">{t('providers.unconfigured.hint')}</p>
                <ul className="flex flex-wrap gap-2">
                  {unconfigured.map((name) => (
                    <li key={name}>
                      <Link to="/admin/providers/$name" params={{ name }} className="button">
                        {name}
                      </Link>
                    </li>
                  ))}
                </ul>
              </Section>
            )}
          </>
        )}
      </Answered>
    </>
  );
}
