// What is worth telling somebody, as data: each rule looks and says what is wrong now. A rule that fails says nothing, and its
// alerts stay as they are.
import { statfs } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { ErrorCode } from '../kernel/errors.ts';
import type { AlertMessages } from '../kernel/messages/alerts-en.ts';
import type { Providers } from '../providers/providers.ts';
import type { Tasks } from '../tasks/tasks.ts';
import { countEnded, findLongestWaiting } from './alert-readings-store.ts';
import type { Condition } from './alert-store.ts';
import { verifyWithTasks } from './data-checks.ts';
import { findMark, setMark } from './store.ts';

export type AlertKind = keyof AlertMessages['kinds'];

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const BYTES_PER_MB = 1024 * 1024;
const MOST_EVIDENCE = 5;
/** Tasks that ended in the window were made at most so long before it; those with longer deadlines are few. */
const LONGEST_LIFE_MS = 2 * HOUR_MS;
/** Repairs are told once, until there were none for this long. */
const REPAIRS_QUIET_MS = 30 * MINUTE_MS;
const RUNS_LOOKED_AT = 20;
/** A ledger that was found wrong is looked at again after this long. */
const LEDGER_AGAIN_MS = HOUR_MS;
const LEDGER_MARK = 'upkeep:ledger';
const CREDENTIAL_CODES: readonly ErrorCode[] = [
  'provider_credentials_missing',
  'provider_credentials_expired',
];
/** What the caller has to answer for is no failure of a provider. */
const CALLERS_OWN: readonly ErrorCode[] = [
  'content_blocked',
  'validation_failed',
  'unsupported_media_type',
  'insufficient_credits',
  'spending_limit_reached',
  'storage_quota_reached',
  'cancelled',
];

export interface AlertWorld {
  config: Config;
  db: Db;
  clock: Clock;
  providers: Pick<Providers, 'overview'>;
  tasks: Pick<Tasks, 'watchdog'>;
  text: AlertMessages;
  /** Of a folder's disk: free and total bytes for this user. */
  diskOf?: ((folder: string) => Promise<{ freeBytes: number; totalBytes: number }>) | undefined;
}

export interface AlertRule {
  kind: AlertKind;
  isOn(config: Config): boolean;
  look(world: AlertWorld): Promise<Omit<Condition, 'kind'>[]>;
}

export const ALERT_RULES: readonly AlertRule[] = [
  { kind: 'provider_down', isOn: () => true, look: findDown },
  { kind: 'provider_credentials', isOn: () => true, look: findRefused },
  { kind: 'failure_rate', isOn: ({ alerts }) => alerts.failureShare > 0, look: findFailing },
  { kind: 'oldest_waiting', isOn: ({ alerts }) => alerts.waitingMs > 0, look: findWaiting },
  { kind: 'disk_low', isOn: ({ alerts }) => alerts.diskShare > 0, look: findFullDisks },
  { kind: 'ledger_mismatch', isOn: ({ alerts }) => alerts.ledgerMs > 0, look: findLedgerFaults },
  { kind: 'watchdog_repairs', isOn: ({ alerts }) => alerts.watchdog, look: findRepairs },
];

const lacksCredential = (code: ErrorCode | undefined) =>
  code !== undefined && CREDENTIAL_CODES.includes(code);

async function findDown({ config, providers }: AlertWorld) {
  return providers
    .overview()
    .providers.filter(({ state, reason }) => state === 'down' && !lacksCredential(reason?.code))
    .map(({ name, reason }) => ({
      subject: name,
      severity: 'error' as const,
      detail: reason?.detail ?? 'It is down.',
      evidence: reason ? [reason.code] : [],
      holdMs: config.alerts.providerDownMs,
    }));
}

async function findRefused({ providers }: AlertWorld) {
  return providers
    .overview()
    .providers.filter(({ state, reason }) => state !== 'healthy' && lacksCredential(reason?.code))
    .map(({ name, state, reason }) => ({
      subject: name,
      // One of several accounts is refused: work goes on with the others.
      severity: state === 'down' ? ('error' as const) : ('warning' as const),
      detail: reason?.detail ?? '',
      evidence: reason ? [reason.code] : [],
      holdMs: 0,
    }));
}

async function findFailing({ config, db, clock, text }: AlertWorld) {
  const { failureShare, failureLeast, failureWindowMs } = config.alerts;
  const since = clock.now() - failureWindowMs;
  const longest = Math.max(LONGEST_LIFE_MS, config.tasks.deadlineMs ?? 0);
  const ended = await countEnded(db.slow, {
    since,
    createdSince: Math.max(0, since - longest),
    callersOwn: CALLERS_OWN,
  });
  return ended
    .map((lane) => ({ ...lane, all: lane.failed + lane.succeeded }))
    .filter(({ failed, all }) => all >= failureLeast && failed / all >= failureShare)
    .map(({ lane, failed, all, codes }) => ({
      subject: lane,
      severity: 'error' as const,
      detail: text.what.failures(failed, all, Math.round(failureWindowMs / MINUTE_MS)),
      evidence: codes,
      holdMs: 0,
    }));
}

async function findWaiting({ config, db, clock, text }: AlertWorld) {
  const now = clock.now();
  return (await findLongestWaiting(db.slow))
    .filter((task) => now - task.created_at > config.alerts.waitingMs)
    .map((task) => ({
      subject: task.lane,
      severity: 'warning' as const,
      detail: text.what.waiting(Math.floor((now - task.created_at) / MINUTE_MS)),
      evidence: [task.id, ...(task.waiting_reason === null ? [] : [task.waiting_reason])],
      holdMs: 0,
    }));
}

async function findFullDisks({ config, text, diskOf = readDisk }: AlertWorld) {
  const found: Omit<Condition, 'kind'>[] = [];
  const folders = new Map([
    [config.dataDir, 'data'],
    // Most often on the same disk: one of them is enough then.
    [config.media.root, config.media.root.startsWith(`${config.dataDir}/`) ? 'data' : 'media'],
  ]);
  for (const [folder, name] of folders) {
    if (found.some(({ subject }) => subject === name)) continue;
    const { freeBytes, totalBytes } = await diskOf(folder);
    if (totalBytes === 0 || freeBytes / totalBytes >= config.alerts.diskShare) continue;
    found.push({
      subject: name,
      severity: 'error',
      detail: text.what.disk(
        Math.floor((freeBytes / totalBytes) * 100),
        Math.floor(freeBytes / BYTES_PER_MB),
      ),
      evidence: [],
      holdMs: 0,
    });
  }
  return found;
}

async function readDisk(folder: string) {
  const { bavail, bsize, blocks } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** The ledger is read as a whole now and then; in between, what was found is remembered. */
async function findLedgerFaults({ config, db, clock, text }: AlertWorld) {
  const now = clock.now();
  const last = await findMark(db.read, LEDGER_MARK);
  const intervalMs =
    last?.ok === 0 ? Math.min(LEDGER_AGAIN_MS, config.alerts.ledgerMs) : config.alerts.ledgerMs;
  const isDue = !last || now - last.at >= intervalMs || last.at > now;
  let evidence: string[] = last?.ok === 0 ? (JSON.parse(last.note) as string[]) : [];
  if (isDue) {
    const { findings } = await verifyWithTasks(db);
    evidence = findings.map(
      ({ rule, table, rowId, accountId, problem }) =>
        `${rule} ${table} ${rowId ?? accountId ?? ''}: ${problem}`,
    );
    const kept = JSON.stringify(evidence.slice(0, MOST_EVIDENCE));
    const note = evidence.length === 0 ? 'no fault' : kept;
    await db.write(setMark, { name: LEDGER_MARK, at: now, ok: evidence.length === 0 ? 1 : 0, note });
  }
  if (evidence.length === 0) return [];
  return [
    {
      subject: null,
      severity: 'error' as const,
      detail: text.what.ledger(evidence.length),
      evidence: evidence.slice(0, MOST_EVIDENCE),
      holdMs: 0,
    },
  ];
}

async function findRepairs({ tasks, clock, text }: AlertWorld) {
  const since = clock.now() - REPAIRS_QUIET_MS;
  const runs = await tasks.watchdog.history({ limit: RUNS_LOOKED_AT });
  const repairs = runs.filter((run) => !run.dryRun && run.repaired > 0 && run.started_at > since);
  if (repairs.length === 0) return [];
  const count = repairs.reduce((sum, run) => sum + run.repaired, 0);
  const named = repairs.flatMap((run) =>
    run.findings.map(({ taskId, what }) => `${taskId ?? ''} ${what}`.trim()),
  );
  return [
    {
      subject: null,
      severity: 'warning' as const,
      detail: text.what.repairs(count),
      evidence: named.slice(0, MOST_EVIDENCE),
      holdMs: 0,
    },
  ];
}
