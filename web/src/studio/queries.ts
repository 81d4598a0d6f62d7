// The Studio's server state: models, and the task list that the live stream writes into by version.
import {
  type InfiniteData,
  infiniteQueryOptions,
  type QueryClient,
  queryOptions,
} from '@tanstack/react-query';
import { call } from '../api/client.ts';
import type { Model, Task, TaskPage, TaskRequest } from '../api/resources.ts';
import { randomUuid } from '../ui/random-id.ts';
import { keepNewer, mergeTask } from './model.ts';

const PAGE_SIZE = 20;
const MODELS_FRESH_MS = 60_000;
const TASKS_KEY = ['tasks'];

type LoadedTasks = InfiniteData<TaskPage, string | null>;

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: async ({ signal }) => (await call<{ data: Model[] }>('GET', 'v1/models', { signal })).data,
  staleTime: MODELS_FRESH_MS,
  refetchInterval: MODELS_FRESH_MS,
});

/** All loaded tasks, newest first. */
export function allTasks(loaded: { pages: readonly TaskPage[] } | undefined): Task[] {
  return loaded?.pages.flatMap((page) => page.data) ?? [];
}

export const tasksQuery = infiniteQueryOptions({
  queryKey: TASKS_KEY,
  queryFn: async ({ client, pageParam, signal }): Promise<TaskPage> => {
    const query = new URLSearchParams({
      limit: String(PAGE_SIZE),
      ...(pageParam ? { cursor: pageParam } : {}),
    });
    const page = await call<TaskPage>('GET', `v1/tasks?${query}`, { signal });
    const known = new Map(
      allTasks(client.getQueryData<LoadedTasks>(TASKS_KEY)).map((task) => [task.id, task]),
    );
    return { ...page, data: page.data.map((task) => keepNewer(task, known.get(task.id))) };
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
  staleTime: Number.POSITIVE_INFINITY,
});

/** Puts a task into the list unless a newer version is there; returns the version that was there before. */
export function writeTask(client: QueryClient, task: Task): Task | undefined {
  const before = allTasks(client.getQueryData<LoadedTasks>(TASKS_KEY)).find((known) => known.id === task.id);
  client.setQueryData<LoadedTasks>(TASKS_KEY, (loaded) => (loaded ? mergeTask(loaded, task) : loaded));
  return before;
}

/** Reads list and balance again, after a gap in the stream. */
export async function reconcile(client: QueryClient): Promise<void> {
  await Promise.all([
    client.invalidateQueries({ queryKey: TASKS_KEY }),
    client.invalidateQueries({ queryKey: ['credits'] }),
  ]);
}

async function writeAnswer(client: QueryClient, answer: Promise<Task>): Promise<void> {
  const task = await answer;
  // A list that is still loading would not take the task; its own answer may be older than it.
  if (client.getQueryData(TASKS_KEY) === undefined) await client.invalidateQueries({ queryKey: TASKS_KEY });
  writeTask(client, task);
  void client.invalidateQueries({ queryKey: ['credits'] });
}

export function createTask(client: QueryClient, request: TaskRequest, idempotencyKey: string): Promise<void> {
  return writeAnswer(client, call<Task>('POST', 'v1/tasks', { body: request, idempotencyKey }));
}

export function cancelTask(client: QueryClient, id: string): Promise<void> {
  return writeAnswer(client, call<Task>('POST', `v1/tasks/${id}/cancel`));
}

/** Runs the same request as a new task. */
export function retryTask(client: QueryClient, id: string): Promise<void> {
  return writeAnswer(client, call<Task>('POST', `v1/tasks/${id}/retry`, { idempotencyKey: randomUuid() }));
}
