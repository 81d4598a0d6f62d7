// Writes and paints what stories wait for, as durable jobs: a supervised loop claims what is due for this node, takes over what dead
// nodes left, and every result is committed together with the jobs that follow from it. A job is never lost: whatever stops this
// process, its job is done again, and its reader pays for one result.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import { type LoopState, SupervisedLoop } from '../kernel/supervised-loop.ts';
import { type JobContext, performJob } from './job.ts';
import { planRetry } from './job-failure.ts';
import {
  claimJobs,
  failJob,
  finishJob,
  type JobRef,
  listRunning,
  takeOver,
  wakeWaiting,
} from './job-store.ts';
import type { JobRow, Prices, StoryRow } from './store.ts';

/** Says to all nodes that there are jobs. */
export const STORIES_CHANNEL = 'stories';
/** Jobs of one node at once: they wait for others nearly all of their time. */
const MAX_RUNNING = 16;
const POLL_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
const STALL_MS = 60_000;

export interface RunnerOptions extends JobContext {
  db: Db;
  clock: Clock;
  log: Logger;
  node: NodeLease;
  /** Changes when a provider's settings or secrets do. */
  settingsMark(): string;
  /** What texts and pictures of a story cost now. */
  prices(story: StoryRow): Promise<Prices>;
}

export class StoryRunner {
  readonly loop: SupervisedLoop;
  readonly #options: RunnerOptions;
  readonly #running = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #unsubscribe: () => void = () => {};
  #looking: Promise<void> | null = null;
  #isStale = false;
  #mark: string | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.loop = new SupervisedLoop({
      name: 'stories',
      clock,
      log,
      intervalMs: POLL_MS,
      maxBackoffMs: MAX_BACKOFF_MS,
      stallMs: STALL_MS,
      step: () => this.#look(),
    });
  }

  get state(): LoopState {
    return this.loop.state;
  }

  start(): void {
    this.#unsubscribe = this.#options.db.onSignal(STORIES_CHANNEL, () => this.wake());
    this.loop.start(0);
  }

  /** Looks for jobs now, or once more after the present look. */
  wake(): void {
    if (this.#closing.signal.aborted || this.loop.state.state === 'stopped') return;
    this.#isStale = true;
    if (this.#looking) return;
    this.#look().catch((error: unknown) =>
      this.#options.log.warn({ err: error }, 'stories could not be looked at; the next poll goes on'),
    );
  }

  /** Ends it: what was under way is given back and goes on at the next start or on another node. */
  async close(): Promise<void> {
    this.loop.stop();
    this.#unsubscribe();
    this.#closing.abort(new Error('The server stops'));
    await this.#looking?.catch(() => {});
    await Promise.all(this.#running.values());
  }

  #look(): Promise<void> {
    this.#isStale = true;
    this.#looking ??= this.#lookAll().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookAll(): Promise<void> {
    while (this.#isStale && !this.#closing.signal.aborted) {
      this.#isStale = false;
      const { db, clock, node } = this.#options;
      if (!node.isHeld) return;
      await this.#noticeMended();
      await this.#takeOverLost();
      const limit = MAX_RUNNING - this.#running.size;
      if (limit <= 0) return;
      const owner = node.id;
      const jobs = await db.write(claimJobs, { owner, limit, now: clock.now() });
      for (const job of jobs) this.#begin(job, owner);
    }
  }

  /** A new secret may be what jobs wait for. */
  async #noticeMended(): Promise<void> {
    const { db, clock, settingsMark } = this.#options;
    const mark = settingsMark();
    if (this.#mark !== null && mark !== this.#mark) await db.write(wakeWaiting, { now: clock.now() });
    this.#mark = mark;
  }

  async #takeOverLost(): Promise<void> {
    const { db, clock, node } = this.#options;
    const running = await listRunning(db.read);
    if (running.every(({ id }) => this.#running.has(id))) return;
    const owners = [...new Set(running.map(({ lease_owner: owner }) => owner ?? ''))];
    const dead = new Set(await node.deadAmong(owners));
    const lost = running
      .map(({ id, lease_owner: owner, attempt }): JobRef => ({ id, owner: owner ?? '', attempt }))
      .filter(({ id, owner }) => dead.has(owner) || (owner === node.id && !this.#running.has(id)));
    if (lost.length === 0) return;
    this.#options.log.info({ jobs: lost.map(({ id }) => id) }, 'story jobs of a stopped run are taken over');
    await db.write(takeOver, { jobs: lost, now: clock.now() });
  }

  #begin(job: JobRow, owner: string): void {
    const run = this.#run(job, owner).finally(() => {
      this.#running.delete(job.id);
      this.wake();
    });
    this.#running.set(job.id, run);
  }

  async #run(job: JobRow, owner: string): Promise<void> {
    const { db, clock, log, node } = this.#options;
    const ref: JobRef = { id: job.id, owner, attempt: job.attempt };
    const signal = AbortSignal.any([this.#closing.signal, node.lost]);
    const fields = { job_id: job.id, story_id: job.story_id, kind: job.kind, attempt: job.attempt };
    try {
      const done = await performJob(this.#options, job, signal);
      const prices = await this.#options.prices(done.story);
      const isCounted = await db.write(finishJob, {
        job: ref,
        result: done.result,
        prices,
        now: clock.now(),
      });
      log.info({ ...fields, counted: isCounted }, 'story job done');
    } catch (error) {
      await this.#failed(job, ref, error, signal);
    } finally {
      this.#options.forget(job.page_id);
    }
  }

  async #failed(job: JobRow, ref: JobRef, error: unknown, signal: AbortSignal): Promise<void> {
    const { db, clock, log } = this.#options;
    const fields = { job_id: job.id, story_id: job.story_id, kind: job.kind };
    try {
      if (signal.aborted) {
        await db.write(takeOver, { jobs: [ref], now: clock.now() });
        return;
      }
      const plan = planRetry(job, error, clock.now());
      if (plan.isBug) log.error({ ...fields, err: error }, 'a story job failed');
      else log.warn({ ...fields, error: plan.error, retry_at: plan.retryAt }, 'a story job failed');
      const { error: why, retryAt, isWaiting } = plan;
      await db.write(failJob, { job: ref, error: why, retryAt, isWaiting, now: clock.now() });
    } catch (failure) {
      // The row still says that it runs here; the next look finds that it does not, and takes it over.
      log.warn({ ...fields, err: failure }, 'the end of a story job could not be written; it is done again');
    }
  }
}
