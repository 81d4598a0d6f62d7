import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { emit } from '../../test/harness/db-writes.ts';
import type { Db } from './db.ts';
import {
  canResume,
  formatCursor,
  latestCursor,
  oldestCursor,
  oldestWaitingEventMs,
  parseCursor,
  pruneEvents,
  readEvents,
} from './outbox.ts';

const entities = (events: { entity_id: string; version: number }[]) =>
  events.map((event) => `${event.entity_id}${event.version}`);

const cases: { name: string; run(db: Db): Promise<void> }[] = [
  {
    name: 'events are read in order by account, entity and topic, from a cursor on',
    async run(db) {
      await db.write(emit, { entityId: 'a', count: 3, accountId: 'one' });
      await db.write(emit, { entityId: 'b', count: 2, accountId: 'two' });
      await db.write(emit, { entityId: 'c', count: 1 });
      const all = await readEvents(db.read, { after: null, limit: 10 });
      assert.deepEqual(entities(all), ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']);
      assert.equal(all[5]?.account_id, null);
      const second = all[1] as (typeof all)[number];
      assert.deepEqual(entities(await readEvents(db.read, { after: second, limit: 2 })), ['a3', 'b1']);
      const mine = await readEvents(db.read, { after: second, accountId: 'one', limit: 10 });
      assert.deepEqual(entities(mine), ['a3']);
      assert.deepEqual(entities(await readEvents(db.slow, { after: null, entityId: 'b', limit: 10 })), [
        'b1',
        'b2',
      ]);
      const topics = { after: null, topics: ['credits'], limit: 10 };
      assert.deepEqual(await readEvents(db.read, topics), []);
      assert.equal((await readEvents(db.read, { ...topics, topics: ['credits', 'tasks'] })).length, 6);
    },
  },
  {
    name: 'cursors: none at first, then the oldest and the newest, and nothing after the newest',
    async run(db) {
      assert.equal(await latestCursor(db.read), null);
      assert.equal(await oldestCursor(db.read), null);
      const ids = await db.write(emit, { entityId: 'a', count: 3 });
      const latest = await latestCursor(db.read);
      assert.equal(latest?.id, ids[2]);
      assert.equal((await oldestCursor(db.read))?.id, ids[0]);
      assert.deepEqual(await readEvents(db.read, { after: latest, limit: 10 }), []);
      assert.equal(await oldestWaitingEventMs(db.read), null);
    },
  },
  {
    name: 'pruning takes whole changes, oldest first, and cursors before them cannot resume',
    async run(db) {
      await db.write(emit, { entityId: 'a', count: 3 });
      await db.write(emit, { entityId: 'b', count: 2 });
      await db.write(emit, { entityId: 'c', count: 1 });
      const [first, , third, fourth] = await readEvents(db.read, { after: null, limit: 10 });
      assert.ok(first && third && fourth);
      assert.equal(await canResume(db.read, first), true);
      assert.equal(await db.write(pruneEvents, { beforeMs: 5_000, limit: 100 }), 0);
      assert.equal(await db.write(pruneEvents, { beforeMs: 5_001, limit: 2 }), 3);
      assert.deepEqual(entities(await readEvents(db.read, { after: null, limit: 10 })), ['b1', 'b2', 'c1']);
      assert.equal(await canResume(db.read, { change: first.change - 1, id: first.id }), false);
      assert.equal(await canResume(db.read, third), true);
      assert.equal(await db.write(pruneEvents, { beforeMs: 5_001, limit: 100 }), 3);
      assert.equal(await canResume(db.read, third), false);
      assert.equal(await canResume(db.read, fourth), false);
      // New numbers never fall below what was pruned.
      await db.write(emit, { entityId: 'd', count: 1 });
      assert.equal(await canResume(db.read, (await latestCursor(db.read)) as never), true);
    },
  },
];

for (const { kind, skip } of databaseKinds()) {
  describe(`outbox on ${kind}`, { skip }, () => {
    for (const { name, run } of cases) {
      test(name, async () => {
        const open = await openTestDb(kind);
        try {
          await run(open.db);
        } finally {
          await open.close();
        }
      });
    }
  });
}

test('a cursor survives its text form, and anything else is not a cursor', () => {
  const cursor = { change: 42, id: `evt_${'0'.repeat(31)}a` };
  assert.deepEqual(parseCursor(formatCursor(cursor)), cursor);
  for (const text of [
    '',
    '42',
    '42-',
    '-evt_',
    `x-${cursor.id}`,
    `42-${cursor.id} `,
    `99999999999999999-${cursor.id}`,
  ]) {
    assert.equal(parseCursor(text), undefined, text);
  }
});
