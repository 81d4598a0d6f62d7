// Token buckets and the settings of lanes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../kernel/errors.ts';
import { parseLaneSettings } from './lane-settings.ts';
import { bucketSize, refill, untilNextTokenMs } from './limits.ts';

test('a bucket lets its rate through over a minute and little more, however it is asked', () => {
  for (const perMinute of [1, 7, 60, 600]) {
    let bucket = refill(null, perMinute, 0);
    let taken = 0;
    for (let now = 0; now <= 60_000; now += 250) {
      bucket = refill(bucket, perMinute, now);
      while (bucket.tokens >= 1) {
        bucket = { ...bucket, tokens: bucket.tokens - 1 };
        taken += 1;
      }
    }
    assert.ok(taken >= perMinute && taken <= perMinute + bucketSize(perMinute), `${taken} at ${perMinute}`);
  }
});

test('a clock that goes back neither fills nor blocks a bucket for long', () => {
  const empty = { tokens: 0, refilledAt: 1_000_000 };
  const back = refill(empty, 60, 1_000);
  assert.equal(back.tokens, 0);
  assert.equal(untilNextTokenMs(back, 60), 1_000);
  assert.equal(refill(back, 60, 2_000).tokens, 1);
});

const DEFAULTS = { concurrency: 4, deadlineMs: 900_000 };

test('every provider takes the same limits, from text too, and what it does not set stays', () => {
  const lane = parseLaneSettings(
    'kie',
    { concurrency: '8', requests_per_minute: 120, credential_concurrency: '', url: 'http://x' },
    DEFAULTS,
  );
  assert.deepEqual(lane, {
    concurrency: 8,
    deadlineMs: 900_000,
    requestsPerMinute: 120,
    credentialConcurrency: null,
    credentialRequestsPerMinute: null,
  });
});

test('a wrong limit is refused by its name and without its value', () => {
  assert.throws(
    () => parseLaneSettings('kie', { requests_per_minute: 'secret-value' }, DEFAULTS),
    (error) =>
      error instanceof AppError &&
      error.message.startsWith('providers.kie.requests_per_minute is wrong') &&
      !error.message.includes('secret-value'),
  );
});
