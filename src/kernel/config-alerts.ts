// The settings of alerts: who is told, and what is worth telling.
import { z } from 'zod';
import { count, flag } from './config-fields.ts';

const HTTP_URL = /^https?:\/\/[^\s/]+/;
const PROXY_URL = /^(?:direct|(?:https?|socks5h?):\/\/[^\s/]+\/?)$/;
const MS_PER_S = 1000;
const MS_PER_HOUR = 3_600_000;

export const alertSettings = z
  .strictObject({
    webhook_url: z
      .string()
      .regex(HTTP_URL, 'must be a full address such as https://hooks.example.com/abc')
      .nullable()
      .default(null)
      .meta({
        description:
          'Address that alerts and their end are sent to, by POST: any receiver of JSON, or the robot of a Slack, WeCom, DingTalk or Feishu group. Without it, alerts are only kept and shown.',
        'x-secret': true,
      }),
    format: z.enum(['auto', 'json', 'wecom', 'dingtalk', 'feishu']).default('auto').meta({
      description:
        'Form of what is sent; auto goes by the address. json has the whole alert and a "text" for people, which Slack takes, too.',
    }),
    proxy: z
      .string()
      .regex(PROXY_URL, 'must be a proxy address such as http://10.0.0.2:3128, or "direct" for none')
      .nullable()
      .default(null)
      .meta({
        description: 'Proxy to send alerts by, instead of the environment\'s; "direct" for none.',
        'x-secret': true,
      }),
    interval_s: count(15, 1, 3600, 'Seconds between two looks.'),
    provider_down_s: count(
      60,
      0,
      86_400,
      'Seconds a provider is down before it is told; a refused credential is told at once.',
    ),
    failure_percent: count(20, 0, 100, 'Share of failed tasks of a provider that is told; 0: never.'),
    failure_least: count(10, 1, 1_000_000, 'Ended tasks without which their share says nothing.'),
    failure_window_s: count(600, 60, 86_400, 'Seconds back over which failed tasks are counted.'),
    waiting_s: count(600, 0, 86_400, 'Seconds a task waits for its turn before it is told; 0: never.'),
    disk_percent: count(10, 0, 99, 'Free space of a disk below which it is told; 0: never.'),
    ledger_hours: count(24, 0, 720, 'Hours between two checks of the whole ledger; 0: never.'),
    watchdog: flag(true, 'Tell when the watchdog had to repair tasks.'),
  })
  .prefault({});

/** In milliseconds and shares. */
export function toAlerts(settings: z.output<typeof alertSettings>) {
  return {
    webhookUrl: settings.webhook_url,
    format: settings.format,
    /** `direct` for none; null: the environment's. */
    proxy: settings.proxy,
    intervalMs: settings.interval_s * MS_PER_S,
    providerDownMs: settings.provider_down_s * MS_PER_S,
    /** 0 to 1; 0: never. */
    failureShare: settings.failure_percent / 100,
    failureLeast: settings.failure_least,
    failureWindowMs: settings.failure_window_s * MS_PER_S,
    /** 0: never, as with all that follow. */
    waitingMs: settings.waiting_s * MS_PER_S,
    diskShare: settings.disk_percent / 100,
    ledgerMs: settings.ledger_hours * MS_PER_HOUR,
    watchdog: settings.watchdog,
  };
}

/** What of an alert's address must be masked wherever it turns up: the parts in which robots carry their keys. */
export function alertSecrets(webhookUrl: string | null): string[] {
  if (webhookUrl === null || !URL.canParse(webhookUrl)) return [];
  const url = new URL(webhookUrl);
  const longest = url.pathname.split('/').filter((part) => part.length >= 16);
  return [webhookUrl, url.password, ...url.searchParams.values(), ...longest].filter((part) => part !== '');
}
