// How a sync is told: one line a file in a log, a bar with rate and time left on a terminal, and at the end what went, what did
// not, and for which reasons. Secrets of the configuration are masked in every line.
import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import { type Config, secretValues } from '../kernel/config.ts';
import { createRedactor, type Redactor } from '../kernel/redact.ts';
import type { Outcome, Progress, SyncEvent, SyncReport, SyncResult } from '../sync/sync.ts';
import type { CommandContext } from './command-context.ts';
import type { Problem } from './failure.ts';
import { ProgressBar } from './progress-bar.ts';
import { oneLine } from './terminal.ts';

const MS_PER_S = 1000;
const S_PER_MINUTE = 60;
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;
const BYTES_PER_UNIT = 1024;
/** The bar is drawn so often at most; progress comes with every packet. */
const DRAW_EVERY_MS = 150;
/** The rate is that of this time. */
const RATE_WINDOW_MS = 5_000;
const FAILURES_SHOWN = 10;
const LOG_LINES_HELD = 200;

/** `12.3 MB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= BYTES_PER_UNIT && unit < UNITS.length - 1) {
    value /= BYTES_PER_UNIT;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `1:05` minutes and seconds. */
const durationText = (ms: number) => {
  const seconds = Math.ceil(ms / MS_PER_S);
  return `${Math.floor(seconds / S_PER_MINUTE)}:${String(seconds % S_PER_MINUTE).padStart(2, '0')}`;
};

/** Where a log goes when nobody says: beside the data, or here where there is none. */
export function defaultLogPath(config: Config, target: string, clock: Clock): string {
  const stamp = toTimestamp(clock.now()).slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const folder = existsSync(config.dataDir) ? join(config.dataDir, 'logs') : process.cwd();
  return join(folder, `sync-${target}-${stamp}.log`);
}

/** Lines of text in a file, in order; each is masked and one line. */
class LogFile {
  readonly path: string;
  readonly #redactor: Redactor;
  readonly #clock: Clock;
  #lines: string[] = [];

  constructor(path: string, redactor: Redactor, clock: Clock) {
    this.path = resolve(path);
    this.#redactor = redactor;
    this.#clock = clock;
    mkdirSync(dirname(this.path), { recursive: true });
    appendFileSync(this.path, '', { mode: 0o600 });
  }

  line(text: string): void {
    this.#lines.push(`${toTimestamp(this.#clock.now())} ${oneLine(this.#redactor.text(text))}\n`);
    if (this.#lines.length >= LOG_LINES_HELD) this.flush();
  }

  flush(): void {
    if (this.#lines.length > 0) appendFileSync(this.path, this.#lines.join(''));
    this.#lines = [];
  }
}

export class SyncTeller {
  readonly #context: CommandContext;
  readonly #clock: Clock;
  readonly #log: LogFile;
  readonly #redactor: Redactor;
  readonly #isDryRun: boolean;
  readonly #kind: { what: SyncReport['what']; mode: SyncReport['mode'] };
  #bar: ProgressBar;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #marks: { atMs: number; bytes: number }[] = [];
  #leftOut = 0;

  constructor(options: {
    context: CommandContext;
    clock: Clock;
    config: Config;
    logPath: string;
    isDryRun: boolean;
    what: SyncReport['what'];
    mode: SyncReport['mode'];
  }) {
    this.#context = options.context;
    this.#clock = options.clock;
    this.#isDryRun = options.isDryRun;
    this.#kind = { what: options.what, mode: options.mode };
    this.#redactor = createRedactor(secretValues(options.config));
    this.#log = new LogFile(options.logPath, this.#redactor, options.clock);
    this.#bar = new ProgressBar(options.context.terminal.err);
  }

  get logPath(): string {
    return this.#log.path;
  }

  onEvent(event: SyncEvent): void {
    const { sync: text } = this.#context.messages;
    switch (event.type) {
      case 'progress':
        this.#draw(event.progress);
        break;
      case 'outcome':
        this.#log.line(this.#outcomeLine(event.outcome));
        break;
      case 'output':
        this.#output(event.text);
        break;
      case 'left_out':
        this.#leftOut += 1;
        this.#log.line(`${text.outcomes.kept} ${event.name}: ${text.reasons.private}`);
        break;
      case 'sample': {
        const { url, result, status } = event.sample;
        this.#log.line(`${url}: ${result}${status === null ? '' : ` (${status})`}`);
        break;
      }
      case 'step':
        this.#say(text.steps[event.step](event.name));
        break;
      case 'connected':
        this.#log.line(text.connected(event.label));
        break;
      case 'planned':
        this.#say(this.#head(event.places, event.comparison));
        if (this.#isDryRun) this.#say(text.dryHead);
        if (this.#leftOut > 0) this.#say(text.leftOut(this.#leftOut));
        break;
    }
  }

  /** What came of it, on standard error and in the log; the caller prints JSON where that is wanted. */
  async end({ report, fault }: SyncResult): Promise<void> {
    await this.#bar.stop();
    const { sync: text } = this.#context.messages;
    for (const { name, reason, text: why } of report.failures.slice(0, FAILURES_SHOWN))
      this.#context.terminal.note(
        this.#redactor.text(`  ${name}: ${this.#reason(reason, true)}${why === '' ? '' : ` - ${why}`}`),
      );
    if (report.failures.length > FAILURES_SHOWN)
      this.#context.terminal.note(`  ${text.moreFailures(sum(report.failed) - FAILURES_SHOWN)}`);
    for (const line of this.#summary(report)) this.#say(line);
    const problem = this.problem({ report, fault });
    if (problem) this.#log.line(`${problem.title}: ${problem.detail}`);
    // The last line says again what this was.
    this.#log.line(`${text.states[report.state]}: ${this.#head(report.places, report.comparison)}`);
    this.#log.flush();
    this.#context.terminal.note(text.logAt(this.#log.path));
  }

  /** What stopped it as a whole, as every other problem is told. */
  problem({ report, fault }: SyncResult): Problem | null {
    if (fault === null) return null;
    const known = this.#context.messages.sync.faults as Record<string, { title: string; fix: string }>;
    const { title, fix } = known[fault] ?? this.#context.messages.sync.faults.failed;
    return { title, detail: this.#redactor.text(report.error ?? ''), fix, code: `sync_${fault}` };
  }

  #head(places: SyncReport['places'], comparison: SyncReport['comparison']): string {
    const { sync: text } = this.#context.messages;
    const { what, mode } = this.#kind;
    const shown = places.map(({ kind, from, to, files, bytes }) =>
      text.place(kind, from, to, files, sizeText(bytes)),
    );
    const all = shown.length === 0 ? text.emptySource : shown.join('; ');
    return text.head(text.whats[what], text.modes[mode], text.comparisons[comparison], all);
  }

  #summary(report: SyncReport): string[] {
    const { sync: text } = this.#context.messages;
    const { sent, files, sent_bytes: bytes, state, public_check: publicCheck } = report;
    const seconds = (Date.parse(report.ended_at) - Date.parse(report.started_at)) / MS_PER_S;
    const rate = sizeText(Math.round(bytes / Math.max(seconds, 0.001)));
    const lines = [];
    if (report.what !== 'rollback')
      lines.push(
        this.#isDryRun
          ? text.wouldSend(sent, files, sizeText(bytes))
          : text.sent(sent, files, sizeText(bytes), seconds.toFixed(1), rate),
      );
    for (const [reason, count] of Object.entries(report.kept))
      lines.push(text.keptLine(count, this.#reason(reason, false)));
    for (const [reason, count] of Object.entries(report.failed))
      lines.push(text.failedLine(count, this.#reason(reason, true)));
    if (report.kept.target_newer || report.kept.target_different) lines.push(text.heldBack);
    if (state === 'nothing_sent') lines.push(text.nothingSent);
    if (state === 'done' && sent === 0 && files > 0) lines.push(text.upToDate);
    if (report.release !== null) lines.push(text.release(report.release));
    if (publicCheck?.length === 0) lines.push(text.publicOk);
    for (const { kind, url, place, why } of publicCheck ?? [])
      lines.push(`${text.publicWrong(kind, url, place)} ${this.#why(why)}`);
    return lines;
  }

  #why(why: string): string {
    return (this.#context.messages.sync.publicWhy as Record<string, string>)[why] ?? why;
  }

  #reason(reason: string, isFailure: boolean): string {
    const known = this.#context.messages.sync.reasons as Record<string, string>;
    return known[isFailure && reason === 'full' ? 'full_target' : reason] ?? reason;
  }

  #outcomeLine(outcome: Outcome): string {
    const { sync: text } = this.#context.messages;
    const { name, bytes, result, reason } = outcome;
    if (result === 'failed')
      return `${text.outcomes.failed} ${name}: ${this.#reason(reason, true)} - ${outcome.text}`;
    if (result === 'kept') return `${text.outcomes.kept} ${name}: ${this.#reason(reason, false)}`;
    const notes = [
      ...(outcome.replacedOther ? [text.replacedOther] : []),
      ...(outcome.resumedBytes > 0 ? [text.resumed(sizeText(outcome.resumedBytes))] : []),
      ...(outcome.tries > 1 ? [text.triesNote(outcome.tries)] : []),
    ];
    const word = this.#isDryRun ? text.outcomes.would : text.outcomes.sent;
    return `${word} ${name} (${bytes} B): ${[this.#reason(reason, false), ...notes].join(', ')}`;
  }

  #output(text: string): void {
    for (const line of text.split(/\r?\n/)) if (line.trim() !== '') this.#log.line(`| ${line}`);
  }

  #say(line: string): void {
    this.#log.line(line);
    this.#context.terminal.note(this.#redactor.text(line));
  }

  #draw({ files, totalFiles, bytes, totalBytes }: Progress): void {
    const nowMs = this.#clock.monotonicMs();
    const isOver = files === totalFiles;
    if (!isOver && nowMs - this.#drawnAtMs < DRAW_EVERY_MS) return;
    this.#drawnAtMs = nowMs;
    this.#marks = this.#marks.filter(({ atMs }) => nowMs - atMs < RATE_WINDOW_MS);
    const first = this.#marks[0] ?? { atMs: nowMs, bytes };
    this.#marks.push({ atMs: nowMs, bytes });
    const perMs = Math.max(0, bytes - first.bytes) / Math.max(1, nowMs - first.atMs);
    const left = perMs > 0 ? durationText((totalBytes - bytes) / perMs) : '-:--';
    const shown = this.#context.messages.sync.bar(
      `${files}/${totalFiles} ${sizeText(bytes)}`,
      sizeText(totalBytes),
      sizeText(Math.round(perMs * MS_PER_S)),
      isOver ? '0:00' : left,
    );
    this.#bar.show(totalBytes === 0 ? files / Math.max(1, totalFiles) : bytes / totalBytes, shown);
  }
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((all, one) => all + one, 0);
