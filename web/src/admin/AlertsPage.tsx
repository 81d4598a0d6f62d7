// Alerts: what is open and what was, to whom each was told, and a test of the way there.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { AlertBody } from '../../../src/operations/contract.ts';
import { call } from '../api/client.ts';
import { useRoomTitle } from '../pages/use-room-title.ts';
import { formatDuration } from '../ui/format.ts';
import { type Alerts, type AlertTest, answerOf } from './admin-api.ts';
import { adminTexts } from './admin-text.ts';
import { Answered, FailedNote, Heading, Nothing, Section, State, When } from './parts.tsx';
import { useAdminAction } from './use-action.ts';

const REFRESH_MS = 10_000;
const MOST_ALERTS = 200;

function Notices({ notices }: Pick<AlertBody, 'notices'>) {
  const { t } = adminTexts.useText();
  if (notices.length === 0) return null;
  return (
    <ul className="flex flex-col text-sm text-soft">
      {notices.map((notice) => (
        <li key={notice.event}>
          {t(`alerts.told.${notice.event}`)}: {t(`alerts.notice.${notice.state}`, { count: notice.tries })}
          {notice.sent_at !== null && (
            <>
              {' · '}
              <When at={notice.sent_at} />
            </>
          )}
          {notice.error !== null && <span className="block text-alarm">{notice.error}</span>}
        </li>
      ))}
    </ul>
  );
}

function Alert({ alert }: { alert: AlertBody }) {
  const { t, locale } = adminTexts.useText();
  const isOpen = alert.state === 'open';
  const tone = isOpen ? (alert.severity === 'error' ? 'alarm' : 'work') : 'calm';
  return (
    <li className="flex flex-col gap-1.5 border-t border-line p-4 text-sm first:border-t-0">
      <span className="flex flex-wrap items-center gap-x-3 gap-y-0.5">
        <State tone={tone}>{alert.title}</State>
        <span className="figures text-soft">
          <When at={alert.opened_at} />
          {alert.resolved_at !== null &&
            ` · ${t('alerts.lasted', {
              time: formatDuration(Date.parse(alert.resolved_at) - Date.parse(alert.opened_at), locale),
            })}`}
        </span>
      </span>
      <span>{alert.detail}</span>
      {isOpen && <span className="text-soft">{alert.fix}</span>}
      {isOpen && alert.evidence.length > 0 && (
        <details>
          <summary className="cursor-pointer text-soft">{t('alerts.evidence')}</summary>
          <ul className="mt-1 font-mono text-xs break-all">
            {alert.evidence.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        </details>
      )}
      <Notices notices={alert.notices} />
    </li>
  );
}

function AlertList({ alerts, none }: { alerts: readonly AlertBody[]; none: string }) {
  if (alerts.length === 0) return <Nothing>{none}</Nothing>;
  return (
    <ul className="sheet overflow-hidden">
      {alerts.map((alert) => (
        <Alert key={alert.id} alert={alert} />
      ))}
    </ul>
  );
}

function SendTest() {
  const { t } = adminTexts.useText();
  const action = useAdminAction();
  const [result, setResult] = useState<AlertTest | null>(null);
  return (
    <>
      <button
        type="button"
        className="button"
        aria-disabled={action.isBusy}
        onClick={() => {
          setResult(null);
          void action.run(async () => setResult(await call<AlertTest>('POST', 'v1/admin/alerts/test')));
        }}
      >
        {t('alerts.test')}
      </button>
      <p
        role="status"
        className={
          result?.sent === false
            ? 'basis-full text-alarm empty:sr-only'
            : 'basis-full text-soft empty:sr-only'
        }
      >
        {result &&
          (result.sent ? t('alerts.test.sent') : t('alerts.test.failed', { reason: result.error ?? '' }))}
      </p>
      {action.problem && <FailedNote problem={action.problem} />}
    </>
  );
}

export function AlertsPage() {
  const { t } = adminTexts.useText();
  useRoomTitle(t('nav.alerts'));
  const query = useQuery({
    ...answerOf<Alerts>(`v1/admin/alerts?limit=${MOST_ALERTS}`),
    refetchInterval: REFRESH_MS,
  });
  return (
    <>
      <Heading title={t('nav.alerts')} lead={t('alerts.lead')} />
      <Answered query={query}>
        {({ receiver, data }) => (
          <>
            <div className="sheet flex flex-wrap items-center gap-3 p-4">
              <p className="min-w-60 grow basis-0">
                {receiver === null ? t('alerts.nobody') : t('alerts.receiver', receiver)}
              </p>
              {receiver !== null && <SendTest />}
            </div>
            <Section title={t('alerts.open')}>
              <AlertList alerts={data.filter(({ state }) => state === 'open')} none={t('alerts.noneOpen')} />
            </Section>
            <Section title={t('alerts.past')}>
              <AlertList
                alerts={data.filter(({ state }) => state === 'resolved')}
                none={t('alerts.nonePast')}
              />
            </Section>
          </>
        )}
      </Answered>
    </>
  );
}
