// How long pictures take: medians over what was finished in the last hour, for each provider's model. Read at most every few
// seconds and bounded, so that showing an estimate never costs more than the tasks themselves.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { listFinishedRuns } from './read-store.ts';

/** What "lately" means: older runs say nothing about now. */
export const DURATION_WINDOW_MS = 3600_000;
/** The newest finished tasks that are looked at; more would not move a median. */
const MOST_RUNS = 2_000;
/** A book is used this long before it is read again. */
export const BOOK_TTL_MS = 10_000;

/** Milliseconds from the first start to the pictures, by provider and its model. */
export class DurationBook {
  readonly #medians: ReadonlyMap<string, number>;

  constructor(medians: ReadonlyMap<string, number>) {
    this.#medians = medians;
  }

  /** Null when none was finished in the window. */
  medianMs(provider: string, providerModel: string): number | null {
    return this.#medians.get(keyOf(provider, providerModel)) ?? null;
  }
}

/**
 * Milliseconds until a task is ready of which `ahead` others wait or run before it, when each takes `medianMs` and
 * `concurrency` run at once: the pictures that must be over before it starts, and its own.
 */
export function estimateMs(medianMs: number, ahead: number, concurrency: number): number {
  const places = Math.max(1, concurrency);
  return (medianMs * Math.max(0, ahead + 1 - places)) / places + medianMs;
}

export class Durations {
  readonly #db: Db;
  readonly #clock: Clock;
  #latest: DurationBook | null = null;
  #reading: Promise<DurationBook> | null = null;
  #readAtMs = Number.NEGATIVE_INFINITY;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** The medians of now, at most a few seconds old. */
  async book(): Promise<DurationBook> {
    if (this.#latest && !this.#isOld) return this.#latest;
    this.#reading ??= this.#readOnce();
    return this.#reading;
  }

  /** The medians that are at hand, for answers that must not wait; null before the first. What is old is read anew meanwhile. */
  peek(): DurationBook | null {
    // An estimate is the least of what an answer has: without one the database's trouble shows elsewhere.
    if (this.#latest === null || this.#isOld) void this.book().catch(() => {});
    return this.#latest;
  }

  get #isOld(): boolean {
    return this.#clock.monotonicMs() - this.#readAtMs >= BOOK_TTL_MS;
  }

  async #readOnce(): Promise<DurationBook> {
    try {
      const book = await this.#read();
      this.#latest = book;
      this.#readAtMs = this.#clock.monotonicMs();
      return book;
    } finally {
      this.#reading = null;
    }
  }

  async #read(): Promise<DurationBook> {
    const since = this.#clock.now() - DURATION_WINDOW_MS;
    const runs = await listFinishedRuns(this.#db.slow, { since, limit: MOST_RUNS });
    const byModel = new Map<string, number[]>();
    for (const { lane, provider_model: model, started_at, finished_at } of runs) {
      const key = keyOf(lane, model);
      const durations = byModel.get(key) ?? [];
      if (durations.length === 0) byModel.set(key, durations);
      durations.push(Number(finished_at) - Number(started_at));
    }
    return new DurationBook(new Map([...byModel].map(([key, durations]) => [key, median(durations)])));
  }
}

const keyOf = (provider: string, providerModel: string) => `${provider}\n${providerModel}`;

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  const middle = values.length / 2;
  const upper = values[Math.floor(middle)] ?? 0;
  return values.length % 2 === 1 ? upper : (upper + (values[middle - 1] ?? upper)) / 2;
}
