// The gallery's calls: the index as bytes, rows, facets, marks and actions on many pictures.
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import type { GalleryFacets, GalleryOperation, GalleryRow } from '../../../src/media/contract.ts';
import { call, rejectAnswer } from '../api/client.ts';
import { ApiError, networkProblem } from '../api/problem.ts';
import { randomUuid } from '../ui/random-id.ts';
import { galleryQuery, INDEX_PATH, utcOffsetMin } from './first-look.ts';
import { type GalleryIndex, IndexReader } from './gallery-index.ts';
import { type GalleryFilter, toApiFilter } from './gallery-search.ts';

export type { GalleryFacets, GalleryOperation, GalleryRow };

const FACETS_FRESH_MS = 30_000;
/** Ids that one action may name. */
export const MOST_IDS = 1_000;
const ACTION_POLL_MS = 1_000;

export type GalleryAction = GalleryOperation['action'];

/**
 * Reads an index out of its answer; `onBlock` is told after each chunk, so that the first pictures can be shown before the
 * rest is here. `signal` is that of the answer. Throws ApiError.
 */
export async function readIndex(
  answer: Promise<Response>,
  signal: AbortSignal,
  onBlock: (reader: IndexReader) => void,
): Promise<IndexReader> {
  const reader = new IndexReader();
  try {
    const response = await answer;
    if (!response.ok) {
      const body: unknown = await response.json().catch(() => null);
      rejectAnswer(response.status, body, response.headers.get('x-request-id'), INDEX_PATH);
    }
    const chunks = response.body?.getReader();
    for (let chunk = await chunks?.read(); chunk && !chunk.done; chunk = await chunks?.read()) {
      reader.push(chunk.value);
      onBlock(reader);
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError || error instanceof RangeError) throw error;
    throw new ApiError(networkProblem());
  }
  if (!reader.isComplete) throw new ApiError(networkProblem());
  return reader;
}

export async function readRows(
  filter: GalleryFilter,
  index: GalleryIndex,
  first: number,
  count: number,
  signal: AbortSignal,
): Promise<readonly GalleryRow[]> {
  const anchor = index.anchorOf(first);
  if (!anchor) return [];
  const query = galleryQuery(filter, {
    anchor: anchor.id,
    offset: String(anchor.offset),
    limit: String(count),
  });
  return (await call<{ data: GalleryRow[] }>('GET', `v1/gallery/window?${query}`, { signal })).data;
}

export function facetsQuery(filter: GalleryFilter) {
  return queryOptions({
    queryKey: ['gallery-facets', toApiFilter(filter)],
    queryFn: ({ signal }) =>
      call<GalleryFacets>(
        'GET',
        `v1/gallery/facets?${galleryQuery(filter, { utc_offset: String(utcOffsetMin()) })}`,
        { signal },
      ),
    staleTime: FACETS_FRESH_MS,
    placeholderData: keepPreviousData,
  });
}

export async function countNew(filter: GalleryFilter, since: string | null): Promise<number> {
  const query = galleryQuery(filter, since ? { since } : {});
  return (await call<{ count: number }>('GET', `v1/gallery/new?${query}`)).count;
}

export type ActionSelection =
  | { ids: readonly string[] }
  | { filter: GalleryFilter; exceptIds: readonly string[]; expectedCount: number };

/** The filter in an action's JSON body: flags are booleans there. */
function bodyFilter(filter: GalleryFilter): Record<string, string | boolean> {
  return Object.fromEntries(
    Object.entries(toApiFilter(filter)).map(([name, value]) => [name, value === 'true' ? true : value]),
  );
}

async function waitForOperation(operation: GalleryOperation): Promise<GalleryOperation> {
  let now = operation;
  while (now.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, ACTION_POLL_MS));
    now = await call<GalleryOperation>('GET', `v1/gallery/actions/${operation.id}`);
  }
  return now;
}

/** Changes the selected pictures; resolves when all are changed, in one operation or, by ids, one for each thousand. */
export async function act(action: GalleryAction, selection: ActionSelection): Promise<GalleryOperation[]> {
  const selections =
    'ids' in selection
      ? Array.from({ length: Math.ceil(selection.ids.length / MOST_IDS) }, (_, part) => ({
          ids: selection.ids.slice(part * MOST_IDS, (part + 1) * MOST_IDS),
        }))
      : [
          {
            filter: bodyFilter(selection.filter),
            except_ids: selection.exceptIds,
            expected_count: selection.expectedCount,
          },
        ];
  const operations: GalleryOperation[] = [];
  for (const part of selections) {
    const body = { action, selection: part };
    const operation = await call<GalleryOperation>('POST', 'v1/gallery/actions', {
      body,
      idempotencyKey: randomUuid(),
    });
    operations.push(await waitForOperation(operation));
  }
  return operations;
}

/** Takes operations back, the last first. */
export async function undo(operations: readonly GalleryOperation[]): Promise<void> {
  for (const { id, can_undo } of operations.toReversed())
    if (can_undo) await waitForOperation(await call('POST', `v1/gallery/actions/${id}/undo`));
}
