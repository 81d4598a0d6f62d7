// From a picture back to the Studio: its words, all its settings, or itself as the input picture, put into the Studio's draft.
import { call } from '../api/client.ts';
import type { Task } from '../api/resources.ts';
import { openDraft } from '../studio/draft-store.ts';
import { type Draft, type DraftInput, LARGEST_SEED, nearestRatio } from '../studio/model.ts';
import type { GalleryRow } from './gallery-api.ts';

export type Remix = 'prompt' | 'all' | 'input';

/** Shapes that the Studio knows; it falls back to the nearest that the model can. */
const SHAPES = ['1:1', '4:3', '3:4', '3:2', '2:3', '16:9', '9:16', '21:9'];

/** The task of a picture, or null when it is gone. */
async function taskOf(row: GalleryRow): Promise<Task | null> {
  if (row.task_id === null) return null;
  return call<Task>('GET', `v1/tasks/${row.task_id}`).catch(() => null);
}

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

function settingsOf(row: GalleryRow, task: Task | null): Partial<Draft> {
  const { seed } = row;
  const isUsable = seed !== null && Number.isInteger(seed) && seed >= 0 && seed <= LARGEST_SEED;
  return {
    prompt: task?.prompt ?? row.prompt,
    negativePrompt: task?.params.negative_prompt ?? '',
    model: row.model,
    style: row.style?.id ?? null,
    aspectRatio: nearestRatio(row.width / row.height, SHAPES, '1:1'),
    seed: isUsable ? String(seed) : '',
  };
}

/** Changes the Studio's draft; the caller then leads there. What was typed and not chosen stays. */
export async function remix(accountId: string, row: GalleryRow, what: Remix): Promise<void> {
  const [draft, task] = await Promise.all([openDraft(accountId), what === 'input' ? null : taskOf(row)]);
  if (what === 'input') draft.update({ inputs: [asInput(row)], mask: null });
  else if (what === 'prompt') draft.update({ prompt: task?.prompt ?? row.prompt });
  else draft.update(settingsOf(row, task));
  draft.flush();
}
