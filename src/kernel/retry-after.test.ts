// S5: seconds, dates and absurd values of Retry-After, as servers send them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONGEST_RETRY_AFTER_MS, parseRetryAfter } from './retry-after.ts';

const NOW_MS = Date.parse('2026-11-22T00:00:00Z');
const wait = (value: string | string[] | undefined) => parseRetryAfter({ 'retry-after': value }, NOW_MS);

test('S5 seconds and every form of an HTTP date become milliseconds', () => {
  assert.equal(wait('7'), 7_000);
  assert.equal(wait(' 0 '), 0);
  assert.equal(wait('1.5'), 1_500);
  assert.equal(wait(['3', '9']), 3_000);
  assert.equal(wait('Sun, 22 Nov 2026 00:00:30 GMT'), 30_000);
  assert.equal(wait('Sunday, 22-Nov-26 00:00:30 GMT'), 30_000);
  assert.equal(wait('Sun Nov 22 00:00:30 2026'), 30_000);
  assert.equal(wait('Sun, 22 Nov 2026 00:00:30 GMT'.replace('22', '21')), 0, 'a date that has passed');
});

test('S5 what says nothing is null', () => {
  for (const value of [
    undefined,
    '',
    'soon',
    '-5',
    '5s',
    '0x10',
    '1e3',
    'NaN',
    'Infinity',
    '2026',
    'Sun, soon',
  ]) {
    const isYear = value === '2026';
    assert.equal(wait(value), isYear ? 2_026_000 : null, String(value));
  }
  assert.equal(wait('Sun, 99 Nov 2026 00:00:30 GMT'), null);
});

test('S5 an absurd wish is cut to an hour', () => {
  assert.equal(wait('99999999999999999999'), LONGEST_RETRY_AFTER_MS);
  assert.equal(wait('9'.repeat(400)), LONGEST_RETRY_AFTER_MS);
  assert.equal(wait('Fri, 22 Nov 2126 00:00:30 GMT'), LONGEST_RETRY_AFTER_MS);
});

test('S5 retry-after-ms is the more exact witness, where it is one', () => {
  const both = (ms: string) => parseRetryAfter({ 'retry-after-ms': ms, 'retry-after': '7' }, NOW_MS);
  assert.equal(both('1500'), 1_500);
  assert.equal(both('soon'), 7_000);
  assert.equal(both('-1'), 7_000);
});
