// From a picture back to the Studio: its words, all its settings, or itself as the input picture, put into the Studio's draft.
import type { QueryClient } from '@tanstack/react-query';
import { openDraft } from '../studio/draft-store.ts';
import { type DraftInput, draftFromTask } from '../studio/model.ts';
import { modelsQuery } from '../studio/queries.ts';
import { readRepeatable, repeatedOf } from '../studio/repeat-picture.ts';
import type { GalleryRow } from './gallery-api.ts';

export type Remix = 'prompt' | 'all' | 'input';

function asInput(row: GalleryRow): DraftInput {
  return {
    kind: 'image',
    id: row.id,
    url: row.thumb_url,
    name: row.prompt.slice(0, 40),
    width: row.width,
    height: row.height,
  };
}

/**
 * Changes the Studio's draft; the caller then leads there. What was typed and not chosen stays. Throws ApiError when what made
 * the picture cannot be read.
 */
export async function remix(
  client: QueryClient,
  accountId: string,
  row: GalleryRow,
  what: Remix,
): Promise<void> {
  const draft = await openDraft(accountId);
  if (what === 'input') draft.update({ inputs: [asInput(row)], mask: null });
  else {
    const [repeated, models] = await Promise.all([
      readRepeatable(client, row.id).then(repeatedOf),
      client.ensureQueryData(modelsQuery),
    ]);
    const model = models.find(({ id }) => id === repeated.model) ?? null;
    draft.update(draftFromTask(draft.get(), repeated, what, model));
  }
  draft.flush();
}
