import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ScrollMap, TALLEST_DOM_PX } from './scroll-map.ts';

const TALL = 44_000_000;
const VIEWPORT = 900;

test('a wall that a browser can scroll is scrolled one to one', () => {
  const map = new ScrollMap(500_000, VIEWPORT);
  assert.equal(map.domHeightPx, 500_000);
  for (const dom of [0, 10, 60_000, 499_100]) assert.equal(map.scrolled(dom), dom);
  assert.equal(map.rest(), null);
});

test('the scrolled element stays below the cap, and both ends are reached', () => {
  const map = new ScrollMap(TALL, VIEWPORT);
  assert.equal(map.domHeightPx, TALLEST_DOM_PX);
  assert.equal(map.scrolled(TALLEST_DOM_PX - VIEWPORT), TALL - VIEWPORT);
  assert.equal(map.scrolled(0), 0);
  assert.equal(map.jump(TALL), TALLEST_DOM_PX - VIEWPORT);
  assert.equal(map.logicalPx, TALL - VIEWPORT);
});

test('small movements are one to one anywhere, a long drag is proportional', () => {
  const map = new ScrollMap(TALL, VIEWPORT);
  const middle = map.scrolled(4_000_000);
  assert.ok(Math.abs(middle - TALL / 2) < 5_000, String(middle));
  assert.equal(map.scrolled(4_000_120), middle + 120);
  assert.equal(map.scrolled(3_999_920), middle - 80);
});

test('after a rest the scroll bar tells the truth and nothing on the wall has moved', () => {
  const map = new ScrollMap(TALL, VIEWPORT);
  map.jump(20_000_000);
  for (let step = 0; step < 100; step += 1) map.scrolled(map.domPx + 1_000);
  assert.equal(map.logicalPx, 20_100_000);
  const dom = map.rest();
  assert.ok(dom !== null && Math.abs(map.toLogical(dom) - 20_100_000) < 10);
  assert.equal(map.logicalPx, 20_100_000);
  assert.equal(map.rest(), null);
});

test('an edge that one to one movements reach is the edge', () => {
  const map = new ScrollMap(TALL, VIEWPORT);
  map.jump(5_000_000);
  for (let dom = map.domPx; dom > 0; dom -= 2_000) map.scrolled(Math.max(0, dom));
  assert.equal(map.scrolled(0), 0);
});

test('there and back leads to the same place', () => {
  const map = new ScrollMap(TALL, VIEWPORT);
  for (let logical = 0; logical < TALL; logical += 1_234_567)
    assert.ok(Math.abs(map.toLogical(map.toDom(logical)) - logical) <= 6, String(logical));
});
