// What one run knows and the steps it shares: the row it owns, the failures that end it, pauses and progress.
import { type Clock, sleep } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type {
  GenerationRequest,
  LocalFile,
  ProviderAdapter,
  ProviderCall,
  ProviderError,
} from '../providers/provider.ts';
import type { Providers, PublicModel } from '../providers/providers.ts';
import { InterruptedError, LeaseLostError, type RunControl } from './run-control.ts';
import { type Lease, recordProgress } from './run-store.ts';
import type { PictureSaver } from './save.ts';
import type { AttemptOutcome, AttemptRow, Phase, TaskParams, TaskRow } from './store.ts';

/** Progress is written at most this often; each write is an event to every open page. */
const PROGRESS_INTERVAL_MS = 500;

export interface RunContext {
  /** The address that a provider calls back, or null where nothing outside can reach this server. */
  callbackUrl(provider: string, token: string): string | null;
  db: Db;
  clock: Clock;
  log: Logger;
  providers: Providers;
  saver: PictureSaver;
  /** Writes bytes from inside a provider's answer to local disk, durably, under the size cap. */
  spool(source: AsyncIterable<Uint8Array>): Promise<LocalFile>;
  /** The local file of an input picture; throws `image_invalid` when it is gone. */
  inputFile(id: string, accountId: string): Promise<LocalFile>;
  /** Called after every committed change of a task. */
  onChange(task: TaskRow): void;
}

export interface Run {
  readonly ctx: RunContext;
  readonly control: RunControl;
  readonly lease: Lease;
  readonly params: TaskParams;
  readonly adapter: ProviderAdapter;
  readonly model: PublicModel;
  /** What earlier attempts left, oldest first; the current one is not among them once it is begun here. */
  readonly attempts: readonly AttemptRow[];
  /** The row as last committed. */
  task: TaskRow;
  /** The attempt under way, or null while nothing was begun that is not closed. */
  attempt: CurrentAttempt | null;
  request: GenerationRequest | null;
  /** Aborted at the deadline, and when the task is not ours any more. */
  signal: AbortSignal;
}

/** What the calls of one attempt need; pinned when it began. */
export interface CurrentAttempt {
  n: number;
  clientRef: string;
  credential: string | null;
  callbackToken: string | null;
  jobId: string | null;
}

/** The provider confirmed a cancel, or nothing was sent yet. */
export class CancelConfirmedError extends Error {}

/** A failure that ends the attempt, and what it means for the task. */
export class AttemptFailure extends Error {
  readonly outcome: AttemptOutcome;
  readonly code: ErrorCode;
  /** When to try again with a new attempt; null when the task fails. */
  readonly retryAfterMs: number | null;

  constructor(outcome: AttemptOutcome, code: ErrorCode, message: string, retryAfterMs: number | null) {
    super(message);
    this.outcome = outcome;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The provider took the job and failed it for good. */
export function jobFailed(run: Run, error: ProviderError): AttemptFailure {
  const code = error.kind === 'content_blocked' ? 'content_blocked' : 'provider_rejected';
  return new AttemptFailure('failed', code, `"${run.task.lane}" says: ${error.message}`, null);
}

/** Takes the row that a write returned; null means that another process owns the task now. */
export function takeRow(run: Run, task: TaskRow | null): void {
  if (!task) throw new LeaseLostError();
  run.task = task;
  run.ctx.onChange(task);
}

/** The attempt under way; asking for it before one was begun is a bug. */
export function currentAttempt(run: Run) {
  if (!run.attempt) throw new Error('No attempt is under way');
  return run.attempt;
}

export function providerCall(run: Run, signal: AbortSignal): ProviderCall {
  const { clientRef, credential } = currentAttempt(run);
  return { signal, clientRef, credential };
}

/** Waits, but not through a cancel, the deadline or the loss of the lease. */
export async function pause(run: Run, delayMs: number): Promise<void> {
  try {
    await sleep(run.ctx.clock, delayMs, run.control.interruptible(run.signal));
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  }
}

/** The request as the adapter gets it, the same for every try. */
export async function generationRequest(run: Run): Promise<GenerationRequest> {
  if (run.request) return run.request;
  const { ctx, task, params } = run;
  const images = await Promise.all(params.inputs.map((input) => ctx.inputFile(input.id, task.account_id)));
  const mask = params.mask ? await ctx.inputFile(params.mask.id, task.account_id) : null;
  if (task.mode !== 'text-to-image' && images.length === 0) {
    throw new AppError('image_invalid', { detail: 'The task has no input picture.' });
  }
  run.request = {
    mode: task.mode,
    model: task.provider_model,
    prompt: task.prompt,
    negativePrompt: params.negativePrompt,
    width: params.width,
    height: params.height,
    n: task.pictures,
    seed: params.seed,
    strength: params.strength,
    images,
    mask,
  };
  return run.request;
}

/** Writes progress that moved, not too often, never backwards; clears a reason that is over. */
export function progressReporter(run: Run, phase: Phase): (fraction: number | null) => Promise<void> {
  const { ctx } = run;
  let writtenAtMs = Number.NEGATIVE_INFINITY;
  return async (fraction) => {
    const shown = run.task.progress ?? 0;
    const isStale = run.task.waiting_reason !== null;
    const hasMoved = fraction !== null && fraction > shown;
    if (!hasMoved && !isStale) return;
    if (ctx.clock.monotonicMs() - writtenAtMs < PROGRESS_INTERVAL_MS) return;
    writtenAtMs = ctx.clock.monotonicMs();
    const progress = hasMoved ? Math.min(1, fraction) : run.task.progress;
    await showState(run, { phase, progress, reason: null });
  };
}

/** Commits what a running task shows. */
export async function showState(
  run: Run,
  state: { phase: Phase; progress: number | null; reason: string | null },
): Promise<void> {
  const { ctx, lease } = run;
  const n = run.attempt?.n ?? run.task.attempt;
  takeRow(run, await ctx.db.write(recordProgress, { lease, n, ...state, now: ctx.clock.now() }));
}
