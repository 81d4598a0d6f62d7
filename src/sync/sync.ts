// The face of the slice: sends media, or a release of code, to a configured target. Every file of the source ends with one
// outcome and its reason; what went wrong as a whole is in the report and never thrown past it.
import type { Clock } from '../kernel/clock.ts';
import type { StoreConfig } from '../kernel/config-stores.ts';
import { SYNC_KINDS, type SyncKind, type SyncTargetConfig } from '../kernel/config-sync.ts';
import type { Outbound } from '../kernel/outbound.ts';
import type { SyncReport } from './contract.ts';
import { DrawbridgeTarget } from './drawbridge-target.ts';
import { SyncFault, type SyncFaultKind, toSyncFault } from './fault.ts';
import type { PlanRules } from './plan.ts';
import { checkPublicly, type PublicCheck, type Sample } from './public-check.ts';
import { type Checkout, ReleaseFolder, readCheckout, releaseName } from './release.ts';
import { ReportBuilder } from './report.ts';
import { S3Target } from './s3-target.ts';
import { reasonToLeaveOut, type Selection } from './selection.ts';
import { SftpTarget } from './sftp-target.ts';
import { listFolder, listTracked } from './source.ts';
import { listStores } from './store-source.ts';
import { nameOf, type SourceFile, type Target } from './target.ts';
import { type Outcome, type Progress, Transfer } from './transfer.ts';

export type { SyncReport } from './contract.ts';
export { SyncFault, type SyncFaultKind } from './fault.ts';
export type { PlanRules, SyncMode } from './plan.ts';
export type { Selection } from './selection.ts';
export { MOST_CONNECTIONS } from './sftp-target.ts';
export type { Outcome, Progress } from './transfer.ts';

/** What is told while a sync goes on. */
export type SyncEvent =
  | { type: 'connected'; label: string }
  | { type: 'planned'; places: SyncReport['places']; comparison: SyncReport['comparison'] }
  | { type: 'outcome'; outcome: Outcome }
  | { type: 'progress'; progress: Progress }
  | { type: 'step'; step: 'install' | 'switch' | 'restart' | 'check' | 'rollback'; name: string }
  | { type: 'output'; text: string }
  | { type: 'left_out'; name: string }
  | { type: 'sample'; sample: Sample };

export interface SyncWorld {
  clock: Clock;
  openOutbound(): Promise<Outbound>;
  signal: AbortSignal;
  onEvent(event: SyncEvent): void;
}

export interface SyncResult {
  report: SyncReport;
  /** What stopped it as a whole. */
  fault: SyncFaultKind | null;
}

export interface MediaSyncOptions {
  target: SyncTargetConfig;
  /** A folder; null: the pictures of this installation. */
  from: string | null;
  media: { root: string; stores: readonly StoreConfig[] };
  rules: PlanRules;
  selection: Selection;
  isDryRun: boolean;
  connections?: number | undefined;
}

function openTarget(config: SyncTargetConfig, world: SyncWorld, connections?: number): Target {
  const { clock, openOutbound } = world;
  if (config.kind === 's3') return new S3Target(config, openOutbound);
  if (config.kind === 'drawbridge') return new DrawbridgeTarget(config, clock, openOutbound);
  if (config.path === null)
    throw new SyncFault('unable', `the target "${config.name}" has no "path" for media`);
  return new SftpTarget({ config, clock, connections });
}

/** Places of what is to be sent, kind by kind. */
function placesOf(files: readonly SourceFile[], target: Target, from: string): SyncReport['places'] {
  return SYNC_KINDS.flatMap((kind: SyncKind) => {
    const own = files.filter((file) => file.kind === kind);
    if (own.length === 0) return [];
    const bytes = own.reduce((sum, file) => sum + file.bytes, 0);
    const below = kind === 'files' ? from : `${from}/${kind}`;
    return [{ kind, from: below, to: target.place(kind), files: own.length, bytes }];
  });
}

/** Sends media. Resolves also when nothing could be sent: the report says why. */
export async function syncMedia(options: MediaSyncOptions, world: SyncWorld): Promise<SyncResult> {
  const { target: config, rules, isDryRun, from, media } = options;
  const { clock, onEvent } = world;
  const report = new ReportBuilder(clock, {
    target: config.name,
    what: 'media',
    mode: rules.mode,
    comparison: { sftp: 'size_time', s3: 'size_hash', drawbridge: 'hash' }[config.kind] as 'size_time',
    dry_run: isDryRun,
  });
  let target: Target | null = null;
  try {
    target = openTarget(config, world, options.connections);
    const listing = from === null ? await listStores(media, world.openOutbound) : await listFolder(from);
    const files = select(listing.files, options.selection, target, (outcome) => tell(outcome));
    for (const { name, reason } of listing.skipped) tell({ name, bytes: 0, result: 'kept', reason });
    report.places = placesOf(files, target, from ?? media.root);
    onEvent({ type: 'planned', places: report.places, comparison: target.comparison });
    if (target instanceof SftpTarget && files.length > 0) await target.connect();
    onEvent({ type: 'connected', label: target.label });
    const kinds = [...new Set(files.map(({ kind }) => kind))];
    const there = await target.list(kinds, files);
    const stopped = await transferAll(files, there, target);
    const checked = stopped || isDryRun ? null : await check(files, target);
    return { report: report.build(checked, stopped), fault: stopped?.kind ?? null };
  } catch (error) {
    const fault = toSyncFault(error);
    return { report: report.build(null, fault), fault: fault.kind };
  } finally {
    await target?.close();
  }

  function tell(outcome: Outcome): void {
    report.add(outcome);
    onEvent({ type: 'outcome', outcome });
  }

  async function transferAll(
    files: readonly SourceFile[],
    there: Awaited<ReturnType<Target['list']>>,
    to: Target,
  ) {
    const transfer = new Transfer(
      {
        ...{ target: to, clock, rules, isDryRun, signal: world.signal, onOutcome: tell },
        onProgress: (progress) => onEvent({ type: 'progress', progress }),
      },
      files,
      there,
    );
    await transfer.run(files);
    return transfer.stopped;
  }

  async function check(files: readonly SourceFile[], at: Target): Promise<PublicCheck | null> {
    if (!files.some((file) => at.publicUrls(file).length > 0)) return null;
    const checked = await checkPublicly(await world.openOutbound(), at, files);
    for (const sample of checked.samples) onEvent({ type: 'sample', sample });
    return checked;
  }
}

function select(
  files: readonly SourceFile[],
  selection: Selection,
  target: Target,
  tell: (outcome: Outcome) => void,
): SourceFile[] {
  return files.filter((file) => {
    const name = nameOf(file);
    const reason = target.takes(file.kind) ? reasonToLeaveOut(name, selection) : 'not_taken';
    if (reason) tell({ name, bytes: file.bytes, result: 'kept', reason });
    return reason === null;
  });
}

export interface CodeSyncOptions {
  target: SyncTargetConfig;
  /** The checkout. */
  from: string;
  /** Its files never leave the machine. */
  dataDir: string;
  selection: Selection;
  isDryRun: boolean;
  restart: boolean;
  connections?: number | undefined;
}

function requireCodeTarget(config: SyncTargetConfig) {
  if (config.kind === 'sftp' && config.code) return { config, code: config.code };
  throw new SyncFault('unable', `the target "${config.name}" is not set up for code (kind sftp with "code")`);
}

/**
 * Sends what git tracks as a new release, installs it, switches to it, and restarts and checks it where that is configured.
 * When restart or check fails, the release before comes back.
 */
export async function syncCode(options: CodeSyncOptions, world: SyncWorld): Promise<SyncResult> {
  const { clock, onEvent } = world;
  const fixed = { mode: 'full', comparison: 'none', dry_run: options.isDryRun } as const;
  const report = new ReportBuilder(clock, { target: options.target.name, what: 'code', ...fixed });
  let target: SftpTarget | null = null;
  try {
    const { config, code } = requireCodeTarget(options.target);
    const checkout = await readCheckout(options.from, options.dataDir);
    for (const name of checkout.leftOut) onEvent({ type: 'left_out', name });
    const name = releaseName(clock.now(), checkout);
    const root = `${code.path}/releases/${name}`;
    target = new SftpTarget({ config, clock, root, connections: options.connections });
    await target.connect();
    onEvent({ type: 'connected', label: target.label });
    const files = await filesOf(checkout, target);
    report.places = placesOf(files, target, options.from);
    onEvent({ type: 'planned', places: report.places, comparison: 'none' });
    const rules = { mode: 'full', overwrite: false } as const;
    const transfer = new Transfer(
      {
        ...{ target, clock, rules, isDryRun: options.isDryRun, signal: world.signal, onOutcome: tell },
        onProgress: (progress) => onEvent({ type: 'progress', progress }),
      },
      files,
      new Map(),
    );
    await transfer.run(files);
    const sent = report.build(null, transfer.stopped);
    const releases = new ReleaseFolder(target, code, clock);
    if (transfer.stopped || Object.keys(sent.failed).length > 0) {
      // A release with holes is of no use, and was never in use.
      await releases.remove(name).catch(() => {});
      throw transfer.stopped ?? new SyncFault('failed', 'files failed, so the release was not used');
    }
    if (!options.isDryRun) await activate(releases, name);
    return { report: report.build(null, null), fault: null };
  } catch (error) {
    const fault = toSyncFault(error);
    return { report: { ...report.build(null, fault), state: 'failed' }, fault: fault.kind };
  } finally {
    await target?.close();
  }

  function tell(outcome: Outcome): void {
    report.add(outcome);
    onEvent({ type: 'outcome', outcome });
  }

  async function filesOf(checkout: Checkout, to: Target): Promise<SourceFile[]> {
    const { files, skipped } = await listTracked(options.from, checkout.paths);
    for (const { name, reason } of skipped) tell({ name, bytes: 0, result: 'kept', reason });
    return select(files, options.selection, to, tell);
  }

  async function activate(releases: ReleaseFolder, name: string): Promise<void> {
    const onOutput = (text: string) => onEvent({ type: 'output', text });
    const before = (await releases.list()).current;
    onEvent({ type: 'step', step: 'install', name });
    try {
      await releases.install(name, onOutput);
    } catch (error) {
      await releases.remove(name).catch(() => {});
      throw error;
    }
    onEvent({ type: 'step', step: 'switch', name });
    await releases.use(name);
    report.release = name;
    if (!options.restart) return void (await releases.prune());
    try {
      onEvent({ type: 'step', step: 'restart', name });
      await releases.restart(onOutput);
      onEvent({ type: 'step', step: 'check', name });
      await releases.check(await world.openOutbound());
    } catch (error) {
      if (before === null) throw error;
      onEvent({ type: 'step', step: 'rollback', name: before });
      await releases.use(before);
      report.release = before;
      await releases.restart(onOutput);
      const text = `${toSyncFault(error).message}; ${before} is in use again`;
      throw new SyncFault('failed', text, error);
    }
    await releases.prune();
  }
}

/** Makes the release before the one in use (or a named one) the one in use again, and restarts where asked. */
export async function rollBackCode(
  options: Pick<CodeSyncOptions, 'target' | 'restart'> & { release: string | null },
  world: SyncWorld,
): Promise<SyncResult> {
  const { clock, onEvent } = world;
  const fixed = { mode: 'full', comparison: 'none', dry_run: false } as const;
  const report = new ReportBuilder(clock, { target: options.target.name, what: 'rollback', ...fixed });
  let target: SftpTarget | null = null;
  try {
    const { config, code } = requireCodeTarget(options.target);
    target = new SftpTarget({ config, clock, connections: 1 });
    await target.connect();
    onEvent({ type: 'connected', label: target.label });
    const releases = new ReleaseFolder(target, code, clock);
    const { names, current } = await releases.list();
    const before = current === null ? names.at(-1) : names[names.indexOf(current) - 1];
    const name = options.release ?? before;
    if (name === undefined || !names.includes(name))
      throw new SyncFault(
        'failed',
        `there is no release to go back to; there are: ${names.join(', ') || 'none'}`,
      );
    onEvent({ type: 'step', step: 'rollback', name });
    await releases.use(name);
    report.release = name;
    if (options.restart) {
      onEvent({ type: 'step', step: 'restart', name });
      await releases.restart((text) => onEvent({ type: 'output', text }));
      await releases.check(await world.openOutbound());
    }
    return { report: report.build(null, null), fault: null };
  } catch (error) {
    const fault = toSyncFault(error);
    return { report: report.build(null, fault), fault: fault.kind };
  } finally {
    await target?.close();
  }
}
