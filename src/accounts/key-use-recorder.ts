// Writes when API keys were last used: gathered off the request path, in one write a second at most and at most once a
// minute for each key. Losing some at a crash harms nobody.
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { LAST_USED_RESOLUTION_MS, touchKeys } from './store.ts';

const FLUSH_DELAY_MS = 1000;
/** More distinct keys than this within a second are written by later uses. */
const MAX_PENDING_KEYS = 1000;

export class KeyUseRecorder {
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

  /** Notes a use now, if the stored one is old enough. */
  note(keyId: string, lastUsedAt: number | null): void {
    const now = this.#clock.now();
    if (lastUsedAt !== null && now - lastUsedAt < LAST_USED_RESOLUTION_MS) return;
    if (this.#pending.has(keyId) || this.#pending.size >= MAX_PENDING_KEYS) return;
    this.#pending.set(keyId, now);
    this.#timer ??= this.#clock.after(FLUSH_DELAY_MS, () => this.#flush());
  }

  #flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#pending.size === 0) return;
    const uses = [...this.#pending];
    this.#pending = new Map();
    this.#writing = this.#writing.then(() => this.#db.write(touchKeys, { uses })).catch(this.#onError);
  }

  /** Writes what is pending and waits for it. */
  async close(): Promise<void> {
    this.#flush();
    await this.#writing;
  }
}
