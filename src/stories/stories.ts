// The face of the slice: stories that branch, from an idea to a book. Everything that takes time is a durable job; what a reader
// asks for is committed before it is answered, and money is moved with the result it is for.
import { randomInt } from 'node:crypto';
import type { Clock } from '../kernel/clock.ts';
import type { StoryDefaults } from '../kernel/config-stories.ts';
import type { Db } from '../kernel/db.ts';
import { AppError } from '../kernel/errors.ts';
import { EVENTS_CHANNEL, type EventHub } from '../kernel/event-hub.ts';
import { newId, sha256Hex } from '../kernel/id.ts';
import type { NodeLease } from '../kernel/lease.ts';
import type { Logger } from '../kernel/log.ts';
import type { Access } from '../kernel/route.ts';
import type { LoopState } from '../kernel/supervised-loop.ts';
import type { Media } from '../media/media.ts';
import type { StoryWriter } from '../providers/chat/chat.ts';
import type { Providers } from '../providers/providers.ts';
import type { Styles } from '../styles/styles.ts';
import type { StreamedKind, Tasks } from '../tasks/tasks.ts';
import { type Book, gatherBook } from './book.ts';
import {
  createStory,
  openPage,
  proposeAgain,
  regeneratePage,
  removeStory,
  type StoryChange,
  setOutline,
  updateStory,
  type WayOn,
} from './change-store.ts';
import type { CreateStoryBody, OutlineBody, StoryBody, StoryHeadBody, StoryNewsBody } from './contract.ts';
import { textsOf } from './job.ts';
import { STORIES_CHANNEL, StoryRunner } from './runner.ts';
import { safeWords } from './safety.ts';
import { gatherSharedStory, type SharedStory } from './shared-story.ts';
import {
  findStories,
  findStory,
  findStoryByKey,
  listStories,
  type Prices,
  type Safety,
  STORY_TOPIC,
  type StoryRow,
} from './store.ts';
import { picturesOf, type StoryView, type ViewParts, viewHeads, viewStory } from './view.ts';

export type { SharedStory, SharedStoryPage } from './shared-story.ts';

const MICROS_PER_CREDIT = 1_000_000;
const MAX_SEED = 2_147_483_647;
const MAX_KEY_CHARS = 200;
/** Choices of a page, at most: what one opened page may have made ahead. */
const MOST_CHOICES = 3;

export interface StoriesOptions {
  db: Db;
  clock: Clock;
  log: Logger;
  media: Media;
  providers: Providers;
  tasks: Tasks;
  styles: Styles;
  node: NodeLease;
  hub: EventHub;
  /** What a story gets that does not say otherwise. */
  defaults: StoryDefaults;
  /** The providers' sections in force, with the secrets that were set at run time. */
  sections(): Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Opens the writer that these sections ask for. Throws `validation_failed`. */
  openWriter(sections: ReturnType<StoriesOptions['sections']>): Promise<StoryWriter>;
}

export interface StoryQuote {
  textMicros: number;
  pictureMicros: number;
  aheadMicros: number;
  pageCount: number;
}

export class Stories {
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly #options: StoriesOptions;
  readonly #runner: StoryRunner;
  readonly #partials = new Map<string, string>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #parts: ViewParts;
  #opened: { mark: string; writer: Promise<StoryWriter> } | null = null;

  constructor(options: StoriesOptions) {
    const { db, clock, tasks, providers, node, media, hub } = options;
    const log = options.log.child({ component: 'stories' });
    this.#options = { ...options, log };
    this.hub = hub;
    this.clock = clock;
    this.tasks = tasks;
    const partialText = (pageId: string) => this.#partials.get(pageId);
    this.#parts = { read: db.read, media, tasks, providers, partialText };
    this.#runner = new StoryRunner({
      db,
      clock,
      log,
      node,
      tasks,
      providers,
      settingsMark: () => this.#mark(),
      writer: () => this.writer(),
      prices: (story) => this.prices(story),
      showText: (storyId, pageId, text) => {
        this.#partials.set(pageId, text);
        for (const wake of this.#watchers.get(storyId) ?? []) wake();
      },
      forget: (pageId) => {
        if (pageId !== null) this.#partials.delete(pageId);
        // What was committed meanwhile is read by whoever follows.
        db.signal(EVENTS_CHANNEL);
      },
    });
  }

  /** Starts the jobs; the node's lease must have been taken. */
  start(): void {
    this.#runner.start();
  }

  /** Gives back what is under way. Safe when never started. */
  close(): Promise<void> {
    return this.#runner.close();
  }

  /** What a story gets that does not say otherwise. */
  get defaults(): StoryDefaults {
    return this.#options.defaults;
  }

  get loops(): LoopState[] {
    return [this.#runner.state];
  }

  /** The writer that the settings in force ask for; opened anew when they changed. */
  writer(): Promise<StoryWriter> {
    const mark = this.#mark();
    if (this.#opened?.mark !== mark) {
      const writer = this.#options.openWriter(this.#options.sections());
      this.#opened = { mark, writer };
      writer.catch(() => {
        this.#opened = null;
      });
    }
    return this.#opened.writer;
  }

  #mark(): string {
    const { moonshot, chat } = this.#options.sections();
    return sha256Hex(JSON.stringify([moonshot ?? null, chat ?? null]));
  }

  /** What texts and pictures of a story cost now. Throws `model_not_found`. */
  async prices(story: Pick<StoryRow, 'model'>): Promise<Prices> {
    const { priceMicros: textMicros } = await this.writer();
    const { priceMicros: pictureMicros } = this.#options.providers.requireModel(story.model, null);
    return { textMicros, pictureMicros };
  }

  async #requireStyle(id: string | null | undefined): Promise<void> {
    if (!id || (await this.#options.styles.resolve(id, ''))) return;
    throw new AppError('validation_failed', {
      errors: [{ pointer: '/style', detail: 'there is no such style; see GET /v1/styles' }],
    });
  }

  /** Stores a story and has its proposals written. Throws `content_blocked`, `model_not_found`, `conflict`. */
  async create(body: CreateStoryBody, access: Access, idempotencyKey: string | null): Promise<StoryRow> {
    const { db, clock } = this.#options;
    if (idempotencyKey !== null && !(idempotencyKey.length > 0 && idempotencyKey.length <= MAX_KEY_CHARS))
      throw new AppError('malformed_request', { detail: 'An Idempotency-Key has 1 to 200 characters.' });
    const requestHash = sha256Hex(JSON.stringify(body));
    const earlier =
      idempotencyKey === null ? undefined : await findStoryByKey(db.read, access.accountId, idempotencyKey);
    if (earlier) return sameRequest(earlier, requestHash);
    const { defaults } = this.#options;
    const safety = body.safety ?? defaults.safety;
    const aheadCredits = body.ahead_budget_credits ?? defaults.aheadBudgetCredits;
    const { text: idea, words } = safeWords(body.idea, safety);
    const cast = body.characters.map((one) => safeCharacter(one, safety));
    await this.#requireStyle(body.style);
    const { textMicros } = await this.prices({ model: body.model });
    const now = clock.now();
    const story = await db.write(createStory, {
      story: {
        id: newId('story', now),
        account_id: access.accountId,
        credential_id: access.credentialId,
        idea,
        language: body.language,
        style_id: body.style,
        style_text: body.style_text === null ? null : safeWords(body.style_text, safety).text,
        model: body.model,
        aspect_ratio: body.aspect_ratio,
        page_count: body.pages,
        safety,
        softened: JSON.stringify(words),
        ahead: body.ahead ?? defaults.ahead,
        ahead_budget_micros: Math.round(aheadCredits * MICROS_PER_CREDIT),
        seed: body.seed ?? randomInt(MAX_SEED),
        cast_wanted: JSON.stringify(cast),
        idempotency_key: idempotencyKey,
        request_hash: requestHash,
      },
      count: body.proposals,
      textMicros,
      now,
    });
    this.#changed();
    return sameRequest(story, requestHash);
  }

  /** The account's own story; foreign and unknown ids are the same to the caller. */
  async get(id: string, access: Access): Promise<StoryRow> {
    const story = await findStory(this.#options.db.read, id);
    if (!story || story.account_id !== access.accountId)
      throw new AppError('not_found', { detail: 'There is no such story.' });
    return story;
  }

  list(filter: Parameters<typeof listStories>[1]): Promise<StoryRow[]> {
    return listStories(this.#options.db.slow, filter);
  }

  /** A story of any account as its webhooks tell of it; null when there is none. */
  async describe(storyId: string, pageId: string | null, baseUrl: string): Promise<StoryNewsBody | null> {
    const story = await findStory(this.#options.db.read, storyId);
    if (!story) return null;
    const view = await this.view({ baseUrl, language: 'en' }, story);
    const { pages, proposals: _proposals, outline: _outline, ...news } = view;
    return { ...news, page: pages.find(({ id }) => id === pageId) ?? null };
  }

  view(view: StoryView, story: StoryRow): Promise<StoryBody> {
    return viewStory(this.#parts, view, story);
  }

  viewHeads(view: StoryView, stories: readonly StoryRow[]): Promise<StoryHeadBody[]> {
    return viewHeads(this.#parts, view, stories);
  }

  /** How the event stream of an account tells of its stories. */
  get streamed(): StreamedKind {
    return {
      topic: STORY_TOPIC,
      updated: 'story.updated',
      removed: 'story.removed',
      describe: async (accountId, ids, view) =>
        this.viewHeads(view, await findStories(this.#options.db.read, accountId, ids)),
    };
  }

  /** Throws `not_found`, `conflict` while proposals are being written, `content_blocked`. */
  async propose(
    id: string,
    access: Access,
    wanted: { idea?: string | undefined; pages?: number | undefined; proposals: number },
  ): Promise<void> {
    const { db, clock } = this.#options;
    const story = await this.get(id, access);
    const safe = wanted.idea === undefined ? null : safeWords(wanted.idea, story.safety);
    const { textMicros } = await this.prices(story);
    await db.write(proposeAgain, {
      id,
      accountId: access.accountId,
      change: {
        ...(safe === null ? {} : { idea: safe.text, softened: JSON.stringify(safe.words) }),
        ...(wanted.pages === undefined ? {} : { page_count: wanted.pages }),
      },
      count: wanted.proposals,
      textMicros,
      now: clock.now(),
    });
    this.#changed();
  }

  /** Throws `not_found` (for a reference picture too), `conflict` for an unknown proposal, `content_blocked`. */
  async setOutline(
    id: string,
    access: Access,
    choice: { proposal: number } | { outline: OutlineBody },
  ): Promise<void> {
    const { db, clock, media } = this.#options;
    const story = await this.get(id, access);
    if ('outline' in choice) {
      for (const text of textsOf(choice.outline)) safeWords(text, 'gentle');
      for (const { image_id: image } of choice.outline.characters)
        if (image !== undefined) await media.localFileOf(image, access.accountId);
    }
    const safe = 'outline' in choice ? { outline: safeOutline(choice.outline, story.safety) } : choice;
    await db.write(setOutline, { id, accountId: access.accountId, choice: safe, now: clock.now() });
    this.#changed();
  }

  /** Throws `not_found`, `model_not_found`, `validation_failed` for an unknown style. */
  async update(id: string, access: Access, change: StoryChange): Promise<void> {
    const { db, clock, providers } = this.#options;
    await this.get(id, access);
    if (change.model) providers.requireModel(change.model, null);
    await this.#requireStyle(change.style_id);
    await db.write(updateStory, { id, accountId: access.accountId, change, now: clock.now() });
    this.#changed();
  }

  /** Deletes a story; its pictures stay. Throws `not_found`. */
  async remove(id: string, access: Access): Promise<void> {
    const { db, clock, tasks } = this.#options;
    const taskIds = await db.write(removeStory, { id, accountId: access.accountId, now: clock.now() });
    for (const taskId of taskIds) await tasks.cancel(taskId, access);
    this.#changed();
  }

  /** Opens the first page or goes on from one; returns the page's id. Throws what `openPage` throws, and `content_blocked`. */
  async open(id: string, access: Access, way: WayOn): Promise<string> {
    const { db, clock } = this.#options;
    const story = await this.get(id, access);
    const safe = 'own' in way ? { ...way, own: safeWords(way.own, story.safety).text } : way;
    const prices = await this.prices(story);
    const { pageId, pictureTaskId } = await db.write(openPage, {
      id,
      accountId: access.accountId,
      way: safe,
      prices,
      now: clock.now(),
    });
    if (pictureTaskId !== null) await this.#options.tasks.hasten(pictureTaskId);
    this.#changed();
    return pageId;
  }

  /** Throws what `regeneratePage` throws. */
  async regenerate(
    id: string,
    access: Access,
    wanted: { pageId: string; what: 'text' | 'picture' | 'both' },
  ): Promise<void> {
    const { db, clock } = this.#options;
    const prices = await this.prices(await this.get(id, access));
    const input = { id, accountId: access.accountId, ...wanted, prices, now: clock.now() };
    await db.write(regeneratePage, input);
    this.#changed();
  }

  /** What the next steps of a story would cost. Throws `not_found` and `model_not_found`. */
  async quote(id: string, access: Access): Promise<StoryQuote> {
    const story = await this.get(id, access);
    const { textMicros, pictureMicros } = await this.prices(story);
    const each = textMicros + (story.ahead === 'pictures' ? pictureMicros : 0);
    const left = Math.max(0, story.ahead_budget_micros - story.ahead_spent_micros);
    const pages = each === 0 ? MOST_CHOICES : Math.min(MOST_CHOICES, Math.floor(left / each));
    const aheadMicros = story.ahead === 'none' ? 0 : pages * each;
    return { textMicros, pictureMicros, aheadMicros, pageCount: story.page_count };
  }

  /** A story as a book: its read pages, or with `pageId` the path that ends there. Throws `not_found`, `conflict` when empty. */
  async book(id: string, access: Access, pageId: string | null): Promise<Book> {
    return gatherBook(this.#parts, await this.get(id, access), pageId);
  }

  /** For shares: a story's title and pictures; null when the account has no such story. */
  async shareSource(accountId: string, id: string): Promise<{ title: string; imageIds: string[] } | null> {
    const story = await findStory(this.#options.db.read, id);
    if (!story || story.account_id !== accountId) return null;
    return { title: story.title, imageIds: await picturesOf(this.#parts, id) };
  }

  /** For the page of a share: a story to read; null when the account has no such story (any more). */
  async sharedStory(accountId: string, id: string): Promise<SharedStory | null> {
    const story = await findStory(this.#options.db.read, id);
    if (!story || story.account_id !== accountId) return null;
    return gatherSharedStory(this.#parts, story);
  }

  /** Calls `wake` while texts of a story are written on this node; returns the unsubscriber. */
  watchTexts(storyId: string, wake: () => void): () => void {
    const watchers = this.#watchers.get(storyId) ?? new Set();
    this.#watchers.set(storyId, watchers.add(wake));
    return () => {
      watchers.delete(wake);
      if (watchers.size === 0) this.#watchers.delete(storyId);
    };
  }

  #changed(): void {
    const { db } = this.#options;
    db.signal(STORIES_CHANNEL);
    db.signal(EVENTS_CHANNEL);
    this.#runner.wake();
  }
}

function sameRequest(story: StoryRow, requestHash: string): StoryRow {
  if (story.idempotency_key === null || story.request_hash === requestHash) return story;
  throw new AppError('idempotency_mismatch', {
    detail: 'This Idempotency-Key was used for another story before.',
  });
}

type Character = OutlineBody['characters'][number];

function safeCharacter(character: Character, safety: Safety): Character {
  const { name, look } = character;
  return { ...character, name: safeWords(name, safety).text, look: safeWords(look, safety).text };
}

function safeOutline(outline: OutlineBody, safety: Safety): OutlineBody {
  const safe = (text: string) => safeWords(text, safety).text;
  return {
    ...outline,
    title: safe(outline.title),
    summary: safe(outline.summary),
    characters: outline.characters.map((one) => safeCharacter(one, safety)),
    pages: outline.pages.map(({ title, summary }) => ({ title: safe(title), summary: safe(summary) })),
  };
}
