// One story as it changes: the whole story first, then what changed, texts while they are written included. It compares what it
// would show with what it showed, so that nothing depends on which event said it; a returning client begins anew.
import type { FastifyReply } from 'fastify';
import { AppError } from '../kernel/errors.ts';
import { type StreamEvent, serveEventStream } from '../kernel/event-stream.ts';
import type { Access } from '../kernel/route.ts';
import type { StoryBody } from './contract.ts';
import type { Stories } from './stories.ts';
import type { StoryView } from './view.ts';

const RETRY_AFTER_S = 10;

/** Serves until the client or the server goes. Throws `not_found`, and `rate_limited` over the account's number of streams. */
export async function streamStory(
  stories: Stories,
  request: { id: string; access: Access; view: StoryView },
  reply: FastifyReply,
): Promise<void> {
  const { id, access, view } = request;
  const { accountId } = access;
  await stories.get(id, access);
  // One count for all streams of an account.
  const { openStreams, maxStreams } = stories.tasks.stream;
  const open = openStreams.get(accountId) ?? 0;
  if (open >= maxStreams) {
    throw new AppError('rate_limited', {
      detail: `This account has ${open} open streams, as many as it may have.`,
      retryAfterS: RETRY_AFTER_S,
    });
  }
  openStreams.set(accountId, open + 1);
  try {
    await serveEventStream(reply, stories.clock, {
      startId: id,
      next: changesOf(async () => stories.view(view, await stories.get(id, access))),
      onWake(wake) {
        const stops = [stories.hub.subscribe(accountId, wake), stories.watchTexts(id, wake)];
        return () => {
          for (const stop of stops) stop();
        };
      },
      signal: stories.hub.closing,
    });
  } finally {
    const left = (openStreams.get(accountId) ?? 1) - 1;
    if (left > 0) openStreams.set(accountId, left);
    else openStreams.delete(accountId);
  }
}

/** What is new since the last call. */
export function changesOf(read: () => Promise<StoryBody>): () => Promise<StreamEvent[]> {
  let head: string | null = null;
  const shown = new Map<string, string>();
  return async () => {
    const story = await read().catch((error: unknown) => {
      if (error instanceof AppError && error.code === 'not_found') return null;
      throw error;
    });
    if (story === null) {
      const isNews = head !== '';
      head = '';
      return isNews ? [{ event: 'story.removed', data: {} }] : [];
    }
    const { pages, ...rest } = story;
    const changed = pages.filter((page) => {
      const text = JSON.stringify(page);
      const isNew = shown.get(page.id) !== text;
      shown.set(page.id, text);
      return isNew;
    });
    const text = JSON.stringify(rest);
    if (head === null) {
      head = text;
      return [{ event: 'story.updated', data: story }];
    }
    const events: StreamEvent[] = changed.map((page) => ({ event: 'story.page', data: page }));
    if (text !== head) events.unshift({ event: 'story.updated', data: { ...rest, pages: [] } });
    head = text;
    return events;
  };
}
