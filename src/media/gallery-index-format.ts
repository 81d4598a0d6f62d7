// The gallery index as bytes, and back: docs/gallery-format.md says the same in words. Invariant: after each whole block the
// pictures, days and anchors read so far agree with each other. This file imports nothing, so that clients can copy it.

/** The aspect ratios lie between 1:8 and 8:1. */
const WIDEST = 8;
/** The class of equal sides; 0 is 1:8, 254 is 8:1. A step is 1.65 %. */
const SQUARE_CLASS = 127;
export const RATIO_CLASSES = 255;
export const INDEX_MAGIC = 0x49474244;
export const INDEX_VERSION = 1;
export const INDEX_HEADER_BYTES = 16;
export const BLOCK_HEADER_BYTES = 8;
export const BLOCK_PICTURES = 20_000;
export const PICTURES_PER_ANCHOR = 1_000;
const ANCHOR_BYTES = 16;
const DAY_BYTES = 8;
/** Flags: older pictures are still being prepared; the header's count is not final. */
export const FLAG_PREPARING = 1;
export const FLAG_ESTIMATE = 2;

/** The class of a picture of this size, 0 to 254: logarithms of aspect ratios, evenly spaced. */
export function ratioClass(width: number, height: number): number {
  const place = SQUARE_CLASS + Math.round((Math.log(width / height) / Math.log(WIDEST)) * SQUARE_CLASS);
  return Math.min(RATIO_CLASSES - 1, Math.max(0, place));
}

/** Width divided by height for a class; off by at most 0.83 %, but for ratios beyond 8. */
export function ratioOfClass(ratio: number): number {
  return WIDEST ** ((ratio - SQUARE_CLASS) / SQUARE_CLASS);
}

export function orientationOfClass(ratio: number): 'portrait' | 'landscape' | 'square' {
  return ratio === SQUARE_CLASS ? 'square' : ratio < SQUARE_CLASS ? 'portrait' : 'landscape';
}

/** Pictures of one local day, newest first; the same day may go on in the next block. */
export interface DayRun {
  /** Days since 1970-01-01 in the caller's local time. */
  day: number;
  count: number;
}

export interface IndexBlock {
  ratios: Uint8Array;
  days: readonly DayRun[];
  /** 16 bytes each: the ids (`img_` and these in hex) of the pictures at places 0, 1000, 2000, … of the block. */
  anchors: Uint8Array;
}

export function encodeHeader(count: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(INDEX_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, INDEX_MAGIC, true);
  view.setUint8(4, INDEX_VERSION);
  view.setUint8(5, flags);
  view.setUint16(6, PICTURES_PER_ANCHOR, true);
  view.setUint32(8, count, true);
  view.setUint32(12, BLOCK_PICTURES, true);
  return bytes;
}

export function encodeBlock({ ratios, days, anchors }: IndexBlock): Uint8Array {
  const anchorCount = anchors.length / ANCHOR_BYTES;
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES + anchors.length + days.length * DAY_BYTES + ratios.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ratios.length, true);
  view.setUint16(4, anchorCount, true);
  view.setUint16(6, days.length, true);
  bytes.set(anchors, BLOCK_HEADER_BYTES);
  let at = BLOCK_HEADER_BYTES + anchors.length;
  for (const { day, count } of days) {
    view.setInt32(at, day, true);
    view.setUint32(at + 4, count, true);
    at += DAY_BYTES;
  }
  bytes.set(ratios, at);
  return bytes;
}

/** The last block: no pictures, but how many there were. */
export function encodeEnd(count: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES);
  new DataView(bytes.buffer).setUint32(4, count, true);
  return bytes;
}

export interface DecodedIndex {
  /** From the header; final once `isComplete`. */
  count: number;
  flags: number;
  ratios: Uint8Array;
  days: DayRun[];
  /** Ids of every 1,000th picture from the first. */
  anchors: string[];
  /** Whether the end was read; without it the answer was cut off, or more is to come. */
  isComplete: boolean;
}

const toHex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** Reads as many whole blocks as `bytes` holds. Throws a RangeError for what is no index of this version. */
export function decodeIndex(bytes: Uint8Array): DecodedIndex {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (
    bytes.length < INDEX_HEADER_BYTES ||
    view.getUint32(0, true) !== INDEX_MAGIC ||
    view.getUint8(4) !== INDEX_VERSION
  )
    throw new RangeError('This is no gallery index of version 1');
  const parts: Uint8Array[] = [];
  const days: DayRun[] = [];
  const anchors: string[] = [];
  let count = view.getUint32(8, true);
  let flags = view.getUint8(5);
  let isComplete = false;
  let at = INDEX_HEADER_BYTES;
  while (!isComplete && at + BLOCK_HEADER_BYTES <= bytes.length) {
    const pictures = view.getUint32(at, true);
    if (pictures === 0) {
      count = view.getUint32(at + 4, true);
      flags &= ~FLAG_ESTIMATE;
      isComplete = true;
      break;
    }
    const anchorCount = view.getUint16(at + 4, true);
    const dayCount = view.getUint16(at + 6, true);
    const length = BLOCK_HEADER_BYTES + anchorCount * ANCHOR_BYTES + dayCount * DAY_BYTES + pictures;
    if (at + length > bytes.length) break;
    let inside = at + BLOCK_HEADER_BYTES;
    for (let n = 0; n < anchorCount; n += 1, inside += ANCHOR_BYTES)
      anchors.push(`img_${toHex(bytes.subarray(inside, inside + ANCHOR_BYTES))}`);
    for (let n = 0; n < dayCount; n += 1, inside += DAY_BYTES) {
      const day = view.getInt32(inside, true);
      const run = view.getUint32(inside + 4, true);
      const last = days.at(-1);
      if (last?.day === day) last.count += run;
      else days.push({ day, count: run });
    }
    parts.push(bytes.subarray(inside, inside + pictures));
    at += length;
  }
  const ratios = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    ratios.set(part, filled);
    filled += part.length;
  }
  return { count, flags, ratios, days, anchors, isComplete };
}
