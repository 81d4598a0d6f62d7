// Collects what nobody needs: old trash and expired uploads, quarantined files, files without a row, old private files.
// Everything passes through a quarantine, every step may be cut off and run again, and nothing happens without the volume's
// marker. Too many files without a row mean a wrong or restored database: they are left alone and reported.
import type { Clock } from '../kernel/clock.ts';
import { crashPoint } from '../kernel/crash-point.ts';
import type { Db } from '../kernel/db.ts';
import type { Logger } from '../kernel/log.ts';
import { findKnownKeys, findQuarantined, forgetFiles } from './file-store.ts';
import type { ListedFile, MediaStore } from './media-store.ts';
import { collectExpired } from './store.ts';
import { isStoreFailure, type StoreOrder } from './store-order.ts';

const DAY_MS = 24 * 60 * 60_000;
export const TRASH_KEEP_MS = 30 * DAY_MS;
/** How long a file that is gone for its owner can still be brought back by the operator. */
export const QUARANTINE_MS = 7 * DAY_MS;
/** A file's row follows within its task's deadline (40 minutes at most by default); this is far beyond twice that. */
export const STRAY_GRACE_MS = DAY_MS;
export const STAGING_KEEP_MS = DAY_MS;
const BATCH = 200;
/** Strays up to this number are always collected; above it they must be a small part of all files. */
const FEW_STRAYS = 100;
const MAX_STRAY_SHARE = 0.1;

export interface GarbageReport {
  images: number;
  uploads: number;
  filesRemoved: number;
  straysQuarantined: number;
  /** Files without a row that were left alone because there are too many of them. */
  straysRefused: number;
  stagedRemoved: number;
  quarantinedRemoved: number;
}

export interface GarbageOptions {
  db: Db;
  /** The disk. */
  store: MediaStore;
  order: StoreOrder;
  clock: Clock;
  log: Logger;
}

/**
 * One run over everything. Throws `storage_unavailable` (and deletes nothing) when the volume of the disk is not there; a remote
 * store that is away is left for the next run.
 */
export async function collectGarbage(options: GarbageOptions): Promise<GarbageReport> {
  const { db, store, clock, log } = options;
  const now = clock.now();
  // First of all: it throws without the marker, before a row is touched.
  const swept = await store.sweep({ stagedMs: now - STAGING_KEEP_MS, quarantinedMs: now - QUARANTINE_MS });
  const expired = { images: 0, uploads: 0 };
  for (;;) {
    const batch = await db.write(collectExpired, { now, trashedBefore: now - TRASH_KEEP_MS, limit: BATCH });
    expired.images += batch.images;
    expired.uploads += batch.uploads;
    crashPoint('kp16');
    if (batch.images < BATCH && batch.uploads < BATCH) break;
  }
  const report: GarbageReport = {
    ...expired,
    filesRemoved: await removeQuarantined(options, now),
    straysQuarantined: 0,
    straysRefused: 0,
    stagedRemoved: swept.staged,
    quarantinedRemoved: swept.quarantined,
  };
  await collectStrays(options, now, report);
  for (const { store: remote } of options.order.remotes) {
    try {
      const remoteSwept = await remote.sweep({
        stagedMs: now - STAGING_KEEP_MS,
        quarantinedMs: now - QUARANTINE_MS,
      });
      report.stagedRemoved += remoteSwept.staged;
      report.quarantinedRemoved += remoteSwept.quarantined;
      report.filesRemoved += await removeQuarantined({ ...options, store: remote }, now);
      await collectStrays({ ...options, store: remote }, now, report);
    } catch (error) {
      if (!isStoreFailure(error)) throw error;
      log.warn({ store: remote.name, err: error }, 'a store is away; it is collected in the next run');
    }
  }
  return report;
}

/** Puts the files of one store that have no row into quarantine, unless there are too many of them. */
async function collectStrays(options: GarbageOptions, now: number, report: GarbageReport): Promise<void> {
  const { store, log } = options;
  const strays = await findStrays(options, now - STRAY_GRACE_MS);
  if (strays.files.length > Math.max(FEW_STRAYS, strays.total * MAX_STRAY_SHARE)) {
    log.error(
      { store: store.name, strays: strays.files.length, files: strays.total },
      'too many files without a row: none was collected',
    );
    report.straysRefused += strays.files.length;
    return;
  }
  for (const file of strays.files) await store.quarantine(file.kind, file.key);
  report.straysQuarantined += strays.files.length;
}

/** Bytes first, row second: cut off in between, the next run finds the row again and the missing file is fine. */
async function removeQuarantined({ db, store }: GarbageOptions, now: number): Promise<number> {
  let removed = 0;
  for (;;) {
    const rows = await findQuarantined(db.slow, store.name, now - QUARANTINE_MS, BATCH);
    for (const row of rows) await store.remove(row.kind, row.key);
    crashPoint('kp16');
    if (rows.length > 0) await db.write(forgetFiles, { keys: rows.map((row) => row.key) });
    removed += rows.length;
    if (rows.length < BATCH) return removed;
  }
}

/** Files older than `before` that have no row, and how many files there are in all. */
export async function findStrays(
  { db, store }: Pick<GarbageOptions, 'db' | 'store'>,
  before: number,
): Promise<{ files: ListedFile[]; total: number }> {
  const strays: ListedFile[] = [];
  let total = 0;
  let batch: ListedFile[] = [];
  const flush = async () => {
    const known = await findKnownKeys(
      db.slow,
      store.name,
      batch.map((file) => file.key),
    );
    strays.push(...batch.filter((file) => !known.has(file.key)));
    batch = [];
  };
  for await (const file of store.list()) {
    total += 1;
    if (file.modifiedAtMs < before) batch.push(file);
    if (batch.length >= BATCH) await flush();
  }
  await flush();
  return { files: strays, total };
}
