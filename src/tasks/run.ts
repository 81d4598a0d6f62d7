// One run of one task: submit, wait, save, finish. What was committed last decides what happens next, so that another
// process can take a run up at any point:
//   no open attempt            -> commit the intent, submit                       (submit.ts)
//   intent open (outcome open) -> a job may exist: find it, or make sure of no second one
//   accepted                   -> poll the job; outputs inside the answer are on disk already   (wait.ts)
//   outputs                    -> download, check, store, and finish in one transaction         (save.ts)
import { timeoutSignal } from '../kernel/clock.ts';
import type { ClaimedTask } from './claim-store.ts';
import { encodeError } from './outcome.ts';
import { LeaseLostError, type RunControl } from './run-control.ts';
import {
  AttemptFailure,
  CancelConfirmedError,
  type Run,
  type RunContext,
  showState,
  takeRow,
} from './run-state.ts';
import { CANCELLED, finishTask, recordLateResult, requeueTask } from './run-store.ts';
import type { AttemptOutcome, TaskParams, TaskRow } from './store.ts';
import { type Job, reachJob } from './submit.ts';
import { askToStop, awaitOutputs, lastOutputs } from './wait.ts';

/** A task taken over this often without any progress in between is ended: it may be what kills its node. */
export const MAX_ADOPTIONS = 10;
/** After the deadline a provider has this long to answer one last question. */
const LAST_QUESTION_MS = 15_000;
/** And a picture that was there this long to be saved. */
const LAST_SAVE_MS = 5 * 60_000;

/** `broken`: the run broke off unexpectedly and must be taken up anew. `waiting`: its provider is not configured just now. */
export type RunEnd = 'done' | 'broken' | 'waiting';

/** Runs a claimed task to its end, or to the point where it is left to others. Never throws. */
export async function runTask(ctx: RunContext, claimed: ClaimedTask, control: RunControl): Promise<RunEnd> {
  const { task, attempts } = claimed;
  const log = ctx.log.child({ task_id: task.id });
  const deadline = new AbortController();
  const timer = ctx.clock.after(task.deadline_at - ctx.clock.now(), () =>
    deadline.abort(new Error('Deadline')),
  );
  try {
    if (task.cancel_state === 'requested') control.requestCancel();
    const adapter = ctx.providers.adapter(task.lane);
    const model = ctx.providers.modelOf(task.lane, task.provider_model);
    if (!adapter || !model) return await waitForProvider(ctx, task);
    const run: Run = {
      ctx: { ...ctx, log },
      control,
      lease: { taskId: task.id, epoch: task.lease_epoch },
      params: JSON.parse(task.params) as TaskParams,
      adapter,
      model,
      attempts,
      task,
      attempt: null,
      request: null,
      signal: AbortSignal.any([deadline.signal, control.stopped]),
    };
    await runToEnd(run, deadline.signal);
    return 'done';
  } catch (error) {
    if (error instanceof LeaseLostError || control.stopped.aborted) return 'done';
    log.error({ err: error }, 'a run broke off unexpectedly; it is taken up again');
    return 'broken';
  } finally {
    timer.cancel();
  }
}

/** A provider that is not configured any more may come back with the next start; until the deadline the task waits. */
async function waitForProvider(ctx: RunContext, task: TaskRow): Promise<RunEnd> {
  const now = ctx.clock.now();
  if (task.deadline_at > now) return 'waiting';
  const lease = { taskId: task.id, epoch: task.lease_epoch };
  const detail = `The provider "${task.lane}" is not configured any more.`;
  const ended = await ctx.db.write(finishTask, {
    ...FAILED_WITHOUT_PICTURES,
    lease,
    n: task.attempt,
    attemptOutcome: 'unknown',
    error: encodeError('provider_unavailable', detail),
    now,
  });
  if (ended) ctx.onChange(ended);
  return 'done';
}

const FAILED_WITHOUT_PICTURES = { status: 'failed', images: [], capturePictures: 0, unitMicros: 0 } as const;

async function runToEnd(run: Run, deadline: AbortSignal): Promise<void> {
  try {
    if (run.task.adoptions >= MAX_ADOPTIONS) {
      throw new AttemptFailure(
        'unknown',
        'internal_error',
        'Interrupted too often without any progress.',
        null,
      );
    }
    const job = await reachJob(run);
    const outputs = job.outputs ?? (await awaitOutputs(run, requireJobId(job), job.pollAfterMs));
    await run.control.finishing(() => saveAndFinish(run, outputs));
  } catch (error) {
    if (error instanceof LeaseLostError || run.control.stopped.aborted) throw new LeaseLostError();
    if (error instanceof CancelConfirmedError) return finish(run, 'cancelled', 'cancelled', CANCELLED);
    if (deadline.aborted) return finishLate(run);
    if (error instanceof AttemptFailure) return settleFailure(run, error);
    throw error;
  }
}

function requireJobId(job: Job): string {
  if (job.jobId === null)
    throw new AttemptFailure('unknown', 'submit_unknown', 'The provider gave no job id.', null);
  return job.jobId;
}

async function saveAndFinish(run: Run, outputs: Job['outputs']): Promise<void> {
  const { ctx, lease } = run;
  const saved = await ctx.saver.save({
    task: run.task,
    params: run.params,
    outputs: outputs ?? [],
    signal: run.signal,
    onWait: (reason: string | null) =>
      showState(run, { phase: 'saving', progress: run.task.progress, reason }),
  });
  if (saved.images.length === 0) {
    const { code, detail } = saved.problem ?? {
      code: 'image_invalid',
      detail: 'The provider delivered no picture.',
    };
    throw new AttemptFailure('failed', code, detail, null);
  }
  const ended = await ctx.db.write(finishTask, {
    lease,
    n: run.attempt?.n ?? 0,
    status: 'succeeded',
    attemptOutcome: 'succeeded',
    error: null,
    images: saved.images,
    capturePictures: Math.min(run.task.pictures, saved.images.length),
    unitMicros: run.params.unitMicros,
    now: ctx.clock.now(),
  });
  if (ended) return ctx.onChange(ended);
  const note = `${saved.images.length} pictures came when the task had ended or had another owner.`;
  const late = { taskId: run.task.id, attempt: run.attempt?.n ?? 0, note, now: ctx.clock.now() };
  await ctx.db.write(recordLateResult, late);
  throw new LeaseLostError();
}

/** At the deadline: a job that is done is delivered after all, any other is asked to stop, and the task fails free of charge. */
async function finishLate(run: Run): Promise<void> {
  run.signal = AbortSignal.any([run.control.stopped, timeoutSignal(run.ctx.clock, LAST_QUESTION_MS)]);
  const jobId = run.attempt?.jobId ?? null;
  try {
    const outputs = jobId === null ? null : await lastOutputs(run, jobId);
    if (outputs) {
      run.signal = AbortSignal.any([run.control.stopped, timeoutSignal(run.ctx.clock, LAST_SAVE_MS)]);
      return await saveAndFinish(run, outputs);
    }
    if (jobId !== null) await askToStop(run, jobId, run.signal);
  } catch (error) {
    if (error instanceof LeaseLostError || run.control.stopped.aborted) throw new LeaseLostError();
    run.ctx.log.warn({ err: error }, 'the provider could not be asked at the deadline');
  }
  const detail = `Not finished by its deadline (${new Date(run.task.deadline_at).toISOString()}); nothing was charged.`;
  await finish(run, 'failed', 'failed', encodeError('deadline_exceeded', detail));
}

async function settleFailure(run: Run, failure: AttemptFailure): Promise<void> {
  const { ctx, lease } = run;
  const error = encodeError(failure.code, failure.message);
  if (failure.retryAfterMs === null) return finish(run, 'failed', failure.outcome, error);
  const now = ctx.clock.now();
  const task = await ctx.db.write(requeueTask, {
    lease,
    n: run.attempt?.n ?? 0,
    outcome: failure.outcome,
    error,
    reason: failure.message,
    dueAt: now + failure.retryAfterMs,
    now,
  });
  takeRow(run, task);
}

async function finish(
  run: Run,
  status: 'failed' | 'cancelled',
  attemptOutcome: AttemptOutcome,
  error: string,
): Promise<void> {
  const { ctx, lease } = run;
  const n = run.attempt?.n ?? 0;
  const input = { ...FAILED_WITHOUT_PICTURES, status, lease, n, attemptOutcome, error, now: ctx.clock.now() };
  takeRow(run, await ctx.db.write(finishTask, input));
}
