// A short run of the kill experiment; the long one is a command of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos } from './kill-server.ts';

const TASKS = 60;
const KILLS = 6;

test('tasks, pictures, credits and events survive the sudden death of the server', async () => {
  const seed = Date.now() % 1_000_000;
  const report = await runChaos({ tasks: TASKS, kills: KILLS, seed });
  assert.deepEqual(report.findings, [], `seed ${seed}`);
  assert.equal(report.pictures, TASKS);
  assert.equal(report.jobs, TASKS);
  assert.ok(report.eventConnections > 1);
});
