// What the doctor looks at in the work that goes on by itself: the watchdog, stuck tasks, backups and webhook messages.
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import type { Tasks } from '../tasks/tasks.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { countDeadMessages, findOverdue } from './alert-readings-store.ts';
import type { BackupSchedule } from './backup-schedule.ts';
import type { Check, Outcome } from './doctor-check.ts';

const MOST_NAMED = 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** A look may be late by this many of its intervals, and by this much after a start. */
const LATE_LOOKS = 3;
const START_GRACE_MS = 10 * 60_000;
/** Past its deadline, and past the watchdog's own patience, a task waits at most this long for its turn. */
const OVERDUE_SLACK_MS = 60_000;
const BACKUP_LATE = 2;
const DAILY_BACKUP_LATE_MS = 48 * HOUR_MS;
const MESSAGES_LATE_MS = 10 * 60_000;

export interface WorkContext {
  config: Config;
  db: Db;
  clock: Clock;
  tasks: Pick<Tasks, 'watchdog'>;
  webhooks: Pick<Webhooks, 'oldestDueAt' | 'examineSecrets'>;
  backups: BackupSchedule;
  text: DoctorMessages;
  /** The server runs in this process. */
  isServing: boolean;
  uptimeMs: number;
}

const ok = (what: string): Outcome => ({ state: 'ok', what });

export const WORK_CHECKS: readonly Check<WorkContext>[] = [
  { id: 'watchdog', run: checkWatchdog },
  { id: 'stuck_tasks', run: checkStuck },
  { id: 'backups', run: checkBackups },
  { id: 'webhooks', run: checkWebhooks },
  { id: 'webhook_secrets', run: checkWebhookSecrets },
];

async function checkWatchdog({ tasks, clock, isServing, uptimeMs, text }: WorkContext): Promise<Outcome> {
  const { what } = text;
  const { intervalMs } = tasks.watchdog;
  if (intervalMs === 0) return { state: 'warning', what: what.watchdogOff };
  const [last] = await tasks.watchdog.history({ limit: 1 });
  const lateMs = intervalMs * LATE_LOOKS + START_GRACE_MS;
  if (!last) {
    const isLate = isServing && uptimeMs > lateMs;
    return { state: isLate ? 'warning' : 'ok', what: what.watchdogNever };
  }
  const time = toTimestamp(last.started_at);
  if (last.error !== null) return { state: 'warning', what: what.watchdogFailed(time, last.error) };
  const isLate = isServing && uptimeMs > lateMs && clock.now() - last.started_at > lateMs;
  return { state: isLate ? 'warning' : 'ok', what: what.watchdogRan(time) };
}

async function checkStuck({
  config,
  db,
  clock,
  tasks,
  text: { what, fixed },
}: WorkContext): Promise<Outcome> {
  const before = clock.now() - config.watchdog.graceMs - OVERDUE_SLACK_MS;
  const stuck = await findOverdue(db.slow, before, MOST_NAMED);
  if (stuck.length === 0) return ok(what.stuckNone);
  return {
    state: 'error',
    what: what.stuck(stuck.length),
    evidence: stuck,
    repair: async () => fixed.stuck((await tasks.watchdog.run({ trigger: 'api', dryRun: false })).repaired),
  };
}

async function checkBackups({ config, clock, backups, text: { what } }: WorkContext): Promise<Outcome> {
  const { schedule, folder } = config.backup;
  const { runs } = await backups.overview();
  const [newest] = runs;
  const done = runs.find(({ state }) => state === 'done');
  if (schedule === null && runs.length === 0) return ok(what.backupsNone);
  if (newest?.state === 'failed') {
    const evidence = [newest.error ?? '', folder ?? ''];
    return { state: 'error', what: what.backupFailed(toTimestamp(newest.startedAt)), evidence };
  }
  if (schedule === null) return ok(done ? what.backupMade(toTimestamp(done.startedAt)) : what.backupsNone);
  const lateMs = schedule.kind === 'interval' ? schedule.intervalMs * BACKUP_LATE : DAILY_BACKUP_LATE_MS;
  if (!done) return ok(what.backupsNotYet);
  const state = clock.now() - done.startedAt > lateMs ? 'warning' : 'ok';
  return { state, what: what.backupMade(toTimestamp(done.startedAt)) };
}

async function checkWebhooks({ db, clock, webhooks, text: { what } }: WorkContext): Promise<Outcome> {
  const now = clock.now();
  const dueAt = await webhooks.oldestDueAt();
  if (dueAt !== null && now - dueAt > MESSAGES_LATE_MS)
    return { state: 'error', what: what.webhooksLate(Math.round((now - dueAt) / 60_000)) };
  const dead = await countDeadMessages(db.slow, now - DAY_MS);
  if (dead.length === 0) return ok(what.webhooksFine);
  const count = dead.reduce((sum, one) => sum + one.count, 0);
  return {
    state: 'warning',
    what: what.webhooksDead(count),
    evidence: dead.map((one) => `${one.target}: ${one.count}`),
  };
}

/** Whether every webhook's secret and headers can be decrypted here; `evidence` names those that cannot. */
export async function checkWebhookSecrets({
  webhooks,
  text: { what },
}: Pick<WorkContext, 'text'> & { webhooks: Pick<Webhooks, 'examineSecrets'> }): Promise<Outcome> {
  const { count, unreadable, plain } = await webhooks.examineSecrets();
  if (unreadable.length > 0) {
    const evidence = unreadable.slice(0, MOST_NAMED);
    return { state: 'error', what: what.webhookSecretsUnreadable(unreadable.length), evidence };
  }
  if (plain > 0)
    return { state: 'warning', what: what.webhookSecretsPlain(plain), fix: what.webhookSecretsStart };
  return ok(what.webhookSecretsFine(count));
}
