// The watchdog: the net behind the engine. Every few minutes one node of the cluster looks for tasks that nobody looks after,
// asks their providers first, and then repairs them through the same code that runs every task. It takes a task only if the
// task is still as it was seen (its epoch decides), so it never takes one from a success that is merely slow.
import { sleep, type Timer } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import { EVENTS_CHANNEL } from '../kernel/event-hub.ts';
import { newId } from '../kernel/id.ts';
import type { NodeLease } from '../kernel/lease.ts';
import { type LoopState, SupervisedLoop } from '../kernel/supervised-loop.ts';
import { expireWaiting, promoteDelayed, takeOver } from './claim-store.ts';
import type { TaskEngine } from './engine.ts';
import type { RunContext } from './run-state.ts';
import { statusOf } from './store.ts';
import { type CheckContext, type Found, findStuck, QUESTIONS_AT_ONCE, taskNow } from './watchdog-checks.ts';
import { findLatePictures } from './watchdog-late.ts';
import type { Finding, FindingKind } from './watchdog-plan.ts';
import {
  beginWatchdogRun,
  dropWatchdogLease,
  endSettledTask,
  endWatchdogRun,
  holdWatchdogLease,
  listWatchdogRuns,
  type RunRow,
  settleForgottenHold,
  type WatchdogTrigger,
} from './watchdog-store.ts';

const LEASE_MS = 60_000;
const RENEW_MS = 15_000;
/** A repair that ends a task is waited for so long; after that it is under way. */
const REPAIR_WAIT_MS = 20_000;
const FIRST_RUN_MS = 60_000;
/** A run that takes longer hangs. */
const STALL_MS = 15 * 60_000;
const SWEEP_BATCH = 500;

/** A look at what other slices keep; what it finds is reported. */
export type OtherCheck = () => Promise<Finding[]>;

export interface WatchdogOptions {
  ctx: RunContext;
  node: NodeLease;
  engine: TaskEngine;
  /** Between two runs; 0: only when asked. */
  intervalMs: number;
  /** After its deadline a task has this long before it counts as stuck. */
  graceMs: number;
}

/** A run as it was recorded. */
export interface WatchdogRun extends Omit<RunRow, 'findings' | 'dry_run'> {
  dryRun: boolean;
  findings: Finding[];
}

export interface RunRequest {
  trigger: WatchdogTrigger;
  /** Finds and asks, and changes nothing. */
  dryRun: boolean;
  /** Only these tasks; absent: all. */
  only?: readonly string[] | undefined;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #loop: SupervisedLoop;
  readonly #counts = new Map<FindingKind, number>();
  readonly #others: OtherCheck[] = [];
  #isRunning = false;
  #isStopped = false;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    const { clock, log } = options.ctx;
    this.#loop = new SupervisedLoop({
      name: 'watchdog',
      clock,
      log,
      intervalMs: Math.max(1, options.intervalMs),
      maxBackoffMs: Math.max(1, options.intervalMs),
      stallMs: STALL_MS,
      step: () => this.#onTimer(),
    });
  }

  /** Looks by itself from now on, unless it is switched off. */
  start(): void {
    const { intervalMs } = this.#options;
    if (intervalMs > 0) this.#loop.start(Math.min(FIRST_RUN_MS, intervalMs));
  }

  /** Looks there too from now on. */
  alsoLook(check: OtherCheck): void {
    this.#others.push(check);
  }

  /** Begins nothing more; a run under way stops before its next repair. */
  stop(): void {
    this.#isStopped = true;
    this.#loop.stop();
  }

  get loop(): LoopState {
    return this.#loop.state;
  }

  get intervalMs(): number {
    return this.#options.intervalMs;
  }

  /** What this process found since its start, by kind. */
  get counts(): ReadonlyMap<FindingKind, number> {
    return this.#counts;
  }

  /** Looks once. Throws `conflict` while another run is under way, here or on another node. */
  async run(request: RunRequest): Promise<WatchdogRun> {
    const { ctx, node } = this.#options;
    const busy = () => new AppError('conflict', { detail: 'The watchdog is at work already.' });
    if (this.#isRunning) throw busy();
    this.#isRunning = true;
    const owner = node.id;
    let renewal: Timer | null = null;
    try {
      if (!(await this.#takeLease())) throw busy();
      renewal = this.#renewLease();
      return await this.#record(request);
    } finally {
      this.#isRunning = false;
      renewal?.cancel();
      if (renewal) await ctx.db.write(dropWatchdogLease, { owner }).catch(() => {});
    }
  }

  /** Runs, newest first. */
  async history(page: { limit: number; beforeId?: string | undefined }): Promise<WatchdogRun[]> {
    return (await listWatchdogRuns(this.#options.ctx.db.slow, page)).map(toRun);
  }

  async #onTimer(): Promise<void> {
    const { ctx, intervalMs } = this.#options;
    const [last] = await listWatchdogRuns(ctx.db.slow, { limit: 1, trigger: 'timer' });
    // Another node has just looked.
    if (last && ctx.clock.now() - last.started_at < intervalMs / 2) return;
    try {
      await this.run({ trigger: 'timer', dryRun: false });
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'conflict')) throw error;
    }
  }

  #takeLease(): Promise<boolean> {
    const { ctx, node } = this.#options;
    const isAlone = ctx.db.dialect === 'sqlite';
    return ctx.db.write(holdWatchdogLease, {
      owner: node.id,
      isAlone,
      leaseMs: LEASE_MS,
      now: ctx.clock.now(),
    });
  }

  #renewLease(): Timer {
    const { clock, log } = this.#options.ctx;
    let isOver = false;
    let timer: Timer;
    const renew = () => {
      timer = clock.after(RENEW_MS, () => {
        // Two watchdogs at once harm nothing: every repair is decided by the task's epoch.
        this.#takeLease()
          .catch((error: unknown) => log.warn({ err: error }, 'the watchdog lost its lease'))
          .finally(() => isOver || renew());
      });
    };
    renew();
    return {
      cancel() {
        isOver = true;
        timer.cancel();
      },
    };
  }

  async #record(request: RunRequest): Promise<WatchdogRun> {
    const { ctx, node } = this.#options;
    const { db, clock } = ctx;
    const started_at = clock.now();
    const { trigger, dryRun } = request;
    const begun = { id: newId('wdr', started_at), trigger, node: node.id, started_at };
    await db.write(beginWatchdogRun, { ...begun, dry_run: dryRun ? 1 : 0 });
    const findings: Finding[] = [];
    let failure: unknown = null;
    try {
      await this.#look(request, findings);
    } catch (error) {
      failure = error;
    }
    const ended = {
      ended_at: clock.now(),
      found: findings.length,
      repaired: findings.filter(({ result }) => result === 'done' || result === 'under_way').length,
      error: failure === null ? null : messageOf(failure),
    };
    await db.write(endWatchdogRun, { id: begun.id, findings: JSON.stringify(findings), ...ended });
    if (failure !== null) throw failure;
    return { ...begun, ...ended, dryRun, findings };
  }

  /** Fills `findings` as it goes, so that a run that breaks off tells what it did. */
  async #look({ dryRun, only }: RunRequest, findings: Finding[]): Promise<void> {
    const { ctx, node, engine, graceMs } = this.#options;
    const context: CheckContext = { ctx, node, engine, graceMs };
    const found = await findStuck(context, only ? new Set(only) : null);
    findings.push(...found.map(({ finding }) => finding));
    if (!dryRun) await this.#repairAll(found);
    if (!only) {
      findings.push(...(await findLatePictures(ctx, { dryRun, isStopped: () => this.#mustStop })));
      for (const other of this.#others) findings.push(...(await other()));
    }
    for (const finding of findings) {
      this.#counts.set(finding.kind, (this.#counts.get(finding.kind) ?? 0) + 1);
      const { taskId: task_id, ...rest } = finding;
      ctx.log.warn({ task_id, dry_run: dryRun, ...rest }, 'the watchdog found something');
    }
  }

  get #mustStop(): boolean {
    return this.#isStopped || this.#options.node.lost.aborted;
  }

  async #repairAll(found: readonly Found[]): Promise<void> {
    for (let start = 0; start < found.length; start += QUESTIONS_AT_ONCE) {
      if (this.#mustStop) return;
      await Promise.all(found.slice(start, start + QUESTIONS_AT_ONCE).map((one) => this.#repair(one)));
    }
  }

  async #repair(one: Found): Promise<void> {
    const { finding } = one;
    try {
      await this.#apply(one);
    } catch (error) {
      finding.result = 'failed';
      finding.note = messageOf(error);
    }
  }

  async #apply({ finding, task, settled }: Found): Promise<void> {
    if (!task) return;
    const { ctx } = this.#options;
    const { db, clock } = ctx;
    const now = clock.now();
    switch (finding.kind) {
      case 'hold_open':
        finding.result = (await db.write(settleForgottenHold, { taskId: task.id, now }))
          ? 'done'
          : 'unchanged';
        return;
      case 'hold_settled': {
        const input = { taskId: task.id, seenEpoch: task.lease_epoch, now };
        const amounts = settled ?? { capturedMicros: 0, releasedMicros: 0 };
        const ended = await db.write(endSettledTask, { ...input, ...amounts });
        if (ended) ctx.onChange(ended);
        finding.result = ended ? 'done' : 'unchanged';
        return;
      }
      case 'overslept':
        await db.write(promoteDelayed, { now, batch: SWEEP_BATCH });
        await db.write(expireWaiting, { now, batch: SWEEP_BATCH });
        db.signal(EVENTS_CHANNEL);
        return this.#reportNow(finding, task.status);
      default:
        return this.#runAnew({ finding, task });
    }
  }

  /** Takes the task over and runs it as any other: it asks the provider again, and finishes, goes on, or fails and releases. */
  async #runAnew({ finding, task }: { finding: Finding; task: NonNullable<Found['task']> }): Promise<void> {
    const { ctx, node, engine } = this.#options;
    const seen = { taskId: task.id, seenEpoch: task.lease_epoch, owner: node.id };
    const claimed = await ctx.db.write(takeOver, seen);
    if (!claimed) {
      finding.result = 'unchanged';
      finding.note = 'It moved by itself meanwhile.';
      return;
    }
    const run = engine.runInstead(claimed);
    if (finding.action === 'resume' || finding.action === 'resubmit') {
      finding.result = 'done';
      return;
    }
    const waited = new AbortController();
    await Promise.race([run, sleep(ctx.clock, REPAIR_WAIT_MS, waited.signal).catch(() => {})]);
    waited.abort();
    await this.#reportNow(finding, null);
  }

  /** What the task is by now; `before`: still that is no repair. */
  async #reportNow(finding: Finding, before: string | null): Promise<void> {
    const task = finding.taskId === null ? undefined : await taskNow(this.#options.ctx, finding.taskId);
    if (!task) return;
    finding.to = statusOf(task);
    if (before === null) finding.result = task.finished_at === null ? 'under_way' : 'done';
    else finding.result = task.status === before ? 'unchanged' : 'done';
  }
}

function toRun({ findings, dry_run: dryRun, ...row }: RunRow): WatchdogRun {
  return { ...row, dryRun: dryRun === 1, findings: JSON.parse(findings) as Finding[] };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
