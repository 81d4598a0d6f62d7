// Answers of the index: whole ones with their tag and their gzip form, and one that is sent while the account's records are still
// being read, so that the first block of a cold start does not wait for the last.
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { AccountGallery, View } from './gallery-account.ts';
import type { GalleryColumns } from './gallery-columns.ts';
import {
  BLOCK_PICTURES,
  encodeEnd,
  encodeHeader,
  FLAG_ESTIMATE,
  FLAG_PREPARING,
} from './gallery-index-format.ts';
import { blockOf, type Criteria, DayCounter, matchingPlaces } from './gallery-scan.ts';

const gzipAsync = promisify(gzip);
/** A million seeded pictures: level 1 gives 235 KB in 9 ms, 5 194 KB in 21 ms, 6 182 KB in 48 ms, 9 156 KB in 554 ms. */
const GZIP_LEVEL = 5;
/** Blocks that are made in one turn of the event loop, about 4 ms. */
const BLOCKS_PER_TURN = 10;

/** Lets whatever else waits in the process have a turn. */
export const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

export class IndexBody {
  readonly bytes: Buffer;
  /** Of the content, the same on every node and after a restart. */
  readonly etag: string;
  readonly isPreparing: boolean;
  #gzipped: Promise<Buffer> | null = null;
  #size: number;

  constructor(bytes: Buffer, isPreparing: boolean) {
    this.bytes = bytes;
    this.isPreparing = isPreparing;
    this.#size = bytes.length;
    this.etag = `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 32)}"`;
  }

  /** What it weighs in memory. */
  get size(): number {
    return this.#size;
  }

  gzipped(): Promise<Buffer> {
    this.#gzipped ??= gzipAsync(this.bytes, { level: GZIP_LEVEL }).then((zipped) => {
      this.#size += zipped.length;
      return zipped;
    });
    return this.#gzipped;
  }
}

/** The index of a view. Only inside `use` of its account: it lets others work between blocks. */
export async function makeIndex(
  columns: GalleryColumns,
  view: View,
  { utcOffsetMin, isPreparing }: { utcOffsetMin: number; isPreparing: boolean },
): Promise<IndexBody> {
  const { places } = view;
  const days = new DayCounter(utcOffsetMin);
  const parts = [encodeHeader(places.length, isPreparing ? FLAG_PREPARING : 0)];
  for (let from = 0; from < places.length; from += BLOCK_PICTURES) {
    parts.push(blockOf(columns, places, from, days));
    if (parts.length % BLOCKS_PER_TURN === 0) await nextTurn();
  }
  parts.push(encodeEnd(places.length));
  return new IndexBody(Buffer.concat(parts), isPreparing);
}

interface Waiting {
  /** Blocks that were not sent yet. */
  ready: Uint8Array[];
  count: number;
  isComplete: boolean;
  failure: unknown;
  wake(): void;
}

/**
 * The index of an account whose load has not begun, sent as the records come. It begins the load; the header's count is an
 * estimate until the end says the final one.
 */
export function streamIndex(
  account: AccountGallery,
  criteria: Criteria,
  { utcOffsetMin, isPreparing }: { utcOffsetMin: number; isPreparing: boolean },
): AsyncGenerator<Uint8Array> {
  const days = new DayCounter(utcOffsetMin);
  const waiting: Waiting = { ready: [], count: 0, isComplete: false, failure: undefined, wake: () => {} };
  let pending = new Uint32Array(0);
  let seen = 0;
  // Blocks are made while the page's records cannot move: later changes go to the front.
  account.onPage((isLast) => {
    const { columns } = account;
    const places = joined(pending, matchingPlaces(columns, criteria, seen));
    seen = columns.length;
    const isWhole = (from: number) => places.length - from >= BLOCK_PICTURES;
    let from = 0;
    for (; isWhole(from) || (isLast && from < places.length); from += BLOCK_PICTURES)
      waiting.ready.push(blockOf(columns, places, from, days));
    waiting.count += Math.min(from, places.length);
    pending = places.slice(from);
    waiting.isComplete = isLast;
    waiting.wake();
  });
  account.load().catch((error: unknown) => {
    waiting.failure = error ?? new Error('The gallery could not be read');
    waiting.wake();
  });
  const flags = FLAG_ESTIMATE | (isPreparing ? FLAG_PREPARING : 0);
  return sendReady(waiting, account.expectedCount(), flags);
}

async function* sendReady(
  waiting: Waiting,
  expected: Promise<number>,
  flags: number,
): AsyncGenerator<Uint8Array> {
  yield encodeHeader(await expected, flags);
  for (;;) {
    for (let block = waiting.ready.shift(); block; block = waiting.ready.shift()) yield block;
    if (waiting.failure !== undefined) throw waiting.failure;
    if (waiting.isComplete) break;
    await new Promise<void>((resolve) => {
      waiting.wake = resolve;
    });
  }
  yield encodeEnd(waiting.count);
}

function joined(first: Uint32Array, second: Uint32Array): Uint32Array<ArrayBuffer> {
  const both = new Uint32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
