// Follows the events and hands those that somebody is told of to the store as deliveries. It reads ahead in memory over events
// that concern nobody; the cursor in the database moves only in writes that store what was passed.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { EVENTS_CHANNEL } from '../kernel/event-hub.ts';
import type { Logger } from '../kernel/log.ts';
import { type EventCursor, readEvents } from '../kernel/outbox.ts';
import { fanOut, isFinalEvent, storedCursor } from './fan-out-store.ts';
import { WakeLoop } from './wake-loop.ts';

/** After a signal, so that one read serves the events of many. */
const GATHER_MS = 25;
/** The poll behind the signals. */
const POLL_MS = 2_000;
const BATCH = 500;
/** A restart reads again at most about this many events that concern nobody. */
const MOST_SKIPPED = 5_000;

export interface FanOutOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  /** Called after deliveries were stored. */
  onDeliveries: () => void;
}

const isAfter = (a: EventCursor, b: EventCursor) =>
  a.change > b.change || (a.change === b.change && a.id > b.id);

export class FanOut {
  readonly #options: FanOutOptions;
  readonly #reading = new WakeLoop(() => this.#readSafely());
  #stored: EventCursor | null = null;
  /** Up to here there is nothing after the stored cursor that anybody is told of. */
  #seen: EventCursor | null = null;
  #skipped = 0;
  #isClosed = false;
  #gathering: Timer | null = null;
  #poll: Timer | null = null;
  #unsubscribe: () => void = () => {};

  constructor(options: FanOutOptions) {
    this.#options = options;
  }

  start(): void {
    this.#unsubscribe = this.#options.db.onSignal(EVENTS_CHANNEL, () => this.#gather());
    this.#schedulePoll();
    this.#reading.wake();
  }

  /** Starts nothing more and waits for the write that runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#unsubscribe();
    this.#gathering?.cancel();
    this.#poll?.cancel();
    await this.#reading.idle();
  }

  #gather(): void {
    this.#gathering ??= this.#options.clock.after(GATHER_MS, () => {
      this.#gathering = null;
      this.#reading.wake();
    });
  }

  #schedulePoll(): void {
    this.#poll = this.#options.clock.after(POLL_MS, () => {
      this.#reading.wake();
      if (!this.#isClosed) this.#schedulePoll();
    });
  }

  async #readSafely(): Promise<void> {
    try {
      if (!this.#isClosed) await this.#readNext();
    } catch (error) {
      if (this.#isClosed) return;
      this.#options.log.warn({ err: error }, 'events could not be handed to webhooks; the next poll goes on');
    }
  }

  async #readNext(): Promise<void> {
    const { db } = this.#options;
    this.#stored ??= await storedCursor(db.read);
    this.#seen ??= this.#stored;
    const events = await readEvents(db.slow, { after: this.#seen, limit: BATCH });
    const last = events.at(-1);
    if (!last) return;
    const end = { change: last.change, id: last.id };
    const isQuiet = !events.some(isFinalEvent) && this.#skipped + events.length <= MOST_SKIPPED;
    if (isQuiet) {
      this.#seen = end;
      this.#skipped += events.length;
      if (events.length === BATCH) this.#reading.wake();
    } else if (!(await this.#isDoneElsewhere(end))) await this.#store();
  }

  /** Another node may have stored these already: then there is nothing to write. */
  async #isDoneElsewhere(end: EventCursor): Promise<boolean> {
    const stored = await storedCursor(this.#options.db.read);
    if (isAfter(end, stored)) return false;
    this.#moveTo(stored);
    return true;
  }

  async #store(): Promise<void> {
    const { db, clock, onDeliveries } = this.#options;
    const from = this.#stored as EventCursor;
    const skipTo = this.#seen as EventCursor;
    const { cursor, deliveries } = await db.write(fanOut, { from, skipTo, limit: BATCH, now: clock.now() });
    this.#moveTo(cursor);
    if (deliveries > 0) onDeliveries();
  }

  #moveTo(cursor: EventCursor): void {
    this.#stored = cursor;
    this.#seen = cursor;
    this.#skipped = 0;
    this.#reading.wake();
  }
}
