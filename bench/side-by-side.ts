// Servers as child processes, and tables of what they did.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Child {
  url: string;
  key: string;
  stop(): Promise<void>;
}

/** Starts `bench/servers/<file>`, which sends `{url, key}` once it listens and ends at SIGTERM. */
export async function startServer(file: string, args: string[], execArgv: string[] = []): Promise<Child> {
  const child = fork(fileURLToPath(new URL(`./servers/${file}`, import.meta.url)), args, { execArgv });
  const ended = once(child, 'exit');
  const first = await Promise.race([once(child, 'message'), ended.then(() => null)]);
  if (!first) throw new Error(`${file} ended before it listened`);
  const { url, key } = first[0] as { url: string; key: string };
  return {
    url,
    key,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** The value below which `share` (0 to 1) of the values lie. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function printTable(header: string[], rows: string[][]): void {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: string[]) => cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ');
  console.log([line(header), ...rows.map(line)].join('\n'));
}
