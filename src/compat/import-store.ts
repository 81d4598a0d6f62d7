// All queries on what was taken over from older systems: tasks as they were answered there, and whose account is whose.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';

export interface ImportedTasksTable {
  account_id: string;
  old_id: string;
  status: 'succeeded' | 'failed' | 'cancelled';
  prompt: string;
  error: string | null;
  /** A JSON array of `{kind, name}`. */
  files: string;
  created_at: number;
}

interface ImportedAccountsTable {
  old_id: string;
  account_id: string;
  created_at: number;
}

declare module '../kernel/db.ts' {
  interface Tables {
    imported_tasks: ImportedTasksTable;
    imported_accounts: ImportedAccountsTable;
  }
}

/** Adds those that are not there yet; returns how many. */
export async function insertImportedTasks(
  trx: Trx,
  input: { tasks: readonly ImportedTasksTable[] },
): Promise<number> {
  const added = await trx
    .insertInto('imported_tasks')
    .values([...input.tasks])
    .onConflict((conflict) => conflict.columns(['account_id', 'old_id']).doNothing())
    .returning('old_id')
    .execute();
  return added.length;
}

/** The account of a person of an older system; `proposedId` becomes it if they have none. */
export async function claimImportedAccount(
  trx: Trx,
  input: { oldId: string; proposedId: string; now: number },
): Promise<string> {
  await trx
    .insertInto('imported_accounts')
    .values({ old_id: input.oldId, account_id: input.proposedId, created_at: input.now })
    .onConflict((conflict) => conflict.column('old_id').doNothing())
    .execute();
  const kept = await trx
    .selectFrom('imported_accounts')
    .select('account_id')
    .where('old_id', '=', input.oldId)
    .executeTakeFirstOrThrow();
  return kept.account_id;
}

/** Old id → account, for those that have one. */
export async function findImportedAccounts(
  reader: Reader,
  oldIds: readonly string[],
): Promise<Map<string, string>> {
  if (oldIds.length === 0) return new Map();
  const rows = await reader
    .selectFrom('imported_accounts')
    .select(['old_id', 'account_id'])
    .where('old_id', 'in', [...new Set(oldIds)])
    .execute();
  return new Map(rows.map((row) => [row.old_id, row.account_id]));
}

export async function findImportedTask(
  reader: Reader,
  accountId: string,
  oldId: string,
): Promise<ImportedTasksTable | undefined> {
  return reader
    .selectFrom('imported_tasks')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('old_id', '=', oldId)
    .executeTakeFirst();
}

/** Which of these are there. */
export async function countImportedTasks(
  reader: Reader,
  accountId: string,
  oldIds: readonly string[],
): Promise<number> {
  const rows = await reader
    .selectFrom('imported_tasks')
    .select('old_id')
    .where('account_id', '=', accountId)
    .where('old_id', 'in', [...oldIds])
    .execute();
  return rows.length;
}

/** The account's newest. */
export async function listImportedTasks(
  reader: Reader,
  accountId: string,
  limit: number,
): Promise<ImportedTasksTable[]> {
  return reader
    .selectFrom('imported_tasks')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at', 'desc')
    .orderBy('old_id', 'desc')
    .limit(limit)
    .execute();
}

registerWrites(import.meta.url, { insertImportedTasks, claimImportedAccount });
