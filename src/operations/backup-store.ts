// The record of scheduled backups: one mark for what was begun last, so that of several nodes only one makes it, and one for
// each run with how it ended.
import { registerWrites, type Trx } from '../kernel/db.ts';
import type { MarkRow } from './store.ts';

const CLAIM = 'backup-claim';
export const BACKUP_RUNS = 'backup-run:';
/** Runs that are remembered. */
const RUNS_KEPT = 100;

/** Begins the run that was due since `dueAt`, unless somebody has; returns whether it is the caller's. */
export async function claimBackup(
  trx: Trx,
  input: { dueAt: number; now: number; owner: string },
): Promise<boolean> {
  const { dueAt, now, owner } = input;
  const claimed = await trx
    .insertInto('operation_marks')
    .values({ name: CLAIM, at: now, ok: 1, note: owner })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet({ at: now, note: owner }).where('operation_marks.at', '<', dueAt),
    )
    .returning('at')
    .execute();
  return claimed.length > 0;
}

/** Writes how a run stands, and forgets the oldest ones. */
export async function noteBackupRun(trx: Trx, run: MarkRow): Promise<void> {
  const { at, ok, note } = run;
  await trx
    .insertInto('operation_marks')
    .values(run)
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ at, ok, note }))
    .execute();
  const names = await trx
    .selectFrom('operation_marks')
    .select('name')
    .where('name', '>=', BACKUP_RUNS)
    .where('name', '<', `${BACKUP_RUNS}\u{10ffff}`)
    .orderBy('name', 'desc')
    .offset(RUNS_KEPT)
    .limit(RUNS_KEPT)
    .execute();
  if (names.length === 0) return;
  await trx
    .deleteFrom('operation_marks')
    .where(
      'name',
      'in',
      names.map(({ name }) => name),
    )
    .execute();
}

registerWrites(import.meta.url, { claimBackup, noteBackupRun });
