// Submitting: the intent is committed before the first byte leaves, and an outcome that is not known is never answered
// with a second job (rules R3-R5). What the last attempt left decides where a run goes on.
import { createHash } from 'node:crypto';
import { sleep } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import { AppError } from '../kernel/errors.ts';
import { newId, newSecret } from '../kernel/id.ts';
import { type Output, ProviderError, type SubmitResult } from '../providers/provider.ts';
import { type Account, errorCodeOf } from '../providers/providers.ts';
import { retryDelayMs } from './backoff.ts';
import { findCallbackJob, isJobOfAnother } from './callback-store.ts';
import { awaitCalledJob, calledJob } from './called-job.ts';
import { LiveReport } from './live-report.ts';
import { ProviderAwayError, parseEndpoints } from './pins.ts';
import { LeaseLostError } from './run-control.ts';
import {
  AttemptFailure,
  CancelConfirmedError,
  type CurrentAttempt,
  currentAttempt,
  generationRequest,
  jobFailed,
  providerCall,
  type Run,
  showState,
  takeRow,
} from './run-state.ts';
import { type AttemptIntent, beginAttempt, beginAttemptOnAccount, recordAccepted } from './run-store.ts';
import type { AttemptOutcome, AttemptRow } from './store.ts';

/** After this many failed questions in a row the task says so. */
const LOOKUP_FAILURES_SHOWN = 3;
/** Before a task looks for a free account again. */
const ACCOUNT_RETRY_MS = 1_000;
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
  const left = resumeAttempt(run);
  if (left?.outcome === 'accepted') {
    const { jobId, outputs = null } = currentAttempt(run);
    return { jobId, outputs, pollAfterMs: 0 };
  }
  if (left?.outcome === 'open') return resolveUnknown(run, 'Drawbridge was stopped while it submitted.');
  return submitAnew(run);
}

/** Makes what the last attempt left the run's own attempt, if its outcome is not settled; null when nothing is under way. */
export function resumeAttempt(run: Run): AttemptRow | null {
  const last = run.attempts.at(-1);
  if (last?.outcome !== 'accepted' && last?.outcome !== 'open') return null;
  run.attempt = resumed(last);
  return last;
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
    endpoints: run.adapter.endpoints,
    jobId: null,
  };
  return run.control.finishing(async () => {
    const intent = {
      n: attempt.n,
      provider: run.task.lane,
      provider_model: run.task.provider_model,
      client_ref: attempt.clientRef,
      credential: attempt.credential,
      endpoints: JSON.stringify(attempt.endpoints),
      request_hash: await hashOfRequest(run),
      callback_token: attempt.callbackToken,
    };
    const accounts = ctx.providers.accounts(run.task.lane);
    if (accounts) attempt.credential = await beginOnAccount(run, intent, accounts);
    else takeRow(run, await ctx.db.write(beginAttempt, { lease, intent, now: ctx.clock.now() }));
    run.attempt = attempt;
    crashPoint('kp5');
    return submit(run);
  });
}

/** Begins the attempt on the least busy account; when none is free, the task goes back and no attempt is counted. */
async function beginOnAccount(
  run: Run,
  intent: AttemptIntent,
  accounts: readonly Account[],
): Promise<string> {
  const { ctx, lease } = run;
  const input = { lease, intent, accounts, now: ctx.clock.now() };
  const { task, choice } = await ctx.db.write(beginAttemptOnAccount, input);
  if (choice.id === null) {
    const waitMs = Math.max(ACCOUNT_RETRY_MS, choice.retryInMs ?? 0);
    const detail = `All accounts of "${run.task.lane}" are busy.`;
    throw new AttemptFailure('not_sent', 'provider_unavailable', detail, waitMs);
  }
  takeRow(run, task);
  return choice.id;
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
    endpoints: parseEndpoints(last.endpoints),
    jobId: last.job_id,
    outputs: last.outputs === null ? null : (JSON.parse(last.outputs) as Output[]),
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
  const report = new LiveReport(run, 'submitting');
  const { callbackToken, credential } = currentAttempt(run);
  const { lane: provider, provider_model: model, id: taskId } = run.task;
  const news = { provider, model, credential, taskId, startedAt: run.ctx.clock.now() };
  try {
    const request = await generationRequest(run);
    // A process that slept past its lease: whoever has the task now settles the open intent.
    if (!run.ctx.node.isHeld) throw new LeaseLostError();
    const result = await run.adapter.submit({
      ...providerCall(run, run.signal),
      request,
      spool: run.ctx.spool,
      callbackUrl: callbackToken === null ? null : run.ctx.callbackUrl(run.task.lane, callbackToken),
      onPreview: (preview) => report.onPreview(preview),
      onProgress: (fraction) => report.onProgress(fraction),
    });
    if (result.state === 'failed' && speaksOfAccount(result.error))
      await run.ctx.providers.reportFailure(news, result.error);
    else await run.ctx.providers.reportSuccess(news);
    return result;
  } catch (error) {
    // What was cut off by the deadline or never sent says nothing about the provider.
    const isNews = error instanceof ProviderError && !(error instanceof ProviderAwayError);
    if (isNews && !run.signal.aborted) await run.ctx.providers.reportFailure(news, error);
    throw error;
  } finally {
    await report.close();
  }
}

/** A job that failed because of who pays for it: others would fail too. */
function speaksOfAccount({ kind }: ProviderError): boolean {
  return kind === 'quota_exhausted' || kind === 'credentials_expired' || kind === 'credentials_missing';
}

interface AcceptedJob {
  jobId: string | null;
  outputs?: readonly Output[];
  pollAfterMs?: number;
}

async function accepted(run: Run, result: AcceptedJob): Promise<Job> {
  crashPoint('kp7');
  const { ctx, lease } = run;
  const attempt = currentAttempt(run);
  const outputs = result.outputs ?? null;
  const task = await ctx.db
    .write(recordAccepted, {
      lease,
      n: attempt.n,
      jobId: result.jobId,
      outputs: outputs === null ? null : JSON.stringify(outputs),
      now: ctx.clock.now(),
    })
    .catch((error: unknown) => {
      throw error instanceof AppError && error.code === 'conflict' ? jobOfAnother(run, result) : error;
    });
  takeRow(run, task);
  attempt.jobId = result.jobId;
  attempt.outputs = outputs;
  return { jobId: result.jobId, outputs, pollAfterMs: result.pollAfterMs ?? 0 };
}

/** Sent again, the same could happen again: the task ends, and the operator hears of it. */
function jobOfAnother(run: Run, { jobId }: AcceptedJob): AttemptFailure {
  const { ctx, task } = run;
  ctx.log.error({ provider: task.lane, job_id: jobId }, 'a provider gave two tasks the same job');
  const detail = `"${task.lane}" answered with the job of another task, so no picture is known to be this one's.`;
  return new AttemptFailure('failed', 'submit_unknown', detail, null);
}

/** Nothing was created: tried again later, or the end where trying again cannot help. */
function rejected(run: Run, error: ProviderError): AttemptFailure {
  const isFinal = error.kind === 'content_blocked' || error.kind === 'invalid_request';
  const outcome: AttemptOutcome = error.kind === 'unreachable' ? 'not_sent' : 'rejected';
  const earlier = run.attempts.filter(
    (attempt) => attempt.outcome === 'not_sent' || attempt.outcome === 'rejected',
  );
  const waitMs = isFinal ? null : retryDelayOf(run, error, earlier.length);
  return new AttemptFailure(outcome, errorCodeOf(error), error.message, waitMs, !isFinal);
}

/** A pause that a provider asks for is no failure, and another account need not wait for the one that was refused. */
function retryDelayOf(run: Run, error: ProviderError, failures: number): number {
  const { id, lane, provider_model: model } = run.task;
  if (error.kind === 'rate_limited') return retryDelayMs(0, error.retryAfterMs, id);
  const isFree = speaksOfAccount(error) && run.ctx.providers.stop(lane, model) === null;
  return isFree ? 0 : retryDelayMs(failures, error.retryAfterMs, id);
}

/** A job may exist: adopt it, send the same reference again where that makes no second one, or give up honestly. */
async function resolveUnknown(run: Run, why: string): Promise<Job> {
  const { adapter, ctx } = run;
  const { lookup, idempotentSubmit } = run.model.providerModel.capabilities;
  ctx.log.warn({ attempt: currentAttempt(run).n, why }, 'the outcome of a submit is unknown');
  const called = await calledJob(run);
  if (called !== null) return accepted(run, { jobId: called });
  if (lookup && adapter.lookup) {
    const jobId = await findJob(run);
    if (jobId !== null) return accepted(run, { jobId });
    if (!idempotentSubmit) throw absent(run, why);
  }
  if (idempotentSubmit) return sendAgain(run);
  const calledLate = await awaitCalledJob(run, why);
  if (calledLate !== null) return accepted(run, { jobId: calledLate });
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
      await rest(run, retryDelayMs(tries, error.retryAfterMs, run.task.id));
    }
  }
}

/** Waits through a cancel too: what is unknown must be known before anything can be cancelled. */
function rest(run: Run, delayMs: number): Promise<void> {
  return sleep(run.ctx.clock, delayMs, run.signal);
}

export type FoundJob = { state: 'found'; jobId: string } | { state: 'absent' | 'unknown' };

/** One question for the job of an attempt whose submit had no answer: by our reference, or as a call back named it. */
export async function findJobOnce(run: Run): Promise<FoundJob> {
  const { lookup, idempotentSubmit } = run.model.providerModel.capabilities;
  const { n } = currentAttempt(run);
  const called = await findCallbackJob(run.ctx.db.read, run.task.id, n);
  if (called !== null) {
    const place = { task_id: run.task.id, n, provider: run.task.lane };
    if (!(await isJobOfAnother(run.ctx.db.read, place, called))) return { state: 'found', jobId: called };
  }
  if (!lookup || !run.adapter.lookup) return { state: 'unknown' };
  const found = await run.adapter.lookup(providerCall(run, run.signal));
  if (found.state === 'found') return found;
  return { state: idempotentSubmit ? 'unknown' : 'absent' };
}

/** As `findJobOnce`, and commits what it found, so that the job is known from now on. */
export async function adoptFoundJob(run: Run): Promise<string | null> {
  const found = await findJobOnce(run);
  return found.state === 'found' ? (await accepted(run, { jobId: found.jobId })).jobId : null;
}

/** The job that the provider has for our reference, or null when it proves that it has none. */
async function findJob(run: Run): Promise<string | null> {
  for (let tries = 1; ; tries += 1) {
    try {
      const found = await run.adapter.lookup?.(providerCall(run, run.signal));
      return found?.state === 'found' ? found.jobId : null;
    } catch (error) {
      if (run.signal.aborted || !(error instanceof ProviderError)) throw error;
      if (tries === LOOKUP_FAILURES_SHOWN) {
        const reason = `"${run.task.lane}" cannot be asked whether it has the job: ${error.message}`;
        await showState(run, { phase: 'submitting', progress: run.task.progress, reason });
      }
      await rest(run, retryDelayMs(tries, error.retryAfterMs, run.task.id));
    }
  }
}
