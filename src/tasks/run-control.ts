// How the engine reaches into a run: stop it where it stands, or make it look up because a cancel was asked for.

/** Somebody else owns the task, or this process gives it up: stop without a word. */
export class LeaseLostError extends Error {}

/** A poll or pause was cut short because something needs attention. */
export class InterruptedError extends Error {}

export class RunControl {
  readonly #stop = new AbortController();
  #wake: (() => void) | null = null;
  #isCancelRequested = false;
  #isSubmitting = false;
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

  /** Stops now, or, in the middle of a submit, as soon as its outcome is committed. */
  stopAfterSubmit(): void {
    this.#isDraining = true;
    if (!this.#isSubmitting) this.stop();
  }

  /** True from the intent until the outcome is committed: the part that a drain waits for. */
  set isSubmitting(isSubmitting: boolean) {
    this.#isSubmitting = isSubmitting;
    if (!isSubmitting && this.#isDraining) this.stop();
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
