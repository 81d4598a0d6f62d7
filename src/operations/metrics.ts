// The numbers for Prometheus, in a registry of this server's own: what the HTTP layer reports is counted as it happens,
// everything else is read when it is asked for.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { oldestWaitingEventMs } from '../kernel/outbox.ts';
import type { Providers } from '../providers/providers.ts';
import type { Stories } from '../stories/stories.ts';
import { countLateResults, countOpenByLane, type Tasks } from '../tasks/tasks.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { countDamaged, countMoves } from './alert-readings-store.ts';
import { countOpenAlerts } from './alert-store.ts';
import type { Health } from './health.ts';
import { listMarks } from './store.ts';

/** Seconds: answers are meant to take milliseconds, waits up to a minute, downloads more. */
const DURATION_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60];

export interface ObservedRequest {
  method: string;
  /** The route's pattern, never the path itself, which would make a series for every id. */
  route: string;
  /** Null when the client went away. */
  status: number | null;
  durationMs: number;
}

export interface MetricsOptions {
  db: Db;
  clock: Clock;
  tasks: Tasks;
  stories: Pick<Stories, 'loops'>;
  providers: Providers;
  webhooks: Webhooks;
  health: Health;
  mediaFreeBytes: () => Promise<number | null>;
  version: string;
}

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #registry = new Registry();
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #durations: Histogram<'method' | 'route'>;
  readonly #openTasks: Gauge<'lane' | 'status'>;
  readonly #parts: Gauge<'part'>;

  constructor(options: MetricsOptions) {
    this.#options = options;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Counter({
      name: 'drawbridge_http_requests_total',
      help: 'Requests by route and status; status "gone": the client went away',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'drawbridge_http_request_duration_seconds',
      help: 'Time from the arrival of a request to the end of its answer',
      labelNames: ['method', 'route'],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.#openTasks = new Gauge({
      name: 'drawbridge_tasks_open',
      help: 'Unfinished tasks of the whole cluster by lane and status',
      labelNames: ['lane', 'status'],
      registers,
    });
    this.#parts = new Gauge({
      name: 'drawbridge_part_up',
      help: '1: usable, 0.5: degraded, 0: down',
      labelNames: ['part'],
      registers,
    });
    this.#addReadings(registers);
    this.#addProviders(registers);
    this.#addWebhooks(registers);
    this.#addSupervision(registers);
    this.#addUpkeep(registers);
  }

  observe({ method, route, status, durationMs }: ObservedRequest): void {
    this.#requests.inc({ method, route, status: status ?? 'gone' });
    this.#durations.observe({ method, route }, durationMs / 1000);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The whole page. */
  async text(): Promise<string> {
    const { db, health } = this.#options;
    const counts = await countOpenByLane(db.slow);
    this.#openTasks.reset();
    for (const { lane, status, count } of counts) this.#openTasks.set({ lane, status }, count);
    this.#parts.reset();
    for (const { name, state } of await health.parts()) {
      this.#parts.set({ part: name }, state === 'ok' ? 1 : state === 'degraded' ? 0.5 : 0);
    }
    return this.#registry.metrics();
  }

  #addProviders(registers: Registry[]): void {
    const { providers } = this.#options;
    new Gauge({
      name: 'drawbridge_provider_breaker',
      help: '0: closed, 0.5: half open, 1: open; of the whole cluster, as this process sees it. Without model: the provider itself',
      labelNames: ['provider', 'model'],
      registers,
      collect() {
        this.reset();
        for (const { provider, model, state } of providers.breakers())
          this.set({ provider, model }, state === 'open' ? 1 : state === 'half_open' ? 0.5 : 0);
      },
    });
    new Counter({
      name: 'drawbridge_provider_events_total',
      help: 'What happened with providers in this process: tasks rerouted away from one, "too fast" answers (throttled), refused credentials and empty accounts (parked), probes by result',
      labelNames: ['provider', 'event'],
      registers,
      collect() {
        this.reset();
        for (const { provider, what, count } of providers.counters.list())
          this.inc({ provider, event: what }, count);
      },
    });
  }

  #addWebhooks(registers: Registry[]): void {
    const { webhooks, clock } = this.#options;
    new Counter({
      name: 'drawbridge_webhook_attempts_total',
      help: 'Attempts of this process to deliver webhook messages; outcome "dead": messages given up, whatever the reason',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(webhooks.counts)) this.inc({ outcome }, count);
      },
    });
    new Gauge({
      name: 'drawbridge_webhook_lag_seconds',
      help: 'How long the oldest webhook message that is due and may be sent has waited',
      registers,
      async collect() {
        const dueAt = await webhooks.oldestDueAt();
        this.set(dueAt === null ? 0 : Math.max(0, clock.now() - dueAt) / 1000);
      },
    });
    new Gauge({
      name: 'drawbridge_webhook_deliveries_open',
      help: 'Webhook messages of the whole cluster that wait for an attempt or are being sent',
      labelNames: ['status'],
      registers,
      async collect() {
        const { pending, sending } = await webhooks.countOpen();
        this.set({ status: 'pending' }, pending);
        this.set({ status: 'sending' }, sending);
      },
    });
  }

  #addSupervision(registers: Registry[]): void {
    const { tasks, stories, db } = this.#options;
    const loops = () => [...tasks.loops, ...stories.loops];
    new Gauge({
      name: 'drawbridge_loop_up',
      help: '1: the loop goes on, 0.5: its last steps failed, 0: it hangs or is stopped',
      labelNames: ['loop'],
      registers,
      collect() {
        this.reset();
        for (const { name, state } of loops())
          this.set({ loop: name }, state === 'ok' ? 1 : state === 'failing' ? 0.5 : 0);
      },
    });
    new Counter({
      name: 'drawbridge_loop_restarts_total',
      help: 'How often a loop of this process was started anew after a step that failed or hung',
      labelNames: ['loop'],
      registers,
      collect() {
        this.reset();
        for (const { name, restarts } of loops()) this.inc({ loop: name }, restarts);
      },
    });
    new Counter({
      name: 'drawbridge_watchdog_findings_total',
      help: 'What the watchdog of this process found, dry runs included',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset();
        for (const [kind, count] of tasks.watchdog.counts) this.inc({ kind }, count);
      },
    });
    new Counter({
      name: 'drawbridge_late_results_total',
      help: 'Results of the whole cluster that came after their task had ended or had another owner; none is charged',
      registers,
      async collect() {
        this.reset();
        this.inc(await countLateResults(db.slow));
      },
    });
  }

  #addUpkeep(registers: Registry[]): void {
    const { tasks, db } = this.#options;
    new Gauge({
      name: 'drawbridge_alerts_open',
      help: 'Alerts that are open, by kind',
      labelNames: ['kind'],
      registers,
      async collect() {
        this.reset();
        for (const { kind, count } of await countOpenAlerts(db.slow)) this.set({ kind }, count);
      },
    });
    new Gauge({
      name: 'drawbridge_files_damaged',
      help: 'Files that are known to be missing or to have wrong bytes; they are not served',
      registers,
      async collect() {
        this.set(await countDamaged(db.slow));
      },
    });
    new Gauge({
      name: 'drawbridge_store_moves',
      help: 'Files that wait for their way to another store',
      labelNames: ['from', 'to', 'state'],
      registers,
      async collect() {
        this.reset();
        for (const { count, ...labels } of await countMoves(db.slow)) this.set(labels, count);
      },
    });
    new Gauge({
      name: 'drawbridge_watchdog_last_run_timestamp_seconds',
      help: 'When the watchdog of the cluster looked last; 0: never',
      registers,
      async collect() {
        const [last] = await tasks.watchdog.history({ limit: 1 });
        this.set((last?.started_at ?? 0) / 1000);
      },
    });
    new Gauge({
      name: 'drawbridge_upkeep_last_run_timestamp_seconds',
      help: 'When a job of the upkeep (gc, prune, scrub, backup, ledger, retention) ran last',
      labelNames: ['job', 'ok'],
      registers,
      async collect() {
        this.reset();
        for (const { name, at, ok } of await listMarks(db.read, 'upkeep:'))
          this.set({ job: name.slice('upkeep:'.length), ok: String(ok) }, at / 1000);
      },
    });
  }

  /** Gauges that read one value when they are asked. */
  #addReadings(registers: Registry[]): void {
    const { db, clock, tasks, mediaFreeBytes, version } = this.#options;
    const reading = (name: string, help: string, read: () => number | Promise<number>) =>
      new Gauge({
        name,
        help,
        registers,
        async collect() {
          this.set(await read());
        },
      });
    reading('drawbridge_tasks_running', 'Tasks that this process runs now', () => tasks.engine.running);
    reading(
      'drawbridge_event_lag_seconds',
      'Age of the oldest event that readers must not see yet, because an older transaction still runs',
      async () => {
        const oldest = await oldestWaitingEventMs(db.slow);
        return oldest === null ? 0 : Math.max(0, clock.now() - oldest) / 1000;
      },
    );
    reading(
      'drawbridge_media_free_bytes',
      'Room for pictures; NaN where the store has no limit of its own',
      async () => (await mediaFreeBytes().catch(() => null)) ?? Number.NaN,
    );
    new Gauge({ name: 'drawbridge_info', help: 'The version', labelNames: ['version'], registers }).set(
      { version },
      1,
    );
  }
}
