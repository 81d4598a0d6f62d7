// Programs of the operating system that commands call: systemctl, journalctl, useradd. Their words go to the user as they are.
import { spawn, spawnSync } from 'node:child_process';

/** What a shell says of a program that is not there. */
const NOT_FOUND = 127;
const OUTPUT_BYTES = 64 * 1024 * 1024;

export interface SystemAnswer {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end; one that is not there gives 127. */
export function ask(program: string, args: readonly string[]): SystemAnswer {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: OUTPUT_BYTES,
  });
  if (error || status === null) return { code: NOT_FOUND, stdout: '', stderr: error?.message ?? '' };
  return { code: status, stdout, stderr };
}

/** Runs a program with this terminal as its own. */
export function show(program: string, args: readonly string[]): number {
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  return status ?? NOT_FOUND;
}

/** Reads a program's lines as they come, until it ends. */
export async function* linesOf(program: string, args: readonly string[]): AsyncGenerator<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let rest = '';
  try {
    for await (const chunk of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    child.kill();
  }
}

/** Whether systemd is the first process here, so that services can be managed. */
export function hasSystemd(): boolean {
  const { code, stdout } = ask('systemctl', ['is-system-running']);
  const state = stdout.trim();
  return code !== NOT_FOUND && state !== '' && state !== 'offline' && state !== 'unknown';
}

/** Whether a unit runs just now. */
export function isUnitActive(unit: string): boolean {
  return ask('systemctl', ['is-active', '--quiet', unit]).code === 0;
}
