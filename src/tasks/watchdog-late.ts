// Jobs that ended tasks left at their providers: asked for in each run for a day, and what comes is kept for the owner,
// uncharged (fault row X2). A picture that killed its process once is not fetched again.
import type { ClaimedTask } from './claim-store.ts';
import { forgetLeftJob, type LeftJob, listLeftJobs, markLooked } from './late-store.ts';
import { findTask, listAttempts } from './read-store.ts';
import { keepLate } from './run.ts';
import type { RunContext } from './run-state.ts';
import { answerText, type Finding } from './watchdog-plan.ts';
import { type Answer, askAboutLeft } from './watchdog-question.ts';

/** A provider that has not delivered by then does not. */
const LOOK_FOR_MS = 24 * 3_600_000;
/** Jobs that one run asks for. */
const MOST_JOBS = 50;
const SAVE_MS = 5 * 60_000;

/** Asks for what was left; forgets what will not come. Findings are pictures that are there. */
export async function findLatePictures(
  ctx: RunContext,
  how: { dryRun: boolean; isStopped(): boolean },
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const left of await listLeftJobs(ctx.db.slow, MOST_JOBS)) {
    if (how.isStopped()) break;
    const finding = await lookAt(ctx, left, how.dryRun);
    if (finding) found.push(finding);
  }
  return found;
}

async function lookAt(ctx: RunContext, left: LeftJob, dryRun: boolean): Promise<Finding | null> {
  const { db, clock } = ctx;
  const { task_id: taskId, n } = left;
  const forget = async () => {
    if (!dryRun) await db.write(forgetLeftJob, { taskId, n });
    return null;
  };
  const task = await findTask(db.read, taskId);
  if (!task || task.finished_at === null || left.saving_at !== null) return forget();
  if (clock.now() - left.left_at > LOOK_FOR_MS) return forget();
  const claimed: ClaimedTask = { task, attempts: await listAttempts(db.read, taskId) };
  const answer = await askAboutLeft(ctx, claimed, n);
  if (answer.state === 'failed' || answer.state === 'absent') return forget();
  if (answer.state !== 'done') {
    // A provider that does not know a job is asked once more, in the next run.
    if (answer.state === 'lost' && left.looked_at !== null) return forget();
    if (!dryRun) await db.write(markLooked, { taskId, n, now: clock.now(), isSaving: false });
    return null;
  }
  const finding: Finding = {
    kind: 'late_picture',
    taskId,
    what: 'Its pictures came after it had ended without them.',
    evidence: [`attempt ${n}`, answerText(answer)],
    action: 'keep_late',
    reason: 'The owner gets them, marked as late; nothing is charged, since the credits were returned.',
    from: task.status,
    to: task.status,
    result: null,
    note: null,
  };
  if (dryRun) await ctx.saver.discardCopies(answer.outputs, claimed.attempts);
  else await save(ctx, left, answer, finding);
  return finding;
}

async function save(
  ctx: RunContext,
  { task_id: taskId, n }: LeftJob,
  { run, outputs }: Extract<Answer, { state: 'done' }>,
  finding: Finding,
): Promise<void> {
  const { db, clock, saver } = ctx;
  await db.write(markLooked, { taskId, n, now: clock.now(), isSaving: true });
  const over = new AbortController();
  const timer = clock.after(SAVE_MS, () => over.abort(new Error('The pictures could not be saved in time')));
  try {
    const { task, params } = run;
    const saved = await saver.save({ task, params, outputs, signal: over.signal, onWait: async () => {} });
    const isKept = saved.images.length > 0 && (await keepLate(run, saved.images));
    finding.result = isKept ? 'done' : 'unchanged';
    finding.note = saved.problem?.detail ?? null;
    await db.write(forgetLeftJob, { taskId, n });
    await saver.discard(outputs);
  } catch (error) {
    finding.result = 'failed';
    finding.note = error instanceof Error ? error.message : String(error);
    await db.write(markLooked, { taskId, n, now: clock.now(), isSaving: false });
  } finally {
    timer.cancel();
  }
}
