import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Selection } from './selection.ts';

function over(total: number): Selection {
  const selection = new Selection();
  selection.reset(total);
  return selection;
}

const ranges = (selection: Selection) =>
  [...selection.markedRanges()].map(([first, end]) => `${first}-${end}`);

test('single pictures go in and out', () => {
  const selection = over(10);
  selection.toggle(3);
  selection.toggle(5);
  selection.toggle(3);
  assert.equal(selection.size, 1);
  assert.deepEqual(ranges(selection), ['5-6']);
});

test('a list that grows keeps what is selected, a range that is being drawn too', () => {
  const selection = over(4);
  selection.toggle(1);
  selection.extendTo(3);
  selection.grow(10);
  assert.deepEqual(ranges(selection), ['1-4']);
  selection.extendTo(6);
  assert.deepEqual(ranges(selection), ['1-7']);
  selection.extendTo(2);
  assert.deepEqual(ranges(selection), ['1-3']);
  selection.selectAll();
  selection.toggle(0);
  selection.grow(20);
  assert.equal(selection.size, 19);
});

test('a range grows, shrinks and turns, and gives back what was there before', () => {
  const selection = over(20);
  selection.toggle(12);
  selection.toggle(5);
  selection.extendTo(8);
  assert.deepEqual(ranges(selection), ['5-9', '12-13']);
  selection.extendTo(14);
  assert.deepEqual(ranges(selection), ['5-15']);
  selection.extendTo(2);
  assert.deepEqual(ranges(selection), ['2-6', '12-13']);
  assert.equal(selection.size, 5);
});

test('a range that starts on a selected picture takes out', () => {
  const selection = over(20);
  selection.toggle(2);
  selection.extendTo(9);
  selection.toggle(5);
  selection.extendTo(7);
  assert.deepEqual(ranges(selection), ['2-5', '8-10']);
});

test('Shift with the arrows begins at the picture it left', () => {
  const selection = over(20);
  selection.extendFrom(4, 5);
  selection.extendFrom(5, 6);
  assert.deepEqual(ranges(selection), ['4-7']);
});

test('all but some', () => {
  const selection = over(1_000_000);
  selection.selectAll();
  selection.toggle(7);
  assert.equal(selection.size, 999_999);
  assert.ok(selection.isAll && selection.has(6) && !selection.has(7));
  assert.deepEqual(ranges(selection), ['7-8']);
  assert.deepEqual([...selection.selectedRanges()], [[0, 7], [8, 1_000_000]]); // biome-ignore format: one line
  selection.clear();
  assert.equal(selection.size, 0);
});
