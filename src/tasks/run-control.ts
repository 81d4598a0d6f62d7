// How the engine reaches into a run: stop it where it stands, make it look up because a cancel was asked for, or wake it
// because its job may have moved. However many wake-ups come, a run polls once for all of them.
import type { Clock } from '../kernel/clock.ts';

/** Somebody else owns the task, or this process gives it up: stop without a word. */
export class LeaseLostError extends Error {}

/** A poll was cut short because something needs attention. */
export class InterruptedError extends Error {}

/** One pause that a wake-up may shorten. */
export interface Pause {
  delayMs: number;
  /** After a wake-up it lasts no longer than this, from its own start; null: wake-ups do not count. */
  wokenDelayMs: number | null;
}

export class RunControl {
  readonly #stop = new AbortController();
  #interrupt = new AbortController();
  #interruptible: { outer: AbortSignal; signal: AbortSignal } | null = null;
  #onCancel: (() => void) | null = null;
  #onWake: (() => void) | null = null;
  #isWoken = false;
  #isCancelRequested = false;
  #finishing = 0;
  #isDraining = false;

  /** Aborted when this process must not touch the task any more. */
  get stopped(): AbortSignal {
    return this.#stop.signal;
  }

  get isCancelRequested(): boolean {
    return this.#isCancelRequested;
  }

  /** Leaves the task as it is, for another process to take up. */
  stop(): void {
    this.#stop.abort(new LeaseLostError());
  }

  /** Stops at the next point where nothing is half done: at once, or when the step under way has committed. */
  drain(): void {
    this.#isDraining = true;
    if (this.#finishing === 0) this.stop();
  }

  /** Runs a step that a drain waits for: from an intent to its outcome, from a picture's bytes to its row. */
  async finishing<T>(step: () => Promise<T>): Promise<T> {
    this.#finishing += 1;
    try {
      return await step();
    } finally {
      this.#finishing -= 1;
      if (this.#isDraining && this.#finishing === 0) this.stop();
    }
  }

  /** Runs a part of such a step that only waits for others: a drain need not sit through it. */
  async idling<T>(wait: () => Promise<T>): Promise<T> {
    const finishing = this.#finishing;
    this.#finishing = 0;
    if (this.#isDraining) this.stop();
    try {
      return await wait();
    } finally {
      this.#finishing += finishing;
    }
  }

  requestCancel(): void {
    this.#isCancelRequested = true;
    this.#interrupt.abort(new InterruptedError());
    this.#onCancel?.();
  }

  /** The provider said no: the run goes on until it is asked again. */
  clearCancel(): void {
    this.#isCancelRequested = false;
    this.#interrupt = new AbortController();
    this.#interruptible = null;
  }

  /** The job may have moved: the next poll comes as soon as it may. */
  wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    this.#onWake?.();
  }

  /** What is asked from now on answers every wake-up so far. */
  clearWake(): void {
    this.#isWoken = false;
  }

  /** The signal of a poll: aborted by `outer`, and when a cancel is asked for. The same one until a cancel was asked for. */
  interruptible(outer: AbortSignal): AbortSignal {
    if (this.#interruptible?.outer !== outer) {
      this.#interruptible = { outer, signal: AbortSignal.any([outer, this.#interrupt.signal]) };
    }
    return this.#interruptible.signal;
  }

  /** Waits, but not through a cancel or longer than a wake-up lets it; rejects with the reason of `outer` when that aborts. */
  pause(clock: Clock, { delayMs, wokenDelayMs }: Pause, outer: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (outer.aborted) return reject(outer.reason);
      if (this.#isCancelRequested) return resolve();
      const end = () => {
        timer.cancel();
        this.#onCancel = null;
        this.#onWake = null;
        outer.removeEventListener('abort', onAbort);
      };
      const resume = () => {
        end();
        resolve();
      };
      const onAbort = () => {
        end();
        reject(outer.reason);
      };
      let timer = clock.after(delayMs, resume);
      if (wokenDelayMs !== null && wokenDelayMs < delayMs) {
        const startedAtMs = clock.monotonicMs();
        this.#onWake = () => {
          timer.cancel();
          const passedMs = clock.monotonicMs() - startedAtMs;
          timer = clock.after(Math.max(0, Math.min(wokenDelayMs, delayMs) - passedMs), resume);
        };
        if (this.#isWoken) this.#onWake();
      }
      this.#onCancel = resume;
      outer.addEventListener('abort', onAbort, { once: true });
    });
  }
}
