// Commits what this node's running tasks show, many in one transaction. Each commit waits for the disk: 400 changes a second
// took 26 % of a core one by one, 10 % in four commits and 7 % in two (bench/waiting-tasks.ts).
import { type Clock, sleep } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { type Progress, recordProgressOfMany } from './run-store.ts';
import type { TaskRow } from './store.ts';

/** The first change of a quiet node is committed at once; those after it wait for each other this long. */
const GATHER_MS = 250;
/** And this long on a node that has very many. */
const BUSY_GATHER_MS = 1_000;
const BUSY_CHANGES = 50;
/** Changes of one transaction: others' writes wait behind it. */
const LARGEST_BATCH = 200;

interface Waiting {
  progress: Progress;
  resolve(row: TaskRow | null | undefined): void;
  reject(error: unknown): void;
}

export class ProgressWriter {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #isBusy = false;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /**
   * The row once committed, null when the lease is lost, undefined when it was withdrawn first. One change of a task may
   * wait at a time.
   */
  write(progress: Progress): Promise<TaskRow | null | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(progress.lease.taskId, { progress, resolve, reject });
      if (!this.#isBusy) void this.#writeAll();
    });
  }

  /** Takes back a change that is not under way yet. */
  withdraw(taskId: string): void {
    this.#waiting.get(taskId)?.resolve(undefined);
    this.#waiting.delete(taskId);
  }

  async #writeAll(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.size > 0) {
      const waitMs = this.#nextAtMs - this.#clock.monotonicMs();
      if (waitMs > 0) await sleep(this.#clock, waitMs);
      const gathered = [...this.#waiting.values()];
      this.#waiting.clear();
      const gatherMs = gathered.length > BUSY_CHANGES ? BUSY_GATHER_MS : GATHER_MS;
      this.#nextAtMs = this.#clock.monotonicMs() + gatherMs;
      for (let i = 0; i < gathered.length; i += LARGEST_BATCH)
        await this.#write(gathered.slice(i, i + LARGEST_BATCH));
    }
    this.#isBusy = false;
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const changes = batch.map(({ progress }) => progress);
    try {
      const rows = await this.#db.write(recordProgressOfMany, { changes, now: this.#clock.now() });
      for (const [i, waiting] of batch.entries()) waiting.resolve(rows[i] ?? null);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    }
  }
}
