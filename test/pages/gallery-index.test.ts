// The studio's reader of the gallery index against the server's writer: whatever pieces the bytes come in, both mean the same.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BLOCK_PICTURES,
  encodeBlock,
  encodeEnd,
  encodeHeader,
  PICTURES_PER_ANCHOR,
  ratioOfClass,
  ratioClass as serverClass,
} from '../../src/media/gallery-index-format.ts';
import { IndexReader, indexOfRows, RATIO_OF_CLASS, ratioClass } from '../../web/src/gallery/gallery-index.ts';

const LAST_DAY = 20_000;
const PER_DAY = 700;

/** Ids that descend with the place, as the server's do. */
const anchorBytes = (place: number) => {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(0, 0xffffffff - place);
  return bytes;
};
const idAt = (place: number) => `img_${Buffer.from(anchorBytes(place)).toString('hex')}`;

function encodeAll(count: number, claimed = count): Uint8Array {
  const parts: Uint8Array[] = [encodeHeader(claimed, 0)];
  for (let first = 0; first < count; first += BLOCK_PICTURES) {
    const size = Math.min(BLOCK_PICTURES, count - first);
    const anchors: number[] = [];
    for (let at = 0; at < size; at += PICTURES_PER_ANCHOR) anchors.push(...anchorBytes(first + at));
    const days: { day: number; count: number }[] = [];
    for (let at = first; at < first + size; at += 1) {
      const day = LAST_DAY - Math.floor(at / PER_DAY);
      const run = days.at(-1);
      if (run?.day === day) run.count += 1;
      else days.push({ day, count: 1 });
    }
    const ratios = Uint8Array.from({ length: size }, (_, at) => (first + at) % 255);
    parts.push(encodeBlock({ ratios, days, anchors: Uint8Array.from(anchors) }));
  }
  return Buffer.concat([...parts, encodeEnd(count)]);
}

function readInPieces(bytes: Uint8Array, pieceBytes: number): IndexReader {
  const reader = new IndexReader();
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  return reader;
}

for (const pieceBytes of [7, 4_096, 1_000_000]) {
  test(`pictures, days and anchors in pieces of ${pieceBytes} bytes`, () => {
    const reader = readInPieces(encodeAll(45_500), pieceBytes);
    const index = reader.read();
    assert.ok(reader.isComplete);
    assert.equal(index.count, 45_500);
    for (const place of [0, 19_999, 20_000, 45_499]) {
      assert.equal(index.classes[place], place % 255);
      assert.equal(index.dateOf(place), (LAST_DAY - Math.floor(place / PER_DAY)) * 86_400_000);
      assert.deepEqual(index.anchorOf(place), { id: idAt(place - (place % 1000)), offset: place % 1000 });
    }
    assert.equal(index.newestId, idAt(0));
    assert.deepEqual([...index.blockOf(idAt(20_345))], [20_000, 21_000]);
    assert.equal(index.firstOn(index.dateOf(30_000)), Math.floor(30_000 / PER_DAY) * PER_DAY);
  });
}

test('the first block is of use before the rest arrives, and a wrong estimate does not matter', () => {
  const bytes = encodeAll(41_000, 30_000);
  const reader = new IndexReader();
  reader.push(bytes.subarray(0, 21_000));
  assert.deepEqual([reader.read().count, reader.expected, reader.isComplete], [20_000, 30_000, false]);
  reader.push(bytes.subarray(21_000));
  assert.deepEqual([reader.read().count, reader.expected, reader.isComplete], [41_000, 41_000, true]);
  assert.equal(reader.read().classes[40_999], 40_999 % 255);
});

test('shapes mean the same at both ends', () => {
  for (let shape = 0; shape < 255; shape += 1) {
    const ours = RATIO_OF_CLASS[shape] ?? 0;
    assert.ok(Math.abs(ours / ratioOfClass(shape) - 1) < 1e-6);
  }
  for (const width of [1, 90, 640, 1_023, 1_024, 1_365, 4_096, 20_000])
    for (const height of [1, 100, 768, 1_024, 1_820, 9_000])
      assert.equal(ratioClass(width, height), serverClass(width, height), `${width}:${height}`);
});

test('the first rows alone are an index that the whole one begins with, until the list is another', () => {
  const whole = readInPieces(encodeAll(45_500), 1_000_000).read();
  const rows = Array.from({ length: 100 }, (_, place) => ({
    id: idAt(place),
    width: 1_000_000 * ratioOfClass(place),
    height: 1_000_000,
    // Local time is two hours ahead: the second picture is of the day before there, too.
    created_at: new Date((LAST_DAY * 24 - 2 - place) * 3_600_000).toISOString(),
  }));
  const head = indexOfRows(rows, 120);
  assert.deepEqual(
    [head.count, head.newestId, head.anchorOf(99)],
    [100, idAt(0), { id: idAt(0), offset: 99 }],
  );
  assert.deepEqual(
    [head.dateOf(0), head.dateOf(1), head.dateOf(24), head.dateOf(25)].map((dateMs) => dateMs / 86_400_000),
    [LAST_DAY, LAST_DAY - 1, LAST_DAY - 1, LAST_DAY - 2],
  );
  assert.ok(whole.beginsWith(head));
  assert.ok(!whole.beginsWith(indexOfRows(rows.slice(1), 120)), 'a newer picture has come');
  assert.ok(!whole.beginsWith(indexOfRows(rows.toSpliced(50, 1), 120)), 'one of them had gone');
  assert.ok(!readInPieces(encodeAll(99), 1_000).read().beginsWith(head), 'some went since');
});

test('what is no index is refused, an empty one is empty', () => {
  assert.throws(() => new IndexReader().push(Buffer.from('{"error":"this is no index"}')), RangeError);
  const empty = readInPieces(encodeAll(0), 100).read();
  assert.deepEqual([empty.count, empty.newestId, empty.anchorOf(0)], [0, null, null]);
});

test('pictures taken out leave days, anchors and shapes of the others right', () => {
  const index = readInPieces(encodeAll(5_000), 1_000_000).read();
  const gone = [0, 5, 699, 700, 999, 1_000, 3_500];
  const rest = index.without(gone);
  const kept = Array.from({ length: 5_000 }, (_, place) => place).filter((place) => !gone.includes(place));
  assert.equal(rest.count, kept.length);
  for (const place of [0, 1, 690, 697, 993, 994, 3_400, 4_992]) {
    const before = kept[place] ?? 0;
    assert.equal(rest.classes[place], before % 255);
    assert.equal(rest.dateOf(place), index.dateOf(before));
  }
  // The server counts from an anchor's id over what is left, and the anchor itself may be gone.
  assert.deepEqual(rest.anchorOf(0), { id: idAt(0), offset: 0 });
  assert.deepEqual(rest.anchorOf(995), { id: idAt(1_000), offset: 0 });
  assert.deepEqual(rest.anchorOf(1_994), { id: idAt(2_000), offset: 0 });
});
