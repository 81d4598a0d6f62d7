// The gallery index as it comes from the server (docs/gallery-format.md): a byte for the shape of every picture, the days, and
// the id of every thousandth picture, in blocks that are of use before the next arrives. Invariant: classes, days and anchors
// always speak of the same pictures, also after some were taken out here because they went to the trash.

const MAGIC = 0x49474244;
const VERSION = 1;
const HEADER_BYTES = 16;
const BLOCK_HEADER_BYTES = 8;
const ANCHOR_BYTES = 16;
const DAY_BYTES = 8;
const FLAG_PREPARING = 1;
const RATIO_CLASSES = 255;
const SQUARE_CLASS = 127;
const WIDEST = 8;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Width over height of each class. */
export const RATIO_OF_CLASS: Float32Array = Float32Array.from(
  { length: RATIO_CLASSES + 1 },
  (_, ratioClass) => WIDEST ** ((ratioClass - SQUARE_CLASS) / SQUARE_CLASS),
);

interface DayRun {
  /** Days since 1970-01-01 in the reader's time zone. */
  day: number;
  first: number;
}

interface Anchor {
  id: string;
  first: number;
}

/** The last entry that begins at or before `ordinal`. */
function runOf<Run extends { first: number }>(runs: readonly Run[], ordinal: number): Run | undefined {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((runs[middle] as Run).first <= ordinal) low = middle;
    else high = middle - 1;
  }
  return runs[low];
}

export class GalleryIndex {
  /** Ratio classes of the pictures that were read so far, newest first. */
  readonly classes: Uint8Array;
  /** How many of them were read. */
  readonly count: number;
  readonly days: readonly DayRun[];
  readonly anchors: readonly Anchor[];

  constructor(classes: Uint8Array, count: number, days: readonly DayRun[], anchors: readonly Anchor[]) {
    this.classes = classes;
    this.count = count;
    this.days = days;
    this.anchors = anchors;
  }

  /** The newest picture, or null when there is none. */
  get newestId(): string | null {
    return this.anchors[0]?.id ?? null;
  }

  /** Midnight UTC of the date on which a picture was made where the reader is; format it in UTC. */
  dateOf(ordinal: number): number {
    return (runOf(this.days, ordinal)?.day ?? 0) * DAY_MS;
  }

  /** The first picture (the newest) made on or before a day, given as for dateOf. */
  firstOn(dateMs: number): number {
    const day = Math.floor(dateMs / DAY_MS);
    return this.days.find((run) => run.day <= day)?.first ?? Math.max(0, this.count - 1);
  }

  /** From where a window of rows is asked for. */
  anchorOf(ordinal: number): { id: string; offset: number } | null {
    const anchor = runOf(this.anchors, ordinal);
    return anchor ? { id: anchor.id, offset: ordinal - anchor.first } : null;
  }

  /** Between which ordinals the picture with this id is, if it is here. Ids sort by time. */
  blockOf(id: string): readonly [first: number, end: number] {
    const after = this.anchors.findIndex((anchor) => anchor.id < id);
    if (after === 0) return [0, 0];
    const at = after < 0 ? this.anchors.length - 1 : after - 1;
    return [this.anchors[at]?.first ?? 0, this.anchors[at + 1]?.first ?? this.count];
  }

  /** Whether this list has the pictures of `head` at its top. */
  beginsWith(head: GalleryIndex): boolean {
    if (this.newestId !== head.newestId || this.count < head.count) return false;
    for (let at = 0; at < head.count; at += 1) if (this.classes[at] !== head.classes[at]) return false;
    return true;
  }

  /** The index without some pictures, given in ascending order. Anchors stay: the server counts from them all the same. */
  without(ordinals: readonly number[]): GalleryIndex {
    const classes = new Uint8Array(this.count - ordinals.length);
    let from = 0;
    let to = 0;
    for (const ordinal of [...ordinals, this.count]) {
      classes.set(this.classes.subarray(from, ordinal), to);
      to += ordinal - from;
      from = ordinal + 1;
    }
    const shifted = <Run extends { first: number }>(runs: readonly Run[]): Run[] => {
      let gone = 0;
      return runs.map((run) => {
        while (gone < ordinals.length && (ordinals[gone] as number) < run.first) gone += 1;
        return { ...run, first: run.first - gone };
      });
    };
    const days = shifted(this.days).filter(
      (run, at, all) => run.first < (all[at + 1]?.first ?? classes.length),
    );
    return new GalleryIndex(classes, classes.length, days, shifted(this.anchors));
  }
}

export const EMPTY_INDEX = new GalleryIndex(new Uint8Array(0), 0, [], []);

/** The class of a picture of this size, as the server reckons it. */
export function ratioClass(width: number, height: number): number {
  const place = SQUARE_CLASS + Math.round((Math.log(width / height) / Math.log(WIDEST)) * SQUARE_CLASS);
  return Math.min(RATIO_CLASSES - 1, Math.max(0, place));
}

/** What a row says of its picture's place in the list. */
interface Shape {
  id: string;
  width: number;
  height: number;
  /** As RFC 3339. */
  created_at: string;
}

/** An index of the newest pictures alone, for the time until the index is here. `utcOffsetMin`: from UTC to the reader's time. */
export function indexOfRows(rows: readonly Shape[], utcOffsetMin: number): GalleryIndex {
  const days: DayRun[] = [];
  rows.forEach((row, first) => {
    const day = Math.floor((Date.parse(row.created_at) + utcOffsetMin * MINUTE_MS) / DAY_MS);
    if (days.at(-1)?.day !== day) days.push({ day, first });
  });
  const classes = Uint8Array.from(rows, ({ width, height }) => ratioClass(width, height));
  const anchors = rows.slice(0, 1).map(({ id }) => ({ id, first: 0 }));
  return new GalleryIndex(classes, rows.length, days, anchors);
}

const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Reads the bytes of an index as they come. Throws a RangeError for what is no index of this version. */
export class IndexReader {
  #rest = new Uint8Array(0);
  #classes: Uint8Array | null = null;
  #count = 0;
  #flags = 0;
  #expected = 0;
  #anchorStep = 1;
  readonly #days: DayRun[] = [];
  readonly #anchors: Anchor[] = [];
  /** Whether the end was read. */
  isComplete = false;

  /** How many pictures there are or, until the end was read, probably are. */
  get expected(): number {
    return this.isComplete ? this.#count : this.#expected;
  }

  /** Whether the server is still preparing older pictures. */
  get isPreparing(): boolean {
    return (this.#flags & FLAG_PREPARING) !== 0;
  }

  /** How many pictures were read. */
  get count(): number {
    return this.#count;
  }

  /** Takes in more bytes. */
  push(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    let at = 0;
    if (this.#classes === null) {
      if (all.length < HEADER_BYTES) {
        this.#rest = all;
        return;
      }
      this.#readHeader(all);
      at = HEADER_BYTES;
    }
    for (let length = this.#readBlock(all, at); length > 0; length = this.#readBlock(all, at)) at += length;
    this.#rest = all.slice(at);
  }

  /** What was read so far. The arrays are shared with what comes later, which only adds to them. */
  read(): GalleryIndex {
    return new GalleryIndex(
      this.#classes ?? new Uint8Array(0),
      this.#count,
      this.#days.slice(),
      this.#anchors.slice(),
    );
  }

  #readHeader(all: Uint8Array): void {
    const view = new DataView(all.buffer, all.byteOffset);
    if (view.getUint32(0, true) !== MAGIC || view.getUint8(4) !== VERSION)
      throw new RangeError('This is no gallery index of version 1');
    this.#flags = view.getUint8(5);
    this.#anchorStep = view.getUint16(6, true);
    this.#expected = view.getUint32(8, true);
    this.#classes = new Uint8Array(this.#expected);
  }

  /** Reads the block at `at` and returns its length, or 0 when it is not all there. */
  #readBlock(all: Uint8Array, at: number): number {
    if (this.isComplete || at + BLOCK_HEADER_BYTES > all.length) return 0;
    const view = new DataView(all.buffer, all.byteOffset);
    const pictures = view.getUint32(at, true);
    if (pictures === 0) {
      this.isComplete = true;
      return BLOCK_HEADER_BYTES;
    }
    const anchors = view.getUint16(at + 4, true);
    const days = view.getUint16(at + 6, true);
    const length = BLOCK_HEADER_BYTES + anchors * ANCHOR_BYTES + days * DAY_BYTES + pictures;
    if (at + length > all.length) return 0;
    let inside = at + BLOCK_HEADER_BYTES;
    for (let n = 0; n < anchors; n += 1, inside += ANCHOR_BYTES)
      this.#anchors.push({
        id: `img_${toHex(all.subarray(inside, inside + ANCHOR_BYTES))}`,
        first: this.#count + n * this.#anchorStep,
      });
    let first = this.#count;
    for (let n = 0; n < days; n += 1, inside += DAY_BYTES) {
      const day = view.getInt32(inside, true);
      if (this.#days.at(-1)?.day !== day) this.#days.push({ day, first });
      first += view.getUint32(inside + 4, true);
    }
    this.#append(all.subarray(inside, inside + pictures));
    return length;
  }

  #append(classes: Uint8Array): void {
    const needed = this.#count + classes.length;
    if (this.#classes === null || this.#classes.length < needed) {
      // The header's count was an estimate.
      const larger = new Uint8Array(Math.max(needed, this.#count * 2));
      larger.set((this.#classes ?? new Uint8Array(0)).subarray(0, this.#count));
      this.#classes = larger;
    }
    this.#classes.set(classes, this.#count);
    this.#count = needed;
  }
}
