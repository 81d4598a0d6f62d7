// A loop that is meant to go on for ever, and somebody who sees to it: a step that throws is followed by the next after a
// growing wait, one that does not come back is left behind and the loop starts anew. What happened can be asked for.
import type { Clock, Timer } from './clock.ts';
import type { Logger } from './log.ts';

/** Steps that never came back; with so many the process itself is what is wrong. */
const MOST_LOST_STEPS = 3;
/** After so many failures in a row the loop counts as failing. */
const FAILING_AFTER = 3;

export interface LoopState {
  name: string;
  state: 'ok' | 'failing' | 'stalled' | 'stopped';
  /** How often it was started anew after a step that threw or did not come back. */
  restarts: number;
  /** Why the last step failed; null when it did not. */
  problem: string | null;
  /** When a step last came to its end, in milliseconds; null before the first. */
  lastOkAt: number | null;
}

export interface LoopOptions {
  name: string;
  clock: Clock;
  log: Logger;
  /** From the end of one step to the begin of the next. */
  intervalMs: number;
  /** The longest wait after failures. */
  maxBackoffMs: number;
  /** A step that takes longer is left behind. */
  stallMs: number;
  step(): Promise<void>;
}

export class SupervisedLoop {
  readonly #options: LoopOptions;
  #timer: Timer | null = null;
  #running: symbol | null = null;
  #lost = 0;
  #failures = 0;
  #restarts = 0;
  #problem: string | null = null;
  #lastOkAt: number | null = null;
  #isStopped = true;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  get state(): LoopState {
    const isStalled = this.#lost > 0;
    const isFailing = this.#failures >= FAILING_AFTER;
    return {
      name: this.#options.name,
      state: this.#isStopped ? 'stopped' : isStalled ? 'stalled' : isFailing ? 'failing' : 'ok',
      restarts: this.#restarts,
      problem: this.#problem,
      lastOkAt: this.#lastOkAt,
    };
  }

  /** The first step comes after `firstMs`. */
  start(firstMs = this.#options.intervalMs): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#schedule(firstMs);
  }

  /** Begins no further step; one under way ends by itself. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer = this.#options.clock.after(delayMs, () => void this.#step());
  }

  async #step(): Promise<void> {
    const { name, clock, log, stallMs, intervalMs } = this.#options;
    const mine = Symbol(name);
    this.#running = mine;
    const isMine = () => this.#running === mine;
    const stall = clock.after(stallMs, () => {
      if (!isMine()) return;
      this.#running = null;
      this.#lost += 1;
      this.#problem = `A step did not come back within ${stallMs / 1000} s.`;
      log.error({ loop: name }, 'a loop hangs; it is started anew');
      // Each lost step may hold a connection: a few are left behind, not all there are.
      if (this.#lost < MOST_LOST_STEPS) this.#restart(0);
    });
    try {
      await this.#options.step();
      this.#lastOkAt = clock.now();
      if (isMine()) {
        this.#failures = 0;
        this.#problem = null;
        this.#schedule(intervalMs);
      }
    } catch (error) {
      if (isMine()) this.#failed(error);
    } finally {
      stall.cancel();
      if (!isMine()) this.#foundAgain();
    }
  }

  #failed(error: unknown): void {
    const { name, log, intervalMs, maxBackoffMs } = this.#options;
    this.#failures += 1;
    this.#problem = error instanceof Error ? error.message : String(error);
    if (!this.#isStopped)
      log.warn({ loop: name, err: error, failures: this.#failures }, 'a loop failed; it goes on');
    this.#restart(Math.min(maxBackoffMs, intervalMs * 2 ** Math.min(this.#failures - 1, 10)));
  }

  #restart(delayMs: number): void {
    this.#restarts += 1;
    this.#schedule(delayMs);
  }

  /** A step that was given up came back after all. */
  #foundAgain(): void {
    const wasFull = this.#lost >= MOST_LOST_STEPS;
    this.#lost -= 1;
    if (wasFull) this.#restart(0);
  }
}
