// A node that was taken for dead while it sent a webhook message has no say in what became of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registerWrites, type Trx } from '../../src/kernel/db.ts';
import { newId } from '../../src/kernel/id.ts';
import {
  claimDeliveries,
  findDelivery,
  recordAttempt,
  releaseDeliveries,
} from '../../src/webhooks/delivery-store.ts';
import { insertDeliveries, newDelivery } from '../../src/webhooks/fan-out-store.ts';
import type { DeliveryRow } from '../../src/webhooks/target-store.ts';
import { openTestDb } from '../harness/database.ts';

const NOW = 1_800_000_000_000;
const ACCOUNT = 'acct_a';

/** A message that is due, to an address that a task brought along. */
async function addDelivery(trx: Trx, { now }: { now: number }): Promise<void> {
  const target = { endpoint_id: null, url: 'https://a.example/', base_url: null, target: 'url_a' };
  const about = { account_id: ACCOUNT, type: 'task.succeeded', task_id: newId('task', now) };
  const delivery = newDelivery({ ...target, ...about, event_id: null, occurred_at: now }, now);
  await insertDeliveries(trx, [delivery], now);
}
registerWrites(import.meta.url, { addDelivery });

test('N1: what a former sender says of a message changes nothing', async () => {
  const { db, close } = await openTestDb('sqlite-inline');
  try {
    await db.write(addDelivery, { now: NOW });
    const claim = async (owner: string): Promise<DeliveryRow> => {
      const [claimed] = await db.write(claimDeliveries, { owner, limit: 1, failingLimit: 1, now: NOW });
      assert.ok(claimed);
      return claimed.delivery;
    };
    const before = await claim('node_a');
    assert.equal(await db.write(releaseDeliveries, { owners: ['node_a'], now: NOW }), 1);
    const now = await claim('node_b');
    assert.equal(now.id, before.id);
    const answer = { started_at: NOW, duration_ms: 1, status_code: 200, error: null, answer: null };
    const record = { attempt: answer, outcome: 'delivered' as const, reason: null, nextAt: null, now: NOW };
    const late = await db.write(recordAttempt, { ...record, delivery: before });
    assert.equal(late.isOwner, false);
    assert.equal((await findDelivery(db.read, ACCOUNT, now.id))?.status, 'sending');
    assert.equal((await db.write(recordAttempt, { ...record, delivery: now })).isOwner, true);
  } finally {
    await close();
  }
});
