// Runs every test file of the repository, or those whose path contains one of the arguments, names the slowest files and ends
// with one line: `N passed, N failed` (and `, N skipped`). With CI=true a skipped test is a failure, since CI installs everything.
import { globSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';

const PATTERNS = ['src/**/*.test.ts', 'test/**/*.test.ts', 'web/src/**/*.test.ts', 'migrations/**/*.test.ts'];
/** Files at a time: the tests themselves start servers, workers and browsers, so that two keep two processors busy (86 %). */
const CONCURRENCY = 2;
/** A file that takes longer hangs. */
const FILE_TIMEOUT_MS = 600_000;
const DOTS_PER_LINE = 100;
/** Compiled code, kept between the files' processes: without it each strips the types of the whole program anew (0.5 s of CPU). */
const COMPILE_CACHE = join(import.meta.dirname, '../node_modules/.cache/drawbridge-test');
/** Files named at the end, so that a suite that grows slow says where. */
const SLOWEST_SHOWN = 10;

interface Outcome {
  name: string;
  file: string;
}

interface Failure extends Outcome {
  error: unknown;
}

class Report {
  passed = 0;
  readonly failures: Failure[] = [];
  readonly skipped: (Outcome & { reason: string })[] = [];
  /** What each file printed; shown only if something in it fails. */
  readonly output = new Map<string, string>();
  /** How long each file took from its start to its end, in milliseconds. */
  readonly durationsMs = new Map<string, number>();
  #dots = 0;

  dot(mark: string): void {
    this.#dots += 1;
    process.stdout.write(this.#dots % DOTS_PER_LINE === 0 ? `${mark}\n` : mark);
  }

  keepOutput(file: string | undefined, text: string): void {
    const key = resolve(file ?? '');
    this.output.set(key, (this.output.get(key) ?? '') + text);
  }

  print(skippingFails: boolean): void {
    process.stdout.write('\n');
    for (const file of new Set(this.failures.map((failure) => failure.file))) {
      const text = this.output.get(resolve(file))?.trim();
      if (text) console.log(`\n--- printed by ${relative('.', file)}\n${text}`);
    }
    for (const { name, file, error } of this.failures) {
      console.log(`\nFAILED ${relative('.', file)}: ${name}\n${describe(error)}`);
    }
    for (const { name, file, reason } of this.skipped) {
      console.log(
        `${skippingFails ? 'SKIPPED (a failure in CI)' : 'skipped'} ${relative('.', file)}: ${name} - ${reason}`,
      );
    }
    this.#printSlowest();
    const skipped = this.skipped.length > 0 ? `, ${this.skipped.length} skipped` : '';
    console.log(`\n${this.passed} passed, ${this.failures.length} failed${skipped}`);
  }

  #printSlowest(): void {
    const slowest = [...this.durationsMs].sort(([, a], [, b]) => b - a).slice(0, SLOWEST_SHOWN);
    if (slowest.length < 2) return;
    console.log(`\nThe slowest of ${this.durationsMs.size} files:`);
    for (const [file, durationMs] of slowest)
      console.log(`${(durationMs / 1000).toFixed(1).padStart(7)} s  ${relative('.', file)}`);
  }
}

/** The error that the test threw, without the runner's wrapping around it. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return typeof cause === 'string' ? cause : inspect(cause, { depth: 4, colors: process.stdout.isTTY });
}

/** A failed parent whose subtests failed says nothing that they do not. */
function isOnlyAboutSubtests(error: unknown): boolean {
  return (error as { failureType?: string } | undefined)?.failureType === 'subtestsFailed';
}

function testFiles(filters: readonly string[]): string[] {
  const files = globSync(PATTERNS).sort();
  if (filters.length === 0) return files;
  return files.filter((file) => filters.some((filter) => file.includes(filter.replace(/^\.\//, ''))));
}

async function runFiles(files: string[], report: Report): Promise<void> {
  process.env.NODE_COMPILE_CACHE ??= COMPILE_CACHE;
  const stream = run({ files, concurrency: CONCURRENCY, timeout: FILE_TIMEOUT_MS });
  stream.on('test:stdout', ({ file, message }) => report.keepOutput(file, message));
  stream.on('test:stderr', ({ file, message }) => report.keepOutput(file, message));
  stream.on('test:pass', ({ name, file, skip, todo, details }) => {
    if (details.type === 'suite') return;
    const reason = skip ?? todo;
    if (reason === undefined) {
      report.passed += 1;
      return report.dot('.');
    }
    report.skipped.push({
      name,
      file: file ?? '',
      reason: typeof reason === 'string' ? reason : 'no reason given',
    });
    report.dot('s');
  });
  stream.on('test:fail', ({ name, file, details }) => {
    if (isOnlyAboutSubtests(details.error)) return;
    report.failures.push({ name, file: file ?? '', error: details.error });
    report.dot('F');
    // At once as well: a long run need not end to say what it found.
    console.log(`\nfailed: ${relative('.', file ?? '')}: ${name}`);
  });
  stream.on('test:summary', ({ file, duration_ms }) => {
    if (file !== undefined) report.durationsMs.set(file, duration_ms);
  });
  for await (const _event of stream) {
    // The listeners above do the work; reading the stream to its end is what waits for it.
  }
}

const files = testFiles(process.argv.slice(2));
const report = new Report();
const skippingFails = process.env.CI === 'true';
if (files.length === 0) console.error('No test file matches.');
else await runFiles(files, report);
report.print(skippingFails);
const failed =
  report.failures.length > 0 || report.passed === 0 || (skippingFails && report.skipped.length > 0);
process.exitCode = failed ? 1 : 0;
