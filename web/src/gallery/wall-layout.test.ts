import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Box, layOutWall, type WallLayout } from './wall-layout.ts';

const MILLION = 1_000_000;
const RATIOS = Float32Array.from({ length: 256 }, (_, index) => 0.2 * 25 ** (index / 255));
const SIZE = { widthPx: 1000, gapPx: 6, targetPx: 220 };

/** Shapes as people make them, the same each time. */
function someClasses(count: number): Uint8Array {
  const usual = [90, 110, 128, 128, 128, 150, 165, 178];
  let state = 7;
  return Uint8Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return usual[(state >> 16) % usual.length] as number;
  });
}

function boxes(layout: WallLayout): Box[] {
  return Array.from({ length: layout.count }, (_, ordinal) => {
    const box = { left: 0, top: 0, width: 0, height: 0 };
    layout.place(ordinal, box);
    return box;
  });
}

const overlap = (a: Box, b: Box) =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + b.height &&
  b.top < a.top + a.height;

for (const style of ['rows', 'columns'] as const) {
  describe(style, () => {
    const layout = layOutWall(style, someClasses(700), 700, RATIOS, SIZE);
    const all = boxes(layout);

    test('pictures stay inside, in whole pixels, and never overlap', () => {
      for (const [index, box] of all.entries()) {
        assert.ok(box.left >= 0 && box.left + box.width <= SIZE.widthPx, JSON.stringify(box));
        assert.ok(box.top + box.height <= layout.heightPx);
        assert.ok(box.width > 20 && box.height > 20, JSON.stringify(box));
        for (const value of Object.values(box)) assert.ok(Number.isInteger(value), JSON.stringify(box));
        for (const other of all.slice(index + 1, index + 40)) assert.ok(!overlap(box, other));
      }
    });

    test('a band names exactly a run that holds everything touching it', () => {
      for (const [top, bottom] of [
        [0, 300],
        [1234, 2345],
        [layout.heightPx - 100, layout.heightPx],
      ] as const) {
        const [first, end] = layout.visible(top, bottom);
        for (const [ordinal, box] of all.entries())
          if (box.top < bottom && box.top + box.height > top)
            assert.ok(ordinal >= first && ordinal < end, `${ordinal} of ${first}..${end}`);
        assert.ok(end - first < 150);
      }
    });

    test('down and up lead to neighbours that stand below and above', () => {
      const below = layout.vertical(10, 1);
      assert.ok((all[below]?.top ?? 0) > (all[10]?.top ?? 0));
      assert.ok((all[layout.vertical(below, -1)]?.top ?? 0) < (all[below]?.top ?? 0));
      assert.equal(layout.vertical(0, -1), 0);
      assert.equal(layout.vertical(699, 1), 699);
    });

    test('a beginning is laid out as in the whole, so that the rest can come later', () => {
      const beginning = layOutWall(style, someClasses(700), 300, RATIOS, SIZE);
      for (let ordinal = 0; ordinal < 280; ordinal += 1)
        assert.deepEqual(boxes(beginning)[ordinal], all[ordinal]);
    });

    test('nothing, one picture and extreme shapes', () => {
      assert.deepEqual(layOutWall(style, new Uint8Array(0), 0, RATIOS, SIZE).visible(0, 500), [0, 0]);
      for (const shape of [0, 255]) {
        const one = layOutWall(style, Uint8Array.of(shape, shape, shape), 3, RATIOS, SIZE);
        assert.deepEqual([...one.visible(0, 5000)], [0, 3]);
        for (const box of boxes(one)) assert.ok(box.left + box.width <= SIZE.widthPx && box.height > 0);
      }
    });

    test('a million pictures are laid out to the last', () => {
      const wall = layOutWall(style, someClasses(MILLION), MILLION, RATIOS, SIZE);
      assert.equal(wall.visible(wall.heightPx - 10, wall.heightPx)[1], MILLION);
      assert.ok(wall.heightPx > 8_000_000);
    });
  });
}

test('rows fill the width exactly, but for the last', () => {
  const layout = layOutWall('rows', someClasses(100), 100, RATIOS, SIZE);
  const all = boxes(layout);
  const lastTop = all.at(-1)?.top;
  for (const [ordinal, box] of all.entries()) {
    const next = all[ordinal + 1];
    if (next && next.top !== box.top) assert.equal(box.left + box.width, SIZE.widthPx);
    if (next && next.top === box.top) assert.equal(next.left - box.left - box.width, SIZE.gapPx);
    if (box.top !== lastTop) assert.ok(box.height > 140 && box.height < 331, String(box.height));
  }
});
