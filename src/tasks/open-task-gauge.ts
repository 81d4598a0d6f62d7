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

export class OpenTaskGauge {
  readonly #counts = new Map<string, { count: number; countedAtMs: number }>();
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #cap: number;

  /** `cap`: unfinished single tasks that one account may have. */
  constructor(db: Db, clock: Clock, cap: number) {
    this.#db = db;
    this.#clock = clock;
    this.#cap = cap;
  }

  /** Throws `rate_limited` when the account has no room for one more. */
  async requireRoom(accountId: string): Promise<void> {
    const known = this.#counts.get(accountId);
    const isFresh = known && this.#clock.monotonicMs() - known.countedAtMs < COUNT_TTL_MS;
    if (isFresh && known.count < this.#cap) return;
    const count = await countOpenTasks(this.#db.read, accountId, this.#cap);
    if (this.#counts.size >= MAX_ACCOUNTS) this.#counts.clear();
    this.#counts.set(accountId, { count, countedAtMs: this.#clock.monotonicMs() });
    if (count < this.#cap) return;
    throw new AppError('rate_limited', {
      detail: `This account has ${this.#cap} unfinished tasks, as many as it may have.`,
      retryAfterS: RETRY_AFTER_S,
    });
  }

  add(accountId: string): void {
    const known = this.#counts.get(accountId);
    if (known) known.count += 1;
  }
}
