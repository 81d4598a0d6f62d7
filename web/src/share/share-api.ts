// Links as the server keeps them, and the calls that make and revoke them.
import { infiniteQueryOptions, type QueryClient, queryOptions } from '@tanstack/react-query';
import type { z } from 'zod';
import type { RequestBody } from '../../../src/kernel/route.ts';
import type { createShareRoute, shareSchema } from '../../../src/shares/contract.ts';
import { call } from '../api/client.ts';

export type Share = z.output<typeof shareSchema>;
export type ShareRequest = RequestBody<typeof createShareRoute>;

interface SharePage {
  data: readonly Share[];
  next_cursor: string | null;
}

const SHARES_KEY = 'shares';
const PAGE_SIZE = 50;
/** The server's limit for one link. */
export const MAX_SHARE_IMAGES = 50;
/** The server's limit for a title, in characters. */
export const MAX_TITLE_CHARS = 200;
export const MIN_PASSWORD_CHARS = 4;
export const MAX_PASSWORD_CHARS = 200;

/** The links that show one of these pictures, newest first. */
export const sharesOfQuery = (imageIds: readonly string[]) =>
  queryOptions({
    queryKey: [SHARES_KEY, 'of', imageIds.join()],
    queryFn: async ({ signal }) => {
      const query = new URLSearchParams({ image_ids: imageIds.join(), limit: String(PAGE_SIZE) });
      return (await call<SharePage>('GET', `v1/shares?${query}`, { signal })).data;
    },
  });

/** All links of the account, newest first, page by page. */
export const allSharesQuery = infiniteQueryOptions({
  queryKey: [SHARES_KEY, 'all'],
  queryFn: ({ signal, pageParam }) => {
    const query = new URLSearchParams({
      limit: String(PAGE_SIZE),
      ...(pageParam ? { cursor: pageParam } : {}),
    });
    return call<SharePage>('GET', `v1/shares?${query}`, { signal });
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page: SharePage) => page.next_cursor,
});

export async function createShare(client: QueryClient, body: ShareRequest): Promise<Share> {
  const share = await call<Share>('POST', 'v1/shares', { body });
  void client.invalidateQueries({ queryKey: [SHARES_KEY] });
  return share;
}

/** Revokes a link; one that is gone already counts as revoked. */
export async function removeShare(client: QueryClient, id: string): Promise<void> {
  await call<null>('DELETE', `v1/shares/${id}`);
  await client.invalidateQueries({ queryKey: [SHARES_KEY] });
}
