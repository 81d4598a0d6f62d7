// Runs some test files of the folder it is started in and prints what came of each test as a line of JSON, at once: a process
// of its own, so that whoever started it can end it with everything that the tests started, and knows what came before that.
//   node test/mutants/selection.ts <longest time of a test in ms> <file,…> <pattern>…
import { run } from 'node:test';

/** One test that is no suite; `name` begins with the suites around it. */
export interface TestOutcome {
  name: string;
  /** The name that the test itself was given. */
  title: string;
  state: 'passed' | 'failed' | 'skipped';
}

/** Marks the lines of the answer among whatever the tests print. */
export const OUTCOME_MARK = 'test outcome: ';

/** What Node says of a parent whose subtests failed, and of a file whose process ended badly: nothing about a test itself. */
const SECOND_HAND = new Set(['subtestsFailed', 'testAborted']);

async function runSelection(longestMs: number, files: string[], patterns: string[]): Promise<void> {
  /** Names of what is open at each depth. */
  const open: string[] = [];
  const stream = run({
    files,
    concurrency: 1,
    timeout: longestMs,
    ...(patterns.length > 0 ? { testNamePatterns: patterns.map((pattern) => new RegExp(pattern)) } : {}),
  });
  stream.on('test:start', ({ name, nesting }) => {
    open.length = nesting;
    open.push(name);
  });
  const note = (state: TestOutcome['state'], title: string, nesting: number) => {
    const outcome: TestOutcome = { name: [...open.slice(0, nesting), title].join(' '), title, state };
    process.stdout.write(`\n${OUTCOME_MARK}${JSON.stringify(outcome)}\n`);
  };
  stream.on('test:pass', ({ name, nesting, skip, todo, details }) => {
    if (details.type === 'suite') return;
    note(skip !== undefined || todo !== undefined ? 'skipped' : 'passed', name, nesting);
  });
  stream.on('test:fail', ({ name, nesting, details }) => {
    const failure = (details.error as { failureType?: string } | undefined)?.failureType ?? '';
    // A file that does not load fails under its own path: that is no test that noticed something.
    if (SECOND_HAND.has(failure) || files.some((file) => name.endsWith(file))) return;
    note('failed', name, nesting);
  });
  for await (const _event of stream) {
    // The listeners above do the work; reading the stream to its end is what waits for it.
  }
}

if (import.meta.main) {
  const [longestMs = '', files = '', ...patterns] = process.argv.slice(2);
  await runSelection(Number(longestMs), files.split(','), patterns);
  process.stdout.write('\n', () => process.exit(0));
}
