// Copies of the program to put bugs into: each job has one of its own, in which one file is changed at a time and put back.
// The program itself is never touched. Tests run in a process group that is ended as a whole when its time is over.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SeededBug, seed } from './seeded-bug.ts';
import { OUTCOME_MARK, type TestOutcome } from './selection.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LEFT_OUT = new Set(['node_modules', '.git', 'data']);

/** Before all is ended, a single test that hangs is, so that it has a name. */
const LAST_WORD_MS = 10_000;

/** What came of running tests; `timed out` when they were ended and none had failed, `broken` when none said anything. */
export type RunResult =
  | { state: 'ran'; outcomes: TestOutcome[]; durationMs: number }
  | { state: 'timed out' | 'broken'; output: string };

export class Workshop {
  readonly #folder: string;
  readonly #clean: string;
  readonly #benches: Bench[] = [];

  /** Copies the program as it is now; changes made to it later do not disturb what runs here. */
  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), 'drawbridge-mutants-'));
    this.#clean = join(this.#folder, 'clean');
    cpSync(ROOT, this.#clean, {
      recursive: true,
      filter: (source) => !LEFT_OUT.has(source.slice(ROOT.length)),
    });
    mkdirSync(join(this.#folder, 'cache'));
  }

  /** A copy for one job. */
  openBench(name: string): Bench {
    const folder = join(this.#folder, name);
    cpSync(this.#clean, folder, { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const bench = new Bench(folder, join(this.#folder, 'cache'));
    this.#benches.push(bench);
    return bench;
  }

  /** Ends what still runs and removes the copies. */
  close(): void {
    for (const bench of this.#benches) bench.endTests();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Bench {
  readonly #folder: string;
  readonly #cache: string;
  #endTests: () => void = () => {};

  constructor(folder: string, cache: string) {
    this.#folder = folder;
    this.#cache = cache;
  }

  /** Ends the tests that run here, with everything that they started. */
  endTests(): void {
    this.#endTests();
  }

  /** Runs `work` while the bug is in the copy. Throws when its place is not there exactly once. */
  async withBug<T>(bug: SeededBug, work: () => Promise<T>): Promise<T> {
    const path = join(this.#folder, bug.file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, seed(bug, text));
    try {
      return await work();
    } finally {
      writeFileSync(path, text);
    }
  }

  /** Runs test files of the copy, only tests whose full names contain one of `only` if there are any, for `longestMs` at most. */
  async runTests(files: readonly string[], only: readonly string[], longestMs: number): Promise<RunResult> {
    const patterns = only.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    const longestTestMs = String(longestMs - LAST_WORD_MS);
    const startedAt = performance.now();
    const args = ['test/mutants/selection.ts', longestTestMs, files.join(','), ...patterns];
    const { output, isLate } = await this.#run(args, longestMs);
    const outcomes = outcomesIn(output);
    if (isLate && !outcomes.some(({ state }) => state === 'failed')) return { state: 'timed out', output };
    if (outcomes.length === 0) return { state: 'broken', output };
    return { state: 'ran', outcomes, durationMs: performance.now() - startedAt };
  }

  /** Runs Node in the copy in a group of its own, so that servers and workers that the tests started end with them. */
  #run(args: string[], longestMs: number): Promise<{ output: string; isLate: boolean }> {
    const env = { ...process.env, NODE_COMPILE_CACHE: this.#cache, FORCE_COLOR: '0' };
    const child = spawn(process.execPath, args, {
      cwd: this.#folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
    });
    let output = '';
    let isLate = false;
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const endAll = () => {
      try {
        process.kill(-(child.pid as number), 'SIGKILL');
      } catch {
        // Everything has ended already.
      }
    };
    this.#endTests = endAll;
    const timer = setTimeout(() => {
      isLate = true;
      endAll();
    }, longestMs);
    return new Promise((resolve) => {
      child.once('exit', () => {
        clearTimeout(timer);
        endAll();
        // The number of the group may be another one's from now on.
        this.#endTests = () => {};
      });
      child.once('close', () => resolve({ output, isLate }));
    });
  }
}

function outcomesIn(output: string): TestOutcome[] {
  const lines = output.split('\n').filter((line) => line.startsWith(OUTCOME_MARK));
  return lines.map((line) => JSON.parse(line.slice(OUTCOME_MARK.length)) as TestOutcome);
}
