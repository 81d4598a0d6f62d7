// What the doctor looks at inside: database, pictures, providers, upkeep; and, when it looks deep, the invariants on all data.
// T4 (no write by a stale owner) leaves no trace that could be read later: it is proven by tests, not here.
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { type LedgerReport, rebuildBalance, verifyLedger } from '../credits/credits.ts';
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { DoctorMessages } from '../kernel/messages/doctor-en.ts';
import { appliedMigrations } from '../kernel/migrate.ts';
import type { Media, MediaCheck } from '../media/media.ts';
import type { LegBody } from '../providers/contract.ts';
import type { Providers } from '../providers/providers.ts';
import { checkDeliveriesExist } from '../webhooks/webhooks.ts';
import type { Check, CheckId, Outcome } from './doctor-check.ts';
import {
  checkAttempts,
  checkDeadlines,
  checkDelivery,
  checkFinalEvents,
  checkIdempotencyKeys,
  checkStates,
  checkStructure,
  checkTasksExist,
  countMissingThumbs,
  findEndedTasks,
  findNewestImage,
  heldSums,
  MOST_NAMED,
  newestEventMs,
  type RowsReport,
  readWeakSettings,
} from './doctor-store.ts';
import type { Upkeep } from './upkeep.ts';
import { describeLegs, type WayContext } from './way-checks.ts';

/** After its deadline a task has this long to come to its end (T6). */
const DEADLINE_SLACK_MS = 60_000;
/** Pictures leave the trash after 30 days at the earliest; for tasks before that, rows may be missing by right. */
const PICTURES_KEPT_MS = 30 * 24 * 3_600_000;
const UPKEEP_LATE_MS = 48 * 3_600_000;
/** Clocks of nodes differ by less. */
const CLOCK_BACK_MS = 60_000;
const MIGRATIONS_FOLDER = new URL('../../migrations/', import.meta.url);
const MIGRATION_FILE = /^(\d{4}_[a-z0-9_]+)\.ts$/;

export interface DataContext {
  db: Db;
  clock: Clock;
  media: Media;
  providers: Providers;
  upkeep: Upkeep;
  text: DoctorMessages;
  /** The slices' own reports, made once and read by several checks. */
  ledger: () => Promise<LedgerReport>;
  mediaChecks: () => Promise<MediaCheck[]>;
  /** Asks this server for a path as a browser would; null where there is no request to answer. */
  fetchPath: WayContext['fetchPath'];
  /** Tries the way to a provider step by step; null where nobody can. */
  testLegs: ((provider: string) => Promise<LegBody[]>) | null;
}

/** The ledger's report for the doctor: compared with tasks too, which the credits slice cannot see. */
export function verifyWithTasks(db: Db): Promise<LedgerReport> {
  return verifyLedger(db, { areTasksTerminal: (taskIds) => findEndedTasks(db.slow, taskIds) });
}

const ok = (what: string): Outcome => ({ state: 'ok', what });

/** All checks; one for each provider that there is. */
export function dataChecks(providers: Providers): readonly Check<DataContext>[] {
  return [
    { id: 'database', run: checkDatabase },
    { id: 'database_settings', run: checkSettings },
    { id: 'migrations', run: checkMigrations },
    { id: 'clock_back', run: checkClockBack },
    { ...mediaCheck('store', 'media.volume'), run: checkVolume },
    mediaCheck('store_space', 'media.space'),
    mediaCheck('stores', 'media.stores'),
    { id: 'serving', run: checkServing },
    ...providers.names.map((name) => providerCheck(name)),
    { id: 'upkeep', run: checkUpkeep },
    { id: 'thumbnails', run: checkThumbnails },
    rowsCheck('T1', (context) => checkTasksExist(context.db.slow)),
    rowsCheck('T2', (context) => checkFinalEvents(context.db.slow)),
    rowsCheck('T3', (context) => checkStates(context.db.slow)),
    rowsCheck('T5', (context) => checkAttempts(context.db.slow)),
    rowsCheck('T6', (context) => checkDeadlines(context.db.slow, context.clock.now() - DEADLINE_SLACK_MS)),
    rowsCheck('T7', (context) => checkIdempotencyKeys(context.db.slow)),
    rowsCheck('N1', (context) => checkDeliveriesExist(context.db.slow)),
    ...(['L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L7', 'L8'] as const).map((rule) => ledgerCheck(rule)),
    rowsCheck('M1', (context) => checkDelivery(context.db.slow, context.clock.now() - PICTURES_KEPT_MS)),
    mediaCheck('M2', 'media.files'),
    { ...mediaCheck('M3', 'media.strays'), run: checkStrays },
  ];
}

async function checkDatabase({ db, text: { what } }: DataContext): Promise<Outcome> {
  const faults = await checkStructure(db.slow);
  if (faults.length === 0) return ok(what.databaseFine(db.dialect === 'sqlite' ? 'SQLite' : 'PostgreSQL'));
  return { state: 'error', what: what.databaseDamaged(faults.length), evidence: faults };
}

async function checkSettings({ db, text: { what } }: DataContext): Promise<Outcome> {
  const weak = await db.write(readWeakSettings, null);
  return weak.length === 0
    ? ok(what.settingsFine)
    : { state: 'error', what: what.settingsWeak(weak.join(', ')) };
}

async function checkMigrations({ db, text: { what } }: DataContext): Promise<Outcome> {
  const applied = new Set(await appliedMigrations(db.read));
  const known = readdirSync(MIGRATIONS_FOLDER).flatMap((file) => MIGRATION_FILE.exec(file)?.[1] ?? []);
  const missing = known.filter((name) => !applied.has(name));
  if (missing.length === 0) return ok(what.migrationsFine(known.length));
  return { state: 'error', what: what.migrationsMissing(missing.length), evidence: missing };
}

async function checkClockBack({ db, clock, text: { what } }: DataContext): Promise<Outcome> {
  const now = clock.now();
  const newest = await newestEventMs(db.read);
  if (newest === null || newest - now < CLOCK_BACK_MS) return ok(what.clockIs(toTimestamp(now)));
  return { state: 'warning', what: what.clockBack(Math.round((newest - now) / 1000)) };
}

/** The newest picture, by the very address that the studio shows, compared with what was stored. */
async function checkServing({ db, media, fetchPath, text: { what } }: DataContext): Promise<Outcome> {
  if (!fetchPath) return { state: 'skipped', what: what.servingUnknown };
  const image = await findNewestImage(db.read);
  if (!image) return { state: 'skipped', what: what.servingNone };
  const { pathname, search } = new URL(media.taskImage(image, 'http://localhost').url);
  const { status, bytes, headers } = await fetchPath(`${pathname}${search}`);
  // With X-Accel-Redirect the bytes are the proxy's to send; the way of a picture is followed there, too.
  const isSame =
    headers['x-accel-redirect'] !== undefined ||
    createHash('sha256').update(bytes).digest('hex') === image.sha256;
  if (status === 200 && isSame) return ok(what.servingFine);
  return { state: 'error', what: what.servingWrong(status), evidence: [image.id] };
}

function providerCheck(name: string): Check<DataContext> {
  return {
    id: 'provider',
    subject: name,
    async run(context) {
      const { providers, testLegs, text } = context;
      const { what } = text;
      const { state, reason } = await providers.probe(name);
      if (state === 'healthy') return ok(what.providerFine);
      const legs = testLegs ? await describeLegs(name, await testLegs(name), context) : [];
      const evidence = reason ? [reason.code, ...legs] : legs;
      return { state: 'error', what: reason?.detail ?? state, evidence };
    },
  };
}

async function checkUpkeep({ upkeep, clock, text: { what } }: DataContext): Promise<Outcome> {
  const last = (await upkeep.history()).find(({ job }) => job === 'gc');
  if (!last) return ok(what.upkeepNever);
  const time = toTimestamp(last.at);
  if (last.ok === 0) return { state: 'warning', what: what.upkeepFailed(time, last.note) };
  return { state: clock.now() - last.at > UPKEEP_LATE_MS ? 'warning' : 'ok', what: what.upkeepFine(time) };
}

async function checkThumbnails({ db, media, text: { what, fixed } }: DataContext): Promise<Outcome> {
  const missing = await countMissingThumbs(db.slow);
  if (missing === 0) return ok(what.fine);
  return {
    state: 'warning',
    what: what.thumbsMissing(missing),
    repair: async () => fixed.thumbnails(await media.deriveMissingThumbs()),
  };
}

function rowsCheck(id: CheckId, count: (context: DataContext) => Promise<RowsReport>): Check<DataContext> {
  return {
    id,
    deep: true,
    async run(context) {
      const { checked, broken, examples } = await count(context);
      const { what } = context.text;
      if (broken === 0) return ok(what.rowsFine(checked));
      return { state: 'error', what: what.rowsBroken(broken), evidence: examples };
    },
  };
}

type LedgerRule = LedgerReport['findings'][number]['rule'];

function ledgerCheck(rule: LedgerRule): Check<DataContext> {
  return {
    id: rule,
    deep: true,
    async run(context) {
      const { text, db } = context;
      const report = await context.ledger();
      const found = report.findings.filter((finding) => finding.rule === rule);
      const evidence = found
        .slice(0, MOST_NAMED)
        .map(({ table, rowId, accountId, problem }) => `${table} ${rowId ?? accountId ?? ''}: ${problem}`);
      if (rule === 'L6') {
        const { openHolds, unfinishedTasks } = await heldSums(db.slow);
        if (openHolds !== unfinishedTasks)
          evidence.push(text.what.heldDiffers(String(openHolds), String(unfinishedTasks)));
      }
      if (evidence.length === 0) return ok(text.what.rowsFine(report.entries));
      const what = text.what.rowsBroken(Math.max(found.length, evidence.length));
      if (rule !== 'L3') return { state: 'error', what, evidence };
      return { state: 'error', what, evidence, repair: () => rebuildBalances(context, report) };
    },
  };
}

/** Only balances are rebuilt, and only from entries whose own chain verifies: those are then the truth. */
async function rebuildBalances({ db, text }: DataContext, report: LedgerReport): Promise<string> {
  const damaged = new Set(
    report.findings.filter(({ table }) => table === 'ledger_transfers').map(({ accountId }) => accountId),
  );
  const accounts = new Set(
    report.findings.flatMap(({ rule, table, accountId }) =>
      rule === 'L3' && table === 'credit_balances' && accountId !== null && !damaged.has(accountId)
        ? [accountId]
        : [],
    ),
  );
  for (const accountId of accounts) await db.write(rebuildBalance, { accountId });
  return text.fixed.balances(accounts.size);
}

const MEDIA_STATES = { ok: 'ok', warning: 'warning', failed: 'error', skipped: 'skipped' } as const;

function mediaCheck(id: CheckId, name: MediaCheck['name']): Check<DataContext> {
  return {
    id,
    async run(context) {
      const found = (await context.mediaChecks()).find((check) => check.name === name);
      if (!found) return { state: 'skipped', what: context.text.what.skipped };
      return { state: MEDIA_STATES[found.state], what: found.detail, evidence: found.examples };
    },
  };
}

/** A volume without its marker counts only by the operator's word: a disk that is not mounted looks just like it. */
async function checkVolume(context: DataContext): Promise<Outcome> {
  const outcome = await mediaCheck('store', 'media.volume').run(context);
  const found = (await context.mediaChecks()).find((check) => check.name === 'media.volume');
  if (outcome.state !== 'error' || !found?.fix?.includes('doctor --fix')) return outcome;
  const repair = async () => {
    await context.media.adoptVolume();
    return context.text.fixed.volume;
  };
  return { ...outcome, fix: found.fix, repair };
}

async function checkStrays(context: DataContext): Promise<Outcome> {
  const outcome = await mediaCheck('M3', 'media.strays').run(context);
  if (outcome.state !== 'warning') return outcome;
  const { fixed } = context.text;
  const repair = async () => {
    const { straysQuarantined, straysRefused } = await context.upkeep.collect();
    return straysRefused > 0 ? fixed.straysRefused(straysRefused) : fixed.strays(straysQuarantined);
  };
  return { ...outcome, repair };
}
