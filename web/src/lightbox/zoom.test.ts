import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bound, FITTED, fit, LARGEST_SCALE, zoomAt } from './zoom.ts';

const stage = { width: 1000, height: 800 };
const fitted = { width: 800, height: 800 };

test('the point under the pointer stays where it is', () => {
  const zoom = zoomAt(FITTED, 2, { x: 100, y: -50 }, fitted, stage);
  assert.deepEqual(zoom, { scale: 2, x: -100, y: 50 });
  const more = zoomAt(zoom, 2, { x: 100, y: -50 }, fitted, stage);
  assert.deepEqual(more, { scale: 4, x: -300, y: 150 });
});

test('zooming out ends fitted and centred', () => {
  const zoom = zoomAt(FITTED, 3, { x: 300, y: 300 }, fitted, stage);
  assert.deepEqual(zoomAt(zoom, 0.1, { x: 0, y: 0 }, fitted, stage), FITTED);
});

test('the edge of the picture is not pulled into the stage', () => {
  assert.deepEqual(bound({ scale: 2, x: 5000, y: -5000 }, fitted, stage), { scale: 2, x: 300, y: -400 });
  assert.equal(bound({ scale: 500, x: 0, y: 0 }, fitted, stage).scale, LARGEST_SCALE);
});

test('a picture is fitted, but not blown up', () => {
  assert.deepEqual(fit({ width: 2000, height: 1000 }, stage), { width: 1000, height: 500 });
  assert.deepEqual(fit({ width: 200, height: 100 }, stage), { width: 200, height: 100 });
});
