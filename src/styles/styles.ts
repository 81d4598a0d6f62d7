// The face of the slice: styles by category, in an operator's order. A style is a template that a prompt is put into; what a
// task was accepted with is frozen in the task, so that nothing done here changes a task that exists.
import { readFile } from 'node:fs/promises';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId, sha256Hex } from '../kernel/id.ts';
import type { Media } from '../media/media.ts';
import { PROMPT_PLACE } from './contract.ts';
import {
  type CategoryRow,
  type CoverOwner,
  createCategory,
  createStyle,
  findCover,
  findEnabledStyle,
  orderStyles,
  readStyles,
  removeCategory,
  removeStyle,
  type StyleBook,
  type StyleFields,
  type StyleRow,
  setCover,
  updateCategory,
  updateStyle,
} from './store.ts';

const COVERS = new URL('./covers/', import.meta.url);
const BUILT_IN_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*\.webp$/;
const BUILT_IN = 'builtin';

export interface StylesOptions {
  db: Db;
  clock: Clock;
  media: Media;
  /** The account that keeps uploaded covers: it is never closed. */
  keeperAccountId: string;
}

/** A style merged with a prompt. */
export interface AppliedStyle {
  id: string;
  names: { en: string; zh: string };
  prompt: string;
  negativePrompt: string | null;
}

/** A cover's bytes, which never change under their address. */
export interface Cover {
  mime: string;
  sha256: string;
  bytes: Buffer;
}

/** The prompt inside a template; each place in it is filled once, whatever the prompt itself contains. */
export function mergePrompt(template: string, prompt: string): string {
  return template.replaceAll(PROMPT_PLACE, () => prompt.trim());
}

export class Styles {
  readonly #options: StylesOptions;

  constructor(options: StylesOptions) {
    this.#options = options;
  }

  /** The style as it is now, merged with a prompt; null when it is unknown or switched off. */
  async resolve(id: string, prompt: string): Promise<AppliedStyle | null> {
    const row = await findEnabledStyle(this.#options.db.read, id);
    if (!row) return null;
    return {
      id: row.id,
      names: parseNames(row),
      prompt: mergePrompt(row.prompt_template, prompt),
      negativePrompt: row.negative_prompt === '' ? null : row.negative_prompt,
    };
  }

  /** Everything, in order. */
  list(): Promise<StyleBook> {
    return readStyles(this.#options.db.slow);
  }

  createCategory(fields: { names: string; enabled: boolean }): Promise<CategoryRow> {
    const { db, clock } = this.#options;
    return db.write(createCategory, { id: newId('stylecat', clock.now()), ...fields });
  }

  /** Throws `not_found`. */
  updateCategory(id: string, fields: { names?: string; enabled?: boolean }): Promise<CategoryRow> {
    return this.#options.db.write(updateCategory, { id, ...fields });
  }

  /** With its styles. Throws `not_found`. */
  removeCategory(id: string): Promise<void> {
    return this.#options.db.write(removeCategory, { id, now: this.#options.clock.now() });
  }

  /** Throws `not_found` for an unknown category, `conflict` when there are too many. */
  createStyle(categoryId: string, fields: StyleFields): Promise<StyleRow> {
    const { db, clock } = this.#options;
    return db.write(createStyle, { id: newId('style', clock.now()), categoryId, fields });
  }

  /** Throws `not_found`. */
  updateStyle(id: string, fields: Partial<StyleFields>): Promise<StyleRow> {
    return this.#options.db.write(updateStyle, { id, fields });
  }

  /** Throws `not_found`. */
  removeStyle(id: string): Promise<void> {
    return this.#options.db.write(removeStyle, { id, now: this.#options.clock.now() });
  }

  /** Throws `conflict` unless it names everything that there is exactly once. */
  async order(categories: readonly { id: string; styles: readonly string[] }[]): Promise<StyleBook> {
    const { db } = this.#options;
    await db.write(orderStyles, { categories });
    return readStyles(db.slow);
  }

  /**
   * Keeps a copy of the caller's upload or picture as a cover; the caller's own may go. Throws `not_found`, and what storing
   * a picture throws.
   */
  async setCover(owner: CoverOwner, id: string, source: { id: string; accountId: string }): Promise<void> {
    const { db, clock, media, keeperAccountId: accountId } = this.#options;
    const { path } = await media.localFileOf(source.id, source.accountId);
    const { id: uploadId, thumb_key: thumb, file_key: whole } = await media.createUpload(accountId, { path });
    const cover = { path: thumb === null ? `original/${whole}` : `thumb/${thumb}`, uploadId, accountId };
    await db.write(setCover, { owner, id, cover, now: clock.now() });
  }

  /** Throws `not_found`. */
  removeCover(owner: CoverOwner, id: string): Promise<void> {
    return this.#options.db.write(setCover, { owner, id, cover: null, now: this.#options.clock.now() });
  }

  /** A cover by the last part of its address. Throws `not_found` for what is nobody's cover. */
  async openCover(key: string): Promise<Cover> {
    const { db, media } = this.#options;
    const cover = await findCover(db.read, [`thumb/${key}`, `original/${key}`, `${BUILT_IN}/${key}`]);
    const kind = cover?.split('/')[0];
    if (kind === BUILT_IN && BUILT_IN_NAME.test(key)) {
      const bytes = await readFile(new URL(key, COVERS));
      return { mime: 'image/webp', sha256: sha256Hex(bytes), bytes };
    }
    if (kind !== 'thumb' && kind !== 'original')
      throw new AppError('not_found', { detail: 'There is no such cover.' });
    const { row, opened } = await media.openFile(kind, key);
    try {
      const chunks: Uint8Array[] = [];
      for await (const chunk of opened.stream()) chunks.push(chunk as Uint8Array);
      return { mime: row.mime, sha256: row.sha256, bytes: Buffer.concat(chunks) };
    } finally {
      await opened.close();
    }
  }
}

export function parseNames({ names }: Pick<CategoryRow, 'names'>): { en: string; zh: string } {
  return JSON.parse(names) as { en: string; zh: string };
}
