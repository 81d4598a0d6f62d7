// Keeps the child processes in which untrusted pictures are decoded. Whatever a picture does to its decoder (crash, hang,
// eat memory), it ends one child and one job: idle → busy → idle, and from either to dead; a dead child is replaced when the
// next job needs one. A job is tried on two children at most. Idle children end by themselves.
import { type ChildProcess, fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../kernel/clock.ts';
import { AppError, fromErrorRecord } from '../kernel/errors.ts';
import { requireFormat } from './image-format.ts';
import type { WorkerAnswer } from './image-worker-process.ts';
import type { DecodedPicture, PictureJob } from './picture-decode.ts';

export const DECODE_TIMEOUT_MS = 10_000;
export const CHILD_RSS_BYTES = 512 * 1024 * 1024;
/** 50 million pixels: the largest picture unless the configuration sets another limit. */
export const DEFAULT_MAX_PIXELS = 50_000_000;
export const CHILD_IDLE_MS = 60_000;
/** A child that holds more than this after its job is replaced. */
const RECYCLE_RSS_BYTES = 256 * 1024 * 1024;
const RSS_POLL_MS = 50;
const TRIES = 2;
const PAGE_BYTES = 4096;
const DEFAULT_CHILDREN = 2;

export interface ImageProcessOptions {
  clock: Clock;
  /** Children at the same time (default 2). */
  children?: number;
  /** Largest picture that is decoded, in pixels (default 50 million). */
  maxPixels?: number;
  /** Told the pid of every child at its start, before it gets a job. For process accounting. */
  onChildStart?: (pid: number) => void;
}

export interface InspectOptions {
  purpose: PictureJob['purpose'];
  /** For `enlarge`: the size to write, in pixels. */
  enlargeTo?: { width: number; height: number };
  /** For results: cut out prompt and workflow text. */
  removeRecipes: boolean;
  thumbPath: string;
  cleanPath: string;
  /** Nobody waits for this one alone: it goes behind those that somebody waits for. */
  isBackground?: boolean;
}

interface Waiting {
  job: PictureJob;
  isBackground: boolean;
  triesLeft: number;
  resolve(picture: DecodedPicture): void;
  reject(error: Error): void;
}

export class ImageProcess {
  readonly #options: ImageProcessOptions;
  readonly #queue: Waiting[] = [];
  readonly #children = new Set<Child>();
  #closed = false;

  constructor(options: ImageProcessOptions) {
    this.#options = options;
  }

  /** Pids of the living children. */
  get pids(): number[] {
    return [...this.#children].map((child) => child.pid);
  }

  /** How many pictures wait for a child. */
  get waiting(): number {
    return this.#queue.length;
  }

  /**
   * Decodes the picture at `path` in full, makes its thumbnail, and re-encodes or cleans it (see `PictureJob`).
   * Throws `unsupported_media_type` for what is not PNG, JPEG or WebP by its first bytes, `image_invalid` for a picture that is
   * damaged, over the limits, or twice took its decoder down.
   */
  async inspect(path: string, { isBackground = false, ...options }: InspectOptions): Promise<DecodedPicture> {
    const format = await requireFormat(path);
    if (this.#closed) throw closedError();
    return new Promise<DecodedPicture>((resolve, reject) => {
      const job = { path, format, maxPixels: this.#options.maxPixels ?? DEFAULT_MAX_PIXELS, ...options };
      const firstBehind = isBackground ? -1 : this.#queue.findIndex((waiting) => waiting.isBackground);
      const at = firstBehind < 0 ? this.#queue.length : firstBehind;
      this.#queue.splice(at, 0, { job, isBackground, triesLeft: TRIES, resolve, reject });
      this.#dispatch();
    });
  }

  /** Kills the children; waiting jobs fail with `storage_unavailable`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiting of this.#queue.splice(0)) waiting.reject(closedError());
    await Promise.all([...this.#children].map((child) => child.stop()));
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const child = [...this.#children].find((candidate) => candidate.idle) ?? this.#start();
      if (!child) return;
      const waiting = this.#queue.shift();
      if (waiting) void this.#run(child, waiting);
    }
  }

  #start(): Child | null {
    if (this.#children.size >= (this.#options.children ?? DEFAULT_CHILDREN)) return null;
    const child = new Child(this.#options.clock, () => {
      this.#children.delete(child);
      this.#dispatch();
    });
    this.#children.add(child);
    this.#options.onChildStart?.(child.pid);
    return child;
  }

  async #run(child: Child, waiting: Waiting): Promise<void> {
    const outcome = await child.run(waiting.job);
    if (outcome.kind === 'answer') {
      if (outcome.result.ok) waiting.resolve(outcome.result.picture);
      else waiting.reject(fromErrorRecord(outcome.result.error));
    } else if (this.#closed) {
      waiting.reject(closedError());
    } else if (waiting.triesLeft > 1) {
      this.#queue.unshift({ ...waiting, triesLeft: waiting.triesLeft - 1 });
    } else {
      waiting.reject(
        new AppError('image_invalid', { detail: `The picture could not be decoded: ${outcome.reason}.` }),
      );
    }
    this.#dispatch();
  }
}

type Outcome = { kind: 'answer'; result: WorkerAnswer['result'] } | { kind: 'died'; reason: string };

/** One child process with its limits. Keeps the parent alive only while it has a job. */
class Child {
  readonly #process: ChildProcess;
  readonly #clock: Clock;
  readonly #exited: Promise<void>;
  #settle: ((outcome: Outcome) => void) | null = null;
  #reason = 'its decoder crashed';
  #timers: Timer[] = [];
  #isDead = false;
  #isRetired = false;

  constructor(clock: Clock, onExit: () => void) {
    this.#clock = clock;
    this.#process = fork(fileURLToPath(new URL('./image-worker-process.ts', import.meta.url)), [], {
      // No secret of the parent's environment reaches the process that reads hostile bytes.
      env: { MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '2' },
      execArgv: ['--max-old-space-size=128', '--disable-warning=ExperimentalWarning'],
      serialization: 'json',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#exited = new Promise((resolve) => {
      const ended = () => {
        if (this.#isDead) return;
        this.#isDead = true;
        this.#finish({ kind: 'died', reason: this.#reason });
        onExit();
        resolve();
      };
      this.#process.once('exit', ended);
      this.#process.once('error', ended);
    });
    this.#process.on('message', (message) => {
      const { result, rssBytes } = message as WorkerAnswer;
      if (rssBytes > RECYCLE_RSS_BYTES) this.#retire();
      this.#finish({ kind: 'answer', result });
    });
    this.#rest();
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get idle(): boolean {
    return !this.#isDead && !this.#isRetired && this.#settle === null;
  }

  run(job: PictureJob): Promise<Outcome> {
    this.#cancelTimers();
    this.#process.ref();
    this.#process.channel?.ref();
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#timers.push(
        this.#clock.after(DECODE_TIMEOUT_MS, () => this.#kill('it took longer than 10 seconds')),
      );
      this.#watchMemory();
      this.#process.send(job, (error) => {
        if (error) this.#kill('its decoder ended');
      });
    });
  }

  async stop(): Promise<void> {
    this.#process.ref();
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  #kill(reason: string): void {
    this.#reason = reason;
    this.#process.kill('SIGKILL');
  }

  /** Memory that large pictures left in pieces would count against the next one. */
  #retire(): void {
    this.#isRetired = true;
    this.#process.kill('SIGKILL');
  }

  #finish(outcome: Outcome): void {
    const settle = this.#settle;
    this.#cancelTimers();
    this.#settle = null;
    if (!this.#isDead) this.#rest();
    settle?.(outcome);
  }

  #rest(): void {
    this.#process.unref();
    this.#process.channel?.unref();
    this.#timers.push(this.#clock.after(CHILD_IDLE_MS, () => this.#kill('it was idle')));
  }

  #cancelTimers(): void {
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  /** Linux only (elsewhere the pixel limit alone bounds memory); a picture within the limits needs 100-300 MB. */
  #watchMemory(): void {
    const timer = this.#clock.after(RSS_POLL_MS, async () => {
      const statm = await readFile(`/proc/${this.pid}/statm`, 'latin1').catch(() => null);
      if (this.#settle === null || !this.#timers.includes(timer)) return;
      const pages = Number(statm?.split(' ')[1] ?? 0);
      if (pages * PAGE_BYTES > CHILD_RSS_BYTES) this.#kill('it needed too much memory');
      else if (statm !== null) this.#watchMemory();
    });
    this.#timers.push(timer);
  }
}

function closedError(): AppError {
  return new AppError('storage_unavailable', { detail: 'The server is shutting down.' });
}
