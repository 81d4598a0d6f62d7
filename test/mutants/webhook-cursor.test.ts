// The place up to which events were handed to webhooks only ever moves forward, whatever a node believes that fell behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registerWrites, type Trx } from '../../src/kernel/db.ts';
import { newId } from '../../src/kernel/id.ts';
import { appendEvent } from '../../src/kernel/outbox.ts';
import { fanOut, storedCursor } from '../../src/webhooks/fan-out-store.ts';
import { openTestDb } from '../harness/database.ts';

const NOW = 1_800_000_000_000;

/** An event that no webhook is told of. */
async function addQuietEvent(trx: Trx, { now }: { now: number }): Promise<void> {
  const about = { accountId: null, topic: 'tasks', type: 'task.updated', version: 1, nowMs: now };
  await appendEvent(trx, { ...about, entityId: newId('task', now) });
}
registerWrites(import.meta.url, { addQuietEvent });

test('N1: a node that is behind neither moves the cursor back nor over what it has not seen', async () => {
  const { db, close } = await openTestDb('sqlite-inline');
  try {
    const start = await storedCursor(db.read);
    const hand = (from: typeof start, skipTo: typeof start, limit: number) =>
      db.write(fanOut, { from, skipTo, limit, now: NOW });
    for (let i = 0; i < 4; i += 1) await db.write(addQuietEvent, { now: NOW + i });
    const ahead = await hand(start, start, 3);
    assert.deepEqual(await storedCursor(db.read), ahead.cursor);
    // Another node still believes in the old place; one event is left after the stored one.
    const behind = await hand(start, start, 1);
    assert.ok(behind.cursor.change > ahead.cursor.change);
    assert.deepEqual(await storedCursor(db.read), behind.cursor);
  } finally {
    await close();
  }
});
