// The pool: a server that fails is left alone, says why, and is taken back by itself; a job on a silent server goes to
// another one when the operator's rule says so, and what is left of it on the old one is taken away.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { FakeClock, until } from '../../../test/harness/clock.ts';
import { openAdapter, startFakes } from '../../../test/harness/comfyui-adapter.ts';
import { ProviderError } from '../provider.ts';
import { promptIdOf } from './comfyui.ts';
import { type BreakerChange, ServerBreaker } from './server-breaker.ts';

const AFTER_S = 300;

const refusal = async (work: Promise<unknown>): Promise<ProviderError> => {
  const error = await work.then(
    () => assert.fail('it should have failed'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ProviderError, String(error));
  return error;
};

test('breaker: opens after failures in a row, is tried ever more rarely, and closes with any answer', () => {
  const clock = new FakeClock();
  const changes: BreakerChange[] = [];
  const breaker = new ServerBreaker(clock, (change) => changes.push(change));
  breaker.fail('refuses', true);
  assert.equal(breaker.isTrusted, false, 'one failure is enough to prefer others');
  breaker.fail('refuses', true);
  breaker.succeed();
  assert.equal(breaker.isTrusted, true);
  for (let count = 0; count < 3; count += 1) breaker.fail('refuses the connection', true);
  assert.deepEqual([breaker.detail().state, breaker.detail().reason], ['open', 'refuses the connection']);
  for (const restMs of [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000]) {
    assert.equal(breaker.detail().nextProbeAtMs, clock.now() + restMs);
    clock.advance(restMs - 1);
    assert.equal(breaker.isTrialDue, false);
    clock.advance(1);
    assert.equal(breaker.isTrialDue, true);
    breaker.beginTrial();
    assert.equal(breaker.detail().state, 'half_open');
    assert.equal(breaker.isTrialDue, false, 'one trial at a time');
    breaker.fail('still refuses', true);
  }
  assert.equal(breaker.unreachableForMs, 1_065_000);
  breaker.succeed();
  const { state, reason, failures, unreachableSinceMs } = breaker.detail();
  assert.deepEqual([state, reason, failures, unreachableSinceMs], ['closed', null, 0, null]);
  assert.deepEqual(changes.at(-1), { atMs: clock.now(), from: 'open', to: 'closed', reason: null });
  assert.ok(breaker.detail().history.length <= 20);
  breaker.fail('needs a key', false);
  assert.equal(breaker.unreachableForMs, 0, 'an answer, whatever it says, is one');
});

test('a dead server of three opens, says why, gets nothing, and is taken back by a probe', async (t) => {
  const [first, second, third] = await startFakes(t, 3);
  assert.ok(first && second && third);
  const { adapter, accept, probe, clock } = openAdapter(t, [first, second, third]);
  await probe();
  await first.close();
  for (let count = 0; count < 6; count += 1) {
    await accept(`job_${count}`);
    clock.advance(16_000);
  }
  assert.deepEqual([first.jobs.length, second.jobs.length, third.jobs.length], [0, 3, 3]);
  const [dead, alive] = adapter.detail().servers;
  assert.equal(dead?.state, 'open');
  assert.match(dead?.reason ?? '', /ComfyUI server 1 (refuses|broke) the connection/);
  assert.ok((dead?.nextProbeAtMs ?? 0) > 0 && dead?.unreachableSinceMs !== null);
  assert.deepEqual([alive?.state, alive?.version, alive?.queueLength], ['closed', '0.27.1', 3]);
  assert.match((await probe()) ?? '', /ComfyUI server 1/);
  await first.start(first.port);
  assert.equal(await probe(), null);
  assert.equal(adapter.detail().servers[0]?.state, 'closed');
  const steps = adapter.detail().servers[0]?.history.map(({ from, to }) => `${from}-${to}`) ?? [];
  assert.deepEqual([steps[0], steps.at(-1)], ['closed-open', 'half_open-closed']);
  await accept('job_after');
  assert.equal(first.jobs.length, 1);
});

test('a server that is due is tried beside a submit, without a probe and without being waited for', async (t) => {
  const [first, second] = await startFakes(t, 2);
  assert.ok(first && second);
  const { adapter, accept, clock, probe } = openAdapter(t, [first, second]);
  await first.close();
  for (let count = 0; count < 3; count += 1) await probe();
  assert.equal(adapter.detail().servers[0]?.state, 'open');
  await first.start(first.port);
  await accept('job_1');
  assert.equal(adapter.detail().servers[0]?.state, 'open', 'not before its time');
  clock.advance(15_000);
  let answer: (() => void) | null = null;
  first.next('GET /prompt', (_request, response: ServerResponse) => {
    return new Promise((resolve) => {
      answer = () => {
        assert.ok(response.writable);
        resolve('normal');
      };
    });
  });
  await accept('job_2');
  await until(() => answer, { what: 'the trial' });
  assert.equal(adapter.detail().servers[0]?.state, 'half_open');
  (answer as (() => void) | null)?.();
  await until(() => adapter.detail().servers[0]?.state === 'closed', { what: 'the closing' });
});

test('a refused key and a stranger open too; a refused workflow and a wish to slow down do not', async (t) => {
  const [first, second] = await startFakes(t, 2);
  assert.ok(first && second);
  const { adapter, accept, submit } = openAdapter(t, [first, second]);
  for (let count = 0; count < 4; count += 1) {
    first.next('POST /prompt', (_request, response): undefined => void response.writeHead(429).end());
    await accept(`job_${count}`);
    second.finishNext();
  }
  assert.equal(adapter.detail().servers[0]?.failures, 0);
  for (const fake of [first, second]) fake.missingNodes.add('VAEDecode');
  assert.equal((await refusal(submit('job_no'))).kind, 'invalid_request');
  assert.equal(adapter.detail().servers[0]?.failures, 0);
  first.next('GET /prompt', (_request, response): undefined => void response.writeHead(401).end());
  await submit('job_key').catch(() => {});
  assert.equal(adapter.detail().servers[0]?.failures, 1);
  assert.equal(adapter.detail().servers[0]?.unreachableSinceMs, null);
});

test('PC1: a job on a silent server goes elsewhere after the set time, and the old one is taken away later', async (t) => {
  const [first, second] = await startFakes(t, 2);
  assert.ok(first && second);
  const { adapter, accept, poll, probe, clock } = openAdapter(t, [first, second], {
    unreachable_after_s: AFTER_S,
  });
  await probe();
  const jobId = await accept('job_1');
  assert.equal(first.jobs.length, 1);
  first.startNext();
  // Cut off, but it paints on.
  await first.close();
  const started = clock.monotonicMs();
  assert.equal((await refusal(poll(jobId))).created, 'yes');
  clock.advance(AFTER_S * 1000 - 1 - (clock.monotonicMs() - started));
  assert.equal((await refusal(poll(jobId))).created, 'yes', 'not before the time');
  clock.advance(1);
  assert.deepEqual([await poll(jobId), await poll(jobId)], [{ state: 'lost' }, { state: 'lost' }]);
  assert.equal(adapter.detail().servers[0]?.abandonedJobs, 1);
  await accept('job_2');
  assert.deepEqual([first.jobs.length, second.jobs.length], [1, 1], 'the other one has it');
  await first.start(first.port);
  await probe();
  await until(() => first.requests.includes('POST /interrupt'), { what: 'the old job to be stopped' });
  await until(() => adapter.detail().servers[0]?.abandonedJobs === 0, { what: 'the end of it' });
  assert.ok(!second.requests.includes('POST /interrupt'));
});

test('PC1: it waits when the rule says so, when there is no other server, and when the others do not work', async (t) => {
  const cases: [number, Record<string, unknown>][] = [
    [2, { unreachable: 'wait' }],
    [1, {}],
    [2, { isOtherDead: true }],
  ];
  for (const [count, { isOtherDead, ...settings }] of cases) {
    const fakes = await startFakes(t, count);
    const [first, second] = fakes;
    assert.ok(first);
    const { accept, poll, clock } = openAdapter(t, fakes, { unreachable_after_s: 10, ...settings });
    const jobId = await accept('job_1');
    await first.close();
    if (isOtherDead) {
      await second?.close();
      await refusal(accept('job_other'));
    }
    await refusal(poll(jobId));
    clock.advance(10_500);
    const error = await refusal(poll(jobId));
    assert.deepEqual([error.kind, error.created], ['unreachable', 'yes']);
    await first.start(first.port);
    first.finishNext();
    assert.equal((await poll(jobId)).state, 'done', 'its server came back');
  }
});

test('PC1: a server that is back before the job went elsewhere keeps it', async (t) => {
  const [first, second] = await startFakes(t, 2);
  assert.ok(first && second);
  const { adapter, accept, poll, probe, clock } = openAdapter(t, [first, second], {
    unreachable_after_s: 10,
  });
  const jobId = await accept('job_1');
  await first.close();
  await refusal(poll(jobId));
  clock.advance(10_000);
  assert.deepEqual(await poll(jobId), { state: 'lost' });
  await first.start(first.port);
  assert.equal((await poll(jobId)).state, 'running');
  assert.equal(adapter.detail().servers[0]?.abandonedJobs, 0);
  await probe();
  first.startNext();
  first.finishNext();
  assert.equal((await poll(jobId)).state, 'done');
  assert.equal(first.jobs[0]?.promptId, promptIdOf('job_1'));
});

test('settings: what to do with a silent server', async (t) => {
  const fakes = await startFakes(t, 1);
  const detail = (settings: object) =>
    openAdapter(t, fakes, { ...settings }).adapter.detail().unreachableAfterMs;
  assert.equal(detail({}), 300_000);
  assert.equal(detail({ unreachable_after_s: 60 }), 60_000);
  assert.equal(detail({ unreachable: 'wait' }), null);
  assert.throws(() => detail({ unreachable: 'fail' }), /providers\.comfyui\.unreachable/);
});
