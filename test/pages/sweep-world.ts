// A server on which every room has something to show, and a person who may enter all of them: for checks that go through every
// screen. Texts are named by their keys, so that the same steps work in every language.
import assert from 'node:assert/strict';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { accountEn } from '../../src/kernel/messages/account-en.ts';
import { accountZh } from '../../src/kernel/messages/account-zh.ts';
import { adminEn } from '../../src/kernel/messages/admin-en.ts';
import { adminZh } from '../../src/kernel/messages/admin-zh.ts';
import { batchesEn } from '../../src/kernel/messages/batches-en.ts';
import { batchesZh } from '../../src/kernel/messages/batches-zh.ts';
import { galleryEn } from '../../src/kernel/messages/gallery-en.ts';
import { galleryZh } from '../../src/kernel/messages/gallery-zh.ts';
import { sharesEn } from '../../src/kernel/messages/shares-en.ts';
import { sharesZh } from '../../src/kernel/messages/shares-zh.ts';
import { webEn } from '../../src/kernel/messages/web-en.ts';
import { webZh } from '../../src/kernel/messages/web-zh.ts';
import { formatMessage, type MessageValues } from '../../web/src/ui/messages.ts';
import { makePictures } from './gallery-pictures.ts';
import { openVisitor, PASSWORD, startAccountServer } from './screens-account.ts';
import { BATCH_LINES, makeBatch } from './screens-batch.ts';
import { makeShare } from './screens-share.ts';
import { callApi, type MadeStory, makeStory, outlineStory } from './screens-story.ts';
import type { SessionCookie, StudioServer, WatchedPage } from './studio-browser.ts';

const CATALOGUES = {
  en: {
    locale: 'en-US',
    texts: { ...webEn, ...accountEn, ...adminEn, ...batchesEn, ...galleryEn, ...sharesEn },
  },
  zh: {
    locale: 'zh-CN',
    texts: { ...webZh, ...accountZh, ...adminZh, ...batchesZh, ...galleryZh, ...sharesZh },
  },
};
export type Language = keyof typeof CATALOGUES;
export type TextKey = keyof (typeof CATALOGUES)['en']['texts'];
/** How a text of the catalogue reads on the page. */
export type Say = (key: TextKey, values?: MessageValues) => string;

/** Words of the tasks, by which their cards are found. */
export const DONE = 'an old stone bridge';
export const FAILED = 'refused [sandbox:fault=content_blocked]';
export const RUNNING = 'slow [sandbox:delay=5m]';
const PICTURES = [
  { prompt: 'A lighthouse on a basalt cliff in a winter storm, one warm window', ratio: '16:9', n: 2 },
  { prompt: '黎明时分，薄雾竹谷之上的小木茶舍，水墨画', ratio: '3:4', n: 2 },
  { prompt: DONE, ratio: '1:1', n: 2 },
];
const STORY = { idea: 'A small fox follows a lantern through the forest', language: 'en', pages: 2 };
const GRANT_CREDITS = 1_000;

export interface World {
  baseUrl: string;
  /** The person's login; the password is `PASSWORD`. */
  login: string;
  cookie: SessionCookie;
  /** Unused; opening it shows who is invited. */
  invitationUrl: string;
  shares: { one: string; many: string; locked: string; story: string };
  story: MadeStory;
  /** A story with an outline and no page yet. */
  unbegunStoryId: string;
  batchId: string;
  failedTaskId: string;
  accountId: string;
  close(): Promise<void>;
}

/** Starts a server that offers every way to sign in and fills its rooms; takes a few seconds. */
export async function startWorld(): Promise<World> {
  const server = await startAccountServer({
    DRAWBRIDGE_ACCOUNTS_OPEN_REGISTRATION: 'true',
    DRAWBRIDGE_OIDC_ISSUER: 'https://id.example.com',
    DRAWBRIDGE_OIDC_CLIENT_ID: 'studio',
    DRAWBRIDGE_OIDC_CLIENT_SECRET: 'not-used',
    DRAWBRIDGE_OIDC_NAME: 'Example',
    DRAWBRIDGE_CREDITS_PRICES: 'sandbox=1',
  });
  const { baseUrl } = server;
  const login = 'keeper';
  const invite = (body: object) => server.call('POST', '/v1/admin/invitations', body);
  const { token } = await invite({ role: 'admin', grant_credits: GRANT_CREDITS });
  await post(
    `${baseUrl}/v1/auth/invitations/accept`,
    {},
    {
      token,
      username: login,
      password: PASSWORD,
      sign_in: false,
    },
  );
  const session = await post(`${baseUrl}/v1/auth/session`, {}, { login, password: PASSWORD });
  const [pair = ''] = session.headers.getSetCookie()[0]?.split(';', 1) ?? [];
  const [name = '', value = ''] = pair.split('=', 2);
  const cookie: SessionCookie = { name, value, url: baseUrl };
  const asPerson = { cookie: pair, origin: baseUrl };
  const key = await post(`${baseUrl}/v1/keys`, asPerson, { name: 'Night job' });
  const { key: apiKey } = (await key.json()) as { key: string };
  const person: StudioServer = {
    ...server,
    apiKey,
    sessionCookie: async () => cookie,
  };
  const bearer = { authorization: `Bearer ${apiKey}` };
  const flaky = (prompt: string, wait: string) =>
    post(
      `${baseUrl}/v1/tasks`,
      { ...bearer, prefer: wait },
      { prompt, model: 'sandbox-flaky', size: '256x256' },
    );
  await makePictures(person, PICTURES);
  const failed = (await (await flaky(FAILED, 'wait=30')).json()) as { id: string };
  await flaky(RUNNING, '');
  const images = await fetch(`${baseUrl}/v1/images?limit=10`, { headers: bearer });
  const ids = ((await images.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
  const [story, unbegunStoryId] = await Promise.all([
    makeStory(person, { ...STORY, ahead: 'none' }),
    outlineStory(person, STORY),
  ]);
  const sharedStory = await callApi<{ url: string }>(person, 'POST', 'shares', { story_id: story.id });
  const [one, many, locked, batchId, invitation, account] = await Promise.all([
    makeShare(person, ids.slice(0, 1), { title: 'After the storm 风暴之后', show_prompt: true }),
    makeShare(person, ids, { title: 'Places by the water', show_prompt: true }),
    makeShare(person, ids.slice(0, 1), { password: 'sesame' }),
    makeBatch(person, { name: 'Spring catalogue', lines: BATCH_LINES }),
    invite({ email: 'kai@example.com' }),
    server.call('POST', '/v1/admin/accounts', { name: 'Harbour Studio', grant_credits: 100 }),
  ]);
  return {
    baseUrl,
    login,
    cookie,
    invitationUrl: String(invitation.url),
    shares: { one, many, locked, story: sharedStory.url },
    story,
    unbegunStoryId,
    batchId,
    failedTaskId: failed.id,
    accountId: String(account.id),
    close: () => server.close(),
  };
}

async function post(url: string, headers: Record<string, string>, body: object): Promise<Response> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  assert.ok(answer.ok, `${url}: ${answer.ok ? '' : await answer.text()}`);
  return answer;
}

/** How the catalogue of a language reads; `change` is applied to the text before its values are filled in. */
export function speak(language: Language, change: (text: string) => string = (text) => text): Say {
  const { locale, texts } = CATALOGUES[language];
  return (key, values = {}) => formatMessage(change(texts[key]), values, locale);
}

export interface Walker extends WatchedPage {
  world: World;
  say: Say;
}

/** Opens a page in a language; signed in, or as somebody who is not. */
export async function openWalker(
  browser: Browser,
  world: World,
  {
    language,
    isSignedIn,
    say = speak(language),
    ...options
  }: BrowserContextOptions & {
    language: Language;
    isSignedIn: boolean;
    say?: Say;
  },
): Promise<Walker> {
  const { locale } = CATALOGUES[language];
  const watched = await openVisitor(browser, world, { locale, reducedMotion: 'reduce', ...options });
  if (isSignedIn) await watched.page.context().addCookies([world.cookie]);
  return { ...watched, world, say };
}

/** Closes whatever dialog or panel is open; notes that pass by are neither. */
export async function closeDialog(page: Page): Promise<void> {
  await page.keyboard.press('Escape');
  await page.locator('dialog[open], [popover=auto]:popover-open').first().waitFor({ state: 'detached' });
}

/** Waits until what was rendered last is laid out, and nothing fades or moves any more; what moves without end is left alone. */
export async function settled(page: Page): Promise<void> {
  await page.evaluate(`(async () => {
    const painted = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    await painted();
    await Promise.allSettled(document.getAnimations()
      .filter(({ effect }) => effect.getComputedTiming().endTime !== Infinity).map(({ finished }) => finished));
    await painted();
  })()`);
}
