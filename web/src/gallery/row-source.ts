// The rows (address, prompt, marks) behind the pictures on the screen, fetched in windows of a hundred by ordinal. Windows
// that were scrolled past are aborted, the least recently used are forgotten, and at most two are on their way at once, so
// that thumbnails keep most of the few connections that plain HTTP has.

/** Rows of one request. Divides BLOCK_ROWS of the gallery index, so a window never crosses an anchor. */
export const WINDOW_ROWS = 100;
const MOST_WINDOWS = 60;
const MOST_UNDER_WAY = 2;
const RETRY_AFTER_MS = 3_000;

export interface RowSourceOptions<Row> {
  /** Fetches rows from `first` on; fewer than `count` means that the list has changed at the server. */
  fetchRows(first: number, count: number, signal: AbortSignal): Promise<readonly Row[]>;
  /** How many pictures there are. */
  count(): number;
  /** Rows from `first` to before `end` have come. */
  onRows(first: number, end: number): void;
  /** A window had fewer rows than the index says. */
  onMismatch(): void;
  onError(error: unknown): void;
  later(run: () => void, delayMs: number): void;
}

export class RowSource<Row> {
  readonly #options: RowSourceOptions<Row>;
  /** By window number, least recently used first. */
  readonly #windows = new Map<number, (Row | undefined)[]>();
  readonly #underWay = new Map<number, AbortController>();
  readonly #failed = new Set<number>();
  #wanted: readonly number[] = [];
  #epoch = 0;

  constructor(options: RowSourceOptions<Row>) {
    this.#options = options;
  }

  /** The row of a picture, if it is here. */
  get(ordinal: number): Row | undefined {
    return this.#windows.get(Math.floor(ordinal / WINDOW_ROWS))?.[ordinal % WINDOW_ROWS];
  }

  /** Replaces a row that is here, for instance after it was marked. */
  set(ordinal: number, row: Row): void {
    const window = this.#windows.get(Math.floor(ordinal / WINDOW_ROWS));
    if (window) window[ordinal % WINDOW_ROWS] = row;
  }

  /** Puts in a window that was fetched elsewhere; `first` is where a window begins. */
  put(first: number, rows: readonly Row[]): void {
    this.#windows.set(Math.floor(first / WINDOW_ROWS), [...rows]);
  }

  /** The ordinal of the row that `matches`, among the rows that are here, or -1. */
  find(matches: (row: Row) => boolean): number {
    for (const [number, rows] of this.#windows) {
      const at = rows.findIndex((row) => row !== undefined && matches(row));
      if (at >= 0) return number * WINDOW_ROWS + at;
    }
    return -1;
  }

  /** Says which pictures are needed now; everything else on its way is given up. */
  want(first: number, end: number): void {
    const last = Math.min(end, this.#options.count()) - 1;
    const wanted: number[] = [];
    for (let window = Math.floor(first / WINDOW_ROWS); window * WINDOW_ROWS <= last; window += 1)
      wanted.push(window);
    this.#wanted = wanted;
    for (const [window, controller] of this.#underWay) {
      if (wanted.includes(window)) continue;
      controller.abort();
      this.#underWay.delete(window);
    }
    for (const window of wanted) {
      const rows = this.#windows.get(window);
      if (!rows) continue;
      this.#windows.delete(window);
      this.#windows.set(window, rows);
    }
    this.#fetchNext();
  }

  /** Resolves to the rows from `first` to before `end`, outside of what the screen needs. */
  async read(first: number, end: number, signal: AbortSignal): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for (let at = first; at < end; ) {
      const stop = Math.min(end, (Math.floor(at / WINDOW_ROWS) + 1) * WINDOW_ROWS);
      const here: Row[] = [];
      for (let ordinal = at; ordinal < stop; ordinal += 1) {
        const row = this.get(ordinal);
        if (row !== undefined) here.push(row);
      }
      rows.push(...(here.length === stop - at ? here : await this.#options.fetchRows(at, stop - at, signal)));
      at = stop;
    }
    return rows;
  }

  /** Forgets everything: another list begins. */
  clear(): void {
    this.#epoch += 1;
    for (const controller of this.#underWay.values()) controller.abort();
    this.#underWay.clear();
    this.#windows.clear();
    this.#failed.clear();
    this.#wanted = [];
  }

  /** Keeps rows that are still right under new ordinals; `remap` returns -1 for those that are gone. */
  remap(remap: (ordinal: number) => number): void {
    const kept: [number, Row][] = [];
    for (const [number, rows] of this.#windows)
      rows.forEach((row, at) => {
        const ordinal = remap(number * WINDOW_ROWS + at);
        if (row !== undefined && ordinal >= 0) kept.push([ordinal, row]);
      });
    this.clear();
    const windows = new Map<number, (Row | undefined)[]>();
    for (const [ordinal, row] of kept) {
      const number = Math.floor(ordinal / WINDOW_ROWS);
      const rows = windows.get(number) ?? [];
      rows[ordinal % WINDOW_ROWS] = row;
      windows.set(number, rows);
    }
    for (const [number, rows] of windows) this.#windows.set(number, rows);
  }

  #rowsOf(window: number): number {
    return Math.min(WINDOW_ROWS, this.#options.count() - window * WINDOW_ROWS);
  }

  #isComplete(window: number): boolean {
    const rows = this.#windows.get(window);
    if (!rows) return false;
    for (let at = this.#rowsOf(window) - 1; at >= 0; at -= 1) if (rows[at] === undefined) return false;
    return true;
  }

  #fetchNext(): void {
    for (const window of this.#wanted) {
      if (this.#underWay.size >= MOST_UNDER_WAY) return;
      if (this.#underWay.has(window) || this.#failed.has(window) || this.#isComplete(window)) continue;
      void this.#fetch(window);
    }
  }

  async #fetch(window: number): Promise<void> {
    const controller = new AbortController();
    const epoch = this.#epoch;
    const count = this.#rowsOf(window);
    const first = window * WINDOW_ROWS;
    this.#underWay.set(window, controller);
    try {
      const rows = await this.#options.fetchRows(first, count, controller.signal);
      if (epoch !== this.#epoch) return;
      this.#underWay.delete(window);
      this.#windows.delete(window);
      this.#windows.set(window, rows.slice(0, count));
      this.#forget();
      this.#options.onRows(first, first + rows.length);
      if (rows.length < count) {
        this.#failed.add(window);
        this.#options.onMismatch();
      }
    } catch (error) {
      if (epoch !== this.#epoch || controller.signal.aborted) return;
      this.#underWay.delete(window);
      this.#failed.add(window);
      this.#options.later(() => {
        this.#failed.delete(window);
        this.#fetchNext();
      }, RETRY_AFTER_MS);
      this.#options.onError(error);
    }
    this.#fetchNext();
  }

  #forget(): void {
    for (const window of this.#windows.keys()) {
      if (this.#windows.size <= MOST_WINDOWS) return;
      if (!this.#wanted.includes(window)) this.#windows.delete(window);
    }
  }
}
