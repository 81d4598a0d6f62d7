// What the doctor asks of the machine: other programs' answers, files and addresses. Whatever is not there, or is not for this
// user to see, is null: an examination must not fail because a tool is missing.
import { execFile } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

const LONGEST_RUN_MS = 5_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
const DEFAULT_NGINX_CONFIG = '/etc/nginx/nginx.conf';
const NGINX_MASTER = /^nginx: master process (.*)$/;
/** Up to `;` or `{`, or a closing brace; what stands in quotes ends nothing. */
const STATEMENT = /(?:"[^"]*"|'[^']*'|[^;{}"'])+[;{]|\}/g;
const COMMENT = /(?:^|\s)#.*$/;
/** Includes of includes. */
const DEEPEST_INCLUDE = 5;

export interface HostSystem {
  /** Runs a program without a shell; null where it is missing or does not end. */
  run(command: string, args: readonly string[]): Promise<{ code: number; output: string } | null>;
  /** A file's text; null where it cannot be read. */
  read(path: string): string | null;
  exists(path: string): boolean;
  /** IPv4 addresses by which others reach this machine. */
  addresses(): string[];
  /** Every directive in the configuration of each nginx that runs here, or of the usual file where none does. */
  nginxLines(): NginxLine[];
}

export interface NginxLine {
  /** The main file that it was included from: one for each nginx that runs. */
  root: string;
  file: string;
  /** From 1. */
  line: number;
  text: string;
}

export const hostSystem: HostSystem = {
  run: (command, args) =>
    new Promise((resolve) => {
      const options = { timeout: LONGEST_RUN_MS, maxBuffer: MAX_OUTPUT_BYTES, encoding: 'utf8' } as const;
      execFile(command, [...args], options, (error, stdout, stderr) => {
        if (error && typeof error.code !== 'number') resolve(null);
        else resolve({ code: Number(error?.code ?? 0), output: `${stdout}${stderr}` });
      });
    }),
  read: readOrNull,
  exists: existsSync,
  addresses: () =>
    Object.values(networkInterfaces()).flatMap((found) =>
      (found ?? []).filter((one) => one.family === 'IPv4' && !one.internal).map(({ address }) => address),
    ),
  nginxLines() {
    const running = runningNginxConfigs();
    const files = running.length > 0 ? running : [DEFAULT_NGINX_CONFIG];
    return files.flatMap((file) => readNginx(file, { root: file, depth: 0 }));
  },
};

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** By the command lines of the masters: nginx writes `-c` and `-p` into its title. */
function runningNginxConfigs(): string[] {
  let names: string[] = [];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  const found = names.flatMap((name) => {
    const title = readOrNull(`/proc/${name}/cmdline`)?.replaceAll('\0', ' ').trim() ?? '';
    const command = NGINX_MASTER.exec(title)?.[1];
    if (command === undefined) return [];
    const words = command.split(/\s+/);
    const after = (option: string) => (words.includes(option) ? words[words.indexOf(option) + 1] : undefined);
    const config = after('-c') ?? DEFAULT_NGINX_CONFIG;
    return [isAbsolute(config) ? config : join(after('-p') ?? '/etc/nginx', config)];
  });
  return [...new Set(found)];
}

/** Each directive on its own, also of blocks that stand in one line. */
function readNginx(file: string, { root, depth }: { root: string; depth: number }): NginxLine[] {
  const text = readOrNull(file);
  if (text === null || depth > DEEPEST_INCLUDE) return [];
  return text.split('\n').flatMap((line, index) =>
    (line.replace(COMMENT, '').match(STATEMENT) ?? []).flatMap((statement) => {
      const own = { root, file, line: index + 1, text: statement.trim() };
      const pattern = /^include\s+"?([^";]+)"?\s*;/.exec(own.text)?.[1];
      if (pattern === undefined) return [own];
      const absolute = isAbsolute(pattern) ? pattern : join(dirname(root), pattern);
      const included = globSync(absolute).flatMap((path) => readNginx(path, { root, depth: depth + 1 }));
      return [own, ...included];
    }),
  );
}
