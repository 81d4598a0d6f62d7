// Counts visits off the request path: gathered in memory and written for all shares together every few seconds, and at the end.
// A crash loses at most the last seconds' visits.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { addViews } from './store.ts';

const FLUSH_DELAY_MS = 5_000;
/** With more shares than this in one batch the next visits are not counted until it is written. */
const MAX_PENDING_SHARES = 5_000;

/** Programs that fetch pages: crawlers, link previews, monitors, libraries. Chat apps' own browsers are people. */
const ROBOT =
  /bot\b|bot[/_-]|crawl|spider|slurp|preview|fetch|scan|monitor|headless|lighthouse|embed|facebookexternalhit|whatsapp|skype|curl|wget|python|perl|ruby|java\/|go-http|okhttp|axios|undici|node|postman|http-?client/i;

/** Whether a request is a person's look at a page, as far as its headers tell. */
export function isVisit(
  method: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): boolean {
  if (method !== 'GET') return false;
  const agent = String(headers['user-agent'] ?? '');
  if (agent === '' || ROBOT.test(agent)) return false;
  const purpose = `${headers['sec-purpose'] ?? ''} ${headers.purpose ?? ''} ${headers['x-moz'] ?? ''}`;
  return !/prefetch|preview|prerender/i.test(purpose);
}

export class ViewCounter {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #onError: (error: unknown) => void;
  #pending = new Map<string, number>();
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(db: Db, clock: Clock, onError: (error: unknown) => void) {
    this.#db = db;
    this.#clock = clock;
    this.#onError = onError;
  }

  note(shareId: string): void {
    const count = this.#pending.get(shareId) ?? 0;
    if (count === 0 && this.#pending.size >= MAX_PENDING_SHARES) return;
    this.#pending.set(shareId, count + 1);
    this.#timer ??= this.#clock.after(FLUSH_DELAY_MS, () => void this.flush());
  }

  /** Visits that are not written yet. */
  pending(shareId: string): number {
    return this.#pending.get(shareId) ?? 0;
  }

  /** Writes what is pending; a batch that cannot be written is counted again with the next. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#pending.size === 0) return this.#writing;
    const views = [...this.#pending];
    this.#pending = new Map();
    this.#writing = this.#writing
      .then(() => this.#db.write(addViews, { views }))
      .catch((error: unknown) => {
        this.#onError(error);
        for (const [id, count] of views) this.#pending.set(id, (this.#pending.get(id) ?? 0) + count);
      });
    return this.#writing;
  }

  /** Writes what is pending and waits for it. */
  async close(): Promise<void> {
    await this.flush();
    this.#timer?.cancel();
    this.#timer = null;
  }
}
