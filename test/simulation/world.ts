// Virtual time and what happens in it. Every wait of the program under test is an event here, with a delay and a place among
// events of the same moment that the seed decides; between two events everything that can go on without waiting goes on.
import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../src/kernel/clock.ts';
import type { Random } from './random.ts';

/** 2026-01-01, as good a day as any; the same in every run, because ids and their order carry the time. */
const STARTS_AT_MS = 1_767_225_600_000;
const MOST_EVENTS = 400_000;

interface Scheduled {
  at: number;
  /** Decides between events of the same moment. */
  rank: number;
  process: SimProcess | null;
  run: (() => unknown) | null;
}

/** One process of the program: it may be killed, or stopped for a while and go on as if nothing had happened. */
export class SimProcess {
  readonly name: string;
  state: 'running' | 'paused' | 'dead' = 'running';
  /** When it last went on after a pause, by the world's time. */
  resumedAtMs = Number.NEGATIVE_INFINITY;
  readonly backlog: (() => unknown)[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

export class World {
  readonly random: Random;
  /** What went wrong that must never go wrong. */
  readonly violations: string[] = [];
  /** The last lines of what happened; all of them if the run is traced. */
  readonly lines: string[] = [];
  readonly #linesKept: number;
  readonly #digest = createHash('sha256');
  readonly #heap: Scheduled[] = [];
  #elapsedMs = 0;
  #events = 0;

  constructor(random: Random, linesKept: number) {
    this.random = random;
    this.#linesKept = linesKept;
  }

  get elapsedMs(): number {
    return this.#elapsedMs;
  }

  get now(): number {
    return STARTS_AT_MS + this.#elapsedMs;
  }

  get events(): number {
    return this.#events;
  }

  /** Digest of everything that was noted: two runs with the same one went the same way. */
  digest(): string {
    return this.#digest.copy().digest('hex');
  }

  note(text: string): void {
    const line = `${String(this.#elapsedMs).padStart(7)} ${text}`;
    this.#digest.update(line);
    this.lines.push(line);
    if (this.lines.length > this.#linesKept * 2) this.lines.splice(0, this.lines.length - this.#linesKept);
  }

  violate(rule: string, what: string): void {
    this.note(`VIOLATION ${rule}: ${what}`);
    this.violations.push(`${rule}: ${what}`);
  }

  /** Runs `run` after `delayMs`; with a process, only while that runs: later after a pause, never after its end. */
  schedule(delayMs: number, run: () => unknown, process: SimProcess | null = null): Timer {
    const event: Scheduled = {
      at: this.#elapsedMs + Math.max(0, Math.round(delayMs)),
      rank: this.random.uint32(),
      process,
      run,
    };
    push(this.#heap, event);
    return {
      cancel: () => {
        event.run = null;
      },
    };
  }

  /** A delay of a network or a disk: mostly short, now and then long. */
  latency(longestMs: number): number {
    const share = this.random.fraction();
    return Math.floor(share * share * share * longestMs);
  }

  kill(process: SimProcess): void {
    this.note(`${process.name} is killed`);
    process.state = 'dead';
    process.backlog.length = 0;
  }

  pause(process: SimProcess): void {
    this.note(`${process.name} is stopped`);
    process.state = 'paused';
  }

  /** Goes on; everything that came meanwhile comes now, in an order that the seed decides. */
  resume(process: SimProcess): void {
    if (process.state !== 'paused') return;
    this.note(`${process.name} goes on, ${process.backlog.length} things came meanwhile`);
    process.state = 'running';
    process.resumedAtMs = this.#elapsedMs;
    for (const run of process.backlog.splice(0)) this.schedule(this.latency(20), run, process);
  }

  /** The clock of a process. */
  clockOf(process: SimProcess): Clock {
    return {
      now: () => this.now,
      monotonicMs: () => this.#elapsedMs,
      after: (delayMs, callback) => this.schedule(delayMs, callback, process),
    };
  }

  /** Lets time pass until `isOver`, or until `limitMs` has passed; says which. */
  async run(isOver: () => boolean, limitMs: () => number): Promise<'over' | 'late'> {
    // What was started before must first come to its own waits.
    await everythingElse();
    for (;;) {
      if (isOver()) return 'over';
      const next = pop(this.#heap);
      if (!next || next.at > limitMs()) return 'late';
      this.#events += 1;
      if (this.#events > MOST_EVENTS) {
        this.violate('simulation', `more than ${MOST_EVENTS} events: something turns in circles`);
        return 'late';
      }
      const { run, process } = next;
      if (!run || process?.state === 'dead') continue;
      this.#elapsedMs = next.at;
      if (process?.state === 'paused') {
        // A timer that is cancelled by what comes before it must not fire after all.
        process.backlog.push(() => next.run?.());
        continue;
      }
      run();
      await everythingElse();
    }
  }
}

/** After all promises that can go on have gone on. */
function everythingElse(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const isBefore = (a: Scheduled, b: Scheduled) => a.at < b.at || (a.at === b.at && a.rank < b.rank);

function push(heap: Scheduled[], event: Scheduled): void {
  let index = heap.push(event) - 1;
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent] as Scheduled;
    if (!isBefore(event, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = event;
}

function pop(heap: Scheduled[]): Scheduled | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (!first || !last || heap.length === 0) return first;
  let index = 0;
  for (;;) {
    let child = index * 2 + 1;
    const right = heap[child + 1];
    if (right && isBefore(right, heap[child] as Scheduled)) child += 1;
    const below = heap[child];
    if (!below || !isBefore(below, last)) break;
    heap[index] = below;
    index = child;
  }
  heap[index] = last;
  return first;
}
