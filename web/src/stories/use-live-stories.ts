// Keeps the list of stories current by the tab's one event stream: what an event carries is written into the list, and the list is
// read again only where events do not say enough.
import { type InfiniteData, type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { listenLive } from '../live/live-events.ts';
import type { ServerEvent } from '../live/sse.ts';
import { type StoryHead, type StoryListPage, storiesQuery } from './story-api.ts';

type List = InfiniteData<StoryListPage, string | null>;

const headsOf = (list: List | undefined) => list?.pages.flatMap(({ data }) => data) ?? [];

function withHeads(list: List, change: (heads: readonly StoryHead[]) => readonly StoryHead[]): List {
  return { ...list, pages: list.pages.map((page) => ({ ...page, data: change(page.data) })) };
}

/** The list after an event of a story; null where it must be read again. */
export function listAfter(list: List, { name, data }: Pick<ServerEvent, 'name' | 'data'>): List | null {
  if (name === 'story.removed') {
    const { id } = JSON.parse(data) as Pick<StoryHead, 'id'>;
    return withHeads(list, (heads) => heads.filter((head) => head.id !== id));
  }
  const told = JSON.parse(data) as StoryHead;
  const heads = headsOf(list);
  if (!heads.some(({ id }) => id === told.id)) {
    // Newest first, by their ids: an older story is on a page that nobody has asked for yet.
    const last = heads.at(-1);
    const isFurtherOn = list.pages.at(-1)?.next_cursor !== null && last !== undefined && told.id < last.id;
    return isFurtherOn ? list : null;
  }
  return withHeads(list, (known) =>
    known.map((head) => (head.id === told.id && head.version <= told.version ? told : head)),
  );
}

function take(client: QueryClient, event: ServerEvent): void {
  const { queryKey } = storiesQuery;
  const list = client.getQueryData<List>(queryKey);
  let next: List | null = list ?? null;
  if (event.name === 'task.finished') {
    // Perhaps the picture of a cover: no event of its story says that it is there.
    if (!headsOf(list).some(({ status, cover }) => status === 'telling' && cover === null)) return;
    next = null;
  } else if (event.name.startsWith('story.')) next = list ? listAfter(list, event) : null;
  else if (event.name === 'reset') next = null;
  else return;
  // An answer that is under way may be older than this event.
  if (next === null || client.isFetching({ queryKey }) > 0) void client.invalidateQueries({ queryKey });
  else client.setQueryData(queryKey, next);
}

/** Follows the stories of the account for as long as the list is shown. */
export function useLiveStories(): void {
  const client = useQueryClient();
  useEffect(() => {
    const readAgain = () => void client.invalidateQueries({ queryKey: storiesQuery.queryKey });
    return listenLive({
      onEvent: (event) => take(client, event),
      onOpened: readAgain,
      onReconnected: readAgain,
    });
  }, [client]);
}
