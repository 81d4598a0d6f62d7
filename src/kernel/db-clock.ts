// The time of the database for a node among others: their wall clocks differ and step, the database's is one for all, and
// between two readings it goes on by the monotonic clock.
import { sql } from 'kysely';
import type { Clock, Timer } from './clock.ts';
import type { Reader } from './db.ts';
import { dialectOf } from './db-dialect.ts';

/** A smaller difference is the way to the database and back; following it would make the time tremble. */
const IGNORED_MS = 250;

export class DatabaseClock implements Clock {
  readonly #machine: Clock;
  #offsetMs: number;

  /** Until the first `set`, the machine's own time. */
  constructor(machine: Clock) {
    this.#machine = machine;
    this.#offsetMs = machine.now() - machine.monotonicMs();
  }

  now(): number {
    return Math.round(this.#machine.monotonicMs() + this.#offsetMs);
  }

  monotonicMs(): number {
    return this.#machine.monotonicMs();
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#machine.after(delayMs, callback);
  }

  /** The database's time, as it was just read, in milliseconds UTC. */
  set(databaseMs: number): void {
    if (Math.abs(databaseMs - this.now()) > IGNORED_MS)
      this.#offsetMs = databaseMs - this.#machine.monotonicMs();
  }
}

/** What time it is for the database, in milliseconds UTC; only on PostgreSQL it has a clock of its own. */
export async function readDatabaseTime(reader: Reader, nowMs: number): Promise<number> {
  const { rows } = await sql<{ now: number }>`select ${dialectOf(reader).now(nowMs)} as now`.execute(reader);
  return rows[0]?.now ?? nowMs;
}
