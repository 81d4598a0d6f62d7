// Schemas that every contract needs, so that ids, times and pages look the same on the whole API.
import { z } from 'zod';
import { type IdPrefix, isId } from './id.ts';

/** A moment as RFC 3339 text. */
export const time = z.string().meta({ format: 'date-time' });

/** An id of ours, such as `acct_…`. */
export const idOf = (prefix: string) =>
  z.string().regex(new RegExp(`^${prefix}_[0-9a-f]{32}$`), `must be an id that starts with "${prefix}_"`);

/** The parameter of a path with `:id`; what is no id is not found. */
export const idParams = z.object({ id: z.string() });

/** How many entries a page has: `usual` unless asked for, at most `most`. */
export const pageLimit = (usual: number, most: number) =>
  z.coerce.number().int().min(1).max(most).default(usual);

export const PAGE_BEFORE = '`next_cursor` of the page before';

/** The cursor of a list in the order of its ids. What is none is refused: a damaged cursor would look like the end of the list. */
export const cursorOf = (prefix: IdPrefix) =>
  z
    .string()
    .refine((text) => isId(prefix, text), 'This is not a cursor that a list gave.')
    .optional()
    .describe(PAGE_BEFORE);

/** One page of a list; `next_cursor` is null on the last. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item), next_cursor: z.string().nullable() });
