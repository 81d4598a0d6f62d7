// Which items are selected, by position, so that a filter can change around them.

export class ItemSelection {
  #selected: ReadonlySet<number> = new Set();
  /** Where a range begins. */
  #anchor: number | null = null;
  readonly #listeners = new Set<() => void>();

  get = (): ReadonlySet<number> => this.#selected;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  toggle(position: number): void {
    const next = new Set(this.#selected);
    if (!next.delete(position)) next.add(position);
    this.#anchor = position;
    this.#change(next);
  }

  /** Adds what `shown` holds between the last toggled item (or `from`) and `to`. */
  extend(shown: readonly number[] | null, from: number, to: number): void {
    const start = this.#anchor ?? from;
    this.#anchor = start;
    const low = Math.min(start, to);
    const high = Math.max(start, to);
    const next = new Set(this.#selected);
    if (shown === null) for (let at = low; at <= high; at += 1) next.add(at);
    else for (const at of shown) if (at >= low && at <= high) next.add(at);
    this.#change(next);
  }

  replace(positions: Iterable<number>): void {
    this.#anchor = null;
    this.#change(new Set(positions));
  }

  #change(next: ReadonlySet<number>): void {
    this.#selected = next;
    for (const listener of this.#listeners) listener();
  }
}
