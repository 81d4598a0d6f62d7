// The reader's screens, for people to look at: pages in Chinese and English, each paper, the map, what can be made again, the link
// dialog, a picture that failed, and the page that visitors of a link read.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import type { StoryBody, StoryPageBody } from '../../src/stories/contract.ts';
import { until } from '../harness/clock.ts';
import type { StudioServer } from './studio-browser.ts';

/** Stories are told while other tests use the machine. */
const PATIENCE_MS = 60_000;

/** Calls the API as the administrator. Fails on every answer outside 2xx. */
export async function callApi<T>(
  server: StudioServer,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const answer = await fetch(`${server.baseUrl}/v1/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`);
  return (answer.status === 204 ? null : await answer.json()) as T;
}

export interface MadeStory {
  id: string;
  first: StoryPageBody;
  /** The page behind the first choice of the first page, read. */
  second: StoryPageBody;
}

/** The story once `isThere`. */
export async function storyWhen(
  server: StudioServer,
  id: string,
  isThere: (story: StoryBody) => boolean,
): Promise<StoryBody> {
  return until(
    async () => {
      const story = await callApi<StoryBody>(server, 'GET', `stories/${id}`);
      return isThere(story) ? story : null;
    },
    { limitMs: PATIENCE_MS, what: 'the story' },
  );
}

/** A story with an outline and no page yet. */
export async function outlineStory(server: StudioServer, wish: Record<string, unknown>): Promise<string> {
  const { id } = await callApi<StoryBody>(server, 'POST', 'stories', wish);
  await storyWhen(server, id, ({ proposals }) => proposals.length > 0);
  await callApi(server, 'PUT', `stories/${id}/outline`, { proposal: 0 });
  return id;
}

/** A story with an outline whose pictures will be refused. */
export async function outlineRefusedStory(server: StudioServer): Promise<string> {
  const wish = { idea: 'A bear at sea', model: 'sandbox-flaky', pages: 2, ahead: 'none' };
  const id = await outlineStory(server, wish);
  const { outline } = await callApi<StoryBody>(server, 'GET', `stories/${id}`);
  assert.ok(outline);
  // The request for the picture says what its provider should do.
  const characters = outline.characters.map((one) => ({
    ...one,
    look: `${one.look} [sandbox:fault=content_blocked]`,
  }));
  await callApi(server, 'PUT', `stories/${id}/outline`, { outline: { ...outline, characters } });
  return id;
}

const isWhole = ({ writing, picture }: StoryPageBody) =>
  writing.status === 'ready' && picture.status === 'ready';

/** A story whose first two pages are read and painted, with what is made ahead of them. */
export async function makeStory(server: StudioServer, wish: Record<string, unknown>): Promise<MadeStory> {
  const id = await outlineStory(server, wish);
  await callApi(server, 'POST', `stories/${id}/start`);
  const begun = await storyWhen(server, id, ({ pages }) => pages.some(isWhole));
  const [first] = begun.pages;
  assert.ok(first);
  const { page_id: secondId } = await callApi<{ page_id: string }>(
    server,
    'POST',
    `stories/${id}/pages/${first.id}/choose`,
    { choice: 0 },
  );
  const told = await storyWhen(server, id, ({ pages }) =>
    pages.some((page) => page.id === secondId && isWhole(page)),
  );
  const second = told.pages.find((page) => page.id === secondId);
  assert.ok(second);
  return { id, first: told.pages[0] ?? first, second };
}

export const STORY_WISHES = {
  en: {
    idea: 'A small fox who is afraid of the dark follows a lantern through the forest',
    language: 'en',
    pages: 4,
  },
  zh: { idea: '住在灯塔里的小猫想知道星星晚上去了哪里', language: 'zh', pages: 4 },
} as const;

export interface StoryScreens {
  en: MadeStory;
  zh: MadeStory;
  /** Has an outline and no page. */
  unbegunId: string;
  /** Its picture was refused. */
  refusedId: string;
  shareUrl: string;
}

/** Makes what the screens show; once a server. */
export async function prepareStoryScreens(server: StudioServer): Promise<StoryScreens> {
  const [en, zh] = await Promise.all([
    makeStory(server, STORY_WISHES.en),
    makeStory(server, STORY_WISHES.zh),
  ]);
  const { url } = await callApi<{ url: string }>(server, 'POST', 'shares', { story_id: zh.id });
  const unbegunId = await outlineRefusedStory(server);
  const refusedId = await outlineRefusedStory(server);
  await callApi(server, 'POST', `stories/${refusedId}/start`);
  await storyWhen(server, refusedId, ({ pages }) => pages.some(({ picture }) => picture.status === 'failed'));
  return { en, zh, unbegunId, refusedId, shareUrl: url };
}

/** Opens a page of a story and waits for its picture. */
export async function openReader(page: Page, baseUrl: string, id: string, pageId?: string): Promise<void> {
  await page.goto(`${baseUrl}/stories/${id}/read${pageId === undefined ? '' : `?page=${pageId}`}`);
  await page.locator('.leaf img').first().waitFor();
}

/** Shows each screen on a page that is signed in and hands it to `shoot`. */
export async function shootReader(
  page: Page,
  baseUrl: string,
  { en, zh, unbegunId, refusedId, shareUrl }: StoryScreens,
  language: 'en' | 'zh',
  shoot: (page: Page, name: string) => Promise<void>,
): Promise<void> {
  const story = language === 'zh' ? zh : en;
  await openReader(page, baseUrl, story.id, story.first.id);
  await shoot(page, 'reader');
  await openReader(page, baseUrl, story.id, story.second.id);
  await shoot(page, 'reader-second');
  await page.locator('.reader-bar [popovertarget]').first().click();
  await page.locator('.reader-bar input[value=sepia]').check();
  await page.locator('.reader-bar input[value="4"]').check();
  await shoot(page, 'reader-look');
  await page.keyboard.press('Escape');
  await page.keyboard.press('m');
  await page.locator('[role=treeitem]').first().waitFor();
  await shoot(page, 'reader-map');
  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  await page.locator('dialog[open] .button-lamp').waitFor();
  await shoot(page, 'reader-again');
  await page.keyboard.press('Escape');
  await page.goto(`${baseUrl}/stories/${unbegunId}/read`);
  await page.locator('.reader-note .button-lamp').waitFor();
  await shoot(page, 'reader-begin');
  await page.goto(`${baseUrl}/stories/${refusedId}/read`);
  await page.locator('[data-trouble=failed]').waitFor();
  await shoot(page, 'reader-failed');
  await page.goto(shareUrl);
  await shoot(page, 'story-page');
  await page.goto(`${shareUrl}?page=all`);
  await shoot(page, 'story-contents');
}

/** A story whose proposals are there and none is chosen. */
export async function proposeStory(server: StudioServer, wish: Record<string, unknown>): Promise<StoryBody> {
  const { id } = await callApi<StoryBody>(server, 'POST', 'stories', wish);
  return storyWhen(server, id, ({ proposals }) => proposals.length > 0);
}

export interface MakerScreens {
  choosing: string;
  ready: string;
}

/** Makes what the maker's screens show beside the reader's stories; once a server. */
export async function prepareMakerScreens(server: StudioServer): Promise<MakerScreens> {
  const ready = await outlineStory(server, { idea: 'A lighthouse that is afraid of the dark' });
  const { id } = await proposeStory(server, { idea: 'A snail with a sword takes part in the great race' });
  return { choosing: id, ready };
}

/** Shows the screens of the list and the maker on a page that is signed in and hands each to `shoot`. */
export async function shootStories(
  page: Page,
  baseUrl: string,
  { choosing, ready }: MakerScreens,
  shoot: (page: Page, name: string) => Promise<void>,
): Promise<void> {
  await page.goto(`${baseUrl}/stories`);
  await page.locator('[data-story]').first().waitFor();
  await shoot(page, 'stories');
  await page.goto(`${baseUrl}/stories/new`);
  await page.locator('[data-prices]').waitFor();
  await page.locator('[data-ideas] button').first().click();
  await shoot(page, 'story-new');
  await page.goto(`${baseUrl}/stories/${choosing}`);
  await page.locator('[data-proposal]').first().waitFor();
  await shoot(page, 'story-proposals');
  await page.goto(`${baseUrl}/stories/${ready}`);
  await page.locator('[data-page-row]').first().waitFor();
  await page.locator('[data-prices]').waitFor();
  await shoot(page, 'story-outline');
}
