// Binds the contracts of the stories slice to its verbs.
import type { FastifyReply } from 'fastify';
import { type Access, type BoundRoute, bindRoute } from '../kernel/route.ts';
import { idempotencyKey } from '../tasks/tasks.ts';
import type { Book } from './book.ts';
import type { StoryChange } from './change-store.ts';
import * as contract from './contract.ts';
import type { Stories } from './stories.ts';
import { STORY_IDEAS } from './story-ideas.ts';
import { streamStory } from './story-stream.ts';
import type { StoryView } from './view.ts';

const MICROS_PER_CREDIT = 1_000_000;
const RETRY_AFTER_S = 1;
const MAX_FILE_NAME_CHARS = 80;

export function storyRoutes(stories: Stories): BoundRoute[] {
  return [...beginning(stories), ...reading(stories), ...telling(stories), ...exporting(stories)];
}

type Asked = StoryView & { access: Access };

function beginning(stories: Stories): BoundRoute[] {
  const show = async ({ baseUrl, language, access }: Asked, id: string) =>
    stories.view({ baseUrl, language }, await stories.get(id, access));
  return [
    bindRoute(contract.createStoryRoute, async (request) => {
      const story = await stories.create(request.body, request.access, idempotencyKey(request.headers));
      const body = await show(request, story.id);
      const headers = { location: body.urls.get, 'retry-after': RETRY_AFTER_S };
      return { status: 202 as const, headers, body };
    }),
    bindRoute(contract.storyIdeasRoute, async ({ query: { language } }) => {
      const { name, byDemoWriter, priceMicros } = await stories.writer();
      const writer = { name, by_demo_writer: byDemoWriter, price_credits: priceMicros / MICROS_PER_CREDIT };
      const { safety, ahead, aheadBudgetCredits } = stories.defaults;
      const defaults = { safety, ahead, ahead_budget_credits: aheadBudgetCredits };
      const ideas = [...STORY_IDEAS[language]];
      return { status: 200 as const, body: { language, ideas, writer, defaults } };
    }),
    bindRoute(contract.proposeOutlinesRoute, async (request) => {
      const { id } = request.params;
      await stories.propose(id, request.access, request.body);
      return { status: 202 as const, body: await show(request, id) };
    }),
    bindRoute(contract.setOutlineRoute, async (request) => {
      const { id } = request.params;
      await stories.setOutline(id, request.access, request.body);
      return { status: 200 as const, body: await show(request, id) };
    }),
    bindRoute(contract.updateStoryRoute, async (request) => {
      const { id } = request.params;
      await stories.update(id, request.access, changeOf(request.body));
      return { status: 200 as const, body: await show(request, id) };
    }),
    bindRoute(contract.removeStoryRoute, async ({ params, access }) => {
      await stories.remove(params.id, access);
      return { status: 204 as const };
    }),
  ];
}

type Change = Partial<{
  style: string | null;
  style_text: string | null;
  model: string | null;
  aspect_ratio: string;
  ahead: 'none' | 'text' | 'pictures';
  ahead_budget_credits: number;
}>;

function changeOf({
  style,
  ahead_budget_credits: budget,
  ...rest
}: { [K in keyof Change]?: Change[K] | undefined }): StoryChange {
  const same = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    ...same,
    ...(style === undefined ? {} : { style_id: style }),
    ...(budget === undefined ? {} : { ahead_budget_micros: Math.round(budget * MICROS_PER_CREDIT) }),
  };
}

function reading(stories: Stories): BoundRoute[] {
  return [
    bindRoute(contract.listStoriesRoute, async ({ query, access, baseUrl, language }) => {
      const { limit, cursor } = query;
      const rows = await stories.list({ accountId: access.accountId, before: cursor, limit: limit + 1 });
      const page = rows.slice(0, limit);
      const next = rows.length > page.length ? (page.at(-1)?.id ?? null) : null;
      const data = await stories.viewHeads({ baseUrl, language }, page);
      return { status: 200 as const, body: { data, next_cursor: next } };
    }),
    bindRoute(contract.getStoryRoute, async ({ params, access, baseUrl, language }) => {
      const story = await stories.get(params.id, access);
      return { status: 200 as const, body: await stories.view({ baseUrl, language }, story) };
    }),
    bindRoute(contract.quoteStoryRoute, async ({ params, access }) => {
      const { textMicros, pictureMicros, aheadMicros, pageCount } = await stories.quote(params.id, access);
      const credits = (micros: number) => micros / MICROS_PER_CREDIT;
      return {
        status: 200 as const,
        body: {
          text_credits: credits(textMicros),
          picture_credits: credits(pictureMicros),
          page_credits: credits(textMicros + pictureMicros),
          ahead_credits: credits(aheadMicros),
          path_credits: credits((textMicros + pictureMicros) * pageCount),
        },
      };
    }),
    bindRoute(contract.storyEventsRoute, async ({ params, access, baseUrl, language }, reply) => {
      await streamStory(stories, { id: params.id, access, view: { baseUrl, language } }, reply);
      return 'handled';
    }),
  ];
}

function telling(stories: Stories): BoundRoute[] {
  const show = async ({ baseUrl, language, access }: Asked, id: string) =>
    stories.view({ baseUrl, language }, await stories.get(id, access));
  return [
    bindRoute(contract.startStoryRoute, async (request) => {
      const { id } = request.params;
      await stories.open(id, request.access, { start: true });
      return { status: 202 as const, body: await show(request, id) };
    }),
    bindRoute(contract.choosePageRoute, async (request) => {
      const { id, page: pageId } = request.params;
      const opened = await stories.open(id, request.access, { pageId, ...request.body });
      return { status: 200 as const, body: { page_id: opened, story: await show(request, id) } };
    }),
    bindRoute(contract.regeneratePageRoute, async (request) => {
      const { id, page: pageId } = request.params;
      await stories.regenerate(id, request.access, { pageId, what: request.body.what });
      return { status: 202 as const, body: await show(request, id) };
    }),
  ];
}

function exporting(stories: Stories): BoundRoute[] {
  return [
    bindRoute(contract.exportPdfRoute, async ({ params, query, access }, reply) => {
      const book = await stories.book(params.id, access, query.page ?? null);
      const { writePdf } = await import('./book-pdf.ts');
      await sendFile(reply, book, { type: 'application/pdf', ending: 'pdf' }, await writePdf(book));
      return 'handled';
    }),
    bindRoute(contract.exportEpubRoute, async ({ params, query, access }, reply) => {
      const book = await stories.book(params.id, access, query.page ?? null);
      const { writeEpub } = await import('./book-epub.ts');
      await sendFile(reply, book, { type: 'application/epub+zip', ending: 'epub' }, await writeEpub(book));
      return 'handled';
    }),
  ];
}

async function sendFile(
  reply: FastifyReply,
  { title }: Book,
  { type, ending }: { type: string; ending: string },
  bytes: Buffer,
): Promise<void> {
  const name =
    title
      .replaceAll(/[\p{C}\p{Zl}\p{Zp}"*/:<>?\\|]/gu, ' ')
      .trim()
      .slice(0, MAX_FILE_NAME_CHARS) || 'story';
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16)}`,
  );
  await reply
    .header('content-type', type)
    .header(
      'content-disposition',
      `attachment; filename="story.${ending}"; filename*=UTF-8''${encoded}.${ending}`,
    )
    .header('cache-control', 'private, no-store')
    .send(bytes);
}
