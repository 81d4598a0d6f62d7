// What the large view asks the server: one picture with everything that is known about it, and the way back for damaged files.
import { type QueryClient, queryOptions } from '@tanstack/react-query';
import { call } from '../api/client.ts';
import type { ImageDetail } from '../api/resources.ts';

const IMAGE_FRESH_MS = 30_000;

export const imageQuery = (id: string) =>
  queryOptions({
    queryKey: ['image', id],
    queryFn: ({ signal }) => call<ImageDetail>('GET', `v1/images/${id}`, { signal }),
    staleTime: IMAGE_FRESH_MS,
  });

export function markFavourite(id: string, favourite: boolean): Promise<unknown> {
  return call('PATCH', `v1/images/${id}`, { body: { favourite } });
}

/** Shows the mark at once, and turns it back when the server refuses. */
export async function toggleFavourite(client: QueryClient, id: string, favourite: boolean): Promise<void> {
  const { queryKey } = imageQuery(id);
  const mark = (to: boolean) =>
    client.setQueryData(queryKey, (known) => (known ? { ...known, favourite: to } : known));
  mark(favourite);
  try {
    await markFavourite(id, favourite);
  } catch (error) {
    mark(!favourite);
    throw error;
  }
}

export function repairImage(id: string): Promise<{ outcome: 'whole' | 'repaired' | 'damaged' }> {
  return call('POST', `v1/images/${id}/repair`);
}
