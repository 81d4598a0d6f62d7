import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { databaseKinds, openTestDb, type TestDb } from '../../test/harness/database.ts';
import type { Db } from '../kernel/db.ts';
import { AppError, type ErrorCode } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import {
  balanceOf,
  correctCredits,
  createAccountOpener,
  getHold,
  grantCredits,
  holdCredits,
  listEntries,
  MICROS_PER_CREDIT,
  refundCredits,
  releaseHold,
  settleHold,
  verifyLedger,
} from './credits.ts';
import { periodStarts, setSpendingLimits, spendingOf } from './limit-store.ts';

const NOW = 1_800_000_000_000;
const CREDIT = MICROS_PER_CREDIT;

const withCode = (code: ErrorCode) => (error: unknown) => error instanceof AppError && error.code === code;

async function openAccount(db: Db, credits: number): Promise<string> {
  const id = newId('acct', NOW);
  await createAccountOpener(db, 0).open({
    accounts: [{ id, name: 'Ada', role: 'member', grantCredits: credits }],
    now: NOW,
  });
  return id;
}

const hold = (db: Db, accountId: string, unitMicros: number, pictures = 1) =>
  db.write(holdCredits, { accountId, taskId: newId('task', NOW), unitMicros, pictures, now: NOW });

const order = (accountId: string, idempotencyKey: string | null = null) => ({
  accountId,
  reason: 'a test',
  idempotencyKey,
  actorId: null,
  now: NOW,
});

async function assertSound(db: Db): Promise<void> {
  const { findings } = await verifyLedger(db);
  assert.deepEqual(findings, []);
}

for (const { kind, skip } of databaseKinds()) {
  suite(`credits on ${kind}`, { skip }, () => {
    let opened: TestDb;
    let db: Db;
    before(async () => {
      opened = await openTestDb(kind);
      db = opened.db;
    });
    after(async () => {
      await assertSound(db);
      await opened.close();
    });

    test('a hold is captured per stored picture and the rest released', async () => {
      const accountId = await openAccount(db, 10);
      const holdId = await hold(db, accountId, CREDIT, 4);
      assert.deepEqual(await balanceOf(db.read, accountId), {
        availableMicros: 6 * CREDIT,
        heldMicros: 4 * CREDIT,
      });
      const settled = await db.write(settleHold, { holdId, capturePictures: 3, now: NOW });
      assert.deepEqual(settled, { capturedMicros: 3 * CREDIT, releasedMicros: CREDIT });
      assert.deepEqual(await balanceOf(db.read, accountId), { availableMicros: 7 * CREDIT, heldMicros: 0 });
      const kinds = (await listEntries(db.slow, accountId, { limit: 10 })).map((entry) => entry.kind);
      assert.deepEqual(kinds, ['release', 'capture', 'hold', 'grant']);
    });

    test('A7, L4: of many tasks at once, exactly those that the credits pay for are accepted', async () => {
      const accountId = await openAccount(db, 7);
      const results = await Promise.allSettled(Array.from({ length: 64 }, () => hold(db, accountId, CREDIT)));
      const refused = results.filter((result) => result.status === 'rejected');
      assert.equal(results.length - refused.length, 7);
      assert.ok(refused.every(({ reason }) => withCode('insufficient_credits')(reason)));
      assert.deepEqual(await balanceOf(db.read, accountId), { availableMicros: 0, heldMicros: 7 * CREDIT });
    });

    test('a refused hold says what it needs and what there is, and leaves no row', async () => {
      const accountId = await openAccount(db, 3);
      await hold(db, accountId, CREDIT);
      const taskId = newId('task', NOW);
      const input = {
        accountId,
        taskId,
        unitMicros: 2.5 * CREDIT,
        pictures: 1,
        now: NOW,
        holdId: newId('hold', NOW),
      };
      await assert.rejects(db.write(holdCredits, input), (error: AppError) => {
        assert.equal(error.code, 'insufficient_credits');
        assert.match(error.message, /needs 2\.5 credits, and 2 are available; 1 more are held/);
        return true;
      });
      await assert.rejects(getHold(db.read, input.holdId), withCode('not_found'));
    });

    test('C2, L5: however many settle a hold at once, it resolves once and all report the first outcome', async () => {
      const accountId = await openAccount(db, 4);
      const holdId = await hold(db, accountId, CREDIT, 4);
      const settle = (capturePictures: number) => db.write(settleHold, { holdId, capturePictures, now: NOW });
      const outcomes = await Promise.all(Array.from({ length: 32 }, (_, index) => settle(index % 5)));
      for (const outcome of outcomes) assert.deepEqual(outcome, outcomes[0]);
      const { availableMicros, heldMicros } = await balanceOf(db.read, accountId);
      assert.equal(heldMicros, 0);
      assert.equal(availableMicros, 4 * CREDIT - (outcomes[0]?.capturedMicros ?? 0));
      assert.deepEqual(await db.write(releaseHold, { holdId, now: NOW }), outcomes[0]);
    });

    test('PC9, L7: pictures beyond those held for are not charged', async () => {
      const accountId = await openAccount(db, 1);
      const holdId = await hold(db, accountId, CREDIT, 1);
      const settled = await db.write(settleHold, { holdId, capturePictures: 4, now: NOW });
      assert.deepEqual(settled, { capturedMicros: CREDIT, releasedMicros: 0 });
    });

    test('free tasks write a hold and nothing else', async () => {
      const accountId = await openAccount(db, 0);
      const holdId = await hold(db, accountId, 0, 4);
      assert.deepEqual(await db.write(settleHold, { holdId, capturePictures: 4, now: NOW }), {
        capturedMicros: 0,
        releasedMicros: 0,
      });
      assert.equal((await getHold(db.read, holdId)).state, 'resolved');
      assert.deepEqual(await listEntries(db.slow, accountId, { limit: 10 }), []);
    });

    test('C3, L7: refunds never exceed what was captured, and a key counts once', async () => {
      const accountId = await openAccount(db, 5);
      const holdId = await hold(db, accountId, CREDIT, 5);
      await db.write(settleHold, { holdId, capturePictures: 3, now: NOW });
      const { task_id: taskId } = await getHold(db.read, holdId);
      const refund = (amountMicros: number | null, idempotencyKey: string | null) =>
        db.write(refundCredits, { ...order(accountId, idempotencyKey), taskId, amountMicros });
      const [first, again] = await Promise.all([refund(CREDIT, 'r1'), refund(CREDIT, 'r1')]);
      assert.equal(first.id, again.id);
      await assert.rejects(refund(2 * CREDIT, 'r1'), withCode('idempotency_mismatch'));
      await assert.rejects(refund(2 * CREDIT + 1, 'r2'), withCode('conflict'));
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => refund(CREDIT, null)));
      assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 2);
      await assert.rejects(refund(null, null), withCode('conflict'));
      assert.deepEqual(await balanceOf(db.read, accountId), { availableMicros: 5 * CREDIT, heldMicros: 0 });
    });

    test('A7: of many tasks at once, a spending limit lets exactly those through that fit', async () => {
      const accountId = await openAccount(db, 50);
      const limits = (dailyMicros: number | null, monthlyMicros: number | null) =>
        db.write(setSpendingLimits, { accountId, dailyMicros, monthlyMicros });
      const at = (now: number, pictures = 1) =>
        db.write(holdCredits, { accountId, taskId: newId('task', now), unitMicros: CREDIT, pictures, now });
      const outcomes = async (now: number, tries: number) => {
        const settled = await Promise.allSettled(Array.from({ length: tries }, () => at(now)));
        for (const one of settled)
          if (one.status === 'rejected') assert.ok(withCode('spending_limit_reached')(one.reason));
        return settled.filter(({ status }) => status === 'fulfilled').length;
      };
      await limits(3 * CREDIT, 5 * CREDIT);
      assert.equal(await outcomes(NOW, 9), 3);
      const { day, month } = periodStarts(NOW);
      const tomorrow = day + 24 * 3_600_000;
      assert.equal(await outcomes(tomorrow, 9), 2);
      // What is returned makes room, what is charged does not.
      const first = await at(periodStarts(month + 40 * 24 * 3_600_000).month);
      assert.ok(first);
      const nextMonth = periodStarts(month + 40 * 24 * 3_600_000).month;
      const released = await at(nextMonth + 1);
      await at(nextMonth + 2);
      await assert.rejects(at(nextMonth + 3), withCode('spending_limit_reached'));
      await db.write(settleHold, { holdId: released, capturePictures: 0, now: nextMonth + 4 });
      await db.write(settleHold, { holdId: first, capturePictures: 1, now: nextMonth + 4 });
      await assert.rejects(at(nextMonth + 5, 2), withCode('spending_limit_reached'));
      await at(nextMonth + 5);
      await limits(0, null);
      await assert.rejects(at(nextMonth + 6), withCode('spending_limit_reached'));
      await db.write(holdCredits, {
        accountId,
        taskId: newId('task', NOW),
        unitMicros: 0,
        pictures: 1,
        now: nextMonth + 6,
      });
      await limits(null, null);
      await at(nextMonth + 7, 4);
      const spending = await spendingOf(db.read, accountId, nextMonth + 8);
      assert.deepEqual(spending, {
        dailyMicros: null,
        monthlyMicros: null,
        todayMicros: 7 * CREDIT,
        thisMonthMicros: 7 * CREDIT,
      });
      await assertSound(db);
    });

    test('grants and corrections: by key once, never below zero, never too large to count', async () => {
      const accountId = await openAccount(db, 1);
      const grant = (amountMicros: number, key: string | null = null) =>
        db.write(grantCredits, { ...order(accountId, key), amountMicros });
      const entries = await Promise.all(Array.from({ length: 8 }, () => grant(CREDIT, 'g1')));
      assert.equal(new Set(entries.map(({ id }) => id)).size, 1);
      await assert.rejects(grant(2 * CREDIT, 'g1'), withCode('idempotency_mismatch'));
      await assert.rejects(grant(Number.MAX_SAFE_INTEGER), withCode('conflict'));
      await assert.rejects(grant(0), withCode('validation_failed'));
      const correct = (amountMicros: number, remove: boolean) =>
        db.write(correctCredits, { ...order(accountId), amountMicros, remove });
      await assert.rejects(correct(2 * CREDIT + 1, true), withCode('insufficient_credits'));
      await correct(2 * CREDIT, true);
      await correct(1, false);
      assert.deepEqual(await balanceOf(db.read, accountId), { availableMicros: 1, heldMicros: 0 });
      const nobody = { ...order(newId('acct', NOW)), amountMicros: CREDIT };
      await assert.rejects(db.write(grantCredits, nobody), withCode('not_found'));
    });

    test('H3: prices that are negative, fractional or overflow are refused', async () => {
      const accountId = await openAccount(db, 1);
      for (const unitMicros of [-1, 0.5, Number.NaN, Infinity, Number.MAX_SAFE_INTEGER]) {
        await assert.rejects(
          hold(db, accountId, unitMicros, 2),
          withCode('validation_failed'),
          `${unitMicros}`,
        );
      }
      await assert.rejects(hold(db, accountId, CREDIT, 0));
      await assert.rejects(hold(db, accountId, CREDIT, 1.5));
    });

    test('H1: a hold keeps its price, and a task has one hold', async () => {
      const accountId = await openAccount(db, 10);
      const taskId = newId('task', NOW);
      const input = { accountId, taskId, unitMicros: CREDIT, pictures: 2, now: NOW };
      const holdId = await db.write(holdCredits, input);
      await assert.rejects(db.write(holdCredits, { ...input, unitMicros: 2 * CREDIT }));
      const settled = await db.write(settleHold, { holdId, capturePictures: 2, now: NOW });
      assert.equal(settled.capturedMicros, 2 * CREDIT);
      assert.deepEqual(await balanceOf(db.read, accountId), { availableMicros: 8 * CREDIT, heldMicros: 0 });
    });

    test('L1, L2: holds and settlements of several accounts at once leave the ledger sound', async () => {
      const accounts = await Promise.all([1, 2, 3].map(() => openAccount(db, 40)));
      const work = accounts.flatMap((accountId) =>
        Array.from({ length: 20 }, async (_, index) => {
          const holdId = await hold(db, accountId, CREDIT / 2, 3);
          await db.write(settleHold, { holdId, capturePictures: index % 4, now: NOW });
        }),
      );
      await Promise.all(work);
      for (const accountId of accounts) {
        const balance = await balanceOf(db.read, accountId);
        assert.deepEqual(balance, { availableMicros: 25 * CREDIT, heldMicros: 0 });
      }
    });

    test('many accounts are opened in one transaction, or none of them', async () => {
      const opener = createAccountOpener(db, 5 * CREDIT);
      const accounts = Array.from({ length: 450 }, (_, index) => ({
        id: newId('acct', NOW),
        name: `Person ${index}`,
        role: 'member' as const,
        grantCredits: index % 3 === 0 ? '0' : undefined,
      }));
      await opener.open({ accounts, now: NOW });
      const [first, second] = accounts;
      assert.equal((await balanceOf(db.read, first?.id ?? '')).availableMicros, 0);
      assert.equal((await balanceOf(db.read, second?.id ?? '')).availableMicros, 5 * CREDIT);
      const broken = [{ id: newId('acct', NOW), name: 'Bo', role: 'member' as const }, ...accounts];
      await assert.rejects(opener.open({ accounts: broken, now: NOW }));
      assert.deepEqual(await balanceOf(db.read, broken[0]?.id ?? ''), { availableMicros: 0, heldMicros: 0 });
      assert.equal((await listEntries(db.slow, broken[0]?.id ?? '', { limit: 1 })).length, 0);
    });
  });
}
