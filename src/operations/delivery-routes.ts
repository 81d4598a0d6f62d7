// Binds the contracts of scheduled backups, storage quotas and the live log.
import { findAccount } from '../accounts/accounts.ts';
import { type Clock, toTimestamp } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { type BoundRoute, bindRoute } from '../kernel/route.ts';
import { type BackupRunBody, beginBackupRoute, listBackupRunsRoute } from './backup-contract.ts';
import type { BackupRun, BackupSchedule } from './backup-schedule.ts';
import type { LogRing } from './log-ring.ts';
import { logRoutes } from './log-routes.ts';
import type { StorageQuota } from './storage-quota.ts';
import { getStorageRoute, setStorageRoute } from './storage-quota-contract.ts';

const BYTES_PER_MB = 1024 * 1024;

export interface DeliveryRoutesOptions {
  db: Db;
  backups: BackupSchedule;
  quota: StorageQuota;
  clock: Clock;
  logLines: LogRing;
  /** Aborted when the server stops. */
  closing: AbortSignal;
}

export function deliveryRoutes(options: DeliveryRoutesOptions): BoundRoute[] {
  const { db, backups, quota, clock, logLines, closing } = options;
  const requireAccount = async (id: string) => {
    if (!(await findAccount(db.read, id)))
      throw new AppError('not_found', { detail: 'There is no account with this id.' });
  };
  const shown = async (id: string) => {
    const { usedBytes, quotaBytes, isOwn } = await quota.use(id);
    return { status: 200 as const, body: { used_bytes: usedBytes, quota_bytes: quotaBytes, own: isOwn } };
  };
  return [
    bindRoute(listBackupRunsRoute, async () => {
      const { folder, nextAt, runs } = await backups.overview();
      return {
        status: 200 as const,
        body: { folder, next_at: nextAt === null ? null : toTimestamp(nextAt), data: runs.map(runResource) },
      };
    }),
    bindRoute(beginBackupRoute, async () => ({
      status: 202 as const,
      body: runResource(await backups.begin()),
    })),
    bindRoute(getStorageRoute, async ({ params }) => {
      await requireAccount(params.id);
      return shown(params.id);
    }),
    bindRoute(setStorageRoute, async ({ params, body }) => {
      await requireAccount(params.id);
      await quota.set(params.id, body.quota_mb === null ? null : Math.round(body.quota_mb * BYTES_PER_MB));
      return shown(params.id);
    }),
    ...logRoutes({ ring: logLines, clock, closing }),
  ];
}

function runResource(run: BackupRun): BackupRunBody {
  const { startedAt, endedAt, state, trigger, id, files, bytes, missing, error } = run;
  return {
    started_at: toTimestamp(startedAt),
    ended_at: endedAt === null ? null : toTimestamp(endedAt),
    state,
    trigger,
    backup: id,
    files,
    bytes,
    missing,
    error,
  };
}
