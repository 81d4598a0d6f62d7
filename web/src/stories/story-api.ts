// The calls of the story rooms: stories, their outlines and pages, prices, books to save, and one story followed as it changes.
import { infiniteQueryOptions, type QueryClient, queryOptions, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { z } from 'zod';
import type {
  createStoryBody,
  OutlineBody,
  outlineSchema,
  quoteStoryRoute,
  StoryBody,
  StoryHeadBody,
  StoryPageBody,
  storyIdeasRoute,
} from '../../../src/stories/contract.ts';
import { apiUrl, authorization, call, rejectAnswer } from '../api/client.ts';
import { ApiError, networkProblem } from '../api/problem.ts';
import { fetchStream } from '../live/messages.ts';
import { type LiveState, LiveStream, systemTimers } from '../live/stream.ts';
import { otherServer } from '../settings/api-address.ts';
import { currentText } from '../ui/language.ts';
import { afterEvent, newerOf } from './story-state.ts';

export { firstPageOf, isUnderWay, newerOf, problemOfStep, withPage } from './story-state.ts';

export type Story = StoryBody;
export type StoryHead = StoryHeadBody;
export type StoryPage = StoryPageBody;
export type Outline = OutlineBody;
export type StoryCharacter = Outline['characters'][number];
export type StoryLanguage = Story['language'];
/** One thing that is made: proposals, a page's text, its picture. */
export type StoryStep = Story['outlining'];
export type StoryRequest = z.input<typeof createStoryBody>;
export type StoryQuote = z.output<(typeof quoteStoryRoute)['responses'][200]['schema']>;
export type StoryIdeas = z.output<(typeof storyIdeasRoute)['responses'][200]['schema']>;
/** What may change about how a story goes on. */
export type StoryChange = Partial<
  Pick<StoryRequest, 'style' | 'style_text' | 'model' | 'aspect_ratio' | 'ahead' | 'ahead_budget_credits'>
>;

const PAGE_SIZE = 20;
const IDEAS_FRESH_MS = 60_000;
/** How long a fetched book is there for the browser to write it down. */
const BOOK_KEPT_MS = 60_000;

const pathOf = (id: string, rest = '') => `v1/stories/${encodeURIComponent(id)}${rest}`;
const pagePath = (id: string, pageId: string, rest: string) =>
  pathOf(id, `/pages/${encodeURIComponent(pageId)}${rest}`);

export interface StoryListPage {
  data: readonly StoryHead[];
  next_cursor: string | null;
}

/** All stories, newest first, page by page; `useLiveStories` keeps it current. */
export const storiesQuery = infiniteQueryOptions({
  queryKey: ['stories'],
  queryFn: ({ pageParam, signal }) => {
    const query = new URLSearchParams({
      limit: String(PAGE_SIZE),
      ...(pageParam ? { cursor: pageParam } : {}),
    });
    return call<StoryListPage>('GET', `v1/stories?${query}`, { signal });
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
});

/** Ideas to begin with in a language, and who writes at what price. */
export const ideasQuery = (language: StoryLanguage) =>
  queryOptions({
    queryKey: ['story-ideas', language],
    queryFn: ({ signal }) =>
      call<StoryIdeas>('GET', `v1/story-ideas?${new URLSearchParams({ language })}`, { signal }),
    staleTime: IDEAS_FRESH_MS,
  });

/** One story with the whole tree; `useLiveStory` keeps it current. */
export const storyQuery = (id: string) =>
  queryOptions({
    queryKey: ['story', id],
    queryFn: async ({ client, signal }) => {
      const story = await call<Story>('GET', pathOf(id), { signal });
      return newerOf(client.getQueryData<Story>(['story', id]), story);
    },
  });

/** What the next steps of a story cost, in credits; to be read again when its model or its ahead setting changes. */
export const storyQuoteQuery = (id: string) =>
  queryOptions({
    queryKey: ['story-quote', id],
    queryFn: ({ signal }) => call<StoryQuote>('GET', pathOf(id, '/quote'), { signal }),
  });

/** Begins a story; the same key gives the same story again. */
export function createStory(request: StoryRequest, idempotencyKey: string): Promise<Story> {
  return call<Story>('POST', 'v1/stories', { body: request, idempotencyKey });
}

export function updateStory(id: string, change: StoryChange): Promise<Story> {
  return call<Story>('PATCH', pathOf(id), { body: change });
}

/** Deletes a story for good; its pictures stay in the gallery. */
export function removeStory(id: string): Promise<null> {
  return call<null>('DELETE', pathOf(id));
}

/** Has new proposals written, or those that wait tried at once. */
export function proposeOutlines(
  id: string,
  wanted: { idea?: string; pages?: number; proposals?: number } = {},
): Promise<Story> {
  return call<Story>('POST', pathOf(id, '/outline'), { body: wanted });
}

export function setOutline(
  id: string,
  choice: { proposal: number } | { outline: z.input<typeof outlineSchema> },
): Promise<Story> {
  return call<Story>('PUT', pathOf(id, '/outline'), { body: choice });
}

/** Has the first page written; a story that has begun is answered as it is. */
export function startStory(id: string): Promise<Story> {
  return call<Story>('POST', pathOf(id, '/start'));
}

/** Goes on from a page by one of its choices or in own words; answers which page it leads to. */
export function goOn(
  id: string,
  pageId: string,
  way: { choice: number } | { own: string },
): Promise<{ page_id: string; story: Story }> {
  return call('POST', pagePath(id, pageId, '/choose'), { body: way });
}

/** Makes a page's text, its picture or both again; also tries again what failed, or at once what waits. */
export function regeneratePage(
  id: string,
  pageId: string,
  what: 'text' | 'picture' | 'both',
): Promise<Story> {
  return call<Story>('POST', pagePath(id, pageId, '/regenerate'), { body: { what } });
}

/**
 * Saves a story as a book, the whole tree or the path to one page. Resolves once the browser has it. Throws ApiError. It is fetched
 * and not linked to, since a link carries no key for another server and shows no reason when there is nothing to save.
 */
export async function saveBook(id: string, format: 'pdf' | 'epub', pageId: string | null): Promise<void> {
  const path = pathOf(
    id,
    `/export.${format}${pageId === null ? '' : `?${new URLSearchParams({ page: pageId })}`}`,
  );
  const headers = { 'accept-language': currentText().locale, ...authorization() };
  const credentials = otherServer() ? 'omit' : 'same-origin';
  const response = await fetch(apiUrl(path), { headers, credentials }).catch(() => {
    throw new ApiError(networkProblem());
  });
  if (!response.ok) {
    const body: unknown = await response.json().catch(() => null);
    rejectAnswer(response.status, body, response.headers.get('x-request-id'), path);
  }
  const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get('content-disposition') ?? '')?.[1];
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name === undefined ? `story.${format}` : decodeURIComponent(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), BOOK_KEPT_MS);
}

/** Writes what a call answered, unless something newer is there. */
export function takeStory(client: QueryClient, story: Story): void {
  client.setQueryData(storyQuery(story.id).queryKey, (known) => newerOf(known, story));
  void client.invalidateQueries({ queryKey: storiesQuery.queryKey });
  void client.invalidateQueries({ queryKey: storyQuoteQuery(story.id).queryKey });
  void client.invalidateQueries({ queryKey: ['credits'] });
}

/**
 * Keeps the story of `storyQuery(id)` current for as long as the page is shown and in sight; returns the state of the line and
 * whether the story was deleted meanwhile.
 */
export function useLiveStory(id: string): { state: LiveState; isRemoved: boolean } {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  const [removedId, setRemovedId] = useState<string | null>(null);
  useEffect(() => {
    const key = otherServer()?.key ?? null;
    const source = {
      url: apiUrl(pathOf(id, '/events')),
      access: key === null ? null : { key, ticketUrl: apiUrl('v1/stream-tickets') },
    };
    let isFirst = true;
    const stream = new LiveStream({
      open: (lastEventId, signal) => fetchStream(source, lastEventId, signal),
      onEvent(event) {
        if (event.name === 'story.removed') return setRemovedId(id);
        const wasFirst = isFirst;
        isFirst = false;
        client.setQueryData(storyQuery(id).queryKey, (story) => afterEvent(story, event, wasFirst));
      },
      onState(next) {
        if (next === 'connecting') isFirst = true;
        setState(next);
      },
      timers: systemTimers,
    });
    // A browser has six connections to a server: hidden tabs leave theirs to others.
    const followVisibility = () => (document.hidden ? stream.stop() : stream.start());
    const wake = () => stream.wake();
    followVisibility();
    document.addEventListener('visibilitychange', followVisibility);
    window.addEventListener('online', wake);
    return () => {
      stream.stop();
      document.removeEventListener('visibilitychange', followVisibility);
      window.removeEventListener('online', wake);
    };
  }, [client, id]);
  return { state, isRemoved: removedId === id };
}
