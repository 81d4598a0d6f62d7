// Sees to it that batches end: goes on with cancelling where a process stopped, and says once that a batch is finished when its
// last item has ended, on whichever node that was.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { EVENTS_CHANNEL } from '../kernel/event-hub.ts';
import type { Logger } from '../kernel/log.ts';
import { cancelBatchTasks } from '../tasks/tasks.ts';
import { finishBatch, listCancelling, listEnded } from './store.ts';

/** After a change, so that one look serves the changes of many tasks. */
const GATHER_MS = 250;
/** The poll behind the signals. */
const POLL_MS = 5_000;
/** Batches in one look. */
const MOST_BATCHES = 50;
/** Tasks that one write cancels: some 50 ms, between which others write, and a wait for the disk each. */
export const CANCEL_STEP = 1_000;

export interface KeeperOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  /** Running tasks were asked to stop. */
  onCancels: () => void;
}

export class BatchKeeper {
  readonly #options: KeeperOptions;
  #timer: Timer | null = null;
  #dueInMs = Number.POSITIVE_INFINITY;
  #isStarted = false;
  #isAgain = false;
  #looking: Promise<void> | null = null;
  #unsubscribe: () => void = () => {};
  readonly #cancelling = new Map<string, Promise<void>>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#isStarted = true;
    this.#unsubscribe = this.#options.db.onSignal(EVENTS_CHANNEL, () => this.#schedule(GATHER_MS));
    this.#schedule(0);
  }

  /** Starts nothing more and waits for the look that is under way. */
  async close(): Promise<void> {
    this.#isStarted = false;
    this.#unsubscribe();
    this.#timer?.cancel();
    await this.#looking;
  }

  /** Cancels what is open of a batch; resolves when nothing of it waits any more. Calls at the same time share the work. */
  cancel(batchId: string): Promise<void> {
    const underWay = this.#cancelling.get(batchId);
    if (underWay) return underWay;
    const cancelling = this.#cancelAll(batchId).finally(() => this.#cancelling.delete(batchId));
    this.#cancelling.set(batchId, cancelling);
    return cancelling;
  }

  async #cancelAll(batchId: string): Promise<void> {
    const { db, clock, onCancels } = this.#options;
    for (;;) {
      const input = { batchId, limit: CANCEL_STEP, now: clock.now() };
      const { ended, requested, isMore } = await db.write(cancelBatchTasks, input);
      if (requested > 0) onCancels();
      else if (ended > 0) db.signal(EVENTS_CHANNEL);
      if (!isMore) return;
    }
  }

  #schedule(delayMs: number): void {
    if (!this.#isStarted) return;
    if (this.#looking) {
      this.#isAgain ||= delayMs <= GATHER_MS;
      return;
    }
    if (this.#timer && this.#dueInMs <= delayMs) return;
    this.#timer?.cancel();
    this.#dueInMs = delayMs;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = null;
      this.#dueInMs = Number.POSITIVE_INFINITY;
      this.#looking = this.#look().finally(() => {
        this.#looking = null;
        this.#schedule(this.#isAgain ? GATHER_MS : POLL_MS);
        this.#isAgain = false;
      });
    });
  }

  async #look(): Promise<void> {
    const { db, clock, log } = this.#options;
    try {
      for (const batchId of await listCancelling(db.read, MOST_BATCHES)) await this.cancel(batchId);
      for (const batchId of await listEnded(db.read, MOST_BATCHES)) {
        const batch = await db.write(finishBatch, { batchId, now: clock.now() });
        if (!batch) continue;
        log.info({ batch_id: batch.id, account_id: batch.account_id, items: batch.items }, 'batch finished');
        db.signal(EVENTS_CHANNEL);
      }
    } catch (error) {
      if (this.#isStarted)
        log.warn({ err: error }, 'batches could not be looked after; the next look goes on');
    }
  }
}
