// The queries of operations: its own marks, and the counts that status and metrics show.
import { type Reader, registerWrites, type Trx } from '../kernel/db.ts';

export interface MarkRow {
  name: string;
  /** Milliseconds. */
  at: number;
  ok: 0 | 1;
  note: string;
}

declare module '../kernel/db.ts' {
  interface Tables {
    operation_marks: MarkRow;
  }
}

/** Sets a mark. */
export async function setMark(trx: Trx, mark: MarkRow): Promise<void> {
  const { at, ok, note } = mark;
  await trx
    .insertInto('operation_marks')
    .values(mark)
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ at, ok, note }))
    .execute();
}

/** Removes a mark; a missing one is fine. */
export async function removeMark(trx: Trx, input: { name: string }): Promise<void> {
  await trx.deleteFrom('operation_marks').where('name', '=', input.name).execute();
}

registerWrites(import.meta.url, { setMark, removeMark });

export function findMark(read: Reader, name: string): Promise<MarkRow | undefined> {
  return read.selectFrom('operation_marks').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Marks whose name begins with `prefix`, by name. */
export function listMarks(read: Reader, prefix: string): Promise<MarkRow[]> {
  return read
    .selectFrom('operation_marks')
    .selectAll()
    .where('name', '>=', prefix)
    .where('name', '<', `${prefix}\u{10ffff}`)
    .orderBy('name')
    .execute();
}
