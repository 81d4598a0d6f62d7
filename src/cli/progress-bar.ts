// A progress bar on standard error, only where that is a terminal.
import type { SingleBar } from 'cli-progress';
import type { Stream } from './terminal.ts';

const STEPS = 100;

export class ProgressBar {
  readonly #stream: Stream;
  #bar: Promise<SingleBar> | null = null;
  #isStopped = false;

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** Shows how far it is (0 to 1; null when nobody knows) and what is going on. */
  show(progress: number | null, phase: string): void {
    if (this.#stream.isTTY !== true || this.#isStopped) return;
    this.#bar ??= this.#start(phase);
    void this.#bar.then((bar) => bar.update(Math.round((progress ?? 0) * STEPS), { phase }));
  }

  /** Resolves when its last state is drawn and the line below is free. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    (await this.#bar)?.stop();
  }

  async #start(phase: string): Promise<SingleBar> {
    const { default: progress } = await import('cli-progress');
    const bar = new progress.SingleBar(
      {
        stream: this.#stream as NodeJS.WritableStream,
        format: ' {bar} {percentage}% {phase} {duration_formatted}',
        hideCursor: true,
        clearOnComplete: false,
        stopOnComplete: false,
      },
      progress.Presets.shades_classic,
    );
    bar.start(STEPS, 0, { phase });
    return bar;
  }
}
