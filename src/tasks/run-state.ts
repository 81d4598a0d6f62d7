// What one run knows and the steps it shares: the row it owns, the failures that end it, pauses and progress.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type {
  GenerationRequest,
  LocalFile,
  Output,
  ProviderAdapter,
  ProviderCall,
  ProviderError,
} from '../providers/provider.ts';
import type { Providers, PublicModel } from '../providers/providers.ts';
import type { LiveRuns } from './live-runs.ts';
import { awayAdapter, whyAway } from './pins.ts';
import { LeaseLostError, type RunControl } from './run-control.ts';
import { type Lease, recordProgress } from './run-store.ts';
import type { PictureSaver } from './save.ts';
import {
  type AttemptOutcome,
  type AttemptRow,
  finalPrompts,
  type Phase,
  type TaskParams,
  type TaskRow,
} from './store.ts';

export interface RunContext {
  /** The address that a provider calls back, or null where nothing outside can reach this server. */
  callbackUrl(provider: string, token: string): string | null;
  db: Db;
  clock: Clock;
  log: Logger;
  /** Asked before anything is sent that must not be sent twice. */
  node: Pick<NodeLease, 'isHeld'>;
  providers: Providers;
  saver: PictureSaver;
  /** Where call backs and viewers find the run. */
  live: LiveRuns;
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
  /** The provider as it is configured now, looked up at each use; a stand-in that sends nothing where it must not be asked. */
  readonly adapter: ProviderAdapter;
  readonly model: PublicModel;
  /** What earlier attempts left, oldest first; the current one is not among them once it is begun here. */
  readonly attempts: readonly AttemptRow[];
  /** The row as last committed. */
  task: TaskRow;
  /** The attempt under way, or null while nothing was begun that is not closed. */
  attempt: CurrentAttempt | null;
  request: GenerationRequest | null;
  /** What the phase under way shows; kept after its end until the next one has its own. */
  report: { previewShown(): void } | null;
  /** Aborted at the deadline, and when the task is not ours any more. */
  signal: AbortSignal;
}

/** What the calls of one attempt need; pinned when it began. */
export interface CurrentAttempt {
  n: number;
  clientRef: string;
  credential: string | null;
  callbackToken: string | null;
  /** Base addresses of the provider when it began; null in attempts of older versions. */
  endpoints: readonly string[] | null;
  jobId: string | null;
  /** Outputs that came inside the provider's answer; null where they are to be had by a poll. */
  outputs?: readonly Output[] | null;
}

/** The provider confirmed a cancel, or nothing was sent yet. */
export class CancelConfirmedError extends Error {}

/** A failure that ends the attempt, and what it means for the task. */
export class AttemptFailure extends Error {
  readonly outcome: AttemptOutcome;
  readonly code: ErrorCode;
  /** When to try again with a new attempt; null when the task fails. */
  readonly retryAfterMs: number | null;
  /** Nothing was created and another provider may do better: it may go to another route. */
  readonly mayMove: boolean;

  constructor(
    outcome: AttemptOutcome,
    code: ErrorCode,
    message: string,
    retryAfterMs: number | null,
    mayMove = false,
  ) {
    super(message);
    this.outcome = outcome;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.mayMove = mayMove;
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
  if (task.version > run.task.version) run.task = task;
  run.ctx.onChange(task);
}

/** The attempt under way; asking for it before one was begun is a bug. */
export function currentAttempt(run: Run) {
  if (!run.attempt) throw new Error('No attempt is under way');
  return run.attempt;
}

/** The run's provider as it is now; a stand-in where the job under way must not be spoken of to it. */
export function adapterNow(run: Pick<Run, 'ctx' | 'task' | 'attempt'>): ProviderAdapter {
  const { ctx, task, attempt } = run;
  const adapter = ctx.providers.adapter(task.lane);
  const reason = whyAway(task.lane, adapter, attempt && { ...attempt, hasJob: attempt.jobId !== null });
  return reason === null && adapter ? adapter : awayAdapter(task.lane, reason ?? '');
}

export function providerCall(run: Run, signal: AbortSignal): ProviderCall {
  const { clientRef, credential } = currentAttempt(run);
  return { signal, clientRef, credential };
}

/**
 * Waits `delayMs`, but not through a cancel, the deadline or the loss of the lease. Where `wokenDelayMs` is given, a wake-up
 * shortens the wait to that.
 */
export function pause(run: Run, delayMs: number, wokenDelayMs: number | null = null): Promise<void> {
  return run.control.pause(run.ctx.clock, { delayMs, wokenDelayMs }, run.signal);
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
  const { negativePrompt: takesNegative } = run.model.providerModel.capabilities;
  const { prompt, negativePrompt } = finalPrompts({ prompt: task.prompt, params }, takesNegative);
  run.request = {
    mode: task.mode,
    model: task.provider_model,
    prompt,
    negativePrompt,
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

/** Commits what a running task shows. */
export async function showState(
  run: Run,
  state: { phase: Phase; progress: number | null; reason: string | null },
): Promise<void> {
  const { ctx, lease } = run;
  const n = run.attempt?.n ?? run.task.attempt;
  takeRow(run, await ctx.db.write(recordProgress, { lease, n, ...state, now: ctx.clock.now() }));
}
