// Keeps one node alive that is killed again and again: each life ends as its plan says - at a named crash point, at a random
// moment, while it starts - and the next one begins at once on the same data and port.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CrashPoint } from '../../src/kernel/crash-point.ts';
import { type ServerProcess, startServerProcess } from './server-process.ts';

/** How a life is to end. A pause is no end: the node is stopped for longer than its lease, then goes on as if nothing were. */
export type Plan =
  | { kind: 'named'; point: CrashPoint; nth: number }
  | { kind: 'random'; afterMs: number }
  | { kind: 'start'; afterMs: number }
  | { kind: 'pause'; forMs: number };

/** A death that happened. */
export interface Kill {
  node: number;
  pid: number;
  /** The plan in words, such as `kp5:2`, `random`, `start`; `kp5 not reached` where a random kill came instead. */
  how: string;
  atMs: number;
  /** From the start of this life to its ready line; null when it died before. */
  readyMs: number | null;
}

export interface KeeperOptions {
  node: number;
  env: Record<string, string>;
  cwd: string;
  /** The next life's end; null: it lives until `stop`. Asked at each start. */
  nextPlan(): Plan | null;
  onKill(kill: Kill): void;
  onPause(pid: number, atMs: number): void;
  /** Called when a life is ready whose end needs something to be done. */
  onReady(plan: Plan | null): void;
  onWrong(what: string): void;
}

/** A named point that nothing passes by then is given up for a random kill. */
const NAMED_LIMIT_MS = 10_000;
/** SIGTERM drains within 30 s. */
const STOP_LIMIT_MS = 31_000;
const CONTROL_ENTRY = fileURLToPath(new URL('./node-process.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export class NodeKeeper {
  readonly #options: KeeperOptions;
  readonly #ended: Promise<void>;
  #server: ServerProcess | null = null;
  #isStopping = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#ended = this.#keep();
  }

  /** Ends the node for good with SIGTERM. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const server = this.#server;
    server?.kill('SIGTERM');
    const isLate = await Promise.race([this.#ended.then(() => false), pause(STOP_LIMIT_MS).then(() => true)]);
    if (!isLate) return;
    this.#options.onWrong(`process ${server?.pid} did not end in time`);
    await this.#server?.kill('SIGKILL');
    await this.#ended;
  }

  async #keep(): Promise<void> {
    // A life that ended otherwise leaves its plan to the next one.
    let kept: Plan | null = null;
    while (!this.#isStopping) {
      const plan: Plan | null = kept ?? this.#options.nextPlan();
      kept = null;
      const server = this.#start(plan);
      this.#server = server;
      let readyMs: number | null = null;
      const ready = server.ready.then(
        () => {
          readyMs = Date.now() - server.startedAtMs;
          this.#options.onReady(plan);
        },
        () => {},
      );
      const how = await this.#endAsPlanned(server, plan, ready);
      const { code, signal } = await server.exited;
      if (this.#isStopping) return;
      if (signal === 'SIGKILL') {
        this.#options.onKill({ node: this.#options.node, pid: server.pid, how, atMs: Date.now(), readyMs });
        continue;
      }
      kept = plan;
      this.#options.onWrong(
        `node ${this.#options.node} ended by itself (code ${code}): ${server.stderr().slice(-2_000)}`,
      );
      await pause(1_000);
    }
  }

  #start(plan: Plan | null): ServerProcess {
    const named = plan?.kind === 'named' ? `${plan.point}:${plan.nth}` : null;
    return startServerProcess({
      cwd: this.#options.cwd,
      command: [process.execPath, CONTROL_ENTRY],
      env: {
        NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'drawbridge'),
        ...this.#options.env,
        ...(named === null ? {} : { DRAWBRIDGE_CRASH_POINT: named }),
      },
    });
  }

  /** Resolves with how it ended, or was last seen to go on. */
  async #endAsPlanned(server: ServerProcess, plan: Plan | null, ready: Promise<void>): Promise<string> {
    const over = server.exited.then(() => true);
    const within = (ms: number) => Promise.race([over, pause(ms).then(() => false)]);
    if (plan === null) return over.then(() => 'unplanned');
    if (plan.kind === 'start') {
      if (!(await within(plan.afterMs))) server.kill('SIGKILL');
      return 'start';
    }
    if (plan.kind === 'named') {
      const name = `${plan.point}:${plan.nth}`;
      await Promise.race([over, ready]);
      if (await within(NAMED_LIMIT_MS)) return name;
      server.kill('SIGKILL');
      return `${name} not reached`;
    }
    await Promise.race([over, ready]);
    if (plan.kind === 'pause') {
      await pause(500);
      this.#options.onPause(server.pid, Date.now());
      process.kill(server.pid, 'SIGSTOP');
      await pause(plan.forMs);
      process.kill(server.pid, 'SIGCONT');
      // What it thinks it still owns it may write now.
      await within(3_000);
      server.kill('SIGKILL');
      return 'pause';
    }
    if (!(await within(plan.afterMs))) server.kill('SIGKILL');
    return 'random';
  }
}
