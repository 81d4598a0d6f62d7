// The command: `npm run simulate -- --seeds 20000`, `--seed 17 --trace` for one run in full, `--plant <name>|all` for the proof
// that a planted bug is found and that its seed replays.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type RangeReport, runRange, serveAsWorker } from './fleet-of-workers.ts';
import { conditionsOf, PLANTS, type Plant, plantBug } from './plants.ts';
import { HONEST, type RunReport, simulate } from './simulate.ts';
import { openBlankDatabase } from './store.ts';

const DEFAULT_SEEDS = 1_000;
const DEFAULT_WORKERS = 2;
/** A planted bug must show within this many seeds. */
const PLANT_SEEDS = 2_000;
const LINES_SHOWN = 60;
const HERE = fileURLToPath(import.meta.url);

function show(failure: RangeReport['failures'][number]): void {
  console.log(`\nseed ${failure.seed} fails:`);
  for (const violation of failure.violations) console.log(`  ${violation}`);
  console.log(`the last ${LINES_SHOWN} things that happened (all of them: --seed ${failure.seed} --trace):`);
  for (const line of failure.lines.slice(-LINES_SHOWN)) console.log(`  ${line}`);
}

async function runSeeds(from: number, count: number, workers: number): Promise<boolean> {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1000);
  let shownAt = 0;
  const report = await runRange(
    HERE,
    { from, count, conditions: HONEST, isFirstEnough: false },
    workers,
    (seeds) => {
      if (seconds() - shownAt < 10) return;
      shownAt = seconds();
      console.log(`${seeds} of ${count} seeds after ${shownAt} s`);
    },
  );
  for (const failure of report.failures) show(failure);
  const hours = Math.round(report.elapsedMs / 3_600_000);
  console.log(
    `\n${report.seeds} seeds, ${report.failures.length} failed, in ${seconds()} s: ${report.tasks} tasks (${report.succeeded} succeeded), ${report.events} events, ${hours} hours of virtual time`,
  );
  return report.failures.length === 0;
}

async function runOne(seed: number, plant: Plant | null, isTraced: boolean): Promise<RunReport> {
  const conditions = plant ? conditionsOf(plant) : HONEST;
  const run = await simulate(await openBlankDatabase(), seed, { conditions, isTraced });
  if (isTraced) for (const line of run.lines) console.log(line);
  for (const violation of run.violations) console.log(`VIOLATION ${violation}`);
  console.log(`seed ${seed}: ${run.tasks} tasks, ${run.succeeded} succeeded, digest ${run.digest}`);
  return run;
}

/** Finds the planted bug, then plays its seed again twice: the same end by the same way. */
export async function findPlant(plant: Plant, { seeds = PLANT_SEEDS, workers = DEFAULT_WORKERS } = {}) {
  const copy = plantBug(plant);
  try {
    const conditions = conditionsOf(plant);
    const search = { from: 1, count: seeds, conditions, isFirstEnough: true };
    const [failure] = (await runRange(copy.main, search, workers)).failures;
    if (!failure) return null;
    const replay = { ...search, from: failure.seed, count: 1 };
    const digests: (string | undefined)[] = [failure.digest];
    for (let i = 0; i < 2; i += 1) digests.push((await runRange(copy.main, replay, 1)).failures[0]?.digest);
    return { ...failure, replays: new Set(digests).size === 1 };
  } finally {
    copy.remove();
  }
}

async function provePlants(names: readonly string[], seeds: number, workers: number): Promise<boolean> {
  let areAllFound = true;
  for (const name of names) {
    const plant = PLANTS[name];
    if (!plant) throw new Error(`There is no plant "${name}"; there are: ${Object.keys(PLANTS).join(', ')}`);
    const found = await findPlant(plant, { seeds, workers });
    areAllFound &&= found?.replays === true;
    const how = found
      ? `found by seed ${found.seed}, which ${found.replays ? 'replays' : 'DOES NOT REPLAY'}: ${found.violations[0]}`
      : `NOT FOUND in ${seeds} seeds`;
    console.log(`${name} (${plant.what}): ${how}`);
  }
  return areAllFound;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      trace: { type: 'boolean', default: false },
      plant: { type: 'string' },
      workers: { type: 'string', default: String(DEFAULT_WORKERS) },
      worker: { type: 'boolean', default: false },
    },
  });
  if (values.worker) return serveAsWorker();
  const workers = Number(values.workers);
  const plant = values.plant;
  if (values.seed !== undefined) {
    const run = await runOne(Number(values.seed), (plant && PLANTS[plant]) || null, values.trace);
    process.exitCode = run.violations.length === 0 ? 0 : 1;
  } else if (plant !== undefined) {
    const names = plant === 'all' ? Object.keys(PLANTS) : [plant];
    process.exitCode = (await provePlants(names, Number(values.seeds ?? PLANT_SEEDS), workers)) ? 0 : 1;
  } else {
    const isClean = await runSeeds(Number(values.from), Number(values.seeds ?? DEFAULT_SEEDS), workers);
    process.exitCode = isClean ? 0 : 1;
  }
}

if (import.meta.main) await main();
