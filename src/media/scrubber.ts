// The scrubber: reads stored files against their hashes, slowly and for ever, so that rot is found while a good copy still
// exists. Wrong bytes are put aside and never served; a copy from the replica takes their place, else the row stays flagged.
// A volume that is away damages nothing: before a file is called missing, the volume itself must answer.
import { type Clock, sleep } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { measureStream } from './disk-files.ts';
import { type FilesTable, findFile, findFilesAfter, markFiles } from './file-store.ts';
import type { MediaKind, MediaStore, StagingStore } from './media-store.ts';
import { isStoreFailure, type StoreOrder } from './store-order.ts';

const PAGE = 100;
const MS_PER_S = 1000;

/** Another place that may hold the same files, such as a backup. */
export interface Replica {
  /** The bytes of a file, or null when it has none. Whoever asks checks them. */
  read(kind: MediaKind, key: string): Promise<AsyncIterable<Uint8Array> | null>;
}

export interface ScrubOptions {
  db: Db;
  store: MediaStore;
  /** Where a copy lies until it is put into its place. */
  staging: StagingStore;
  clock: Clock;
  log: Logger;
  replica: Replica | null;
}

export interface ScrubRequest {
  /** The last key of the step before; empty at the beginning of a pass. */
  afterKey: string;
  /** The step ends after the file that reaches this. */
  maxBytes: number;
  bytesPerS: number;
  signal: AbortSignal;
}

export interface ScrubStep {
  files: number;
  bytes: number;
  /** Keys of files that were wrong or missing and have no good copy. */
  damaged: string[];
  /** Keys of files that were brought back from the replica, or whose bytes turned out right after all. */
  restored: string[];
  /** Where the next step goes on; null at the end of the pass. */
  nextKey: string | null;
}

/** Divides the store from the key in the place of a pass; the disk's keys stand alone. */
const PLACE_DIVIDER = '/';

/**
 * One step of a pass over all stores, the disk first; `afterKey` and `nextKey` say where, as `<store>/<key>` for a remote one.
 * Remote files are checked by their presence and size alone: their stores keep their own sums, and reading costs money. A
 * remote store that is away is left for the next pass. Throws as `scrubStep` does for the disk.
 */
export async function scrubStores(
  options: Omit<ScrubOptions, 'store' | 'staging'> & { order: StoreOrder },
  request: ScrubRequest,
): Promise<ScrubStep> {
  const { order, log } = options;
  const stores = [order.disk, ...order.remotes.map(({ store }) => store)];
  const divider = request.afterKey.indexOf(PLACE_DIVIDER);
  const name = divider < 0 ? order.disk.name : request.afterKey.slice(0, divider);
  const index = stores.findIndex((store) => store.name === name);
  const store = stores[index];
  const next = stores[index + 1];
  const nextStore = next ? `${next.name}${PLACE_DIVIDER}` : null;
  if (!store) return { files: 0, bytes: 0, damaged: [], restored: [], nextKey: null };
  const replica = otherPlaces(order, store, options.replica);
  const parts = { ...options, replica, store, staging: order.disk };
  try {
    const step = await scrubStep(parts, { ...request, afterKey: request.afterKey.slice(divider + 1) });
    const prefix = store.isRemote ? `${store.name}${PLACE_DIVIDER}` : '';
    return { ...step, nextKey: step.nextKey === null ? nextStore : `${prefix}${step.nextKey}` };
  } catch (error) {
    if (!store.isRemote || !isStoreFailure(error)) throw error;
    log.warn({ store: store.name, err: error }, 'a store is away; its files are checked in the next pass');
    return { files: 0, bytes: 0, damaged: [], restored: [], nextKey: nextStore };
  }
}

/**
 * Checks one file now, as a pass does. `repaired`: it was flagged or wrong and is served again; `damaged`: it stays flagged.
 * Throws `storage_unavailable` when its store is away.
 */
export async function repairFile(
  options: Omit<ScrubOptions, 'store' | 'staging'> & { order: StoreOrder },
  row: FilesTable,
): Promise<'whole' | 'repaired' | 'damaged'> {
  const { order } = options;
  const store = [order.disk, ...order.remotes.map((entry) => entry.store)].find(
    ({ name }) => name === row.store,
  );
  if (!store)
    throw new AppError('storage_unavailable', { detail: 'The store of this picture is not configured.' });
  const step: ScrubStep = { files: 0, bytes: 0, damaged: [], restored: [], nextKey: null };
  const replica = otherPlaces(order, store, options.replica);
  await scrubFile({ ...options, replica, store, staging: order.disk }, row, step);
  if (step.damaged.length > 0) return 'damaged';
  return step.restored.length > 0 ? 'repaired' : 'whole';
}

/** The backup, and after it the other stores: a restored database may name the place from before a move. */
function otherPlaces(order: StoreOrder, store: MediaStore, replica: Replica | null): Replica {
  return {
    async read(kind, key) {
      const copy = await replica?.read(kind, key);
      if (copy) return copy;
      for (const { store: other } of order.entries) {
        if (other === store) continue;
        const opened = await other.open(kind, key).catch(() => null);
        if (opened) return opened.stream();
      }
      return null;
    },
  };
}

/**
 * One step of a pass. Throws `storage_unavailable` when the volume is away (nothing is flagged then), and the signal's reason
 * when it is aborted; what was found until then stays flagged.
 */
export async function scrubStep(options: ScrubOptions, request: ScrubRequest): Promise<ScrubStep> {
  const { db, store, clock } = options;
  await store.requireVolume();
  const step: ScrubStep = { files: 0, bytes: 0, damaged: [], restored: [], nextKey: null };
  let after = request.afterKey;
  for (;;) {
    const rows = await findFilesAfter(db.slow, store.name, after, PAGE);
    for (const row of rows) {
      after = row.key;
      if (row.deleted_at !== null) continue;
      request.signal.throwIfAborted();
      await scrubFile(options, row, step);
      step.files += 1;
      step.bytes += row.bytes;
      if (!store.isRemote) await sleep(clock, (row.bytes / request.bytesPerS) * MS_PER_S, request.signal);
      if (step.bytes >= request.maxBytes) return { ...step, nextKey: after };
    }
    if (rows.length < PAGE) return step;
  }
}

type Verdict = 'good' | 'wrong' | 'missing' | 'unreadable';

async function scrubFile(options: ScrubOptions, row: FilesTable, step: ScrubStep): Promise<void> {
  const { db, store, clock, log } = options;
  const verdict = await judge(store, row);
  if (verdict === 'unreadable' && store.isRemote) {
    throw new AppError('storage_unavailable', { detail: 'The store does not give its files just now.' });
  }
  if (verdict === 'good') {
    if (row.damaged_at === null) return;
    await db.write(markFiles, { keys: [row.key], damagedAt: null });
    step.restored.push(row.key);
    return;
  }
  // Throws when the volume has just gone away; then nothing is known about the file.
  await store.requireVolume();
  const current = await findFile(db.read, row.key);
  if (!current || current.deleted_at !== null) return;
  // The flag comes first: from now on nobody is given the file, whatever happens to it next.
  if (current.damaged_at === null) await db.write(markFiles, { keys: [row.key], damagedAt: clock.now() });
  if (verdict === 'wrong') await store.setAside(row.kind, row.key);
  if (verdict !== 'unreadable' && (await bringBack(options, row))) {
    await db.write(markFiles, { keys: [row.key], damagedAt: null });
    step.restored.push(row.key);
    log.warn({ key: row.key, was: verdict }, 'a damaged picture file was replaced by its copy');
    return;
  }
  step.damaged.push(row.key);
  log.error({ key: row.key, is: verdict }, 'a picture file is damaged and there is no good copy of it');
}

async function judge(store: MediaStore, row: FilesTable): Promise<Verdict> {
  try {
    const opened = await store.open(row.kind, row.key);
    try {
      if (opened.bytes !== row.bytes) return 'wrong';
      if (store.isRemote) return 'good';
      return (await measureStream(opened.stream())).sha256 === row.sha256 ? 'good' : 'wrong';
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return error.code === 'not_found' ? 'missing' : 'unreadable';
  }
}

/** Whether the replica had the very bytes, and they are in their place again. A full disk leaves the file for the next pass. */
async function bringBack({ store, staging, replica, log }: ScrubOptions, row: FilesTable): Promise<boolean> {
  try {
    const source = await replica?.read(row.kind, row.key);
    if (!source) return false;
    const staged = await staging.stage(source, { maxBytes: row.bytes });
    try {
      if (staged.bytes !== row.bytes || staged.sha256 !== row.sha256) return false;
      await store.publish(staged, row.kind, row.key);
      return true;
    } finally {
      await staging.discard(staged.path);
    }
  } catch (error) {
    log.warn({ key: row.key, err: error }, 'the copy of a damaged picture file could not be brought back');
    return false;
  }
}
