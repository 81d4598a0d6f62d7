// The log: one JSON object a line (pretty on a terminal), structured fields first, then a fixed message.
// Every value is scrubbed before it is written: secrets masked by field name and by shape, line breaks and control
// characters escaped so that no value can forge a line, sizes bounded so that no value can flood it.
import pino from 'pino';
import { type Clock, systemClock, toTimestamp } from './clock.ts';
import { createRedactor, isSecretName, MASK, type Redactor } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** What everything but the composition root sees of the log. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds `fields` to every line, such as `{ component: 'tasks' }`. */
  child(fields: LogFields): Logger;
}

/** A line as it is written: already scrubbed. */
export interface LogRecord {
  level: LogLevel;
  /** RFC 3339 UTC. */
  time: string;
  message: string;
  fields: LogFields;
}

/** The log itself, which the composition root opens and closes. */
export interface RootLogger extends Logger {
  /** Calls `listener` with each line from now on, for live views; returns the unsubscriber. */
  subscribe(listener: (record: LogRecord) => void): () => void;
  /** Writes out what is still in memory; call before the process exits. */
  flush(): void;
  /** Opens the log file anew after it was rotated away; without a file it does nothing. */
  reopen(): void;
  /** Masks this value in every line from now on. */
  learn(secret: string): void;
}

export interface LogOptions {
  level: LogLevel;
  format: 'auto' | 'json' | 'pretty';
  /** Absolute path to append to; null writes to standard output. */
  file: string | null;
  /** Size at which the file is put aside and a new one begins; see log-file.ts. */
  fileBytes?: number;
  clock?: Clock;
  /** Shared with whoever learns secrets while running. */
  redactor?: Redactor;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const LONGEST_STRING = 8192;
const MOST_ENTRIES = 100;
const DEEPEST = 6;
const MOST_STACK_FRAMES = 12;
/** Names that the line itself uses. */
const RESERVED = new Set(['level', 'time', 'msg']);
/** Control and line-breaking characters, and those that reorder text on a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const escapeUnprintable = (text: string) =>
  text.replace(UNPRINTABLE, (character) => {
    const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };
    return short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });

/** The frames of a stack without its first lines, which repeat the message. */
function frames(stack: string): string {
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, MOST_STACK_FRAMES)
    .join('\n');
}

/** Field names are few; this bounds what hostile ones could add. */
const MOST_REMEMBERED_NAMES = 2000;

class Scrubber {
  readonly #redactor: Redactor;
  readonly #names = new Map<string, { secret: boolean; safe: string }>();

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  text(value: string): string {
    // Cut far beyond the shown length only after masking, so that no cut leaves half a secret unrecognised.
    const masked = this.#redactor.text(
      value.length > 4 * LONGEST_STRING ? value.slice(0, 4 * LONGEST_STRING) : value,
    );
    const cut =
      masked.length > LONGEST_STRING
        ? `${masked.slice(0, LONGEST_STRING)}… (${value.length} characters)`
        : masked;
    return escapeUnprintable(cut);
  }

  fields(fields: LogFields): Record<string, unknown> {
    const scrubbed = this.#object(fields, 0, new Set([fields]));
    for (const name of RESERVED) {
      if (!(name in scrubbed)) continue;
      scrubbed[`${name}_`] = scrubbed[name];
      delete scrubbed[name];
    }
    return scrubbed;
  }

  #name(name: string): { secret: boolean; safe: string } {
    const remembered = this.#names.get(name);
    if (remembered) return remembered;
    const judged = { secret: isSecretName(name), safe: this.text(name) };
    if (this.#names.size < MOST_REMEMBERED_NAMES) this.#names.set(name, judged);
    return judged;
  }

  #value(value: unknown, depth: number, above: Set<unknown>): unknown {
    if (typeof value === 'string') return this.text(value);
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
    if (value === undefined) return undefined;
    if (typeof value !== 'object') return this.text(String(value));
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
    if (value instanceof URL) return this.text(value.href);
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (above.has(value)) return '[circular]';
    if (depth >= DEEPEST) return '[deeper]';
    const inside = new Set(above).add(value);
    if (value instanceof Error) return this.#error(value, depth, inside);
    if (Array.isArray(value) || value instanceof Set) {
      return [...value].slice(0, MOST_ENTRIES).map((item) => this.#value(item, depth + 1, inside));
    }
    if (value instanceof Map) return this.#object(Object.fromEntries(value), depth, inside);
    return this.#object(value as LogFields, depth, inside);
  }

  #object(object: LogFields, depth: number, above: Set<unknown>): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(object).slice(0, MOST_ENTRIES)) {
      const empty = value === null || value === undefined || typeof value === 'boolean';
      const { secret, safe } = this.#name(name);
      const shown = secret && !empty ? MASK : this.#value(value, depth + 1, above);
      if (shown !== undefined) result[safe] = shown;
    }
    return result;
  }

  #error(error: Error, depth: number, above: Set<unknown>): Record<string, unknown> {
    const { name, message, stack, cause, ...own } = error as Error & Record<string, unknown>;
    return {
      type: this.text(name),
      message: this.text(message),
      ...this.#object(own, depth, above),
      ...(cause === undefined ? {} : { cause: this.#value(cause, depth + 1, above) }),
      ...(typeof stack === 'string' ? { stack: this.#redactor.text(frames(stack)) } : {}),
    };
  }
}

interface Core {
  least: number;
  clock: Clock;
  scrubber: Scrubber;
  listeners: Set<(record: LogRecord) => void>;
  write(level: LogLevel, fields: LogFields, message: string): void;
}

function loggerOf(core: Core, bindings: LogFields): Logger {
  const line = (level: LogLevel) => (fields: LogFields, message: string) => {
    if (LEVELS.indexOf(level) < core.least) return;
    const safeFields = { ...bindings, ...core.scrubber.fields(fields) };
    const safeMessage = core.scrubber.text(message);
    core.write(level, safeFields, safeMessage);
    if (core.listeners.size === 0) return;
    const record = { level, time: toTimestamp(core.clock.now()), message: safeMessage, fields: safeFields };
    for (const listener of core.listeners) listener(record);
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => loggerOf(core, { ...bindings, ...core.scrubber.fields(fields) }),
  };
}

interface Output {
  stream: pino.DestinationStream;
  flush(): void;
  reopen(): void;
}

async function openOutput({ format, file, fileBytes }: LogOptions): Promise<Output> {
  const pretty = format === 'pretty' || (format === 'auto' && file === null && process.stdout.isTTY === true);
  if (pretty) {
    const { default: prettyStream } = await import('pino-pretty');
    const stream = prettyStream({
      destination: file ?? 1,
      sync: true,
      mkdir: true,
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss.l',
    });
    return { stream, flush: () => {}, reopen: () => {} };
  }
  if (file !== null) {
    const { LogFile } = await import('./log-file.ts');
    const log = new LogFile({ path: file, ...(fileBytes === undefined ? {} : { maxBytes: fileBytes }) });
    return {
      stream: { write: (line) => log.write(line) },
      flush: () => log.flush(),
      reopen: () => log.reopen(),
    };
  }
  // Synchronous: an asynchronous stream loses or reorders the last lines of a process, which are the ones that matter.
  const stream = pino.destination({ dest: 1, sync: true });
  return { stream, flush: () => stream.flushSync(), reopen: () => {} };
}

/** Opens the log; rejects with the system's error if the file cannot be opened. pino-pretty is loaded only when used. */
export async function createLogger(options: LogOptions): Promise<RootLogger> {
  const output = await openOutput(options);
  const clock = options.clock ?? systemClock;
  const writer = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${toTimestamp(clock.now())}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Values arrive scrubbed and plain; pino's own treatment of `err` would undo that.
      serializers: { err: (value) => value },
    },
    output.stream,
  );
  const redactor = options.redactor ?? createRedactor();
  const core: Core = {
    least: LEVELS.indexOf(options.level),
    clock,
    scrubber: new Scrubber(redactor),
    listeners: new Set(),
    write: (level, fields, message) => writer[level](fields, message),
  };
  return {
    ...loggerOf(core, {}),
    subscribe(listener) {
      core.listeners.add(listener);
      return () => core.listeners.delete(listener);
    },
    flush: output.flush,
    reopen: output.reopen,
    learn: (secret) => redactor.learn(secret),
  };
}

export interface MemoryLogger extends RootLogger {
  readonly records: readonly LogRecord[];
  /** All lines as JSON, to search for what must not be there. */
  text(): string;
}

/** A log that keeps its lines, scrubbed as they would be written; for tests. */
export function createMemoryLogger(
  options: { level?: LogLevel; clock?: Clock; redactor?: Redactor } = {},
): MemoryLogger {
  const records: LogRecord[] = [];
  const clock = options.clock ?? systemClock;
  const redactor = options.redactor ?? createRedactor();
  const core: Core = {
    least: LEVELS.indexOf(options.level ?? 'debug'),
    clock,
    scrubber: new Scrubber(redactor),
    listeners: new Set(),
    write: (level, fields, message) =>
      records.push({ level, time: toTimestamp(clock.now()), message, fields }),
  };
  return {
    ...loggerOf(core, {}),
    records,
    text: () => records.map((record) => JSON.stringify(record)).join('\n'),
    subscribe(listener) {
      core.listeners.add(listener);
      return () => core.listeners.delete(listener);
    },
    flush: () => {},
    reopen: () => {},
    learn: (secret) => redactor.learn(secret),
  };
}
