// The face of the slice: whether this server is healthy and ready, its numbers, its upkeep, and the doctor.
import type { Clock } from '../kernel/clock.ts';
import { toTimestamp } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { DatabaseHistory } from '../kernel/db-history.ts';
import { AppError } from '../kernel/errors.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type { Outbound } from '../kernel/outbound.ts';
import { VERSION } from '../kernel/version.ts';
import type { Media } from '../media/media.ts';
import type { LegBody } from '../providers/contract.ts';
import type { Providers } from '../providers/providers.ts';
import type { Stories } from '../stories/stories.ts';
import { countOpenByLane, type Tasks } from '../tasks/tasks.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { Alerts } from './alerts.ts';
import { BackupSchedule } from './backup-schedule.ts';
import type { AddressesBody, DoctorReportBody } from './contract.ts';
import { type DoctorRequest, examine } from './doctor.ts';
import { Health, type Part } from './health.ts';
import type { Metrics, ObservedRequest } from './metrics.ts';
import { reachableAddresses } from './reachable-addresses.ts';
import type { Traces } from './traces.ts';
import { type GcReport, Upkeep } from './upkeep.ts';

export { caddySite } from './caddy-config.ts';
export { doctorMessages, examineMachine } from './doctor.ts';
export type { Part } from './health.ts';
export type { ObservedRequest } from './metrics.ts';
export { nginxSite } from './nginx-config.ts';
export { type ProxySite, proxySite } from './proxy-site.ts';
export {
  CONFIG_FOLDER,
  isPlainPath,
  type ServiceRole,
  type ServiceUnit,
  serviceUnit,
  stateFolder,
  unitName,
} from './service-unit.ts';
export type { GcReport } from './upkeep.ts';

export interface OperationsOptions {
  config: Config;
  db: Db;
  clock: Clock;
  log: Logger;
  media: Media;
  providers: Providers;
  tasks: Tasks;
  stories: Pick<Stories, 'loops'>;
  webhooks: Webhooks;
  node: NodeLease;
  /** Only on PostgreSQL. */
  history: DatabaseHistory | null;
  openOutbound: () => Promise<Outbound>;
  traces: Traces;
  /** Tries the way to a provider step by step. */
  testLegs: (provider: string) => Promise<LegBody[]>;
}

export class Operations {
  readonly health: Health;
  readonly alerts: Alerts;
  readonly #options: OperationsOptions;
  readonly #upkeep: Upkeep;
  readonly #backups: BackupSchedule;
  readonly #startedAt: number;
  readonly #startedAtMonotonicMs: number;
  #metrics: Metrics | null = null;
  #isStarted = false;
  #isExamining = false;

  constructor(options: OperationsOptions) {
    const { config, db, clock, log, media } = options;
    this.#options = options;
    this.#startedAt = clock.now();
    this.#startedAtMonotonicMs = clock.monotonicMs();
    this.health = new Health(options);
    this.#upkeep = new Upkeep({
      db,
      clock,
      log: log.child({ component: 'upkeep' }),
      media,
      idempotencyMs: config.tasks.idempotencyMs,
      picturesMs: config.retention.picturesMs,
    });
    this.alerts = new Alerts({ ...options, log: log.child({ component: 'alerts' }) });
    this.#backups = new BackupSchedule({ config, db, clock, log: log.child({ component: 'backup' }) });
  }

  /** Starts the upkeep and scheduled backups in the background; a process that only takes requests leaves them to others. */
  start(): void {
    this.#isStarted = true;
    if (this.#options.config.role === 'api') return;
    this.#upkeep.start();
    this.#backups.start();
    this.alerts.start();
  }

  /** Ends the upkeep; from now on `/readyz` says that the server is stopping. Idempotent. */
  close(): void {
    this.health.stop();
    this.#upkeep.close();
    this.#backups.close();
    this.alerts.close();
    void this.#options.traces.close();
  }

  /** Scheduled backups and their record. */
  get backups(): BackupSchedule {
    return this.#backups;
  }

  get uptimeS(): number {
    return Math.floor((this.#options.clock.monotonicMs() - this.#startedAtMonotonicMs) / 1000);
  }

  /** Counts a request that has ended; the HTTP layer calls it for each. */
  observeRequest(request: ObservedRequest): void {
    this.#metrics?.observe(request);
    this.#options.traces.request(request);
  }

  /** The page for Prometheus and its content type. Loaded at the first call: who has no Prometheus pays nothing. */
  async metricsPage(): Promise<{ text: string; contentType: string }> {
    const metrics = await this.#loadMetrics();
    return { text: await metrics.text(), contentType: metrics.contentType };
  }

  /** Everything that `status` shows. */
  async status() {
    const { db, tasks, media, node, providers } = this.#options;
    // Where no server probes them, nobody has asked the providers yet.
    const unknown = providers.names.filter((name) => providers.health(name)?.checkedAt === null);
    await Promise.all(unknown.map((name) => providers.probe(name)));
    const parts = await this.health.parts();
    const history = await this.#upkeep.history();
    return {
      status: overallState(parts),
      version: VERSION,
      node: node.id,
      pid: process.pid,
      runtime: `Node ${process.version} on ${process.platform} ${process.arch}`,
      started_at: toTimestamp(this.#startedAt),
      uptime_s: this.uptimeS,
      memory_bytes: process.memoryUsage.rss(),
      database: db.dialect,
      media_free_bytes: await media.freeBytes().catch(() => null),
      running_here: tasks.engine.running,
      tasks: await countOpenByLane(db.slow),
      parts,
      maintenance: [...(await this.#watchdogRuns()), ...history].map(({ job, at, ok, note }) => ({
        job,
        ran_at: toTimestamp(at),
        ok: ok === 1,
        result: note,
      })),
    };
  }

  /** By which addresses other devices find this server; `port` is what it listens on, null where that is not known. */
  addresses(port: number | null): AddressesBody {
    const { config } = this.#options;
    return reachableAddresses(config, port ?? config.port);
  }

  /** Takes the database as it is although it lacks what this server knows it had; all nodes go on. */
  async acceptDatabase(): Promise<{ wasHeld: boolean }> {
    const { history, node, clock, log } = this.#options;
    const wasHeld = node.trouble === 'history_lost';
    if (history) {
      await history.accept(clock.now());
      log.warn({}, 'an operator accepted the database as it is');
      if (this.#isStarted) await node.recheck();
    }
    return { wasHeld };
  }

  /** The watchdog's last run, as a line of upkeep. */
  async #watchdogRuns() {
    const [last] = await this.#options.tasks.watchdog.history({ limit: 1 });
    if (!last) return [];
    const note = last.error ?? `${last.found} found, ${last.repaired} repaired`;
    return [{ job: 'watchdog', at: last.started_at, ok: last.error === null ? 1 : 0, note }];
  }

  /** Collects garbage now. Throws `conflict` while a collection runs, `storage_unavailable` without the volume. */
  gc(): Promise<GcReport> {
    return this.#upkeep.collect();
  }

  /** Looks for what is wrong. Throws `conflict` while another examination runs: deep ones read everything there is. */
  async doctor(request: DoctorRequest): Promise<DoctorReportBody> {
    if (this.#isExamining) throw new AppError('conflict', { detail: 'The doctor is at work already.' });
    this.#isExamining = true;
    try {
      const isServing = this.#isStarted;
      const backups = this.#backups;
      const uptimeMs = this.uptimeS * 1000;
      return await examine({ ...this.#options, upkeep: this.#upkeep, backups, uptimeMs, isServing }, request);
    } finally {
      this.#isExamining = false;
    }
  }

  async #loadMetrics(): Promise<Metrics> {
    const { Metrics } = await import('./metrics.ts');
    const { db, clock, tasks, stories, providers, webhooks, media } = this.#options;
    this.#metrics ??= new Metrics({
      db,
      clock,
      tasks,
      stories,
      providers,
      webhooks,
      health: this.health,
      mediaFreeBytes: () => media.freeBytes(),
      version: VERSION,
    });
    return this.#metrics;
  }
}

/** Down when something required is down, degraded when anything is not ok. */
export function overallState(parts: readonly Part[]): 'ok' | 'degraded' | 'down' {
  if (parts.some(({ state, required }) => state === 'down' && required)) return 'down';
  return parts.some(({ state }) => state !== 'ok') ? 'degraded' : 'ok';
}
