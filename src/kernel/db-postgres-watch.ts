// Tells a slow statement from a dead server. A statement that is out for long makes the watch ask the server for a sign of life on
// a connection of its own; without one, every statement that is out fails at once instead of hanging with its caller.
import type { Clock } from './clock.ts';
import { unavailable } from './db-postgres-errors.ts';

/** A statement older than this makes the watch ask. With the ping's own time limit this stays under two seconds. */
const SUSPICIOUS_AFTER_MS = 500;
/** A check that ran this much late was held up by our own event loop, and says nothing about the server. */
const OWN_DELAY_MS = 500;

/** How long a ping may wait for a sign of life. */
export const PING_LONGEST_MS = 800;

interface Watched {
  startedMs: number;
  fail(error: Error): void;
}

export class ServerWatch {
  readonly #clock: Clock;
  readonly #ping: () => Promise<boolean>;
  readonly #watched = new Set<Watched>();
  #lastAnswerMs = Number.NEGATIVE_INFINITY;
  #checking = false;

  /** `ping` answers within `PING_LONGEST_MS` whether the server gives any sign of life. */
  constructor(clock: Clock, ping: () => Promise<boolean>) {
    this.#clock = clock;
    this.#ping = ping;
  }

  /** The outcome of `running`, or `database_unavailable` when the server is found dead before. */
  guard<T>(running: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry: Watched = { startedMs: this.#clock.monotonicMs(), fail: reject };
      this.#watched.add(entry);
      this.#scheduleCheck();
      running.then(
        (value) => {
          this.#watched.delete(entry);
          this.#lastAnswerMs = this.#clock.monotonicMs();
          resolve(value);
        },
        (error) => {
          this.#watched.delete(entry);
          reject(error);
        },
      );
    });
  }

  #scheduleCheck(): void {
    if (this.#checking) return;
    this.#checking = true;
    this.#clock.after(SUSPICIOUS_AFTER_MS, () => void this.#check());
  }

  async #check(): Promise<void> {
    const suspicious = this.#olderThan(this.#clock.monotonicMs() - SUSPICIOUS_AFTER_MS / 2);
    if (suspicious.length > 0 && (await this.#isDead())) {
      for (const entry of suspicious) entry.fail(unavailable('The database does not answer.'));
      for (const entry of suspicious) this.#watched.delete(entry);
    }
    this.#checking = false;
    if (this.#watched.size > 0) this.#scheduleCheck();
  }

  async #isDead(): Promise<boolean> {
    const askedMs = this.#clock.monotonicMs();
    if (await this.#ping()) return false;
    const answeredAnother = this.#lastAnswerMs >= askedMs;
    const heldUp = this.#clock.monotonicMs() - askedMs > PING_LONGEST_MS + OWN_DELAY_MS;
    return !answeredAnother && !heldUp;
  }

  #olderThan(startedMs: number): Watched[] {
    return [...this.#watched].filter((entry) => entry.startedMs <= startedMs);
  }
}
