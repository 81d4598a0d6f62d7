// Submitting: the intent is committed before the first byte leaves, and an outcome that is not known is never answered
// with a second job (rules R3-R5). What the last attempt left decides where a run goes on.
import { createHash } from 'node:crypto';
import { AppError } from '../kernel/errors.ts';
import { newId, newSecret } from '../kernel/id.ts';
import { type Output, ProviderError, type SubmitResult } from '../providers/provider.ts';
import { errorCodeOf } from '../providers/providers.ts';
import { retryDelayMs } from './backoff.ts';
import { LeaseLostError } from './run-control.ts';
import {
  AttemptFailure,
  CancelConfirmedError,
  type CurrentAttempt,
  currentAttempt,
  generationRequest,
  jobFailed,
  pause,
  progressReporter,
  providerCall,
  type Run,
  takeRow,
} from './run-state.ts';
import { beginAttempt, recordAccepted } from './run-store.ts';
import type { AttemptOutcome, AttemptRow } from './store.ts';

const LOOKUP_TRIES = 5;
/** How often a submit that provably made no job is tried anew. */
const MAX_RESUBMITS_AFTER_ABSENCE = 3;

/** A job at the provider; its outputs if they came with the answer. */
export interface Job {
  jobId: string | null;
  outputs: readonly Output[] | null;
  /** What the provider asked to wait before the first poll. */
  pollAfterMs: number;
}

/** Comes to the point where the provider has the job, from whatever the last attempt left. */
export async function reachJob(run: Run): Promise<Job> {
  const last = run.attempts.at(-1);
  if (last?.outcome === 'accepted') {
    run.attempt = resumed(last);
    const outputs = last.outputs === null ? null : (JSON.parse(last.outputs) as Output[]);
    return { jobId: last.job_id, outputs, pollAfterMs: 0 };
  }
  if (last?.outcome === 'open') {
    run.attempt = resumed(last);
    return resolveUnknown(run, 'Drawbridge was stopped while it submitted.');
  }
  return submitAnew(run);
}

async function submitAnew(run: Run): Promise<Job> {
  // Nothing was sent, so a cancel needs nobody's leave.
  if (run.control.isCancelRequested) throw new CancelConfirmedError();
  const { ctx, lease } = run;
  await prepareRequest(run);
  const attempt: CurrentAttempt = {
    n: run.task.attempt + 1,
    clientRef: newId('job', ctx.clock.now()),
    credential: null,
    callbackToken: run.model.providerModel.capabilities.callback ? newSecret() : null,
    jobId: null,
  };
  return run.control.finishing(async () => {
    const intent = {
      n: attempt.n,
      provider: run.task.lane,
      client_ref: attempt.clientRef,
      credential: attempt.credential,
      endpoints: JSON.stringify(run.adapter.endpoints),
      request_hash: await hashOfRequest(run),
      callback_token: attempt.callbackToken,
    };
    takeRow(run, await ctx.db.write(beginAttempt, { lease, intent, now: ctx.clock.now() }));
    run.attempt = attempt;
    return submit(run);
  });
}

/** What is sent, less where its files lie: the same on every node. */
async function hashOfRequest(run: Run): Promise<string> {
  const { images, mask, ...request } = await generationRequest(run);
  const { inputs, mask: maskPicture } = run.params;
  const pictures = [...inputs, ...(maskPicture ? [maskPicture] : [])].map(({ id }) => id);
  return createHash('sha256')
    .update(JSON.stringify({ ...request, pictures }))
    .digest('hex')
    .slice(0, 32);
}

function resumed(last: AttemptRow): CurrentAttempt {
  return {
    n: last.n,
    clientRef: last.client_ref,
    credential: last.credential,
    callbackToken: last.callback_token,
    jobId: last.outcome === 'accepted' ? last.job_id : null,
  };
}

/** Input pictures are read before anything is promised; one that is gone ends the task with nothing sent. */
async function prepareRequest(run: Run): Promise<void> {
  try {
    await generationRequest(run);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const isFinal = error.code === 'image_invalid' || error.code === 'not_found';
    const waitMs = isFinal ? null : retryDelayMs(run.task.adoptions, null, run.task.id);
    throw new AttemptFailure('not_sent', error.code, error.message, waitMs);
  }
}

async function submit(run: Run): Promise<Job> {
  try {
    return await settleSubmit(run, await callSubmit(run));
  } catch (error) {
    if (error instanceof LeaseLostError || error instanceof AttemptFailure) throw error;
    if (error instanceof ProviderError && error.created === 'no') throw rejected(run, error);
    if (!(error instanceof ProviderError) && !run.signal.aborted) {
      run.ctx.log.error({ err: error }, 'an adapter threw something else than a ProviderError');
    }
    return resolveUnknown(run, error instanceof Error ? error.message : String(error));
  }
}

async function settleSubmit(run: Run, result: SubmitResult): Promise<Job> {
  if (result.state !== 'failed') return accepted(run, result);
  if (result.jobId !== null) await accepted(run, result);
  throw jobFailed(run, result.error);
}

async function callSubmit(run: Run): Promise<SubmitResult> {
  const report = progressReporter(run, 'submitting');
  const { callbackToken } = currentAttempt(run);
  return run.adapter.submit({
    ...providerCall(run, run.signal),
    request: await generationRequest(run),
    spool: run.ctx.spool,
    callbackUrl: callbackToken === null ? null : run.ctx.callbackUrl(run.task.lane, callbackToken),
    onPreview: () => {},
    // A lost lease shows at the next write of the run itself.
    onProgress: (fraction) => void report(fraction).catch(() => {}),
  });
}

interface AcceptedJob {
  jobId: string | null;
  outputs?: readonly Output[];
  pollAfterMs?: number;
}

async function accepted(run: Run, result: AcceptedJob): Promise<Job> {
  const { ctx, lease } = run;
  const attempt = currentAttempt(run);
  const outputs = result.outputs ?? null;
  const task = await ctx.db.write(recordAccepted, {
    lease,
    n: attempt.n,
    jobId: result.jobId,
    outputs: outputs === null ? null : JSON.stringify(outputs),
    now: ctx.clock.now(),
  });
  takeRow(run, task);
  attempt.jobId = result.jobId;
  return { jobId: result.jobId, outputs, pollAfterMs: result.pollAfterMs ?? 0 };
}

/** Nothing was created: tried again later, or the end where trying again cannot help. */
function rejected(run: Run, error: ProviderError): AttemptFailure {
  const isFinal = error.kind === 'content_blocked' || error.kind === 'invalid_request';
  const outcome: AttemptOutcome = error.kind === 'unreachable' ? 'not_sent' : 'rejected';
  const earlier = run.attempts.filter(
    (attempt) => attempt.outcome === 'not_sent' || attempt.outcome === 'rejected',
  );
  const waitMs = isFinal ? null : retryDelayMs(earlier.length, error.retryAfterMs, run.task.id);
  return new AttemptFailure(outcome, errorCodeOf(error), error.message, waitMs);
}

/** A job may exist: adopt it, send the same reference again where that makes no second one, or give up honestly. */
async function resolveUnknown(run: Run, why: string): Promise<Job> {
  const { adapter, ctx } = run;
  const { lookup, idempotentSubmit } = run.model.providerModel.capabilities;
  ctx.log.warn({ attempt: currentAttempt(run).n, why }, 'the outcome of a submit is unknown');
  if (lookup && adapter.lookup) {
    const jobId = await findJob(run);
    if (jobId !== null) return accepted(run, { jobId });
    if (!idempotentSubmit) throw absent(run, why);
  }
  if (idempotentSubmit) return sendAgain(run);
  const detail = `It is not known whether "${run.task.lane}" took the request, so it is not sent again: ${why}`;
  throw new AttemptFailure('unknown', 'submit_unknown', detail, null);
}

/** The provider proves that it has no such job: a new attempt may be made, later and not for ever. */
function absent(run: Run, why: string): AttemptFailure {
  const earlier = run.attempts.filter((attempt) => attempt.outcome === 'lost').length;
  const waitMs = earlier < MAX_RESUBMITS_AFTER_ABSENCE ? retryDelayMs(earlier, null, run.task.id) : null;
  return new AttemptFailure(
    'lost',
    'provider_unavailable',
    `"${run.task.lane}" did not take the job: ${why}`,
    waitMs,
  );
}

/** Sends the same client reference again: at most one job comes of it, however often it is tried. */
async function sendAgain(run: Run): Promise<Job> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run.control.finishing(async () => settleSubmit(run, await callSubmit(run)));
    } catch (error) {
      if (run.signal.aborted || !(error instanceof ProviderError)) throw error;
      if (error.kind === 'content_blocked' || error.kind === 'invalid_request') throw rejected(run, error);
      await pause(run, retryDelayMs(tries, error.retryAfterMs, run.task.id));
    }
  }
}

/** The job that the provider has for our reference, or null when it proves that it has none. */
async function findJob(run: Run): Promise<string | null> {
  for (let tries = 1; ; tries += 1) {
    try {
      const found = await run.adapter.lookup?.(providerCall(run, run.signal));
      return found?.state === 'found' ? found.jobId : null;
    } catch (error) {
      if (run.signal.aborted || tries >= LOOKUP_TRIES) throw error;
      const retryAfterMs = error instanceof ProviderError ? error.retryAfterMs : null;
      await pause(run, retryDelayMs(tries, retryAfterMs, run.task.id));
    }
  }
}
