import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { sql } from 'kysely';
import { databaseKinds, openTestDb, type TestDb } from '../../test/harness/database.ts';
import { type Db, registerWrites, type Trx } from '../kernel/db.ts';
import { newId } from '../kernel/id.ts';
import {
  createAccountOpener,
  getHold,
  holdCredits,
  listEntries,
  MICROS_PER_CREDIT,
  rebuildBalance,
  refundCredits,
  settleHold,
  verifyLedger,
} from './credits.ts';

const NOW = 1_800_000_000_000;
const CREDIT = MICROS_PER_CREDIT;

async function tamper(trx: Trx, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(trx);
}
registerWrites(import.meta.url, { tamper });

const CHECKS: Record<string, readonly string[]> = {
  ledger_transfers: ['amount', 'books', 'hold'],
  holds: ['amount', 'captured', 'resolution'],
};

/** What somebody with the database's password can do: take the guards away. */
function disarm(db: Db): readonly string[] {
  if (db.dialect === 'postgres') {
    return Object.entries(CHECKS).flatMap(([table, checks]) => [
      `alter table ${table} disable trigger user`,
      ...checks.map((check) => `alter table ${table} drop constraint ${table}_${check}`),
    ]);
  }
  const triggers = [
    'ledger_transfers_no_update',
    'ledger_transfers_no_delete',
    'holds_resolved_once',
    'holds_frozen',
  ];
  return ['pragma ignore_check_constraints = on', ...triggers.map((trigger) => `drop trigger ${trigger}`)];
}

/** An account with a grant, an open hold, a settled one in part, and a refund: seq 1 to 6. */
async function openHistory(db: Db) {
  const accountId = newId('acct', NOW);
  await createAccountOpener(db, 10 * CREDIT).open({
    accounts: [{ id: accountId, name: 'Ada', role: 'member' }],
    now: NOW,
  });
  const hold = (pictures: number) =>
    db.write(holdCredits, { accountId, taskId: newId('task', NOW), unitMicros: CREDIT, pictures, now: NOW });
  const openHold = await getHold(db.read, await hold(2));
  const holdId = await hold(3);
  await db.write(settleHold, { holdId, capturePictures: 2, now: NOW });
  const settledHold = await getHold(db.read, holdId);
  await db.write(refundCredits, {
    taskId: settledHold.task_id,
    amountMicros: CREDIT,
    reason: 'a test',
    idempotencyKey: null,
    actorId: null,
    now: NOW,
  });
  const entries = (await listEntries(db.slow, accountId, { limit: 100 })).toReversed();
  return { accountId, entries, openHold, settledHold };
}

type History = Awaited<ReturnType<typeof openHistory>>;

async function findingsAfter(db: Db, accountId: string, statements: readonly string[]): Promise<string[]> {
  assert.deepEqual((await verifyLedger(db, { accountId })).findings, []);
  await db.write(tamper, statements);
  const { findings } = await verifyLedger(db, { accountId });
  return findings.map(({ rule, table, rowId }) => `${rule} ${table} ${rowId}`);
}

// The SQLite database behind a worker would say the same as the one in memory.
for (const { kind, skip } of databaseKinds().filter(({ kind }) => kind !== 'sqlite')) {
  suite(`the ledger's guards on ${kind}`, { skip }, () => {
    let opened: TestDb;
    let db: Db;
    before(async () => {
      opened = await openTestDb(kind);
      db = opened.db;
    });
    after(() => opened.close());

    test('L8: the database refuses to change or delete entries, resolved holds, and what a hold holds', async () => {
      const { accountId, openHold, settledHold } = await openHistory(db);
      const where = `where account_id = '${accountId}'`;
      const refused = [
        `update ledger_transfers set amount_micros = amount_micros ${where}`,
        `delete from ledger_transfers ${where}`,
        `update holds set captured_micros = 0 where id = '${settledHold.id}'`,
        `update holds set unit_micros = 1, amount_micros = 2 where id = '${openHold.id}'`,
        `delete from holds where id = '${openHold.id}'`,
      ];
      for (const statement of refused)
        await assert.rejects(db.write(tamper, [statement]), /never/, statement);
      assert.deepEqual((await verifyLedger(db, { accountId })).findings, []);
    });

    test('L4, H3: the database refuses balances below zero and entries that are none', async () => {
      const { accountId } = await openHistory(db);
      const entry = (kind: string, debit: string, credit: string, amount: number) =>
        `insert into ledger_transfers values ('${newId('tr', NOW)}', '${accountId}', 99, '${kind}', '${debit}', '${credit}', ${amount}, 0, 0, null, null, 0, null, null, null, 1, '', '')`;
      const refused = [
        `update credit_balances set available_micros = -1 where account_id = '${accountId}'`,
        `update credit_balances set held_micros = -1 where account_id = '${accountId}'`,
        entry('grant', 'issued', 'available', 0),
        entry('grant', 'issued', 'available', -5),
        entry('grant', 'revenue', 'available', 5),
        entry('capture', 'held', 'revenue', 5),
      ];
      for (const statement of refused)
        await assert.rejects(db.write(tamper, [statement]), /constraint/i, statement);
      await db.write(tamper, [entry('grant', 'issued', 'available', 5)]);
    });
  });

  suite(`verification on ${kind}`, { skip }, () => {
    let opened: TestDb;
    let db: Db;
    let history: History;
    before(async () => {
      opened = await openTestDb(kind);
      db = opened.db;
      await db.write(tamper, disarm(db));
    });
    after(() => opened.close());

    /** Tampers with a new history and asserts that exactly these rows are named (others may be too, further on). */
    const names = async (
      statements: (history: History) => string[],
      expected: (history: History) => string[],
    ): Promise<void> => {
      history = await openHistory(db);
      const found = await findingsAfter(db, history.accountId, statements(history));
      for (const finding of expected(history))
        assert.ok(found.includes(finding), `${finding} in ${found.join(', ')}`);
    };
    const entry = (position: number) => (from: History) => from.entries[position - 1]?.id ?? '';
    const set = (position: number, change: string) => (from: History) => [
      `update ledger_transfers set ${change} where id = '${entry(position)(from)}'`,
    ];

    test('a sound ledger has no findings, and its books sum to zero', async () => {
      history = await openHistory(db);
      const report = await verifyLedger(db, { accountId: history.accountId });
      assert.deepEqual(report.findings, []);
      assert.equal(report.entries, 6);
      assert.equal(report.holds, 2);
      const { available, held, revenue, issued } = report.books;
      assert.deepEqual(
        [available, held, revenue, issued],
        [7_000_000n, 2_000_000n, 1_000_000n, -10_000_000n],
      );
    });

    test('C4, L8: a changed entry is named, whichever field was changed', async () => {
      const changes = [
        'amount_micros = 1',
        "reason = 'x'",
        'created_at = 1',
        "actor_id = 'x'",
        "task_id = 'x'",
      ];
      for (const change of changes)
        await names(set(3, change), (from) => [`L8 ledger_transfers ${entry(3)(from)}`]);
    });

    test('C4, L8: a removed entry is noticed, the last one too', async () => {
      await names(
        (from) => [`delete from ledger_transfers where id = '${entry(3)(from)}'`],
        (from) => [`L8 ledger_transfers ${entry(4)(from)}`],
      );
      await names(
        (from) => [`delete from ledger_transfers where id = '${entry(6)(from)}'`],
        (from) => [`L8 credit_balances ${from.accountId}`, `L3 credit_balances ${from.accountId}`],
      );
    });

    test('L1: an entry between the wrong books is named', () =>
      names(set(1, "debit_book = 'revenue'"), (from) => [`L1 ledger_transfers ${entry(1)(from)}`]));

    test('L3, L4: entries whose sum goes below zero, or is not what they state, are named', () =>
      names(set(1, 'amount_micros = 1'), (from) => [
        `L4 ledger_transfers ${entry(2)(from)}`,
        `L3 ledger_transfers ${entry(1)(from)}`,
      ]));

    test('C4, L2, L3: a drifted balance is named, and rebuilt from the entries', async () => {
      await names(
        (from) => [
          `update credit_balances set available_micros = available_micros + 5 where account_id = '${from.accountId}'`,
        ],
        (from) => [`L3 credit_balances ${from.accountId}`, 'L2 credit_balances null'],
      );
      const { accountId } = history;
      const rebuilt = await db.write(rebuildBalance, { accountId });
      assert.deepEqual(rebuilt, { availableMicros: 7 * CREDIT, heldMicros: 2 * CREDIT });
      const { findings } = await verifyLedger(db, { accountId });
      assert.deepEqual(
        findings.filter(({ rule }) => rule !== 'L2'),
        [],
      );
    });

    test('L5: a hold that does not say what the ledger says is named', async () => {
      await names(
        ({ settledHold }) => [
          `update holds set state = 'open', resolved_at = null where id = '${settledHold.id}'`,
        ],
        ({ settledHold, accountId }) => [`L5 holds ${settledHold.id}`, `L6 credit_balances ${accountId}`],
      );
      await names(
        ({ openHold }) => [`update holds set amount_micros = 1 where id = '${openHold.id}'`],
        ({ openHold }) => [`L5 holds ${openHold.id}`],
      );
    });

    test('L7: captures beyond the price of the pictures, and refunds beyond the captures, are named', async () => {
      await names(
        ({ settledHold }) => [
          `update holds set captured_micros = 3000000, released_micros = 0 where id = '${settledHold.id}'`,
        ],
        ({ settledHold }) => [`L7 holds ${settledHold.id}`],
      );
      await names(set(6, 'amount_micros = 2000001'), ({ settledHold }) => [`L7 holds ${settledHold.id}`]);
    });

    test('L5, L6: holds are compared with their tasks', async () => {
      const { accountId, openHold, settledHold } = await openHistory(db);
      const verify = async (tasks: [string, boolean][]) => {
        const areTasksTerminal = async () => new Map(tasks);
        const { findings } = await verifyLedger(db, { accountId, areTasksTerminal });
        return findings.map(({ rule, rowId }) => `${rule} ${rowId}`);
      };
      const open = openHold.task_id;
      const settled = settledHold.task_id;
      assert.deepEqual(
        await verify([
          [open, false],
          [settled, true],
        ]),
        [],
      );
      assert.deepEqual(
        await verify([
          [open, true],
          [settled, true],
        ]),
        [`L5 ${openHold.id}`],
      );
      assert.deepEqual(
        await verify([
          [open, false],
          [settled, false],
        ]),
        [`L5 ${settledHold.id}`],
      );
      assert.deepEqual(await verify([[settled, true]]), [`L6 ${openHold.id}`]);
    });

    test('a busy ledger raises no false alarm', async () => {
      const { accountId } = await openHistory(db);
      let writing = true;
      const writer = (async () => {
        for (let index = 0; index < 40; index += 1) {
          const input = { accountId, taskId: newId('task', NOW), unitMicros: 1000, pictures: 2, now: NOW };
          const holdId = await db.write(holdCredits, input);
          await db.write(settleHold, { holdId, capturePictures: index % 3, now: NOW });
        }
        writing = false;
      })();
      while (writing) assert.deepEqual((await verifyLedger(db, { accountId })).findings, []);
      await writer;
    });
  });
}
