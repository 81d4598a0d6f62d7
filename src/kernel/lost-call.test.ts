import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isGatewayTimeout, judgeLostCall } from './lost-call.ts';
import { OutboundError, type OutboundErrorKind } from './outbound-error.ts';

const lost = (kind: OutboundErrorKind, phase: 'sent' | 'not_sent') =>
  judgeLostCall(new OutboundError(kind, phase, 'to 10.0.0.7:8188 with key abc'), 'The painter');

test('only a connection that never stood proves that nothing was begun', () => {
  for (const kind of ['dns', 'refused', 'tls', 'proxy', 'connect_timeout', 'blocked_address'] as const) {
    assert.equal(lost(kind, 'not_sent').created, 'no', kind);
    assert.equal(lost(kind, 'sent').created, 'unknown', kind);
  }
});

test('silence is a time-out, an unreadable answer is the service’s, the rest is a lost connection', () => {
  assert.equal(lost('too_slow', 'sent').kind, 'timeout');
  assert.equal(lost('idle_timeout', 'sent').kind, 'timeout');
  assert.equal(lost('truncated', 'sent').kind, 'bad_answer');
  assert.equal(lost('reset', 'sent').kind, 'unavailable');
  assert.equal(lost('reset', 'not_sent').kind, 'unreachable');
});

test('the words name the service and show neither addresses nor secrets', () => {
  const { message } = lost('refused', 'not_sent');
  assert.equal(message, 'The painter was not reached: the connection was refused');
});

test('a gateway that stopped waiting is told from one that refused', () => {
  assert.deepEqual(
    [400, 408, 413, 499, 502, 503, 504, 522, 524].filter(isGatewayTimeout),
    [408, 499, 504, 522, 524],
  );
});
