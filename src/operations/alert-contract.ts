// Alerts and the last looks at providers, on the wire.
import { z } from 'zod';
import { defineRoute } from '../kernel/route.ts';
import { pageLimit, time } from '../kernel/wire-schemas.ts';

const TAG = 'Operations';
const MOST_ALERTS = 200;
const USUAL_ALERTS = 50;
const MOST_CHECKS = 1_000;
const USUAL_CHECKS = 100;

export const noticeSchema = z
  .object({
    event: z.enum(['opened', 'recovered']),
    state: z
      .enum(['waiting', 'sent', 'given_up', 'kept'])
      .describe('`kept`: nobody was configured to be told; `given_up`: it could not be sent for a day'),
    tries: z.int(),
    sent_at: time.nullable(),
    error: z.string().nullable().describe('Why the last try failed'),
  })
  .meta({ id: 'AlertNotice' });

export const alertSchema = z
  .object({
    id: z.string(),
    kind: z
      .string()
      .describe(
        '`provider_down`, `provider_credentials`, `failure_rate`, `oldest_waiting`, `disk_low`, `ledger_mismatch` or `watchdog_repairs`',
      ),
    subject: z.string().nullable().describe('Which provider, lane or disk'),
    severity: z.enum(['warning', 'error']),
    state: z.enum(['open', 'resolved']),
    title: z.string(),
    detail: z.string(),
    fix: z.string(),
    evidence: z.array(z.string()),
    opened_at: time,
    last_seen_at: time,
    resolved_at: time.nullable(),
    notices: z.array(noticeSchema),
  })
  .meta({ id: 'Alert' });

export type AlertBody = z.output<typeof alertSchema>;

export const listAlertsRoute = defineRoute({
  id: 'alerts.list',
  method: 'GET',
  path: '/v1/admin/alerts',
  tag: TAG,
  summary: 'What was worth telling: open alerts first, then the newest',
  description: 'Alerts that are over are kept for 90 days.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: z.object({
    state: z.enum(['open', 'all']).default('all'),
    limit: pageLimit(USUAL_ALERTS, MOST_ALERTS),
  }),
  responses: {
    200: {
      description: 'Alerts and who is told',
      schema: z.object({
        receiver: z
          .object({ host: z.string(), format: z.string() })
          .nullable()
          .describe('Null when nobody is told (`DRAWBRIDGE_ALERTS_WEBHOOK_URL`)'),
        data: z.array(alertSchema),
      }),
    },
  },
  errors: [],
});

export const testAlertRoute = defineRoute({
  id: 'alerts.test',
  method: 'POST',
  path: '/v1/admin/alerts/test',
  tag: TAG,
  summary: 'Send a test to the receiver of alerts',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  responses: {
    200: {
      description: 'Whether the receiver took it',
      schema: z.object({ sent: z.boolean(), error: z.string().nullable() }).meta({ id: 'AlertTest' }),
    },
  },
  errors: ['conflict'],
});

export const providerCheckSchema = z
  .object({
    provider: z.string(),
    node: z.string(),
    checked_at: time,
    state: z.enum(['healthy', 'degraded', 'down']),
    code: z.string().nullable().describe('An error code; null when it works'),
    detail: z.string().nullable(),
  })
  .meta({ id: 'ProviderCheck' });

export const providerChecksRoute = defineRoute({
  id: 'health.providerChecks',
  method: 'GET',
  path: '/v1/admin/health/checks',
  tag: TAG,
  summary: 'The last looks at each provider, the newest first',
  description: 'Of each provider the newest 500 are kept, whatever happened since.',
  access: { kind: 'scope', scope: 'admin' },
  limit: 'api',
  query: z.object({
    provider: z.string().max(60).optional(),
    limit: pageLimit(USUAL_CHECKS, MOST_CHECKS),
  }),
  responses: {
    200: { description: 'Looks', schema: z.object({ data: z.array(providerCheckSchema) }) },
  },
  errors: [],
});
