// Which pictures are selected: marks by ordinal, or everything that matches the filter but the marked ones. A range keeps
// its start, so that Shift and a dragging finger can grow and shrink it.

export class Selection {
  #marks = new Uint8Array(0);
  #marked = 0;
  #all = false;
  #total = 0;
  #start: number | null = null;
  #last = 0;
  /** What a range does to the pictures in it, and the marks before it began. */
  #rangeMark = 1;
  #before = new Uint8Array(0);

  /** Starts anew over a list of `total` pictures. */
  reset(total: number): void {
    this.#marks = new Uint8Array(total);
    this.#marked = 0;
    this.#all = false;
    this.#total = total;
    this.#start = null;
  }

  /** Goes on over a list that has grown at its end: what is selected stays so. */
  grow(total: number): void {
    const longer = (marks: Uint8Array) => {
      const grown = new Uint8Array(total);
      grown.set(marks.subarray(0, total));
      return grown;
    };
    this.#marks = longer(this.#marks);
    this.#before = longer(this.#before);
    this.#total = total;
  }

  get size(): number {
    return this.#all ? this.#total - this.#marked : this.#marked;
  }

  /** Whether the selection is "all that match, but": acts on the filter, not on pictures. */
  get isAll(): boolean {
    return this.#all;
  }

  has(ordinal: number): boolean {
    return (this.#marks[ordinal] === 1) !== this.#all;
  }

  /** The ordinals that are marked: the selected ones or, with isAll, those left out. Ranges, first to before end. */
  *markedRanges(): Generator<readonly [first: number, end: number]> {
    for (let at = this.#marks.indexOf(1); at >= 0; ) {
      let end = at + 1;
      while (this.#marks[end] === 1) end += 1;
      yield [at, end];
      at = this.#marks.indexOf(1, end);
    }
  }

  /** The selected ordinals, as ranges from first to before end. */
  *selectedRanges(): Generator<readonly [first: number, end: number]> {
    if (!this.#all) return yield* this.markedRanges();
    let at = 0;
    for (const [first, end] of this.markedRanges()) {
      if (first > at) yield [at, first];
      at = end;
    }
    if (at < this.#total) yield [at, this.#total];
  }

  toggle(ordinal: number): void {
    this.#begin(ordinal);
    this.#mark(ordinal, this.#rangeMark);
  }

  /** Selects, or leaves out again, from the start of the range to here. Without a start only this picture. */
  extendTo(ordinal: number): void {
    if (this.#start === null) {
      this.toggle(ordinal);
      return;
    }
    const [low, high] = [Math.min(this.#start, ordinal), Math.max(this.#start, ordinal)];
    const [oldLow, oldHigh] = [Math.min(this.#start, this.#last), Math.max(this.#start, this.#last)];
    for (let at = oldLow; at <= oldHigh; at += 1)
      if (at < low || at > high) this.#mark(at, this.#before[at] as number);
    for (let at = low; at <= high; at += 1) this.#mark(at, this.#rangeMark);
    this.#last = ordinal;
  }

  /** Selects from the start of the range to here, the start included even if nothing was selected before. */
  extendFrom(start: number, ordinal: number): void {
    if (this.#start === null || this.size === 0) {
      this.#begin(start);
      this.#rangeMark = this.#all ? 0 : 1;
    }
    this.extendTo(ordinal);
  }

  selectAll(): void {
    this.#marks.fill(0);
    this.#marked = 0;
    this.#all = true;
    this.#start = null;
  }

  clear(): void {
    this.reset(this.#total);
  }

  #begin(ordinal: number): void {
    this.#start = ordinal;
    this.#last = ordinal;
    this.#before = this.#marks.slice();
    this.#rangeMark = this.#marks[ordinal] === 1 ? 0 : 1;
  }

  #mark(ordinal: number, mark: number): void {
    if (this.#marks[ordinal] === mark || ordinal >= this.#total) return;
    this.#marks[ordinal] = mark;
    this.#marked += mark === 1 ? 1 : -1;
  }
}
