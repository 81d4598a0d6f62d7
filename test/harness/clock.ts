// A clock that only moves when a test says so, and then fires what is due, in order.
import type { Clock, Timer } from '../../src/kernel/clock.ts';

interface Pending {
  at: number;
  sequence: number;
  callback: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  readonly #start: number;
  #sequence = 0;
  #pending: Pending[] = [];

  constructor(startMs = Date.parse('2026-01-01T00:00:00.000Z')) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now - this.#start;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, callback };
    this.#pending.push(pending);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== pending);
      },
    };
  }

  /** Moves the time on and calls what falls due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#pending
        .filter((pending) => pending.at <= end)
        .sort((a, b) => a.at - b.at || a.sequence - b.sequence)[0];
      if (!next) break;
      this.#pending = this.#pending.filter((pending) => pending !== next);
      this.#now = Math.max(this.#now, next.at);
      next.callback();
    }
    this.#now = end;
  }
}

/** Lets pending promises and I/O go on; a millisecond, so that a waiting test does not take the core from what it waits for. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Real work, such as decoding a picture, must not see hours pass while it is done. */
const REAL_MS_PER_STEP = 5;

/**
 * Lets the program run until `condition` holds, moving the clock by `stepMs` every 5 ms (0: not at all). Throws when it does
 * not hold within `limitMs` of real time.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  {
    clock,
    stepMs = 0,
    limitMs = 20_000,
    what = 'the condition',
  }: { clock?: FakeClock; stepMs?: number; limitMs?: number; what?: string } = {},
): Promise<NonNullable<T>> {
  const startedAt = performance.now();
  let steppedAt = startedAt;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (performance.now() - startedAt > limitMs) throw new Error(`Timed out waiting for ${what}`);
    if (performance.now() - steppedAt >= REAL_MS_PER_STEP) {
      steppedAt = performance.now();
      clock?.advance(stepMs);
    }
    await turn();
  }
}
