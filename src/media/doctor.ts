// Compares what the database says about pictures with what the store holds, both ways, and flags damaged files so that they
// are never served. Deep checks read every byte.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { measureStream } from './disk-files.ts';
import { type FilesTable, findFile, findFilesAfter, markFiles } from './file-store.ts';
import { findStrays, STRAY_GRACE_MS } from './garbage.ts';
import type { MediaStore } from './media-store.ts';
import type { StoreOrder } from './store-order.ts';

const BATCH = 500;
/** A check names this many files and counts the rest. */
const MAX_NAMED = 20;
/** Below this much free space the operator is warned. */
const LOW_SPACE_BYTES = 1024 * 1024 * 1024;

export interface MediaCheck {
  name: 'media.volume' | 'media.stores' | 'media.space' | 'media.files' | 'media.strays';
  state: 'ok' | 'warning' | 'failed' | 'skipped';
  /** What is so, in plain English. */
  detail: string;
  fix: string | null;
  /** How many things are wrong, and the keys of the first of them. */
  count: number;
  examples: readonly string[];
}

export interface DoctorOptions {
  db: Db;
  /** The disk. */
  store: MediaStore;
  order: StoreOrder;
  clock: Clock;
}

/**
 * Runs all checks of the slice; `deep` reads and hashes every file. Only flags are changed, no file is. Files without a row
 * count as strays when they are older than `strayBefore` (milliseconds; by default a day ago: rows follow their files).
 */
export async function checkMedia(
  options: DoctorOptions,
  { deep, strayBefore }: { deep: boolean; strayBefore?: number | undefined },
): Promise<MediaCheck[]> {
  const volume = await checkVolume(options.store);
  if (volume.state !== 'ok') {
    const skipped = {
      state: 'skipped',
      detail: 'Not checked: the volume is not usable.',
      fix: null,
      count: 0,
      examples: [],
    } as const;
    return [volume, { name: 'media.files', ...skipped }, { name: 'media.strays', ...skipped }];
  }
  const { remotes, usable } = await checkRemotes(options.order);
  const stores = [options.store, ...usable];
  return [
    volume,
    remotes,
    await checkSpace(options.store),
    await checkFiles(options, stores, deep),
    await checkStrays(options, stores, strayBefore ?? options.clock.now() - STRAY_GRACE_MS),
  ];
}

/** Which remote stores take a picture just now; files in the others are not judged. */
async function checkRemotes(order: StoreOrder): Promise<{ remotes: MediaCheck; usable: MediaStore[] }> {
  const usable: MediaStore[] = [];
  const bad: string[] = [];
  for (const { store } of order.remotes) {
    try {
      await store.probe();
      order.note(store.name, null);
      usable.push(store);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      order.note(store.name, error);
      bad.push(`${store.name}: ${error.message}`);
    }
  }
  const count = order.remotes.length;
  const fine = count === 0 ? 'Pictures are kept on local disk alone.' : `${count} remote stores are usable.`;
  const remotes: MediaCheck = {
    name: 'media.stores',
    state: bad.length > 0 ? 'failed' : 'ok',
    detail: bad.length > 0 ? `${bad.length} of ${count} remote stores cannot be used.` : fine,
    fix:
      bad.length > 0 ? 'Check its address, keys and bucket; pictures go to the next store meanwhile.' : null,
    count: bad.length,
    examples: bad,
  };
  return { remotes, usable };
}

async function checkVolume(store: MediaStore): Promise<MediaCheck> {
  const base = { name: 'media.volume', count: 0, examples: [] } as const;
  try {
    await store.probe();
    return { ...base, state: 'ok', detail: 'A picture can be written, read back and deleted.', fix: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const fix = error.options.fix ?? 'Check that the media directory is mounted, writable and has space.';
    return { ...base, state: 'failed', detail: error.message, fix, count: 1 };
  }
}

async function checkSpace(store: MediaStore): Promise<MediaCheck> {
  const free = await store.freeBytes();
  const isLow = free !== null && free < LOW_SPACE_BYTES;
  return {
    name: 'media.space',
    state: isLow ? 'warning' : 'ok',
    detail:
      free === null
        ? 'The store has no limit of its own.'
        : `${Math.floor(free / 1e6)} MB are free for pictures.`,
    fix: isLow ? 'Make space, or empty the trash: drawbridge gc' : null,
    count: isLow ? 1 : 0,
    examples: [],
  };
}

async function checkFiles(
  options: DoctorOptions,
  stores: readonly MediaStore[],
  deep: boolean,
): Promise<MediaCheck> {
  const bad: string[] = [];
  let checked = 0;
  for (const store of stores) checked += await checkFilesIn({ ...options, store }, deep, bad);
  return {
    name: 'media.files',
    state: bad.length > 0 ? 'failed' : 'ok',
    detail:
      bad.length > 0
        ? `${bad.length} of ${checked} files are missing or do not have their bytes; they are not served.`
        : `${checked} files are there with their ${deep ? 'hashes' : 'sizes'}.`,
    fix: bad.length > 0 ? 'Copy these files back from a backup, then run: drawbridge doctor --deep' : null,
    count: bad.length,
    examples: bad.slice(0, MAX_NAMED),
  };
}

/** Flags what is wrong in one store and adds it to `bad`; returns how many files were checked. */
async function checkFilesIn(
  { db, store, clock }: DoctorOptions,
  deep: boolean,
  bad: string[],
): Promise<number> {
  let checked = 0;
  let after = '';
  for (;;) {
    const rows = await findFilesAfter(db.slow, store.name, after, BATCH);
    const live = rows.filter((row) => row.deleted_at === null);
    const damaged: string[] = [];
    const mended: string[] = [];
    for (const row of live) {
      // A size proves nothing about a file that was found damaged before.
      const isGood = (deep || row.damaged_at === null) && (await holdsItsBytes(store, row, deep));
      if (isGood && row.damaged_at !== null) mended.push(row.key);
      // Collected since the page was read: then nothing is wrong.
      if (!isGood && (await findFile(db.read, row.key))?.deleted_at === null) damaged.push(row.key);
    }
    // Without the volume every file looks missing: then nothing is known, and nothing is flagged.
    if (damaged.length > 0) await store.requireVolume();
    await db.write(markFiles, { keys: damaged, damagedAt: clock.now() });
    await db.write(markFiles, { keys: mended, damagedAt: null });
    bad.push(...damaged);
    checked += live.length;
    const last = rows.at(-1);
    if (!last || rows.length < BATCH) return checked;
    after = last.key;
  }
}

async function holdsItsBytes(store: MediaStore, row: FilesTable, deep: boolean): Promise<boolean> {
  try {
    const opened = await store.open(row.kind, row.key);
    try {
      if (opened.bytes !== row.bytes) return false;
      return !deep || (await measureStream(opened.stream())).sha256 === row.sha256;
    } finally {
      await opened.close();
    }
  } catch (error) {
    const code = error instanceof AppError ? error.code : null;
    // A remote store that does not answer says nothing about the file.
    if (code === 'storage_unavailable' && store.isRemote) return row.damaged_at === null;
    if (code === 'not_found' || code === 'storage_unavailable') return false;
    throw error;
  }
}

async function checkStrays(
  { db }: DoctorOptions,
  stores: readonly MediaStore[],
  before: number,
): Promise<MediaCheck> {
  const found = await Promise.all(stores.map((store) => findStrays({ db, store }, before)));
  const files = found.flatMap((one) => one.files);
  return {
    name: 'media.strays',
    state: files.length > 0 ? 'warning' : 'ok',
    detail:
      files.length > 0 ? `${files.length} files belong to no picture.` : 'Every file belongs to a picture.',
    fix: files.length > 0 ? 'Collect them (they stay in quarantine for a week): drawbridge gc' : null,
    count: files.length,
    examples: files.slice(0, MAX_NAMED).map((file) => file.key),
  };
}
