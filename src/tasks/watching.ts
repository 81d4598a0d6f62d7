// Follows a job over its provider's own channel while the run waits for it. The channel only makes the run livelier: polling
// goes on beside it, and one that breaks is opened again after a while.
import type { Timer } from '../kernel/clock.ts';
import { retryDelayMs } from './backoff.ts';
import type { LiveReport } from './live-report.ts';
import { providerCall, type Run } from './run-state.ts';

/** A channel that lived this long was a good one: the next wait is short again. */
const GOOD_CHANNEL_MS = 60_000;

export class Watching {
  readonly #run: Run;
  readonly #jobId: string;
  readonly #report: LiveReport;
  readonly #closed = new AbortController();
  #stop: (() => void) | null = null;
  #timer: Timer | null = null;
  #failures = 0;

  /** Opens the channel, where the provider has one. */
  constructor(run: Run, jobId: string, report: LiveReport) {
    this.#run = run;
    this.#jobId = jobId;
    this.#report = report;
    this.#open();
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#timer?.cancel();
    this.#stopChannel();
  }

  #open(): void {
    const { adapter, ctx, control } = this.#run;
    if (!adapter.watch) return;
    const openedAtMs = ctx.clock.monotonicMs();
    let isOver = false;
    const ended = () => {
      if (isOver || this.#closed.signal.aborted) return;
      isOver = true;
      this.#stopChannel();
      if (ctx.clock.monotonicMs() - openedAtMs >= GOOD_CHANNEL_MS) this.#failures = 0;
      this.#reopenLater();
    };
    const ifOpen = (act: () => void) => {
      if (!isOver && !this.#closed.signal.aborted) act();
    };
    try {
      this.#stop = adapter.watch({
        ...providerCall(this.#run, this.#closed.signal),
        jobId: this.#jobId,
        onWake: () => ifOpen(() => control.wake()),
        onProgress: (fraction) => ifOpen(() => this.#report.onProgress(fraction)),
        onPreview: (preview) => ifOpen(() => this.#report.onPreview(preview)),
        onEnd: ended,
      });
      if (isOver) this.#stopChannel();
    } catch (error) {
      ctx.log.warn({ err: error }, 'a job cannot be watched just now; it is polled all the same');
      ended();
    }
  }

  #reopenLater(): void {
    const { ctx, task } = this.#run;
    const delayMs = retryDelayMs(this.#failures, null, `watch:${task.id}`);
    this.#failures += 1;
    this.#timer = ctx.clock.after(delayMs, () => this.#open());
  }

  #stopChannel(): void {
    const stop = this.#stop;
    this.#stop = null;
    try {
      stop?.();
    } catch (error) {
      this.#run.ctx.log.warn({ err: error }, 'a watched job could not be let go');
    }
  }
}
