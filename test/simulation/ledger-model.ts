// The long run of the ledger's model: `npm run ledger-model -- --operations 10000000`. Random operations on many accounts go
// through the program's own writes and group commits in memory, and every answer is compared with the oracle's.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  balanceOf,
  correctCredits,
  createAccountOpener,
  grantCredits,
  holdCredits,
  refundCredits,
  settleHold,
  verifyLedger,
} from '../../src/credits/credits.ts';
import type { Db } from '../../src/kernel/db.ts';
import { openInlineSqliteDb } from '../../src/kernel/db-sqlite.ts';
import { AppError } from '../../src/kernel/errors.ts';
import { newId } from '../../src/kernel/id.ts';
import { type ModelHold, type Operation, Oracle } from './ledger-oracle.ts';
import { Random } from './random.ts';

const DEFAULT_OPERATIONS = 10_000_000;
const DEFAULT_WORKERS = 2;
const NOW = 1_800_000_000_000;
/** Operations of one account; then its whole chain is verified and another account begins. */
const HISTORY = 2_000;
/** Operations that are under way together. */
const BATCH = 200;
/** A database in memory is given up before it is large. */
const HISTORIES_OF_A_DATABASE = 50;
const HOLDS_IN_PLAY = 40;
const KEYS = 300;

/** One operation as the program gets it, and what must come of it; null: a refusal. */
interface Step {
  run(db: Db): Promise<unknown>;
  expected: unknown;
}

function nextOperation(random: Random): Operation {
  const kind = random.between(0, 9);
  const micros = random.chance(0.03) ? random.pick([0, Number.MAX_SAFE_INTEGER]) : random.between(1, 50);
  if (kind < 2)
    return { do: random.pick(['grant', 'add', 'remove'] as const), micros, key: random.between(0, KEYS) };
  if (kind < 6) return { do: 'hold', unit: random.between(0, 9), pictures: random.between(1, 4) };
  const which = random.between(0, HOLDS_IN_PLAY);
  if (kind < 9) return { do: 'settle', which, pictures: random.between(0, 5) };
  return { do: 'refund', which, micros: random.chance(0.5) ? null : random.between(1, 20) };
}

/** Asks the oracle, in the order in which the database will carry it out. */
function plan(accountId: string, oracle: Oracle, operation: Operation): Step | null {
  const order = { accountId, reason: 'a model', actorId: null, now: NOW };
  if (operation.do === 'hold') {
    const { unit, pictures } = operation;
    const hold: ModelHold = {
      id: newId('hold', NOW),
      taskId: newId('task', NOW),
      unit,
      pictures,
      settled: null,
      refunded: 0,
    };
    const input = { accountId, taskId: hold.taskId, unitMicros: unit, pictures, now: NOW, holdId: hold.id };
    const expected = oracle.hold(hold) ? hold.id : null;
    return { expected, run: (db) => db.write(holdCredits, input) };
  }
  if (operation.do === 'settle' || operation.do === 'refund') {
    const latest = oracle.holds.slice(-HOLDS_IN_PLAY);
    const hold = latest[operation.which % Math.max(1, latest.length)];
    if (!hold) return null;
    if (operation.do === 'settle') {
      const input = { holdId: hold.id, capturePictures: operation.pictures, now: NOW };
      return {
        expected: { ...oracle.settle(hold, operation.pictures) },
        run: (db) => db.write(settleHold, input),
      };
    }
    const input = { ...order, taskId: hold.taskId, amountMicros: operation.micros, idempotencyKey: null };
    const refund = async (db: Db) => (await db.write(refundCredits, input)).amount_micros;
    return { expected: oracle.refund(hold, operation.micros), run: refund };
  }
  const input = { ...order, amountMicros: operation.micros, idempotencyKey: `key ${operation.key}` };
  const remove = operation.do === 'remove';
  const isMoved = oracle.move({ ...operation, do: operation.do }) !== null;
  const write = (db: Db) =>
    operation.do === 'grant' ? db.write(grantCredits, input) : db.write(correctCredits, { ...input, remove });
  return { expected: isMoved ? operation.micros : null, run: async (db) => (await write(db)).amount_micros };
}

async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

/** One account's life: every answer, every balance between batches, and at the end the whole chain. */
async function runHistory(db: Db, random: Random, operations: number): Promise<void> {
  const accountId = newId('acct', NOW);
  const accounts = [{ id: accountId, name: 'Ada', role: 'member' as const }];
  await createAccountOpener(db, 0).open({ accounts, now: NOW });
  const oracle = new Oracle();
  for (let done = 0; done < operations; done += BATCH) {
    const steps: Step[] = [];
    for (let i = 0; i < Math.min(BATCH, operations - done); i += 1) {
      const step = plan(accountId, oracle, nextOperation(random));
      if (step) steps.push(step);
    }
    const outcomes = await Promise.all(steps.map((step) => outcomeOf(step.run(db))));
    assert.deepEqual(
      outcomes,
      steps.map(({ expected }) => expected),
    );
    const balance = { availableMicros: oracle.available, heldMicros: oracle.held };
    assert.deepEqual(await balanceOf(db.read, accountId), balance);
  }
  assert.deepEqual((await verifyLedger(db, { accountId })).findings, []);
}

interface Share {
  seed: number;
  operations: number;
}

/** Runs `operations` random operations of one seed; throws at the first difference from the oracle. */
export async function runLedgerModel(
  { seed, operations }: Share,
  onProgress: (operations: number) => void = () => {},
): Promise<void> {
  const random = new Random(seed);
  for (let done = 0; done < operations; ) {
    const db = await openInlineSqliteDb();
    for (let count = 0; count < HISTORIES_OF_A_DATABASE && done < operations; count += 1) {
      const share = Math.min(HISTORY, operations - done);
      await runHistory(db, random, share);
      done += share;
      onProgress(share);
    }
    assert.deepEqual((await verifyLedger(db)).findings, []);
    await db.close();
  }
}

async function runOnWorkers(operations: number, workers: number, seed: number): Promise<void> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  let done = 0;
  let shownAt = 0;
  const runOne = (index: number) =>
    new Promise<void>((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), ['--worker'], { execArgv: [] });
      child.on('message', (share: number) => {
        done += share;
        if (seconds() - shownAt < 10) return;
        shownAt = seconds();
        console.log(`${done} of ${operations} operations after ${Math.round(shownAt)} s`);
      });
      child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`Seed ${seed + index} fails`))));
      child.send({ seed: seed + index, operations: Math.ceil(operations / workers) } satisfies Share);
    });
  await Promise.all(Array.from({ length: workers }, (_, index) => runOne(index)));
  const rate = Math.round(done / seconds());
  console.log(`${done} operations agree with the oracle, ${Math.round(seconds())} s, ${rate} a second`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      operations: { type: 'string', default: String(DEFAULT_OPERATIONS) },
      workers: { type: 'string', default: String(DEFAULT_WORKERS) },
      seed: { type: 'string', default: '1' },
      worker: { type: 'boolean', default: false },
    },
  });
  if (!values.worker)
    return runOnWorkers(Number(values.operations), Number(values.workers), Number(values.seed));
  process.once('message', async (share: Share) => {
    await runLedgerModel(share, (operations) => process.send?.(operations));
    process.disconnect();
  });
}

if (import.meta.main) await main();
