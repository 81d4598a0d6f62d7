// Moves pictures that lie in another store to the first one, one durable row each: copy, read back, switch the row, put the old
// copy into quarantine. A move that fails waits longer each time and is never given up; reads go on from where the row says.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/log.ts';
import { type LoopState, SupervisedLoop } from '../kernel/supervised-loop.ts';
import { measure, measureStream } from './disk-files.ts';
import type { FilesTable } from './file-store.ts';
import type { MediaStore, StagedFile } from './media-store.ts';
import {
  claimMoves,
  dropMove,
  endMove,
  findMovingFile,
  planMoves,
  postponeMove,
  pruneMoves,
  retryMoves,
  type StoreMovesTable,
  switchStore,
} from './move-store.ts';
import { isStoreFailure, type StoreOrder } from './store-order.ts';

const INTERVAL_MS = 15_000;
/** One move at a time: pictures that are made or looked at come first. */
const CLAIM = 4;
const PLAN = 200;
/** A move that was begun by a node that is gone is taken up by another after this time. */
const LEASE_MS = 15 * 60_000;
const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 3_600_000;
const MAX_BACKOFF_MS = 5 * 60_000;
const STALL_MS = 30 * 60_000;
/** How long a move that ended is shown. */
const KEEP_DONE_MS = 7 * 24 * 3_600_000;
const MOST_ERROR_CHARS = 300;

export interface StoreMoverOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  order: StoreOrder;
}

export class StoreMover {
  readonly #options: StoreMoverOptions;
  readonly #loop: SupervisedLoop;
  #isStopped = false;
  #running: Promise<number> | null = null;

  constructor(options: StoreMoverOptions) {
    this.#options = options;
    this.#loop = new SupervisedLoop({
      name: 'store moves',
      clock: options.clock,
      log: options.log,
      intervalMs: INTERVAL_MS,
      maxBackoffMs: MAX_BACKOFF_MS,
      stallMs: STALL_MS,
      step: async () => {
        await options.order.check();
        await this.run();
      },
    });
  }

  get loop(): LoopState {
    return this.#loop.state;
  }

  start(): void {
    this.#loop.start(0);
  }

  /** Begins no further move and waits for the one under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#loop.stop();
    await this.#running?.catch(() => {});
  }

  /** Everything that can be moved now; returns how many moves ended. A second call joins the first. */
  run(): Promise<number> {
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Makes failed moves due at once; returns how many. */
  async retry(): Promise<number> {
    const { db, clock } = this.#options;
    const count = await db.write(retryMoves, { now: clock.now() });
    if (this.#loop.state.state !== 'stopped') void this.run().catch(() => {});
    return count;
  }

  async #run(): Promise<number> {
    const { db, clock, order } = this.#options;
    const { home } = order;
    const toStore = home?.name ?? null;
    await db.write(pruneMoves, { endedBefore: clock.now() - KEEP_DONE_MS, toStore });
    if (home === null) return 0;
    const fromStores = order.entries.map(({ store }) => store.name).filter((name) => name !== home.name);
    let ended = 0;
    for (;;) {
      const plan = { fromStores, toStore: home.name, now: clock.now(), limit: PLAN };
      const planned = fromStores.length === 0 ? 0 : await db.write(planMoves, plan);
      let claimed = 0;
      for (;;) {
        if (this.#isStopped || order.isResting(home.name)) return ended;
        const now = clock.now();
        const moves = await db.write(claimMoves, { now, leaseUntil: now + LEASE_MS, limit: CLAIM });
        for (const move of moves) if (await this.#take(move)) ended += 1;
        claimed += moves.length;
        if (moves.length < CLAIM) break;
      }
      if (planned < PLAN || claimed === 0) return ended;
    }
  }

  /** One move as far as it goes; true when it ended. */
  async #take(move: StoreMovesTable): Promise<boolean> {
    const { db, clock, log, order } = this.#options;
    const key = move.file_key;
    const restsUntil = order.restsUntil(move.to_store);
    if (this.#isStopped || restsUntil !== null) {
      await db.write(postponeMove, { key, dueAt: restsUntil ?? clock.now(), error: move.last_error });
      return false;
    }
    try {
      if (move.state === 'waiting' && !(await this.#copy(move))) {
        await db.write(dropMove, { key });
        return false;
      }
      const file = await findMovingFile(db.read, key);
      if (file) await order.find(move.from_store)?.quarantine(file.kind, key);
      await db.write(endMove, { key, now: clock.now() });
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(move.tries - 1, 10));
      await db.write(postponeMove, {
        key,
        dueAt: clock.now() + waitMs,
        error: why.slice(0, MOST_ERROR_CHARS),
      });
      log.warn({ key, from: move.from_store, to: move.to_store, err: error }, 'a picture could not be moved');
      return false;
    }
  }

  /** Copies the file and switches its row; false when there is nothing to move any more. */
  async #copy(move: StoreMovesTable): Promise<boolean> {
    const { db, order } = this.#options;
    const file = await findMovingFile(db.read, move.file_key);
    if (!file || file.deleted_at !== null || file.damaged_at !== null || file.store !== move.from_store)
      return false;
    const source = order.require(move.from_store);
    const target = order.require(move.to_store);
    const { staged, isLive } = await this.#stage(source, file);
    try {
      requireSame(staged, file, source.name);
      await target.publish(staged, file.kind, file.key).catch((error: unknown) => {
        if (isStoreFailure(error) && target.isRemote) order.note(target.name, error);
        throw error;
      });
      if (target.isRemote) order.note(target.name, null);
    } finally {
      if (!isLive) await order.disk.discard(staged.path);
    }
    const opened = await target.open(file.kind, file.key);
    const copy = await measureStream(opened.stream()).finally(() => opened.close());
    requireSame(copy, file, target.name);
    const place = { key: file.key, from: move.from_store, to: move.to_store };
    if (await db.write(switchStore, place)) return true;
    // Deleted meanwhile: the copy belongs to nobody.
    await target.quarantine(file.kind, file.key);
    return false;
  }

  /** The file as a local one: the disk's own where it lies there (it is only read), a staged copy otherwise. */
  async #stage(source: MediaStore, file: FilesTable): Promise<{ staged: StagedFile; isLive: boolean }> {
    const { order } = this.#options;
    const opened = await source.open(file.kind, file.key);
    if (opened.path === null) {
      const staged = await order.disk.stage(opened.stream(), { maxBytes: file.bytes });
      return { staged, isLive: false };
    }
    await opened.close();
    return { staged: { path: opened.path, ...(await measure(opened.path)) }, isLive: true };
  }
}

/** Hashes of stored bytes, which are no secrets. */
function requireSame(
  found: { bytes: number; sha256: string },
  file: { bytes: number; sha256: string },
  store: string,
): void {
  if (`${found.bytes} ${found.sha256}` === `${file.bytes} ${file.sha256}`) return;
  throw new AppError('storage_unavailable', {
    detail: `The store "${store}" gave other bytes than were stored; the picture stays where it is.`,
  });
}
