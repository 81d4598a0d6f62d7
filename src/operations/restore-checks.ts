// What the doctor says about backups and restores: when the last backup was made, and what waits for the operator's word
// after a restore.
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import type { Config } from '../kernel/config.ts';
import type { Db } from '../kernel/db.ts';
import type { Language } from '../kernel/errors.ts';
import type { CliMessages } from '../kernel/messages/cli-en.ts';
import type { MediaCheck } from '../media/media.ts';
import { lastBackup } from './backup-replica.ts';
import type { FindingBody } from './contract.ts';
import type { CheckResults } from './doctor-check.ts';
import { findRestored, type Restored, resumeCollection } from './restore-state.ts';
import { listUnfinished } from './restore-store.ts';

const BACKUP = 'backup';
const RESTORED = 'restored';
const MOST_NAMED = 20;

export interface RestoreCheckParts {
  db: Db;
  clock: Clock;
  config: Config | null;
}

interface RestoreCheckRequest {
  language: Language;
  fix: boolean;
  mediaChecks(): Promise<MediaCheck[]>;
}

async function textsFor(language: Language): Promise<CliMessages['copies']['doctor']> {
  if (language === 'zh') return (await import('../kernel/messages/cli-zh.ts')).cliZh.copies.doctor;
  return (await import('../kernel/messages/cli-en.ts')).cliEn.copies.doctor;
}

/** From when on files without a row count as strays: at once after a restore, since no row is on its way to them. */
export async function straysBefore(db: Db): Promise<number | undefined> {
  const restored = await findRestored(db.read);
  return restored?.isPaused ? restored.at : undefined;
}

/** The checks of this file, each with its finding if there is one. */
export async function checkCopies(
  { db, config }: RestoreCheckParts,
  request: RestoreCheckRequest,
): Promise<CheckResults> {
  const text = await textsFor(request.language);
  const last = config === null ? null : await lastBackup(config.dataDir);
  const results: CheckResults = {
    checks: [
      {
        id: BACKUP,
        title: text.backupTitle,
        state: 'ok',
        detail: last === null ? text.noBackup : text.lastBackup(last.createdAt, last.folder),
      },
    ],
    findings: [],
  };
  const restored = await findRestored(db.read);
  if (restored === null) return results;
  const time = toTimestamp(restored.at);
  if (!restored.isPaused) {
    const detail = text.restored(restored.backup, time);
    results.checks.push({ id: RESTORED, title: text.restoredTitle, state: 'ok', detail });
    return results;
  }
  const what = text.paused(restored.backup, time);
  results.checks.push({ id: RESTORED, title: text.restoredTitle, state: 'warning', detail: what });
  results.findings.push(await pausedFinding(db, restored, what, request, text));
  return results;
}

async function pausedFinding(
  db: Db,
  restored: Restored,
  what: string,
  { fix, mediaChecks }: RestoreCheckRequest,
  text: CliMessages['copies']['doctor'],
): Promise<FindingBody> {
  const unfinished = await listUnfinished(db.slow, MOST_NAMED);
  const media = await mediaChecks();
  const isWhole = media.every(
    ({ name, count }) => !['media.files', 'media.strays'].includes(name) || count === 0,
  );
  const canResume = isWhole && media.every(({ state }) => state !== 'skipped');
  if (fix && canResume) await resumeCollection(db);
  return {
    id: RESTORED,
    severity: 'warning',
    title: text.restoredTitle,
    what,
    cause: text.cause,
    fix: text.fix,
    evidence: [
      ...restored.held.map((name) => text.held(name)),
      ...unfinished.map(({ id, lane }) => text.unfinished(id, lane)),
    ],
    fixed: fix ? (canResume ? text.resumed : text.notResumed) : null,
  };
}
