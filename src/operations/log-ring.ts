// The latest lines of this process's log in memory, for whoever watches it live. They come scrubbed, as they are written; the
// number kept is bounded, and lines about reading the log are left out, or watching it would fill it.
import { AppError } from '../kernel/errors.ts';
import type { LogLevel, LogRecord, RootLogger } from '../kernel/log.ts';

export const LOG_LINES_KEPT = 2_000;
/** Where the lines are read; see contract.ts. */
export const LOG_PATH = '/v1/admin/logs';
const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogLine {
  /** `<start>-<number>`: of this start of the process, one after another. */
  id: string;
  level: LogLevel;
  /** RFC 3339 UTC. */
  time: string;
  component: string | null;
  message: string;
  fields: Readonly<Record<string, unknown>>;
}

export interface LogFilter {
  /** The least important level that is shown. */
  level?: LogLevel | undefined;
  component?: string | undefined;
  /** Shown are lines that have this text in message or fields, in any case. */
  text?: string | undefined;
}

export interface LogPage {
  lines: LogLine[];
  /** What to go on after. */
  lastId: string;
  /** Lines between `afterId` and the first are gone: too many came, or the server was started anew. */
  isGap: boolean;
}

export class LogRing {
  readonly #lines: LogLine[] = [];
  readonly #start: string;
  readonly #wakes = new Set<() => void>();
  readonly #unsubscribe: () => void;
  #count = 0;

  /** `start` tells this start of the process from others: its time, for example. */
  constructor(log: Pick<RootLogger, 'subscribe'>, start: string) {
    this.#start = start;
    this.#unsubscribe = log.subscribe((record) => this.#take(record));
  }

  /** The last `limit` lines after `afterId` that fit; with null from the oldest that is kept. */
  read(afterId: string | null, filter: LogFilter, limit: number): LogPage {
    const after = afterId === null ? null : this.#numberOf(afterId);
    const oldest = this.#count - this.#lines.length;
    const from = after === null || after === undefined ? oldest : after;
    const fresh = this.#lines.slice(Math.max(0, from - oldest));
    return {
      lines: fresh.filter((line) => fits(line, filter)).slice(-limit),
      lastId: this.#idOf(this.#count),
      isGap: after === undefined || (after !== null && after < oldest),
    };
  }

  /** Calls `wake` at each line; returns the unsubscriber. */
  subscribe(wake: () => void): () => void {
    this.#wakes.add(wake);
    return () => this.#wakes.delete(wake);
  }

  close(): void {
    this.#unsubscribe();
    this.#wakes.clear();
  }

  #take({ level, time, message, fields }: LogRecord): void {
    const { component, ...others } = fields;
    if (typeof fields.path === 'string' && fields.path.startsWith(LOG_PATH)) return;
    this.#count += 1;
    this.#lines.push({
      id: this.#idOf(this.#count),
      level,
      time,
      component: typeof component === 'string' ? component : null,
      message,
      fields: others,
    });
    if (this.#lines.length > LOG_LINES_KEPT) this.#lines.splice(0, this.#lines.length - LOG_LINES_KEPT);
    for (const wake of this.#wakes) wake();
  }

  #idOf(number: number): string {
    return `${this.#start}-${number}`;
  }

  /** The number of a line of this start; undefined for one of another. Throws `validation_failed` for what is no id. */
  #numberOf(id: string): number | undefined {
    const [, start, number] = /^([0-9a-z]+)-(\d{1,15})$/.exec(id) ?? [];
    if (number === undefined)
      throw new AppError('validation_failed', { detail: 'This is not the id of a line of the log.' });
    return start === this.#start && Number(number) <= this.#count ? Number(number) : undefined;
  }
}

function fits(line: LogLine, { level, component, text }: LogFilter): boolean {
  if (level !== undefined && LEVELS.indexOf(line.level) < LEVELS.indexOf(level)) return false;
  if (component !== undefined && line.component !== component) return false;
  if (text === undefined || text === '') return true;
  const all = `${line.message} ${JSON.stringify(line.fields)}`.toLowerCase();
  return all.includes(text.toLowerCase());
}
