// Where a batch's items come from, brought into one form: rows with the fields of a task. What a row means is settled in
// items.ts; here it is only read.
import type { CreateBatchBody, SOURCE_KINDS } from './contract.ts';
import { MAX_BATCH_ITEMS } from './contract.ts';
import { readTable } from './source-csv.ts';
import { decodeText, refuseSource } from './source-text.ts';

export type SourceKind = (typeof SOURCE_KINDS)[number];

export interface SourceRow {
  /** As an editor or a spreadsheet counts it, from 1. */
  row: number;
  fields: Record<string, unknown>;
  /** What else the row says: further columns. */
  extra: Record<string, unknown>;
  /** Why it cannot be read at all. */
  problem: string | null;
}

export interface Source {
  kind: SourceKind;
  encoding: string | null;
  separator: string | null;
  columns: { header: string; field: string | null }[];
  rows: SourceRow[];
  /** Rows of a manifest that were done already. */
  skipped: number;
  /** Whether `{a|b}` in prompts stands for its choices. */
  templates: boolean;
}

/** Longer lines are no prompts. */
const MAX_LINE_CHARS = 64 * 1024;
/** What a manifest's line says beside the item itself. */
const MANIFEST_ONLY = ['manifest', 'position', 'row', 'task_id', 'status', 'tries', 'files', 'error', 'cost'];

/** Reads the one source that a body names. Throws `validation_failed` and `payload_too_large`. */
export function readSource(body: CreateBatchBody): Source {
  const { kind, text, encoding } = sourceOf(body);
  const plain = { kind, encoding, separator: null, columns: [], skipped: 0 };
  const templates = (initial: boolean) => body.templates ?? initial;
  switch (kind) {
    case 'matrix':
      return { ...plain, rows: matrixRows(body), templates: templates(true) };
    case 'items':
      return { ...plain, rows: (body.items ?? []).map(objectRow), templates: templates(false) };
    case 'lines':
      return { ...plain, rows: lineRows(text), templates: templates(true) };
    case 'jsonl':
      return { ...plain, ...jsonRows(text, body.include_done), templates: templates(false) };
    case 'csv': {
      const { separator, columns, rows } = readTable(text, body.columns ?? {}, MAX_BATCH_ITEMS + 1);
      return { ...plain, separator, columns, rows, templates: templates(true) };
    }
  }
}

function sourceOf(body: CreateBatchBody): { kind: SourceKind; text: string; encoding: string | null } {
  if (body.items) return { kind: 'items', text: '', encoding: null };
  if (body.matrix) return { kind: 'matrix', text: '', encoding: null };
  for (const kind of ['lines', 'csv', 'jsonl'] as const) {
    const text = body[kind];
    if (text !== undefined) return { kind, text: text.replace(/^\uFEFF/, ''), encoding: null };
  }
  const { name, b64 } = body.file ?? { name: '', b64: '' };
  if (!/^[A-Za-z0-9+/=\s]*$/.test(b64))
    throw refuseSource('The base64 of the file has other characters in it.');
  const { text, encoding } = decodeText(Buffer.from(b64, 'base64'));
  return { kind: kindOf(name, text), text, encoding };
}

/** By the name of the file; without a name that tells, by its first line. */
function kindOf(name: string, text: string): SourceKind {
  if (/\.(?:jsonl|ndjson)$/i.test(name)) return 'jsonl';
  if (/\.(?:csv|tsv)$/i.test(name)) return 'csv';
  if (/\.(?:xlsx?|ods|numbers)$/i.test(name))
    throw refuseSource('A workbook cannot be read. Save the sheet as CSV.');
  if (text.trimStart().startsWith('{"')) return 'jsonl';
  return 'lines';
}

const blank = (): Omit<SourceRow, 'row'> => ({ fields: {}, extra: {}, problem: null });

function lineRows(text: string): SourceRow[] {
  const rows: SourceRow[] = [];
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const prompt = line.trim();
    if (prompt === '') continue;
    rows.push({ ...blank(), row: index + 1, fields: { prompt } });
    if (rows.length > MAX_BATCH_ITEMS) break;
  }
  return rows;
}

function objectRow(value: unknown, index: number): SourceRow {
  const row = index + 1;
  if (typeof value === 'string') return { ...blank(), row, fields: { prompt: value } };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ...blank(), row, problem: 'must be an object with the fields of a task' };
  const { metadata, ...fields } = value as Record<string, unknown>;
  const isPlain = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  if (metadata !== undefined && !isPlain) return { ...blank(), row, problem: 'metadata must be an object' };
  return { row, fields, extra: (metadata ?? {}) as Record<string, unknown>, problem: null };
}

function jsonRows(text: string, includeDone: boolean): Pick<Source, 'rows' | 'skipped'> {
  const rows: SourceRow[] = [];
  let skipped = 0;
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const row = index + 1;
    if (line.trim() === '') continue;
    if (rows.length > MAX_BATCH_ITEMS) break;
    if (line.length > MAX_LINE_CHARS) {
      rows.push({ ...blank(), row, problem: `has more than ${MAX_LINE_CHARS} characters` });
      continue;
    }
    const value = parseLine(line);
    const isManifest = typeof value === 'object' && value !== null && 'manifest' in value;
    if (isManifest && 'status' in value && value.status === 'succeeded' && !includeDone) {
      skipped += 1;
      continue;
    }
    if (value === undefined) rows.push({ ...blank(), row, problem: 'is no JSON' });
    else rows.push({ ...objectRow(isManifest ? withoutResult(value) : value, index), row });
  }
  return { rows, skipped };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return undefined;
  }
}

function withoutResult(line: object): object {
  return Object.fromEntries(Object.entries(line).filter(([name]) => !MANIFEST_ONLY.includes(name)));
}

/** Every prompt with every other value, the last list changing fastest. */
function matrixRows({ matrix }: CreateBatchBody): SourceRow[] {
  if (!matrix) return [];
  const lists: [string, readonly unknown[]][] = [
    ['style', matrix.styles ?? []],
    ['aspect_ratio', matrix.aspect_ratios ?? []],
    ['size', matrix.sizes ?? []],
    ['model', matrix.models ?? []],
    ['seed', matrix.seeds ?? []],
  ];
  const used = lists.filter(([, values]) => values.length > 0);
  const each = used.reduce((product, [, values]) => product * values.length, 1);
  // Counted before anything is made: five lists of a thousand are more than memory holds.
  const prompts = matrix.prompts.slice(0, Math.ceil((MAX_BATCH_ITEMS + 1) / each));
  const rows: SourceRow[] = [];
  for (const [index, prompt] of prompts.entries()) {
    for (const fields of combinations(used, MAX_BATCH_ITEMS + 1 - rows.length))
      rows.push({ ...blank(), row: index + 1, fields: { prompt, ...fields } });
  }
  return rows;
}

function combinations(
  lists: readonly [string, readonly unknown[]][],
  most: number,
): Record<string, unknown>[] {
  let made: Record<string, unknown>[] = [{}];
  for (const [name, values] of lists) {
    const next: Record<string, unknown>[] = [];
    for (const start of made)
      for (const value of values) if (next.length < most) next.push({ ...start, [name]: value });
    made = next;
  }
  return made.slice(0, most);
}
