// Pictures past the configured age go to the trash, some at a time; favourites stay. From there the trash's own rule removes
// them, so that everything can be brought back for as long as what people remove themselves.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { findAgedImages, setImageTrashed } from '../media/media.ts';

const BATCH = 100;
/** One run moves at most this many, so that it ends; the next goes on. */
const MOST_PER_RUN = 50_000;

/** Moves what is older than `maxAgeMs`; null keeps all. Returns how many pictures were moved. */
export async function retirePictures(
  { db, clock }: { db: Db; clock: Clock },
  maxAgeMs: number | null,
  signal: AbortSignal,
): Promise<number> {
  if (maxAgeMs === null) return 0;
  let moved = 0;
  while (moved < MOST_PER_RUN && !signal.aborted) {
    const now = clock.now();
    const aged = await findAgedImages(db.slow, now - maxAgeMs, BATCH);
    const trash = ({ id, account_id: accountId }: (typeof aged)[number]) =>
      db.write(setImageTrashed, { id, accountId, now, trashed: true });
    await Promise.all(aged.map(trash));
    moved += aged.length;
    if (aged.length < BATCH) break;
  }
  if (moved > 0) db.signal('events');
  return moved;
}
