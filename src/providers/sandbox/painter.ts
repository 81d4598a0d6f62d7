// Runs the painter process: started at first use, stopped when idle, started again when it dies. Invariant: a job that
// was given to a process which died is painted again, unless it has outlived several: then the job itself is at fault.
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../../kernel/clock.ts';
import type { Mode } from '../provider.ts';

/** One picture to paint; everything that decides its bytes, and where they go. */
export interface PaintJob {
  id: number;
  mode: Mode;
  prompt: string;
  negativePrompt: string | null;
  seed: number;
  /** Pixels. */
  width: number;
  height: number;
  strength: number | null;
  /** Paths of the input images and of the mask. */
  images: readonly string[];
  mask: string | null;
  /** The picture appears here, whole, by a rename. */
  outputPath: string;
  /** How much of the file is written: 1, or less to make a corrupt one on purpose. */
  keepFraction: number;
}

export type PaintReport =
  | { id: number; outcome: 'painted'; bytes: number }
  | { id: number; outcome: 'input-missing' | 'input-invalid' | 'disk' | 'failed'; message: string };

/** Why a picture could not be painted. */
export class PaintError extends Error {
  readonly reason: 'input-missing' | 'input-invalid' | 'disk' | 'failed' | 'closed';
  constructor(reason: PaintError['reason'], message: string) {
    super(message);
    this.name = 'PaintError';
    this.reason = reason;
  }
}

/** A process is kept this long without work: starting one takes about 300 ms, keeping one about 100 MB. */
export const PAINTER_IDLE_MS = 60_000;
/** A picture that takes longer means that the process hangs. */
export const PAINT_LIMIT_MS = 60_000;
/** How many processes one job may take down with it. */
export const PAINT_ATTEMPTS = 3;
const MAX_PARALLEL_PAINTS = 2;

interface Waiting {
  job: PaintJob;
  attempts: number;
  limit: Timer | null;
  resolve(bytes: number): void;
  reject(error: PaintError): void;
}

export class Painter {
  readonly #clock: Clock;
  readonly #parallel = Math.min(MAX_PARALLEL_PAINTS, availableParallelism());
  readonly #running = new Map<number, Waiting>();
  #queue: Waiting[] = [];
  #child: ChildProcess | null = null;
  #idle: Timer | null = null;
  #nextId = 1;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The process at work, for tests that kill it. */
  get processId(): number | null {
    return this.#child?.pid ?? null;
  }

  /**
   * Paints one picture to `outputPath`; resolves with its size in bytes. A job still queued is dropped when
   * `signal` is aborted. Throws `PaintError`.
   */
  paint(job: Omit<PaintJob, 'id'>, signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#closed || signal.aborted) return reject(new PaintError('closed', 'The painter has stopped'));
      const waiting: Waiting = {
        job: { ...job, id: this.#nextId++ },
        attempts: 0,
        limit: null,
        resolve,
        reject,
      };
      this.#queue.push(waiting);
      signal.addEventListener('abort', () => this.#drop(waiting), { once: true });
      this.#dispatch();
    });
  }

  #drop(waiting: Waiting): void {
    const before = this.#queue.length;
    this.#queue = this.#queue.filter((other) => other !== waiting);
    if (this.#queue.length < before) waiting.reject(new PaintError('closed', 'The job was cancelled'));
  }

  #dispatch(): void {
    while (this.#running.size < this.#parallel) {
      const waiting = this.#queue.shift();
      if (!waiting) break;
      const child = this.#start();
      waiting.attempts++;
      waiting.limit = this.#clock.after(PAINT_LIMIT_MS, () => child.kill('SIGKILL'));
      this.#running.set(waiting.job.id, waiting);
      // A failed send means that the process is gone; its exit event puts the job back.
      child.send(waiting.job, () => {});
    }
    if (this.#running.size === 0) this.#rest();
  }

  #rest(): void {
    this.#child?.unref();
    this.#child?.channel?.unref();
    this.#idle?.cancel();
    this.#idle = this.#clock.after(PAINTER_IDLE_MS, () => this.#stop());
  }

  #start(): ChildProcess {
    this.#idle?.cancel();
    this.#idle = null;
    if (this.#child) {
      this.#child.ref();
      this.#child.channel?.ref();
      return this.#child;
    }
    const child = fork(fileURLToPath(new URL('./painter-process.ts', import.meta.url)), [], {
      execArgv: [],
      // Nothing is inherited: the process needs no settings and must know no secrets.
      env: { MALLOC_ARENA_MAX: '2' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    child.on('message', (report: PaintReport) => this.#settle(report));
    child.on('error', () => this.#onDeath(child));
    child.on('exit', () => this.#onDeath(child));
    return child;
  }

  #settle(report: PaintReport): void {
    const waiting = this.#running.get(report.id);
    if (!waiting) return;
    this.#running.delete(report.id);
    waiting.limit?.cancel();
    if (report.outcome === 'painted') waiting.resolve(report.bytes);
    else waiting.reject(new PaintError(report.outcome, report.message));
    this.#dispatch();
  }

  #onDeath(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = null;
    const orphans = [...this.#running.values()];
    this.#running.clear();
    for (const orphan of orphans) orphan.limit?.cancel();
    for (const orphan of orphans.filter((waiting) => waiting.attempts >= PAINT_ATTEMPTS)) {
      orphan.reject(new PaintError('failed', 'The painter process died on this picture several times'));
    }
    this.#queue.unshift(...orphans.filter((waiting) => waiting.attempts < PAINT_ATTEMPTS));
    if (!this.#closed && this.#queue.length > 0) this.#dispatch();
  }

  /** Ends the process; resolves when it has exited. */
  #stop(): Promise<void> {
    this.#idle?.cancel();
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.ref();
      child.kill('SIGKILL');
    });
  }

  /** Rejects what is waiting and ends the process. */
  async close(): Promise<void> {
    this.#closed = true;
    const waiting = [...this.#queue, ...this.#running.values()];
    this.#queue = [];
    this.#running.clear();
    for (const one of waiting) {
      one.limit?.cancel();
      one.reject(new PaintError('closed', 'The painter has stopped'));
    }
    await this.#stop();
  }
}
