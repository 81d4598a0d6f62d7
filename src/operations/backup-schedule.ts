// Backups at their time: a daily time or a distance, one run for all nodes, a record of each. A time that was missed while the
// server was down is made up for at its start; a run that failed, or died with its process, is tried again after an hour.
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { BACKUP_RUNS, claimBackup, noteBackupRun } from './backup-store.ts';
import type { BackupJob, BackupOutcome } from './backup-worker.ts';
import { findMark, listMarks, type MarkRow, setMark } from './store.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** A start has enough to do. */
const FIRST_LOOK_MS = 60_000;
/** Also how late a backup may begin, and how often a running one says that it lives. */
const LOOK_MS = MINUTE_MS;
/** A run that has not said so for this long died with its process. */
const DEAD_AFTER_MS = 5 * MINUTE_MS;
const RETRY_MS = HOUR_MS;
/** The line in `status`; upkeep owns the prefix. */
const STATUS_MARK = 'upkeep:backup';
const CLAIM_MARK = 'backup-claim';
/** Times in names sort as text. */
const TIME_DIGITS = 15;

export type BackupPlan = NonNullable<Config['backup']['schedule']>;

export interface BackupRun {
  startedAt: number;
  endedAt: number | null;
  state: 'running' | 'done' | 'failed';
  /** Why it began. */
  trigger: 'schedule' | 'request';
  /** The backup's name in its folder. */
  id: string | null;
  files: number | null;
  bytes: number | null;
  /** Files that were missing or damaged where the pictures are kept. */
  missing: number | null;
  error: string | null;
}

export interface BackupScheduleOptions {
  config: Config;
  db: Db;
  clock: Clock;
  log: Logger;
  /** Copies the data; in a thread of its own unless a test says otherwise. */
  copy?: (job: BackupJob) => Promise<BackupOutcome>;
}

/** The latest time at or before `now` at which the plan asks for a backup; with a distance, one after `lastAt`. */
export function lastDue(plan: BackupPlan, now: number, lastAt: number | null): number | null {
  if (plan.kind === 'interval') {
    if (lastAt === null) return now;
    return now - lastAt >= plan.intervalMs ? lastAt + plan.intervalMs : null;
  }
  const today = atMinute(now, plan.minuteOfDay);
  return today <= now ? today : atMinute(now - DAY_MS, plan.minuteOfDay);
}

/** When the next one is due after `now`. */
export function nextDue(plan: BackupPlan, now: number, lastAt: number | null): number {
  if (plan.kind === 'interval') return Math.max(now, lastAt === null ? now : lastAt + plan.intervalMs);
  const today = atMinute(now, plan.minuteOfDay);
  return today > now ? today : atMinute(now + DAY_MS, plan.minuteOfDay);
}

/** The machine's own time of day, on the day that `time` is in; summer time moves it as it moves people. */
function atMinute(time: number, minuteOfDay: number): number {
  const date = new Date(time);
  date.setHours(Math.floor(minuteOfDay / 60), minuteOfDay % 60, 0, 0);
  return date.getTime();
}

export class BackupSchedule {
  readonly #options: BackupScheduleOptions;
  #timer: Timer | null = null;
  #isClosed = false;
  #running: Promise<void> | null = null;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: BackupScheduleOptions) {
    this.#options = options;
  }

  /** Looks every minute whether a backup is due; without a schedule it does nothing. */
  start(): void {
    if (this.#options.config.backup.schedule !== null) this.#schedule(FIRST_LOOK_MS);
  }

  /** Begins nothing more. A backup that runs ends with the process: what it has copied is taken over by the next. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** The plan, when it is due next, and the runs that are remembered, the newest first. */
  async overview(): Promise<{ folder: string | null; nextAt: number | null; runs: BackupRun[] }> {
    const { config, db, clock } = this.#options;
    const { folder, schedule } = config.backup;
    const lastAt = (await findMark(db.read, CLAIM_MARK))?.at ?? null;
    const runs = (await listMarks(db.read, BACKUP_RUNS)).map((mark) => runOf(mark, clock.now()));
    return {
      folder,
      nextAt: schedule === null ? null : nextDue(schedule, clock.now(), lastAt),
      runs: runs.toReversed(),
    };
  }

  /** Begins a backup now; its end is in `overview`. Throws `conflict` without a folder, or while one runs. */
  async begin(): Promise<BackupRun> {
    const { config, clock, db } = this.#options;
    if (config.backup.folder === null) {
      throw new AppError('conflict', {
        detail: 'No folder for backups is configured.',
        fix: 'Set DRAWBRIDGE_BACKUP_FOLDER, or run "drawbridge backup <folder>" on the server.',
      });
    }
    const { runs } = await this.overview();
    if (this.#running !== null || runs.some(({ state }) => state === 'running'))
      throw new AppError('conflict', { detail: 'A backup is being made already.' });
    const now = clock.now();
    await db.write(claimBackup, { dueAt: Number.MAX_SAFE_INTEGER, now, owner: String(process.pid) });
    return this.#run(now, 'request');
  }

  /** Resolves when a look that is under way, and the backup that it began, are over. */
  async settled(): Promise<void> {
    await this.#looking;
    await this.#running;
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#looking = this.#look().finally(() => this.#schedule(LOOK_MS));
    });
  }

  async #look(): Promise<void> {
    const { config, db, clock, log } = this.#options;
    const { schedule } = config.backup;
    if (schedule === null || this.#running !== null) return;
    try {
      const now = clock.now();
      const lastAt = (await findMark(db.read, CLAIM_MARK))?.at ?? null;
      const [newest] = (await this.overview()).runs;
      const due = lastDue(schedule, now, lastAt);
      const isRetry = newest?.state === 'failed' && lastAt !== null && now - lastAt >= RETRY_MS;
      const dueAt = isRetry ? now : due;
      if (dueAt === null || (newest?.state === 'running' && lastAt !== null)) return;
      if (!(await db.write(claimBackup, { dueAt, now, owner: String(process.pid) }))) return;
      await this.#run(now, 'schedule');
    } catch (error) {
      if (!this.#isClosed) log.error({ err: error }, 'whether a backup is due could not be read');
    }
  }

  /** Notes the run and lets it go on by itself. */
  async #run(startedAt: number, trigger: BackupRun['trigger']): Promise<BackupRun> {
    const run: BackupRun = {
      startedAt,
      endedAt: null,
      state: 'running',
      trigger,
      id: null,
      files: null,
      bytes: null,
      missing: null,
      error: null,
    };
    await this.#note(run);
    this.#running = this.#copy(run).finally(() => {
      this.#running = null;
    });
    return run;
  }

  /** Never rejects. */
  async #copy(run: BackupRun): Promise<void> {
    const { config, clock, log } = this.#options;
    const { folder, keep } = config.backup;
    if (folder === null) return;
    let isOver = false;
    const sayAlive = () => {
      clock.after(LOOK_MS, () => {
        if (isOver) return;
        void this.#note(run).catch(() => {});
        sayAlive();
      });
    };
    sayAlive();
    const copy = this.#options.copy ?? copyInThread;
    const outcome = await copy({ config, folder, keep }).catch(
      (error: unknown): BackupOutcome => ({ fault: null, detail: String(error) }),
    );
    isOver = true;
    const endedAt = clock.now();
    const ended: BackupRun =
      'report' in outcome
        ? {
            ...run,
            endedAt,
            state: 'done',
            id: outcome.report.id,
            files: outcome.report.files,
            bytes: outcome.report.bytes + outcome.report.databaseBytes,
            missing: outcome.report.missing,
          }
        : { ...run, endedAt, state: 'failed', error: `${outcome.fault ?? 'failed'}: ${outcome.detail}` };
    if (ended.state === 'done') log.info({ ...ended }, 'a backup was made');
    else log.error({ ...ended }, 'a backup failed; it is tried again in an hour');
    await this.#finish(ended).catch((error: unknown) => {
      if (!this.#isClosed) log.error({ err: error }, 'the end of a backup could not be noted');
    });
  }

  async #finish(run: BackupRun): Promise<void> {
    const { db, clock } = this.#options;
    await this.#note(run);
    const ok = run.state === 'done' ? 1 : 0;
    const note = run.state === 'done' ? `${run.id}, ${run.files} files` : (run.error ?? 'failed');
    await db.write(setMark, { name: STATUS_MARK, at: clock.now(), ok, note });
  }

  #note(run: BackupRun): Promise<void> {
    const { db, clock } = this.#options;
    const name = `${BACKUP_RUNS}${String(run.startedAt).padStart(TIME_DIGITS, '0')}`;
    const ok = run.state === 'failed' ? 0 : 1;
    return db.write(noteBackupRun, { name, at: clock.now(), ok, note: JSON.stringify(run) });
  }
}

/** A run as it was noted last; one that has said nothing for long died with its process. */
function runOf({ at, note }: MarkRow, now: number): BackupRun {
  const run = JSON.parse(note) as BackupRun;
  if (run.state !== 'running' || now - at <= DEAD_AFTER_MS) return run;
  return { ...run, state: 'failed', endedAt: at, error: 'The server was stopped while it ran.' };
}

function copyInThread(job: BackupJob): Promise<BackupOutcome> {
  const worker = new Worker(new URL('./backup-worker.ts', import.meta.url), { workerData: job });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`The backup's thread ended with ${code}`)));
  });
}
