// Tasks whose process died under them again and again run one at a time, so that the one that kills its process is found and
// those that only ran beside it are not blamed for it (fault row Q4).
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { Logger } from '../kernel/log.ts';
import { beginProbation, endProbation, SUSPECT_AFTER } from './claim-store.ts';
import type { RunControl } from './run-control.ts';
import type { TaskRow } from './store.ts';

/** What kills its process does so soon; the next in line need not wait for a picture to be finished. */
const PROBATION_MS = 60_000;

export class Probation {
  readonly #options: { db: Db; clock: Clock; log: Logger };
  #line: Promise<void> = Promise.resolve();

  constructor(options: { db: Db; clock: Clock; log: Logger }) {
    this.#options = options;
  }

  /** Waits until the task may run, and returns what to call when its run is over. At once for one that is no suspect. */
  async enter(task: TaskRow, control: RunControl): Promise<() => Promise<void>> {
    if (task.adoptions !== SUSPECT_AFTER) return async () => {};
    const before = this.#line;
    const turn = Promise.withResolvers<void>();
    this.#line = before.then(() => turn.promise);
    await Promise.race([before, aborted(control.stopped)]);
    if (control.stopped.aborted) {
      turn.resolve();
      return async () => {};
    }
    return this.#begin(task, turn.resolve);
  }

  async #begin(task: TaskRow, letNext: () => void): Promise<() => Promise<void>> {
    const { db, clock, log } = this.#options;
    const lease = { taskId: task.id, epoch: task.lease_epoch };
    log.warn({ task_id: task.id }, 'a task runs alone: its process died under it before');
    let timer: Timer | null = null;
    let isOver = false;
    const end = async () => {
      if (isOver) return;
      isOver = true;
      timer?.cancel();
      letNext();
      // If this cannot be written, the next interruption ends the task: the safe side.
      await db.write(endProbation, lease).catch(() => {});
    };
    await db.write(beginProbation, lease).catch(() => {});
    timer = clock.after(PROBATION_MS, () => void end());
    return end;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
