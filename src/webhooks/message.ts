// The body of a message: `{type, timestamp, data}` with the task as the API shows it, below 20 KB as the standard asks. What
// had to go to make it fit is named in `left_out`; the whole task is at `data.urls.get`.
import type { BatchBody } from '../batches/contract.ts';
import { toTimestamp } from '../kernel/clock.ts';
import type { StoryNewsBody } from '../stories/contract.ts';
import type { TaskBody } from '../tasks/contract.ts';

export const MAX_MESSAGE_BYTES = 20_000;
const SHORT_TEXT_CHARS = 500;
/** With addresses that carry a signature, so many pictures fit in any case. */
const FEW_IMAGES = 4;

interface Reduction {
  name: string;
  apply(task: TaskBody): TaskBody;
}

const short = (text: string) =>
  text.length > SHORT_TEXT_CHARS ? `${text.slice(0, SHORT_TEXT_CHARS)}…` : text;

/** In the order of what a receiver misses least. */
const REDUCTIONS: readonly Reduction[] = [
  { name: 'attempts', apply: (task) => ({ ...task, attempts: [] }) },
  { name: 'final_prompt', apply: (task) => ({ ...task, final_prompt: short(task.final_prompt) }) },
  {
    name: 'final_negative_prompt',
    apply: (task) => ({
      ...task,
      final_negative_prompt: task.final_negative_prompt === null ? null : short(task.final_negative_prompt),
    }),
  },
  {
    name: 'params.negative_prompt',
    apply: (task) => ({
      ...task,
      params: {
        ...task.params,
        negative_prompt: task.params.negative_prompt === null ? null : short(task.params.negative_prompt),
      },
    }),
  },
  { name: 'prompt', apply: (task) => ({ ...task, prompt: short(task.prompt) }) },
  {
    name: 'params.images',
    apply: (task) => ({ ...task, params: { ...task.params, images: [] } }),
  },
  { name: 'metadata', apply: (task) => ({ ...task, metadata: {} }) },
  { name: 'images', apply: (task) => ({ ...task, images: task.images.slice(0, FEW_IMAGES) }) },
];

/** The exact text that is signed and sent; `occurredAt` in epoch milliseconds. */
export function taskMessage(type: string, occurredAt: number, task: TaskBody): string {
  const timestamp = toTimestamp(occurredAt);
  const leftOut: string[] = [];
  let data = task;
  let body = JSON.stringify({ type, timestamp, data });
  for (const { name, apply } of REDUCTIONS) {
    if (Buffer.byteLength(body) < MAX_MESSAGE_BYTES) return body;
    const reduced = apply(data);
    if (JSON.stringify(reduced) === JSON.stringify(data)) continue;
    data = reduced;
    leftOut.push(name);
    body = JSON.stringify({ type, timestamp, data, left_out: leftOut });
  }
  if (Buffer.byteLength(body) < MAX_MESSAGE_BYTES) return body;
  const { id, status, version, urls } = task;
  return JSON.stringify({ type, timestamp, data: { id, status, version, urls }, left_out: ['*'] });
}

/** The end of a batch: it has no text that could be too long. */
export function batchMessage(type: string, occurredAt: number, batch: BatchBody): string {
  return JSON.stringify({ type, timestamp: toTimestamp(occurredAt), data: batch });
}

/** A story with the page that it is about; a text that is too long for a message is cut. */
export function storyMessage(type: string, occurredAt: number, story: StoryNewsBody): string {
  const timestamp = toTimestamp(occurredAt);
  const body = JSON.stringify({ type, timestamp, data: story });
  if (Buffer.byteLength(body) < MAX_MESSAGE_BYTES || story.page === null) return body;
  const page = { ...story.page, text: short(story.page.text) };
  return JSON.stringify({ type, timestamp, data: { ...story, page }, left_out: ['page.text'] });
}

/** What `POST …/test` sends: enough to see that address, signature and headers work. */
export function testMessage(type: string, occurredAt: number, webhookId: string): string {
  return JSON.stringify({
    type,
    timestamp: toTimestamp(occurredAt),
    data: { webhook_id: webhookId, message: 'This is a test: nothing has happened.' },
  });
}
