// The places of a lane: what takes them, and how many batches may have. Batches never fill a lane to its last place where
// single pictures may come, so that one begins without waiting for an item to end.
import { compileOnce } from '../kernel/db.ts';
import { statusIs } from './store.ts';

/** A lane with so many places always keeps one for single pictures: the eighth part of it at most. */
const LARGE_LANE_PLACES = 8;
/** A smaller one keeps a place while a single picture waits, and for so long after one began there. */
const SINGLES_LIKELY_MS = 10 * 60_000;

export interface Occupancy {
  /** Running tasks, and how many of them belong to batches. */
  count: number;
  batched: number;
  /** When a single picture last began, in milliseconds; null: never. */
  single_at: number | null;
  /** A single picture that waits. */
  single_id: string | null;
}

/** What runs and waits in a lane; read under the lane's lock. */
export const readOccupancy = compileOnce<{ lane: string }, Occupancy>((query, param) =>
  query
    .selectFrom('tasks')
    .select((eb) => [
      eb.fn.countAll<number>().as('count'),
      eb.fn.count<number>('batch_id').as('batched'),
      eb
        .selectFrom('lanes')
        .select(({ fn }) => fn.max('single_at').as('latest'))
        .where('lanes.lane', '=', param('lane'))
        .as('single_at'),
      eb
        .selectFrom('tasks')
        .select('id')
        .where('lane', '=', param('lane'))
        .where(statusIs.queuedSingle)
        .limit(1)
        .as('single_id'),
    ])
    .where('lane', '=', param('lane'))
    .where(statusIs.running),
);

/**
 * How many places of a lane batches may take. The one that is left lets a single picture begin at once; without it, it waits
 * for the first item that ends, up to a picture's whole time.
 */
export function placesForBatches(concurrency: number, occupied: Occupancy | undefined, now: number): number {
  const { single_at: singleAt = null, single_id: waiting = null } = occupied ?? {};
  const isLikely = waiting !== null || (singleAt !== null && singleAt > now - SINGLES_LIKELY_MS);
  const keepsOne = concurrency >= LARGE_LANE_PLACES || (isLikely && concurrency > 1);
  return keepsOne ? concurrency - 1 : concurrency;
}
