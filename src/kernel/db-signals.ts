// Signals inside one process: hints that something happened on a channel. Many signals of one turn become one call per listener.
import type { DbLog } from './db.ts';

export class LocalSignals {
  readonly #listeners = new Map<string, Set<() => void>>();
  readonly #due = new Set<string>();
  readonly #log: DbLog;

  constructor(log: DbLog) {
    this.#log = log;
  }

  /** Calls the channel's listeners once, after the running code has finished. */
  signal(channel: string): void {
    if (this.#due.size === 0) queueMicrotask(() => this.#deliver());
    this.#due.add(channel);
  }

  /** Signals every channel that has a listener: for when hints from elsewhere may have been missed. */
  signalAll(): void {
    for (const channel of this.#listeners.keys()) this.signal(channel);
  }

  onSignal(channel: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners);
    // The same function may subscribe twice, and each subscription ends by itself.
    const entry = () => listener();
    listeners.add(entry);
    return () => {
      listeners.delete(entry);
      if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel);
    };
  }

  #deliver(): void {
    const channels = [...this.#due];
    this.#due.clear();
    for (const channel of channels) {
      for (const listener of [...(this.#listeners.get(channel) ?? [])]) {
        try {
          listener();
        } catch (error) {
          this.#log.error({ err: error, channel }, 'A listener for a signal failed');
        }
      }
    }
  }
}
