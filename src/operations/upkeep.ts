// Upkeep: garbage is collected daily, idempotency keys and old events are pruned hourly, in small transactions. When each job
// last ran is in the database, so that a restart neither skips nor repeats the daily one; a job that fails is logged, marked
// and tried again an hour later.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { pruneEvents } from '../kernel/outbox.ts';
import type { GarbageReport, Media } from '../media/media.ts';
import { pruneIdempotencyKeys } from '../tasks/tasks.ts';
import { findMark, listMarks, type MarkRow, setMark } from './store.ts';

const HOUR_MS = 3_600_000;
/** A start has enough to do. */
const FIRST_ROUND_MS = 60_000;
const ROUND_MS = HOUR_MS;
const GC_INTERVAL_MS = 24 * HOUR_MS;
/** How long streams can resume from the database; a client that was away longer reads its lists again. */
export const EVENTS_KEEP_MS = 7 * 24 * HOUR_MS;
const EVENTS_PER_WRITE = 1_000;
/** One round prunes at most this many events, so that it ends; the next goes on. */
const MOST_WRITES = 1_000;
const MARK_PREFIX = 'upkeep:';

export interface UpkeepOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  media: Pick<Media, 'gc'>;
  /** How long an Idempotency-Key is remembered. */
  idempotencyMs: number;
}

export type GcReport = GarbageReport & { thumbs: number; eventsPruned: number };

export class Upkeep {
  readonly #options: UpkeepOptions;
  #timer: Timer | null = null;
  #isClosed = false;
  #isCollecting = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(FIRST_ROUND_MS);
  }

  /** Starts nothing more; a running step ends by itself. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** Everything there is to collect, now. Throws `conflict` while a collection runs, `storage_unavailable` without the volume. */
  async collect(): Promise<GcReport> {
    if (this.#isCollecting) throw new AppError('conflict', { detail: 'A collection is running already.' });
    this.#isCollecting = true;
    try {
      const eventsPruned = await this.#prune();
      const report = await this.#options.media.gc();
      const note = `${report.filesRemoved} files removed, ${report.straysQuarantined} strays put aside`;
      await this.#mark('gc', 1, note);
      return { ...report, eventsPruned };
    } catch (error) {
      await this.#mark('gc', 0, error instanceof Error ? error.message : String(error)).catch(() => {});
      throw error;
    } finally {
      this.#isCollecting = false;
    }
  }

  /** When each job last ran and what came of it. */
  async history(): Promise<(MarkRow & { job: string })[]> {
    const marks = await listMarks(this.#options.db.read, MARK_PREFIX);
    return marks.map((mark) => ({ ...mark, job: mark.name.slice(MARK_PREFIX.length) }));
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      void this.#round().finally(() => this.#schedule(ROUND_MS));
    });
  }

  async #round(): Promise<void> {
    const { log, db, clock } = this.#options;
    try {
      const last = await findMark(db.read, `${MARK_PREFIX}gc`);
      const isDue = !last || last.ok === 0 || clock.now() - last.at >= GC_INTERVAL_MS;
      if (isDue && !this.#isCollecting) log.info({ ...(await this.collect()) }, 'garbage collected');
      else await this.#prune();
    } catch (error) {
      if (!this.#isClosed) log.error({ err: error }, 'upkeep failed; it is tried again in an hour');
    }
  }

  async #prune(): Promise<number> {
    const { db, clock, idempotencyMs } = this.#options;
    const now = clock.now();
    await db.write(pruneIdempotencyKeys, { olderThan: now - idempotencyMs });
    let pruned = 0;
    for (let writes = 0; writes < MOST_WRITES && !this.#isClosed; writes += 1) {
      const count = await db.write(pruneEvents, { beforeMs: now - EVENTS_KEEP_MS, limit: EVENTS_PER_WRITE });
      pruned += count;
      if (count === 0) break;
    }
    await this.#mark('prune', 1, `${pruned} events removed`);
    return pruned;
  }

  #mark(job: string, ok: 0 | 1, note: string): Promise<void> {
    const { db, clock } = this.#options;
    return db.write(setMark, { name: `${MARK_PREFIX}${job}`, at: clock.now(), ok, note });
  }
}
