// What the ledger holds against whoever goes past the program: unique movements, and a chain that cannot be mended in one place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import {
  createAccountOpener,
  grantCredits,
  holdCredits,
  listEntries,
  MICROS_PER_CREDIT,
  settleHold,
  type Transfer,
  verifyLedger,
} from '../../src/credits/credits.ts';
import { hashOf } from '../../src/credits/ledger-chain.ts';
import { type Db, registerWrites, type Trx } from '../../src/kernel/db.ts';
import { newId } from '../../src/kernel/id.ts';
import { openTestDb } from '../harness/database.ts';

const NOW = 1_800_000_000_000;
const CREDIT = MICROS_PER_CREDIT;

/** The hand of somebody with the database's password. */
async function insertEntryRow(trx: Trx, entry: Transfer): Promise<void> {
  await trx.insertInto('ledger_transfers').values(entry).execute();
}
async function rewriteEntryRow(trx: Trx, { id, ...entry }: Transfer): Promise<void> {
  await sql`drop trigger if exists ledger_transfers_no_update`.execute(trx);
  await trx.updateTable('ledger_transfers').set(entry).where('id', '=', id).execute();
}
registerWrites(import.meta.url, { insertEntryRow, rewriteEntryRow });

async function withLedger(work: (db: Db, accountId: string) => Promise<void>): Promise<void> {
  const { db, close } = await openTestDb('sqlite-inline');
  try {
    const accountId = newId('acct', NOW);
    const accounts = [{ id: accountId, name: 'Ada', role: 'member' as const }];
    await createAccountOpener(db, 10 * CREDIT).open({ accounts, now: NOW });
    await work(db, accountId);
  } finally {
    await close();
  }
}

const holdOf = (accountId: string, pictures: number, now = NOW) => ({
  accountId,
  taskId: newId('task', now),
  unitMicros: CREDIT,
  pictures,
  now,
});

const copyOf = (entry: Transfer, seq: number): Transfer => ({ ...entry, id: newId('tr', NOW), seq });

test('L5: the database refuses the same movement of a hold a second time', () =>
  withLedger(async (db, accountId) => {
    const holdId = await db.write(holdCredits, holdOf(accountId, 2));
    await db.write(settleHold, { holdId, capturePictures: 1, now: NOW });
    const entries = await listEntries(db.slow, accountId, { limit: 10 });
    for (const kind of ['hold', 'capture', 'release']) {
      const entry = entries.find((one) => one.kind === kind);
      assert.ok(entry, kind);
      await assert.rejects(db.write(insertEntryRow, copyOf(entry, 90)), /unique/i, kind);
    }
  }));

test('C3: the database refuses a second order under the same key', () =>
  withLedger(async (db, accountId) => {
    const order = { accountId, reason: 'a gift', idempotencyKey: 'k', actorId: null, now: NOW };
    const entry = await db.write(grantCredits, { ...order, amountMicros: CREDIT });
    await assert.rejects(db.write(insertEntryRow, copyOf(entry, 90)), /unique/i);
  }));

test('L8: an entry that was rewritten with its hash, and tied to the next one, is still noticed', () =>
  withLedger(async (db, accountId) => {
    const order = { accountId, idempotencyKey: null, actorId: null, now: NOW, amountMicros: CREDIT };
    const before = await db.write(grantCredits, { ...order, reason: 'as it was' });
    const next = await db.write(grantCredits, { ...order, reason: 'the next one' });
    const rewritten = { ...before, reason: 'as somebody wants it' };
    const hash = hashOf(rewritten);
    await db.write(rewriteEntryRow, { ...rewritten, hash });
    await db.write(rewriteEntryRow, { ...next, prev_hash: hash });
    const { findings } = await verifyLedger(db, { accountId });
    assert.ok(
      findings.some(({ rowId }) => rowId === next.id),
      JSON.stringify(findings),
    );
  }));
