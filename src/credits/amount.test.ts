import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../kernel/errors.ts';
import {
  formatCredits,
  MAX_CREDITS_PER_REQUEST,
  MICROS_PER_CREDIT,
  parseCredits,
  requireMicros,
  toCredits,
} from './amount.ts';

test('H3: amounts that are not exact, not finite, negative or too large are refused', () => {
  const refused = [-1, -0.5, Number.NaN, Infinity, -Infinity, 1e21, 1e-7, 0.0000001, 1.1234567, 2e9];
  const refusedTexts = [
    '',
    ' ',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '1,5',
    '1.',
    '.5',
    '1.1234567',
    'NaN',
    '٣',
    '1 000',
  ];
  for (const value of [...refused, ...refusedTexts, '99999999999999999999', '1000000000.000001']) {
    assert.throws(
      () => parseCredits(value),
      (error) => error instanceof AppError && error.code === 'validation_failed',
      String(value),
    );
  }
  assert.equal(parseCredits('1000000000'), MAX_CREDITS_PER_REQUEST * MICROS_PER_CREDIT);
  assert.equal(parseCredits(0.000001), 1);
  assert.equal(parseCredits(' 1.10 '), 1_100_000);
  for (const value of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
    assert.throws(() => requireMicros(value, 'It'), AppError);
  }
});

test('H3: what is written and read back is the same amount', () => {
  const amounts = fc.integer({ min: 0, max: MAX_CREDITS_PER_REQUEST * MICROS_PER_CREDIT });
  fc.assert(
    fc.property(amounts, (micros) => {
      assert.equal(parseCredits(formatCredits(micros)), micros);
      assert.equal(parseCredits(toCredits(micros)), micros);
    }),
    { numRuns: 2000 },
  );
});
