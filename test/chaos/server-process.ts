// `drawbridge serve` as a process of its own, to be killed and started again on the same data and port.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const LAUNCHER = join(ROOT, 'bin', 'drawbridge');
const READY = /^Drawbridge is ready: (\S+)$/m;
/** A start that takes longer has failed. */
const START_LIMIT_MS = 60_000;

export interface Exit {
  code: number | null;
  signal: string | null;
}

export interface ServerProcess {
  pid: number;
  /** When it was started, as Date.now() gives it. */
  startedAtMs: number;
  /** The address that its ready line names; rejects when it ends before. */
  ready: Promise<string>;
  exited: Promise<Exit>;
  /** Ended, and with it everything that held its output: no child of it is left. */
  closed: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGINT'): Promise<Exit>;
}

/** Starts the server with exactly this environment (and PATH), in `cwd`, where no `.env` or configuration file lies. */
export function startServerProcess(options: {
  cwd: string;
  env: Record<string, string>;
  args?: string[];
  /** Another program that takes the same arguments; the launcher unless given. */
  command?: readonly [string, ...string[]];
}): ServerProcess {
  const [program, ...first] = options.command ?? [LAUNCHER];
  const child: ChildProcess = spawn(program, [...first, ...(options.args ?? ['serve'])], {
    cwd: options.cwd,
    env: { PATH: process.env.PATH ?? '', HOME: options.cwd, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  const exitOf = ([code, signal]: unknown[]): Exit => ({
    code: code as number | null,
    signal: signal as string | null,
  });
  const exited = once(child, 'exit').then(exitOf);
  const closed = once(child, 'close').then(exitOf);
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  // Whoever does not ask for it must not die of it.
  ready.catch(() => {});
  const timer = setTimeout(() => reject(new Error(`Not ready in time:\n${stderr}`)), START_LIMIT_MS);
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    const url = READY.exec(stderr)?.[1];
    if (url) resolve(url);
  });
  void closed.then(({ code, signal }) => {
    clearTimeout(timer);
    reject(new Error(`The server ended (code ${code}, signal ${signal}):\n${stderr}`));
  });
  return {
    pid: child.pid ?? 0,
    startedAtMs: Date.now(),
    ready,
    exited,
    closed,
    stdout: () => stdout,
    stderr: () => stderr,
    kill(signal) {
      child.kill(signal);
      return exited;
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || !address) throw new Error('No port');
  return address.port;
}
