// `drawbridge logs`: the log wherever this machine keeps it - the journal when the service runs, else the log's file, else the
// running server's memory. Lines are shown for people, or as they are with --json.
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { sleep, systemClock } from '../kernel/clock.ts';
import { type CommandContext, requireConfig } from './command-context.ts';
import type { ProgramParts } from './embedded.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, usageFailure } from './failure.ts';
import { addExamples } from './help.ts';
import { wantsJson, withClient } from './run-command.ts';
import { isUnitActive, linesOf } from './system-command.ts';
import { oneLine, type Terminal } from './terminal.ts';
import type { LogPage } from './wire.ts';

export const UNIT = 'drawbridge';
const USUAL_LINES = 100;
/** Lines that are looked through when only some of them are wanted. */
const SEARCHED_LINES = 20_000;
const READ_BYTES = 64 * 1024;
/** The end of a file that is looked through, at most. */
const MOST_TAIL_BYTES = 32 * 1024 * 1024;
const FILE_LOOK_MS = 300;
const SERVER_WAIT_S = 20;
const LEVELS = ['debug', 'info', 'warn', 'error'];
const LEVEL_STYLES: Record<string, 'red' | 'yellow' | 'dim'> = { error: 'red', warn: 'yellow', debug: 'dim' };

export interface LogFlags {
  follow?: boolean;
  tail?: string;
  component?: string;
  level?: string;
}

interface Wanted {
  tail: number;
  isFollowing: boolean;
  component: string | undefined;
  level: string | undefined;
}

export function addLogs(program: Command, context: CommandContext, parts: ProgramParts): void {
  const command = withLogOptions(program.command('logs'), context).action((flags: LogFlags) =>
    showLogs(context, command, parts, flags, UNIT),
  );
  addExamples(command, context, [
    ['drawbridge logs -f', ''],
    ['drawbridge logs --tail 500 --component tasks --level warn', ''],
  ]);
}

/** The options of every command that shows the log. */
export function withLogOptions(command: Command, { messages }: CommandContext): Command {
  const { logs } = messages.delivery;
  return command
    .description(logs.summary)
    .option('-f, --follow', logs.follow)
    .option('-n, --tail <lines>', logs.tail)
    .option('--component <name>', logs.component)
    .option('--level <level>', logs.level);
}

/** Shows the log of `unit`, or where there is none the next best one. */
export async function showLogs(
  context: CommandContext,
  command: Command,
  parts: ProgramParts,
  flags: LogFlags,
  unit: string,
): Promise<void> {
  const { terminal, messages } = context;
  const { from } = messages.delivery.logs;
  const wanted = wantedOf(context, flags);
  const config = requireConfig(context, command);
  const isJson = wantsJson(command);
  const print = (line: string) => printLine(terminal, line, isJson);
  const isHere = config.client.url === null;
  if (isHere && isUnitActive(unit)) {
    terminal.note(from.journal(unit));
    return fromJournal(unit, wanted, print);
  }
  const { file } = config.log;
  if (isHere && file !== null && existsSync(file)) {
    terminal.note(from.file(file));
    return fromFile(file, wanted, print);
  }
  await withClient(context, command, parts, {}, async (client) => {
    if (client.kind === 'embedded') {
      const { nowhere, nowhereDetail, nowhereFix } = messages.delivery.logs;
      throw new CommandFailure({ title: nowhere, detail: nowhereDetail, fix: nowhereFix }, EXIT.unavailable);
    }
    terminal.note(from.server);
    let after: string | undefined;
    do {
      const { component, level, tail } = wanted;
      const page = await client.json<LogPage>('GET', '/v1/admin/logs/recent', {
        query: { component, level, tail, after, wait_s: after === undefined ? 0 : SERVER_WAIT_S },
      });
      if (page.gap && after !== undefined) terminal.note(messages.delivery.logs.gap);
      for (const { time, level: lineLevel, component: part, message, fields } of page.data) {
        const named = part === null ? {} : { component: part };
        print(JSON.stringify({ level: lineLevel, time, ...named, ...fields, msg: message }));
      }
      after = page.last_id;
    } while (wanted.isFollowing);
  });
}

function wantedOf({ messages }: CommandContext, flags: LogFlags): Wanted {
  const { follow = false, tail: given, component, level } = flags;
  const { usageTitle, notNumber } = messages.problem;
  const tail = given === undefined ? USUAL_LINES : Number(given);
  if (!(Number.isInteger(tail) && tail >= 1 && tail <= SEARCHED_LINES))
    throw usageFailure(usageTitle, notNumber('--tail', given ?? ''));
  if (level !== undefined && !LEVELS.includes(level))
    throw usageFailure(usageTitle, `--level ${level}`, LEVELS.join(', '));
  return { tail, isFollowing: follow, component, level };
}

/** Whether a line of the log is wanted; what is no line of ours (a crash's last words) always is. */
function isWanted(line: string, { component, level }: Wanted): boolean {
  if (component === undefined && level === undefined) return true;
  const fields = parsed(line);
  if (fields === null) return level === undefined && component === undefined;
  if (component !== undefined && fields.component !== component) return false;
  return level === undefined || LEVELS.indexOf(String(fields.level)) >= LEVELS.indexOf(level);
}

async function fromJournal(unit: string, wanted: Wanted, print: (line: string) => void): Promise<void> {
  const isFiltered = wanted.component !== undefined || wanted.level !== undefined;
  const lines = String(isFiltered ? SEARCHED_LINES : wanted.tail);
  const args = ['--unit', unit, '--output', 'cat', '--no-pager', '--lines'];
  const kept: string[] = [];
  for await (const line of linesOf('journalctl', [...args, lines])) {
    if (isWanted(line, wanted)) kept.push(line);
    if (kept.length > wanted.tail) kept.shift();
  }
  for (const line of kept) print(line);
  if (!wanted.isFollowing) return;
  for await (const line of linesOf('journalctl', [...args, '0', '--follow']))
    if (isWanted(line, wanted)) print(line);
}

async function fromFile(path: string, wanted: Wanted, print: (line: string) => void): Promise<void> {
  const { text, end } = readEnd(path);
  const lines = text.split('\n').filter((line) => line !== '' && isWanted(line, wanted));
  for (const line of lines.slice(-wanted.tail)) print(line);
  if (!wanted.isFollowing) return;
  let { position, inode } = end;
  let rest = '';
  for (;;) {
    await sleep(systemClock, FILE_LOOK_MS);
    const now = statSync(path, { throwIfNoEntry: false });
    if (!now) continue;
    // Put aside and begun anew, or emptied.
    if (now.ino !== inode || now.size < position) {
      inode = now.ino;
      position = 0;
      rest = '';
    }
    if (now.size === position) continue;
    const more = readFrom(path, position, now.size - position);
    position += more.length;
    const parts = (rest + more.toString('utf8')).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line !== '' && isWanted(line, wanted)) print(line);
  }
}

/** The end of a file from its first whole line on. */
function readEnd(path: string): { text: string; end: { position: number; inode: number } } {
  const handle = openSync(path, 'r');
  try {
    const { size, ino } = fstatSync(handle);
    const start = Math.max(0, size - MOST_TAIL_BYTES);
    const text = readFrom(path, start, size - start).toString('utf8');
    const whole = start === 0 ? text : text.slice(text.indexOf('\n') + 1);
    return { text: whole, end: { position: size, inode: ino } };
  } finally {
    closeSync(handle);
  }
}

function readFrom(path: string, start: number, bytes: number): Buffer {
  const handle = openSync(path, 'r');
  try {
    const chunks: Buffer[] = [];
    for (let done = 0; done < bytes; ) {
      const chunk = Buffer.alloc(Math.min(READ_BYTES, bytes - done));
      const read = readSync(handle, chunk, 0, chunk.length, start + done);
      if (read === 0) break;
      chunks.push(chunk.subarray(0, read));
      done += read;
    }
    return Buffer.concat(chunks);
  } finally {
    closeSync(handle);
  }
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** `12:00:01.123 WARN  tasks  the message  key=value …`, or the line as it is. */
function printLine(terminal: Terminal, line: string, isJson: boolean): void {
  const fields = isJson ? null : parsed(line);
  if (fields === null) {
    terminal.print(isJson ? line : oneLine(line));
    return;
  }
  const { time, level, component, msg, ...others } = fields;
  const shown = Object.entries(others).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const name = String(level);
  const style = LEVEL_STYLES[name];
  const word = name.toUpperCase().padEnd(5);
  const text = [
    String(time).replace('T', ' ').replace('Z', ''),
    style ? terminal.paint(terminal.out, style, word) : word,
    ...(component === undefined ? [] : [String(component)]),
    oneLine(String(msg)),
    oneLine(shown.join(' ')),
  ];
  terminal.print(text.filter((part) => part !== '').join('  '));
}
