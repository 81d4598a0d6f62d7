// The tab's title in every room: what is under way, then the room, such as `(3) 42 % · Studio`.
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { tabTitle } from '../studio/model.ts';
import { allTasks, tasksQuery } from '../studio/queries.ts';

/** Keeps the title for as long as the room is shown; `pending` counts requests that the server has not confirmed yet. */
export function useRoomTitle(room: string, pending = 0): void {
  const client = useQueryClient();
  useEffect(() => {
    const write = () => {
      const title = tabTitle(allTasks(client.getQueryData(tasksQuery.queryKey)), pending, room);
      if (document.title !== title) document.title = title;
    };
    write();
    return client.getQueryCache().subscribe(({ query }) => {
      if (query.queryKey[0] === tasksQuery.queryKey[0]) write();
    });
  }, [client, pending, room]);
}
