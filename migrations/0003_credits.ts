// Credits: holds, cached balances, and the append-only ledger of transfers. The database itself refuses to change or
// delete an entry, a second resolution of a hold, and a balance below zero.
import { type Kysely, type RawBuilder, sql } from 'kysely';
import { type ColumnTypes, columnTypes, createKeyedTable } from '../src/kernel/db-columns.ts';
import { dialectOf } from '../src/kernel/db-dialect.ts';

export async function up(db: Kysely<unknown>): Promise<void> {
  const types = columnTypes(db);
  await createBalances(db, types);
  await createHolds(db, types);
  await createTransfers(db, types);
  const guards = dialectOf(db).name === 'sqlite' ? sqliteGuards() : postgresGuards();
  for (const guard of guards) await guard.execute(db);
}

async function createBalances(db: Kysely<unknown>, { text, integer }: ColumnTypes): Promise<void> {
  await createKeyedTable(db, 'credit_balances')
    .addColumn('account_id', text, (column) => column.primaryKey().notNull().references('accounts.id'))
    .addColumn('available_micros', integer, (column) => column.notNull())
    .addColumn('held_micros', integer, (column) => column.notNull())
    .addColumn('seq', integer, (column) => column.notNull())
    .addColumn('last_hash', text, (column) => column.notNull())
    .addCheckConstraint('credit_balances_not_negative', sql`available_micros >= 0 and held_micros >= 0`)
    .addCheckConstraint('credit_balances_exact', sql`available_micros + held_micros <= 9007199254740991`)
    .execute();
}

// No foreign key to the account: on PostgreSQL it would share-lock the account's row in every create, free tasks too.
async function createHolds(db: Kysely<unknown>, { text, integer }: ColumnTypes): Promise<void> {
  await createKeyedTable(db, 'holds')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull())
    .addColumn('task_id', text, (column) => column.notNull().unique())
    .addColumn('unit_micros', integer, (column) => column.notNull())
    .addColumn('pictures', integer, (column) => column.notNull())
    .addColumn('amount_micros', integer, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('captured_pictures', integer, (column) => column.notNull())
    .addColumn('captured_micros', integer, (column) => column.notNull())
    .addColumn('released_micros', integer, (column) => column.notNull())
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('resolved_at', integer)
    .addCheckConstraint(
      'holds_amount',
      sql`unit_micros >= 0 and pictures > 0 and amount_micros = unit_micros * pictures`,
    )
    .addCheckConstraint('holds_captured', sql`captured_micros >= 0 and released_micros >= 0`)
    .addCheckConstraint(
      'holds_resolution',
      sql`(state = 'open' and captured_micros + released_micros = 0 and resolved_at is null)
        or (state = 'resolved' and captured_micros + released_micros = amount_micros and resolved_at is not null)`,
    )
    .execute();
  await db.schema
    .createIndex('holds_open')
    .on('holds')
    .column('account_id')
    .where(sql<boolean>`state = 'open'`)
    .execute();
}

async function createTransfers(db: Kysely<unknown>, { text, integer }: ColumnTypes): Promise<void> {
  await createKeyedTable(db, 'ledger_transfers')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('account_id', text, (column) => column.notNull().references('credit_balances.account_id'))
    .addColumn('seq', integer, (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('debit_book', text, (column) => column.notNull())
    .addColumn('credit_book', text, (column) => column.notNull())
    .addColumn('amount_micros', integer, (column) => column.notNull())
    .addColumn('available_after_micros', integer, (column) => column.notNull())
    .addColumn('held_after_micros', integer, (column) => column.notNull())
    .addColumn('hold_id', text)
    .addColumn('task_id', text)
    .addColumn('refund_number', integer, (column) => column.notNull())
    .addColumn('reason', text)
    .addColumn('actor_id', text)
    .addColumn('idempotency_key', text)
    .addColumn('created_at', integer, (column) => column.notNull())
    .addColumn('prev_hash', text, (column) => column.notNull())
    .addColumn('hash', text, (column) => column.notNull())
    .addUniqueConstraint('ledger_transfers_chain', ['account_id', 'seq'])
    .addCheckConstraint(
      'ledger_transfers_amount',
      sql`amount_micros > 0 and amount_micros <= 9007199254740991`,
    )
    .addCheckConstraint(
      'ledger_transfers_books',
      sql`(kind = 'grant' and debit_book = 'issued' and credit_book = 'available')
        or (kind = 'hold' and debit_book = 'available' and credit_book = 'held')
        or (kind = 'capture' and debit_book = 'held' and credit_book = 'revenue')
        or (kind = 'release' and debit_book = 'held' and credit_book = 'available')
        or (kind = 'refund' and debit_book = 'revenue' and credit_book = 'available')
        or (kind = 'correction' and debit_book = 'issued' and credit_book = 'available')
        or (kind = 'correction' and debit_book = 'available' and credit_book = 'issued')`,
    )
    .addCheckConstraint(
      'ledger_transfers_hold',
      sql`(kind in ('hold', 'capture', 'release') and hold_id is not null and refund_number = 0)
        or (kind = 'refund' and hold_id is not null and refund_number > 0)
        or (kind in ('grant', 'correction') and hold_id is null and refund_number = 0)`,
    )
    .execute();
  await db.schema
    .createIndex('ledger_transfers_once')
    .unique()
    .on('ledger_transfers')
    .columns(['hold_id', 'kind', 'refund_number'])
    .where(sql<boolean>`hold_id is not null`)
    .execute();
  await db.schema
    .createIndex('ledger_transfers_idempotency')
    .unique()
    .on('ledger_transfers')
    .columns(['account_id', 'idempotency_key'])
    .where(sql<boolean>`idempotency_key is not null`)
    .execute();
}

function sqliteGuards(): RawBuilder<unknown>[] {
  return [
    sql`create trigger ledger_transfers_no_update before update on ledger_transfers
      begin select raise(abort, 'ledger entries are never changed'); end`,
    sql`create trigger ledger_transfers_no_delete before delete on ledger_transfers
      begin select raise(abort, 'ledger entries are never deleted'); end`,
    sql`create trigger holds_resolved_once before update on holds when old.state = 'resolved'
      begin select raise(abort, 'a resolved hold is never changed'); end`,
    sql`create trigger holds_frozen before update of id, account_id, task_id, unit_micros, pictures, amount_micros on holds
      begin select raise(abort, 'what a hold holds is never changed'); end`,
    sql`create trigger holds_no_delete before delete on holds
      begin select raise(abort, 'holds are never deleted'); end`,
  ];
}

function postgresGuards(): RawBuilder<unknown>[] {
  return [
    sql`create function refuse_ledger_change() returns trigger language plpgsql as $$
      begin raise exception '% on % is refused: what the ledger says is never changed', tg_op, tg_table_name; end $$`,
    sql`create trigger ledger_transfers_no_change before update or delete on ledger_transfers
      for each row execute function refuse_ledger_change()`,
    sql`create trigger ledger_transfers_no_truncate before truncate on ledger_transfers
      for each statement execute function refuse_ledger_change()`,
    sql`create trigger holds_resolved_once before update on holds
      for each row when (old.state = 'resolved') execute function refuse_ledger_change()`,
    sql`create trigger holds_frozen
      before update of id, account_id, task_id, unit_micros, pictures, amount_micros on holds
      for each row execute function refuse_ledger_change()`,
    sql`create trigger holds_no_delete before delete on holds
      for each row execute function refuse_ledger_change()`,
    sql`create trigger holds_no_truncate before truncate on holds
      for each statement execute function refuse_ledger_change()`,
  ];
}
