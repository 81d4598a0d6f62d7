// A replaced adapter is closed when its last call is over, whatever kind of call that is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeWhenIdle, countingCalls } from './adapter-calls.ts';
import type { ProviderAdapter } from './provider.ts';

function adapter() {
  const poll = Promise.withResolvers<never>();
  const seen: string[] = [];
  const inner = {
    name: 'x',
    models: [],
    endpoints: [],
    submit: () => Promise.reject(new Error('not asked')),
    poll: () => poll.promise,
    watch: () => () => void seen.push('unwatched'),
    parseCallback: () => ({ state: 'stale' as const }),
    probe: () => Promise.resolve({ note: null }),
    async close() {
      seen.push('closed');
    },
  } satisfies ProviderAdapter;
  return { counted: countingCalls(inner), poll, seen };
}

const never = () => assert.fail('close failed');
const call = {} as never;

test('calls keep it open until they settle, a watch until it is ended', async () => {
  const { counted, poll, seen } = adapter();
  const running = counted.poll(call);
  const unwatch = counted.watch?.(call);
  assert.deepEqual(counted.parseCallback?.(call), { state: 'stale' });
  assert.equal(counted.lookup, undefined, 'what an adapter lacks stays lacking');
  const closed = closeWhenIdle(counted, never);
  poll.reject(new Error('over'));
  await assert.rejects(running);
  assert.deepEqual(seen, []);
  unwatch?.();
  unwatch?.();
  await closed;
  assert.deepEqual(seen, ['unwatched', 'unwatched', 'closed']);
});

test('an idle one is closed at once, and a failing close is told', async () => {
  const { counted, seen } = adapter();
  await counted.probe({ signal: AbortSignal.abort() });
  await closeWhenIdle(counted, never);
  assert.deepEqual(seen, ['closed']);
  const errors: unknown[] = [];
  const failing = { ...adapter().counted, close: () => Promise.reject(new Error('no')) } as ProviderAdapter;
  await closeWhenIdle(countingCalls(failing), (error) => errors.push(error));
  assert.equal(errors.length, 1);
});
