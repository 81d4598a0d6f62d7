// Write functions for the tests of the state layer: good ones, and every kind of bad one that the layer must contain.
import { sql } from 'kysely';
import { compileOnce, registerWrites, type Trx } from '../../src/kernel/db.ts';
import { columnTypes, createTable } from '../../src/kernel/db-columns.ts';
import { currentChange } from '../../src/kernel/db-dialect.ts';
import { AppError } from '../../src/kernel/errors.ts';
import { appendEvent } from '../../src/kernel/outbox.ts';

declare module '../../src/kernel/db.ts' {
  interface Tables {
    items: { id: string; amount: number; note: string | null };
  }
}

export async function createItems(trx: Trx, _input: null): Promise<void> {
  const { text, integer } = columnTypes(trx);
  await createTable(trx, 'items')
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('amount', integer, (column) => column.notNull())
    .addColumn('note', text)
    .execute();
}

/** A trigger that ends the whole transaction: SQLite only. */
export async function createPoison(trx: Trx, _input: null): Promise<void> {
  await sql`create trigger poison before insert on items when new.note = 'poison'
    begin select raise(rollback, 'poisoned'); end`.execute(trx);
}

interface Item {
  id: string;
  amount: number;
  note: string | null;
}

const insertItem = compileOnce<Item>((query, param) =>
  query.insertInto('items').values({ id: param('id'), amount: param('amount'), note: param('note') }),
);

const upsertItem = compileOnce<Item & { extra: number }, Item>((query, param) =>
  query
    .insertInto('items')
    .values({ id: param('id'), amount: param('amount'), note: param('note') })
    .onConflict((conflict) =>
      conflict
        .column('id')
        .doUpdateSet((eb) => ({ amount: eb('items.amount', '+', param('extra')), note: param('note') }))
        .where('items.amount', '<', 1_000),
    )
    .returningAll(),
);

const changeItem = compileOnce<{ id: string; amount: number }, { amount: number }>((query, param) =>
  query
    .updateTable('items')
    .set({ amount: param('amount') })
    .where('id', '=', param('id'))
    .returning('amount'),
);

const firstItems = compileOnce<{ from: string; to: string; limit: number }, Item>((query, param) =>
  query
    .selectFrom('items')
    .selectAll()
    .where((eb) => eb.or([eb('id', '>=', param('from')), eb('note', '=', param('from'))]))
    .where('id', '<=', param('to'))
    .orderBy('id')
    .limit(param('limit')),
);

export async function addItem(trx: Trx, item: Item): Promise<string> {
  await insertItem(trx, item);
  return item.id;
}

export async function upsert(trx: Trx, input: Item & { extra: number }): Promise<Item[]> {
  return upsertItem(trx, input);
}

export async function change(trx: Trx, input: { id: string; amount: number }): Promise<{ amount: number }[]> {
  return changeItem(trx, input);
}

export async function list(trx: Trx, input: { from: string; to: string; limit: number }): Promise<Item[]> {
  return firstItems(trx, input);
}

/** Compiles with a parameter used as a value, which must fail loudly. */
export async function misuseParameter(trx: Trx, _input: null): Promise<unknown> {
  const broken = compileOnce<{ amount: number }>((query, param) =>
    query
      .selectFrom('items')
      .selectAll()
      .where('amount', '=', param('amount') + 1),
  );
  return broken(trx, { amount: 1 });
}

export async function addItemThenFail(trx: Trx, item: Item): Promise<void> {
  await insertItem(trx, item);
  throw new AppError('insufficient_credits', {
    detail: 'Not enough.',
    retryAfterS: 7,
    errors: [{ pointer: '/n', detail: 'too many' }],
  });
}

/** Fails after it has seen the row of another write of the same group; returns whether it saw it. */
export async function failIfItemExists(trx: Trx, { id }: { id: string }): Promise<void> {
  const row = await trx.selectFrom('items').select('id').where('id', '=', id).executeTakeFirst();
  if (row) throw new AppError('conflict', { detail: 'seen' });
}

export async function increment(trx: Trx, { id }: { id: string }): Promise<number> {
  const row = await trx
    .updateTable('items')
    .set((eb) => ({ amount: eb('amount', '+', 1) }))
    .where('id', '=', id)
    .returning('amount')
    .executeTakeFirstOrThrow();
  return row.amount;
}

/** Takes a while inside the database: many rows in one statement. */
export async function addMany(trx: Trx, { prefix, count }: { prefix: string; count: number }): Promise<void> {
  await sql`
    insert into items (id, amount, note)
    with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count})
    select ${prefix} || cast(i as text), i, null from n`.execute(trx);
}

export async function waitForTimer(trx: Trx, item: Item): Promise<void> {
  await insertItem(trx, item);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await insertItem(trx, { ...item, id: `${item.id}-late` });
}

export async function forgetToAwait(trx: Trx, item: Item): Promise<void> {
  // Not a compiled query: on SQLite that is done when it returns.
  void trx
    .insertInto('items')
    .values(item)
    .execute()
    .catch(() => {});
}

export async function swallowFailure(trx: Trx, item: Item): Promise<void> {
  await insertItem(trx, item);
  await insertItem(trx, item).catch(() => {});
}

export async function runSql(trx: Trx, { text }: { text: string }): Promise<unknown> {
  const { rows } = await sql.raw(text).execute(trx);
  return rows;
}

export async function bind(trx: Trx, { value }: { value: unknown }): Promise<unknown> {
  const { rows } = await sql<{ value: unknown }>`select ${value} as value`.execute(trx);
  return rows[0]?.value;
}

export async function storeAmount(
  trx: Trx,
  { id, amount }: { id: string; amount: unknown },
): Promise<number> {
  const row = await trx
    .insertInto('items')
    .values({ id, amount: amount as number, note: null })
    .returning('amount')
    .executeTakeFirstOrThrow();
  return row.amount;
}

export async function emit(
  trx: Trx,
  input: { entityId: string; count: number; accountId?: string },
): Promise<string[]> {
  const ids: string[] = [];
  for (let version = 1; version <= input.count; version++) {
    const accountId = input.accountId ?? null;
    const event = {
      accountId,
      topic: 'tasks',
      entityId: input.entityId,
      type: 'task.updated',
      version,
      nowMs: 5_000,
    };
    ids.push(await appendEvent(trx, event));
  }
  return ids;
}

export async function readChange(trx: Trx, _input: null): Promise<number> {
  const row = await sql<{ change: number }>`select ${currentChange()} as change`.execute(trx);
  return row.rows[0]?.change ?? 0;
}

/** Two rows in an order of the caller's choice, with a pause in between: PostgreSQL only, to make a deadlock. */
export async function incrementBoth(
  trx: Trx,
  { first, second }: { first: string; second: string },
): Promise<void> {
  await increment(trx, { id: first });
  await sql`select pg_sleep(0.1)`.execute(trx);
  await increment(trx, { id: second });
}

/** Fails as a transaction does that met another one; PostgreSQL only. */
export async function collide(trx: Trx, { code }: { code: '40001' | '40P01' }): Promise<void> {
  await insertItem(trx, { id: code, amount: 0, note: null });
  await sql.raw(`do $$ begin raise exception 'collision' using errcode = '${code}'; end $$`).execute(trx);
}

/** PostgreSQL only. */
export async function addThenSleep(
  trx: Trx,
  { seconds, ...item }: Item & { seconds: number },
): Promise<void> {
  await insertItem(trx, item);
  await sql`select pg_sleep(${seconds})`.execute(trx);
}

/** Runs into the server's limit for a statement; PostgreSQL only. */
export async function addThenTimeOut(
  trx: Trx,
  { limitMs, ...item }: Item & { limitMs: number },
): Promise<void> {
  await insertItem(trx, item);
  await sql`select set_config('statement_timeout', ${String(limitMs)}, true)`.execute(trx);
  await sql`select pg_sleep(30)`.execute(trx);
}

/** Holds the whole process up in the middle of the transaction for longer than the server lets it; PostgreSQL only. */
export async function addThenStall(
  trx: Trx,
  { limitMs, stallMs, ...item }: Item & { limitMs: number; stallMs: number },
): Promise<void> {
  await insertItem(trx, item);
  await sql`select set_config('idle_in_transaction_session_timeout', ${String(limitMs)}, true)`.execute(trx);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
  await insertItem(trx, { ...item, id: `${item.id}-2` });
}

/** Ends the thread it runs in, as a crash would. */
export async function crash(_trx: Trx, _input: null): Promise<void> {
  process.exit(3);
}

registerWrites(import.meta.url, {
  createItems,
  createPoison,
  addItem,
  upsert,
  change,
  list,
  misuseParameter,
  addItemThenFail,
  failIfItemExists,
  increment,
  addMany,
  waitForTimer,
  forgetToAwait,
  swallowFailure,
  runSql,
  bind,
  storeAmount,
  emit,
  readChange,
  incrementBoth,
  collide,
  addThenSleep,
  addThenTimeOut,
  addThenStall,
  crash,
});
