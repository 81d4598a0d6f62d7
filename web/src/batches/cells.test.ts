// States of a grid: snapshots, changes and filters; and where the keys lead.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchCells } from './batch-api.ts';
import { Cells } from './cells.ts';
import { layoutGrid, placeAt, placesBetween, stepFrom } from './grid-layout.ts';

const answer = (change: Partial<BatchCells>): BatchCells => ({
  version: '1',
  total: 5,
  states: null,
  changes: null,
  counts: { total: 5, queued: 5, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
  status: 'running',
  ...change,
});

test('a snapshot, changes on it, and a later snapshot say what is another state now', () => {
  const cells = new Cells();
  assert.equal(cells.apply(answer({ states: 'qqqqq' })), 'all');
  assert.deepEqual(
    cells.apply(
      answer({
        version: '2',
        changes: [
          [1, 'r'],
          [3, 'q'],
          [99, 's'],
        ],
      }),
    ),
    [1],
  );
  assert.equal(cells.version, '2');
  assert.deepEqual(cells.apply(answer({ states: 'sfqqc' })), [0, 1, 4]);
  assert.deepEqual(cells.positionsOf('queued'), [2, 3]);
  assert.equal(cells.nameAt(1), 'failed');
  assert.deepEqual(
    [0, 1, 2, 4].map((at) => cells.isRetryable(at)),
    [false, true, false, true],
  );
});

test('cells lie in rows, and points between them belong to none', () => {
  const layout = layoutGrid(100, 18 * 10 - 4, 'small', false);
  assert.deepEqual([layout.columns, layout.rows, layout.heightPx], [10, 10, 176]);
  assert.equal(placeAt(layout, 95, 18 * 3 + 2, 18 * 2 + 2), 23);
  assert.equal(placeAt(layout, 95, 18 * 8, 18 * 9), -1);
  assert.equal(placeAt(layout, 95, -1, 0), -1);
  assert.deepEqual(placesBetween(layout, 95, 17, 19), [0, 20]);
  assert.deepEqual(placesBetween(layout, 95, 160, 900), [80, 95]);
});

test('arrows stay in the grid, Home and End reach its ends', () => {
  const layout = layoutGrid(95, 176, 'small', false);
  const step = (from: number, key: string) => stepFrom(layout, 95, from, key, 3);
  assert.deepEqual([step(0, 'ArrowLeft'), step(0, 'ArrowUp'), step(0, 'ArrowDown')], [0, 0, 10]);
  assert.deepEqual([step(88, 'ArrowDown'), step(94, 'ArrowRight'), step(50, 'PageDown')], [88, 94, 80]);
  assert.deepEqual([step(50, 'Home'), step(50, 'End'), step(50, 'x')], [0, 94, undefined]);
});
