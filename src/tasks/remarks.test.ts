// Remarks are recognised from their words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { remarksEn } from '../kernel/messages/remarks-en.ts';
import { describeStop } from '../providers/gate.ts';
import { parseRemark, REMARK_CODES, remarkAfter, sayRemark } from './remarks.ts';

test('every remark is recognised with its values, however they look', () => {
  const values = {
    provider: 'a "quoted" one',
    model: 'flux',
    detail: 'a $& b\nsecond line: (x)',
    addresses: 'https://a, https://b',
    until: '2026-01-02T03:04:05.678Z',
  };
  for (const code of REMARK_CODES) {
    if (code === 'attempt_failed' || code === 'other') continue;
    const said = sayRemark(code, values);
    const { code: heard, params } = parseRemark(said);
    assert.equal(heard, code, said);
    for (const [name, value] of Object.entries(params))
      assert.equal(value, values[name as keyof typeof values], `${code} ${name}`);
  }
});

test('what the gate says is recognised, with and without an end', () => {
  const stop = { kind: 'open', code: 'provider_unavailable', detail: 'It failed 5 times.' } as const;
  assert.deepEqual(parseRemark(describeStop('kie', { ...stop, until: null })), {
    code: 'provider_stopped',
    params: { provider: 'kie', detail: 'It failed 5 times.' },
  });
  assert.deepEqual(parseRemark(describeStop('kie', { ...stop, until: 0 })), {
    code: 'provider_stopped_until',
    params: { provider: 'kie', until: '1970-01-01T00:00:00.000Z', detail: 'It failed 5 times.' },
  });
});

test('the error of the last attempt gives its code; anything else stays words', () => {
  const error = { code: 'rate_limited', detail: 'Slow down.' } as const;
  assert.deepEqual(remarkAfter('Slow down.', error), {
    code: 'attempt_failed',
    params: { error: 'rate_limited', detail: 'Slow down.' },
  });
  assert.deepEqual(remarkAfter('Something else', error), {
    code: 'other',
    params: { detail: 'Something else' },
  });
});

test('every code has its words for people', () => {
  assert.deepEqual(Object.keys(remarksEn).sort(), [...REMARK_CODES].sort());
});
