// `npm run mutants`: puts each seeded bug into a copy of the program and shows which test notices it. A bug that no test
// notices, and tests that fail without any bug, make the command fail.
//   npm run mutants -- [--only <word>,…] [--jobs <n>]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DOCUMENT, documentedRows, rowOf, seededBugsDocument } from './document.ts';
import type { SeededBug } from './seeded-bug.ts';
import { SEEDED_BUGS } from './seeded-bugs.ts';
import type { TestOutcome } from './selection.ts';
import { type Bench, type RunResult, Workshop } from './workshop.ts';

const DEFAULT_JOBS = 2;
const BASELINE_LONGEST_MS = 600_000;
/** With a bug, tests get this long, or this many times as long as without one, whichever is more. */
const BUG_LONGEST_MS = 60_000;
const BUG_LONGEST_TIMES = 4;
/** A hang says something only about tests that are quick without the bug. */
const QUICK_MS = 60_000;
const SHOWN_OUTPUT_CHARS = 1_500;
const MOST_NAMED = 3;

interface Verdict {
  bug: SeededBug;
  isCaught: boolean;
  /** The tests that noticed it, or what happened instead. */
  by: string;
}

const keyOf = (bug: SeededBug) => bug.tests.join(',');

/** Tests without any bug, by their files: what a run of them says about single bugs below rests on. */
async function runBaseline(bench: Bench, bugs: readonly SeededBug[]): Promise<RunResult> {
  const [first] = bugs as [SeededBug];
  const isWhole = bugs.some(({ only }) => only === undefined);
  const only = isWhole ? [] : [...new Set(bugs.flatMap((bug) => bug.only ?? []))];
  return bench.runTests(first.tests, only, BASELINE_LONGEST_MS);
}

const isOf = ({ only }: SeededBug, { name }: TestOutcome) => only === undefined || name.includes(only);

/** What is wrong with the bug's tests when there is no bug; null when they pass. */
function troubleWithout(bug: SeededBug, baseline: RunResult): string | null {
  if (baseline.state !== 'ran') return `without the bug its tests were ${baseline.state}`;
  const own = baseline.outcomes.filter((outcome) => isOf(bug, outcome));
  const failed = own.find(({ state }) => state === 'failed');
  if (failed) return `without the bug, "${failed.title}" fails`;
  if (own.some(({ state }) => state === 'passed')) return null;
  return own.length > 0 ? 'its tests are skipped on this machine' : 'no test has this name';
}

async function judge(bench: Bench, bug: SeededBug, baseline: RunResult): Promise<Verdict> {
  const trouble = troubleWithout(bug, baseline);
  if (trouble !== null || baseline.state !== 'ran') return { bug, isCaught: false, by: trouble ?? '' };
  const only = bug.only === undefined ? [] : [bug.only];
  const longestMs = Math.max(BUG_LONGEST_MS, BUG_LONGEST_TIMES * baseline.durationMs);
  const result = await bench.withBug(bug, () => bench.runTests(bug.tests, only, longestMs));
  if (result.state !== 'ran') {
    return result.state === 'timed out'
      ? { bug, isCaught: baseline.durationMs <= QUICK_MS, by: 'its tests timed out' }
      : { bug, isCaught: false, by: `nothing ran: ${result.output.slice(-SHOWN_OUTPUT_CHARS)}` };
  }
  const names = namesOfFailed(result.outcomes);
  return names.length > 0
    ? { bug, isCaught: true, by: names.join('; ') }
    : { bug, isCaught: false, by: 'SURVIVED: no test failed' };
}

/** The tests that failed, without the suites around them, which fail with them; a few of them stand for many. */
function namesOfFailed(outcomes: readonly TestOutcome[]): string[] {
  const failed = outcomes.filter(({ state }) => state === 'failed');
  const inner = failed.filter(({ name }) => !failed.some((other) => other.name.startsWith(`${name} `)));
  const titles = [...new Set(inner.map(({ title }) => title))];
  const more = titles.length - MOST_NAMED;
  return more > 0 ? [...titles.slice(0, MOST_NAMED), `and ${more} more`] : titles;
}

function wantedBugs(only: string | undefined): SeededBug[] {
  const words = (only ?? '').split(',').filter(Boolean);
  return SEEDED_BUGS.filter(
    ({ id, area }) => words.length === 0 || words.some((word) => area === word || id.includes(word)),
  );
}

/** Takes test files one after the other, so that each is run without a bug once; returns the verdicts. */
async function work(bench: Bench, groups: SeededBug[][], report: (verdict: Verdict) => void): Promise<void> {
  for (let group = groups.shift(); group; group = groups.shift()) {
    const baseline = await runBaseline(bench, group);
    for (const bug of group) report(await judge(bench, bug, baseline));
  }
}

function writeDocument(verdicts: readonly Verdict[]): void {
  const known = new Set(SEEDED_BUGS.map(({ id }) => id));
  const rows = new Map([...documentedRows()].filter(([id]) => known.has(id)));
  for (const { bug, isCaught, by } of verdicts) {
    if (isCaught) rows.set(bug.id, rowOf(bug, by));
    else rows.delete(bug.id);
  }
  writeFileSync(DOCUMENT, seededBugsDocument(SEEDED_BUGS, rows));
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, jobs: { type: 'string' } } });
  const bugs = wantedBugs(values.only);
  const jobs = Math.max(1, Number(values.jobs ?? DEFAULT_JOBS) || DEFAULT_JOBS);
  const groups = [...Map.groupBy(bugs, keyOf).values()].sort((a, b) => b.length - a.length);
  const verdicts: Verdict[] = [];
  const workshop = new Workshop();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      workshop.close();
      process.exit(1);
    });
  }
  try {
    const report = (verdict: Verdict) => {
      verdicts.push(verdict);
      const { bug, isCaught, by } = verdict;
      console.log(`${isCaught ? 'caught' : 'NOT   '}  ${bug.id.padEnd(42)} ${by}`);
    };
    const benches = Array.from({ length: Math.min(jobs, groups.length) }, (_, index) =>
      workshop.openBench(`bench-${index + 1}`),
    );
    await Promise.all(benches.map((bench) => work(bench, groups, report)));
  } finally {
    workshop.close();
  }
  writeDocument(verdicts);
  const caught = verdicts.filter(({ isCaught }) => isCaught).length;
  console.log(`\n${caught} of ${bugs.length} caught; ${DOCUMENT} says by which test`);
  if (caught < bugs.length || bugs.length === 0) process.exitCode = 1;
}

await main();
