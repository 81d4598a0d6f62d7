// Waiting for a job: polled when it is due or when its run is woken, one poll at a time, asked to cancel when that is wanted,
// never believed lost on one word.
import { timeoutSignal } from '../kernel/clock.ts';
import { type Output, type PollResult, ProviderError } from '../providers/provider.ts';
import { retryDelayMs } from './backoff.ts';
import { LiveReport } from './live-report.ts';
import { sayRemark } from './remarks.ts';
import {
  AttemptFailure,
  CancelConfirmedError,
  generationRequest,
  jobFailed,
  pause,
  providerCall,
  type Run,
  takeRow,
} from './run-state.ts';
import { refuseCancel } from './run-store.ts';
import { Watching } from './watching.ts';

/** How often a job that its provider lost is sent again. */
const MAX_RESUBMITS_AFTER_LOSS = 1;
/** A provider must say this often in a row that it does not know a job. */
const LOST_CONFIRMATIONS = 2;
const LOST_RECHECK_MS = 1_000;
/** After this many failed polls in a row the task says so. */
const POLL_FAILURES_SHOWN = 3;
const CANCEL_TIMEOUT_MS = 15_000;
/** However many wake-ups come, they bring at most one poll more in this time. */
export const WAKE_INTERVAL_MS = 1_000;

/** Polls until the provider has pictures, first after `pollAfterMs` or a wake-up; follows the job's channel meanwhile. */
export async function awaitOutputs(run: Run, jobId: string, pollAfterMs: number): Promise<readonly Output[]> {
  const report = new LiveReport(run, 'waiting');
  const watching = new Watching(run, jobId, report);
  try {
    if (pollAfterMs > 0) await pause(run, pollAfterMs, 0);
    return await pollUntilDone(run, jobId, report);
  } finally {
    watching.close();
    await report.close();
  }
}

async function pollUntilDone(run: Run, jobId: string, report: LiveReport): Promise<readonly Output[]> {
  const { control, ctx } = run;
  let failures = 0;
  let losses = 0;
  for (;;) {
    report.throwIfFailed();
    if (control.isCancelRequested) await cancelJob(run, jobId);
    control.clearWake();
    const askedAtMs = ctx.clock.monotonicMs();
    const result = await pollJob(run, jobId);
    if (result.state === 'interrupted') continue;
    const untilWakeMs = () => Math.max(0, askedAtMs + WAKE_INTERVAL_MS - ctx.clock.monotonicMs());
    if (result.state === 'unanswered') {
      failures += 1;
      if (failures >= POLL_FAILURES_SHOWN) report.explain(silence(run, result.error));
      const error = result.error instanceof ProviderError ? result.error : null;
      const delayMs = retryDelayMs(failures, error?.retryAfterMs ?? null, run.task.id);
      // Who asked for fewer questions is not asked sooner because somebody knocks.
      await pause(run, delayMs, error?.kind === 'rate_limited' ? null : untilWakeMs());
      continue;
    }
    failures = 0;
    if (result.state === 'done') return result.outputs;
    if (result.state === 'failed') throw jobFailed(run, result.error);
    losses = result.state === 'lost' ? losses + 1 : 0;
    if (losses >= LOST_CONFIRMATIONS) throw jobLost(run);
    if (result.state === 'running') report.moved(result.progress);
    if (result.state === 'lost') await pause(run, LOST_RECHECK_MS);
    else await pause(run, result.pollAfterMs, untilWakeMs());
  }
}

type PollOutcome = PollResult | { state: 'interrupted' } | { state: 'unanswered'; error: unknown };

/** One question; what keeps it from being answered is an answer too. Throws only when the run must stop. */
export async function pollJob(run: Run, jobId: string): Promise<PollOutcome> {
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
    return sayRemark('cannot_stop');
  }
  try {
    const result = await run.adapter.cancel({ ...providerCall(run, signal), jobId });
    return result.state === 'cancelled' ? null : result.note;
  } catch (error) {
    if (run.signal.aborted) throw error;
    return sayRemark('stop_unasked', { detail: messageOf(error) });
  }
}

function silence(run: Run, error: unknown): string {
  return sayRemark('provider_silent', { provider: run.task.lane, detail: messageOf(error) });
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
