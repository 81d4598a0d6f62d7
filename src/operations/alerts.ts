// Alerts: one node of the cluster looks every few seconds, what is wrong is kept in the database, and the receiver is told when
// it begins and when it is over, once each. What could not be sent is tried for a day. Every node notes its looks at providers.
import type { Clock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import { alertSecrets } from '../kernel/config-alerts.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, type Language } from '../kernel/errors.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type { AlertMessages } from '../kernel/messages/alerts-en.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { type LoopState, SupervisedLoop } from '../kernel/supervised-loop.ts';
import type { Providers } from '../providers/providers.ts';
import type { Tasks } from '../tasks/tasks.ts';
import { formatOf, type Notice, noticeBody, sendNotice } from './alert-notice.ts';
import { ALERT_RULES, type AlertRule, type AlertWorld } from './alert-rules.ts';
import {
  type AlertWithNotices,
  type Condition,
  claimAlertRound,
  claimNotices,
  listAlerts,
  type NoticeToSend,
  settleNotice,
  settleRound,
} from './alert-store.ts';
import { listProviderChecks, type ProviderCheckRow, recordProviderChecks } from './provider-check-store.ts';

/** What was wrong counts as over after this long without it. */
const QUIET_MS = 60_000;
/** Whoever took a notice sends it within this time, or leaves it to the next. */
const LEASE_MS = 60_000;
const NOTICES_A_ROUND = 20;
const RETRY_MS = [15_000, 60_000, 5 * 60_000, 15 * 60_000, 3_600_000];
const GIVE_UP_MS = 24 * 3_600_000;
const STALL_MS = 5 * 60_000;
const MOST_BACKOFF_MS = 5 * 60_000;

export interface AlertsOptions {
  config: Config;
  db: Db;
  clock: Clock;
  log: Logger;
  node: Pick<NodeLease, 'id'>;
  providers: Pick<Providers, 'overview'>;
  tasks: Pick<Tasks, 'watchdog'>;
  openOutbound: () => Promise<Outbound>;
  diskOf?: AlertWorld['diskOf'];
}

export async function alertMessages(language: Language): Promise<AlertMessages> {
  if (language === 'zh') return (await import('../kernel/messages/alerts-zh.ts')).alertsZh;
  return (await import('../kernel/messages/alerts-en.ts')).alertsEn;
}

export class Alerts {
  readonly #options: AlertsOptions;
  readonly #loop: SupervisedLoop;
  /** When the look at each provider was that was noted last. */
  readonly #noted = new Map<string, number>();

  constructor(options: AlertsOptions) {
    this.#options = options;
    const { config, clock, log } = options;
    this.#loop = new SupervisedLoop({
      name: 'alerts',
      clock,
      log,
      intervalMs: config.alerts.intervalMs,
      maxBackoffMs: MOST_BACKOFF_MS,
      stallMs: STALL_MS,
      step: () => this.look(),
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Begins nothing more; what waits to be sent is sent after the next start. */
  close(): void {
    this.#loop.stop();
  }

  get loop(): LoopState {
    return this.#loop.state;
  }

  /** One round: notes, looks, settles, sends. */
  async look(): Promise<void> {
    const { config, db, clock, node } = this.#options;
    await this.#noteChecks();
    const now = clock.now();
    const after = now - config.alerts.intervalMs / 2;
    if (await db.write(claimAlertRound, { now, after, node: node.id })) await this.#settle();
    await this.#send();
  }

  list(filter: { isOpen: boolean; limit: number }): Promise<AlertWithNotices[]> {
    return listAlerts(this.#options.db.read, filter);
  }

  checks(filter: { provider: string | undefined; limit: number }): Promise<ProviderCheckRow[]> {
    return listProviderChecks(this.#options.db.read, filter);
  }

  /** Where notices go, without what is secret about it; null when nobody is told. */
  get receiver(): { host: string; format: string } | null {
    const { alerts } = this.#options.config;
    if (alerts.webhookUrl === null) return null;
    return { host: new URL(alerts.webhookUrl).host, format: formatOf(alerts) };
  }

  /** Sends a test notice now; resolves with why it did not arrive, or null. Throws `conflict` without a receiver. */
  async test(): Promise<string | null> {
    if (this.receiver === null) {
      throw new AppError('conflict', {
        detail: 'No receiver of alerts is configured.',
        fix: 'Set DRAWBRIDGE_ALERTS_WEBHOOK_URL and restart.',
      });
    }
    const at = this.#options.clock.now();
    return this.#deliver({ id: `test_${at}`, event: 'test', alert: null, at });
  }

  async #noteChecks(): Promise<void> {
    const { db, node, providers } = this.#options;
    const fresh = providers
      .overview()
      .providers.flatMap(({ name, state, reason, checkedAt }): ProviderCheckRow[] => {
        if (checkedAt === null || this.#noted.get(name) === checkedAt) return [];
        const [code, detail] = [reason?.code ?? null, reason?.detail ?? null];
        return [{ provider: name, checked_at: checkedAt, node: node.id, state, code, detail }];
      });
    if (fresh.length === 0) return;
    await db.write(recordProviderChecks, { checks: fresh });
    for (const check of fresh) this.#noted.set(check.provider, check.checked_at);
  }

  async #settle(): Promise<void> {
    const { config, db, clock, log } = this.#options;
    const world: AlertWorld = { ...this.#options, text: await alertMessages(config.language) };
    const conditions: Condition[] = [];
    const judged: string[] = [];
    for (const rule of ALERT_RULES) {
      const found = await this.#ask(rule, world);
      if (found === null) continue;
      judged.push(rule.kind);
      conditions.push(...found.map((one) => ({ ...one, kind: rule.kind })));
    }
    const hasReceiver = config.alerts.webhookUrl !== null;
    const round = { now: clock.now(), judged, conditions, quietMs: QUIET_MS, hasReceiver };
    const { opened, recovered } = await db.write(settleRound, round);
    if (opened.length > 0) log.warn({ alerts: opened }, 'alert');
    if (recovered.length > 0) log.info({ alerts: recovered }, 'alert over');
  }

  /** Null when it could not be told; a rule that is switched off finds nothing, so that what it had opened ends. */
  async #ask(rule: AlertRule, world: AlertWorld): Promise<Omit<Condition, 'kind'>[] | null> {
    if (!rule.isOn(world.config)) return [];
    try {
      return await rule.look(world);
    } catch (error) {
      this.#options.log.warn({ err: error, alert: rule.kind }, 'what an alert is about could not be read');
      return null;
    }
  }

  async #send(): Promise<void> {
    const { config, db, clock } = this.#options;
    if (config.alerts.webhookUrl === null) return;
    const claim = { now: clock.now(), leaseMs: LEASE_MS, limit: NOTICES_A_ROUND };
    for (const notice of await db.write(claimNotices, claim)) await this.#sendOne(notice);
  }

  async #sendOne(notice: NoticeToSend): Promise<void> {
    const { db, clock, log } = this.#options;
    const { id, event, tries, created_at: at, alert } = notice;
    const problem = await this.#deliver({ id, event, alert, at });
    const now = clock.now();
    if (problem === null) {
      await db.write(settleNotice, { id, state: 'sent', due_at: now, sent_at: now, last_error: null });
      return;
    }
    const isOver = now - at >= GIVE_UP_MS;
    log.warn({ alert: alert.alert_key, tries, problem }, 'an alert could not be sent');
    const waitMs = RETRY_MS[Math.min(tries, RETRY_MS.length) - 1] ?? 0;
    const state = isOver ? ('given_up' as const) : ('waiting' as const);
    await db.write(settleNotice, { id, state, due_at: now + waitMs, sent_at: null, last_error: problem });
  }

  async #deliver(notice: Notice): Promise<string | null> {
    const { config, node, openOutbound } = this.#options;
    const { webhookUrl, proxy } = config.alerts;
    if (webhookUrl === null) return 'There is no receiver.';
    const text = await alertMessages(config.language);
    const server = config.publicUrl ?? `http://${config.host}:${config.port} (${node.id})`;
    const body = noticeBody(notice, { text, server, format: formatOf(config.alerts) });
    return sendNotice(await openOutbound(), { webhookUrl, proxy }, body, alertSecrets(webhookUrl));
  }
}
