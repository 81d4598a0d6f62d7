// Keeps the one child process that makes previews: started at the first job, one job at a time, ended when idle or when a job
// takes too long. A picture that takes its decoder down ends that job and nothing else.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../kernel/clock.ts';
import { AppError } from '../kernel/errors.ts';
import type { PreviewSize } from './preview-size.ts';

const JOB_TIMEOUT_MS = 20_000;
const IDLE_MS = 60_000;
/** More waiting than this is a flood; visitors are told to come again. */
const MAX_WAITING = 200;

export interface PreviewJob {
  id: number;
  /** `preview`: a JPEG of `size`; `clean`: the whole picture in its own format, without any text inside the file. */
  kind: 'preview' | 'clean';
  source: string;
  target: string;
  mime: string;
  mode: string;
  size: PreviewSize;
  maxPixels: number;
}

export type PreviewReport = { id: number; ok: true } | { id: number; ok: false; isDisk: boolean };

interface Waiting {
  job: PreviewJob;
  resolve(): void;
  reject(error: Error): void;
}

export class PreviewProcess {
  readonly #clock: Clock;
  readonly #queue: Waiting[] = [];
  #child: ChildProcess | null = null;
  #current: Waiting | null = null;
  #timer: Timer | null = null;
  #nextId = 1;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes the copy at `target`. Throws `image_invalid`, `storage_full`, `storage_unavailable`. */
  make(job: Omit<PreviewJob, 'id'>): Promise<void> {
    if (this.#isClosed || this.#queue.length >= MAX_WAITING) return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      this.#queue.push({ job: { ...job, id: this.#nextId++ }, resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends the child; waiting jobs fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#queue.splice(0)) reject(unavailable());
    const child = this.#child;
    if (!child) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    child.kill('SIGKILL');
    await ended;
  }

  #dispatch(): void {
    if (this.#current || this.#isClosed) return;
    const next = this.#queue.shift();
    if (!next) return;
    this.#current = next;
    this.#child ??= this.#start();
    this.#child.ref();
    this.#child.channel?.ref();
    this.#setTimer(JOB_TIMEOUT_MS);
    this.#child.send(next.job, (error) => {
      if (error) this.#child?.kill('SIGKILL');
    });
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(new URL('./preview-worker-process.ts', import.meta.url)), [], {
      // No secret of the parent's environment reaches a process that decodes pictures.
      env: { MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '2' },
      execArgv: ['--max-old-space-size=128', '--disable-warning=ExperimentalWarning'],
      serialization: 'json',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.on('message', (message) => this.#finish(message as PreviewReport));
    const ended = () => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#finish({ id: this.#current?.job.id ?? 0, ok: false, isDisk: false });
    };
    child.once('exit', ended);
    child.once('error', ended);
    return child;
  }

  #finish(report: PreviewReport): void {
    const current = this.#current;
    if (!current || current.job.id !== report.id) return;
    this.#current = null;
    this.#setTimer(IDLE_MS);
    this.#child?.unref();
    this.#child?.channel?.unref();
    if (report.ok) current.resolve();
    else current.reject(report.isDisk ? new AppError('storage_full') : undecodable());
    this.#dispatch();
  }

  /** Ends the child after this time without news. */
  #setTimer(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.after(delayMs, () => this.#child?.kill('SIGKILL'));
  }
}

function unavailable(): AppError {
  return new AppError('storage_unavailable', {
    detail: 'Too many previews are being made just now.',
    cause: 'Many pictures were opened for the first time at once, or the server is stopping.',
    fix: 'Open the page again in a minute.',
  });
}

function undecodable(): AppError {
  return new AppError('image_invalid', { detail: 'No preview of this picture could be made.' });
}
