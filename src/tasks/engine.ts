// The engine of one node: claims tasks lane by lane, runs them side by side, promotes what was delayed, ends what waited
// too long, and takes up what dead nodes left. A wake-up is only a hint; a tick behind it finds everything again.
import { sleep, type Timer } from '../kernel/clock.ts';
import { EVENTS_CHANNEL } from '../kernel/event-hub.ts';
import type { NodeLease } from '../kernel/lease.ts';
import {
  adoptTasks,
  type ClaimedTask,
  claimTasks,
  expireWaiting,
  promoteDelayed,
  takeUpAgain,
} from './claim-store.ts';
import { listCancelRequests, listOwners, nextWakeTimes } from './read-store.ts';
import { runTask } from './run.ts';
import { RunControl } from './run-control.ts';
import type { RunContext } from './run-state.ts';
import type { TaskRow } from './store.ts';

/** Signals between nodes: there may be something to claim; a cancel was asked for. */
export const QUEUE_CHANNEL = 'queue';
export const CANCEL_CHANNEL = 'cancel';

/** The poll behind every wake-up: what a lost signal costs at most. */
const TICK_MS = 1_000;
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
  readonly #claiming = new Map<string, 'busy' | 'again'>();
  #tickTimer: Timer | null = null;
  #isTicking = false;
  /** A node that only accepts tasks (or has not started yet) leaves them to others. */
  #isServing = false;
  #isDraining = false;
  #unsubscribe: (() => void)[] = [];

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** How many tasks this node runs just now. */
  get running(): number {
    return this.#runs.size;
  }

  /** Takes up what was interrupted, then serves the queue until `drain`. */
  async start(): Promise<void> {
    const { db, node } = this.#options;
    node.lost.addEventListener('abort', () => this.#stopRuns());
    this.#unsubscribe = [
      db.onSignal(QUEUE_CHANNEL, () => this.wake()),
      db.onSignal(
        CANCEL_CHANNEL,
        () => void this.#deliverCancels().catch((error: unknown) => this.#warn(error)),
      ),
    ];
    await this.#adopt();
    this.#isServing = true;
    this.wake();
    this.#scheduleTick();
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
    this.#tickTimer?.cancel();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const control of this.#runs.values()) control.drain();
    let timer: Timer | null = null;
    const timeout = new Promise<void>((resolve) => {
      timer = this.#options.clock.after(DRAIN_MS, resolve);
    });
    await Promise.race([Promise.all(this.#finished), timeout]);
    (timer as Timer | null)?.cancel();
    this.#stopRuns();
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
      for (let isMore = true; isMore && !this.#isDraining && !node.lost.aborted; ) {
        this.#claiming.set(lane, 'busy');
        const claimed = await db.write(claimTasks, {
          lane,
          concurrency: settings.concurrency,
          batch: CLAIM_BATCH,
          owner: node.id,
          runMs: this.#options.deadlineMs ?? settings.deadlineMs,
          now: clock.now(),
        });
        for (const task of claimed) this.#run(task);
        isMore = claimed.length === CLAIM_BATCH || this.#claiming.get(lane) === 'again';
      }
    } catch (error) {
      // The tick tries again; a database that is away for a while must not end the loop.
      this.#warn(error);
    } finally {
      this.#claiming.delete(lane);
    }
  }

  #run(claimed: ClaimedTask): void {
    // Claimed while the drain began: whoever starts next takes it up.
    if (this.#isDraining) return;
    const { task } = claimed;
    const control = new RunControl();
    this.#runs.set(task.id, control);
    this.#options.onChange(task);
    const run = this.#runUntilDone(claimed, control).finally(() => {
      this.#runs.delete(task.id);
      this.#finished.delete(run);
      if (!this.#isDraining) this.wake(task.lane);
    });
    this.#finished.add(run);
  }

  async #runUntilDone(first: ClaimedTask, control: RunControl): Promise<void> {
    let claimed: ClaimedTask | null = first;
    for (let redone = 0; claimed; redone += 1) {
      const end = await runTask(this.#options, claimed, control);
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
        return await db.write(takeUpAgain, { taskId, owner: node.id, isBroken });
      } catch (error) {
        this.#warn(error);
      }
    }
    return null;
  }

  #scheduleTick(): void {
    if (this.#isDraining) return;
    this.#tickTimer = this.#options.clock.after(TICK_MS, () => {
      void this.#tick().finally(() => this.#scheduleTick());
    });
  }

  async #tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    try {
      await this.#sweep();
      await this.#adopt();
      await this.#deliverCancels();
      this.wake();
    } catch (error) {
      this.#warn(error);
    } finally {
      this.#isTicking = false;
    }
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
    if (node.lost.aborted) return;
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
      for (const task of adopted) this.#run(task);
      if (adopted.length < ADOPT_BATCH) return;
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
