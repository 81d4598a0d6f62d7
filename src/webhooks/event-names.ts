// What can be subscribed to, and under which name a receiver is told of it.

export const EVENT_NAMES = [
  '*',
  'task.finished',
  'task.succeeded',
  'task.failed',
  'task.cancelled',
  'batch.finished',
  'story.page_ready',
  'story.failed',
] as const;
export type EventName = (typeof EVENT_NAMES)[number];

/** What `POST …/test` sends; it cannot be subscribed to. */
export const TEST_EVENT = 'webhook.test';
/** A batch of which nothing is open any more. */
export const BATCH_FINISHED = 'batch.finished';
/** The text of a page that its reader opened is there; and: a step that somebody waited for has failed for good. */
export const STORY_EVENTS: readonly string[] = ['story.page_ready', 'story.failed'];
/** Further kinds of things to be told of get their names here; a receiver ignores what it does not know. */
const FINISHED = 'task.finished';

export type FinalStatus = 'succeeded' | 'failed' | 'cancelled';

/**
 * The message's type for a task that ended, or null where the endpoint did not ask for it. Whoever asked for
 * `task.finished` alone gets that name; everybody else gets the name that says how it ended.
 */
export function messageType(subscribed: readonly string[], status: FinalStatus): string | null {
  const exact = `task.${status}`;
  if (subscribed.includes('*') || subscribed.includes(exact)) return exact;
  return subscribed.includes(FINISHED) ? FINISHED : null;
}
