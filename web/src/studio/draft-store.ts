// The draft of one account on this device: in memory for the form, in storage so that reload, a killed tab, an expired
// session or navigation lose nothing.
import { readStored, writeStored } from '../ui/stored.ts';
import { type Draft, EMPTY_DRAFT, parseDraft } from './model.ts';

/** Typing is written when it pauses; leaving the page writes at once. */
const WRITE_DELAY_MS = 250;

export class DraftStore {
  readonly #key: string;
  readonly #listeners = new Set<() => void>();
  #draft: Draft;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(accountId: string) {
    this.#key = `drawbridge.draft.${accountId}`;
    this.#draft = parseDraft(readStored(this.#key));
  }

  get = (): Draft => this.#draft;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  update(change: Partial<Draft>): void {
    this.replace({ ...this.#draft, ...change });
  }

  replace(draft: Draft): void {
    this.#draft = draft;
    this.#timer ??= setTimeout(() => this.flush(), WRITE_DELAY_MS);
    for (const listener of this.#listeners) listener();
  }

  /** Writes what is pending. */
  flush = (): void => {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    const untouched = JSON.stringify(this.#draft) === JSON.stringify(EMPTY_DRAFT);
    writeStored(this.#key, untouched ? null : JSON.stringify(this.#draft));
  };
}
