// Seeded chance. Everything that a run leaves to chance - delays, faults, users, ids - comes from one generator, so that the
// seed alone decides what happens.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { uuidV7Hex } from '../../src/kernel/id.ts';

const UINT32 = 2 ** 32;
/** Ids come from a pool of random bytes for this many; the pool outlives a run. */
const IDS_IN_POOL = 256;
const WARM_UP = 12;

/** Chris Doty-Humphrey's sfc32: small, fast, and good enough to explore with. */
export class Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c: number;
  #d = 1;

  constructor(seed: number) {
    this.#c = seed >>> 0;
    this.#a ^= Math.floor(seed / UINT32) >>> 0;
    for (let i = 0; i < WARM_UP; i += 1) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** A fraction from 0 to below 1. */
  fraction(): number {
    return this.uint32() / UINT32;
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.between(0, items.length - 1)] as T;
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.allocUnsafe(count);
    for (let i = 0; i < count; i += 1) bytes[i] = this.uint32() & 0xff;
    return bytes;
  }
}

/** Makes this process draw its ids, tokens and seeds from `random`; a process that simulates does nothing else. */
export function drawEntropyFrom(random: Random): void {
  let isRefilled = false;
  Object.assign(crypto, {
    randomBytes: (count: number) => {
      isRefilled = true;
      return random.bytes(count);
    },
    randomInt: (most: number) => random.between(0, most - 1),
  });
  syncBuiltinESMExports();
  // What an earlier run left in the pool must not reach this one.
  for (let i = 0; i <= IDS_IN_POOL && !isRefilled; i += 1) uuidV7Hex(0);
}
