// Uploads that show what a story's characters look like are kept as long as a story names them, however long it waits for its
// reader. Pictures of the gallery need no such hold: only their owner deletes them.
import type { Trx } from '../kernel/db.ts';
import { KEPT_FOREVER_MS, pinUploads, releaseUploads, UPLOAD_KEEP_MS } from '../media/media.ts';
import type { OutlineBody } from './contract.ts';
import type { StoryRow } from './store.ts';

type Characters = OutlineBody['characters'];

const UPLOAD_PREFIX = 'up_';

function uploadsOf(characters: Characters): string[] {
  return characters.flatMap(({ image_id: id }) => (id?.startsWith(UPLOAD_PREFIX) ? [id] : []));
}

/** Holds the uploads among the characters' pictures. Throws `not_found` when one is gone. */
export function holdReferences(trx: Trx, accountId: string, characters: Characters): Promise<void> {
  const ids = [...new Set(uploadsOf(characters))];
  return pinUploads(trx, { ids, accountId, untilMs: KEPT_FOREVER_MS });
}

/** After a story was deleted: its uploads go the way of others, but for those that another story of the account names. */
export async function letReferencesGo(trx: Trx, story: StoryRow, now: number): Promise<void> {
  const outline = story.outline === null ? null : (JSON.parse(story.outline) as OutlineBody);
  const wanted = JSON.parse(story.cast_wanted) as Characters;
  const ids = new Set(uploadsOf([...wanted, ...(outline?.characters ?? [])]));
  for (const id of ids) {
    const other = await trx
      .selectFrom('stories')
      .select('id')
      .where('account_id', '=', story.account_id)
      .where((eb) => eb.or([eb('outline', 'like', `%${id}%`), eb('cast_wanted', 'like', `%${id}%`)]))
      .executeTakeFirst();
    if (other) ids.delete(id);
  }
  await releaseUploads(trx, { ids: [...ids], untilMs: now + UPLOAD_KEEP_MS });
}
