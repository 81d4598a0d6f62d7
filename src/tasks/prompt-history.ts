// The history of an account's prompts. It follows from the tasks, so that creating one costs nothing more and no prompt can be
// lost; what is deleted of it, pinned in it and kept beyond its tasks is its own.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { shortHash } from './create.ts';
import {
  findPromptCursor,
  listKnownPrompts,
  listPrompts,
  listUses,
  type PromptRow,
  pinPrompt,
  removePrompts,
  takeInPrompts,
} from './prompt-history-store.ts';

/**
 * Ids are given before input pictures are fetched, so a task can become visible this long after a younger one: so far back
 * tasks are looked at again. Taking a use in twice changes nothing.
 */
const OVERLAP_MS = 15 * 60_000;
const MAX_SEARCH_WORDS = 8;
const ID_TIME_CHARS = 12;

export interface PromptPage {
  rows: PromptRow[];
  nextCursor: string | null;
}

export class PromptHistory {
  readonly #db: Db;
  readonly #clock: Clock;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Pinned ones first, then the newest; `q` are words that must all be in the prompt, width and case folded. */
  async list(asked: {
    accountId: string;
    q?: string | undefined;
    cursor?: string | undefined;
    limit: number;
  }): Promise<PromptPage> {
    await this.#takeIn(asked.accountId);
    const words = fold(asked.q ?? '')
      .split(/\s+/)
      .filter(Boolean)
      .slice(0, MAX_SEARCH_WORDS);
    const all = await listPrompts(this.#db.read, asked.accountId);
    const found = all.filter(
      (row) =>
        words.every((word) => fold(row.prompt).includes(word)) &&
        (asked.cursor === undefined || isAfter(row, asked.cursor)),
    );
    const rows = found.slice(0, asked.limit);
    const last = rows.at(-1);
    return { rows, nextCursor: last && found.length > rows.length ? cursorOf(last) : null };
  }

  /** Throws `not_found`, and `conflict` when as many are pinned as can be. */
  pin(id: string, accountId: string, pinned: boolean): Promise<PromptRow> {
    return this.#db.write(pinPrompt, { id, accountId, pinned });
  }

  /** Throws `not_found`. */
  async remove(id: string, accountId: string): Promise<void> {
    const removed = await this.#db.write(removePrompts, { accountId, id, now: this.#clock.now() });
    if (removed === 0) throw new AppError('not_found', { detail: 'There is no such prompt.' });
  }

  /** All that are not pinned; returns how many. */
  async clear(accountId: string): Promise<number> {
    await this.#takeIn(accountId);
    return this.#db.write(removePrompts, { accountId, id: null, now: this.#clock.now() });
  }

  /** Brings the history up to the tasks of now; writes only when there is something new. */
  async #takeIn(accountId: string): Promise<void> {
    const { slow, read } = this.#db;
    const cursor = await findPromptCursor(read, accountId);
    const uses = await listUses(slow, accountId, cursor === null ? '' : idBefore(cursor, OVERLAP_MS));
    const known = new Map(
      (await listKnownPrompts(read, accountId)).map((row) => [row.prompt_hash, row.task_id]),
    );
    const all = uses.map((use) => ({ ...use, hash: shortHash(use.prompt) }));
    const fresh = all.filter(({ hash, taskId }) => taskId > (known.get(hash) ?? ''));
    const newest = all[0]?.taskId;
    if (newest === undefined || (fresh.length === 0 && newest === cursor)) return;
    const now = this.#clock.now();
    const cursorNow = cursor !== null && cursor > newest ? cursor : newest;
    const forgetBefore = now - 2 * OVERLAP_MS;
    await this.#db.write(takeInPrompts, { accountId, uses: fresh, cursor: cursorNow, forgetBefore, now });
  }
}

/** The same text for letters that only differ in case or width. */
function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

function cursorOf({ pinned, task_id: taskId }: PromptRow): string {
  return `${pinned}.${taskId}`;
}

/** Whether a row comes after the cursor in the order of the list. */
function isAfter(row: PromptRow, cursor: string): boolean {
  const [pinned = '', taskId = ''] = cursor.split('.');
  if (row.pinned !== Number(pinned)) return row.pinned < Number(pinned);
  return row.task_id < taskId;
}

/** The smallest task id that is `ms` older: ids begin with their time. */
function idBefore(taskId: string, ms: number): string {
  const start = taskId.indexOf('_') + 1;
  const time = Number.parseInt(taskId.slice(start, start + ID_TIME_CHARS), 16);
  return `${taskId.slice(0, start)}${Math.max(0, time - ms)
    .toString(16)
    .padStart(ID_TIME_CHARS, '0')}`;
}
