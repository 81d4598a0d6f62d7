// Sizes and short times as they are written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatShort, formatSize } from './amounts.ts';

test('sizes get the unit that keeps them short', () => {
  assert.deepEqual(
    [0, 348_000, 5_250_000, 63_862_900_000, 640_000_000_000, 2_000_000_000_000].map((bytes) =>
      formatSize(bytes, 'en'),
    ),
    ['0 kB', '348 kB', '5.3 MB', '63.9 GB', '640 GB', '2 TB'],
  );
});

test('times below a minute have a decimal', () => {
  assert.equal(formatShort(432, 'en'), '0.4 s');
  assert.equal(formatShort(12_340, 'zh-CN'), '12.3 秒');
  assert.equal(formatShort(60_000, 'en'), null);
});
