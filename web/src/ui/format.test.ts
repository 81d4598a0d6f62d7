import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatCredits, formatDuration } from './format.ts';

test('durations grow by unit and never go negative', () => {
  assert.equal(formatDuration(-5), '0 s');
  assert.equal(formatDuration(8_900), '8 s');
  assert.equal(formatDuration(65_000), '1:05');
  assert.equal(formatDuration(3_723_000), '1:02:03');
});

test('credits and sizes', () => {
  assert.equal(formatCredits(1234.5, 'en'), '1,234.5');
  assert.equal(formatBytes(2_340_000, 'en'), '2.3 MB');
  assert.equal(formatBytes(12_000, 'en'), '12 kB');
  assert.equal(formatBytes(63_862_900_000, 'en'), '63.9 GB');
  assert.equal(formatBytes(640_000_000_000, 'en'), '640 GB');
  assert.equal(formatBytes(2_000_000_000_000, 'en'), '2 TB');
  assert.equal(formatBytes(0, 'en'), '0 kB');
});
