// The outline that somebody edits, saved by itself a moment after the last change, one save at a time. What was typed is never
// replaced by an answer: the server's state is taken over only when nothing waits to be saved.
import { type Problem, problemOf } from '../api/problem.ts';
import { completeOutline, type EditedOutline, toEdited } from './outline-edit.ts';
import type { Outline } from './story-api.ts';

const SAVE_PAUSE_MS = 700;

export interface DraftState {
  edited: EditedOutline;
  /** `incomplete`: something that must not be empty is; `failed`: see `problem`. */
  status: 'saved' | 'waiting' | 'saving' | 'incomplete' | 'failed';
  problem: Problem | null;
}

export interface OutlineDraftOptions {
  /** Saves an outline and answers with it as it is stored. */
  save(outline: Outline): Promise<Outline>;
  /** Calls back once after `delayMs`; the returned function cancels. */
  after(delayMs: number, callback: () => void): () => void;
}

export class OutlineDraft {
  readonly #options: OutlineDraftOptions;
  #state: DraftState;
  /** What the server has, as JSON. */
  #stored: string;
  #cancelTimer: (() => void) | null = null;
  #saving: Promise<boolean> | null = null;
  readonly #listeners = new Set<() => void>();

  constructor(outline: Outline, options: OutlineDraftOptions) {
    this.#options = options;
    this.#stored = JSON.stringify(outline);
    this.#state = { edited: toEdited(outline), status: 'saved', problem: null };
  }

  get = (): DraftState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Takes what was edited and saves it soon. */
  change(part: Partial<EditedOutline>): void {
    const edited = { ...this.#state.edited, ...part };
    const outline = completeOutline(edited);
    this.#forgetTimer();
    this.#set({ edited, status: outline === null ? 'incomplete' : 'waiting' });
    if (outline === null) return;
    this.#saveSoon();
  }

  /** Takes the server's outline, unless something here is newer. */
  adopt(outline: Outline): void {
    const stored = JSON.stringify(outline);
    if (stored === this.#stored || this.#state.status !== 'saved') return;
    this.#stored = stored;
    this.#set({ edited: toEdited(outline, this.#state.edited) });
  }

  /** Takes an outline that was chosen instead of the one here; what waited to be saved is given up. */
  replace(outline: Outline): void {
    this.#forgetTimer();
    this.#stored = JSON.stringify(outline);
    this.#set({ edited: toEdited(outline), status: 'saved', problem: null });
  }

  /** Saves what waits, now; true once the server has everything, false when it refused or something is missing. */
  async flush(): Promise<boolean> {
    while (this.#state.status !== 'saved') {
      this.#forgetTimer();
      if (!(await this.#saveOnce())) return false;
    }
    return true;
  }

  #saveSoon(): void {
    this.#cancelTimer = this.#options.after(SAVE_PAUSE_MS, () => {
      this.#cancelTimer = null;
      if (this.#saving) this.#saveSoon();
      else void this.#saveOnce();
    });
  }

  /** The save under way, or a new one. */
  #saveOnce(): Promise<boolean> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null;
    });
    return this.#saving;
  }

  async #save(): Promise<boolean> {
    const sent = this.#state.edited;
    const outline = completeOutline(sent);
    if (outline === null) return false;
    this.#set({ status: 'saving', problem: null });
    try {
      const answer = await this.#options.save(outline);
      this.#stored = JSON.stringify(answer);
      // The server may have made a word harmless.
      const edited = JSON.stringify(outline) === this.#stored ? sent : toEdited(answer, sent);
      if (this.#state.edited === sent) this.#set({ status: 'saved', edited });
      return true;
    } catch (error) {
      if (this.#state.edited === sent) this.#set({ status: 'failed', problem: problemOf(error) });
      return false;
    }
  }

  /** What the server does not have yet, to be kept on this device when the page is left; null when it has everything. */
  unsaved(): string | null {
    const { status, edited } = this.#state;
    return status === 'saved' ? null : JSON.stringify({ stored: this.#stored, edited });
  }

  /** Takes back what `unsaved` gave to an earlier page, unless the outline has changed since; true if it did. */
  restore(json: string | null): boolean {
    try {
      const kept = JSON.parse(json ?? 'null') as { stored: string; edited: EditedOutline } | null;
      if (kept?.stored !== this.#stored) return false;
      // A shape of another version does not get past this.
      completeOutline(kept.edited);
      this.change(kept.edited);
      return true;
    } catch {
      return false;
    }
  }

  #forgetTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #set(change: Partial<DraftState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
