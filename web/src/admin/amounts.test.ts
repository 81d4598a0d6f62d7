// Short times as they are written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatShort } from './amounts.ts';

test('times below a minute have a decimal', () => {
  assert.equal(formatShort(432, 'en'), '0.4 s');
  assert.equal(formatShort(12_340, 'zh-CN'), '12.3 秒');
  assert.equal(formatShort(60_000, 'en'), null);
});
