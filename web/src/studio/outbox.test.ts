import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, networkProblem } from '../api/problem.ts';
import { Outbox, type OutboxOptions } from './outbox.ts';

function setUp(answers: (string | null)[], stored: string | null = null) {
  const sent: string[] = [];
  const state = { stored, nowMs: 1_000_000, keys: 0 };
  const options: OutboxOptions = {
    read: () => state.stored,
    write: (json) => {
      state.stored = json;
    },
    nowMs: () => state.nowMs,
    newKey: () => `key-${++state.keys}`,
    async send(_request, key) {
      sent.push(key);
      const code = answers.shift();
      if (code) throw new ApiError({ ...networkProblem(), code });
    },
    pause: async () => {},
  };
  return { outbox: new Outbox(options), options, sent, state };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
const build = (key: string) => ({ prompt: 'a fox', metadata: { studio_card: key } });

test('the card exists before the answer and goes with it', async () => {
  const { outbox, sent, state } = setUp([null]);
  const key = outbox.submit(build, 1);
  assert.equal(outbox.get()[0]?.state, 'sending');
  assert.match(state.stored ?? '', /a fox/);
  await settle();
  assert.deepEqual([sent, outbox.get(), state.stored], [[key], [], null]);
});

test('a lost answer is asked for again under the same key, by click and after a reload', async () => {
  const { outbox, options, sent, state } = setUp(['network', 'network', null]);
  const key = outbox.submit(build, 1);
  await settle();
  assert.equal(outbox.get()[0]?.problem?.code, 'network');
  outbox.sendAgain(key);
  await settle();
  outbox.sendAgain(key);
  const reloaded = new Outbox({ ...options });
  await settle();
  assert.deepEqual(sent, [key, key, key]);
  assert.equal(reloaded.get().length, 1);
  assert.equal(state.stored, null);
});

test('an unconfirmed request is sent again after a reload, but not when it is old', async () => {
  const entry = { key: 'k', request: { prompt: 'x' }, ratio: 1, state: 'sending', problem: null };
  const young = setUp([null], JSON.stringify([{ ...entry, createdAtMs: 999_000 }]));
  young.outbox.resume();
  await settle();
  assert.deepEqual([young.sent, young.outbox.get()], [['k'], []]);
  const old = setUp([null], JSON.stringify([{ ...entry, createdAtMs: 0 }]));
  old.outbox.resume();
  assert.deepEqual([old.sent, old.outbox.get()[0]?.state], [[], 'failed']);
});

test('a request still being handled is waited for; rubbish in storage is dropped', async () => {
  const { outbox, sent } = setUp(['idempotency_in_progress', 'idempotency_in_progress', null]);
  outbox.submit(build, 1);
  for (let turn = 0; turn < 4; turn += 1) await settle();
  assert.equal(sent.length, 3);
  assert.deepEqual(outbox.get(), []);
  assert.deepEqual(setUp([], '[1,{"key":2},null]').outbox.get(), []);
});
