// The Studio's server state: models, styles, prices, and the task list that the live stream writes into by version.
import {
  type InfiniteData,
  infiniteQueryOptions,
  keepPreviousData,
  type QueryClient,
  queryOptions,
} from '@tanstack/react-query';
import { call } from '../api/client.ts';
import type {
  Image,
  Model,
  Quote,
  StyleCategory,
  Task,
  TaskImage,
  TaskPage,
  TaskRequest,
} from '../api/resources.ts';

import { randomUuid } from '../ui/random-id.ts';
import { keepNewer, mergeTask, patchImage } from './model.ts';

const PAGE_SIZE = 20;
const MODELS_FRESH_MS = 60_000;
const STYLES_FRESH_MS = 5 * 60_000;
const QUOTE_FRESH_MS = 20_000;
const TASKS_KEY = ['tasks'];

type LoadedTasks = InfiniteData<TaskPage, string | null>;

export const modelsQuery = queryOptions({
  queryKey: ['models'],
  queryFn: async ({ signal }) => (await call<{ data: Model[] }>('GET', 'v1/models', { signal })).data,
  staleTime: MODELS_FRESH_MS,
  refetchInterval: MODELS_FRESH_MS,
});

/** The styles on offer, by category; their names are in the page's language. */
export const stylesQuery = (language: string) =>
  queryOptions({
    queryKey: ['styles', language],
    queryFn: async ({ signal }) =>
      (await call<{ categories: StyleCategory[] }>('GET', 'v1/styles', { signal })).categories,
    staleTime: STYLES_FRESH_MS,
    // Without styles the form works as well.
    retry: false,
  });

/** The members of a request that its price and its time depend on. */
export type PricedRequest = Pick<TaskRequest, 'model' | 'mode' | 'n' | 'aspect_ratio' | 'images' | 'style'>;

/** What a request would cost and when it would be ready; null for a form that cannot be sent yet. */
export const quoteQuery = (request: PricedRequest | null) =>
  queryOptions({
    queryKey: ['quote', request],
    // The price never depends on the words, so that typing asks for nothing.
    queryFn: ({ signal }) =>
      call<Quote>('POST', 'v1/tasks/quote', { body: { ...request, prompt: '.' }, signal }),
    enabled: request !== null,
    staleTime: QUOTE_FRESH_MS,
    refetchInterval: QUOTE_FRESH_MS,
    placeholderData: keepPreviousData,
    retry: false,
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

/** Makes an HD variant of a picture, as a task of its own that the picture's card shows. */
export function upscaleImage(client: QueryClient, imageId: string): Promise<void> {
  const answer = call<Task>('POST', `v1/images/${imageId}/upscale`, {
    body: { scale: 2 },
    idempotencyKey: randomUuid(),
  });
  return writeAnswer(client, answer);
}

function markTrashed(client: QueryClient, imageId: string, trashed: boolean): void {
  const change: Partial<TaskImage> = { trashed };
  client.setQueryData<LoadedTasks>(TASKS_KEY, (loaded) => loaded && patchImage(loaded, imageId, change));
}

/** Moves a picture to the trash, or back; shown at once, and turned back when the server refuses. */
export async function trashImage(client: QueryClient, imageId: string, trashed: boolean): Promise<void> {
  markTrashed(client, imageId, trashed);
  try {
    if (trashed) await call<Image>('DELETE', `v1/images/${imageId}`);
    else await call<Image>('POST', `v1/images/${imageId}/restore`);
    // Its address changes when it comes back.
    if (!trashed) await client.invalidateQueries({ queryKey: TASKS_KEY });
  } catch (error) {
    markTrashed(client, imageId, !trashed);
    throw error;
  }
}

export function readImage(imageId: string): Promise<Image> {
  return call<Image>('GET', `v1/images/${imageId}`);
}

export function readTask(taskId: string): Promise<Task> {
  return call<Task>('GET', `v1/tasks/${taskId}`);
}

/** Runs the same request as a new task. */
export function retryTask(client: QueryClient, id: string): Promise<void> {
  return writeAnswer(client, call<Task>('POST', `v1/tasks/${id}/retry`, { idempotencyKey: randomUuid() }));
}
