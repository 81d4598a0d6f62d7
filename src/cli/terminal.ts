// What a command shows: data on standard output, notes and errors on standard error, colours only on a terminal that wants
// them (NO_COLOR). Text that came from elsewhere cannot move the cursor: control characters are left out.
import { styleText } from 'node:util';
import type { CliMessages } from '../kernel/messages/cli-en.ts';
import type { Problem } from './failure.ts';

type Style = Parameters<typeof styleText>[0];

export interface Stream {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NO_WIDTH = /\p{Mn}|\p{Me}|[\u200b-\u200d]|\ufe0f/u;
const COLUMN_GAP = '  ';
const DEFAULT_COLUMNS = 100;

/** How many columns a text takes; Chinese characters take two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Text as it may be shown on a terminal, on one line. */
export function oneLine(text: string): string {
  return text.replaceAll(CONTROLS, '').replaceAll(/\s+/g, ' ').trim();
}

/** The beginning of a text, at most `columns` wide, with an ellipsis when something is missing. */
export function cutToWidth(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  let cut = '';
  for (const character of text) {
    if (displayWidth(cut) + displayWidth(character) > columns - 1) break;
    cut += character;
  }
  return `${cut}…`;
}

export interface Column {
  title: string;
  /** The last column of this kind gives way when the terminal is narrow. */
  shrinks?: boolean;
  align?: 'right';
  style?: (text: string) => Style | null;
}

export class Terminal {
  readonly out: Stream;
  readonly err: Stream;
  readonly messages: CliMessages;

  constructor(options: { out: Stream; err: Stream; messages: CliMessages }) {
    this.out = options.out;
    this.err = options.err;
    this.messages = options.messages;
  }

  /** A line of data. */
  print(line: string): void {
    this.out.write(`${line}\n`);
  }

  json(value: unknown): void {
    this.print(JSON.stringify(value, null, 2));
  }

  /** A line for people. */
  note(line: string): void {
    this.err.write(`${line}\n`);
  }

  /** `text` in a style where `stream` shows styles. */
  paint(stream: Stream, style: Style, text: string): string {
    if (stream.isTTY !== true) return text;
    return styleText(style, text, {
      stream: stream as unknown as NodeJS.WritableStream,
      validateStream: true,
    });
  }

  table(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
    const cells = rows.map((row) => columns.map((_, index) => oneLine(row[index] ?? '')));
    const widths = columns.map(({ title }, index) =>
      Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[index] ?? ''))),
    );
    this.#shrink(columns, widths);
    const line = (texts: readonly string[], isTitle: boolean) =>
      columns
        .map((column, index) => {
          const width = widths[index] ?? 0;
          const text = cutToWidth(texts[index] ?? '', width);
          const pad = ' '.repeat(Math.max(0, width - displayWidth(text)));
          const style = isTitle ? 'bold' : (column.style?.(text) ?? null);
          const painted = style ? this.paint(this.out, style, text) : text;
          if (column.align === 'right') return pad + painted;
          return index === columns.length - 1 ? painted : painted + pad;
        })
        .join(COLUMN_GAP)
        .trimEnd();
    this.print(
      line(
        columns.map(({ title }) => title),
        true,
      ),
    );
    for (const row of cells) this.print(line(row, false));
  }

  /** A failure in the words of the error registry. */
  problem(problem: Problem): void {
    const { messages, err } = this;
    const label = (text: string) => this.paint(err, 'bold', text);
    const lines = [this.paint(err, ['bold', 'red'], oneLine(problem.title))];
    const fields = (problem.errors ?? []).map(({ pointer, detail }) => ({
      detail,
      line: pointer === '' ? detail : `${pointer}: ${detail}`,
    }));
    const said = [problem.title, ...fields.flatMap(({ detail, line }) => [detail, line])];
    // Without a detail of its own a problem has that of its first field.
    if (problem.detail && !said.includes(problem.detail)) lines.push(`  ${oneLine(problem.detail)}`);
    for (const { line } of fields) lines.push(`  ${oneLine(line)}`);
    if (problem.cause) lines.push(`  ${label(messages.problem.cause)}: ${oneLine(problem.cause)}`);
    if (problem.fix) lines.push(`  ${label(messages.problem.fix)}: ${oneLine(problem.fix)}`);
    if (problem.request_id)
      lines.push(`  ${label(messages.problem.request)}: ${oneLine(problem.request_id)}`);
    for (const text of lines) this.note(text);
  }

  /** On a terminal, columns that may give way do so; in a pipe everything is written out. */
  #shrink(columns: readonly Column[], widths: number[]): void {
    if (this.out.isTTY !== true) return;
    const room = this.out.columns ?? DEFAULT_COLUMNS;
    const used = widths.reduce((sum, width) => sum + width, 0) + COLUMN_GAP.length * (columns.length - 1);
    const index = columns.findIndex(({ shrinks }) => shrinks);
    if (used <= room || index < 0) return;
    widths[index] = Math.max(10, (widths[index] ?? 0) - (used - room));
  }
}

const STATE_STYLES: Record<string, Style> = {
  ok: 'green',
  healthy: 'green',
  closed: 'green',
  succeeded: 'green',
  running: 'cyan',
  warning: 'yellow',
  degraded: 'yellow',
  drained: 'yellow',
  half_open: 'yellow',
  error: 'red',
  down: 'red',
  open: 'red',
  failed: 'red',
};

/** A state in the user's language, coloured as states are. */
export function stateColumn(title: string, messages: CliMessages): Column {
  const styles = new Map(
    Object.entries(STATE_STYLES).map(([state, style]) => [stateWord(state, messages), style]),
  );
  return { title, style: (text) => styles.get(text) ?? null };
}

export function stateWord(state: string, messages: CliMessages): string {
  return (messages.words as Record<string, string>)[state] ?? state;
}

/** `2025-01-31 12:00:00` in the machine's own zone, from an RFC 3339 time. */
export function shortTime(timestamp: string): string {
  const at = new Date(timestamp);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
