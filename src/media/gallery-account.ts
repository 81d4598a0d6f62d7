// One account's gallery as this process knows it: its records, kept up to date by following changes, and what was made of them for
// recent filters. Invariant: one piece of work at a time looks at or changes the records (`use`), and it sees every change that was
// committed before it began.
import assert from 'node:assert/strict';
import type { Db } from '../kernel/db.ts';
import { GalleryColumns, idBytes, lastIdOf, recordOf } from './gallery-columns.ts';
import type { GalleryQuery } from './gallery-contract.ts';
import type { IndexBody } from './gallery-index.ts';
import { RECORD_BYTES } from './gallery-record.ts';
import { estimatePictures, loadRecords } from './gallery-records-store.ts';
import { type Counts, type Criteria, criteriaOf, matchingPlaces, NumberSet } from './gallery-scan.ts';
import {
  type ChangeCursor,
  changedPictures,
  findNames,
  type GalleryNamesTable,
  latestChange,
  latestPurge,
  type NameKind,
  promptNumbers,
  purgedPictures,
  taggedNumbers,
} from './gallery-store.ts';
import { searchTerms } from './search-words.ts';

/** Of the first read: enough for the first block of the index. */
const FIRST_PAGE = 20_000;
const PAGE = 40_000;
/** Room beyond what an account is expected to have, as a part of it: estimates are a little off. */
const SPARE = 1 / 16;
/** An estimate makes no more room than this beforehand, 82 MB. */
const MOST_RESERVED = 2_000_000;
/** Changes that are read on the way; more at once are a list for the reader worker. */
const FEW_CHANGES = 200;
const MANY_CHANGES = 5_000;
/** Filters whose places are remembered, each four bytes a picture. */
const MOST_VIEWS = 6;

/** What a filter selects, and what was made of it. */
export interface View {
  places: Uint32Array;
  criteria: Criteria;
  /** By difference to UTC. */
  bodies: Map<number, IndexBody>;
  counts: Map<number, Counts>;
}

/** Told synchronously of each page that a load brings; `isLast` also when the account has no pictures. */
export type LoadListener = (isLast: boolean) => void;

export class AccountGallery {
  readonly accountId: string;
  readonly columns = new GalleryColumns();
  readonly #db: Db;
  readonly #views = new Map<string, View>();
  readonly #listeners = new Set<LoadListener>();
  #names = new Map<string, GalleryNamesTable>();
  #images: ChangeCursor = { change: 0, id: '' };
  #purges: ChangeCursor = { change: 0, id: '' };
  /** Changes that others may still come before, so that they are read again: by id, as they were seen. */
  #unsettled = new Map<string, number>();
  #turn: Promise<unknown> = Promise.resolve();
  #loaded: Promise<void> | null = null;
  #isLoaded = false;
  readonly #expected = Promise.withResolvers<number>();

  constructor(db: Db, accountId: string) {
    this.#db = db;
    this.accountId = accountId;
    // Not everybody who loads asks for it.
    this.#expected.promise.catch(() => {});
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get bytes(): number {
    let bytes = this.columns.bytes;
    for (const { places, bodies } of this.#views.values()) {
      bytes += places.byteLength;
      for (const { size } of bodies.values()) bytes += size;
    }
    return bytes;
  }

  /** Reads everything once; later calls wait for the same. */
  load(): Promise<void> {
    if (this.#loaded) return this.#loaded;
    this.#loaded = this.#readAll();
    this.#loaded.catch(this.#expected.reject);
    return this.#loaded;
  }

  /** Calls `listener` after every page of a load that has not begun. */
  onPage(listener: LoadListener): void {
    this.#listeners.add(listener);
  }

  /** Runs `work` when nothing else does, on records that are up to date. */
  async use<Result>(work: () => Promise<Result> | Result): Promise<Result> {
    await this.load();
    const turn = this.#turn.then(async () => {
      await this.#refresh();
      return work();
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** What a filter selects. Only inside `use`. */
  async view(filter: GalleryQuery): Promise<View> {
    const key = JSON.stringify(
      Object.entries(filter)
        .filter(([, value]) => value !== undefined)
        .sort(),
    );
    const known = this.#views.get(key);
    if (known) {
      this.#views.delete(key);
      this.#views.set(key, known);
      return known;
    }
    const criteria = await this.criteria(filter);
    const view = {
      places: matchingPlaces(this.columns, criteria),
      criteria,
      bodies: new Map(),
      counts: new Map(),
    };
    this.#views.set(key, view);
    const [oldest] = this.#views.keys();
    if (this.#views.size > MOST_VIEWS && oldest !== undefined) this.#views.delete(oldest);
    return view;
  }

  async criteria(filter: GalleryQuery): Promise<Criteria> {
    const among: NumberSet[] = [];
    const { slow } = this.#db;
    const query = filter.q?.trim() ?? '';
    if (query !== '')
      among.push(new NumberSet(await promptNumbers(slow, this.accountId, searchTerms(query))));
    if (filter.tag !== undefined)
      among.push(new NumberSet(await taggedNumbers(slow, this.accountId, filter.tag)));
    const named = (['model', 'provider', 'style'] as const).some(
      (kind) => filter[kind] !== undefined && !this.#names.has(`${kind} ${filter[kind]}`),
    );
    if (named) await this.readNames();
    return criteriaOf(filter, this, among);
  }

  numberOf(kind: NameKind, name: string): number | undefined {
    return this.#names.get(`${kind} ${name}`)?.no;
  }

  /** All names that records give by number. */
  async readNames(): Promise<Map<number, GalleryNamesTable>> {
    const rows = await findNames(this.#db.read);
    this.#names = new Map(rows.map((row) => [`${row.kind} ${row.name}`, row]));
    return new Map(rows.map((row) => [row.no, row]));
  }

  /** About how many pictures out of the trash there are, known once the first page of the load is here. */
  expectedCount(): Promise<number> {
    return this.#expected.promise;
  }

  async #readAll(): Promise<void> {
    const { read, slow } = this.#db;
    // Before the first page: what changes while the pages are read is read again afterwards.
    [this.#images, this.#purges] = await Promise.all([
      latestChange(read, this.accountId),
      latestPurge(read, this.accountId),
    ]);
    // First in the reader's line: the head of a cold answer waits for it.
    const estimated = estimatePictures(slow, this.accountId);
    const readAfter = (afterId: string | null, limit: number): Promise<Buffer> => {
      const page = loadRecords(slow, { accountId: this.accountId, afterId, limit });
      // Whoever awaits it is told; when nobody does any more, an earlier failure was.
      page.catch(() => {});
      return page;
    };
    let next: Promise<Buffer> | null = readAfter(null, FIRST_PAGE);
    const { all, visible } = await estimated;
    this.columns.reserve(Math.min(MOST_RESERVED, Math.ceil(all * (1 + SPARE))));
    for (let limit = FIRST_PAGE; next; limit = PAGE) {
      const records: Buffer = await next;
      const isLast = records.length < limit * RECORD_BYTES;
      // The database reads the next page while this one is worked on.
      next = isLast ? null : readAfter(lastIdOf(records), PAGE);
      this.columns.append(records);
      this.#expected.resolve(isLast ? this.columns.visibleCount() : visible);
      for (const listener of this.#listeners) listener(isLast);
    }
    this.#listeners.clear();
    this.#isLoaded = true;
  }

  /** Follows changes to the end; drops what was made of older records if any of them is new. */
  async #refresh(): Promise<void> {
    let isChanged = false;
    for (let limit = FEW_CHANGES, reader = this.#db.read; ; limit = MANY_CHANGES, reader = this.#db.slow) {
      const rows = await changedPictures(reader, { accountId: this.accountId, after: this.#images, limit });
      for (const row of rows) {
        if (this.#unsettled.get(row.id) === row.change) continue;
        isChanged = true;
        if (row.gallery !== null)
          this.columns.put(recordOf(row.id, row.gallery, row.favourite === 1, row.trashed_at !== null));
      }
      this.#images = this.#advance(this.#images, rows);
      if (rows.length < limit || rows.at(-1)?.settled === 0) break;
    }
    for (;;) {
      const rows = await purgedPictures(this.#db.read, {
        accountId: this.accountId,
        after: this.#purges,
        limit: MANY_CHANGES,
      });
      for (const { id } of rows) if (this.columns.remove(idBytes(id))) isChanged = true;
      this.#purges = lastSettled(this.#purges, rows);
      if (rows.length < MANY_CHANGES || rows.at(-1)?.settled === 0) break;
    }
    if (isChanged) this.#views.clear();
  }

  #advance(cursor: ChangeCursor, rows: readonly (ChangeCursor & { settled: number })[]): ChangeCursor {
    this.#unsettled = new Map(
      rows.filter(({ settled }) => settled === 0).map(({ id, change }) => [id, change] as const),
    );
    return lastSettled(cursor, rows);
  }
}

/** The place behind the last row that nothing can come before any more. */
function lastSettled(
  cursor: ChangeCursor,
  rows: readonly (ChangeCursor & { settled: number })[],
): ChangeCursor {
  const last = rows.findLast(({ settled }) => settled === 1);
  assert.ok(!last || last.change >= cursor.change);
  return last ? { change: last.change, id: last.id } : cursor;
}
