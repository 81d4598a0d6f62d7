// Writes the live stream into the task list, announces state changes, and reads everything again after a gap.
import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { Task } from '../api/resources.ts';
import { keepLive, listenLive } from '../live/live-events.ts';
import { useLiveStatus } from '../live/live-status.ts';
import type { ServerEvent } from '../live/sse.ts';
import { announce } from '../ui/announce.tsx';
import { currentText } from '../ui/language.ts';
import { isActive } from './model.ts';
import { allTasks, reconcile, tasksQuery, writeTask } from './queries.ts';

/** How often active tasks are asked for while there is no stream. */
const POLL_MS = 3_000;
const ANNOUNCED_PROMPT_CHARS = 60;

function takeTask(client: QueryClient, event: ServerEvent): void {
  let task: Task;
  try {
    task = JSON.parse(event.data) as Task;
  } catch {
    return;
  }
  if (typeof task?.id !== 'string' || typeof task.version !== 'number') return;
  const before = writeTask(client, task);
  if (before && before.version >= task.version) return;
  if (before?.status !== task.status) {
    const prompt = task.prompt.slice(0, ANNOUNCED_PROMPT_CHARS);
    announce(currentText().t(`announce.${task.status}`, { prompt }));
    if (!isActive(task)) void client.invalidateQueries({ queryKey: ['credits'] });
  }
}

/** Follows the account's tasks in every room, for as long as the shell is shown. */
export function useLiveTasks(): void {
  const client = useQueryClient();
  useEffect(() => {
    const stopListening = listenLive({
      onEvent(event) {
        if (event.name === 'reset') void reconcile(client);
        else if (event.name.startsWith('task.')) takeTask(client, event);
      },
      onOpened: () => void client.invalidateQueries({ queryKey: tasksQuery.queryKey }),
      onReconnected: () => void reconcile(client).then(() => announce(currentText().t('live.back'))),
    });
    const close = keepLive();
    return () => {
      stopListening();
      close();
    };
  }, [client]);

  const { state } = useLiveStatus();
  useEffect(() => {
    if (state === 'open' || state === 'signed-out') return;
    const timer = setInterval(() => {
      const tasks = allTasks(client.getQueryData(tasksQuery.queryKey));
      if (!document.hidden && tasks.some(isActive))
        void client.invalidateQueries({ queryKey: tasksQuery.queryKey });
    }, POLL_MS);
    return () => clearInterval(timer);
  }, [client, state]);
}
