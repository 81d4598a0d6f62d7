import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DirectiveError, drawFault, FAULTS, type FaultKind, parseDirectives } from './faults.ts';

test('directives are read from anywhere in a prompt', () => {
  assert.deepEqual(parseDirectives('a cat'), { delayMs: 0, fault: null, times: null });
  assert.deepEqual(parseDirectives('[sandbox:delay=3s] a [sandbox:fault=slow-download, times=2] cat'), {
    delayMs: 3000,
    fault: 'slow_download',
    times: 2,
  });
  assert.equal(parseDirectives('[sandbox:delay=1.5s]').delayMs, 1500);
  assert.equal(parseDirectives('[sandbox:delay=9999999m]').delayMs, 3_600_000);
});

test('a directive that is not known is refused with the known ones', () => {
  for (const body of ['fault=nope', 'fault=constructor', 'delay=soon', 'times=-1', 'speed=9']) {
    assert.throws(() => parseDirectives(`[sandbox:${body}]`), DirectiveError);
  }
  assert.throws(() => parseDirectives('[sandbox:fault=nope]'), /rate_limited/);
});

test('faults are drawn at their rates, the same for the same reference, anew for the next try', () => {
  const rates = { lost: 0.2, failed: 0.3 };
  const drawn = Array.from({ length: 4000 }, (_, i) => drawFault(rates, `ref-${i}`, 1));
  const share = (kind: FaultKind | null) => drawn.filter((one) => one === kind).length / drawn.length;
  assert.ok(Math.abs(share('lost') - 0.2) < 0.03, String(share('lost')));
  assert.ok(Math.abs(share('failed') - 0.3) < 0.03, String(share('failed')));
  assert.deepEqual(
    drawn,
    drawn.map((_, i) => drawFault(rates, `ref-${i}`, 1)),
  );
  assert.notDeepEqual(
    drawn,
    drawn.map((_, i) => drawFault(rates, `ref-${i}`, 2)),
  );
  assert.equal(drawFault({}, 'ref', 1), null);
  for (const kind of Object.keys(FAULTS) as FaultKind[])
    assert.equal(drawFault({ [kind]: 1 }, 'ref', 1), kind);
});
