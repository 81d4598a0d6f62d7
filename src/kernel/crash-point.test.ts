import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { armCrashPoint, armedCrashPoint, CRASH_POINTS, crashPoint } from './crash-point.ts';

const MODULE = new URL('./crash-point.ts', import.meta.url).href;

/** Passes points in a process of its own; what it printed before it ended, and how. */
function pass(spec: string, points: readonly string[]) {
  const code = `import { armCrashPoint, crashPoint } from '${MODULE}';
    armCrashPoint('${spec}');
    for (const point of ${JSON.stringify(points)}) { crashPoint(point); process.stdout.write(point + ' '); }`;
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code]);
  return { passed: stdout.toString().trim(), signal };
}

test('unarmed points are passed by', () => {
  armCrashPoint(null);
  for (const point of ['kp1', 'kp16'] as const) crashPoint(point);
  assert.equal(armedCrashPoint(), null);
});

test('an armed point ends the process by SIGKILL at its pass, and no other does', () => {
  assert.deepEqual(pass('kp5', ['kp4', 'kp5', 'kp6']), { passed: 'kp4', signal: 'SIGKILL' });
  assert.deepEqual(pass('kp5:3', ['kp5', 'kp5', 'kp6', 'kp5', 'kp7']), {
    passed: 'kp5 kp5 kp6',
    signal: 'SIGKILL',
  });
  assert.deepEqual(pass('kp5:3', ['kp5', 'kp5']), { passed: 'kp5 kp5', signal: null });
});

test('anything but the name of a point and a pass is refused', () => {
  for (const spec of ['kp0', 'kp17', 'kp5:0', 'kp5:x', 'toString', 'kp5 '])
    assert.throws(() => armCrashPoint(spec), { code: 'validation_failed' });
  assert.equal(armedCrashPoint(), null);
});

test('every point has a place in the program', () => {
  const sources = globSync('src/**/*.ts')
    .filter((path) => !path.endsWith('.test.ts'))
    .map((path) => readFileSync(path, 'utf8'));
  const missing = Object.keys(CRASH_POINTS).filter(
    (point) => !sources.some((text) => text.includes(`crashPoint('${point}')`)),
  );
  assert.deepEqual(missing, []);
});
