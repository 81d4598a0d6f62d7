// One batch as the page shows it: states of all items, counts, totals, and the items around the screen. It asks the server at
// most four times a second however many events arrive, one question at a time, and what the page shows always comes from one
// answer, so that counts and grid agree.

import { type Problem, problemOf } from '../api/problem.ts';
import { listenLive } from '../live/live-events.ts';
import {
  type Batch,
  type BatchCells,
  type BatchCounts,
  type BatchItem,
  readBatch,
  readCells,
  readItems,
} from './batch-api.ts';
import { Cells } from './cells.ts';
import type { StateName } from './item-states.ts';

/** Between two questions for changes. */
const REFRESH_PAUSE_MS = 250;
/** Totals and the time left are asked for less often than states. */
const TOTALS_PAUSE_MS = 2_000;
/** How often an open batch is asked for without any event. */
const POLL_MS = 3_000;
const ITEMS_PAUSE_MS = 200;
/** Items of one question. */
const ITEMS_PER_CALL = 60;
const MOST_KEPT_ITEMS = 2_000;

export interface BatchState {
  phase: 'loading' | 'ready' | 'failed';
  problem: Problem | null;
  batch: Batch | null;
  counts: BatchCounts | null;
  status: Batch['status'];
  /** Counts up whenever any state changed. */
  version: number;
}

const START: BatchState = {
  phase: 'loading',
  problem: null,
  batch: null,
  counts: null,
  status: 'running',
  version: 0,
};

/** Positions that changed, or all. */
type CellListener = (changed: readonly number[] | 'all') => void;

export class BatchRoom {
  readonly id: string;
  readonly cells = new Cells();
  #state: BatchState = START;
  #abort = new AbortController();
  #isBusy = false;
  #isStale = false;
  #totalsAtMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #poll: ReturnType<typeof setInterval> | null = null;
  #stopListening = () => {};
  readonly #items = new Map<number, BatchItem>();
  /** Asked for and not answered: not asked for again until something changes. */
  readonly #missing = new Set<number>();
  #wanted: { positions: readonly number[]; status: StateName | undefined } | null = null;
  #isReadingItems = false;
  readonly #listeners = new Set<() => void>();
  readonly #cellListeners = new Set<CellListener>();

  constructor(id: string) {
    this.id = id;
  }

  get = (): BatchState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Tells about cells to draw anew. */
  onCells(listener: CellListener): () => void {
    this.#cellListeners.add(listener);
    return () => this.#cellListeners.delete(listener);
  }

  /** Begins to follow the batch; `close` ends it. */
  open(): void {
    this.#abort = new AbortController();
    this.#stopListening = listenLive({
      onEvent: ({ name, data }) => {
        if (name === 'reset' || (name.startsWith('batch.') && data.includes(this.id))) this.refresh();
      },
      onReconnected: () => this.refresh(),
    });
    this.#poll = setInterval(() => {
      const { status, problem } = this.#state;
      // A batch that is not there will not come.
      if (!document.hidden && status !== 'finished' && problem?.retryable !== false) this.refresh();
    }, POLL_MS);
    this.refresh(true);
  }

  close(): void {
    this.#abort.abort();
    this.#stopListening();
    if (this.#poll !== null) clearInterval(this.#poll);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#isBusy = false;
  }

  /** Reads what changed, soon; `withTotals` reads totals at once too. */
  refresh(withTotals = false): void {
    if (withTotals) this.#totalsAtMs = Number.NEGATIVE_INFINITY;
    if (this.#isBusy) {
      this.#isStale = true;
      return;
    }
    void this.#read();
  }

  /** Takes the batch as an action answered it. */
  take(batch: Batch): void {
    this.#set({ batch, counts: batch.counts, status: batch.status });
    this.refresh(true);
  }

  async #read(): Promise<void> {
    this.#isBusy = true;
    this.#isStale = false;
    const { signal } = this.#abort;
    try {
      const answer = await readCells(this.id, this.cells.version, signal);
      if (signal.aborted) return;
      this.#apply(answer);
      const hasEnded = answer.status === 'finished' && this.#state.batch?.status !== 'finished';
      const nowMs = performance.now();
      if (hasEnded || nowMs - this.#totalsAtMs >= TOTALS_PAUSE_MS) {
        const batch = await readBatch(this.id, signal);
        this.#totalsAtMs = nowMs;
        this.#set({ batch, status: batch.status, phase: 'ready', problem: null });
      }
    } catch (error) {
      if (signal.aborted) return;
      // What is shown stays; the connection has its own banner.
      if (this.#state.phase !== 'ready') this.#set({ phase: 'failed', problem: problemOf(error) });
    }
    this.#timer = setTimeout(() => {
      this.#isBusy = false;
      if (this.#isStale) void this.#read();
    }, REFRESH_PAUSE_MS);
  }

  #apply(answer: BatchCells): void {
    const changed = this.cells.apply(answer);
    if (changed === 'all') this.#items.clear();
    else for (const position of changed) this.#items.delete(position);
    if (changed === 'all' || changed.length > 0) this.#missing.clear();
    const hasChanged = changed === 'all' || changed.length > 0;
    this.#set({
      counts: answer.counts,
      status: answer.status,
      version: this.#state.version + (hasChanged ? 1 : 0),
    });
    if (hasChanged) this.#tellCells(changed);
    void this.#readWanted();
  }

  /** An item that is here already. */
  itemAt(position: number): BatchItem | undefined {
    return this.#items.get(position);
  }

  /** Says which items the screen shows, ascending, all of one status if given; they are fetched and told of by `onCells`. */
  want(positions: readonly number[], status: StateName | undefined): void {
    this.#wanted = { positions, status };
    void this.#readWanted();
  }

  async #readWanted(): Promise<void> {
    if (this.#isReadingItems || this.#wanted === null || this.cells.total === 0) return;
    const { positions, status } = this.#wanted;
    const first = positions.find((at) => !this.#items.has(at) && !this.#missing.has(at));
    if (first === undefined) return;
    this.#isReadingItems = true;
    const { signal } = this.#abort;
    try {
      const page = await readItems(this.id, { position: first, limit: ITEMS_PER_CALL, status }, signal);
      this.#keep(page.data);
      const last =
        page.next_cursor === null ? Number.POSITIVE_INFINITY : (page.data.at(-1)?.position ?? first);
      for (const at of positions)
        if (at >= first && at <= last && !this.#items.has(at)) this.#missing.add(at);
      this.#tellCells(page.data.map(({ position }) => position));
    } catch {
      this.#missing.add(first);
    }
    setTimeout(() => {
      this.#isReadingItems = false;
      if (!signal.aborted) void this.#readWanted();
    }, ITEMS_PAUSE_MS);
  }

  /** Reads one item anew. Throws ApiError. */
  async readItem(position: number, signal: AbortSignal): Promise<BatchItem | null> {
    const page = await readItems(this.id, { position, limit: 1 }, signal);
    this.#keep(page.data);
    this.#tellCells([position]);
    return page.data.find((item) => item.position === position) ?? null;
  }

  #keep(items: readonly BatchItem[]): void {
    for (const item of items) {
      this.#items.delete(item.position);
      this.#items.set(item.position, item);
    }
    for (const position of this.#items.keys()) {
      if (this.#items.size <= MOST_KEPT_ITEMS) break;
      this.#items.delete(position);
    }
  }

  #set(change: Partial<BatchState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  #tellCells(changed: readonly number[] | 'all'): void {
    for (const listener of this.#cellListeners) listener(changed);
  }
}
