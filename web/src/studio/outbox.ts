// Requests on their way: drawn as cards at once, kept in storage until the server has answered, and sent again with the
// same Idempotency-Key, so that neither a reload nor a lost answer loses or doubles a picture.
import { networkProblem, type Problem, problemOf } from '../api/problem.ts';
import type { TaskRequest } from '../api/resources.ts';

export interface OutboxEntry {
  /** The Idempotency-Key, also the card's key. */
  key: string;
  request: TaskRequest;
  /** Width over height of the pictures to come. */
  ratio: number;
  createdAtMs: number;
  state: 'sending' | 'failed';
  problem: Problem | null;
}

export interface OutboxOptions {
  read(): string | null;
  write(json: string | null): void;
  nowMs(): number;
  newKey(): string;
  /** Resolves once the server holds the task and the page knows it; rejects with an ApiError. */
  send(request: TaskRequest, key: string): Promise<void>;
  /** Waits before a request that is still being handled is asked for again. */
  pause(delayMs: number): Promise<void>;
}

/** After a reload an unconfirmed request this young is sent again unasked; an older one waits for a click. */
const RESEND_WITHIN_MS = 10 * 60_000;
const IN_PROGRESS_RETRIES = 5;
const IN_PROGRESS_PAUSE_MS = 800;
const MAX_ENTRIES = 50;

function parseEntries(json: string | null): OutboxEntry[] {
  try {
    const value: unknown = JSON.parse(json ?? '[]');
    if (!Array.isArray(value)) return [];
    return value.filter(
      (entry): entry is OutboxEntry =>
        typeof entry?.key === 'string' && typeof entry?.request === 'object' && Number(entry.ratio) > 0,
    );
  } catch {
    return [];
  }
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #listeners = new Set<() => void>();
  #entries: readonly OutboxEntry[];

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#entries = parseEntries(options.read());
  }

  /** Newest first. */
  get = (): readonly OutboxEntry[] => this.#entries;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Draws the card and sends; returns the key at once. `build` gets the key, to mark the request with it. */
  submit(build: (key: string) => TaskRequest, ratio: number): string {
    const key = this.#options.newKey();
    const entry: OutboxEntry = {
      key,
      request: build(key),
      ratio,
      createdAtMs: this.#options.nowMs(),
      state: 'sending',
      problem: null,
    };
    this.#change([entry, ...this.#entries].slice(0, MAX_ENTRIES));
    void this.#send(entry);
    return key;
  }

  /** Sends again what an earlier page left unconfirmed. */
  resume(): void {
    for (const entry of this.#entries) {
      if (entry.state !== 'sending') continue;
      if (this.#options.nowMs() - entry.createdAtMs < RESEND_WITHIN_MS) void this.#send(entry);
      else this.#replace(entry.key, { state: 'failed', problem: networkProblem() });
    }
  }

  /** Sends a failed request again, under its own key. */
  sendAgain(key: string): void {
    const entry = this.#entries.find((known) => known.key === key);
    if (!entry || entry.state === 'sending') return;
    this.#replace(key, { state: 'sending', problem: null });
    void this.#send(entry);
  }

  discard(key: string): void {
    this.#change(this.#entries.filter((entry) => entry.key !== key));
  }

  async #send(entry: OutboxEntry): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.#options.send(entry.request, entry.key);
        return this.discard(entry.key);
      } catch (error) {
        const problem = problemOf(error);
        if (problem.code !== 'idempotency_in_progress' || attempt >= IN_PROGRESS_RETRIES)
          return this.#replace(entry.key, { state: 'failed', problem });
        await this.#options.pause(IN_PROGRESS_PAUSE_MS);
      }
    }
  }

  #replace(key: string, change: Partial<OutboxEntry>): void {
    this.#change(this.#entries.map((entry) => (entry.key === key ? { ...entry, ...change } : entry)));
  }

  #change(entries: readonly OutboxEntry[]): void {
    this.#entries = entries;
    this.#options.write(entries.length === 0 ? null : JSON.stringify(entries));
    for (const listener of this.#listeners) listener();
  }
}
