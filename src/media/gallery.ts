// The gallery: every account's pictures as an index, windows of rows, counts and selections, out of memory that is filled from the
// database when somebody looks and given back when nobody does. The database remains the truth: every answer follows its changes first.
import type { Clock, Timer } from '../kernel/clock.ts';
import { sleep } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { AccountGallery, type View } from './gallery-account.ts';
import { GalleryColumns, idBytes } from './gallery-columns.ts';
import type { GalleryQuery } from './gallery-contract.ts';
import { type IndexBody, makeIndex, streamIndex } from './gallery-index.ts';
import { RECORD_BYTES } from './gallery-record.ts';
import { loadRecords } from './gallery-records-store.ts';
import { criteriaOf, indexOfPlace, matchingPlaces } from './gallery-scan.ts';
import { hasUnprepared, preparePictures } from './gallery-store.ts';

/** Records and remembered answers of all accounts; about three million pictures. The account in use always stays. */
const MOST_BYTES = 160 * 1024 * 1024;
/** Differences to UTC for which a view's answers are remembered. */
export const MOST_OFFSETS = 3;
const IDLE_MS = 10 * 60_000;
/** Newest records that are looked at for a first screen, far more than it shows, since some may be in the trash. */
const NEWEST_RECORDS = 1_000;
/** Old pictures that one write prepares: about 11 ms. */
const PREPARED_PER_WRITE = 100;
/** Between such writes, so that others come first. */
const PREPARE_PAUSE_MS = 50;
const PREPARE_RETRY_MS = 60_000;

export interface GalleryOptions {
  db: Db;
  clock: Clock;
  log: Logger;
}

export class Gallery {
  readonly #options: GalleryOptions;
  /** The least recently used first. */
  readonly #accounts = new Map<string, AccountGallery>();
  readonly #closing = new AbortController();
  #idle: Timer | null = null;
  #isPreparing = false;

  constructor(options: GalleryOptions) {
    this.#options = options;
  }

  /** Prepares pictures of older versions in the background; safe to call again. */
  start(): void {
    void this.#prepare();
  }

  close(): void {
    this.#closing.abort();
    this.#idle?.cancel();
    this.#accounts.clear();
  }

  /** The index of everything that matches, made once for each state of the pictures. */
  async index(accountId: string, filter: GalleryQuery, utcOffsetMin: number): Promise<IndexBody> {
    return this.use(accountId, filter, async (account, view) => {
      const isPreparing = this.#isPreparing;
      const known = view.bodies.get(utcOffsetMin);
      if (known?.isPreparing === isPreparing) return known;
      const made = await makeIndex(account.columns, view, { utcOffsetMin, isPreparing });
      if (view.bodies.size >= MOST_OFFSETS) view.bodies.clear();
      view.bodies.set(utcOffsetMin, made);
      return made;
    });
  }

  /** The unfiltered index block by block while the account is first read; null when it is here already. */
  coldIndex(
    accountId: string,
    filter: GalleryQuery,
    utcOffsetMin: number,
  ): AsyncGenerator<Uint8Array> | null {
    if (this.#accounts.has(accountId) || isFiltered(filter)) return null;
    const account = new AccountGallery(this.#options.db, accountId);
    const criteria = criteriaOf(filter, account, []);
    const stream = streamIndex(account, criteria, { utcOffsetMin, isPreparing: this.#isPreparing });
    this.#touch(account);
    return stream;
  }

  /** The ids of `limit` matching pictures from `offset` places after the anchor, or where it was. */
  async window(
    accountId: string,
    filter: GalleryQuery,
    { anchor, offset, limit }: { anchor: string | undefined; offset: number; limit: number },
  ): Promise<string[]> {
    if (anchor === undefined && offset === 0) {
      const newest = await this.#newest(accountId, filter, limit);
      if (newest) return newest;
    }
    return this.use(accountId, filter, ({ columns }, { places }) => {
      const first = anchor === undefined ? 0 : indexOfPlace(places, columns.placeOf(idBytes(anchor)));
      return idsAt(columns, places.subarray(first + offset, first + offset + limit));
    });
  }

  /**
   * The newest ids straight from the database, for an account whose records are not here yet: a first screen does not wait for all
   * of them. Null when they are here, or when it takes more than the newest few to tell.
   */
  async #newest(accountId: string, filter: GalleryQuery, limit: number): Promise<string[] | null> {
    if (this.#accounts.get(accountId)?.isLoaded || isFiltered(filter)) return null;
    const page = { accountId, afterId: null, limit: NEWEST_RECORDS };
    const records = await loadRecords(this.#options.db.read, page);
    const columns = new GalleryColumns();
    columns.append(records);
    const places = matchingPlaces(columns, criteriaOf(filter, { numberOf: () => undefined }, []));
    const isAll = records.length < NEWEST_RECORDS * RECORD_BYTES;
    return places.length >= limit || isAll ? idsAt(columns, places.subarray(0, limit)) : null;
  }

  /** How many matching pictures are newer than `since`, and the newest. */
  async countNew(
    accountId: string,
    filter: GalleryQuery,
    since: string | undefined,
  ): Promise<{ count: number; newestId: string | null }> {
    return this.use(accountId, filter, ({ columns }, { places }) => {
      const [newest] = idsAt(columns, places.subarray(0, 1));
      const count =
        since === undefined ? places.length : indexOfPlace(places, columns.placeOf(idBytes(since)));
      return { count, newestId: newest ?? null };
    });
  }

  /** The ids of everything that matches but `exceptIds`, newest first. Throws `conflict` when it is not `expectedCount` pictures. */
  async select(
    accountId: string,
    filter: GalleryQuery,
    { exceptIds, expectedCount }: { exceptIds: readonly string[]; expectedCount: number },
  ): Promise<string[]> {
    return this.use(accountId, filter, ({ columns }, { places }) => {
      const excluded = new Set<number>();
      for (const id of exceptIds) {
        const place = columns.placeOf(idBytes(id));
        if (columns.has(place, idBytes(id))) excluded.add(place);
      }
      const chosen = excluded.size === 0 ? places : places.filter((place) => !excluded.has(place));
      if (chosen.length !== expectedCount)
        throw new AppError('conflict', {
          detail: `${chosen.length} pictures match now, not ${expectedCount}. Nothing was changed.`,
          cause: 'Pictures came, went or changed since they were counted.',
          fix: 'Look at the pictures again and repeat the action with the new count.',
          errors: [{ pointer: '/selection/expected_count', detail: String(chosen.length) }],
        });
      return idsAt(columns, chosen);
    });
  }

  /** Runs `work` on an account's records and a filter's view; see `AccountGallery.use`. */
  async use<Result>(
    accountId: string,
    filter: GalleryQuery,
    work: (account: AccountGallery, view: View) => Promise<Result> | Result,
  ): Promise<Result> {
    const account = this.#accounts.get(accountId) ?? new AccountGallery(this.#options.db, accountId);
    this.#touch(account);
    try {
      return await account.use(async () => work(account, await account.view(filter)));
    } finally {
      this.#evict(account);
    }
  }

  #touch(account: AccountGallery): void {
    this.#accounts.delete(account.accountId);
    this.#accounts.set(account.accountId, account);
    // A load that failed is begun anew by the next who asks.
    if (!account.isLoaded) account.load().catch(() => this.#drop(account));
    this.#idle?.cancel();
    this.#idle = this.#options.clock.after(IDLE_MS, () => this.#accounts.clear());
  }

  #drop(account: AccountGallery): void {
    if (this.#accounts.get(account.accountId) === account) this.#accounts.delete(account.accountId);
  }

  #evict(used: AccountGallery): void {
    let bytes = 0;
    for (const account of this.#accounts.values()) bytes += account.bytes;
    for (const account of this.#accounts.values()) {
      if (bytes <= MOST_BYTES) return;
      if (account === used) continue;
      bytes -= account.bytes;
      this.#drop(account);
    }
  }

  async #prepare(): Promise<void> {
    const { db, clock, log } = this.#options;
    const { signal } = this.#closing;
    if (this.#isPreparing) return;
    try {
      this.#isPreparing = await hasUnprepared(db.read);
      while (this.#isPreparing && !signal.aborted) {
        const prepared = await db.write(preparePictures, { limit: PREPARED_PER_WRITE });
        this.#isPreparing = prepared === PREPARED_PER_WRITE;
        await sleep(clock, PREPARE_PAUSE_MS, signal);
      }
    } catch (error) {
      this.#isPreparing = false;
      if (signal.aborted) return;
      log.warn(
        { err: error },
        'older pictures could not be prepared for the gallery; tried again in a minute',
      );
      clock.after(PREPARE_RETRY_MS, () => void this.#prepare());
    }
  }
}

function isFiltered(filter: GalleryQuery): boolean {
  return Object.values(filter).some((value) => value !== undefined);
}

function idsAt(columns: { idAt(place: number): string }, places: Uint32Array): string[] {
  return Array.from(places, (place) => columns.idAt(place));
}
