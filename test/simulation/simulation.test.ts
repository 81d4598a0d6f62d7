// A small share of the seeds on every change, and the proofs that the simulation is worth something: it repeats itself, and
// it fails where a database or volume forgets and where a bug is planted.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { runRange } from './fleet-of-workers.ts';
import { findPlant } from './main.ts';
import { conditionsOf, misfits, PLANTS } from './plants.ts';
import { HONEST } from './simulate.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));
const WORKERS = 2;
const SEEDS = 200;
/** Without its syncs the same runs must fail within this many. */
const CONTROL_SEEDS = 200;

test('200 seeds keep every invariant', async () => {
  const range = { from: 1, count: SEEDS, conditions: HONEST, isFirstEnough: false };
  const { seeds, tasks, failures } = await runRange(MAIN, range, WORKERS);
  const said = failures.map(({ seed, violations }) => `seed ${seed}: ${violations.join('; ')}`);
  assert.deepEqual(said, []);
  assert.equal(seeds, SEEDS);
  assert.ok(tasks > SEEDS, 'hardly anything happened');
});

test('a seed is the same run to the last line, in another process and after other runs', async () => {
  const script = `
    const { openBlankDatabase } = await import(${JSON.stringify(new URL('./store.ts', import.meta.url).href)});
    const { simulate } = await import(${JSON.stringify(new URL('./simulate.ts', import.meta.url).href)});
    const blank = await openBlankDatabase();
    for (const seed of process.argv[1].split(',')) {
      const { digest, lines } = await simulate(blank, Number(seed), { isTraced: true });
      console.log(seed, digest, lines.length);
    }`;
  const runs = async (seeds: string) => {
    const args = ['--input-type=module', '-e', script, seeds];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return stdout.trim().split('\n');
  };
  const [straight, back] = await Promise.all([runs('7,8,9,10,11,12'), runs('12,11,10,9,8,7')]);
  assert.equal(straight.length, 6);
  assert.deepEqual(straight, back.toReversed());
});

for (const name of ['no-store-sync', 'no-disk-sync'] as const) {
  test(`the same runs fail when ${PLANTS[name]?.what}`, async () => {
    const conditions = conditionsOf(PLANTS[name] ?? { what: name });
    const range = { from: 1, count: CONTROL_SEEDS, conditions, isFirstEnough: true };
    const { failures } = await runRange(MAIN, range, WORKERS);
    assert.equal(failures.length > 0, true, `${name} was not missed`);
  });
}

for (const name of ['no-epoch-check', 'resend-on-unknown'] as const) {
  test(`a planted bug is found and its seed replays: ${PLANTS[name]?.what}`, async () => {
    const found = await findPlant(PLANTS[name] ?? { what: name }, { workers: WORKERS });
    assert.ok(found, 'not found');
    assert.equal(found.replays, true);
  });
}

test('every plant still fits the program', () => {
  for (const plant of Object.values(PLANTS)) assert.deepEqual(misfits(plant), [], plant.what);
});
