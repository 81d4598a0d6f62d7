// Batches in an account's event stream: ten thousand items that change become at most four events a second of their batch. What
// was not told yet is told when the quarter second is over, so the last state always comes.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { StreamEvent } from '../kernel/event-stream.ts';
import type { EventRow } from '../kernel/outbox.ts';
import { batchesOfTasks } from './batch-store.ts';
import { BATCH_ITEM_TOPIC } from './store.ts';
import type { ViewContext } from './view.ts';

/** Events of batches themselves: made, paused, finished. */
export const BATCH_TOPIC = 'batches';
/** One event of a batch in this time. */
export const BATCH_EVENT_MS = 250;
const FINISHED = 'batch.finished';

/** Batches of an account as answers show them: these, or with null those that are not finished. */
export type DescribeBatches = (
  accountId: string,
  ids: readonly string[] | null,
  view: Pick<ViewContext, 'baseUrl' | 'language'>,
) => Promise<{ id: string }[]>;

interface Follower {
  topics: readonly string[];
  /** What is to be told of batches now, after these events; `id` is what a client resumes from. */
  take(events: readonly EventRow[], id: string): Promise<StreamEvent[]>;
}

export function followBatches(
  {
    db,
    clock,
    describeBatches,
    wake,
  }: { db: Db; clock: Clock; describeBatches: DescribeBatches; wake: () => void },
  {
    accountId,
    view,
    isResumed,
  }: { accountId: string; view: Pick<ViewContext, 'baseUrl' | 'language'>; isResumed: boolean },
): Follower {
  const changed = new Set<string>();
  const finished = new Set<string>();
  const toldAtMs = new Map<string, number>();
  let isWakeSet = false;
  // What changed shortly before the connection broke may not have been told.
  let isCatchingUp = isResumed;

  const wakeLater = (delayMs: number) => {
    if (isWakeSet) return;
    isWakeSet = true;
    clock.after(delayMs, () => {
      isWakeSet = false;
      wake();
    });
  };
  return {
    topics: [BATCH_ITEM_TOPIC, BATCH_TOPIC],
    async take(events, id) {
      const items = events.filter(({ topic }) => topic === BATCH_ITEM_TOPIC);
      const ids = new Set(items.map((event) => event.entity_id));
      for (const batchId of await batchesOfTasks(db.read, [...ids])) changed.add(batchId);
      for (const event of events) {
        if (event.topic !== BATCH_TOPIC) continue;
        changed.add(event.entity_id);
        if (event.type === FINISHED) finished.add(event.entity_id);
        else finished.delete(event.entity_id);
      }
      const now = clock.monotonicMs();
      const due = [...changed].filter(
        (batchId) => finished.has(batchId) || now - (toldAtMs.get(batchId) ?? 0) >= BATCH_EVENT_MS,
      );
      if (due.length < changed.size) wakeLater(BATCH_EVENT_MS);
      if (due.length === 0 && !isCatchingUp) return [];
      const open = isCatchingUp ? await describeBatches(accountId, null, view) : [];
      isCatchingUp = false;
      const bodies = [...open, ...(await describeBatches(accountId, due, view))];
      for (const batchId of due) {
        changed.delete(batchId);
        toldAtMs.set(batchId, now);
      }
      const newest = new Map(bodies.map((body) => [body.id, body]));
      return [...newest.values()].map((data) => {
        const event = finished.delete(data.id) ? FINISHED : 'batch.updated';
        if (event === FINISHED) toldAtMs.delete(data.id);
        return { id, event, data };
      });
    },
  };
}
