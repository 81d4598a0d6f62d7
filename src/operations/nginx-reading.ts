// Reads nginx's own files for the line that has to be changed. It looks for the few directives that matter here; what it does not
// find, it does not name.
import type { NginxLine } from './host-system.ts';

const DIRECTIVE = /^([a-z_]+)\s+(.+?)\s*;/;
const MB = 1024 * 1024;
const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: MB, g: 1024 * MB };
/** nginx's own, where no file says otherwise. */
const DEFAULT_BODY_BYTES = MB;

/** `site.conf:12: alias /srv/media/;` */
export const describeLine = ({ file, line, text }: NginxLine) => `${file}:${line}: ${text}`;

export interface Location {
  head: NginxLine;
  /** Path or pattern, without its modifier. */
  path: string;
  lines: NginxLine[];
}

/** The lines of the nginx that listens on `port`; all of them where none says so. */
export function linesOnPort(lines: readonly NginxLine[], port: number): readonly NginxLine[] {
  const roots = new Set(
    lines.filter((one) => listensOn(directiveOf(one, 'listen'), port)).map(({ root }) => root),
  );
  return roots.size === 0 ? lines : lines.filter(({ root }) => roots.has(root));
}

function listensOn(value: string | null, port: number): boolean {
  const address = value?.split(/\s+/)[0] ?? '';
  return address === String(port) || address.endsWith(`:${port}`);
}

/** Every location with its own lines. */
export function locationsIn(lines: readonly NginxLine[]): Location[] {
  const found: Location[] = [];
  const open: (Location | null)[] = [];
  for (const one of lines) {
    const head = /^location\s+(?:(?:=|~\*?|\^~)\s+)?(\S+)\s*\{/.exec(one.text);
    if (head) {
      const location = { head: one, path: (head[1] ?? '').replace(/^"|"$/g, ''), lines: [] as NginxLine[] };
      found.push(location);
      open.push(location);
      continue;
    }
    open.at(-1)?.lines.push(one);
    if (one.text.endsWith('{')) open.push(null);
    else if (one.text.endsWith('}')) open.pop();
  }
  return found;
}

/** The value of a line's directive, without quotes; null when the line is another. */
export function directiveOf({ text }: NginxLine, directive: string): string | null {
  const match = DIRECTIVE.exec(text);
  return match?.[1] === directive ? (match[2] ?? '').replace(/^"|"$/g, '') : null;
}

/** Lines by which nginx serves files itself for a path that the application should answer. */
export function fileLinesFor(lines: readonly NginxLine[], path: string): NginxLine[] {
  return locationsIn(lines)
    .filter((location) => location.path !== '/' && location.path.replace(/[\^$]/g, '').startsWith(path))
    .flatMap((location) => location.lines)
    .filter((one) => directiveOf(one, 'alias') !== null || directiveOf(one, 'root') !== null);
}

/** Addresses that nginx sends requests on to, with their lines. */
export function upstreamLines(lines: readonly NginxLine[]): { line: NginxLine; address: string }[] {
  return lines.flatMap((line) => {
    const proxied = directiveOf(line, 'proxy_pass')
      ?.replace(/^https?:\/\//, '')
      .replace(/\/.*$/, '');
    const server = /^server\s+([^\s;{]+:\d+)/.exec(line.text)?.[1];
    const address = proxied?.includes(':') ? proxied : server;
    return address === undefined ? [] : [{ line, address }];
  });
}

/** Lines that keep answers back until they are complete. */
export function bufferingLines(lines: readonly NginxLine[]): NginxLine[] {
  return lines.filter((one) => {
    if (directiveOf(one, 'proxy_buffering') === 'on') return true;
    return /x-accel-buffering/i.test(directiveOf(one, 'proxy_ignore_headers') ?? '');
  });
}

/** The line that allows least for a body, or null where it is nginx's own default. */
export function bodyLimitLine(lines: readonly NginxLine[]): { line: NginxLine | null; bytes: number } {
  const limits = lines.flatMap((line) => {
    const value = directiveOf(line, 'client_max_body_size');
    const match = value === null ? null : /^(\d+)([kmg]?)$/i.exec(value);
    if (!match) return [];
    const bytes = Number(match[1]) * (UNITS[(match[2] ?? '').toLowerCase()] ?? 1);
    // 0 is no limit.
    return bytes === 0 ? [] : [{ line, bytes }];
  });
  const [least] = limits.sort((a, b) => a.bytes - b.bytes);
  return least ?? { line: null, bytes: DEFAULT_BODY_BYTES };
}

/** Timeouts shorter than the longest silence of this server, in seconds. */
export function shortTimeouts(lines: readonly NginxLine[], leastS: number): NginxLine[] {
  return lines.filter((one) => {
    const value = directiveOf(one, 'proxy_read_timeout') ?? directiveOf(one, 'send_timeout');
    const match = value === null ? null : /^(\d+)(ms|s|m|h)?$/.exec(value);
    if (!match) return false;
    const factor = { ms: 0.001, s: 1, m: 60, h: 3600 }[match[2] ?? 's'] ?? 1;
    return Number(match[1]) * factor < leastS;
  });
}
