// The runs of this node as the outside reaches them while they go on: woken by call backs, seen by their progress and previews.
import type { Db } from '../kernel/db.ts';
import { Previews, type PreviewsOptions } from './previews.ts';
import { ProgressWriter } from './progress-writer.ts';
import type { RunControl } from './run-control.ts';

export class LiveRuns {
  readonly previews: Previews;
  readonly progress: ProgressWriter;
  readonly #controls = new Map<string, RunControl>();

  constructor(options: PreviewsOptions & { db: Db }) {
    this.previews = new Previews(options);
    this.progress = new ProgressWriter(options.db, options.clock);
  }

  get size(): number {
    return this.#controls.size;
  }

  /** From now until the returned function is called the run can be reached. */
  enter(taskId: string, control: RunControl): () => void {
    this.#controls.set(taskId, control);
    return () => {
      if (this.#controls.get(taskId) === control) this.#controls.delete(taskId);
      this.previews.drop(taskId);
    };
  }

  /** Makes a run look at its job soon; false when this node does not run the task. */
  wake(taskId: string): boolean {
    const control = this.#controls.get(taskId);
    control?.wake();
    return control !== undefined;
  }
}
