// One list of cases for every state layer: what slices may rely on, whichever database runs beneath them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sql } from 'kysely';
import { databaseKinds, openTestDb, type TestDb } from '../../test/harness/database.ts';
import * as writes from '../../test/harness/db-writes.ts';
import type { Db } from './db.ts';
import { AppError } from './errors.ts';
import { type EventCursor, readEvents } from './outbox.ts';

interface Case {
  name: string;
  run(db: Db, open: TestDb): Promise<void>;
}

const item = (id: string, amount = 1) => ({ id, amount, note: null });

async function itemIds(db: Db): Promise<string[]> {
  const rows = await db.read.selectFrom('items').select('id').orderBy('id').execute();
  return rows.map((row) => row.id);
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    return true;
  };
}

const cases: Case[] = [
  {
    name: 'queries compiled once take parameters everywhere a value stands',
    async run(db) {
      await db.write(writes.addItem, { id: 'a', amount: 1, note: 'x' });
      await db.write(writes.addItem, { id: 'b', amount: 2, note: null });
      const [upserted] = await db.write(writes.upsert, { id: 'b', amount: 9, note: 'y', extra: 5 });
      assert.deepEqual(upserted, { id: 'b', amount: 7, note: 'y' });
      assert.equal(
        (await db.write(writes.upsert, { id: 'c', amount: 9, note: null, extra: 5 }))[0]?.amount,
        9,
      );
      assert.deepEqual(await db.write(writes.change, { id: 'c', amount: 3 }), [{ amount: 3 }]);
      assert.deepEqual(await db.write(writes.change, { id: 'missing', amount: 3 }), []);
      const first = await db.write(writes.list, { from: 'b', to: 'z', limit: 1 });
      assert.deepEqual(
        first.map((row) => row.id),
        ['b'],
      );
      const all = await db.write(writes.list, { from: 'a', to: 'b', limit: 10 });
      assert.deepEqual(
        all.map((row) => row.id),
        ['a', 'b'],
      );
      await assert.rejects(db.write(writes.misuseParameter, null), /marks a place/);
    },
  },
  {
    name: 'a failing write rolls back alone, and its error keeps code and options',
    async run(db) {
      const outcomes = await Promise.allSettled([
        db.write(writes.addItem, item('a')),
        db.write(writes.addItemThenFail, item('b')),
        db.write(writes.addItem, item('c')),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.deepEqual(await itemIds(db), ['a', 'c']);
      const { reason } = outcomes[1] as PromiseRejectedResult;
      assert.ok(reason instanceof AppError);
      assert.equal(reason.code, 'insufficient_credits');
      assert.deepEqual(reason.options, {
        detail: 'Not enough.',
        retryAfterS: 7,
        errors: [{ pointer: '/n', detail: 'too many' }],
      });
    },
  },
  {
    name: 'results and errors arrive only when what they rest on is committed',
    async run(db) {
      const grouped = db.dialect === 'sqlite';
      const first = db.write(writes.addItem, item('a')).then(async () => {
        const ids = await itemIds(db);
        assert.ok(ids.includes('a'));
        // In a group the first member's answer waits for the last member's work.
        if (grouped) assert.equal(ids.length, 2_001);
      });
      const second = db.write(writes.failIfItemExists, { id: 'a' }).catch(async (error) => {
        assert.ok(hasCode('conflict')(error));
        assert.ok((await itemIds(db)).includes('a'));
      });
      await Promise.all([first, second, db.write(writes.addMany, { prefix: 'm', count: 2_000 })]);
      const [count] = await db.slow
        .selectFrom('items')
        .select(db.slow.fn.countAll<number>().as('n'))
        .execute();
      assert.equal(count?.n, 2_001);
    },
  },
  {
    name: '64 concurrent writers: each sees every earlier one, none is lost',
    async run(db) {
      await db.write(writes.addItem, item('n', 0));
      const seen = await Promise.all(
        Array.from({ length: 64 }, async () => {
          const mine: number[] = [];
          for (let round = 0; round < 5; round++) mine.push(await db.write(writes.increment, { id: 'n' }));
          return mine;
        }),
      );
      const sorted = seen.flat().sort((a, b) => a - b);
      assert.deepEqual(
        sorted,
        Array.from({ length: 320 }, (_, index) => index + 1),
      );
    },
  },
  {
    name: 'a write that waits for anything but its transaction is rolled back as a bug',
    async run(db) {
      const outcomes = await Promise.allSettled([
        db.write(writes.addItem, item('a')),
        db.write(writes.waitForTimer, item('b')),
        db.write(writes.addItem, item('c')),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.match(
        String((outcomes[1] as PromiseRejectedResult).reason),
        /await nothing but its transaction/,
      );
      // The late part of the bad write meets a closed transaction, even while others run.
      for (let round = 0; round < 30; round++) {
        await db.write(writes.increment, { id: 'a' });
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.deepEqual(await itemIds(db), ['a', 'c']);
    },
  },
  {
    name: 'a write that does not await a query, or goes on after a failed one, is rolled back',
    async run(db) {
      await assert.rejects(db.write(writes.forgetToAwait, item('a')), /must await each of its queries/);
      await assert.rejects(
        db.write(writes.swallowFailure, item('b')),
        /went on after one of its queries had failed/,
      );
      await db.write(writes.addItem, item('c'));
      assert.deepEqual(await itemIds(db), ['c']);
    },
  },
  {
    name: 'a write cannot end or nest its transaction',
    async run(db) {
      for (const text of ['commit', ' ROLLBACK', 'begin', 'savepoint x', 'end', 'release member']) {
        await assert.rejects(db.write(writes.runSql, { text }), /not a query's business/, text);
      }
      await db.write(writes.addItem, item('a'));
      assert.deepEqual(await itemIds(db), ['a']);
    },
  },
  {
    name: 'parameters that a driver would misread are refused by name',
    async run(db) {
      const refusals: [unknown, RegExp][] = [
        [new Date(0), /a Date/],
        [undefined, /undefined/],
        [{ a: 1 }, /an object/],
        [[1, 2], /an array/],
        [2 ** 53, /not an exact integer/],
        [2n ** 60n, /not an exact integer/],
        [Number.NaN, /not an exact integer/],
      ];
      for (const [value, message] of refusals) {
        await assert.rejects(db.write(writes.bind, { value }), message);
        await assert.rejects(sql`select ${value} as value`.execute(db.read), message);
        await assert.rejects(sql`select ${value} as value`.execute(db.slow), message);
      }
      assert.equal(await db.write(writes.storeAmount, { id: 'a', amount: true }), 1);
      assert.equal(await db.write(writes.storeAmount, { id: 'b', amount: false }), 0);
      const largest = Number.MAX_SAFE_INTEGER;
      assert.equal(await db.write(writes.storeAmount, { id: 'c', amount: largest }), largest);
      await assert.rejects(db.write(writes.storeAmount, { id: 'd', amount: 'text' }));
      await assert.rejects(db.write(writes.storeAmount, { id: 'd', amount: 1.5 }));
    },
  },
  {
    name: 'integers over 2^53 throw when read, sums and counts are numbers, conditions are 0 and 1',
    async run(db) {
      const tooLarge = sql`select 9007199254740993 as value`;
      await assert.rejects(tooLarge.execute(db.read), /too large/);
      await assert.rejects(tooLarge.execute(db.slow), /too large/);
      await assert.rejects(
        db.write(writes.runSql, { text: 'select 9007199254740993 as value' }),
        /too large/,
      );
      await db.write(writes.addMany, { prefix: 'm', count: 4 });
      const { rows } =
        await sql`select count(*) as n, sum(amount) as total, max(amount) > 3 as large from items`.execute(
          db.read,
        );
      assert.deepEqual(rows, [{ n: 4, total: 10, large: 1 }]);
      const half = await sql<{
        half: number;
      }>`select amount / ${2} as half from items where amount = ${3}`.execute(db.read);
      assert.deepEqual(half.rows, [{ half: 1 }]);
    },
  },
  {
    name: 'reads cannot write, and only registered functions are run',
    async run(db) {
      await assert.rejects(db.read.insertInto('items').values(item('a')).execute(), /read-?only/);
      await assert.rejects(db.slow.insertInto('items').values(item('a')).execute(), /read-?only/);
      await assert.rejects(async () => db.write(async () => 1, null), /not registered/);
      await db.write(writes.addItem, item('b'));
      assert.deepEqual(await itemIds(db), ['b']);
    },
  },
  {
    name: 'an input that cannot be copied fails alone',
    async run(db) {
      const outcomes = await Promise.allSettled([
        db.write(writes.addItem, item('a')),
        db.write(writes.bind, { value: () => 1 }),
        db.write(writes.addItem, item('c')),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
      assert.match(String((outcomes[1] as PromiseRejectedResult).reason), /could not be cloned/);
    },
  },
  {
    name: 'one change number per write, larger than all that could be seen before',
    async run(db) {
      let last = 0;
      for (let round = 0; round < 3; round++) {
        const change = await db.write(writes.readChange, null);
        assert.ok(change > last);
        last = change;
      }
      const ids = await db.write(writes.emit, { entityId: 'e', count: 3 });
      const events = await readEvents(db.read, { after: null, limit: 10 });
      assert.deepEqual(
        events.map((event) => event.id),
        ids,
      );
      assert.equal(new Set(events.map((event) => event.change)).size, 1);
      assert.ok((events[0]?.change ?? 0) > last);
    },
  },
  {
    name: 'a reader that follows its cursor misses nothing of 8 concurrent writers',
    async run(db) {
      const seen: string[] = [];
      let cursor: EventCursor | null = null;
      let writing = true;
      const follow = async () => {
        for (;;) {
          const last = !writing;
          const events = await readEvents(db.read, { after: cursor, limit: 50 });
          for (const event of events) seen.push(event.id);
          cursor = events.at(-1) ?? cursor;
          if (events.length === 0 && last) return;
          if (events.length === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      };
      const following = follow();
      const written = await Promise.all(
        Array.from({ length: 8 }, async (_, writer) => {
          const ids: string[] = [];
          for (let round = 0; round < 40; round++) {
            ids.push(...(await db.write(writes.emit, { entityId: `e${writer}`, count: 1 + (round % 3) })));
          }
          return ids;
        }),
      );
      writing = false;
      await following;
      assert.deepEqual([...seen].sort(), written.flat().sort());
      assert.equal(new Set(seen).size, seen.length);
      // Each entity's own events come in the order in which they were written.
      for (const ids of written) {
        const mine = new Set(ids);
        assert.deepEqual(
          seen.filter((id) => mine.has(id)),
          ids,
        );
      }
    },
  },
  {
    name: 'signals reach each listener once a turn, until it unsubscribes',
    async run(db) {
      let calls = 0;
      const stop = db.onSignal('tasks', () => calls++);
      db.signal('tasks');
      db.signal('tasks');
      db.signal('other');
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(calls, 1);
      stop();
      db.signal('tasks');
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(calls, 1);
    },
  },
  {
    name: 'close waits for running writes and refuses later ones',
    async run(db) {
      const running = db.write(writes.addMany, { prefix: 'm', count: 1_000 });
      const closed = db.close();
      await running;
      await closed;
      await assert.rejects(db.write(writes.addItem, item('late')), hasCode('database_unavailable'));
    },
  },
];

/** Needs a database that outlives its connections. */
const lasting: Case[] = [
  {
    name: 'what was written is there after a restart, and change numbers go on',
    async run(db, open) {
      await db.write(writes.emit, { entityId: 'e', count: 2 });
      await db.write(writes.addItem, item('a'));
      const before = await db.write(writes.readChange, null);
      const again = await open.reopen();
      assert.deepEqual(await itemIds(again), ['a']);
      assert.ok((await again.write(writes.readChange, null)) > before);
      assert.equal((await readEvents(again.read, { after: null, limit: 10 })).length, 2);
    },
  },
];

for (const { kind, skip } of databaseKinds()) {
  describe(`state layer on ${kind}`, { skip }, () => {
    for (const { name, run } of kind === 'sqlite-inline' ? cases : [...cases, ...lasting]) {
      test(name, async () => {
        const open = await openTestDb(kind);
        try {
          await open.db.write(writes.createItems, null);
          await run(open.db, open);
        } finally {
          await open.close();
        }
      });
    }
  });
}
