// `/api/poll-task`: a task as it changes, until it has ended; then the stream is over, and a browser that comes back is told so.
import type { FastifyReply } from 'fastify';
import { AppError } from '../kernel/errors.ts';
import { type StreamEvent, serveEventStream } from '../kernel/event-stream.ts';
import type { Tasks } from '../tasks/tasks.ts';
import { isEnded, type OlderTask, toDetails } from './older-tasks.ts';

/** The id of the last event: whoever comes back with it has everything. */
export const DONE_ID = 'done';
const BUSY_RETRY_S = 10;

/** Streams until the task has ended, or the client or the server goes. Throws `rate_limited` over the account's number of streams. */
export async function streamOlderTask(
  { stream, closing }: Pick<Tasks, 'stream' | 'closing'>,
  { accountId, read }: { accountId: string; read: () => Promise<OlderTask> },
  reply: FastifyReply,
): Promise<void> {
  const { openStreams, maxStreams, hub, clock } = stream;
  const open = openStreams.get(accountId) ?? 0;
  if (open >= maxStreams) {
    throw new AppError('rate_limited', {
      detail: `This account has ${open} open streams, as many as it may have.`,
      retryAfterS: BUSY_RETRY_S,
    });
  }
  openStreams.set(accountId, open + 1);
  const over = new AbortController();
  let sent = '';
  let count = 0;
  const next = async (): Promise<StreamEvent[]> => {
    if (sent === DONE_ID) {
      over.abort();
      return [];
    }
    const task = await read();
    const data = toDetails(task);
    const text = JSON.stringify(data);
    const isNew = text !== sent;
    sent = text;
    count += 1;
    const message = { id: String(count), event: 'message', data };
    if (!isEnded(task)) return isNew ? [message] : [];
    sent = DONE_ID;
    return [...(isNew ? [message] : []), { id: DONE_ID, event: 'done', data }];
  };
  try {
    await serveEventStream(reply, clock, {
      startId: '0',
      next,
      onWake: (wake) => hub.subscribe(accountId, wake),
      signal: AbortSignal.any([closing, over.signal]),
    });
  } finally {
    const left = (openStreams.get(accountId) ?? 1) - 1;
    if (left > 0) openStreams.set(accountId, left);
    else openStreams.delete(accountId);
  }
}
