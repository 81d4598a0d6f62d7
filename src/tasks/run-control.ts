// How the engine reaches into a run: stop it where it stands, or make it look up because a cancel was asked for.

/** Somebody else owns the task, or this process gives it up: stop without a word. */
export class LeaseLostError extends Error {}

/** A poll or pause was cut short because something needs attention. */
export class InterruptedError extends Error {}

export class RunControl {
  readonly #stop = new AbortController();
  #wake: (() => void) | null = null;
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

  requestCancel(): void {
    this.#isCancelRequested = true;
    this.#wake?.();
  }

  /** The provider said no: the run goes on until it is asked again. */
  clearCancel(): void {
    this.#isCancelRequested = false;
  }

  /** A signal for one poll or pause: aborted by `outer`, and when a cancel is asked for. */
  interruptible(outer: AbortSignal): AbortSignal {
    const interrupt = new AbortController();
    this.#wake = () => interrupt.abort(new InterruptedError());
    if (this.#isCancelRequested) this.#wake();
    return AbortSignal.any([outer, interrupt.signal]);
  }
}
