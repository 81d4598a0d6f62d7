// Tables: the separator is found by what the first line has most of, the columns by their headers. A single column without a
// header that is known is a list of prompts. No cell is dropped without a word: it might be half of a prompt.
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
/** Of the headers, in a message. */
const MAX_SHOWN_CHARS = 300;

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
  if (!hasHeader && headers.length === 1) {
    const columns = [{ header: '1', field: 'prompt' }];
    return {
      separator,
      columns,
      rows: toRows(records, { first: 0, separator, columns, leftOut: new Set() }),
    };
  }
  const columns = headers.map((header, index) => ({ header, field: fields[index] ?? null }));
  requireClearColumns(columns, hasHeader);
  const leftOut = new Set(headers.filter((header) => mapping[header] === null));
  return { separator, columns, rows: toRows(records, { first: first + 1, separator, columns, leftOut }) };
}

/** Throws `validation_failed` for columns that name no field, the same field twice, or nothing to paint from. */
function requireClearColumns(columns: Table['columns'], hasHeader: boolean): void {
  const fields = columns.flatMap(({ field }) => field ?? []);
  const unknown = fields.find((field) => !COLUMN_FIELDS.includes(field as ColumnField));
  if (unknown) throw refuseSource(`"${unknown}" is no field of an item; see "columns".`);
  const twice = fields.find((field, at) => fields.indexOf(field) !== at);
  if (twice) {
    const named = columns.filter(({ field }) => field === twice).map(({ header }) => `"${header}"`);
    throw refuseSource(
      `The columns ${named.join(' and ')} both hold the field "${twice}". Rename one, or leave it out by "columns".`,
    );
  }
  if (fields.includes('prompt') || fields.includes('images')) return;
  const headers = columns.flatMap(({ header }) => (header === '' ? [] : header));
  const seen = headers.join(', ').slice(0, MAX_SHOWN_CHARS);
  const hint = hasHeader
    ? ''
    : ' The first line must name the columns; a list of prompts can be given as lines.';
  throw refuseSource(`No column holds the prompt. The columns are: ${seen}.${hint}`);
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

interface RowReading {
  /** The first record that is no header. */
  first: number;
  separator: string;
  columns: Table['columns'];
  /** Headers of columns that are not even kept beside the item. */
  leftOut: ReadonlySet<string>;
}

function toRows(
  records: readonly string[][],
  { first, separator, columns, leftOut }: RowReading,
): SourceRow[] {
  const rows: SourceRow[] = [];
  for (const [index, read] of records.entries()) {
    if (index < first || read.every((cell) => cell.trim() === '')) continue;
    // As a spreadsheet counts: from 1, blank rows and the header included.
    const row = index + 1;
    // With one column there is nothing to separate: what looks like a separator belongs to the text.
    const cells = columns.length === 1 ? [read.join(separator)] : read;
    if (cells.slice(columns.length).some((cell) => cell.trim() !== '')) {
      const problem = `has ${cells.length} cells, but there are ${columns.length} columns; text that holds "${separator}" must stand in double quotes`;
      rows.push({ row, fields: {}, extra: {}, problem });
      continue;
    }
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
    rows.push({ row, fields, extra, problem: null });
  }
  return rows;
}
