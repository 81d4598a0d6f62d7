// Waiting for a job: polled when it is due, asked to cancel when that is wanted, never believed lost on one word.
import { timeoutSignal } from '../kernel/clock.ts';
import { type Output, type PollResult, ProviderError } from '../providers/provider.ts';
import { retryDelayMs } from './backoff.ts';
import {
  AttemptFailure,
  CancelConfirmedError,
  generationRequest,
  jobFailed,
  pause,
  progressReporter,
  providerCall,
  type Run,
  showState,
  takeRow,
} from './run-state.ts';
import { refuseCancel } from './run-store.ts';

/** How often a job that its provider lost is sent again. */
const MAX_RESUBMITS_AFTER_LOSS = 1;
/** A provider must say this often in a row that it does not know a job. */
const LOST_CONFIRMATIONS = 2;
const LOST_RECHECK_MS = 1_000;
/** After this many failed polls in a row the task says so. */
const POLL_FAILURES_SHOWN = 3;
const CANCEL_TIMEOUT_MS = 15_000;

/** Polls until the provider has pictures, first after `pollAfterMs`. */
export async function awaitOutputs(run: Run, jobId: string, pollAfterMs: number): Promise<readonly Output[]> {
  if (pollAfterMs > 0) await pause(run, pollAfterMs);
  const report = progressReporter(run, 'waiting');
  let failures = 0;
  let losses = 0;
  for (;;) {
    if (run.control.isCancelRequested) await cancelJob(run, jobId);
    const result = await pollJob(run, jobId);
    if (result.state === 'interrupted') continue;
    if (result.state === 'unanswered') {
      failures += 1;
      if (failures >= POLL_FAILURES_SHOWN) await showSilence(run, result.error);
      const retryAfterMs = result.error instanceof ProviderError ? result.error.retryAfterMs : null;
      await pause(run, retryDelayMs(failures, retryAfterMs, run.task.id));
      continue;
    }
    failures = 0;
    if (result.state === 'done') return result.outputs;
    if (result.state === 'failed') throw jobFailed(run, result.error);
    losses = result.state === 'lost' ? losses + 1 : 0;
    if (losses >= LOST_CONFIRMATIONS) throw jobLost(run);
    if (result.state === 'running') await report(result.progress);
    await pause(run, result.state === 'running' ? result.pollAfterMs : LOST_RECHECK_MS);
  }
}

type PollOutcome = PollResult | { state: 'interrupted' } | { state: 'unanswered'; error: unknown };

async function pollJob(run: Run, jobId: string): Promise<PollOutcome> {
  try {
    return await run.adapter.poll({
      ...providerCall(run, run.control.interruptible(run.signal)),
      jobId,
      request: await generationRequest(run),
      spool: run.ctx.spool,
    });
  } catch (error) {
    if (run.signal.aborted) throw error;
    return run.control.isCancelRequested ? { state: 'interrupted' } : { state: 'unanswered', error };
  }
}

/** One last question at the deadline: a picture that is there is delivered, not thrown away. */
export async function lastOutputs(run: Run, jobId: string): Promise<readonly Output[] | null> {
  const result = await pollJob(run, jobId);
  return result.state === 'done' ? result.outputs : null;
}

/** Provably gone, so nothing can come of it and nothing is owed: sent again once. */
function jobLost(run: Run): AttemptFailure {
  const earlier = run.attempts.filter((attempt) => attempt.outcome === 'lost').length;
  const canResubmit = earlier < MAX_RESUBMITS_AFTER_LOSS;
  return new AttemptFailure(
    'lost',
    'provider_rejected',
    `"${run.task.lane}" lost the job.`,
    canResubmit ? 0 : null,
  );
}

/** Asks the provider to stop; ends the run when it confirms, and says so on the task when it cannot. */
async function cancelJob(run: Run, jobId: string): Promise<void> {
  const { ctx, lease } = run;
  const note = await askToStop(
    run,
    jobId,
    AbortSignal.any([run.signal, timeoutSignal(ctx.clock, CANCEL_TIMEOUT_MS)]),
  );
  if (note === null) throw new CancelConfirmedError();
  run.control.clearCancel();
  takeRow(run, await ctx.db.write(refuseCancel, { lease, note, now: ctx.clock.now() }));
}

/** Null when the provider stopped the job, else why not. */
export async function askToStop(run: Run, jobId: string, signal: AbortSignal): Promise<string | null> {
  if (!run.model.providerModel.capabilities.cancel || !run.adapter.cancel) {
    return 'This provider cannot stop a job; the picture will be delivered and charged.';
  }
  try {
    const result = await run.adapter.cancel({ ...providerCall(run, signal), jobId });
    return result.state === 'cancelled' ? null : result.note;
  } catch (error) {
    if (run.signal.aborted) throw error;
    return `The provider could not be asked: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function showSilence(run: Run, error: unknown): Promise<void> {
  const reason = `"${run.task.lane}" does not answer: ${error instanceof Error ? error.message : String(error)}`;
  if (run.task.waiting_reason === reason) return;
  await showState(run, { phase: 'waiting', progress: run.task.progress, reason });
}
