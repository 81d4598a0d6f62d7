// Wakes the streams and waits of this process when there are new events. It carries no events itself: every reader goes on
// from its own cursor in the database, so a slow or returning one can neither lose an event nor fill the memory.
import type { Clock, Timer } from './clock.ts';
import type { Db } from './db.ts';
import type { Logger } from './log.ts';
import { type EventCursor, latestCursor, readEvents } from './outbox.ts';

/** Says to all nodes that events were committed. */
export const EVENTS_CHANNEL = 'events';
/** The poll behind the signals. */
const POLL_MS = 1_000;
const BATCH = 1_000;

interface Subscriber {
  accountId: string;
  wake: () => void;
}

export class EventHub {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #subscribers = new Set<Subscriber>();
  readonly #closing = new AbortController();
  #cursor: EventCursor | null = null;
  #reading: Promise<void> | null = null;
  #isStale = false;
  #timer: Timer | null = null;
  #unsubscribe: () => void = () => {};

  constructor(options: { db: Db; clock: Clock; log: Logger }) {
    this.#db = options.db;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** Aborted when the server stops: streams end so that clients go elsewhere. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  async start(): Promise<void> {
    this.#cursor = await latestCursor(this.#db.read);
    this.#unsubscribe = this.#db.onSignal(EVENTS_CHANNEL, () => this.#look());
    this.#schedule();
  }

  /** Calls `wake` when an account has new events, now and then also without; returns the unsubscriber. */
  subscribe(accountId: string, wake: () => void): () => void {
    const subscriber = { accountId, wake };
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  close(): void {
    this.#closing.abort(new Error('The server stops'));
    this.#unsubscribe();
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(POLL_MS, () => {
      if (this.#subscribers.size > 0) this.#look();
      if (!this.#closing.signal.aborted) this.#schedule();
    });
  }

  /** One reader at a time; what arrives meanwhile is read right after. */
  #look(): void {
    this.#isStale = true;
    this.#reading ??= this.#readAll()
      .catch((error: unknown) => {
        this.#isStale = false;
        this.#log.warn({ err: error }, 'events could not be read; the next poll tries again');
      })
      .finally(() => {
        this.#reading = null;
        // A signal may have come after the last look inside.
        if (this.#isStale && !this.#closing.signal.aborted) this.#look();
      });
  }

  async #readAll(): Promise<void> {
    while (this.#isStale && !this.#closing.signal.aborted) {
      this.#isStale = false;
      const events = await readEvents(this.#db.read, { after: this.#cursor, limit: BATCH });
      const last = events.at(-1);
      if (!last) continue;
      this.#cursor = { change: last.change, id: last.id };
      if (events.length === BATCH) this.#isStale = true;
      const accounts = new Set(events.map((event) => event.account_id));
      for (const subscriber of this.#subscribers) if (accounts.has(subscriber.accountId)) subscriber.wake();
    }
  }
}
