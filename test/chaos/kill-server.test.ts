// A short chaos run on each database; the long one is a command of its own: `npm run chaos`.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { postgresUnavailable } from '../harness/postgres.ts';
import { describeReport } from './chaos-figures.ts';
import { type ChaosOptions, runChaos } from './kill-server.ts';
import { controlsThatDoNotFit } from './negative-controls.ts';

const TASKS = 24;
const KILLS = 3;

const CASES = [
  { database: 'sqlite', nodes: 1, skip: false },
  { database: 'postgres', nodes: 2, skip: postgresUnavailable() ?? false },
] as const satisfies (Pick<ChaosOptions, 'database' | 'nodes'> & { skip: string | false })[];

describe('a short chaos run', { concurrency: true }, () => {
  for (const { database, nodes, skip } of CASES) {
    test(`on ${database}, tasks, pictures, credits, events and messages survive sudden deaths of ${nodes} node(s)`, {
      skip,
    }, async () => {
      const seed = 20_261;
      const report = await runChaos({
        database,
        nodes,
        seed,
        tasks: TASKS,
        kills: KILLS,
        faults: 0.02,
        pauses: 0,
        databaseKills: 0,
        doctorEvery: KILLS,
      });
      assert.deepEqual(report.findings, [], `seed ${seed}\n${describeReport(report)}`);
      assert.equal(report.lost, 0);
      assert.equal(report.duplicateSubmits, 0);
      assert.ok(report.kills.length >= KILLS);
      assert.ok(report.jobs > 0 && report.hooks.messages === TASKS);
    });
  }
});

test('every negative control still finds the rule that it takes out', () => {
  assert.deepEqual(controlsThatDoNotFit(), []);
});
