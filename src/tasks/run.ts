// One run of one task: submit, wait, save, finish. What was committed last decides what happens next, so that another
// process can take a run up at any point:
//   no open attempt            -> commit the intent, submit                       (submit.ts)
//   intent open (outcome open) -> a job may exist: find it, or make sure of no second one
//   accepted                   -> poll the job; outputs inside the answer are on disk already   (wait.ts)
//   outputs                    -> download, check, store, and finish in one transaction         (save.ts)
import { timeoutSignal } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { AppError } from '../kernel/errors.ts';
import type { NewImage } from '../media/media.ts';
import type { PublicModel } from '../providers/providers.ts';
import { type ClaimedTask, SUSPECT_AFTER } from './claim-store.ts';
import { keepLateResult } from './late-store.ts';
import { encodeError } from './outcome.ts';
import { parseEndpoints, whyAway } from './pins.ts';
import { sayRemark } from './remarks.ts';
import { nextRoute } from './rerouting.ts';
import { LeaseLostError, type RunControl } from './run-control.ts';
import {
  AttemptFailure,
  adapterNow,
  CancelConfirmedError,
  type Run,
  type RunContext,
  showState,
  takeRow,
} from './run-state.ts';
import { CANCELLED, finishTask, recordProgress, requeueTask } from './run-store.ts';
import type { AttemptOutcome, TaskParams, TaskRow } from './store.ts';
import { adoptFoundJob, type Job, reachJob, resumeAttempt } from './submit.ts';
import { askToStop, awaitOutputs, lastOutputs } from './wait.ts';

/** A task whose node died under it this often without any progress in between is ended: it may be what kills its nodes. */
const MAX_ADOPTIONS = SUSPECT_AFTER + 1;
/** After the deadline a provider has this long to answer one last question. */
const LAST_QUESTION_MS = 15_000;
/** And a picture that was there this long to be saved. */
const LAST_SAVE_MS = 5 * 60_000;

/** `broken`: the run broke off unexpectedly and must be taken up anew. `waiting`: its provider is not configured just now. */
export type RunEnd = 'done' | 'broken' | 'waiting';

/** Runs a claimed task to its end, or to the point where it is left to others. Never throws. */
export async function runTask(ctx: RunContext, claimed: ClaimedTask, control: RunControl): Promise<RunEnd> {
  crashPoint('kp3');
  const { task } = claimed;
  const log = ctx.log.child({ task_id: task.id });
  const deadline = new AbortController();
  const leave = ctx.live.enter(task.id, control);
  const leftMs = task.deadline_at - ctx.clock.now();
  const timer = ctx.clock.after(leftMs, () => deadline.abort(new Error('Deadline')));
  // Taken over too late: nothing is begun any more, only asked.
  if (leftMs <= 0) deadline.abort(new Error('Deadline'));
  try {
    if (task.cancel_state === 'requested') control.requestCancel();
    const model = ctx.providers.modelOf(task.lane, task.provider_model);
    const away = whyWaiting(ctx, claimed, model);
    if (away !== null || !model) return await waitForProvider(ctx, task, away ?? 'It is not configured.');
    const signal = AbortSignal.any([deadline.signal, control.stopped]);
    await runToEnd(openRun({ ...ctx, log }, claimed, { control, model, signal }), deadline.signal);
    return 'done';
  } catch (error) {
    if (error instanceof LeaseLostError || control.stopped.aborted) return 'done';
    log.error({ err: error }, 'a run broke off unexpectedly; it is taken up again');
    // A database that is away is no fault of the task.
    return error instanceof AppError && error.code === 'database_unavailable' ? 'waiting' : 'broken';
  } finally {
    leave();
    timer.cancel();
  }
}

/** What a run knows at its start. */
export function openRun(
  ctx: RunContext,
  { task, attempts }: ClaimedTask,
  how: { control: RunControl; model: PublicModel; signal: AbortSignal },
): Run {
  const run: Run = {
    ctx,
    control: how.control,
    lease: { taskId: task.id, epoch: task.lease_epoch },
    params: JSON.parse(task.params) as TaskParams,
    get adapter() {
      return adapterNow(run);
    },
    get model() {
      return ctx.providers.modelOf(task.lane, task.provider_model) ?? how.model;
    },
    attempts,
    task,
    attempt: null,
    request: null,
    report: null,
    signal: how.signal,
  };
  return run;
}

/** Why the provider must not be asked about what the last attempt left, in plain words; null when it may. */
export function whyWaiting(
  { providers }: Pick<RunContext, 'providers'>,
  { task, attempts }: ClaimedTask,
  model: PublicModel | null,
): string | null {
  const adapter = providers.adapter(task.lane);
  if (adapter && !model) return sayRemark('model_gone', { provider: task.lane, model: task.provider_model });
  const last = attempts.at(-1);
  const isUnderWay = last?.outcome === 'open' || (last?.outcome === 'accepted' && last.outputs === null);
  if (!last || !isUnderWay) return whyAway(task.lane, adapter, null);
  const { credential, job_id: jobId } = last;
  const endpoints = parseEndpoints(last.endpoints);
  return whyAway(task.lane, adapter, { endpoints, credential, hasJob: jobId !== null });
}

/** What is away may come back with another configuration; until the deadline the task waits and says for what. */
async function waitForProvider(ctx: RunContext, task: TaskRow, reason: string): Promise<RunEnd> {
  const { lane, phase, progress, attempt: n } = task;
  const now = ctx.clock.now();
  const lease = { taskId: task.id, epoch: task.lease_epoch };
  if (task.deadline_at > now) {
    if (task.waiting_reason === reason) return 'waiting';
    const shown = { lease, n, phase: phase ?? 'submitting', progress, reason, now };
    const row = await ctx.db.write(recordProgress, shown);
    if (row) ctx.onChange(row);
    return row ? 'waiting' : 'done';
  }
  const ended = await ctx.db.write(finishTask, {
    ...FAILED_WITHOUT_PICTURES,
    lease,
    n,
    attemptOutcome: 'unknown',
    leavesJob: n > 0,
    error: encodeError('provider_unavailable', `Not finished by its deadline at "${lane}": ${reason}`),
    now,
  });
  if (ended) ctx.onChange(ended);
  return 'done';
}

const FAILED_WITHOUT_PICTURES = { status: 'failed', images: [], capturePictures: 0, unitMicros: 0 } as const;

async function runToEnd(run: Run, deadline: AbortSignal): Promise<void> {
  try {
    if (deadline.aborted) {
      resumeAttempt(run);
      return await finishLate(run);
    }
    if (run.task.adoptions >= MAX_ADOPTIONS) return await quarantine(run);
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
  const savingAt = ctx.clock.now();
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
  crashPoint('kp12');
  const ended = await ctx.db.write(finishTask, {
    lease,
    n: run.attempt?.n ?? 0,
    status: 'succeeded',
    attemptOutcome: 'succeeded',
    error: null,
    images: saved.images,
    capturePictures: Math.min(run.task.pictures, saved.images.length),
    unitMicros: run.params.unitMicros,
    savingAt,
    now: ctx.clock.now(),
  });
  if (ended) {
    crashPoint('kp14');
    ctx.onChange(ended);
    return ctx.saver.discard(outputs ?? []);
  }
  await keepLate(run, saved.images);
  throw new LeaseLostError();
}

/** What arrives when somebody else ended the task stays its owner's, uncharged; true when it was kept. */
export async function keepLate(run: Run, images: readonly NewImage[]): Promise<boolean> {
  const { ctx, task, attempt } = run;
  const late = { taskId: task.id, attempt: attempt?.n ?? 0, images, now: ctx.clock.now() };
  const kept = await ctx.db.write(keepLateResult, late);
  if (kept) ctx.onChange(kept);
  return kept !== null;
}

/** Whatever this task does to the processes that run it, it does no more; the others go on. */
async function quarantine(run: Run): Promise<void> {
  resumeAttempt(run);
  const jobId = run.attempt?.jobId ?? null;
  if (jobId !== null) await askToStop(run, jobId, run.signal).catch(() => {});
  if (run.control.stopped.aborted) throw new LeaseLostError();
  const detail = `Its server stopped ${MAX_ADOPTIONS} times while it ran, without any progress in between; it is not tried again. Nothing was charged.`;
  run.ctx.log.error(
    { attempt: run.attempt?.n ?? 0 },
    'a task is put aside: its process died under it again and again',
  );
  await finish(run, 'failed', 'unknown', encodeError('internal_error', detail));
}

/** At the deadline: a job that is done is delivered after all, any other is asked to stop, and the task fails free of charge. */
async function finishLate(run: Run): Promise<void> {
  run.signal = AbortSignal.any([run.control.stopped, timeoutSignal(run.ctx.clock, LAST_QUESTION_MS)]);
  let leavesJob = mayLeaveJob(run);
  try {
    const jobId = run.attempt && (run.attempt.jobId ?? (await adoptFoundJob(run)));
    const outputs = run.attempt?.outputs ?? (jobId ? await lastOutputs(run, jobId) : null);
    if (outputs) {
      run.signal = AbortSignal.any([run.control.stopped, timeoutSignal(run.ctx.clock, LAST_SAVE_MS)]);
      return await saveAndFinish(run, outputs);
    }
    if (jobId && (await askToStop(run, jobId, run.signal)) === null) leavesJob = false;
  } catch (error) {
    if (error instanceof LeaseLostError || run.control.stopped.aborted) throw new LeaseLostError();
    run.ctx.log.warn({ err: error }, 'the provider could not be asked at the deadline');
  }
  const detail = `Not finished by its deadline (${new Date(run.task.deadline_at).toISOString()}); nothing was charged.`;
  await finish(run, 'failed', 'failed', encodeError('deadline_exceeded', detail), leavesJob);
}

/** The provider may still deliver, and can be asked for it later. */
function mayLeaveJob({ attempt, model }: Run): boolean {
  if (!attempt) return false;
  return attempt.jobId !== null || model.providerModel.capabilities.lookup || attempt.callbackToken !== null;
}

async function settleFailure(run: Run, failure: AttemptFailure): Promise<void> {
  const { ctx, lease } = run;
  const error = encodeError(failure.code, failure.message);
  if (failure.retryAfterMs === null) {
    const leavesJob = failure.code === 'submit_unknown' && mayLeaveJob(run);
    return finish(run, 'failed', failure.outcome, error, leavesJob);
  }
  const now = ctx.clock.now();
  const route = otherRouteOf(run, failure);
  const task = await ctx.db.write(requeueTask, {
    lease,
    n: run.attempt?.n ?? 0,
    outcome: failure.outcome,
    error,
    reason: failure.message,
    dueAt: route ? now : now + failure.retryAfterMs,
    route: route && { lane: route.provider, providerModel: route.providerModel.name },
    now,
  });
  if (route && task) {
    ctx.log.info({ to: route.provider, why: failure.message }, 'a task goes to another provider');
    ctx.providers.counters.add('rerouted', run.task.lane);
  }
  takeRow(run, task);
}

/** Another provider for a task whose attempt provably made nothing; null: it waits for the same one. */
function otherRouteOf(run: Run, failure: AttemptFailure) {
  if (!failure.mayMove || run.control.isCancelRequested) return null;
  const { task, params, attempts, ctx } = run;
  const { lane: provider, provider_model } = task;
  const failed = { provider, provider_model, outcome: failure.outcome };
  return nextRoute(ctx.providers, task, params, [...attempts, failed]);
}

async function finish(
  run: Run,
  status: 'failed' | 'cancelled',
  attemptOutcome: AttemptOutcome,
  error: string,
  leavesJob = false,
): Promise<void> {
  const { ctx, lease } = run;
  const n = run.attempt?.n ?? 0;
  const ended = { status, lease, n, attemptOutcome, error, leavesJob, now: ctx.clock.now() };
  const input = { ...FAILED_WITHOUT_PICTURES, ...ended };
  takeRow(run, await ctx.db.write(finishTask, input));
}
