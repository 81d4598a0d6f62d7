// What both sides of bench/waiting-tasks.ts note of their polls, and what the processes behind them cost.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What one window of time cost a side. */
export interface PollWindow {
  polls: number;
  /** Milliseconds from the time when a poll was due to its start, sorted. */
  lateness: number[];
  /** Processor time of all processes of the side, in milliseconds. */
  cpuMs: number;
  wallMs: number;
  rssBytes: number;
  /** The longest that the event loop stood still, in milliseconds. */
  longestPauseMs: number;
}

const CLOCK_TICKS_PER_S = 100;
const PAGE_BYTES = 4096;

/** Processor time and resident memory of another process; Linux. */
function costOf(pid: number): { cpuMs: number; rssBytes: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]);
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { cpuMs: (ticks * 1000) / CLOCK_TICKS_PER_S, rssBytes: pages * PAGE_BYTES };
}

export class PollBook {
  readonly #dueAtMs = new Map<string, number>();
  readonly #pause = monitorEventLoopDelay({ resolution: 5 });
  readonly #others: readonly number[];
  #lateness: number[] = [];
  #startedAtMs = performance.now();
  #startCpuMs = 0;

  /** `others`: pids of processes that belong to this side, beside this one. */
  constructor(others: readonly number[] = []) {
    this.#others = others;
    this.reset();
  }

  polled(job: string): void {
    const dueAtMs = this.#dueAtMs.get(job);
    if (dueAtMs !== undefined) this.#lateness.push(Math.max(0, performance.now() - dueAtMs));
  }

  dueIn(job: string, delayMs: number): void {
    this.#dueAtMs.set(job, performance.now() + delayMs);
  }

  reset(): void {
    this.#lateness = [];
    this.#startedAtMs = performance.now();
    this.#startCpuMs = this.#cpuMs();
    this.#pause.reset();
    this.#pause.enable();
  }

  window(): PollWindow {
    const now = performance.now();
    // A poll that never came is late too.
    const missing = [...this.#dueAtMs.values()]
      .filter((dueAtMs) => dueAtMs < now)
      .map((dueAtMs) => now - dueAtMs);
    const others = this.#others.map((pid) => costOf(pid).rssBytes);
    return {
      polls: this.#lateness.length,
      lateness: [...this.#lateness, ...missing].sort((a, b) => a - b),
      cpuMs: this.#cpuMs() - this.#startCpuMs,
      wallMs: now - this.#startedAtMs,
      rssBytes: others.reduce((sum, bytes) => sum + bytes, process.memoryUsage.rss()),
      longestPauseMs: this.#pause.max / 1e6,
    };
  }

  #cpuMs(): number {
    const { user, system } = process.cpuUsage();
    return this.#others.reduce((sum, pid) => sum + costOf(pid).cpuMs, (user + system) / 1000);
  }
}
