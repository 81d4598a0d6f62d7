// Many seeds on several processes: each worker takes every n-th seed and tells of what failed. Workers are processes, since a
// run draws the ids of its whole process from its seed.
import { type ChildProcess, fork } from 'node:child_process';
import { type Conditions, type RunReport, simulate } from './simulate.ts';
import { openBlankDatabase } from './store.ts';

export interface SeedRange {
  from: number;
  /** Seeds in all. */
  count: number;
  conditions: Conditions;
  /** Stop at the first seed that fails. */
  isFirstEnough: boolean;
}

interface WorkerTask extends SeedRange {
  step: number;
}

/** What a range of seeds came to. */
export interface RangeReport {
  seeds: number;
  events: number;
  tasks: number;
  succeeded: number;
  /** Virtual time. */
  elapsedMs: number;
  failures: Pick<RunReport, 'seed' | 'violations' | 'lines' | 'digest'>[];
}

type Message = { failure: RangeReport['failures'][number] } | { done: Omit<RangeReport, 'failures'> };

const REPORT_EVERY = 50;
/** A bug that fails everywhere need not be told of everywhere. */
const MOST_FAILURES = 20;

/** Runs `range` on `workers` processes of the simulation at `main`; `onProgress` gets the number of seeds so far. */
export async function runRange(
  main: string,
  range: SeedRange,
  workers: number,
  onProgress: (seeds: number) => void = () => {},
): Promise<RangeReport> {
  const total: RangeReport = { seeds: 0, events: 0, tasks: 0, succeeded: 0, elapsedMs: 0, failures: [] };
  const children: ChildProcess[] = [];
  const stopAll = () => {
    for (const child of children) child.kill();
  };
  const runOne = (index: number) =>
    new Promise<void>((resolve, reject) => {
      const child = fork(main, ['--worker'], { execArgv: [] });
      children.push(child);
      let isStopped = false;
      child.on('message', (message: Message) => {
        if ('failure' in message) {
          total.failures.push(message.failure);
          isStopped = range.isFirstEnough || total.failures.length >= MOST_FAILURES;
          if (isStopped) stopAll();
          return;
        }
        for (const key of ['seeds', 'events', 'tasks', 'succeeded', 'elapsedMs'] as const)
          total[key] += message.done[key];
        onProgress(total.seeds);
      });
      child.on('exit', (code, signal) => {
        if (code === 0 || isStopped || total.failures.length > 0) resolve();
        else reject(new Error(`A worker ended with ${signal ?? code}`));
      });
      const count = Math.floor((range.count - index + workers - 1) / workers);
      const task: WorkerTask = { ...range, from: range.from + index, count, step: workers };
      child.send(task);
    });
  await Promise.all(Array.from({ length: Math.min(workers, range.count) }, (_, index) => runOne(index)));
  total.failures.sort((a, b) => a.seed - b.seed);
  return total;
}

/** The other end: takes one order and works it off. */
export function serveAsWorker(): void {
  const tell = (message: Message) => process.send?.(message);
  process.once('message', async (task: WorkerTask) => {
    const connection = await openBlankDatabase();
    let done = { seeds: 0, events: 0, tasks: 0, succeeded: 0, elapsedMs: 0 };
    const report = () => {
      tell({ done });
      done = { seeds: 0, events: 0, tasks: 0, succeeded: 0, elapsedMs: 0 };
    };
    for (let index = 0; index < task.count; index += 1) {
      const run = await simulate(connection, task.from + index * task.step, { conditions: task.conditions });
      done.seeds += 1;
      for (const key of ['events', 'tasks', 'succeeded', 'elapsedMs'] as const) done[key] += run[key];
      const { seed, violations, lines, digest } = run;
      if (violations.length > 0) tell({ failure: { seed, violations, lines, digest } });
      if (done.seeds === REPORT_EVERY) report();
    }
    report();
    process.disconnect();
  });
}
