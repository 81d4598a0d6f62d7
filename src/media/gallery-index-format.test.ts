// The index as bytes: classes of ratios, blocks that are of use one by one, and what is refused.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  BLOCK_PICTURES,
  decodeIndex,
  encodeBlock,
  encodeEnd,
  encodeHeader,
  FLAG_ESTIMATE,
  orientationOfClass,
  ratioClass,
  ratioOfClass,
} from './gallery-index-format.ts';

test('every ratio within 1:8 and 8:1 is kept to 0.83 %', () => {
  for (let height = 256; height <= 2048; height += 37)
    for (const width of [256, 1000, 1024, 1344, 2048]) {
      const off = ratioOfClass(ratioClass(width, height)) / (width / height);
      assert.ok(Math.abs(off - 1) < 0.0083, `${width}x${height}: ${off}`);
    }
  assert.equal(ratioClass(1, 100), 0);
  assert.equal(ratioClass(100, 1), 254);
});

test('square is what looks square', () => {
  const orientation = (width: number, height: number) => orientationOfClass(ratioClass(width, height));
  assert.deepEqual(
    [orientation(1024, 1024), orientation(1024, 1020), orientation(1000, 1024), orientation(1344, 768)],
    ['square', 'square', 'portrait', 'landscape'],
  );
});

const anchorsOf = (count: number) => new Uint8Array(16 * Math.ceil(count / 1000)).fill(0xab);
const blockOf = (count: number, days: { day: number; count: number }[]) =>
  encodeBlock({ ratios: new Uint8Array(count).fill(7), days, anchors: anchorsOf(count) });

test('blocks come back whole, a day goes on over the border, and a cut answer is known as one', () => {
  const parts = [
    encodeHeader(20_500, FLAG_ESTIMATE),
    blockOf(BLOCK_PICTURES, [
      { day: 20_000, count: 5_000 },
      { day: 19_999, count: 15_000 },
    ]),
    blockOf(500, [
      { day: 19_999, count: 400 },
      { day: -3, count: 100 },
    ]),
    encodeEnd(20_500),
  ];
  const bytes = Buffer.concat(parts);
  const whole = decodeIndex(bytes);
  assert.equal(whole.isComplete, true);
  assert.equal(whole.flags, 0);
  assert.equal(whole.count, 20_500);
  assert.equal(whole.ratios.length, 20_500);
  assert.deepEqual(whole.days, [
    { day: 20_000, count: 5_000 },
    { day: 19_999, count: 15_400 },
    { day: -3, count: 100 },
  ]);
  assert.equal(whole.anchors.length, 21);
  assert.equal(whole.anchors[0], `img_${'ab'.repeat(16)}`);
  const first = decodeIndex(bytes.subarray(0, (parts[0]?.length ?? 0) + (parts[1]?.length ?? 0) + 100));
  assert.deepEqual([first.ratios.length, first.anchors.length, first.isComplete], [20_000, 20, false]);
  assert.throws(() => decodeIndex(Buffer.from('<!doctype html><html>')), RangeError);
});

test('the format file can be copied into a client', () => {
  const source = readFileSync(new URL('./gallery-index-format.ts', import.meta.url), 'utf8');
  assert.doesNotMatch(source, /^import /m);
});
