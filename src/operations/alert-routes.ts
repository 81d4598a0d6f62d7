// Binds the contracts of alerts and of looks at providers.
import { toTimestamp } from '../kernel/clock.ts';
import type { Language } from '../kernel/errors.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import { type AlertBody, listAlertsRoute, providerChecksRoute, testAlertRoute } from './alert-contract.ts';
import { wordsOf } from './alert-notice.ts';
import type { AlertWithNotices } from './alert-store.ts';
import { type Alerts, alertMessages } from './alerts.ts';

const timeOrNull = (at: number | null) => (at === null ? null : toTimestamp(at));

export function alertRoutes(alerts: Alerts): BoundRoute[] {
  return [
    bindRoute(listAlertsRoute, async ({ query, language }) => {
      const rows = await alerts.list({ isOpen: query.state === 'open', limit: query.limit });
      const data = await Promise.all(rows.map((row) => alertResource(row, language)));
      return { status: 200 as const, body: { receiver: alerts.receiver, data } };
    }),
    bindRoute(testAlertRoute, async () => {
      const error = await alerts.test();
      return { status: 200 as const, body: { sent: error === null, error } };
    }),
    bindRoute(providerChecksRoute, async ({ query }) => ({
      status: 200 as const,
      body: {
        data: (await alerts.checks({ provider: query.provider, limit: query.limit })).map(
          ({ provider, node, checked_at: at, state, code, detail }) => ({
            provider,
            node,
            checked_at: toTimestamp(at),
            state: state as 'healthy' | 'degraded' | 'down',
            code,
            detail,
          }),
        ),
      },
    })),
  ];
}

async function alertResource(row: AlertWithNotices, language: Language): Promise<AlertBody> {
  const words = wordsOf(row, await alertMessages(language));
  return {
    id: row.id,
    kind: row.kind,
    subject: row.subject,
    severity: row.severity,
    state: row.state === 'open' ? 'open' : 'resolved',
    ...words,
    evidence: JSON.parse(row.evidence) as string[],
    opened_at: toTimestamp(row.opened_at ?? row.first_seen_at),
    last_seen_at: toTimestamp(row.last_seen_at),
    resolved_at: timeOrNull(row.resolved_at),
    notices: row.notices.map(({ event, state, tries, sent_at: sentAt, last_error: error }) => ({
      event,
      state,
      tries,
      sent_at: timeOrNull(sentAt),
      error,
    })),
  };
}
