// How the server does, in figures; each leads to the list behind it.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { formatBytes, formatCredits, formatDuration } from '../ui/format.ts';
import { answerOf, type Overview } from './admin-api.ts';
import type { JobsSearch } from './admin-search.ts';
import { adminTexts } from './admin-text.ts';
import { formatShort } from './amounts.ts';
import { HourChart } from './HourChart.tsx';
import { OpenAlerts } from './OpenAlerts.tsx';
import { Answered, Heading, Section } from './parts.tsx';

const REFRESH_MS = 10_000;
const PERCENT = 100;

interface FigureProps {
  name: string;
  value: ReactNode;
  note?: string;
  search?: JobsSearch;
  to?: '/admin/jobs' | '/admin/storage' | '/admin/accounts' | '/admin/repair';
  isAlarm?: boolean;
}

function Figure({ name, value, note, search, to = '/admin/jobs', isAlarm = false }: FigureProps) {
  return (
    <li className="sheet relative flex flex-col p-4 hover:border-edge">
      <Link to={to} {...(search ? { search } : {})} className="card-link eyebrow">
        {name}
      </Link>
      <span className={`figures text-2xl font-semibold ${isAlarm ? 'text-alarm' : ''}`}>{value}</span>
      {note && <span className="text-sm text-soft">{note}</span>}
    </li>
  );
}

function Figures({ overview }: { overview: Overview }) {
  const { t, locale } = adminTexts.useText();
  const number = (value: number) => new Intl.NumberFormat(locale).format(value);
  const duration = (ms: number | null) =>
    ms === null ? '–' : (formatShort(ms, locale) ?? formatDuration(ms, locale));
  const { last_hour: hour, last_day: day } = overview;
  const ended = day.succeeded + day.failed;
  const rate = ended === 0 ? 0 : (day.failed / ended) * PERCENT;
  return (
    <ul className="grid grid-cols-2 gap-3 sm:grid-cols-3 xl:grid-cols-4">
      <Figure
        name={t('overview.queued')}
        value={number(overview.queued)}
        note={
          overview.oldest_waiting_s === null
            ? t('overview.nobodyWaits')
            : t('overview.oldest', { time: formatDuration(overview.oldest_waiting_s * 1000, locale) })
        }
        search={{ view: 'in_flight' }}
      />
      <Figure name={t('overview.running')} value={number(overview.running)} search={{ view: 'in_flight' }} />
      <Figure
        name={t('overview.stuck')}
        value={number(overview.stuck)}
        isAlarm={overview.stuck > 0}
        search={{ view: 'stuck' }}
      />
      <Figure
        name={t('overview.failed')}
        value={number(day.failed)}
        note={t('overview.rate', { percent: rate.toFixed(1) })}
        isAlarm={day.failed > 0}
        search={{ view: 'failed' }}
      />
      <Figure
        name={t('overview.throughput')}
        value={number(hour.succeeded)}
        note={t('overview.perDay', { count: day.succeeded })}
        search={{ view: 'succeeded' }}
      />
      <Figure
        name={t('overview.latency')}
        value={duration(hour.p50_ms)}
        note={t('overview.p95', { time: duration(hour.p95_ms) })}
        search={{ view: 'succeeded' }}
      />
      <Figure
        name={t('overview.credits')}
        value={formatCredits(hour.credits, locale)}
        note={t('overview.creditsDay', { amount: formatCredits(day.credits, locale) })}
        to="/admin/accounts"
      />
      <Figure
        name={t('overview.disk')}
        value={overview.media_free_bytes === null ? '–' : formatBytes(overview.media_free_bytes, locale)}
        to="/admin/storage"
      />
    </ul>
  );
}

export function OverviewPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.overview'));
  const query = useQuery({ ...answerOf<Overview>('v1/admin/overview'), refetchInterval: REFRESH_MS });
  return (
    <>
      <Heading title={t('nav.overview')} lead={t('overview.lead')} />
      <Answered query={query}>
        {(overview) => (
          <>
            <OpenAlerts />
            <Figures overview={overview} />
            <Section title={t('overview.hours')}>
              <HourChart hours={overview.hours} />
            </Section>
            {overview.by_provider.length > 0 && (
              <Section title={t('overview.byProvider')}>
                <ul className="sheet overflow-hidden">
                  {overview.by_provider.map(({ provider, queued, running }) => (
                    <li key={provider} className="admin-row">
                      <span />
                      <Link
                        to="/admin/jobs"
                        search={{ view: 'in_flight', provider }}
                        className="card-link font-medium"
                      >
                        {provider}
                      </Link>
                      <span className="figures text-sm text-soft">
                        {t('overview.laneCounts', { queued, running })}
                      </span>
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
