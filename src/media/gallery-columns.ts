// One account's pictures in memory, 41 bytes each (gallery-record.ts), newest first in one buffer with room at both ends: at the front
// for new pictures, at the back for those still being loaded. Invariant: ids fall strictly from the first record to the last.
import { AT, ID_BYTES, IS_FAVOURITE, IS_TRASHED, RECORD_BYTES } from './gallery-record.ts';

/** Room at the front when the buffer is made anew. */
const FRONT_ROOM = 4_096;
const ID_PREFIX = 'img_';

export class GalleryColumns {
  #buffer = Buffer.alloc(FRONT_ROOM * RECORD_BYTES);
  /** Records, not bytes. */
  #start = FRONT_ROOM;
  #end = FRONT_ROOM;

  get length(): number {
    return this.#end - this.#start;
  }

  get bytes(): number {
    return this.#buffer.length;
  }

  /** The records, one after another, for scans: valid until the next change. */
  get records(): Buffer {
    return this.#buffer.subarray(this.#start * RECORD_BYTES, this.#end * RECORD_BYTES);
  }

  idAt(place: number): string {
    const at = (this.#start + place) * RECORD_BYTES;
    return `${ID_PREFIX}${this.#buffer.toString('hex', at, at + ID_BYTES)}`;
  }

  isTrashedAt(place: number): boolean {
    return ((this.#buffer[(this.#start + place) * RECORD_BYTES + AT.flags] ?? 0) & IS_TRASHED) !== 0;
  }

  /** How many pictures are not in the trash. */
  visibleCount(): number {
    const { records } = this;
    let count = 0;
    for (let at: number = AT.flags; at < records.length; at += RECORD_BYTES)
      if (((records[at] ?? 0) & IS_TRASHED) === 0) count += 1;
    return count;
  }

  /** Makes room for this many pictures in all, so that a load does not copy what it has. */
  reserve(pictures: number): void {
    if (this.#end + pictures - this.length > this.#capacity) this.#grow(FRONT_ROOM, pictures);
  }

  /** Adds records behind the last one: whole records of falling ids. */
  append(records: Buffer): void {
    const count = records.length / RECORD_BYTES;
    if (this.#end + count > this.#capacity)
      this.#grow(FRONT_ROOM, Math.max(2 * this.length, this.length + count));
    records.copy(this.#buffer, this.#end * RECORD_BYTES);
    this.#end += count;
  }

  /** The place of a picture, or of the first older one; `length` when there is none. */
  placeOf(id: Buffer): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compareAt(middle, id) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(place: number, id: Buffer): boolean {
    return place < this.length && this.#compareAt(place, id) === 0;
  }

  /** Puts a record in its place or over the one of the same id; false when it was there just so. */
  put(record: Buffer): boolean {
    const id = record.subarray(0, ID_BYTES);
    const place = this.placeOf(id);
    if (this.has(place, id)) {
      const at = (this.#start + place) * RECORD_BYTES;
      if (this.#buffer.compare(record, 0, RECORD_BYTES, at, at + RECORD_BYTES) === 0) return false;
      record.copy(this.#buffer, at);
      return true;
    }
    if (this.#start === 0) this.#grow(FRONT_ROOM, this.length);
    // New pictures belong to the front: few records, mostly none, move out of the way.
    const from = this.#start * RECORD_BYTES;
    this.#buffer.copyWithin(from - RECORD_BYTES, from, from + place * RECORD_BYTES);
    this.#start -= 1;
    record.copy(this.#buffer, (this.#start + place) * RECORD_BYTES);
    return true;
  }

  /** Takes a picture out; false when it was not there. */
  remove(id: Buffer): boolean {
    const place = this.placeOf(id);
    if (!this.has(place, id)) return false;
    const from = this.#start * RECORD_BYTES;
    this.#buffer.copyWithin(from + RECORD_BYTES, from, from + place * RECORD_BYTES);
    this.#start += 1;
    return true;
  }

  get #capacity(): number {
    return this.#buffer.length / RECORD_BYTES;
  }

  #compareAt(place: number, id: Buffer): number {
    const at = (this.#start + place) * RECORD_BYTES;
    return this.#buffer.compare(id, 0, ID_BYTES, at, at + ID_BYTES);
  }

  #grow(front: number, back: number): void {
    const grown = Buffer.alloc((front + Math.max(back, this.length)) * RECORD_BYTES);
    this.records.copy(grown, front * RECORD_BYTES);
    this.#end = front + this.length;
    this.#start = front;
    this.#buffer = grown;
  }
}

/** The sixteen bytes of `img_…`. */
export function idBytes(id: string): Buffer {
  return Buffer.from(id.slice(ID_PREFIX.length), 'hex');
}

/** The id of the last of these records. */
export function lastIdOf(records: Buffer): string {
  const at = records.length - RECORD_BYTES;
  return `${ID_PREFIX}${records.toString('hex', at, at + ID_BYTES)}`;
}

/** A picture's record, from its id, its column `gallery` and what can change. */
export function recordOf(id: string, gallery: string, favourite: boolean, trashed: boolean): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.write(id.slice(ID_PREFIX.length) + gallery, 'hex');
  record[AT.flags] = (favourite ? IS_FAVOURITE : 0) | (trashed ? IS_TRASHED : 0);
  return record;
}
