// Who is counted as one, and what counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/harness/clock.ts';
import { countedAddress, TryCounter } from './try-counter.ts';

test('an IPv6 network of one customer counts as one, IPv4 by its address however it is written', () => {
  const networks = [
    '2001:db8:1:2::1',
    '2001:db8:1:2:ffff:ffff:ffff:ffff',
    '2001:db8:1:3::1',
    '2001::3:4:5:6:7',
    '2001::1',
    '198.51.100.7',
    '::ffff:198.51.100.7',
    'local',
  ].map(countedAddress);
  assert.deepEqual(networks, [
    '2001:db8:1:2',
    '2001:db8:1:2',
    '2001:db8:1:3',
    '2001:0:0:3',
    '2001:0:0:0',
    '198.51.100.7',
    '198.51.100.7',
    'local',
  ]);
});

test('tries count when they begin, are given back when they were right, and end with their window', () => {
  const clock = new FakeClock();
  const counter = new TryCounter(clock, 1_000);
  assert.deepEqual(
    [1, 2, 3].map(() => counter.take('a', 2)),
    [0, 0, 1_000],
  );
  assert.equal(counter.take('b', 2), 0);
  counter.giveBack('a');
  clock.advance(400);
  assert.equal(counter.take('a', 2), 0);
  assert.equal(counter.take('a', 2), 600);
  clock.advance(600);
  assert.equal(counter.take('a', 2), 0);
  counter.giveBack('nobody');
});
