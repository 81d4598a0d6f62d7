// The job of a submit whose answer never came, as the provider's own call back names it. What a call back says is a hint: the
// provider is asked about that job, and only what it knows is taken up.
import { sleep } from '../kernel/clock.ts';
import { type PollResult, ProviderError } from '../providers/provider.ts';
import { retryDelayMs } from './backoff.ts';
import { findCallbackJob, isJobOfAnother } from './callback-store.ts';
import { currentAttempt, generationRequest, pause, providerCall, type Run, showState } from './run-state.ts';

/** How long a submit without an answer waits for its call back; those of jobs that exist come when they are done. */
export const CALLBACK_WAIT_MS = 10 * 60_000;
/** The look behind the signal. */
const CALLBACK_LOOK_MS = 5_000;
/** A provider must say this often in a row that it does not know a job. */
const LOST_CONFIRMATIONS = 2;
const LOST_RECHECK_MS = 1_000;

/** The job that a call back named and the provider knows; null when none came so far, or none that is true. */
export async function calledJob(run: Run): Promise<string | null> {
  return lookForJob(run, new Set());
}

/** As `calledJob`, but waits for the call back, where the provider was told where to call. */
export async function awaitCalledJob(run: Run, why: string): Promise<string | null> {
  const { ctx, task, control, adapter } = run;
  const { callbackToken } = currentAttempt(run);
  const canCall = callbackToken !== null && ctx.callbackUrl(task.lane, callbackToken) !== null;
  if (!canCall || !adapter.parseCallback) return null;
  const reason = `It is not known whether "${task.lane}" took the request; waiting for its call back: ${why}`;
  await showState(run, { phase: 'submitting', progress: task.progress, reason });
  return control.idling(() => lookUntilCalled(run));
}

async function lookUntilCalled(run: Run): Promise<string | null> {
  const { ctx, control } = run;
  const refused = new Set<string>();
  const untilMs = ctx.clock.monotonicMs() + CALLBACK_WAIT_MS;
  while (ctx.clock.monotonicMs() < untilMs && !control.isCancelRequested) {
    control.clearWake();
    const jobId = await lookForJob(run, refused);
    if (jobId !== null) return jobId;
    await pause(run, CALLBACK_LOOK_MS, 0);
  }
  return null;
}

async function lookForJob(run: Run, refused: Set<string>): Promise<string | null> {
  const { ctx, task } = run;
  const { n } = currentAttempt(run);
  const jobId = await findCallbackJob(ctx.db.read, task.id, n);
  if (jobId === null || refused.has(jobId)) return null;
  const isForeign = await isJobOfAnother(ctx.db.read, { task_id: task.id, n, provider: task.lane }, jobId);
  if (!isForeign && (await isKnown(run, jobId))) return jobId;
  ctx.log.warn({ attempt: n }, 'a call back named a job that is not the one; it is passed over');
  refused.add(jobId);
  return null;
}

/** Asks also through a cancel: a job that may exist must be known before it can be stopped. */
async function isKnown(run: Run, jobId: string): Promise<boolean> {
  let losses = 0;
  for (let failures = 0; ; ) {
    const result = await ask(run, jobId);
    if (result instanceof Error) {
      failures += 1;
      const retryAfterMs = result instanceof ProviderError ? result.retryAfterMs : null;
      await sleep(run.ctx.clock, retryDelayMs(failures, retryAfterMs, run.task.id), run.signal);
      continue;
    }
    if (result.state !== 'lost') return true;
    losses += 1;
    if (losses >= LOST_CONFIRMATIONS) return false;
    await sleep(run.ctx.clock, LOST_RECHECK_MS, run.signal);
  }
}

async function ask(run: Run, jobId: string): Promise<PollResult | Error> {
  try {
    const { ctx, signal, adapter } = run;
    const request = await generationRequest(run);
    return await adapter.poll({ ...providerCall(run, signal), jobId, request, spool: ctx.spool });
  } catch (error) {
    if (run.signal.aborted) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}
