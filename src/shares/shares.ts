// The face of the slice: links by which anybody can look at pictures. Whoever knows the address sees what the owner chose to show,
// until it is revoked or expires; every visit reads the row, so that revoking takes effect with the next request.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../kernel/clock.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { newId } from '../kernel/id.ts';
import type { Logger } from '../kernel/log.ts';
import { TryCounter } from '../kernel/try-counter.ts';
import type { Media } from '../media/media.ts';
import { MAX_TREE_PAGES } from '../stories/contract.ts';
import type { SharedStory } from '../stories/stories.ts';
import { MAX_SHARE_IMAGES } from './contract.ts';
import { Previews } from './previews.ts';
import { hashPassword, SharePasses, TRIES_WINDOW_MS } from './share-password.ts';
import { type SharedBook, sharedBook } from './shared-tree.ts';
import {
  changeShare,
  findImageIdsOfShare,
  findShare,
  findShareBySlug,
  findSharedImages,
  insertShare,
  listShares,
  removeShare,
  type ShareChange,
  type SharedImageRow,
  type ShareFilter,
  type ShareRow,
} from './store.ts';
import { ViewCounter } from './view-counter.ts';

export type { SharedImageRow, ShareRow } from './store.ts';

/** JPEGs of shared pictures, in the data folder; they may be deleted at any time. */
const PREVIEWS_FOLDER = 'share-previews';
/** 26 characters of five bits: 130 bits that nobody guesses, in letters that survive chat programs and telephones. */
const SLUG_CHARS = 26;
const SLUG_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const SLUG_PATTERN = /^[a-z2-7]{26}$/;

export function newSlug(): string {
  return Array.from(randomBytes(SLUG_CHARS), (byte) => SLUG_ALPHABET[byte & 31]).join('');
}

/**
 * Turns something else that an account owns into pictures to share, in order; null when the account has no such thing. The slices
 * of those things rank elsewhere, so `app.ts` hands their functions in.
 */
export type ShareSource = (
  accountId: string,
  id: string,
) => Promise<{ title: string; imageIds: readonly string[] } | null>;

export interface SharesOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  media: Media;
  /** A secret of the server, the same on every node. */
  secret: string;
  config: { dataDir: string; media: { keepPromptMetadata: boolean; maxPixels: number } };
  sources?: {
    story?: ShareSource;
    batch?: ShareSource;
    /** The pages of a story that a link shows; null once the account has no such story any more. */
    readStory?: (accountId: string, id: string) => Promise<SharedStory | null>;
  };
}

export interface ShareRequest {
  accountId: string;
  imageIds?: readonly string[] | undefined;
  storyId?: string | undefined;
  batchId?: string | undefined;
  title?: string | undefined;
  expiresAt?: number | null | undefined;
  password?: string | null | undefined;
  showPrompt: boolean;
  allowDownload: boolean;
}

export interface ShareWithImages {
  share: ShareRow;
  images: SharedImageRow[];
}

/** What a visitor finds; a story is read as a book. */
export interface VisitedShare extends ShareWithImages {
  book: SharedBook | null;
}

export class Shares {
  readonly media: Media;
  readonly previews: Previews;
  readonly views: ViewCounter;
  readonly passes: SharePasses;
  readonly tries: TryCounter;
  /** Stored files may hold the prompt as text: where visitors may not read it, they get copies without. */
  readonly filesHoldPrompts: boolean;
  readonly #options: SharesOptions;

  constructor(options: SharesOptions) {
    const { db, clock, media, secret, config } = options;
    const log = options.log.child({ component: 'shares' });
    this.#options = { ...options, log };
    this.media = media;
    this.filesHoldPrompts = config.media.keepPromptMetadata;
    const folder = join(config.dataDir, PREVIEWS_FOLDER);
    this.previews = new Previews({ clock, log, media, folder, maxPixels: config.media.maxPixels });
    this.views = new ViewCounter(db, clock, (error) =>
      log.warn({ err: error }, 'visits of shares could not be written; they are kept'),
    );
    this.passes = new SharePasses(clock, secret);
    this.tries = new TryCounter(clock, TRIES_WINDOW_MS);
  }

  now(): number {
    return this.#options.clock.now();
  }

  /**
   * Makes a link. Throws `not_found` for what the account does not have, `validation_failed` for an end in the past or too many
   * pictures, `conflict` when the account has too many links.
   */
  async create(request: ShareRequest): Promise<ShareWithImages> {
    const { db, clock, log } = this.#options;
    this.#requireFuture(request.expiresAt);
    const { kind, id: sourceId, imageIds, title } = await this.#resolve(request);
    const now = clock.now();
    const { accountId, showPrompt, allowDownload, password, expiresAt = null } = request;
    const share = await db.write(insertShare, {
      id: newId('share', now),
      slug: newSlug(),
      accountId,
      sourceKind: kind,
      sourceId,
      imageIds,
      title: request.title ?? title,
      showPrompt,
      allowDownload,
      passwordHash: password ? await hashPassword(password) : null,
      expiresAt,
      now,
    });
    const images = await findSharedImages(db.read, [share.id]);
    const [first] = images;
    // The first visitor is often a chat program, which waits a second or two for its picture and then shows none.
    if (first) {
      this.previews.get(first, 'preview').catch((error: unknown) => {
        log.warn({ err: error }, 'the preview of a share could not be made yet');
      });
    }
    return { share, images };
  }

  /** The account's own links, newest first. */
  async list(filter: ShareFilter): Promise<ShareWithImages[]> {
    const { slow } = this.#options.db;
    const shares = await listShares(slow, filter);
    const images = await findSharedImages(
      slow,
      shares.map(({ id }) => id),
    );
    const byShare = Map.groupBy(images, ({ share_id }) => share_id);
    return shares.map((share) => ({ share, images: byShare.get(share.id) ?? [] }));
  }

  /** The account's own link by id or slug. Throws `not_found`. */
  async get(accountId: string, idOrSlug: string): Promise<ShareWithImages> {
    const { read } = this.#options.db;
    const share = await findShare(read, accountId, idOrSlug);
    if (!share) throw noShare();
    return { share, images: await findSharedImages(read, [share.id]) };
  }

  /** Changes what is given; `password: null` takes it away. Throws `not_found`, `validation_failed`. */
  async change(
    accountId: string,
    idOrSlug: string,
    change: Omit<ShareChange, 'accountId' | 'id' | 'now' | 'passwordHash'> & { password?: string | null },
  ): Promise<ShareWithImages> {
    const { db, clock } = this.#options;
    this.#requireFuture(change.expiresAt);
    const { share: before } = await this.get(accountId, idOrSlug);
    const { password, ...rest } = change;
    const passwordHash = password ? await hashPassword(password) : null;
    const share = await db.write(changeShare, {
      ...rest,
      ...(password === undefined ? {} : { passwordHash }),
      accountId,
      id: before.id,
      now: clock.now(),
    });
    if (!share) throw noShare();
    return { share, images: await findSharedImages(db.read, [share.id]) };
  }

  /** Revokes a link at once. Throws `not_found`. */
  async remove(accountId: string, idOrSlug: string): Promise<void> {
    const isRemoved = await this.#options.db.write(removeShare, { accountId, id: idOrSlug });
    if (!isRemoved) throw noShare();
  }

  /** What a visitor with this address finds; undefined for an unknown, revoked or emptied link. */
  async visit(slug: string): Promise<VisitedShare | undefined> {
    if (!SLUG_PATTERN.test(slug)) return undefined;
    const { read } = this.#options.db;
    const share = await findShareBySlug(read, slug);
    if (!share) return undefined;
    const images = await findSharedImages(read, [share.id]);
    if (images.length === 0) return undefined;
    const { readStory } = this.#options.sources ?? {};
    if (share.source_kind !== 'story' || !readStory) return { share, images, book: null };
    const story = await readStory(share.account_id, share.source_id ?? '');
    if (!story) return undefined;
    const book = sharedBook(story, new Set(await findImageIdsOfShare(read, share.id)), images);
    return book.leaves.length === 0 ? undefined : { share, images, book };
  }

  isExpired({ expires_at }: ShareRow): boolean {
    return expires_at !== null && expires_at <= this.now();
  }

  async close(): Promise<void> {
    await Promise.all([this.views.close(), this.previews.close()]);
  }

  #requireFuture(expiresAt: number | null | undefined): void {
    if (expiresAt == null || expiresAt > this.now()) return;
    const detail = 'The link would be over already: give a time in the future, or null for none.';
    throw new AppError('validation_failed', { detail, errors: [{ pointer: '/expires_at', detail }] });
  }

  /** The pictures that a request names, by themselves or by what they belong to. */
  async #resolve({ accountId, imageIds, storyId, batchId }: ShareRequest) {
    if (imageIds) return { kind: 'images' as const, id: null, imageIds, title: '' };
    const kind = storyId === undefined ? ('batch' as const) : ('story' as const);
    const id = storyId ?? batchId ?? '';
    const found = await this.#options.sources?.[kind]?.(accountId, id);
    if (!found) throw new AppError('not_found', { detail: `There is no such ${kind}.` });
    const count = found.imageIds.length;
    // A story is read page by page; of a batch all pictures are on one page.
    const most = kind === 'story' ? MAX_TREE_PAGES : MAX_SHARE_IMAGES;
    if (count === 0 || count > most) {
      const detail = `This ${kind} has ${count} pictures; a link shows 1 to ${most}.`;
      throw new AppError('validation_failed', { detail, errors: [{ pointer: `/${kind}_id`, detail }] });
    }
    return { kind, id, imageIds: found.imageIds, title: found.title };
  }
}

function noShare(): AppError {
  return new AppError('not_found', { detail: 'There is no such link.' });
}
