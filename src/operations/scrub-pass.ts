// One pass of the scrubber over all stored files, in steps whose place is written down, so that a restart goes on there. On a
// cluster one node reads at a time; the others see that the place moved lately and leave it alone.
import { z } from 'zod';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import type { Media } from '../media/media.ts';
import { findMark, setMark } from './store.ts';

/** Slow enough to go unnoticed, fast enough for two terabytes a week. */
export const SCRUB_BYTES_PER_S = 4 * 1024 * 1024;
/** What a crash reads again at most. */
const STEP_BYTES = 64 * 1024 * 1024;
/** A place that moved within this time is somebody's: a step takes 16 s, and one large file more. */
const FOREIGN_MS = 5 * 60_000;
const MARK = 'scrub';

const placeSchema = z.object({
  owner: z.string(),
  afterKey: z.string(),
  files: z.number(),
  bytes: z.number(),
  damaged: z.number(),
  restored: z.number(),
  isOver: z.boolean(),
});
type Place = z.output<typeof placeSchema>;

export type ScrubPass = Pick<Place, 'files' | 'bytes' | 'damaged' | 'restored'>;

export interface ScrubPassOptions {
  db: Db;
  clock: Clock;
  media: Pick<Media, 'scrub'>;
  signal: AbortSignal;
}

/** This process, as far as other nodes must tell it apart. */
const ownerName = () => String(process.pid);

/** Resolves at the end of a pass, or with null when another node is at it; rejects when it is aborted or the volume is away. */
export async function scrubPass({ db, clock, media, signal }: ScrubPassOptions): Promise<ScrubPass | null> {
  const owner = ownerName();
  const fresh = { owner, afterKey: '', files: 0, bytes: 0, damaged: 0, restored: 0, isOver: false };
  const found = await findMark(db.read, MARK);
  const kept = found ? placeSchema.parse(JSON.parse(found.note)) : fresh;
  const isForeign = db.dialect === 'postgres' && kept.owner !== owner && !kept.isOver;
  if (found && isForeign && clock.now() - found.at < FOREIGN_MS) return null;
  let place: Place = kept.isOver ? fresh : { ...kept, owner };
  for (;;) {
    const { afterKey } = place;
    const step = await media.scrub({ afterKey, maxBytes: STEP_BYTES, bytesPerS: SCRUB_BYTES_PER_S, signal });
    place = {
      owner,
      afterKey: step.nextKey ?? '',
      files: place.files + step.files,
      bytes: place.bytes + step.bytes,
      damaged: place.damaged + step.damaged.length,
      restored: place.restored + step.restored.length,
      isOver: step.nextKey === null,
    };
    await db.write(setMark, { name: MARK, at: clock.now(), ok: 1, note: JSON.stringify(place) });
    if (place.isOver) return place;
  }
}
