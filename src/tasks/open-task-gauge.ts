// How many unfinished tasks each account has, so that one account cannot flood the queue. Counted from the database now
// and then and upwards in between: a count in every create would cost more than the create.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { countOpenTasks } from './read-store.ts';

/** A count is used this long; below the cap an old one can only be too high. */
const COUNT_TTL_MS = 5_000;
const RETRY_AFTER_S = 5;
/** Counts of accounts that asked lately; more are simply counted again. */
const MAX_ACCOUNTS = 10_000;

/** Room for one more task, taken until `leave`, and for good after `taken`. */
export interface TaskRoom {
  /** The task exists now. */
  taken(): void;
  /** The create is over, whatever came of it. */
  leave(): void;
}

interface Gauge {
  count: number;
  countedAtMs: number;
  /** Creates that were let in and are not over: each may become a task. */
  arriving: number;
  /** Tasks that came to be while the database was being asked: its answer may not have them. */
  takenMeanwhile: number;
  counting: Promise<void> | null;
}

export class OpenTaskGauge {
  readonly #gauges = new Map<string, Gauge>();
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #cap: number;

  /** `cap`: unfinished single tasks that one account may have. */
  constructor(db: Db, clock: Clock, cap: number) {
    this.#db = db;
    this.#clock = clock;
    this.#cap = cap;
  }

  /** Takes room for one more task of the account; throws `rate_limited` when there is none. */
  async requireRoom(accountId: string): Promise<TaskRoom> {
    const gauge = this.#gaugeOf(accountId);
    const isFresh = this.#clock.monotonicMs() - gauge.countedAtMs < COUNT_TTL_MS;
    if (!isFresh || !this.#hasRoom(gauge)) await this.#recount(accountId, gauge);
    if (!this.#hasRoom(gauge)) {
      throw new AppError('rate_limited', {
        detail: `This account has ${this.#cap} unfinished tasks, as many as it may have.`,
        retryAfterS: RETRY_AFTER_S,
      });
    }
    gauge.arriving += 1;
    return {
      taken: () => {
        gauge.count += 1;
        gauge.takenMeanwhile += 1;
      },
      leave: () => {
        gauge.arriving -= 1;
      },
    };
  }

  #hasRoom({ count, arriving }: Gauge): boolean {
    return count + arriving < this.#cap;
  }

  #gaugeOf(accountId: string): Gauge {
    const known = this.#gauges.get(accountId);
    if (known) return known;
    if (this.#gauges.size >= MAX_ACCOUNTS) this.#gauges.clear();
    const gauge: Gauge = {
      count: 0,
      countedAtMs: Number.NEGATIVE_INFINITY,
      arriving: 0,
      takenMeanwhile: 0,
      counting: null,
    };
    this.#gauges.set(accountId, gauge);
    return gauge;
  }

  /** One count at a time: in a flood every refused call would ask for its own. */
  #recount(accountId: string, gauge: Gauge): Promise<void> {
    gauge.counting ??= (async () => {
      try {
        gauge.takenMeanwhile = 0;
        const counted = await countOpenTasks(this.#db.read, accountId, this.#cap);
        // Too high by what the answer has already is better than over the cap; the next count sets it right.
        gauge.count = counted + gauge.takenMeanwhile;
        gauge.countedAtMs = this.#clock.monotonicMs();
      } finally {
        gauge.counting = null;
      }
    })();
    return gauge.counting;
  }
}
