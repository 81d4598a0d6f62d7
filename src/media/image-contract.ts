// A picture as answers show it: the schemas that the contracts of pictures, tasks and the gallery share.
import { z } from 'zod';

const timestamp = z.iso.datetime().describe('RFC 3339, UTC, milliseconds');

/** A picture as it appears inside its task. */
export const taskImageSchema = z.object({
  id: z.string(),
  kind: z.enum(['final', 'hd']),
  url: z.url(),
  thumb_url: z.url(),
  download_url: z.url(),
  width: z.int(),
  height: z.int(),
  mime: z.string(),
  bytes: z.int(),
  seed: z.number().nullable(),
  thumbhash: z.string().nullable(),
  extra: z.boolean().describe('Delivered beyond the `n` asked for: kept, not charged'),
  late: z
    .boolean()
    .describe('It came after its task had ended without it and the credits were returned: kept, not charged'),
  trashed: z.boolean(),
});

export const imageSchema = taskImageSchema.omit({ trashed: true }).extend({
  task_id: z.string().nullable(),
  position: z.int(),
  sha256: z.string(),
  mode: z.string(),
  model: z.string(),
  provider: z.string(),
  prompt: z.string(),
  style: z
    .object({ id: z.string(), names: z.object({ en: z.string(), zh: z.string() }) })
    .nullable()
    .describe('The style that it was made with'),
  favourite: z.boolean(),
  tags: z.array(z.string()),
  parent_id: z.string().nullable().describe('The picture this one was made larger from'),
  method: z
    .enum(['provider', 'resize'])
    .nullable()
    .describe('How an HD picture was made: by a model, or by plain enlargement, which adds no detail'),
  created_at: timestamp,
  trashed_at: timestamp.nullable(),
  version: z.int(),
});
