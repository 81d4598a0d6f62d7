// Breaks the system calls of a running process with strace, the Nth of a kind after a moment that the test chooses. One
// thread does all file work (UV_THREADPOOL_SIZE=1), since strace counts for each thread on its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(import.meta.dirname, 'disk-saving-process.ts');

/** Why calls cannot be broken here, for a test's `skip` option. */
export function injectionUnavailable(): string | false {
  const works = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true']).status === 0;
  return works ? false : 'needs strace and leave to trace (apt-get install strace)';
}

// biome-ignore lint/suspicious/noExplicitAny: answers of a test's own program
export type Answer = any;

/** The saving process, restarted when a fault has ended it. */
export class SavingProcess {
  readonly folder = mkdtempSync(join(tmpdir(), 'drawbridge-faults-'));
  readonly dataDir = join(this.folder, 'data');
  readonly root: string;
  #child: ChildProcess | null = null;
  #lines: AsyncIterator<string> | null = null;

  constructor(root?: string) {
    this.root = root ?? join(this.folder, 'media');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, this.dataDir, this.root], {
      env: { PATH: process.env.PATH ?? '', UV_THREADPOOL_SIZE: '1' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.stdin.on('error', () => {});
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    await this.#next();
  }

  async #next(): Promise<Answer> {
    const line = await this.#lines?.next();
    return line === undefined || line.done ? null : JSON.parse(line.value);
  }

  /** The answer, or null when the process died of the fault; it is started again then. */
  async ask(command: string): Promise<Answer> {
    this.#child?.stdin?.write(`${command}\n`);
    const answer = await this.#next();
    if (answer === null) await this.start();
    return answer;
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface Fault {
  call: string;
  error: string;
  when: number;
}

export interface Traced<Result> {
  result: Result;
  /** The calls that were broken, as strace writes them. */
  broken: string[];
  log: string;
}

/** Runs `work` while strace breaks (or, without a fault, only writes down) calls of the process. */
export async function traced<Result>(
  pid: number,
  { calls, fault }: { calls: string; fault?: Fault },
  work: () => Promise<Result>,
): Promise<Traced<Result>> {
  const folder = mkdtempSync(join(tmpdir(), 'drawbridge-strace-'));
  const path = join(folder, 'log');
  const inject = fault ? ['-e', `inject=${fault.call}:error=${fault.error}:when=${fault.when}`] : [];
  const args = ['-f', '-y', '-o', path, '-e', `trace=${calls}`, ...inject, '-p', String(pid)];
  const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(strace, 'exit');
  try {
    for await (const line of createInterface({ input: strace.stderr })) {
      if (line.includes('attached')) break;
    }
    const result = await work();
    strace.kill('SIGINT');
    await exited;
    const log = readFileSync(path, 'utf8');
    return { result, log, broken: log.split('\n').filter((line) => line.includes('(INJECTED)')) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
