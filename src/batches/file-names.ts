// Names of pictures in the ZIP, from a pattern and what an item is. Whatever the texts contain, a name stays one name: no
// folder, no device of Windows, no formula's start, nothing invisible, not too long, and never given twice.
import type { TaskRow } from '../tasks/tasks.ts';

export const DEFAULT_PATTERN = '{n}-{prompt}';
const MAX_PART_CHARS = 60;
/** Bytes of a whole name without its extension: with one it stays below what file systems take. */
const MAX_NAME_BYTES = 150;
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)$/i;
const EXTENSIONS: Record<string, string> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'image/gif': 'gif',
  'image/avif': 'avif',
};

/** What a pattern can name of an item. */
export interface NamedItem {
  position: number;
  /** Items of the batch: so many digits has the place. */
  total: number;
  task: Pick<TaskRow, 'id' | 'prompt' | 'model'>;
  fields: Readonly<Record<string, unknown>>;
}

/** A text from outside as part of a file's name; may be empty. */
export function safePart(text: string, maxChars = MAX_PART_CHARS): string {
  const plain = text
    .toWellFormed()
    .normalize('NFC')
    // Control characters, overrides of the writing direction and what file systems refuse.
    .replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, ' ')
    .replaceAll(/[/\\:*?"<>|]/g, ' ')
    .replaceAll(/\s+/g, ' ');
  return [...plain].slice(0, maxChars).join('').trim();
}

function cutToBytes(text: string, maxBytes: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > maxBytes) cut = [...cut].slice(0, -1).join('');
  return cut;
}

/** Names in the order in which they are asked for; the same items in the same order get the same names. */
export class FileNames {
  readonly #pattern: string;
  readonly #given = new Set<string>();
  /** How often each name was wanted: ten thousand equal prompts must not be counted through each time. */
  readonly #wanted = new Map<string, number>();

  constructor(pattern: string) {
    this.#pattern = pattern.trim() === '' ? DEFAULT_PATTERN : pattern;
  }

  /** The name of picture `k` (from 1) of `count`. */
  next(item: NamedItem, picture: { k: number; count: number; seed: number | null; mime: string }): string {
    const { k, count, seed } = picture;
    const values: Record<string, string> = {
      n: String(item.position + 1).padStart(String(item.total).length, '0'),
      k: String(k),
      prompt: item.task.prompt,
      model: item.task.model,
      id: item.task.id.slice(-8),
      seed: seed === null ? '' : String(seed),
    };
    const filled = this.#pattern.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => {
      const value = values[name] ?? item.fields[name];
      return value === undefined ? whole : safePart(String(value));
    });
    const numbered = count > 1 && !this.#pattern.includes('{k}') ? `${filled}-${k}` : filled;
    // No leading dots (hidden), dashes (options) or signs that a spreadsheet takes for a formula; no trailing dots.
    const bare = safePart(numbered, 400)
      .replace(/^[.\-=+@~\s]+/, '')
      .replace(/[.\s]+$/, '');
    const cut = cutToBytes(bare, MAX_NAME_BYTES).replace(/[.\s]+$/, '');
    const name = cut === '' || RESERVED.test(cut.split('.')[0] ?? '') ? `picture-${values.n}` : cut;
    return this.#unique(name, EXTENSIONS[picture.mime] ?? 'img');
  }

  /** Compared without case, as Windows and macOS do. */
  #unique(name: string, extension: string): string {
    const base = `${name}.${extension}`.toLowerCase();
    for (let copy = (this.#wanted.get(base) ?? 0) + 1; ; copy += 1) {
      this.#wanted.set(base, copy);
      const full = `${copy === 1 ? name : `${name} (${copy})`}.${extension}`;
      const key = full.toLowerCase();
      if (this.#given.has(key)) continue;
      this.#given.add(key);
      return full;
    }
  }
}
