// Work that is done again whenever somebody says that there may be more, one at a time. No wake-up is lost: the loop looks for
// one and declares itself over in a single step, so that each comes either before the look or starts a new loop.

export class WakeLoop {
  readonly #work: () => Promise<void>;
  #isStale = false;
  #running: Promise<void> | null = null;

  /** `work` handles its own errors. */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** Runs the work, or runs it once more after the present run. */
  wake(): void {
    this.#isStale = true;
    this.#running ??= this.#run();
  }

  /** Resolves when nothing runs; whoever wants that to last wakes it no more. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    try {
      while (this.#isStale) {
        this.#isStale = false;
        await this.#work();
      }
    } finally {
      this.#running = null;
    }
  }
}
