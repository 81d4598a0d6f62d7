// Tables of older systems as records: CSV, JSON or JSONL, whatever their columns are called. What a record says of a task or a
// person is read from the names that such systems use.
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';

export type Kind = 'original' | 'final' | 'hd';
export type OldRecord = Readonly<Record<string, unknown>>;

export interface OldTask {
  id: string;
  prompt: string;
  status: 'succeeded' | 'failed' | 'cancelled';
  error: string | null;
  files: { kind: Kind; name: string }[];
  /** RFC 3339. */
  createdAt: string;
  owner: string | undefined;
  mode: 'text-to-image' | 'image-to-image' | undefined;
  model: string | undefined;
}

export interface OldPerson {
  id: string;
  name: string | undefined;
  credits: string;
}

const MAX_ERROR_CHARS = 500;
const MAX_PROMPT_CHARS = 8000;
const MAX_FILES = 50;
/** Times below this are seconds; in milliseconds it is 1973. */
const LEAST_MS = 100_000_000_000;
const MS_PER_S = 1000;
const DONE = /^(?:succe(?:ss|eded)|complete[d]?|done|finished|ok)$/i;
const CANCELLED = /^cancell?ed$/i;
const UNFINISHED = 'It was not finished in the older system when it was imported.';

const NAMES = {
  taskId: ['task_id', 'taskId', 'taskid', 'id'],
  prompt: ['prompt', 'description', 'text'],
  status: ['status', 'state'],
  error: ['error', 'error_message', 'errorMessage', 'fail_reason', 'failReason', 'failMsg'],
  files: [
    'files',
    'file',
    'filename',
    'result_urls',
    'resultUrls',
    'result_url',
    'resultUrl',
    'image_url',
    'output',
  ],
  created: ['created_at', 'createdAt', 'create_time', 'createTime', 'created', 'timestamp'],
  owner: ['owner', 'user_id', 'userId', 'openid', 'account'],
  mode: ['mode', 'type'],
  model: ['model'],
  personId: ['user_id', 'userId', 'openid', 'id', 'account'],
  name: ['name', 'nickname', 'username'],
  credits: ['credits', 'balance', 'points'],
} as const;

/** Why a file holds no records. */
export class RecordsError extends Error {}

/** The records of a file. Throws `RecordsError` for what is none, and what reading throws. */
export async function readRecords(path: string): Promise<OldRecord[]> {
  const text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  const type = extname(path).toLowerCase();
  try {
    if (type === '.jsonl' || type === '.ndjson')
      return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [toRecord(JSON.parse(line))]));
    if (type === '.json') return (JSON.parse(text) as unknown[]).map(toRecord);
    const { parse } = await import('csv-parse/sync');
    return parse(text, { columns: true, skip_empty_lines: true, trim: true, relax_column_count: true }).map(
      toRecord,
    );
  } catch (error) {
    throw new RecordsError(error instanceof Error ? error.message : String(error));
  }
}

function toRecord(value: unknown): OldRecord {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as OldRecord;
  throw new RecordsError('a record is not an object');
}

function firstOf(record: OldRecord, names: readonly string[]): unknown {
  return names
    .map((name) => record[name])
    .find((value) => value !== null && value !== undefined && value !== '');
}

function textOf(record: OldRecord, names: readonly string[]): string | undefined {
  const value = firstOf(record, names);
  return typeof value === 'string' || typeof value === 'number' ? String(value).trim() : undefined;
}

/** A task; null for a record without an id. `fallbackMs` is its time when it has none, `kind` that of bare file names. */
export function toOldTask(record: OldRecord, fallbackMs: number, kind: Kind): OldTask | null {
  const id = textOf(record, NAMES.taskId);
  if (id === undefined || id === '') return null;
  const word = textOf(record, NAMES.status) ?? 'success';
  const status = DONE.test(word) ? 'succeeded' : CANCELLED.test(word) ? 'cancelled' : 'failed';
  const reason = textOf(record, NAMES.error)?.slice(0, MAX_ERROR_CHARS);
  const mode = textOf(record, NAMES.mode)?.toLowerCase();
  return {
    id,
    status,
    prompt: (textOf(record, NAMES.prompt) ?? '').slice(0, MAX_PROMPT_CHARS),
    error: status === 'succeeded' ? null : (reason ?? (status === 'failed' ? UNFINISHED : null)),
    files: filesOf(firstOf(record, NAMES.files), kind),
    createdAt: new Date(timeOf(firstOf(record, NAMES.created)) ?? fallbackMs).toISOString(),
    owner: textOf(record, NAMES.owner),
    mode:
      mode === undefined ? undefined : /^(?:i|im(?:age|g))/.test(mode) ? 'image-to-image' : 'text-to-image',
    model: textOf(record, NAMES.model)?.slice(0, 100),
  };
}

/** A person; null for a record without an id or with credits that are no number from 0 on. */
export function toOldPerson(record: OldRecord): OldPerson | 'no_id' | 'bad_credits' {
  const id = textOf(record, NAMES.personId);
  if (id === undefined || id === '') return 'no_id';
  const credits = textOf(record, NAMES.credits) ?? '0';
  if (!/^\d{1,9}(?:\.\d{1,6}0*)?$/.test(credits)) return 'bad_credits';
  return { id, name: textOf(record, NAMES.name)?.slice(0, 100) || undefined, credits };
}

function timeOf(value: unknown): number | null {
  const number = typeof value === 'number' || /^\d{9,14}$/.test(String(value)) ? Number(value) : null;
  const ms = number === null ? Date.parse(String(value)) : number < LEAST_MS ? number * MS_PER_S : number;
  return Number.isFinite(ms) && ms > 0 && ms < 8e15 ? ms : null;
}

function filesOf(value: unknown, kind: Kind): { kind: Kind; name: string }[] {
  const text = typeof value === 'string' ? value.trim() : value;
  let list: unknown = text;
  if (typeof text === 'string') list = listOf(text);
  const names = Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
  return names.flatMap((item) => fileOf(item.trim(), kind) ?? []).slice(0, MAX_FILES);
}

/** A JSON array, or names with separators between them. */
function listOf(text: string): unknown {
  try {
    if (text.startsWith('[')) return JSON.parse(text);
  } catch {
    // A name that begins with a bracket.
  }
  return text.split(/[;,|\n]/);
}

/** A file by its address there, or by its path below the folder of its kind. */
function fileOf(text: string, kind: Kind): { kind: Kind; name: string } | null {
  const path = decoded(text.split(/[?#]/, 1)[0] ?? '');
  const under = /(?:^|\/)media\/(original|final|hd)\/(.+)$/.exec(path);
  if (under) return { kind: under[1] as Kind, name: under[2] ?? '' };
  const image = /(?:^|\/)images\/(.+)$/.exec(path)?.[1];
  const name = image ?? (/^[a-z]+:\/\/|^\//i.test(path) ? path.split('/').at(-1) : path);
  return name ? { kind, name: name.normalize('NFC') } : null;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
