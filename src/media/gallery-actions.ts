// Runs actions on many pictures in small transactions, one batch after another, and goes on with what a restart cut off. A caller
// waits a while for the end; longer ones go on by themselves.
import { type Clock, sleep } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { EVENTS_CHANNEL } from '../kernel/event-hub.ts';
import { newId } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import type { Gallery } from './gallery.ts';
import {
  addOperationItems,
  createOperation,
  createUndo,
  findOperation,
  type GalleryAction,
  type GalleryOperationsTable,
  type NewOperation,
  pruneOperations,
  runningOperations,
  runOperationBatch,
  touchedItems,
} from './gallery-action-store.ts';
import type { GalleryActionBody } from './gallery-contract.ts';
import { prunePurges } from './gallery-store.ts';

/** Pictures of one transaction: about 6 ms of the writer. */
const BATCH = 200;
const ITEMS_PER_WRITE = 1_000;
/** How long a caller waits for the end of an action. */
export const ACTION_WAIT_MS = 10_000;
const RETRY_MS = 5_000;
const DAY_MS = 24 * 60 * 60_000;
/** How long an action can be taken back. */
export const UNDO_KEEP_MS = 30 * DAY_MS;
const ABANDONED_MS = DAY_MS;
/** No process goes this long without following what went for good. */
const PURGES_KEEP_MS = 2 * DAY_MS;
const PRUNED_PER_WRITE = 1_000;

const INVERSE: Record<GalleryAction, GalleryAction | null> = {
  trash: 'restore',
  restore: 'trash',
  favourite: 'unfavourite',
  unfavourite: 'favourite',
  tag: 'untag',
  untag: 'tag',
  delete_forever: null,
};

/** Whether what an action did can be taken back now. */
export function canUndo({ action, state, undone_by, touched }: GalleryOperationsTable): boolean {
  return INVERSE[action] !== null && state === 'done' && undone_by === null && touched > 0;
}

export interface GalleryActionsOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  gallery: Gallery;
}

export class GalleryActions {
  readonly #options: GalleryActionsOptions;
  readonly #closing = new AbortController();
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: GalleryActionsOptions) {
    this.#options = options;
  }

  /** Goes on with what a restart cut off. */
  async start(): Promise<void> {
    for (const id of await runningOperations(this.#options.db.read)) void this.#run(id);
  }

  /** Lets the batches in work end; what remains goes on after the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running.values());
  }

  /** Throws `conflict` when the filter selects another number of pictures than expected. */
  async act(
    accountId: string,
    { action, tag, selection }: GalleryActionBody,
  ): Promise<GalleryOperationsTable> {
    const ids =
      'ids' in selection
        ? [...new Set(selection.ids)]
        : await this.#options.gallery.select(accountId, selection.filter, {
            exceptIds: selection.except_ids,
            expectedCount: selection.expected_count,
          });
    const operation = this.#newOperation(accountId, { action, tag: tag ?? null, undoOf: null });
    await this.#options.db.write(createOperation, operation);
    for (let position = 0; position === 0 || position < ids.length; position += ITEMS_PER_WRITE)
      await this.#options.db.write(addOperationItems, {
        operationId: operation.id,
        position,
        ids: ids.slice(position, position + ITEMS_PER_WRITE),
        isLast: position + ITEMS_PER_WRITE >= ids.length,
      });
    return this.#waitFor(operation.id, accountId);
  }

  /** Throws `not_found`, and `conflict` for what cannot be taken back (any more). */
  async undo(accountId: string, id: string): Promise<GalleryOperationsTable> {
    const { db } = this.#options;
    const done = await this.get(accountId, id);
    const action = INVERSE[done.action];
    if (action === null)
      throw new AppError('conflict', { detail: 'What was deleted for ever cannot come back.' });
    if (done.state !== 'done') throw new AppError('conflict', { detail: 'The action still runs.' });
    const undo = this.#newOperation(accountId, { action, tag: done.tag, undoOf: id });
    const created = await db.write(createUndo, { ...undo, undoOf: id });
    if (!created) throw new AppError('conflict', { detail: 'The action was taken back already.' });
    let position = 0;
    let fromPosition = 0;
    for (;;) {
      const items = await touchedItems(db.slow, { operationId: id, fromPosition, limit: ITEMS_PER_WRITE });
      const isLast = items.length < ITEMS_PER_WRITE;
      const ids = items.map((item) => item.image_id);
      await db.write(addOperationItems, { operationId: undo.id, position, ids, isLast });
      if (isLast) break;
      position += items.length;
      fromPosition = (items.at(-1)?.position ?? 0) + 1;
    }
    return this.#waitFor(undo.id, accountId);
  }

  /** Throws `not_found`. */
  async get(accountId: string, id: string): Promise<GalleryOperationsTable> {
    const found = await findOperation(this.#options.db.read, id, accountId);
    if (!found || found.state === 'collecting')
      throw new AppError('not_found', { detail: 'There is no such action.' });
    return found;
  }

  /** Forgets old actions and what old readers needed. */
  async prune(): Promise<void> {
    const { db, clock } = this.#options;
    const now = clock.now();
    const old = {
      beforeMs: now - UNDO_KEEP_MS,
      abandonedBeforeMs: now - ABANDONED_MS,
      limit: PRUNED_PER_WRITE,
    };
    while ((await db.write(pruneOperations, old)) > 0);
    const purges = { beforeMs: now - PURGES_KEEP_MS, limit: PRUNED_PER_WRITE };
    while ((await db.write(prunePurges, purges)) === PRUNED_PER_WRITE);
  }

  #newOperation(accountId: string, what: Pick<NewOperation, 'action' | 'tag' | 'undoOf'>): NewOperation {
    const now = this.#options.clock.now();
    return { id: newId('act', now), accountId, now, ...what };
  }

  async #waitFor(id: string, accountId: string): Promise<GalleryOperationsTable> {
    const waited = new AbortController();
    const patience = sleep(this.#options.clock, ACTION_WAIT_MS, waited.signal).catch(() => {});
    await Promise.race([this.#run(id), patience]);
    waited.abort();
    return this.get(accountId, id);
  }

  /** Ends when the action is done, or the process stops. Never rejects. */
  #run(id: string): Promise<void> {
    const known = this.#running.get(id);
    if (known) return known;
    const run = this.#runAll(id).finally(() => this.#running.delete(id));
    this.#running.set(id, run);
    return run;
  }

  async #runAll(operationId: string): Promise<void> {
    const { db, clock, log } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const isDone = await db.write(runOperationBatch, { operationId, limit: BATCH, now: clock.now() });
        db.signal(EVENTS_CHANNEL);
        if (isDone) return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn({ operation_id: operationId, err: error }, 'an action on pictures was held up; it goes on');
        await sleep(clock, RETRY_MS, signal).catch(() => {});
      }
    }
  }
}
