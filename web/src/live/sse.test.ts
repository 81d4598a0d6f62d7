import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser } from './sse.ts';

test('events survive any cut of the bytes', () => {
  const wire = ': hello\n\nid: 7\r\nevent: task.updated\r\ndata: {"a":1,\r\ndata: "b":2}\r\n\r\ndata: x\n\n';
  for (let size = 1; size < wire.length; size += 1) {
    const parser = new SseParser();
    const events = [];
    for (let at = 0; at < wire.length; at += size) events.push(...parser.push(wire.slice(at, at + size)));
    assert.deepEqual(events, [
      { id: '7', name: 'task.updated', data: '{"a":1,\n"b":2}' },
      { id: '7', name: 'message', data: 'x' },
    ]);
  }
});

test('a heartbeat is no event, an id alone is remembered', () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push(':\n\nid: 12\n\n'), []);
  assert.equal(parser.lastId, '12');
});
