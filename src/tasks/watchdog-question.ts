// What a provider says about a task, asked without owning the task and without changing anything: the evidence for what the
// watchdog does, and what a dry run shows. Every way to the provider's word that the engine knows is tried once.
import { timeoutSignal } from '../kernel/clock.ts';
import type { Output } from '../providers/provider.ts';
import type { ClaimedTask } from './claim-store.ts';
import { openRun, whyWaiting } from './run.ts';
import { RunControl } from './run-control.ts';
import type { Run, RunContext } from './run-state.ts';
import { findJobOnce, resumeAttempt } from './submit.ts';
import { pollJob } from './wait.ts';

/** A provider has this long to answer. */
const QUESTION_MS = 15_000;

export type Answer =
  /** Nothing of the last attempt is under way: the provider has nothing. */
  | { state: 'nothing_sent' }
  /** It must not or cannot be asked. */
  | { state: 'unanswered'; problem: string }
  /** A submit had no answer; no job is found, and none is ruled out. */
  | { state: 'unknown' }
  /** A submit had no answer, and the provider proves that it made no job. */
  | { state: 'absent' }
  | { state: 'running'; progress: number | null }
  | { state: 'done'; run: Run; outputs: readonly Output[] }
  | { state: 'failed'; problem: string }
  | { state: 'lost' };

/** Asks about what the last attempt left; outputs of `done` must be saved or discarded by the caller. */
export async function askProvider(ctx: RunContext, claimed: ClaimedTask): Promise<Answer> {
  const { task } = claimed;
  const model = ctx.providers.modelOf(task.lane, task.provider_model);
  const away = whyWaiting(ctx, claimed, model);
  if (away !== null || !model) return { state: 'unanswered', problem: away ?? 'It is not configured.' };
  const signal = timeoutSignal(ctx.clock, QUESTION_MS);
  const run = openRun(ctx, claimed, { control: new RunControl(), model, signal });
  if (!resumeAttempt(run)) return { state: 'nothing_sent' };
  return askAbout(run);
}

/** As `askProvider`, for an attempt of a task that has ended. */
export async function askAboutLeft(ctx: RunContext, claimed: ClaimedTask, n: number): Promise<Answer> {
  const attempts = claimed.attempts.filter((attempt) => attempt.n === n);
  // What it was closed with says nothing about the job.
  const reopened = attempts.map((attempt) => ({
    ...attempt,
    outcome: attempt.job_id === null ? ('open' as const) : ('accepted' as const),
  }));
  const lane = attempts[0]?.provider ?? claimed.task.lane;
  const providerModel = attempts[0]?.provider_model ?? claimed.task.provider_model;
  const task = { ...claimed.task, lane, provider_model: providerModel };
  return askProvider(ctx, { task, attempts: reopened });
}

async function askAbout(run: Run): Promise<Answer> {
  try {
    const { outputs, jobId: known } = run.attempt ?? {};
    if (outputs) return { state: 'done', run, outputs };
    const found = known ? { state: 'found' as const, jobId: known } : await findJobOnce(run);
    if (found.state !== 'found') return found;
    const answer = await pollJob(run, found.jobId);
    if (answer.state === 'done') return { state: 'done', run, outputs: answer.outputs };
    if (answer.state === 'failed') return { state: 'failed', problem: answer.error.message };
    if (answer.state === 'unanswered') return { state: 'unanswered', problem: messageOf(answer.error) };
    if (answer.state === 'running') return { state: 'running', progress: answer.progress };
    return { state: answer.state === 'lost' ? 'lost' : 'unknown' };
  } catch (error) {
    return { state: 'unanswered', problem: messageOf(error) };
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
