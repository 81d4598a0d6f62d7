// The engine of one node: claims tasks lane by lane, runs them side by side, promotes what was delayed, ends what waited
// too long, and takes up what dead nodes left. A wake-up is only a hint; a tick behind it finds everything again.
import { sleep, type Timer } from '../kernel/clock.ts';
import { EVENTS_CHANNEL } from '../kernel/event-hub.ts';
import type { NodeLease } from '../kernel/lease.ts';
import { type LoopState, SupervisedLoop } from '../kernel/supervised-loop.ts';
import {
  adoptTasks,
  type ClaimedTask,
  claimTasks,
  expireWaiting,
  handOver,
  promoteDelayed,
  takeUpAgain,
} from './claim-store.ts';
import { Probation } from './probation.ts';
import { listCancelRequests, listOwners, listRunningOf, nextWakeTimes } from './read-store.ts';
import { MoveSweep } from './rerouting.ts';
import { runTask } from './run.ts';
import { RunControl } from './run-control.ts';
import type { RunContext } from './run-state.ts';
import type { TaskRow } from './store.ts';

/** Signals between nodes: there may be something to claim; a cancel was asked for. */
export const QUEUE_CHANNEL = 'queue';
export const CANCEL_CHANNEL = 'cancel';

/** The poll behind every wake-up: what a lost signal costs at most. */
const TICK_MS = 1_000;
/** After failures; a database that is back is noticed within 5 s. */
const LONGEST_TICK_MS = 4_000;
/** A tick that takes longer is left behind. */
const TICK_STALL_MS = 60_000;
/** Tasks that one transaction claims, promotes or ends. */
const CLAIM_BATCH = 64;
const SWEEP_BATCH = 200;
const ADOPT_BATCH = 500;
/** Before a run that broke off is taken up again; doubled each time. */
const FIRST_REDO_MS = 1_000;
const LONGEST_REDO_MS = 30_000;
/** SIGTERM must be over within 30 s; half-sent submits get most of it. */
const DRAIN_MS = 25_000;

export interface EngineOptions extends Omit<RunContext, 'onChange'> {
  node: NodeLease;
  /** Replaces every provider's own deadline; null leaves it. */
  deadlineMs: number | null;
  /** Called after every committed change of a task of this node. */
  onChange(task: TaskRow): void;
}

export class TaskEngine {
  readonly #options: EngineOptions;
  readonly #runs = new Map<string, RunControl>();
  readonly #finished = new Set<Promise<void>>();
  readonly #moves: MoveSweep;
  readonly #claiming = new Map<string, 'busy' | 'again'>();
  /** Tasks that were this node's without a run when the last tick looked. */
  #strays: ReadonlySet<string> = new Set();
  readonly #ticks: SupervisedLoop;
  readonly #probation: Probation;
  /** A node that only accepts tasks (or has not started yet) leaves them to others. */
  #isServing = false;
  #isDraining = false;
  #unsubscribe: (() => void)[] = [];

  constructor(options: EngineOptions) {
    this.#moves = new MoveSweep(options.db, options.providers);
    const { db, clock, log } = options;
    this.#probation = new Probation({ db, clock, log });
    this.#ticks = new SupervisedLoop({
      name: 'engine',
      clock,
      log,
      intervalMs: TICK_MS,
      maxBackoffMs: LONGEST_TICK_MS,
      stallMs: TICK_STALL_MS,
      step: () => this.#tick(),
    });
    this.#options = {
      ...options,
      onChange: (task) => {
        options.onChange(task);
        // It may have gone to another lane.
        if (task.status === 'queued') this.wake(task.lane);
      },
    };
  }

  /** How many tasks this node runs just now. */
  get running(): number {
    return this.#runs.size;
  }

  /** How the loop behind every wake-up does. */
  get loop(): LoopState {
    return this.#ticks.state;
  }

  /** Whether this node runs the task just now. */
  has(taskId: string): boolean {
    return this.#runs.has(taskId);
  }

  /**
   * Runs a task that was just taken over, in place of a run of it that hangs here; resolves when the new run is over. The old
   * run can write nothing any more, since the epoch is new.
   */
  async runInstead(claimed: ClaimedTask): Promise<void> {
    const { id } = claimed.task;
    this.#runs.get(id)?.stop();
    this.#runs.delete(id);
    await this.#run(claimed);
  }

  /** Takes up what was interrupted, then serves the queue until `drain`. */
  async start(): Promise<void> {
    const { db, node } = this.#options;
    // What it ran belongs to nobody then; with the next lease this node takes up what others have not.
    node.onLost(() => this.#stopRuns());
    this.#unsubscribe = [
      db.onSignal(QUEUE_CHANNEL, () => this.wake()),
      db.onSignal(
        CANCEL_CHANNEL,
        () => void this.#deliverCancels().catch((error: unknown) => this.#warn(error)),
      ),
    ];
    await this.#options.providers.start();
    await this.#adopt();
    this.#isServing = true;
    this.wake();
    this.#ticks.start();
  }

  /** There may be something to claim, in one lane or in any. */
  wake(lane?: string): void {
    if (!this.#isServing) return;
    for (const name of lane === undefined ? this.#options.providers.names : [lane]) void this.#claim(name);
  }

  /**
   * Stops claiming, lets half-sent submits end, and leaves the rest where it is: every run can be taken up from its last
   * commit. Resolves within 25 s.
   */
  async drain(): Promise<void> {
    this.#isDraining = true;
    this.#ticks.stop();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const control of this.#runs.values()) control.drain();
    let timer: Timer | null = null;
    const timeout = new Promise<void>((resolve) => {
      timer = this.#options.clock.after(DRAIN_MS, resolve);
    });
    await Promise.race([Promise.all(this.#finished), timeout]);
    (timer as Timer | null)?.cancel();
    this.#stopRuns();
    const { db, node } = this.#options;
    await db.write(handOver, { owner: node.id }).catch((error: unknown) => this.#warn(error));
  }

  async #claim(lane: string): Promise<void> {
    if (this.#claiming.has(lane)) {
      this.#claiming.set(lane, 'again');
      return;
    }
    const { db, providers, node, clock } = this.#options;
    const settings = providers.lane(lane);
    if (!settings) return;
    this.#claiming.set(lane, 'busy');
    try {
      for (let isMore = true; isMore && !this.#isDraining && node.isHeld; ) {
        this.#claiming.set(lane, 'busy');
        const gate = providers.gate(lane);
        if (!gate || gate.concurrency === 0) break;
        const claimed = await db.write(claimTasks, {
          lane,
          concurrency: gate.concurrency,
          requestsPerMinute: settings.requestsPerMinute ?? null,
          models: gate.models,
          trials: gate.trials,
          batch: CLAIM_BATCH,
          owner: node.id,
          runMs: this.#options.deadlineMs ?? settings.deadlineMs,
          now: clock.now(),
        });
        for (const task of claimed) void this.#run(task);
        isMore = claimed.length === CLAIM_BATCH || this.#claiming.get(lane) === 'again';
      }
    } catch (error) {
      // The tick tries again; a database that is away for a while must not end the loop.
      this.#warn(error);
    } finally {
      this.#claiming.delete(lane);
    }
  }

  async #run(claimed: ClaimedTask): Promise<void> {
    const { task } = claimed;
    // Claimed while the drain began: whoever starts next takes it up. One that runs has a newer epoch by now.
    if (this.#isDraining || this.#runs.has(task.id)) return;
    const control = new RunControl();
    this.#runs.set(task.id, control);
    this.#options.onChange(task);
    const run = this.#runUntilDone(claimed, control).finally(() => {
      if (this.#runs.get(task.id) === control) this.#runs.delete(task.id);
      this.#finished.delete(run);
      if (!this.#isDraining) this.wake(task.lane);
    });
    this.#finished.add(run);
    await run;
  }

  async #runUntilDone(first: ClaimedTask, control: RunControl): Promise<void> {
    let claimed: ClaimedTask | null = first;
    for (let redone = 0; claimed; redone += 1) {
      const leave = await this.#probation.enter(claimed.task, control);
      const end = await runTask(this.#options, claimed, control).finally(leave);
      if (end === 'done') return;
      claimed = await this.#takeUp(claimed.task.id, redone, end === 'broken', control);
    }
  }

  /** Waits a little and reads the task anew; tries until the database answers, or the task is not ours any more. */
  async #takeUp(
    taskId: string,
    redone: number,
    isBroken: boolean,
    control: RunControl,
  ): Promise<ClaimedTask | null> {
    const { clock, db, node } = this.#options;
    for (let tries = redone; !control.stopped.aborted; tries += 1) {
      const delayMs = Math.min(LONGEST_REDO_MS, FIRST_REDO_MS * 2 ** Math.min(tries, 5));
      await sleep(clock, delayMs, control.stopped).catch(() => {});
      if (control.stopped.aborted) return null;
      try {
        const claimed = await db.write(takeUpAgain, { taskId, owner: node.id, isBroken });
        if (claimed) this.#options.onChange(claimed.task);
        return claimed;
      } catch (error) {
        this.#warn(error);
      }
    }
    return null;
  }

  async #tick(): Promise<void> {
    await this.#sweep();
    await this.#adopt();
    await this.#reclaim();
    await this.#deliverCancels();
    for (const lane of await this.#moves.step(this.#options.clock.now())) this.wake(lane);
    this.wake();
  }

  /** Writes only when there is something to write. */
  async #sweep(): Promise<void> {
    const { db, clock } = this.#options;
    const now = clock.now();
    const { dueAt, deadlineAt } = await nextWakeTimes(db.read);
    if (dueAt !== null && dueAt <= now) await db.write(promoteDelayed, { now, batch: SWEEP_BATCH });
    if (deadlineAt !== null && deadlineAt <= now) {
      await db.write(expireWaiting, { now, batch: SWEEP_BATCH });
      db.signal(EVENTS_CHANNEL);
    }
  }

  async #adopt(): Promise<void> {
    const { db, node, clock, log } = this.#options;
    if (!node.isHeld) return;
    const deadOwners = await node.deadAmong(await listOwners(db.read));
    if (deadOwners.length === 0) return;
    for (;;) {
      const adopted = await db.write(adoptTasks, {
        owner: node.id,
        deadOwners,
        batch: ADOPT_BATCH,
        now: clock.now(),
      });
      if (adopted.length > 0) log.info({ tasks: adopted.length }, 'took over the tasks of a stopped node');
      for (const task of adopted) void this.#run(task);
      if (adopted.length < ADOPT_BATCH) return;
    }
  }

  /**
   * Takes up what is this node's although it does not run it: a claim was committed and its answer was lost with the
   * connection. A claim under way looks the same, so a task must be found by two ticks.
   */
  async #reclaim(): Promise<void> {
    const { db, node, log } = this.#options;
    const strays = (await listRunningOf(db.read, node.id)).filter((id) => !this.#runs.has(id));
    const again = strays.filter((id) => this.#strays.has(id));
    this.#strays = new Set(strays);
    for (const taskId of again) {
      const claimed = await db.write(takeUpAgain, { taskId, owner: node.id, isBroken: true });
      if (!claimed) continue;
      log.warn({ task_id: taskId }, 'a task was claimed without an answer; it is taken up again');
      void this.#run(claimed);
    }
  }

  async #deliverCancels(): Promise<void> {
    if (this.#runs.size === 0) return;
    const { db, node } = this.#options;
    for (const id of await listCancelRequests(db.read, node.id)) this.#runs.get(id)?.requestCancel();
  }

  #stopRuns(): void {
    for (const control of this.#runs.values()) control.stop();
  }

  #warn(error: unknown): void {
    this.#options.log.warn({ err: error }, 'the task engine could not reach its database; it tries again');
  }
}
