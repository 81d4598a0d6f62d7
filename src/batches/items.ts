// From rows to items: choices expanded, defaults filled in, every field checked as that of a single task. What is wrong is told
// by row and field; nothing is guessed.
import { AppError } from '../kernel/errors.ts';
import {
  type CreateTaskBody,
  createTaskBody,
  MAX_METADATA_CHARS,
  MAX_METADATA_KEYS,
} from '../tasks/contract.ts';
import { MAX_BATCH_ITEMS, type RowError } from './contract.ts';
import type { Source, SourceRow } from './source.ts';
import { expandPrompt } from './templates.ts';

/** A checked item. Its style is named as the source names it: by id, or by a name. */
export interface ItemDraft {
  row: number;
  body: CreateTaskBody;
  extra: Record<string, unknown>;
}

/** Fields of a single task that make no sense for one item of many. */
const NOT_OF_ITEMS = ['priority', 'webhook_url', 'dedupe_window_s', 'budget_credits', 'deadline_s'];
/** Items between which others get their turn. */
const ITEMS_A_TURN = 200;

export interface Drafts {
  items: ItemDraft[];
  errors: RowError[];
}

/** Lets everything else that waits go on. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Throws `validation_failed` when there are no rows, or too many items. */
export async function draftItems(
  source: Source,
  defaults: Readonly<Record<string, unknown>>,
): Promise<Drafts> {
  const drafts: Drafts = { items: [], errors: [] };
  if (source.rows.length === 0 && source.skipped === 0) throw emptyBatch();
  if (source.rows.length > MAX_BATCH_ITEMS) throw tooMany();
  for (const [index, row] of source.rows.entries()) {
    if (index % ITEMS_A_TURN === 0) await yieldTurn();
    if (row.problem !== null) {
      drafts.errors.push({ row: row.row, field: null, detail: row.problem });
      continue;
    }
    for (const prompt of promptsOf(row, source, drafts)) {
      const item = draftItem(row, prompt, defaults);
      if ('errors' in item) drafts.errors.push(...item.errors);
      else drafts.items.push(item);
    }
    if (drafts.items.length > MAX_BATCH_ITEMS) throw tooMany();
  }
  return drafts;
}

function emptyBatch(): AppError {
  const detail = 'The source has no rows.';
  return new AppError('validation_failed', { detail, errors: [{ pointer: '', detail }] });
}

function tooMany(): AppError {
  const detail = `A batch has at most ${MAX_BATCH_ITEMS} items; make several.`;
  return new AppError('validation_failed', { detail, errors: [{ pointer: '', detail }] });
}

function promptsOf({ row, fields }: SourceRow, { templates }: Source, drafts: Drafts): unknown[] {
  const { prompt } = fields;
  if (!templates || typeof prompt !== 'string') return [prompt];
  try {
    return expandPrompt(prompt, MAX_BATCH_ITEMS);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    drafts.errors.push({ row, field: 'prompt', detail: error.message });
    return [];
  }
}

/** A row's own size and ratio count against the defaults': a request has one of them. */
function mergeFields(
  own: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const { size, aspect_ratio: ratio, ...rest } = defaults;
  const hasOwn = own.size !== undefined || own.aspect_ratio !== undefined;
  const shape = hasOwn
    ? {}
    : { ...(size === undefined ? {} : { size }), ...(ratio === undefined ? {} : { aspect_ratio: ratio }) };
  return { ...rest, ...shape, ...own };
}

function draftItem(
  { row, fields, extra }: SourceRow,
  prompt: unknown,
  defaults: Readonly<Record<string, unknown>>,
): ItemDraft | { errors: RowError[] } {
  const own = prompt === undefined ? fields : { ...fields, prompt };
  const merged = mergeFields(own, defaults);
  const refused = NOT_OF_ITEMS.filter((name) => name in merged);
  if (refused.length > 0)
    return { errors: refused.map((field) => ({ row, field, detail: 'is not for an item of a batch' })) };
  const parsed = createTaskBody.safeParse(merged);
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({
      row,
      field: path.length === 0 ? null : path.join('.'),
      detail: message,
    }));
    return { errors };
  }
  const body = parsed.data;
  const sources = [...(body.images ?? []), ...(body.mask ? [body.mask] : [])];
  if (sources.some((source) => 'b64' in source))
    return { errors: [{ row, field: 'images', detail: 'must be uploaded first; name them by upload_id' }] };
  if (body.prompt.trim() === '' && body.mode !== 'upscale')
    return { errors: [{ row, field: 'prompt', detail: 'must not be empty' }] };
  const problem = extraProblem(extra);
  return problem === null ? { row, body, extra } : { errors: [{ row, field: 'metadata', detail: problem }] };
}

function extraProblem(extra: Record<string, unknown>): string | null {
  if (Object.keys(extra).length > MAX_METADATA_KEYS) return `has more than ${MAX_METADATA_KEYS} keys`;
  if (JSON.stringify(extra).length > MAX_METADATA_CHARS)
    return `has more than ${MAX_METADATA_CHARS} characters`;
  return null;
}
