// Restored data is older than the world: providers may have done what it calls unfinished, and pictures may exist that it
// does not know. So until the operator has looked, nothing is collected, and before the first task runs every paid provider
// is drained: what was sent is asked about as after any crash, and nothing is sent a second time by itself.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ALL_SCOPES } from '../accounts/accounts.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Db, Reader } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import type { Providers } from '../providers/providers.ts';
import { countOpenByLane, type Tasks } from '../tasks/tasks.ts';
import { listAboutToSubmit } from './restore-store.ts';
import { findMark, setMark } from './store.ts';

/** While it exists, the data folder holds a part of a backup only. */
export const PARTIAL_NOTE = 'restore-in-progress.json';
const MARK = 'restored';
/** It costs nobody anything, so it may work at once. */
const FREE_PROVIDER = 'sandbox';

const noteSchema = z.object({
  backup: z.string(),
  /** Milliseconds. */
  backupAt: z.number(),
  /** Providers that were drained because of the restore. */
  held: z.array(z.string()),
});

export interface Restored extends z.output<typeof noteSchema> {
  /** When it was restored, milliseconds. */
  at: number;
  /** The operator has not yet said that all is well. */
  isPaused: boolean;
}

/** Throws `conflict` while the data folder holds only a part of a backup. */
export function refuseHalfRestored(dataDir: string): void {
  if (!existsSync(join(dataDir, PARTIAL_NOTE))) return;
  throw new AppError('conflict', {
    detail: 'The data folder holds a part of a backup: its restore was cut off.',
    cause: 'A restore was interrupted, or is running just now.',
    fix: 'Run the same "drawbridge restore" again: it goes on where it was. Or empty the data folder.',
  });
}

/** When and from what this data was restored; null if it never was. */
export async function findRestored(read: Reader): Promise<Restored | null> {
  const found = await findMark(read, MARK);
  if (!found) return null;
  return { ...noteSchema.parse(JSON.parse(found.note)), at: found.at, isPaused: found.ok === 0 };
}

async function save(db: Db, { at, isPaused, ...note }: Restored): Promise<void> {
  await db.write(setMark, { name: MARK, at, ok: isPaused ? 0 : 1, note: JSON.stringify(note) });
}

/** Pauses what must not go on by itself. */
export function markRestored(
  db: Db,
  { backup, backupAt, now }: { backup: string; backupAt: number; now: number },
): Promise<void> {
  return save(db, { backup, backupAt, held: [], at: now, isPaused: true });
}

/** Throws `conflict` while collection is paused. */
export async function requireCollecting(read: Reader): Promise<void> {
  const restored = await findRestored(read);
  if (!restored?.isPaused) return;
  throw new AppError('conflict', {
    detail: `This data was restored from the backup ${restored.backup}; until you have looked at it, nothing is collected.`,
    cause: 'Files that the restored database does not know may be all that is left of newer pictures.',
    fix: 'Look at "drawbridge doctor --deep", then run: drawbridge gc --resume',
  });
}

/** The operator's word that the restored data is as it should be; providers stay drained until they are undrained. */
export async function resumeCollection(db: Db): Promise<void> {
  const restored = await findRestored(db.read);
  if (restored?.isPaused) await save(db, { ...restored, isPaused: false });
}

/**
 * Before the engine starts on restored data with unfinished tasks: drains every provider that may have done them since, and
 * cancels the few that were about to submit. Each provider is drained once, so that `undrain` holds over restarts.
 */
export async function holdAfterRestore({
  db,
  clock,
  log,
  providers,
  tasks,
}: {
  db: Db;
  clock: Clock;
  log: Logger;
  providers: Providers;
  tasks: Tasks;
}): Promise<void> {
  const restored = await findRestored(db.read);
  if (!restored?.isPaused) return;
  const names = providers.names.filter((name) => name !== FREE_PROVIDER && !restored.held.includes(name));
  const open = await countOpenByLane(db.slow);
  if (!open.some(({ lane, count }) => lane !== FREE_PROVIDER && Number(count) > 0)) return;
  if (restored.held.length === 0) {
    for (const { id, account_id: accountId } of await listAboutToSubmit(db.slow)) {
      await tasks.cancel(id, { accountId, scopes: ALL_SCOPES, via: 'socket', credentialId: 'restore' });
    }
  }
  for (const name of names) await providers.drain(name);
  if (names.length === 0) return;
  await save(db, { ...restored, held: [...restored.held, ...names] });
  log.warn(
    { backup: restored.backup, backup_age_ms: clock.now() - restored.backupAt, providers: names },
    'restored data has unfinished tasks: providers get nothing new until they are undrained',
  );
}
