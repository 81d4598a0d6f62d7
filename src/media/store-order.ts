// The stores in the order in which they are tried, and how each of them does. A picture goes to the first store that takes it;
// one that failed rests for a while, so that the next picture does not wait for it; the disk is always among them. What was
// stored elsewhere than in the first store is moved there later (store-moves.ts).
import type { Clock } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type { MediaKind, MediaStore, StagedFile, StagingStore } from './media-store.ts';

const FIRST_REST_MS = 15_000;
const LONGEST_REST_MS = 5 * 60_000;

export interface StoreEntry {
  store: MediaStore;
  kind: 'disk' | 's3' | 'imgbb';
}

export interface StoreHealth {
  name: string;
  kind: StoreEntry['kind'];
  /** `unknown`: a remote store that has not been asked yet. */
  state: 'ok' | 'resting' | 'unknown';
  /** Why it rests, in plain words. */
  reason: string | null;
  /** When it last failed and when it is tried again, in milliseconds. */
  failedAt: number | null;
  retryAt: number | null;
}

interface Condition {
  state: StoreHealth['state'];
  failures: number;
  reason: string | null;
  failedAt: number | null;
  retryAt: number | null;
}

export interface StoreOrderOptions {
  disk: StagingStore;
  /** In the order in which they are tried, the disk among them. */
  entries: readonly StoreEntry[];
  clock: Clock;
  log: Logger;
}

export class StoreOrder {
  readonly disk: StagingStore;
  readonly entries: readonly StoreEntry[];
  readonly #options: StoreOrderOptions;
  readonly #conditions = new Map<string, Condition>();

  constructor(options: StoreOrderOptions) {
    this.#options = options;
    this.disk = options.disk;
    this.entries = options.entries;
  }

  /** The store that pictures belong in; null when that is a public host, to which nothing is moved. */
  get home(): MediaStore | null {
    const [first] = this.entries;
    return first && first.kind !== 'imgbb' ? first.store : null;
  }

  /** Stores other than the disk. */
  get remotes(): readonly StoreEntry[] {
    return this.entries.filter(({ kind }) => kind !== 'disk');
  }

  find(name: string): MediaStore | undefined {
    return this.entries.find(({ store }) => store.name === name)?.store;
  }

  /** The store that a row names. Throws `storage_unavailable` when it is not configured any more. */
  require(name: string): MediaStore {
    const store = this.find(name);
    if (store) return store;
    throw new AppError('storage_unavailable', {
      detail: `The picture lies in the store "${name}", which is not configured.`,
    });
  }

  /**
   * Makes a staged file visible in the first store that takes it and returns that store's name. Throws what the last one
   * said when none does; the staged file is then still there, unless its bytes cannot be trusted.
   */
  async publish(staged: StagedFile, kind: MediaKind, key: string): Promise<string> {
    let failure: unknown = new AppError('storage_unavailable', { detail: 'No store is usable.' });
    for (const { store, kind: storeKind } of this.entries) {
      if (storeKind !== 'disk' && this.isResting(store.name)) continue;
      try {
        await store.publish(staged, kind, key);
        if (storeKind !== 'disk') this.note(store.name, null);
        return store.name;
      } catch (error) {
        if (!isStoreFailure(error)) throw error;
        if (storeKind !== 'disk') this.note(store.name, error);
        failure = error;
      }
    }
    throw failure;
  }

  /** When a resting store is tried again, in milliseconds; null when it does not rest. */
  restsUntil(name: string): number | null {
    return this.isResting(name) ? (this.#conditions.get(name)?.retryAt ?? null) : null;
  }

  /** Whether a remote store failed lately and is left alone for now. */
  isResting(name: string): boolean {
    const condition = this.#conditions.get(name);
    return condition?.state === 'resting' && this.#options.clock.now() < (condition.retryAt ?? 0);
  }

  /** Keeps what a call to a remote store came to: null for a success. */
  note(name: string, error: AppError | null): void {
    const { clock, log } = this.#options;
    const before = this.#conditions.get(name);
    if (error === null) {
      if (before?.state === 'resting') log.info({ store: name }, 'a store works again');
      this.#conditions.set(name, { state: 'ok', failures: 0, reason: null, failedAt: null, retryAt: null });
      return;
    }
    const now = clock.now();
    // Calls that were under way together found the same trouble once.
    if (this.isResting(name)) return;
    const failures = (before?.failures ?? 0) + 1;
    const restMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** Math.min(failures - 1, 10));
    if (before?.state !== 'resting')
      log.warn({ store: name, err: error }, 'a store failed; pictures go to the next one meanwhile');
    this.#conditions.set(name, {
      state: 'resting',
      failures,
      reason: error.message,
      failedAt: now,
      retryAt: now + restMs,
    });
  }

  /** Asks every remote store that does not rest whether it is there. Never throws. */
  async check(): Promise<void> {
    for (const { store } of this.remotes) {
      if (this.isResting(store.name)) continue;
      try {
        await store.requireVolume();
        this.note(store.name, null);
      } catch (error) {
        this.note(store.name, isStoreFailure(error) ? error : unexpected(error));
      }
    }
  }

  health(): StoreHealth[] {
    return this.entries.map(({ store: { name }, kind }) => {
      const condition = this.#conditions.get(name);
      return {
        name,
        kind,
        state: kind === 'disk' ? 'ok' : (condition?.state ?? 'unknown'),
        reason: condition?.reason ?? null,
        failedAt: condition?.failedAt ?? null,
        retryAt: condition?.retryAt ?? null,
      };
    });
  }
}

/** Nothing is wrong with the picture: the store is full or away. */
export function isStoreFailure(error: unknown): error is AppError {
  return error instanceof AppError && (error.code === 'storage_full' || error.code === 'storage_unavailable');
}

function unexpected(error: unknown): AppError {
  const why = error instanceof Error ? error.message : String(error);
  return new AppError('storage_unavailable', { detail: `The store failed in an unexpected way: ${why}` });
}
