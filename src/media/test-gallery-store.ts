// What no version of the program does any more, as writes of the gallery's tests. A module apart: the writer worker imports it.
import { registerWrites, type Trx } from '../kernel/db.ts';

/** Leaves all pictures as an older version did. */
export async function forgetGalleryColumns(trx: Trx, _input: object): Promise<void> {
  await trx.updateTable('images').set({ gallery: null }).execute();
}

registerWrites(import.meta.url, { forgetGalleryColumns });
