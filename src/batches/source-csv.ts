// Tables: the separator is found by what the first line has most of, the columns by their headers. A table without any header
// that is known is a list of prompts.
import { CsvError, parse } from 'csv-parse/sync';
import { COLUMN_FIELDS, type ColumnField, cellValue, fieldOfHeader, unescapeCell } from './columns.ts';
import type { SourceRow } from './source.ts';
import { refuseSource } from './source-text.ts';

const SEPARATORS = [',', ';', '\t', '|'] as const;
/** Written with what a spreadsheet in Chinese may use in their place. */
const SEPARATOR_LINE = /^sep=(.)\r?\n/i;
/** One record; a quote that never closes would take the rest of the file. */
const MAX_RECORD_CHARS = 64 * 1024;
/** Further columns that are kept with an item, and how much of each. */
const MAX_EXTRA_COLUMNS = 40;
const MAX_EXTRA_CHARS = 200;
const MAX_EXTRA_NAME_CHARS = 60;

export interface Table {
  separator: string;
  columns: { header: string; field: string | null }[];
  rows: SourceRow[];
}

/** `mapping`: header → field, or null to leave a column out. Throws `validation_failed` for a table that cannot be read. */
export function readTable(
  source: string,
  mapping: Readonly<Record<string, string | null>>,
  mostRows: number,
): Table {
  const named = SEPARATOR_LINE.exec(source);
  const text = named ? source.slice(named[0].length) : source;
  const separator = named?.[1] ?? findSeparator(text);
  const records = readRecords(text, separator, mostRows + 1);
  const first = records.findIndex((cells) => cells.some((cell) => cell.trim() !== ''));
  if (first === -1) throw refuseSource('The table has no rows.');
  const headers = (records[first] ?? []).map((cell) => cell.trim());
  const fields = headers.map((header) =>
    header in mapping ? (mapping[header] ?? null) : fieldOfHeader(header),
  );
  const hasHeader = fields.some((field) => field !== null) || headers.some((header) => header in mapping);
  if (!hasHeader) {
    const columns = headers.map((_, index) => ({
      header: `${index + 1}`,
      field: index === 0 ? 'prompt' : null,
    }));
    return { separator, columns, rows: toRows(records, 0, columns, new Set()) };
  }
  const columns = headers.map((header, index) => ({ header, field: fields[index] ?? null }));
  const unknown = fields.find((field) => field !== null && !COLUMN_FIELDS.includes(field as ColumnField));
  if (unknown) throw refuseSource(`"${unknown}" is no field of an item; see "columns".`);
  if (!fields.includes('prompt') && !fields.includes('images')) {
    const seen = headers.filter((header) => header !== '').join(', ');
    throw refuseSource(`No column holds the prompt. The columns are: ${seen.slice(0, 300)}.`);
  }
  const leftOut = new Set(headers.filter((header) => mapping[header] === null));
  return { separator, columns, rows: toRows(records, first + 1, columns, leftOut) };
}

/** What the first line has most of, outside of quotes. */
function findSeparator(text: string): string {
  const counts = new Map<string, number>();
  let isQuoted = false;
  for (const char of text) {
    if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && char === '\n' && counts.size > 0) break;
    else if (!isQuoted && SEPARATORS.some((one) => one === char))
      counts.set(char, (counts.get(char) ?? 0) + 1);
    else if (!isQuoted && char === '\n') break;
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? ',';
}

function readRecords(text: string, delimiter: string, most: number): string[][] {
  try {
    return parse(text, {
      bom: true,
      delimiter,
      relax_quotes: true,
      relax_column_count: true,
      max_record_size: MAX_RECORD_CHARS,
      to: most,
    }) as string[][];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error.lines === 'number' ? ` near line ${error.lines}` : '';
    throw refuseSource(`The table cannot be read${line}: perhaps a quote is missing.`);
  }
}

function toRows(
  records: readonly string[][],
  first: number,
  columns: Table['columns'],
  leftOut: ReadonlySet<string>,
): SourceRow[] {
  const rows: SourceRow[] = [];
  for (const [index, cells] of records.entries()) {
    if (index < first || cells.every((cell) => cell.trim() === '')) continue;
    const fields: Record<string, unknown> = {};
    const extra: Record<string, string> = {};
    for (const [at, { header, field }] of columns.entries()) {
      const cell = cells[at] ?? '';
      if (field !== null) {
        const value = cellValue(field as ColumnField, cell);
        if (value !== undefined) fields[field] = value;
      } else if (header !== '' && !leftOut.has(header) && Object.keys(extra).length < MAX_EXTRA_COLUMNS) {
        const text = unescapeCell(cell).trim();
        if (text !== '') extra[header.slice(0, MAX_EXTRA_NAME_CHARS)] = text.slice(0, MAX_EXTRA_CHARS);
      }
    }
    // As a spreadsheet counts: from 1, blank rows and the header included.
    rows.push({ row: index + 1, fields, extra, problem: null });
  }
  return rows;
}
