// Scans of an account's records: which match a filter, how many of each value there are, and the blocks of the index. Plain passes
// over memory, 15 to 20 ms for a million pictures; what a filter asks of the database (words, tags) comes as search numbers.

import type { GalleryColumns } from './gallery-columns.ts';
import type { GalleryQuery } from './gallery-contract.ts';
import {
  BLOCK_PICTURES,
  type DayRun,
  encodeBlock,
  orientationOfClass,
  PICTURES_PER_ANCHOR,
  RATIO_CLASSES,
} from './gallery-index-format.ts';
import {
  AT,
  ID_BYTES,
  IS_FAVOURITE,
  IS_TRASHED,
  KINDS,
  MODES,
  ORIGINS_BY_CODE,
  RECORD_BYTES,
} from './gallery-record.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const TWO_POW_32 = 2 ** 32;
const ORIENTATIONS = ['portrait', 'landscape', 'square'] as const;
/** No record has this; what a filter names and nobody knows. */
const NOWHERE = -1;

/** One bit for each part of a filter that a facet can leave out. */
export const PART = {
  mode: 1,
  kind: 2,
  origin: 4,
  model: 8,
  provider: 16,
  style: 32,
  ratio: 64,
  favourite: 128,
  time: 256,
  other: 512,
} as const;

/** A set of search numbers. */
export class NumberSet {
  readonly #bits: Uint8Array;
  readonly #length: number;

  /** `numbers`: four bytes each, big-endian. */
  constructor(numbers: Buffer) {
    let largest = 0;
    for (let at = 0; at < numbers.length; at += 4) largest = Math.max(largest, numbers.readUInt32BE(at));
    this.#length = largest + 1;
    this.isEmpty = numbers.length === 0;
    this.#bits = new Uint8Array((largest >>> 3) + 1);
    for (let at = 0; at < numbers.length; at += 4) {
      const number = numbers.readUInt32BE(at);
      this.#bits[number >>> 3] = (this.#bits[number >>> 3] ?? 0) | (1 << (number & 7));
    }
  }

  readonly isEmpty: boolean;

  has(number: number): boolean {
    return number < this.#length && ((this.#bits[number >>> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }
}

/** A filter in the numbers of records; null where it does not ask. */
export interface Criteria {
  trashed: boolean;
  mode: number | null;
  kind: number | null;
  origin: number | null;
  model: number | null;
  provider: number | null;
  style: number | null;
  /** By class of aspect ratio. */
  ratios: Uint8Array | null;
  favourite: boolean | null;
  beforeMs: number | null;
  afterMs: number | null;
  /** All of them must hold a picture's number. */
  among: readonly NumberSet[];
}

export interface NameNumbers {
  numberOf(kind: 'model' | 'provider' | 'style', name: string): number | undefined;
}

export function criteriaOf(filter: GalleryQuery, names: NameNumbers, among: readonly NumberSet[]): Criteria {
  const code = (list: readonly string[], value: string | undefined) =>
    value === undefined ? null : list.indexOf(value);
  const named = (kind: 'model' | 'provider' | 'style', name: string | undefined) =>
    name === undefined ? null : (names.numberOf(kind, name) ?? NOWHERE);
  return {
    trashed: filter.trashed ?? false,
    mode: code(MODES, filter.mode),
    kind: code(KINDS, filter.kind),
    origin: code(ORIGINS_BY_CODE, filter.origin),
    model: named('model', filter.model),
    provider: named('provider', filter.provider),
    style: filter.style === 'none' ? 0 : named('style', filter.style),
    ratios: filter.ratio === undefined ? null : ratiosOf(filter.ratio),
    favourite: filter.favourite ?? null,
    beforeMs: filter.before ?? null,
    afterMs: filter.after ?? null,
    among,
  };
}

function ratiosOf(wanted: (typeof ORIENTATIONS)[number]): Uint8Array {
  return Uint8Array.from({ length: RATIO_CLASSES + 1 }, (_, ratio) =>
    orientationOfClass(ratio) === wanted ? 1 : 0,
  );
}

const u16 = (records: Buffer, at: number) => ((records[at] ?? 0) << 8) | (records[at + 1] ?? 0);
const u32 = (records: Buffer, at: number) => u16(records, at) * 65_536 + u16(records, at + 2);
const createdAt = (records: Buffer, at: number) =>
  u16(records, at + AT.createdAt) * TWO_POW_32 + u32(records, at + AT.createdAt + 2);

/** Which parts of the filter the record at byte `at` does not meet; 0: it matches. */
function mismatch(records: Buffer, at: number, c: Criteria): number {
  let parts = 0;
  const flags = records[at + AT.flags] ?? 0;
  if (((flags & IS_TRASHED) !== 0) !== c.trashed) return PART.other;
  if (c.mode !== null && records[at + AT.mode] !== c.mode) parts |= PART.mode;
  if (c.kind !== null && records[at + AT.kind] !== c.kind) parts |= PART.kind;
  if (c.origin !== null && records[at + AT.origin] !== c.origin) parts |= PART.origin;
  if (c.model !== null && u16(records, at + AT.model) !== c.model) parts |= PART.model;
  if (c.provider !== null && u16(records, at + AT.provider) !== c.provider) parts |= PART.provider;
  if (c.style !== null && u16(records, at + AT.style) !== c.style) parts |= PART.style;
  if (c.ratios !== null && c.ratios[records[at + AT.ratio] ?? 0] !== 1) parts |= PART.ratio;
  if (c.favourite !== null && ((flags & IS_FAVOURITE) !== 0) !== c.favourite) parts |= PART.favourite;
  if (c.beforeMs !== null || c.afterMs !== null) {
    const made = createdAt(records, at);
    if ((c.beforeMs !== null && made >= c.beforeMs) || (c.afterMs !== null && made < c.afterMs))
      parts |= PART.time;
  }
  for (const set of c.among) if (!set.has(u32(records, at + AT.number))) return PART.other;
  return parts;
}

/** The places of matching records from `from` on, in order. */
export function matchingPlaces(columns: GalleryColumns, criteria: Criteria, from = 0): Uint32Array {
  const { records, length } = columns;
  if (criteria.among.some((set) => set.isEmpty)) return new Uint32Array(0);
  const places = new Uint32Array(length - from);
  let count = 0;
  for (let place = from, at = from * RECORD_BYTES; place < length; place += 1, at += RECORD_BYTES)
    if (mismatch(records, at, criteria) === 0) places[count++] = place;
  return places.length === count ? places : places.slice(0, count);
}

/** How many of these places come before `place`: both rise. */
export function indexOfPlace(places: Uint32Array, place: number): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((places[middle] ?? 0) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const localDay = (ms: number, utcOffsetMin: number) =>
  Math.floor((ms + utcOffsetMin * MINUTE_MS) / DAY_MS);

/** Day numbers as scans of one answer give them: a clock that was set back does not bring a day back. */
export class DayCounter {
  readonly #offsetMin: number;
  #earliest = Number.POSITIVE_INFINITY;

  constructor(utcOffsetMin: number) {
    this.#offsetMin = utcOffsetMin;
  }

  dayOf(ms: number): number {
    this.#earliest = Math.min(this.#earliest, localDay(ms, this.#offsetMin));
    return this.#earliest;
  }
}

/** The bytes of one block: the pictures at `places[from]` and after, at most 20,000. */
export function blockOf(
  columns: GalleryColumns,
  places: Uint32Array,
  from: number,
  days: DayCounter,
): Uint8Array {
  const { records } = columns;
  const count = Math.min(BLOCK_PICTURES, places.length - from);
  const ratios = new Uint8Array(count);
  const anchors = new Uint8Array(Math.ceil(count / PICTURES_PER_ANCHOR) * ID_BYTES);
  const runs: DayRun[] = [];
  let run: DayRun | undefined;
  for (let index = 0; index < count; index += 1) {
    const at = (places[from + index] ?? 0) * RECORD_BYTES;
    ratios[index] = records[at + AT.ratio] ?? 0;
    const day = days.dayOf(createdAt(records, at));
    if (run?.day !== day) {
      run = { day, count: 0 };
      runs.push(run);
    }
    run.count += 1;
    if (index % PICTURES_PER_ANCHOR === 0)
      anchors.set(records.subarray(at, at + ID_BYTES), (index / PICTURES_PER_ANCHOR) * ID_BYTES);
  }
  return encodeBlock({ ratios, days: runs, anchors });
}

/** Numbers of names fit two bytes. */
const MOST_NUMBERS = 65_536;

export interface Counts {
  count: number;
  bytes: number;
  /** By code, number or class. */
  modes: Uint32Array;
  kinds: Uint32Array;
  origins: Uint32Array;
  ratios: Uint32Array;
  models: Uint32Array;
  providers: Uint32Array;
  styles: Uint32Array;
  favourites: number;
  days: Map<number, number>;
  trash: { count: number; bytes: number };
}

export function emptyCounts(): Counts {
  const perByte = () => new Uint32Array(RATIO_CLASSES + 1);
  const perNumber = () => new Uint32Array(MOST_NUMBERS);
  return {
    count: 0,
    bytes: 0,
    modes: perByte(),
    kinds: perByte(),
    origins: perByte(),
    ratios: perByte(),
    models: perNumber(),
    providers: perNumber(),
    styles: perNumber(),
    favourites: 0,
    days: new Map(),
    trash: { count: 0, bytes: 0 },
  };
}

const add = (list: Uint32Array, index: number) => {
  list[index] = (list[index] ?? 0) + 1;
};

/**
 * Counts each value among the records from `from` to `to` that match all other parts of the filter, on top of `counts`. A day's
 * pictures lie together, so that the map is touched once a day.
 */
export function countFacets(
  counts: Counts,
  columns: GalleryColumns,
  criteria: Criteria,
  { utcOffsetMin, from, to }: { utcOffsetMin: number; from: number; to: number },
): void {
  const { records, length } = columns;
  const except = (parts: number, part: number) => (parts & ~part) === 0;
  let day = Number.NaN;
  let ofDay = 0;
  const closeDay = () => {
    if (ofDay > 0) counts.days.set(day, (counts.days.get(day) ?? 0) + ofDay);
    ofDay = 0;
  };
  const end = Math.min(to, length);
  for (let place = from, at = from * RECORD_BYTES; place < end; place += 1, at += RECORD_BYTES) {
    const flags = records[at + AT.flags] ?? 0;
    if ((flags & IS_TRASHED) !== 0) {
      counts.trash.count += 1;
      counts.trash.bytes += u32(records, at + AT.bytes);
    }
    const parts = mismatch(records, at, criteria);
    if ((parts & PART.other) !== 0) continue;
    if (parts === 0) {
      counts.count += 1;
      counts.bytes += u32(records, at + AT.bytes);
    }
    if (except(parts, PART.mode)) add(counts.modes, records[at + AT.mode] ?? 0);
    if (except(parts, PART.kind)) add(counts.kinds, records[at + AT.kind] ?? 0);
    if (except(parts, PART.origin)) add(counts.origins, records[at + AT.origin] ?? 0);
    if (except(parts, PART.ratio)) add(counts.ratios, records[at + AT.ratio] ?? 0);
    if (except(parts, PART.model)) add(counts.models, u16(records, at + AT.model));
    if (except(parts, PART.provider)) add(counts.providers, u16(records, at + AT.provider));
    if (except(parts, PART.style)) add(counts.styles, u16(records, at + AT.style));
    if (except(parts, PART.favourite) && (flags & IS_FAVOURITE) !== 0) counts.favourites += 1;
    if (!except(parts, PART.time)) continue;
    const made = localDay(createdAt(records, at), utcOffsetMin);
    if (made !== day) {
      closeDay();
      day = made;
    }
    ofDay += 1;
  }
  closeDay();
}
