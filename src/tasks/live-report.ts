// What a running job shows of itself, committed in one line of writes: progress that moved, never backwards, why nothing
// moves, and that there is a new preview. Nobody waits for these writes. A report that is closed writes nothing more, so that
// it cannot undo what the run commits next.
import type { Timer } from '../kernel/clock.ts';
import type { JobReport, Preview } from '../providers/provider.ts';
import { currentAttempt, type Run, takeRow } from './run-state.ts';
import type { Phase } from './store.ts';

/** A task is written at most this often; each write is an event to every open page. */
const REPORT_INTERVAL_MS = 500;

export class LiveReport implements JobReport {
  readonly #run: Run;
  readonly #phase: Phase;
  #fraction = 0;
  /** What to show next as the reason why nothing moves; undefined leaves what is shown. */
  #reason: string | null | undefined;
  #hasPreview = false;
  #writing: Promise<void> | null = null;
  #failure: { error: unknown } | null = null;
  #writtenAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #isClosed = false;

  constructor(run: Run, phase: Phase) {
    this.#run = run;
    this.#phase = phase;
    run.report = this;
  }

  onProgress(fraction: number): void {
    this.moved(fraction);
  }

  onPreview(preview: Preview): void {
    if (this.#isClosed) return;
    const run = this.#run;
    // Decoding takes its time: who reports by then may be the next phase.
    run.ctx.live.previews.offer(run.task.id, preview, () => run.report?.previewShown());
  }

  /** A new preview can be seen. */
  previewShown(): void {
    this.#hasPreview = true;
    this.#writeIfDue();
  }

  /** The job answered, with a fraction from 0 to 1 where it says one; a reason shown for its silence is over. */
  moved(fraction: number | null): void {
    if (fraction !== null && fraction > this.#fraction) this.#fraction = Math.min(1, fraction);
    this.#reason = null;
    this.#writeIfDue();
  }

  /** Shows why nothing moves. */
  explain(reason: string): void {
    this.#reason = reason;
    this.#writeIfDue();
  }

  /** Throws what a write met since: `LeaseLostError`, or that the database was away. */
  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Resolves when nothing of it is under way any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#run.ctx.live.progress.withdraw(this.#run.task.id);
    await this.#writing;
  }

  #writeIfDue(): void {
    if (this.#isClosed || this.#writing !== null || this.#timer !== null) return;
    const { task, ctx } = this.#run;
    const hasMoved = this.#fraction > (task.progress ?? 0);
    const reason = this.#reason === undefined ? task.waiting_reason : this.#reason;
    if (!hasMoved && reason === task.waiting_reason && !this.#hasPreview) return;
    const waitMs = this.#writtenAtMs + REPORT_INTERVAL_MS - ctx.clock.monotonicMs();
    if (waitMs > 0) {
      this.#timer = ctx.clock.after(waitMs, () => {
        this.#timer = null;
        this.#writeIfDue();
      });
      return;
    }
    this.#hasPreview = false;
    this.#reason = undefined;
    this.#writing = this.#write(hasMoved ? this.#fraction : task.progress, reason).finally(() => {
      this.#writing = null;
      // What came meanwhile is written in its own time.
      if (!this.#failure) this.#writeIfDue();
    });
  }

  async #write(progress: number | null, reason: string | null): Promise<void> {
    const { ctx, lease, control } = this.#run;
    this.#writtenAtMs = ctx.clock.monotonicMs();
    const { n } = currentAttempt(this.#run);
    try {
      const row = await ctx.live.progress.write({ lease, n, phase: this.#phase, progress, reason });
      if (row !== undefined) takeRow(this.#run, row);
    } catch (error) {
      this.#failure ??= { error };
      // The run looks up soon and ends by it.
      control.wake();
    }
  }
}
