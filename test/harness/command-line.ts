// Drawbridge as its users start it: bin/drawbridge in a process of its own, with an environment that a test chooses. Tests
// wait for lines and exits, never for time; a process that a failed test left behind ends with the test's own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const LAUNCHER = join(import.meta.dirname, '../../bin/drawbridge');
/** A loaded machine takes its time; a test that gets here hangs. */
const LONGEST_MS = 60_000;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunningCommand {
  readonly process: ChildProcess;
  /** What came on both streams so far. */
  output(): { stdout: string; stderr: string };
  /** Resolves with the first match on either stream; rejects when the process ends first. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when it has ended. */
  ended: Promise<Outcome>;
}

export type Environment = Readonly<Record<string, string>>;

/** Starts a command, with `input` on its standard input. Nothing of this process's own environment but the path gets in. */
export function startCommand(
  args: readonly string[],
  env: Environment,
  cwd = '/',
  input = '',
): RunningCommand {
  const child = spawn(LAUNCHER, args, {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command that does not read it may end first.
  child.stdin.on('error', () => {}).end(input);
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const timer = setTimeout(kill, LONGEST_MS);
  const texts = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (chunk: string) => {
      texts[name] += chunk;
      for (const listener of listeners) listener();
    });
  }
  const ended = once(child, 'close').then(([code]): Outcome => {
    clearTimeout(timer);
    process.off('exit', kill);
    return { code: code as number | null, ...texts };
  });
  return {
    process: child,
    output: () => ({ ...texts }),
    ended,
    async line(pattern) {
      const found = () => pattern.exec(texts.stdout) ?? pattern.exec(texts.stderr);
      const appeared = new Promise<RegExpExecArray>((resolve) => {
        const look = () => {
          const match = found();
          if (!match) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
      });
      const tooEarly = ended.then(({ code, stdout, stderr }) => {
        const last = found();
        if (last) return last;
        throw new Error(`It ended with ${code} before ${pattern}:\n${stdout}\n${stderr}`);
      });
      return Promise.race([appeared, tooEarly]);
    },
  };
}

/** Runs a command to its end. */
export function runCommand(
  args: readonly string[],
  env: Environment,
  cwd?: string,
  input?: string,
): Promise<Outcome> {
  return startCommand(args, env, cwd, input).ended;
}

export interface RunningServer extends RunningCommand {
  url: string;
  port: number;
  /** SIGTERM; resolves with how it ended. */
  stop(): Promise<Outcome>;
}

/** Starts `serve` and waits until it listens; DRAWBRIDGE_PORT is 0 unless `env` says otherwise. */
export async function startServer(env: Environment): Promise<RunningServer> {
  const command = startCommand(['serve'], { DRAWBRIDGE_PORT: '0', ...env });
  const [, url = '', port = ''] = await command.line(/"url":"([^"]+)".*"port":(\d+).*"msg":"listening"/);
  return {
    ...command,
    url,
    port: Number(port),
    stop() {
      command.process.kill('SIGTERM');
      return command.ended;
    },
  };
}
