// The form of a new batch as plain data: what was filled in, what it asks the server for, and how many pictures the
// combinations make before the server has been asked. The server's check is the truth; the count here is for typing along.
import type { BatchRequest } from './batch-api.ts';

export const SOURCES = ['lines', 'file', 'matrix'] as const;
export type SourceChoice = (typeof SOURCES)[number];

export interface BatchDraft {
  source: SourceChoice;
  lines: string;
  matrixPrompts: string;
  styles: readonly string[];
  ratios: readonly string[];
  models: readonly string[];
  /** As typed: `1, 2, 7` or `1-4`. */
  seeds: string;
  /** For every item that does not say otherwise; null leaves it to the server. */
  model: string | null;
  style: string | null;
  ratio: string | null;
  count: number;
  name: string;
  /** Credits as typed; empty for no cap. */
  budget: string;
  pattern: string;
  isPaused: boolean;
}

/** A file as it goes into a request. */
export interface SourceFile {
  name: string;
  bytes: number;
  b64: string;
}

export const EMPTY_DRAFT: BatchDraft = {
  source: 'lines',
  lines: '',
  matrixPrompts: '',
  styles: [],
  ratios: [],
  models: [],
  seeds: '',
  model: null,
  style: null,
  ratio: null,
  count: 1,
  name: '',
  budget: '',
  pattern: '',
  isPaused: false,
};

const MOST_SEEDS = 1_000;
const DRAFT_CHARS = 500_000;

export const linesOf = (text: string) =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** The numbers of `1, 2, 7-9`; what is no number is left out. */
export function seedsOf(text: string): number[] {
  const seeds: number[] = [];
  for (const part of text.split(/[\s,，、;]+/)) {
    const range = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part);
    if (!range) continue;
    const first = Number(range[1]);
    const last = range[2] === undefined ? first : Number(range[2]);
    for (let seed = first; seed <= last && seeds.length < MOST_SEEDS; seed += 1) seeds.push(seed);
  }
  return [...new Set(seeds)];
}

interface Reading {
  at: number;
}

/** Counts up to `}` or the end; `bars` alternatives are summed. */
function countFrom(text: string, reading: Reading, isInside: boolean): number {
  let sum = 0;
  let product = 1;
  while (reading.at < text.length) {
    const char = text[reading.at];
    reading.at += 1;
    if (char === '\\') reading.at += 1;
    else if (char === '{') product *= countFrom(text, reading, true);
    else if (char === '}' && isInside) return sum + product;
    else if (char === '|' && isInside) {
      sum += product;
      product = 1;
    }
  }
  // A brace that never closes is text.
  return isInside ? 1 : product;
}

/** How many prompts the `{a|b}` of a prompt make. */
export const countChoices = (prompt: string) => countFrom(prompt, { at: 0 }, false);

export type Axis = 'prompts' | 'styles' | 'ratios' | 'models' | 'seeds' | 'count';

/** The factors of the combinations, those of 1 left away but for the prompts, and what they make together. */
export function matrixTotal(draft: BatchDraft): { factors: [Axis, number][]; pictures: number } {
  const prompts = linesOf(draft.matrixPrompts).reduce((sum, prompt) => sum + countChoices(prompt), 0);
  const others: [Axis, number][] = [
    ['styles', draft.styles.length],
    ['ratios', draft.ratios.length],
    ['models', draft.models.length],
    ['seeds', seedsOf(draft.seeds).length],
    ['count', draft.count],
  ];
  const factors: [Axis, number][] = [
    ['prompts', prompts],
    ...others.filter(([axis, n]) => (axis === 'count' ? n > 1 : n > 0)),
  ];
  return { factors, pictures: factors.reduce((product, [, n]) => product * n, 1) };
}

function sourceOf(draft: BatchDraft, file: SourceFile | null): Partial<BatchRequest> | null {
  if (draft.source === 'lines') return linesOf(draft.lines).length === 0 ? null : { lines: draft.lines };
  if (draft.source === 'file') return file && { file: { name: file.name, b64: file.b64 } };
  const prompts = linesOf(draft.matrixPrompts);
  if (prompts.length === 0) return null;
  const seeds = seedsOf(draft.seeds);
  return {
    matrix: {
      prompts,
      ...(draft.styles.length > 0 ? { styles: [...draft.styles] } : {}),
      ...(draft.ratios.length > 0 ? { aspect_ratios: [...draft.ratios] } : {}),
      ...(draft.models.length > 0 ? { models: [...draft.models] } : {}),
      ...(seeds.length > 0 ? { seeds } : {}),
    },
  };
}

/** What the form asks for; null while there is nothing to ask for. `columns` are the reader's own choices for headers. */
export function toRequest(
  draft: BatchDraft,
  file: SourceFile | null,
  columns: Readonly<Record<string, string | null>>,
): BatchRequest | null {
  const source = sourceOf(draft, file);
  if (!source) return null;
  const isMatrix = draft.source === 'matrix';
  const defaults = {
    ...(draft.model !== null && !(isMatrix && draft.models.length > 0) ? { model: draft.model } : {}),
    ...(draft.style !== null && !(isMatrix && draft.styles.length > 0) ? { style: draft.style } : {}),
    ...(draft.ratio !== null && !(isMatrix && draft.ratios.length > 0) ? { aspect_ratio: draft.ratio } : {}),
    ...(draft.count > 1 ? { n: draft.count } : {}),
  };
  const budget = Number(draft.budget);
  return {
    ...source,
    ...(Object.keys(defaults).length > 0 ? { defaults } : {}),
    ...(draft.source === 'file' && Object.keys(columns).length > 0 ? { columns: { ...columns } } : {}),
    ...(draft.name.trim() === '' ? {} : { name: draft.name.trim() }),
    ...(draft.budget.trim() !== '' && Number.isFinite(budget) && budget >= 0
      ? { budget_credits: budget }
      : {}),
    ...(draft.pattern.trim() === '' ? {} : { file_pattern: draft.pattern.trim() }),
    ...(draft.isPaused ? { paused: true } : {}),
  };
}

/** Takes lines out of a text by their numbers, which count from 1 and include blank lines. */
export function withoutLines(text: string, rows: readonly number[]): string {
  const gone = new Set(rows);
  return text
    .split(/\r?\n/)
    .filter((_, at) => !gone.has(at + 1))
    .join('\n');
}

/** Where a line begins and ends in a text. */
export function lineRange(text: string, row: number): [start: number, end: number] {
  const lines = text.split('\n');
  const start = lines.slice(0, row - 1).reduce((sum, line) => sum + line.length + 1, 0);
  return [start, start + (lines[row - 1]?.length ?? 0)];
}

/** Spreadsheets that are no text: by their name, or by the first bytes of their container. */
export function isSpreadsheet(name: string, head: Uint8Array): boolean {
  const isZip = head[0] === 0x50 && head[1] === 0x4b && head[2] === 0x03 && head[3] === 0x04;
  const isOle = head[0] === 0xd0 && head[1] === 0xcf && head[2] === 0x11 && head[3] === 0xe0;
  return isZip || isOle || /\.(xlsx?|xlsm|ods|numbers|et)$/i.test(name);
}

/** Reads a stored draft; anything unreadable becomes the empty draft's value. */
export function parseBatchDraft(json: string | null): BatchDraft {
  let stored: Partial<Record<keyof BatchDraft, unknown>>;
  try {
    stored = (JSON.parse(json ?? 'null') ?? {}) as typeof stored;
  } catch {
    return EMPTY_DRAFT;
  }
  const text = (name: 'lines' | 'matrixPrompts' | 'seeds' | 'name' | 'budget' | 'pattern') =>
    typeof stored[name] === 'string' ? (stored[name] as string) : EMPTY_DRAFT[name];
  const list = (name: 'styles' | 'ratios' | 'models') =>
    Array.isArray(stored[name])
      ? (stored[name] as unknown[]).filter((one): one is string => typeof one === 'string')
      : [];
  const chosen = (name: 'model' | 'style' | 'ratio') =>
    typeof stored[name] === 'string' ? (stored[name] as string) : null;
  return {
    source: SOURCES.find((source) => source === stored.source) ?? 'lines',
    lines: text('lines'),
    matrixPrompts: text('matrixPrompts'),
    styles: list('styles'),
    ratios: list('ratios'),
    models: list('models'),
    seeds: text('seeds'),
    model: chosen('model'),
    style: chosen('style'),
    ratio: chosen('ratio'),
    count: Math.min(16, Math.max(1, Math.round(Number(stored.count) || 1))),
    name: text('name'),
    budget: text('budget'),
    pattern: text('pattern'),
    isPaused: stored.isPaused === true,
  };
}

/** The draft as it is kept on this device; null when it is too large to keep. */
export function storedDraft(draft: BatchDraft): string | null {
  const json = JSON.stringify(draft);
  return json.length > DRAFT_CHARS ? null : json;
}
