// A batch on the wire: where its items may come from, what a check of them says, and how a batch and its items are answered.
import { z } from 'zod';
import { FIELD_REASONS } from '../kernel/field-reasons.ts';
import { taskImageSchema } from '../media/contract.ts';
import {
  MAX_PROMPT_CHARS,
  remarkSchema,
  taskErrorSchema,
  taskStatusSchema,
  timestampSchema,
} from '../tasks/contract.ts';

/** Items of one batch; an account may have ten such batches open at a time, see `tasks.max_queued_batch_items`. */
export const MAX_BATCH_ITEMS = 10_000;
/** A source: ten thousand rows of four hundred characters are 4 MB. */
export const MAX_SOURCE_BYTES = 16 * 1024 * 1024;
/** The source as base64 inside JSON, which is a third larger. */
export const MAX_BATCH_BODY_BYTES = 24 * 1024 * 1024;
export const MAX_MATRIX_VALUES = 1_000;
export const MAX_NAME_CHARS = 200;
export const MAX_PATTERN_CHARS = 200;
/** Wrong rows that an answer names; all are counted. */
export const MAX_SHOWN_ERRORS = 200;
export const SAMPLE_ITEMS = 20;

export const BATCH_STATUSES = ['running', 'paused', 'cancelling', 'finished'] as const;
export const SOURCE_KINDS = ['items', 'lines', 'csv', 'jsonl', 'matrix'] as const;

export const text = (maxChars: number) => z.string().max(maxChars);
export const id = z.string().min(1).max(60);
const sourceText = z.string().max(MAX_SOURCE_BYTES);

const matrixSchema = z
  .strictObject({
    prompts: z.array(text(MAX_PROMPT_CHARS)).min(1).max(MAX_BATCH_ITEMS),
    styles: z.array(text(100)).max(MAX_MATRIX_VALUES).optional(),
    aspect_ratios: z.array(text(20)).max(MAX_MATRIX_VALUES).optional(),
    sizes: z.array(text(20)).max(MAX_MATRIX_VALUES).optional(),
    models: z.array(text(100)).max(MAX_MATRIX_VALUES).optional(),
    seeds: z.array(z.int().min(0)).max(MAX_MATRIX_VALUES).optional(),
  })
  .meta({ id: 'BatchMatrix', description: 'Every prompt with every style, ratio, size, model and seed.' });

const fileSchema = z
  .strictObject({
    name: text(300).default(''),
    b64: z
      .string()
      .min(1)
      .max(Math.ceil((MAX_SOURCE_BYTES * 4) / 3) + 4),
  })
  .meta({
    id: 'BatchFile',
    description:
      'A file as it lies on disk, base64: UTF-8, UTF-16 or GB18030; CSV, TSV, JSONL (a manifest too) or plain lines.',
  });

export const createBatchBody = z
  .strictObject({
    name: text(MAX_NAME_CHARS).optional(),
    items: z
      .array(z.unknown())
      .min(1)
      .max(MAX_BATCH_ITEMS)
      .optional()
      .describe('What `POST /v1/tasks` takes, each; pictures by `upload_id`, `image_id` or `url`.'),
    lines: sourceText.optional().describe('One prompt a line.'),
    csv: sourceText.optional().describe('With a header (English or Chinese names), or prompts alone.'),
    jsonl: sourceText.optional().describe('One item a line, or the `manifest.jsonl` of a batch.'),
    file: fileSchema.optional(),
    matrix: matrixSchema.optional(),
    defaults: z
      .record(z.string().max(40), z.unknown())
      .optional()
      .describe('Fields of an item for those that do not say otherwise.'),
    columns: z
      .record(z.string().max(200), z.string().max(40).nullable())
      .optional()
      .describe('For CSV: header → field, where the header is not understood; null leaves a column out.'),
    templates: z
      .boolean()
      .optional()
      .describe(
        'Whether `{a|b}` in a prompt makes an item of each choice. Without it: yes for lines, CSV and matrix.',
      ),
    include_done: z
      .boolean()
      .default(false)
      .describe('Makes again what a manifest says is done; without it, that is skipped.'),
    dry_run: z.boolean().default(false).describe('Checks every row and counts the price; makes nothing.'),
    budget_credits: z.number().min(0).optional().describe('Refuses a batch that would cost more.'),
    paused: z.boolean().default(false).describe('Made, but not begun until it is resumed.'),
    file_pattern: text(MAX_PATTERN_CHARS)
      .optional()
      .describe(
        'Names in the ZIP: `{n}` place, `{k}` picture, `{prompt}`, `{model}`, `{seed}`, `{id}`, or a column of the CSV.',
      ),
    webhook_url: z
      .url({ protocol: /^https?$/ })
      .max(2000)
      .optional()
      .describe('Told once when the batch is finished.'),
  })
  .refine(
    (body) =>
      ['items', 'lines', 'csv', 'jsonl', 'file', 'matrix'].filter((name) => name in body).length === 1,
    { message: 'give exactly one of items, lines, csv, jsonl, file and matrix', path: [] },
  )
  .meta({ id: 'CreateBatch' });

export type CreateBatchBody = z.output<typeof createBatchBody>;

const count = z.int();

export const batchCountsSchema = z
  .object({
    total: count,
    queued: count.describe('Waiting, paused ones included.'),
    running: count,
    succeeded: count,
    failed: count,
    cancelled: count,
  })
  .meta({ id: 'BatchCounts' });

export const batchSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z
      .enum(BATCH_STATUSES)
      .describe(
        '`paused`: what runs comes to its end, nothing new begins. `finished`: every item has ended.',
      ),
    source: z.enum(SOURCE_KINDS),
    counts: batchCountsSchema,
    pictures: count.describe('Asked for, over all items.'),
    skipped: count.describe('Rows of a manifest that were done already.'),
    cost: z
      .object({ held: z.number(), captured: z.number(), released: z.number() })
      .describe('Credits, over all tries.'),
    eta_s: z.number().nullable().describe('Until the last item ends; null when unknown, paused or over.'),
    budget_credits: z.number().nullable(),
    file_pattern: z.string(),
    version: count.describe('Rises with every action on the batch.'),
    created_at: timestampSchema,
    finished_at: timestampSchema.nullable(),
    urls: z.object({
      get: z.string(),
      items: z.string(),
      cells: z.string(),
      archive: z.string(),
      manifest: z.string(),
      csv: z.string(),
      web: z.string(),
    }),
  })
  .meta({ id: 'Batch' });

export type BatchBody = z.output<typeof batchSchema>;

export const rowErrorSchema = z
  .object({
    row: count.describe(
      'Counted as an editor or a spreadsheet does: from 1, the header and blank lines included.',
    ),
    field: z.string().nullable(),
    detail: z.string().describe('In English.'),
    code: z
      .enum(FIELD_REASONS)
      .describe('What `detail` says, for programs; `other` where only `detail` says it.'),
    params: z.record(z.string(), z.string()).describe('The values in `detail`, by name.'),
  })
  .meta({ id: 'BatchRowError' });

export type ShownRowError = z.output<typeof rowErrorSchema>;
/** What is wrong with a row, as it was found. */
export type RowError = Pick<ShownRowError, 'row' | 'field' | 'detail'>;

export const batchCheckSchema = z
  .object({
    dry_run: z.literal(true),
    valid: z.boolean().describe('Whether the same call without `dry_run` would make the batch now.'),
    source: z.object({
      kind: z.enum(SOURCE_KINDS),
      encoding: z.string().nullable().describe('Of a file.'),
      separator: z.string().nullable().describe('Of a CSV.'),
      columns: z
        .array(z.object({ header: z.string(), field: z.string().nullable() }))
        .describe('How the columns of a CSV are read; null: kept with the item, for names of files.'),
    }),
    rows: count.describe('Read from the source.'),
    items: count.describe('They make; a row with `{a|b}` makes several.'),
    pictures: count,
    skipped: count,
    error_count: count,
    errors: z.array(rowErrorSchema).describe(`The first ${MAX_SHOWN_ERRORS}.`),
    problems: z
      .array(z.object({ code: z.string(), title: z.string(), detail: z.string(), fix: z.string() }))
      .describe(
        'What is wrong with the batch as a whole: too few credits, a spending limit, over budget, too many items.',
      ),
    cost_credits: z.number(),
    available_credits: z.number(),
    spendable_credits: z
      .number()
      .nullable()
      .describe('What the limits of a day and a month leave for now; null: the account has none.'),
    eta_s: z.number().nullable().describe('Null where nothing was made in the last hour.'),
    by_model: z.array(
      z.object({
        model: z.string(),
        provider: z.string(),
        items: count,
        pictures: count,
        cost_credits: z.number(),
      }),
    ),
    sample: z
      .array(
        z.object({
          row: count,
          prompt: z.string(),
          model: z.string(),
          size: z.string(),
          style: z.string().nullable(),
          n: count,
        }),
      )
      .describe(`The first ${SAMPLE_ITEMS} items as they would be made.`),
  })
  .meta({ id: 'BatchCheck' });

export type BatchCheckBody = z.output<typeof batchCheckSchema>;

export const batchItemSchema = z
  .object({
    position: count.describe('From 0.'),
    row: count.nullable().describe('Of the source.'),
    task_id: z.string().describe('Of its newest try.'),
    tries: count,
    status: taskStatusSchema,
    progress: z.number().nullable(),
    waiting_reason: z.string().nullable(),
    waiting: remarkSchema.nullable().describe('`waiting_reason` for programs and other languages.'),
    prompt: z.string(),
    model: z.string(),
    provider: z.string(),
    size: z.string(),
    seed: z.int(),
    style: z.object({ id: z.string(), name: z.string() }).nullable(),
    n: count,
    images: z.array(taskImageSchema),
    error: taskErrorSchema.nullable(),
    cost: z.object({ held: z.number(), captured: z.number() }),
    fields: z.record(z.string(), z.unknown()).describe('Further columns of its row.'),
    version: count,
    finished_at: timestampSchema.nullable(),
  })
  .meta({ id: 'BatchItem' });

export type BatchItemBody = z.output<typeof batchItemSchema>;

export const batchCellsSchema = z
  .object({
    version: z.string().describe('Give it as `since` for the changes alone.'),
    total: count,
    states: z
      .string()
      .nullable()
      .describe('A letter an item, in order: q(ueued) r(unning) s(ucceeded) f(ailed) c(ancelled); or null.'),
    changes: z
      .array(z.tuple([count, z.string()]))
      .nullable()
      .describe('Position and new letter, since the version that was named; or null.'),
    counts: batchCountsSchema,
    status: z.enum(BATCH_STATUSES),
  })
  .meta({ id: 'BatchCells' });

export type BatchCellsBody = z.output<typeof batchCellsSchema>;
