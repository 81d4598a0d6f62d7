// Random histories against an oracle that knows the rules and nothing of tables. A failure prints the seed that replays
// it; CREDIT_MODEL_RUNS sets how many histories are tried.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { databaseKinds, openTestDb } from '../../test/harness/database.ts';
import { type Operation, Oracle } from '../../test/simulation/ledger-oracle.ts';
import type { Db } from '../kernel/db.ts';
import { COMMIT_UNKNOWN } from '../kernel/db-postgres-errors.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import {
  balanceOf,
  correctCredits,
  createAccountOpener,
  grantCredits,
  holdCredits,
  refundCredits,
  settleHold,
  verifyLedger,
} from './credits.ts';

const NOW = 1_800_000_000_000;
const RUNS = Number(process.env.CREDIT_MODEL_RUNS ?? 25);
/** PostgreSQL waits for its disk at every operation. */
const POSTGRES_RUNS = Math.ceil(RUNS / 10);
const LONGEST_HISTORY = 120;

const micros = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.constant(0),
  fc.constant(Number.MAX_SAFE_INTEGER),
);
const which = fc.nat({ max: 11 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ do: fc.constantFrom('grant', 'add', 'remove'), micros, key: fc.nat({ max: 20 }) }),
  fc.record({ do: fc.constant('hold'), unit: fc.nat({ max: 9 }), pictures: fc.integer({ min: 1, max: 4 }) }),
  fc.record({ do: fc.constant('settle'), which, pictures: fc.nat({ max: 5 }) }),
  fc.record({ do: fc.constant('refund'), which, micros: fc.option(fc.integer({ min: 1, max: 20 })) }),
);

/** How often somebody asks whom the database had no time for. */
const MOST_TRIES = 20;
const BETWEEN_TRIES_MS = 50;

/**
 * A write as its caller makes it: while the database has no connection free, or shows no sign of life in time, nothing is stored
 * and the caller asks again. On a busy machine that happens to some of many at once, and is no refusal.
 */
async function asked<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const isAway = error instanceof AppError && error.code === 'database_unavailable';
      // Whether that one was stored, nobody knows.
      if (!isAway || error.message === COMMIT_UNKNOWN || tries === MOST_TRIES) throw error;
    }
    await setTimeout(BETWEEN_TRIES_MS);
  }
}

async function refusedAsNull<Result>(work: () => Promise<Result>): Promise<Result | null> {
  try {
    return await asked(work);
  } catch (error) {
    if (error instanceof AppError && error.code !== 'database_unavailable') return null;
    throw error;
  }
}

async function apply(db: Db, accountId: string, oracle: Oracle, operation: Operation): Promise<void> {
  const order = { accountId, reason: 'a test', actorId: null, now: NOW };
  if (operation.do === 'hold') {
    const hold = {
      id: newId('hold', NOW),
      taskId: newId('task', NOW),
      settled: null,
      refunded: 0,
      ...operation,
    };
    const { taskId, unit: unitMicros, pictures } = hold;
    const input = { accountId, taskId, unitMicros, pictures, now: NOW, holdId: hold.id };
    const held = await refusedAsNull(() => db.write(holdCredits, input));
    assert.equal(held !== null, oracle.hold(hold));
  } else if (operation.do === 'settle' || operation.do === 'refund') {
    const hold = oracle.holds[operation.which % Math.max(1, oracle.holds.length)];
    if (!hold) return;
    if (operation.do === 'settle') {
      const input = { holdId: hold.id, capturePictures: operation.pictures, now: NOW };
      const settled = await asked(() => db.write(settleHold, input));
      assert.deepEqual(settled, oracle.settle(hold, operation.pictures));
      return;
    }
    const input = { ...order, taskId: hold.taskId, amountMicros: operation.micros, idempotencyKey: null };
    const refunded = await refusedAsNull(() => db.write(refundCredits, input));
    assert.equal(refunded?.amount_micros ?? null, oracle.refund(hold, operation.micros));
  } else {
    const input = { ...order, amountMicros: operation.micros, idempotencyKey: `key ${operation.key}` };
    const remove = operation.do === 'remove';
    const work = () =>
      operation.do === 'grant'
        ? db.write(grantCredits, input)
        : db.write(correctCredits, { ...input, remove });
    assert.equal((await refusedAsNull(work)) !== null, oracle.move(operation) !== null);
  }
}

for (const { kind, skip } of databaseKinds().filter(({ kind }) => kind !== 'sqlite')) {
  test(`G6, L1-L8: random histories agree with the oracle on ${kind}`, { skip }, async () => {
    const { db, close } = await openTestDb(kind);
    const history = fc.array(operation, { minLength: 1, maxLength: LONGEST_HISTORY, size: 'max' });
    const property = fc.asyncProperty(history, async (operations) => {
      const accountId = newId('acct', NOW);
      const accounts = [{ id: accountId, name: 'Ada', role: 'member' as const }];
      await createAccountOpener(db, 0).open({ accounts, now: NOW });
      const oracle = new Oracle();
      for (const operation of operations) {
        await apply(db, accountId, oracle, operation);
        assert.deepEqual(await balanceOf(db.read, accountId), {
          availableMicros: oracle.available,
          heldMicros: oracle.held,
        });
      }
      assert.deepEqual((await verifyLedger(db, { accountId })).findings, []);
    });
    try {
      await fc.assert(property, { numRuns: kind === 'postgres' ? POSTGRES_RUNS : RUNS });
      assert.deepEqual((await verifyLedger(db)).findings, []);
    } finally {
      await close();
    }
  });
}

/** Who wants the same credits at the same moment. */
const CONTENDERS = 64;

for (const { kind, skip } of databaseKinds()) {
  test(`G6: ${CONTENDERS} at once on one account spend no more than there is on ${kind}`, {
    skip,
  }, async () => {
    const { db, close } = await openTestDb(kind);
    try {
      const accountId = newId('acct', NOW);
      const accounts = [{ id: accountId, name: 'Ada', role: 'member' as const }];
      // Enough for half of them.
      await createAccountOpener(db, CONTENDERS / 2).open({ accounts, now: NOW });
      const oneHold = async () => {
        const order = { accountId, taskId: newId('task', NOW), unitMicros: 1, pictures: 1, now: NOW };
        return refusedAsNull(() => db.write(holdCredits, order));
      };
      const held = (await Promise.all(Array.from({ length: CONTENDERS }, oneHold))).filter(
        (id) => id !== null,
      );
      assert.equal(held.length, CONTENDERS / 2);
      // Each is resolved by two that do not know of each other; the first one's word stands for both.
      const settle = (holdId: string, capturePictures: number) =>
        asked(() => db.write(settleHold, { holdId, capturePictures, now: NOW }));
      const ends = await Promise.all(
        held.map((id, index) => Promise.all([settle(id, index % 2), settle(id, (index + 1) % 2)])),
      );
      for (const [first, second] of ends) assert.deepEqual(first, second);
      const captured = ends.reduce((sum, [end]) => sum + end.capturedMicros, 0);
      const left = { availableMicros: CONTENDERS / 2 - captured, heldMicros: 0 };
      assert.deepEqual(await balanceOf(db.read, accountId), left);
      assert.deepEqual((await verifyLedger(db)).findings, []);
    } finally {
      await close();
    }
  });
}
