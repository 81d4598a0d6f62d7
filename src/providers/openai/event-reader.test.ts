// Server-sent events: the same whatever the line ends, and wherever the bytes are cut.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventReader } from './event-reader.ts';

type Read = [name: string | null, data: string];

async function read(pieces: Iterable<Uint8Array>): Promise<Read[]> {
  const events = new EventReader(
    (async function* () {
      yield* pieces;
    })(),
  );
  const all: Read[] = [];
  for (let event = await events.next(); event; event = await events.next()) {
    const data: Uint8Array[] = [];
    for await (const bytes of event.data) data.push(Uint8Array.from(bytes));
    all.push([event.name, Buffer.concat(data).toString()]);
  }
  return all;
}

const LINES = [
  ': a comment',
  '',
  'event: first',
  'data: {"a":1,',
  'data:"b": ": x"}',
  'id: 7',
  '',
  '',
  'event: dropped, without data',
  '',
  'data',
  'data:  two spaces',
  'a-field-that-is-much-too-long-to-be-known: data: no',
  'retry: 5',
  'event:after',
  '',
  'data: 图',
  '',
];
const EXPECTED: Read[] = [
  ['first', '{"a":1,\n"b": ": x"}'],
  ['after', '\n two spaces'],
  [null, '图'],
];

for (const [name, lineEnd] of Object.entries({ LF: '\n', CRLF: '\r\n', CR: '\r' })) {
  test(`S9 events with ${name} come out the same for every place at which they can be cut`, async () => {
    const whole = Buffer.from(`\ufeff${LINES.join(lineEnd)}${lineEnd}`);
    for (let at = 0; at <= whole.length; at += 1) {
      assert.deepEqual(await read([whole.subarray(0, at), whole.subarray(at)]), EXPECTED, `cut at ${at}`);
    }
    assert.deepEqual(await read([...whole].map((byte) => Uint8Array.of(byte))), EXPECTED);
  });
}

test('S10 an event that the stream ends in is handed on as far as it came', async () => {
  assert.deepEqual(await read([Buffer.from('data: {"half')]), [[null, '{"half']]);
  assert.deepEqual(await read([]), []);
});

test('an event that is not read is passed over', async () => {
  const events = new EventReader(
    (async function* () {
      yield Buffer.from('data: one\ndata: more\n\nevent: b\ndata: two\n\n');
    })(),
  );
  assert.ok(await events.next());
  const second = await events.next();
  assert.equal(second?.name, 'b');
  assert.equal(await events.next(), null);
});

test('D4 a million short lines in one piece cost no quadratic time', async () => {
  const startedAt = performance.now();
  const lines = ': x\n'.repeat(1_000_000);
  assert.deepEqual(await read([Buffer.from(`${lines}data: y\n\n`)]), [[null, 'y']]);
  assert.ok(performance.now() - startedAt < 10_000);
});
