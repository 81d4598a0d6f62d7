// The draft of one account on this device: in memory for the form, in storage so that reload, a killed tab, an expired
// session or navigation lose nothing. Other rooms change it here before they lead to the Studio.
import { readDraft, writeDraft } from './draft-storage.ts';
import { type Draft, EMPTY_DRAFT, hasContent, parseDraft } from './model.ts';

/** Typing is written when it pauses; leaving the page writes at once. */
const WRITE_DELAY_MS = 300;

export class DraftStore {
  readonly #key: string;
  readonly #listeners = new Set<() => void>();
  #draft: Draft;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Whether something unsent came back from storage, which the Studio says once. */
  wasRestored: boolean;

  constructor(key: string, json: string | null) {
    this.#key = key;
    this.#draft = parseDraft(json);
    this.wasRestored = !this.#draft.isSent && hasContent(this.#draft);
  }

  get = (): Draft => this.#draft;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  update(change: Partial<Draft>): void {
    this.replace({ ...this.#draft, isSent: false, ...change });
  }

  replace(draft: Draft): void {
    this.#draft = draft;
    this.#timer ??= setTimeout(() => this.#write(false), WRITE_DELAY_MS);
    for (const listener of this.#listeners) listener();
  }

  /** Writes what is pending, in a way that a closing page can. */
  flush = (): void => {
    if (this.#timer !== null) this.#write(true);
  };

  #write(isLeaving: boolean): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const isUntouched = JSON.stringify(this.#draft) === JSON.stringify(EMPTY_DRAFT);
    writeDraft(this.#key, isUntouched ? null : JSON.stringify(this.#draft), Date.now(), isLeaving);
  }
}

const opened = new Map<string, Promise<DraftStore>>();

/** The Studio's draft of an account; one store for the whole page, so that every room changes the same draft. */
export function openDraft(accountId: string): Promise<DraftStore> {
  const key = `${accountId}.studio`;
  let draft = opened.get(key);
  if (!draft) {
    draft = readDraft(key).then((json) => new DraftStore(key, json));
    opened.set(key, draft);
  }
  return draft;
}
