// How much an account may keep. What it keeps is counted now and then, not in every request: an account may pass its quota by
// what it makes between two counts, and is refused after that until it has removed something.
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { countStoredBytes } from '../media/media.ts';
import { findMark, removeMark, setMark } from './store.ts';

/** A count is used this long. */
const COUNT_TTL_MS = 10_000;
/** Over its quota an account is counted again sooner, since it may just have removed something. */
const FULL_TTL_MS = 1_000;
/** Accounts that asked lately; more are simply counted again. */
const MOST_ACCOUNTS = 10_000;
const BYTES_PER_MB = 1024 * 1024;
const MARK_PREFIX = 'storage-quota:';

export interface StorageQuotaOptions {
  db: Db;
  clock: Clock;
  /** For accounts without a quota of their own; 0: no limit. */
  defaultBytes: number;
}

export interface StorageUse {
  usedBytes: number;
  /** Null: no limit. */
  quotaBytes: number | null;
  /** Whether the quota is the account's own. */
  isOwn: boolean;
}

interface Known {
  atMs: number;
  use: Promise<StorageUse>;
  isFull: boolean;
}

export class StorageQuota {
  readonly #options: StorageQuotaOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: StorageQuotaOptions) {
    this.#options = options;
  }

  /** Throws `storage_quota_reached` when the account keeps as much as it may. */
  async requireRoom(accountId: string): Promise<void> {
    const { usedBytes, quotaBytes } = await this.#recent(accountId);
    if (quotaBytes === null || usedBytes < quotaBytes) return;
    const mb = (bytes: number) => (bytes / BYTES_PER_MB).toFixed(1);
    throw new AppError('storage_quota_reached', {
      detail: `This account keeps ${mb(usedBytes)} MB of the ${mb(quotaBytes)} MB that it may.`,
    });
  }

  /** What the account keeps and may keep, counted now. */
  async use(accountId: string): Promise<StorageUse> {
    const { db } = this.#options;
    const [quota, usedBytes] = await Promise.all([
      this.#quota(accountId),
      countStoredBytes(db.slow, accountId),
    ]);
    return { usedBytes, ...quota };
  }

  /** Gives the account a quota of its own; null takes it back, 0 lifts every limit. Other nodes know within seconds. */
  async set(accountId: string, bytes: number | null): Promise<void> {
    const { db, clock } = this.#options;
    const name = `${MARK_PREFIX}${accountId}`;
    if (bytes === null) await db.write(removeMark, { name });
    else await db.write(setMark, { name, at: clock.now(), ok: 1, note: String(bytes) });
    this.#known.delete(accountId);
  }

  async #quota(accountId: string): Promise<Pick<StorageUse, 'quotaBytes' | 'isOwn'>> {
    const mark = await findMark(this.#options.db.read, `${MARK_PREFIX}${accountId}`);
    const bytes = mark ? Number(mark.note) : this.#options.defaultBytes;
    return { quotaBytes: bytes === 0 ? null : bytes, isOwn: mark !== undefined };
  }

  /** As `use`, at most some seconds old; without a quota nothing is counted. */
  async #recent(accountId: string): Promise<StorageUse> {
    const now = this.#options.clock.monotonicMs();
    const known = this.#known.get(accountId);
    if (known && now - known.atMs < (known.isFull ? FULL_TTL_MS : COUNT_TTL_MS)) return known.use;
    if (this.#known.size >= MOST_ACCOUNTS) this.#known.clear();
    const fresh: Known = { atMs: now, isFull: false, use: this.#count(accountId) };
    this.#known.set(accountId, fresh);
    try {
      const { usedBytes, quotaBytes } = await fresh.use;
      fresh.isFull = quotaBytes !== null && usedBytes >= quotaBytes;
      return await fresh.use;
    } catch (error) {
      this.#known.delete(accountId);
      throw error;
    }
  }

  async #count(accountId: string): Promise<StorageUse> {
    const quota = await this.#quota(accountId);
    if (quota.quotaBytes === null) return { usedBytes: 0, ...quota };
    return { usedBytes: await countStoredBytes(this.#options.db.slow, accountId), ...quota };
  }
}
