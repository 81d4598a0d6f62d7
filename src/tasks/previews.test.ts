// Previews under a clock that the test turns and a decoder that it holds: what is shown, how often, how much is kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock, until } from '../../test/harness/clock.ts';
import { createMemoryLogger } from '../kernel/log.ts';
import {
  MAX_SENT_BYTES,
  MAX_SHOWN_BYTES,
  MAX_TOTAL_BYTES,
  PREVIEW_INTERVAL_MS,
  Previews,
} from './previews.ts';

const sent = (size: number, first = 1) => {
  const bytes = new Uint8Array(size);
  bytes[0] = first;
  return { bytes, mime: 'image/png' as const };
};

function createWorld(
  shrink: (bytes: Uint8Array) => Promise<Uint8Array> = async (bytes) => bytes.slice(0, 1),
) {
  const clock = new FakeClock();
  const decoded: number[] = [];
  const previews = new Previews({
    clock,
    log: createMemoryLogger(),
    shrink: async (bytes) => {
      decoded.push(bytes[0] ?? 0);
      return shrink(bytes);
    },
  });
  let shown = 0;
  const onShown = () => {
    shown += 1;
  };
  return { clock, previews, decoded, onShown, shown: () => shown };
}

test('the latest preview is shown, at most once a second', async () => {
  const { clock, previews, decoded, onShown, shown } = createWorld();
  for (let i = 1; i <= 100; i += 1) previews.offer('t', sent(10, i), onShown);
  await until(() => shown() === 1);
  const first = previews.find('t');
  assert.equal(first?.bytes[0], 1);
  clock.advance(PREVIEW_INTERVAL_MS - 1);
  assert.deepEqual(decoded, [1]);
  clock.advance(1);
  await until(() => shown() === 2);
  assert.deepEqual(decoded, [1, 100]);
  const second = previews.find('t');
  assert.equal(second?.bytes[0], 100);
  assert.ok((second?.version ?? 0) > (first?.version ?? 0));
});

test('what cannot be decoded, is too large or comes out too large is not shown', async () => {
  const { clock, previews, decoded, onShown } = createWorld(async (bytes) => {
    if (bytes[0] === 1) throw new Error('no picture');
    return new Uint8Array(bytes[0] === 2 ? MAX_SHOWN_BYTES + 1 : 1);
  });
  previews.offer('t', sent(10, 1), onShown);
  previews.offer('t', sent(MAX_SENT_BYTES + 1, 9), onShown);
  previews.offer('u', sent(10, 2), onShown);
  await until(() => decoded.length === 2);
  assert.equal(previews.find('t'), null);
  assert.equal(previews.find('u'), null);
  clock.advance(PREVIEW_INTERVAL_MS);
  previews.offer('t', sent(10, 3), onShown);
  await until(() => previews.find('t'));
  assert.deepEqual(decoded, [1, 2, 3]);
});

test('a task that ended shows nothing, also when its picture was being decoded', async () => {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { previews, decoded, onShown, shown } = createWorld(async (bytes) => {
    await held;
    return bytes;
  });
  previews.offer('t', sent(10), onShown);
  previews.offer('u', sent(10, 2), onShown);
  assert.deepEqual(decoded, [1], 'one decoder at a time');
  previews.drop('t');
  release();
  await until(() => previews.find('u'));
  assert.equal(previews.find('t'), null);
  assert.equal(shown(), 1);
});

test('all previews together keep to their cap; the oldest goes first', async () => {
  const { previews, onShown, shown } = createWorld(async () => new Uint8Array(MAX_SHOWN_BYTES));
  const fitting = MAX_TOTAL_BYTES / MAX_SHOWN_BYTES;
  for (let i = 0; i <= fitting; i += 1) previews.offer(`t${i}`, sent(1), onShown);
  await until(() => shown() === fitting + 1);
  assert.equal(previews.find('t0'), null);
  assert.ok(previews.find('t1'));
  assert.ok(previews.find(`t${fitting}`));
});
