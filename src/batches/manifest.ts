// What a batch came to, item by item: as JSON lines that make a new batch of what is not done, and as a table for spreadsheets
// in which no cell can be taken for a formula.
import { bodyOfTask, decodeError, statusOf, type TaskParams, type TaskRow } from '../tasks/tasks.ts';

const MICROS_PER_CREDIT = 1_000_000;
/** Excel takes UTF-8 for the machine's own encoding without it. */
const BOM = '\uFEFF';
const COLUMNS = [
  'n',
  'row',
  'status',
  'prompt',
  'model',
  'size',
  'seed',
  'style',
  'files',
  'error',
  'credits',
  'task_id',
] as const;

/** An item with the names of its files. */
export interface Result {
  task: TaskRow;
  files: readonly string[];
}

const creditsOf = (task: TaskRow) => task.captured_micros / MICROS_PER_CREDIT;
const detailOf = (task: TaskRow) => (task.error === null ? null : decodeError(task.error));

/** One line of `manifest.jsonl`, with its line end. */
export function manifestLine({ task, files }: Result): string {
  const { body } = bodyOfTask(task);
  const { priority: _priority, dedupe_window_s: _window, metadata, webhook_url: _url, ...request } = body;
  const { batch } = JSON.parse(task.params) as TaskParams;
  const error = detailOf(task);
  return `${JSON.stringify({
    manifest: 1,
    position: task.batch_position,
    row: batch?.row ?? null,
    status: statusOf(task),
    files,
    ...(error === null ? {} : { error: { code: error.code, detail: error.detail } }),
    cost: creditsOf(task),
    task_id: task.id,
    tries: batch?.tries ?? 1,
    ...request,
    ...(metadata && Object.keys(metadata).length > 0 ? { metadata } : {}),
  })}\n`;
}

/** A cell that a spreadsheet shows as it is: what would begin a formula gets an apostrophe, what would end a cell quotes. */
export function csvCell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const text = value.replaceAll(/\r\n?/g, '\n');
  const harmless = /^[\s]*[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",;\n\t]|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

const line = (cells: readonly (string | number | null | undefined)[]) =>
  `${cells.map(csvCell).join(',')}\r\n`;

export function csvHeader(extra: readonly string[]): string {
  return BOM + line([...COLUMNS, ...extra]);
}

export function csvLine({ task, files }: Result, extra: readonly string[]): string {
  const params = JSON.parse(task.params) as TaskParams;
  const fields = JSON.parse(task.metadata) as Record<string, unknown>;
  return line([
    (task.batch_position ?? 0) + 1,
    params.batch?.row,
    statusOf(task),
    task.prompt,
    task.model,
    `${params.width}x${params.height}`,
    params.seed,
    params.style?.names.en,
    files.join(' | '),
    detailOf(task)?.detail,
    creditsOf(task),
    task.id,
    ...extra.map((name) => shown(fields[name])),
  ]);
}

function shown(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
