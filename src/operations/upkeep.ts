// Upkeep: garbage is collected daily, idempotency keys and old events are pruned hourly, in small transactions, and stored
// files are read against their hashes once a week, slowly. When each job last ran, and how far the reading came, is in the
// database, so that a restart neither skips nor repeats; a job that fails is logged, marked and tried again an hour later.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { pruneEvents } from '../kernel/outbox.ts';
import type { GarbageReport, Media } from '../media/media.ts';
import { pruneIdempotencyKeys } from '../tasks/tasks.ts';
import { findRestored, requireCollecting } from './restore-state.ts';
import { retirePictures } from './retention.ts';
import { scrubPass } from './scrub-pass.ts';
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
const SCRUB_INTERVAL_MS = 7 * 24 * HOUR_MS;
const MARK_PREFIX = 'upkeep:';

export interface UpkeepOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  media: Pick<Media, 'gc' | 'scrub'>;
  /** How long an Idempotency-Key is remembered. */
  idempotencyMs: number;
  /** Age at which pictures go to the trash by themselves; null: never. */
  picturesMs?: number | null;
}

export type GcReport = GarbageReport & { thumbs: number; eventsPruned: number };

export class Upkeep {
  readonly #options: UpkeepOptions;
  #timer: Timer | null = null;
  #isClosed = false;
  #isCollecting = false;
  #isScrubbing = false;
  readonly #closing = new AbortController();

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#schedule(FIRST_ROUND_MS);
  }

  /** Starts nothing more; a running step ends by itself. */
  close(): void {
    this.#isClosed = true;
    this.#closing.abort();
    this.#timer?.cancel();
  }

  /**
   * Everything there is to collect, now. Throws `conflict` while a collection runs or is paused after a restore,
   * `storage_unavailable` without the volume.
   */
  async collect(): Promise<GcReport> {
    await requireCollecting(this.#options.db.read);
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
      const isPaused = (await findRestored(db.read))?.isPaused === true;
      if (!isPaused) await this.#retire();
      const isDue = !isPaused && (!last || last.ok === 0 || clock.now() - last.at >= GC_INTERVAL_MS);
      void this.#scrub();
      if (isDue && !this.#isCollecting) log.info({ ...(await this.collect()) }, 'garbage collected');
      else await this.#prune();
    } catch (error) {
      if (!this.#isClosed) log.error({ err: error }, 'upkeep failed; it is tried again in an hour');
    }
  }

  /** Reads files until the pass is over; a pass that was cut off goes on where it was. Never throws. */
  async #scrub(): Promise<void> {
    const { db, clock, log, media } = this.#options;
    if (this.#isScrubbing || this.#isClosed) return;
    this.#isScrubbing = true;
    try {
      const last = await findMark(db.read, `${MARK_PREFIX}scrub`);
      if (last && clock.now() - last.at < SCRUB_INTERVAL_MS) return;
      const pass = await scrubPass({ db, clock, media, signal: this.#closing.signal });
      if (pass === null) return;
      const { files, damaged, restored } = pass;
      await this.#mark(
        'scrub',
        damaged === 0 ? 1 : 0,
        `${files} files read, ${damaged} damaged, ${restored} mended`,
      );
      log.info({ ...pass }, 'all stored files were read');
    } catch (error) {
      if (!this.#isClosed) log.error({ err: error }, 'reading stored files broke off; it goes on in an hour');
    } finally {
      this.#isScrubbing = false;
    }
  }

  async #retire(): Promise<void> {
    const { picturesMs = null, log } = this.#options;
    if (picturesMs === null) return;
    const moved = await retirePictures(this.#options, picturesMs, this.#closing.signal);
    await this.#mark('retention', 1, `${moved} pictures moved to the trash`);
    if (moved > 0) log.info({ moved }, 'pictures past their age were moved to the trash');
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
