// The built-in provider `sandbox`: keyless, deterministic, and as demanding as a real one, for it has its own job log,
// jobs that outlive the process, and faults on demand. Invariant: one client reference makes one job, and a job's
// pictures follow from its logged line alone, so that whatever was lost is painted again, byte for byte.
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, sleep } from '../../kernel/clock.ts';
import {
  type CancelResult,
  type GenerationRequest,
  type JobCall,
  type LocalFile,
  type LookupResult,
  type Output,
  type PollResult,
  type ProviderAdapter,
  type ProviderCall,
  ProviderError,
  type ProviderModel,
  type SubmitCall,
  type SubmitResult,
} from '../provider.ts';
import { DirectiveError, drawFault, type FaultKind, type FaultRates, parseDirectives } from './faults.ts';
import { isCancellation, JOB_KEPT_MS, JobLog, jobIdOf, type LoggedJob, type LogLine } from './job-log.ts';
import { sandboxModels } from './models.ts';

import { cancelledResult, paintFailure, throwBeforeJob } from './outcomes.ts';
import { Painter } from './painter.ts';
import { checkRequest, loggedRequest, pathOf } from './submission.ts';
import { trickle } from './trickle.ts';

export { sandboxModels };

export interface SandboxOptions {
  /** A directory of its own: the job log and the finished pictures are kept there. */
  stateDir: string;
  clock: Clock;
  /** Seconds that a job of `sandbox-slow` takes (default 8). */
  slowSeconds?: number;
  /** Probabilities of the faults that `sandbox-flaky` draws (default none). */
  faults?: FaultRates;
  /** Added to the time of every job of every model (default 0). */
  paintDelayMs?: number;
  /** Price of one picture in micro-credits (default 0). */
  priceMicros?: number;
  /**
   * For benchmarks of what is around the provider, never for measuring it: every job answers at once with one
   * picture that was painted beforehand, whatever its prompt and size.
   */
  instantPicture?: boolean;
}

/** A poll waits this long for a picture that is nearly there, rather than being asked again and again. */
const LONG_POLL_MS = 1000;
const POLL_AFTER_MS = 1000;
/** Pictures are painted again if somebody asks later than this. */
const PICTURE_KEPT_MS = 2 * 3_600_000;
const SWEEP_EVERY_MS = 600_000;
const FAILING_POLLS = 2;
const CORRUPT_FRACTION = 0.6;
const EXTRA_PICTURES = 3;
const SLOW_DOWNLOAD_MS = 20_000;
/** Counters of submissions that never became a job; the oldest are forgotten beyond this. */
const MAX_COUNTERS = 10_000;
/** Seeds of further pictures stay inside what every API accepts. */
const SEED_RANGE = 2_147_483_648;
const INSTANT_PICTURE = { prompt: 'misty mountains at dawn', seed: 1, sidePx: 512 };

interface Job {
  record: LoggedJob;
  cancelledAt: number | null;
  painting: Promise<readonly Output[]> | null;
  isPainting: boolean;
  paintedAt: number | null;
  painted: number;
  polls: number;
  stop: AbortController;
}

export async function createSandboxProvider(options: SandboxOptions): Promise<ProviderAdapter> {
  return Sandbox.start(options);
}

export class Sandbox implements ProviderAdapter {
  readonly name = 'sandbox';
  readonly models: readonly ProviderModel[];
  readonly endpoints: readonly string[] = [];
  readonly painter: Painter;
  readonly #clock: Clock;
  readonly #options: SandboxOptions;
  readonly #pictures: string;
  readonly #jobs = new Map<string, Job>();
  readonly #submitting = new Map<string, Promise<void>>();
  readonly #counters = new Map<string, number>();
  #log: JobLog | null = null;
  #instant: LocalFile | null = null;
  #sweptAt: number;

  private constructor(options: SandboxOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#pictures = join(options.stateDir, 'pictures');
    this.models = sandboxModels(options.priceMicros ?? 0, options.slowSeconds ?? 8);
    this.painter = new Painter(options.clock);
    this.#sweptAt = options.clock.now();
  }

  /** Opens the state directory and takes up the jobs in it. */
  static async start(options: SandboxOptions): Promise<Sandbox> {
    const sandbox = new Sandbox(options);
    await mkdir(sandbox.#pictures, { recursive: true });
    sandbox.#log = await JobLog.open(options.stateDir, options.clock.now(), {
      onLine: (line) => sandbox.#take(line),
      isKnown: (line) => !isCancellation(line) && sandbox.#jobs.has(line.job_id),
    });
    await sandbox.#sweepPictures(true);
    if (options.instantPicture) sandbox.#instant = await sandbox.#paintInstant();
    return sandbox;
  }

  #take(line: LogLine): void {
    const known = this.#jobs.get(line.job_id);
    if (isCancellation(line)) {
      if (known) known.cancelledAt = line.cancelled_at;
      known?.stop.abort();
    } else if (!known) {
      this.#jobs.set(line.job_id, {
        record: line,
        cancelledAt: null,
        painting: null,
        isPainting: false,
        paintedAt: null,
        painted: 0,
        polls: 0,
        stop: new AbortController(),
      });
    }
  }

  get #openLog(): JobLog {
    if (!this.#log) throw new ProviderError('unavailable', 'no', 'The sandbox has been closed');
    return this.#log;
  }

  async submit(call: SubmitCall): Promise<SubmitResult> {
    call.signal.throwIfAborted();
    const { clientRef, request } = call;
    const jobId = jobIdOf(clientRef);
    // A twin submission waits for the first one's line, then finds its job.
    while (this.#submitting.has(jobId)) await this.#submitting.get(jobId)?.catch(() => {});
    if (!this.#jobs.has(jobId)) {
      const accepting = this.#accept(jobId, clientRef, request).finally(() => this.#submitting.delete(jobId));
      this.#submitting.set(jobId, accepting);
      await accepting;
    }
    const job = this.#jobs.get(jobId) as Job;
    this.#sweepSometimes();
    if (!this.#instant && job.cancelledAt === null) void this.#paint(job, request).catch(() => {});
    return { state: 'accepted', jobId, pollAfterMs: request.model === 'sandbox-slow' ? POLL_AFTER_MS : 0 };
  }

  /** Makes the job, or throws the fault that the prompt or the draw asks for. */
  async #accept(jobId: string, clientRef: string, request: GenerationRequest): Promise<void> {
    checkRequest(request);
    const { fault, delayMs } = this.#planTrouble(clientRef, request);
    if (fault) throwBeforeJob(fault, clientRef);
    const now = this.#clock.now();
    const slowMs = request.model === 'sandbox-slow' ? (this.#options.slowSeconds ?? 8) * 1000 : 0;
    const record: LoggedJob = {
      job_id: jobId,
      client_ref: clientRef,
      accepted_at: now,
      ready_at: now + slowMs + delayMs + (this.#options.paintDelayMs ?? 0),
      model: request.model,
      fault,
      request: await loggedRequest(request),
    };
    await this.#openLog.append(record).catch((cause: unknown) => {
      throw new ProviderError('unavailable', 'unknown', 'The sandbox could not write its job log', { cause });
    });
    if (fault?.startsWith('submit_timeout'))
      throw new ProviderError('timeout', 'unknown', 'The sandbox did not answer in time');
  }

  #planTrouble(clientRef: string, request: GenerationRequest): { fault: FaultKind | null; delayMs: number } {
    if (request.model !== 'sandbox-flaky') return { fault: null, delayMs: 0 };
    let directives: ReturnType<typeof parseDirectives>;
    try {
      directives = parseDirectives(request.prompt);
    } catch (error) {
      if (error instanceof DirectiveError) throw new ProviderError('invalid_request', 'no', error.message);
      throw error;
    }
    const { delayMs, fault, times } = directives;
    if (fault === null) {
      const attempt = this.#count(`ref/${clientRef}`);
      return { fault: drawFault(this.#options.faults ?? {}, clientRef, attempt), delayMs };
    }
    const over = times !== null && this.#count(`prompt/${request.seed}/${request.prompt}`) > times;
    return { fault: over ? null : fault, delayMs };
  }

  /** How often this has been counted, from 1. */
  #count(key: string): number {
    const count = (this.#counters.get(key) ?? 0) + 1;
    this.#counters.set(key, count);
    if (this.#counters.size > MAX_COUNTERS)
      this.#counters.delete(this.#counters.keys().next().value as string);
    return count;
  }

  async poll(call: JobCall): Promise<PollResult> {
    call.signal.throwIfAborted();
    const job = await this.#find(call.jobId);
    if (!job || job.record.fault === 'lost') return { state: 'lost' };
    const { fault } = job.record;
    if (fault === 'poll_error' && job.polls++ < FAILING_POLLS) {
      throw new ProviderError('unavailable', 'yes', 'The sandbox could not be asked about the job');
    }
    if (job.cancelledAt !== null) return cancelledResult();
    if (fault === 'stuck') return { state: 'running', progress: 0.5, pollAfterMs: POLL_AFTER_MS };
    if (this.#instant) return this.#instantResult(job);
    const waitMs = job.record.ready_at - this.#clock.now();
    const painting = this.#paint(job, call.request);
    painting.catch(() => {});
    if (waitMs > LONG_POLL_MS) return this.#running(job);
    const stop = new AbortController();
    const signal = AbortSignal.any([call.signal, stop.signal]);
    try {
      const inTime = waitMs > 0 ? sleep(this.#clock, waitMs, signal) : Promise.resolve();
      const finished = Promise.all([painting, inTime]).then(([outputs]) => outputs);
      const outputs = await Promise.race([
        finished,
        sleep(this.#clock, LONG_POLL_MS, signal).then(() => null),
      ]);
      finished.catch(() => {});
      stop.abort();
      if (job.cancelledAt !== null) return cancelledResult();
      if (!outputs) return this.#running(job);
      if (fault === 'failed') {
        return {
          state: 'failed',
          error: new ProviderError('unavailable', 'yes', 'The sandbox failed the job, as it was asked to'),
        };
      }
      return {
        state: 'done',
        outputs: fault === 'slow_download' ? await this.#deliverSlowly(outputs, call) : outputs,
      };
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (job.cancelledAt !== null) return cancelledResult();
      return paintFailure(error);
    } finally {
      stop.abort();
    }
  }

  #running(job: Job): PollResult {
    const { accepted_at, ready_at, request } = job.record;
    const total = ready_at - accepted_at;
    const elapsed = this.#clock.now() - accepted_at;
    const progress =
      total > 0 ? Math.min(0.99, Math.max(0, elapsed / total)) : job.painted / Math.max(1, request.n);
    return {
      state: 'running',
      progress,
      pollAfterMs: Math.min(POLL_AFTER_MS, Math.max(0, ready_at - this.#clock.now())),
    };
  }

  /** The job, known here or from what another process has logged. */
  async #find(jobId: string): Promise<Job | undefined> {
    if (!this.#jobs.has(jobId)) {
      await this.#openLog.refresh().catch((cause: unknown) => {
        throw new ProviderError('unavailable', 'unknown', 'The sandbox could not read its job log', {
          cause,
        });
      });
    }
    return this.#jobs.get(jobId);
  }

  /** The job's pictures: being painted, or painted already and still there; otherwise painting starts (again). */
  #paint(job: Job, request: GenerationRequest): Promise<readonly Output[]> {
    if (job.painting && job.isPainting) return job.painting;
    const before = job.painting;
    job.isPainting = true;
    job.painting = (async () => {
      try {
        const outputs = await before?.catch(() => null);
        return outputs && (await allThere(outputs)) ? outputs : await this.#paintAll(job, request);
      } finally {
        job.isPainting = false;
      }
    })();
    return job.painting;
  }

  async #paintAll(job: Job, request: GenerationRequest): Promise<readonly Output[]> {
    const { job_id, fault, request: logged } = job.record;
    const images = await Promise.all(
      logged.images.map((input, index) => pathOf(input, request.images[index])),
    );
    const mask = logged.mask ? await pathOf(logged.mask, request.mask) : null;
    const count = fault === 'fewer' ? logged.n - 1 : fault === 'extra' ? logged.n + EXTRA_PICTURES : logged.n;
    job.painted = 0;
    const paintOne = async (index: number): Promise<Output> => {
      const seed = index === 0 ? logged.seed : (logged.seed + index) % SEED_RANGE;
      const path = join(this.#pictures, `${job_id}-${index}.png`);
      const { mode, prompt, width, height, strength } = logged;
      const bytes = await this.painter.paint(
        {
          mode,
          prompt,
          negativePrompt: logged.negative_prompt,
          seed,
          width,
          height,
          strength,
          images,
          mask,
          outputPath: path,
          keepFraction: fault === 'corrupt' ? CORRUPT_FRACTION : 1,
        },
        job.stop.signal,
      );
      job.painted++;
      return { file: { path, bytes, mime: 'image/png' }, seed: mode === 'upscale' ? null : seed };
    };
    const outputs = await Promise.all(Array.from({ length: count }, (_, index) => paintOne(index)));
    job.paintedAt = this.#clock.now();
    return outputs;
  }

  async #deliverSlowly(outputs: readonly Output[], call: JobCall): Promise<Output[]> {
    const delivered: Output[] = [];
    for (const output of outputs) {
      if (!('file' in output)) continue;
      const source = trickle(output.file.path, {
        clock: this.#clock,
        overMs: SLOW_DOWNLOAD_MS,
        signal: call.signal,
      });
      delivered.push({ file: await call.spool(source), seed: output.seed });
    }
    return delivered;
  }

  async lookup(call: ProviderCall): Promise<LookupResult> {
    call.signal.throwIfAborted();
    const jobId = jobIdOf(call.clientRef);
    await this.#submitting.get(jobId)?.catch(() => {});
    const job = await this.#find(jobId);
    return job && job.record.fault !== 'lost' ? { state: 'found', jobId } : { state: 'absent' };
  }

  async cancel(call: ProviderCall & { jobId: string }): Promise<CancelResult> {
    call.signal.throwIfAborted();
    const job = await this.#find(call.jobId);
    if (!job || job.record.fault === 'lost')
      return { state: 'not_cancellable', note: 'The sandbox does not know this job' };
    if (job.cancelledAt !== null) return { state: 'cancelled' };
    const ready = this.#clock.now() >= job.record.ready_at && job.record.fault !== 'stuck';
    if (ready && (job.paintedAt !== null || this.#instant)) {
      return { state: 'not_cancellable', note: 'The pictures are already painted' };
    }
    await this.#openLog
      .append({ job_id: call.jobId, cancelled_at: this.#clock.now() })
      .catch((cause: unknown) => {
        throw new ProviderError('unavailable', 'yes', 'The sandbox could not write its job log', { cause });
      });
    return { state: 'cancelled' };
  }

  async probe(call: { signal: AbortSignal }): Promise<{ note: string | null }> {
    call.signal.throwIfAborted();
    return { note: 'built in' };
  }

  async close(): Promise<void> {
    for (const job of this.#jobs.values()) job.stop.abort();
    await this.painter.close();
    const log = this.#log;
    this.#log = null;
    await log?.close();
  }

  #instantResult(job: Job): PollResult {
    const { n, seed } = job.record.request;
    const file = this.#instant as LocalFile;
    return { state: 'done', outputs: Array.from({ length: n }, () => ({ file, seed })) };
  }

  async #paintInstant(): Promise<LocalFile> {
    const { prompt, seed, sidePx } = INSTANT_PICTURE;
    const path = join(this.#pictures, 'instant.png');
    const job = {
      mode: 'text-to-image' as const,
      prompt,
      negativePrompt: null,
      seed,
      width: sidePx,
      height: sidePx,
    };
    const rest = { strength: null, images: [], mask: null, outputPath: path, keepFraction: 1 };
    const bytes = await this.painter.paint({ ...job, ...rest }, new AbortController().signal);
    return { path, bytes, mime: 'image/png' };
  }

  /** Now and then: forgets old jobs, and removes the pictures of those that were painted long ago. */
  #sweepSometimes(): void {
    const now = this.#clock.now();
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    for (const [jobId, job] of this.#jobs)
      if (job.record.accepted_at < now - JOB_KEPT_MS) this.#jobs.delete(jobId);
    void this.#sweepPictures().catch(() => {});
  }

  /** Removes pictures without a job that was painted lately by this process; they can be painted again. */
  async #sweepPictures(starting = false): Promise<void> {
    const oldest = this.#clock.now() - PICTURE_KEPT_MS;
    for (const name of await readdir(this.#pictures)) {
      const job = this.#jobs.get(name.slice(0, name.indexOf('-')));
      const fresh = job && (job.paintedAt ?? job.record.accepted_at) > oldest;
      const isInstant = name === 'instant.png' && this.#instant;
      // At the start, an unfinished file is what a killed painter left.
      const leftOver = starting && name.endsWith('.tmp');
      if (leftOver || (!fresh && !isInstant)) await rm(join(this.#pictures, name), { force: true });
    }
  }
}

/** Whether the files are still as they were delivered: whoever took one may have moved it away. */
async function allThere(outputs: readonly Output[]): Promise<boolean> {
  const found = await Promise.all(
    outputs.map(
      (output) =>
        !('file' in output) ||
        stat(output.file.path).then(
          ({ size }) => size === output.file.bytes,
          () => false,
        ),
    ),
  );
  return found.every(Boolean);
}
