// The list behind the wall: the index of one filter, the rows around the screen, the selection, and what is new. It is
// replaced only when the reader asks for it or when the server's list turned out to be another one, and always so that
// the picture at the top of the screen stays there.
import { type Problem, problemOf } from '../api/problem.ts';
import { type FirstLook, fetchIndex, peekFirstLook, takeFirstLook, utcOffsetMin } from './first-look.ts';
import { countNew, type GalleryRow, readIndex, readRows } from './gallery-api.ts';
import { EMPTY_INDEX, type GalleryIndex, indexOfRows } from './gallery-index.ts';
import type { GalleryFilter } from './gallery-search.ts';
import { RowSource, WINDOW_ROWS } from './row-source.ts';
import { Selection } from './selection.ts';

/** A frame that has not come by then does not come. */
const MOST_FRAME_MS = 100;
/** Rows made ready around the top of the screen before a new list is shown. */
const READY_BEFORE = 100;
const READY_AFTER = 200;
/** A list that was just read again is not read again for a mismatch within this time. */
const RELOAD_PAUSE_MS = 5_000;

export interface RoomState {
  phase: 'loading' | 'ready' | 'failed';
  problem: Problem | null;
  /** Pictures in the list; exact once `isComplete`, and 0 as long as only its first rows are here. */
  total: number;
  isComplete: boolean;
  /** The server is still making older pictures searchable. */
  isPreparing: boolean;
  /** Pictures that match and are newer than the list. */
  newCount: number;
  /** Counts up with every other index; the wall is laid out anew then. */
  version: number;
  selected: number;
}

/** Where the picture with an old ordinal is in the new list, -1 when it is gone; `null` asks for the top. */
export type Remap = ((ordinal: number) => number) | null;

const START: RoomState = {
  phase: 'loading',
  problem: null,
  total: 0,
  isComplete: false,
  isPreparing: false,
  newCount: 0,
  version: 0,
  selected: 0,
};

/** Resolves after the next frame, or soon where none is drawn, as in a tab that nobody sees. */
function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, MOST_FRAME_MS);
    requestAnimationFrame(() => {
      clearTimeout(timer);
      setTimeout(resolve);
    });
  });
}

export class GalleryRoom {
  readonly filter: GalleryFilter;
  readonly rows: RowSource<GalleryRow>;
  readonly selection = new Selection();
  index: GalleryIndex = EMPTY_INDEX;
  /** How the last change moved the pictures. */
  remap: Remap = null;
  #topOrdinal = 0;
  readonly #topListeners = new Set<() => void>();
  #state: RoomState = START;
  #abort = new AbortController();
  /** The first rows, until the row source or the screen has them. */
  #firstRows: FirstLook['rows'] | null = null;
  /** Whether the index is only what the first rows say. */
  #isHead = false;
  #reloading: Promise<void> | null = null;
  #reloadedAtMs = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Set<() => void>();
  readonly #rowListeners = new Set<(first: number, end: number) => void>();

  constructor(filter: GalleryFilter) {
    this.filter = filter;
    this.rows = new RowSource<GalleryRow>({
      fetchRows: (first, count, signal) => this.#fetchRows(first, count, signal),
      count: () => this.index.count,
      onRows: (first, end) => this.#tellRows(first, end),
      onMismatch: () => {
        if (performance.now() - this.#reloadedAtMs > RELOAD_PAUSE_MS) void this.reload();
      },
      onError: () => {},
      later: (run, delayMs) => setTimeout(run, delayMs),
    });
    // What is here already is in the page's first frame.
    this.#showHead(peekFirstLook(filter)?.rowsHere ?? null);
  }

  get = (): RoomState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The first picture on the screen, as the wall says. Apart from the state, since it changes with every scrolled row. */
  getTop = (): number => this.#topOrdinal;

  subscribeTop = (listener: () => void): (() => void) => {
    this.#topListeners.add(listener);
    return () => this.#topListeners.delete(listener);
  };

  noteTop(ordinal: number): void {
    this.#topOrdinal = ordinal;
    for (const listener of this.#topListeners) listener();
  }

  /** Tells about rows that came or changed. */
  onRows(listener: (first: number, end: number) => void): () => void {
    this.#rowListeners.add(listener);
    return () => this.#rowListeners.delete(listener);
  }

  /** Reads the list for the first time; also after a failure. */
  async open(): Promise<void> {
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    if (this.#state.phase === 'failed') this.#set({ ...START, version: this.#state.version });
    const askedAtMs = performance.now();
    const look = takeFirstLook(this.filter);
    signal.addEventListener('abort', look.cancel);
    this.#firstRows = look.rows;
    void look.rows.then((rows) => {
      if (!signal.aborted) this.#showHead(rows);
    });
    let hasBlock = false;
    try {
      // What failed is told by what reads it.
      await look.index.catch(() => {});
      // One frame for the first pictures, the next for the list: together they would be one long task.
      if (this.#isHead) await nextFrame();
      const reader = await readIndex(look.index, signal, (partial) => {
        // The first block is shown at once, the rest in one piece: each layout costs some milliseconds.
        if (hasBlock || partial.count === 0) return;
        hasBlock = true;
        this.#showIndex(partial.read(), partial.expected);
      });
      this.#showIndex(reader.read(), reader.count, true);
      this.#set({ isPreparing: reader.isPreparing });
      // Nobody listened for news while the page itself was on its way.
      if (look.beganAtMs < askedAtMs) void this.noteNews();
    } catch (error) {
      if (!signal.aborted) this.#set({ phase: 'failed', problem: problemOf(error) });
    }
  }

  close(): void {
    this.#abort.abort();
    this.rows.clear();
  }

  /** Reads the list again and keeps what is on the screen, or goes to the newest with `toTop`. */
  reload(toTop = false): Promise<void> {
    this.#reloading ??= this.#reload(toTop).finally(() => {
      this.#reloading = null;
      this.#reloadedAtMs = performance.now();
    });
    return this.#reloading;
  }

  async #reload(toTop: boolean): Promise<void> {
    const { signal } = this.#abort;
    const top = this.#topOrdinal;
    const topId = this.rows.get(top)?.id ?? null;
    try {
      const reader = await readIndex(fetchIndex(this.filter, signal), signal, () => {});
      const index = reader.read();
      const found = toTop || topId === null ? -1 : await this.#locate(topId, index, signal);
      const at = toTop ? 0 : found >= 0 ? found : Math.min(top, Math.max(0, index.count - 1));
      const ready = await this.#rowsAround(at, index, signal);
      this.rows.clear();
      this.#firstRows = null;
      this.#show(index, index.count, toTop ? null : (ordinal) => ordinal + at - top, true);
      for (const [first, rows] of ready) this.rows.put(first, rows);
      this.#tellRows(0, index.count);
      this.#set({ newCount: 0, isPreparing: reader.isPreparing });
    } catch (error) {
      if (!signal.aborted && this.#state.phase !== 'ready')
        this.#set({ phase: 'failed', problem: problemOf(error) });
    }
  }

  async #rowsAround(at: number, index: GalleryIndex, signal: AbortSignal) {
    const first = Math.max(0, Math.floor((at - READY_BEFORE) / WINDOW_ROWS) * WINDOW_ROWS);
    const windows: Promise<[number, readonly GalleryRow[]]>[] = [];
    for (let start = first; start < Math.min(at + READY_AFTER, index.count); start += WINDOW_ROWS)
      windows.push(
        readRows(this.filter, index, start, Math.min(WINDOW_ROWS, index.count - start), signal).then(
          (rows) => [start, rows],
        ),
      );
    return Promise.all(windows);
  }

  async #locate(id: string, index: GalleryIndex, signal: AbortSignal): Promise<number> {
    let [low, high] = index.blockOf(id);
    // Ids descend, so a block of a thousand is halved by windows.
    while (low < high) {
      const first = low + Math.floor((high - low - 1) / 2 / WINDOW_ROWS) * WINDOW_ROWS;
      const rows = await readRows(this.filter, index, first, Math.min(WINDOW_ROWS, high - first), signal);
      const at = rows.findIndex((row) => row.id === id);
      if (at >= 0) return first + at;
      if ((rows[0]?.id ?? '') < id) high = first;
      else low = first + WINDOW_ROWS;
    }
    return -1;
  }

  /** The ordinal of a picture, or -1 when it is not in this list. */
  async locate(id: string): Promise<number> {
    const here = this.rows.find((row) => row.id === id);
    if (here >= 0) return here;
    return this.#locate(id, this.index, this.#abort.signal).catch(() => -1);
  }

  /** The row of a picture, fetched if need be; undefined when it is gone. */
  async rowAt(ordinal: number): Promise<GalleryRow | undefined> {
    const [row] = await this.rows.read(ordinal, ordinal + 1, this.#abort.signal);
    return row;
  }

  /** Ids of the marked pictures. */
  async markedIds(): Promise<string[]> {
    const ids: string[] = [];
    for (const [first, end] of this.selection.markedRanges())
      for (const row of await this.rows.read(first, end, this.#abort.signal)) ids.push(row.id);
    return ids;
  }

  /** The rows of the selected pictures, fetched if need be; for selections that a person can look over. */
  async selectedRows(): Promise<GalleryRow[]> {
    const rows: GalleryRow[] = [];
    for (const [first, end] of this.selection.selectedRanges())
      rows.push(...(await this.rows.read(first, end, this.#abort.signal)));
    return rows;
  }

  /** Takes pictures out of the list, in ascending order, where they stand. */
  remove(ordinals: readonly number[]): void {
    if (ordinals.length === 0) return;
    const before = (ordinal: number) => {
      let low = 0;
      let high = ordinals.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((ordinals[middle] as number) < ordinal) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    const gone = new Set(ordinals);
    const index = this.index.without(ordinals);
    this.rows.remap((ordinal) => (gone.has(ordinal) ? -1 : ordinal - before(ordinal)));
    this.#show(index, index.count, (ordinal) => (gone.has(ordinal) ? -1 : ordinal - before(ordinal)), true);
  }

  /** Changes a row that is shown. */
  change(id: string, change: Partial<GalleryRow>): void {
    const ordinal = this.rows.find((row) => row.id === id);
    const row = ordinal < 0 ? undefined : this.rows.get(ordinal);
    if (!row) return;
    this.rows.set(ordinal, { ...row, ...change });
    this.#tellRows(ordinal, ordinal + 1);
  }

  /** Asks how many pictures are newer than the list. */
  async noteNews(): Promise<void> {
    if (this.#state.phase !== 'ready') return;
    const { version } = this.#state;
    const newCount = await countNew(this.filter, this.index.newestId).catch(() => 0);
    if (version === this.#state.version && newCount !== this.#state.newCount) this.#set({ newCount });
  }

  /** Says that the selection has changed. */
  noteSelection(): void {
    this.#set({ selected: this.selection.size });
    this.#tellRows(0, this.index.count);
  }

  async #fetchRows(first: number, count: number, signal: AbortSignal): Promise<readonly GalleryRow[]> {
    if (first === 0 && this.#firstRows !== null) {
      const rows = await this.#firstRows;
      this.#firstRows = null;
      if (rows && rows.length >= count && rows[0]?.id === this.index.newestId) return rows.slice(0, count);
    }
    return readRows(this.filter, this.index, first, count, signal);
  }

  /** Shows the first rows as a list of their own until the index is here. */
  #showHead(rows: readonly GalleryRow[] | null): void {
    if (this.#state.phase !== 'loading' || rows === null || rows.length === 0) return;
    this.#isHead = true;
    this.rows.put(0, rows);
    this.#show(indexOfRows(rows, utcOffsetMin()), 0, null);
  }

  /** Shows an index that goes on where the one before it ended, unless the list has become another since the first rows were read. */
  #showIndex(index: GalleryIndex, total: number, isComplete = false): void {
    const isFirst = this.#state.phase !== 'ready';
    const isOther = this.#isHead && !index.beginsWith(this.index);
    this.#isHead = false;
    if (isOther) this.rows.clear();
    if (isFirst || isOther) {
      this.#show(index, total, null, isComplete);
      return;
    }
    // The list goes on below: what somebody has selected meanwhile stays selected.
    this.selection.grow(index.count);
    this.#put(index, total, (ordinal) => ordinal, isComplete);
  }

  /** Shows another list, in which nothing is selected. */
  #show(index: GalleryIndex, total: number, remap: Remap, isComplete = false): void {
    const sameLength = this.index.count === index.count;
    if (!sameLength || this.selection.size > 0) this.selection.reset(index.count);
    this.#put(index, total, remap, isComplete);
  }

  #put(index: GalleryIndex, total: number, remap: Remap, isComplete: boolean): void {
    this.index = index;
    this.remap = remap;
    this.#set({
      phase: 'ready',
      problem: null,
      total,
      isComplete,
      version: this.#state.version + 1,
      selected: this.selection.size,
    });
  }

  #set(change: Partial<RoomState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  #tellRows(first: number, end: number): void {
    for (const listener of this.#rowListeners) listener(first, end);
  }
}
