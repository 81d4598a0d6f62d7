// The story reader as people use it, in a real browser on the real program: from the first page by keyboard alone, on a phone, with
// a picture that fails and a text that waits; and the page that visitors of a link read without a script.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page, Route } from 'playwright-core';
import type { StoryBody } from '../../src/stories/contract.ts';
import { makeStory, openReader, outlineRefusedStory, outlineStory, STORY_WISHES } from './screens-story.ts';
import {
  accessibilityViolations,
  launchBrowser,
  openPage,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
  untilInPage,
  type WatchedPage,
} from './studio-browser.ts';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const TREE_ITEM = '[role=treeitem]';

/** Notes in the page what came first: the words of a page, or its picture. */
const WATCH_ARRIVAL = `(() => {
  window.arrived = [];
  const note = (name, there) => there && !window.arrived.includes(name) && window.arrived.push(name);
  new MutationObserver(() => {
    note('text', document.querySelector('.leaf-text p:not(.sr-only)'));
    note('picture', document.querySelector('.leaf img[data-image]'));
  }).observe(document, { subtree: true, childList: true });
})()`;

const leaf = (page: Page, id: string) => page.locator(`.leaf[data-page="${id}"]`);
const isFocused = (selector: string) => `document.activeElement?.matches(${JSON.stringify(selector)})`;

describe('story reader', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  let story: Awaited<ReturnType<typeof makeStory>>;
  const open = async (path: string, options: Parameters<typeof openPage>[2] = {}): Promise<WatchedPage> => {
    const watched = await openPage(browser, server.baseUrl, { reducedMotion: 'reduce', ...options });
    await watched.page.context().addCookies([await server.sessionCookie()]);
    await watched.page.goto(`${server.baseUrl}${path}`);
    return watched;
  };
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
    story = await makeStory(server, { ...STORY_WISHES.en, ahead: 'none' });
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('by keyboard alone: begin, choose, go back and on, the map, own words, a new picture; a reload keeps the place', async () => {
    const id = await outlineStory(server, { idea: 'A hare who paints the moon', pages: 3, ahead: 'text' });
    const { page, assertClean, close } = await open(`/stories/${id}/read`);
    await page.evaluate(WATCH_ARRIVAL);
    await page.getByRole('button', { name: 'Begin the story' }).press('Enter');
    await page.locator('.way').nth(1).waitFor();
    await page.locator('.leaf img[data-image]').waitFor();
    assert.deepEqual(await page.evaluate('window.arrived'), ['text', 'picture']);
    assert.notEqual(await page.locator('.leaf img').getAttribute('alt'), '');
    await page.locator('.way[data-way=ready]').nth(1).waitFor();
    const choice = await page.locator('.way-text').nth(1).innerText();
    await page.keyboard.press('2');
    await page.locator('.leaf-choice', { hasText: choice }).waitFor();
    await untilInPage(page, isFocused('.leaf-title'));
    const second = await page.locator('.leaf').getAttribute('data-page');
    await page.waitForURL((url) => url.searchParams.get('page') === second);
    await page.keyboard.press('ArrowLeft');
    await page.locator('.way[data-way=read]', { hasText: choice }).waitFor();
    await page.keyboard.press('ArrowRight');
    await leaf(page, second ?? '').waitFor();
    await page.reload();
    await leaf(page, second ?? '').waitFor();
    await page.keyboard.press('m');
    await page.locator(`${TREE_ITEM}[aria-current=page]`).waitFor();
    await untilInPage(page, isFocused(`${TREE_ITEM}[aria-current=page]`));
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowLeft');
    await untilInPage(page, `document.querySelectorAll('${TREE_ITEM}').length === 1`);
    await page.keyboard.press('ArrowRight');
    await page.locator(TREE_ITEM).nth(1).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.locator('.own-words input').focus();
    await page.keyboard.insertText('They ask the moon itself');
    await page.keyboard.press('Enter');
    await page.locator('.leaf-choice', { hasText: 'They ask the moon itself' }).waitFor();
    await page.locator('.leaf img[data-image]').waitFor();
    const painted = await page.locator('.leaf img').getAttribute('data-image');
    await page.keyboard.press('r');
    await page.getByRole('radio', { name: /^Picture/ }).focus();
    await page.locator('dialog[open] .button-lamp').press('Enter');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.locator(`.leaf img[data-image]:not([data-image="${painted}"])`).waitFor();
    await page.keyboard.press('+');
    await untilInPage(page, `document.querySelector('.reader').dataset.size === '3'`);
    assertClean();
    await close();
  });

  test('on a phone: tap on, another paper, nothing wider than the screen; both languages pass the checker', async () => {
    const chinese = { ...PHONE, locale: 'zh-CN', colorScheme: 'dark' as const };
    const { page, assertClean, close } = await open(
      `/stories/${story.id}/read?page=${story.first.id}`,
      chinese,
    );
    await page.locator('.way').first().tap();
    await leaf(page, story.second.id).waitFor();
    await page.getByRole('button', { name: '上一页' }).tap();
    await leaf(page, story.first.id).waitFor();
    await page.getByRole('button', { name: '字号与纸张' }).tap();
    await page.getByRole('radio', { name: '米黄' }).check();
    await page.locator('.reader[data-paper=sepia]').waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    await page.reload();
    await page.locator('.reader[data-paper=sepia]').waitFor();
    assertClean();
    await close();
  });

  test('a picture that failed says why and can be tried again; a text that waits says so', async () => {
    const id = await outlineRefusedStory(server);
    const { page, assertClean, close } = await open(`/stories/${id}/read`);
    await page.getByRole('button', { name: 'Begin the story' }).click();
    await page.locator('[data-trouble=failed]', { hasText: 'What to do' }).waitFor();
    await page.locator('.way').first().waitFor();
    await page.getByRole('button', { name: /^Try again/ }).click();
    await page.locator('[data-trouble=failed]').waitFor();
    await page.route('**/v1/stories/*/events', (route: Route) => route.fulfill({ status: 503 }));
    await page.route(`**/v1/stories/${id}`, async (route: Route) => {
      const response = await route.fetch();
      const body = (await response.json()) as StoryBody;
      const error = {
        code: 'provider_credentials_expired',
        title: 'The session has expired',
        detail: 'The writer refused the key.',
        cause: 'It was withdrawn.',
        fix: 'Give a new one.',
        retryable: true,
      };
      const writing = { status: 'waiting' as const, error, attempts: 1 };
      await route.fulfill({
        response,
        json: { ...body, pages: body.pages.map((one) => ({ ...one, text: '', writing })) },
      });
    });
    await page.reload();
    await page.locator('[data-trouble=waiting]', { hasText: 'goes on by itself' }).waitFor();
    await page.getByRole('button', { name: /^Try now/ }).waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    assertClean();
    await close();
  });

  test('saved as a book, shared by a link, and read by somebody without a script', async () => {
    const { page, assertClean, close } = await open('/');
    await openReader(page, server.baseUrl, story.id, story.second.id);
    await page.getByRole('button', { name: 'Save as a book' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: 'This path as EPUB' }).click();
    assert.match((await download).suggestedFilename(), /\.epub$/);
    await page.keyboard.press('s');
    await page.getByRole('button', { name: 'Make the link' }).click();
    const url = await page.locator('dialog[open] input[readonly]').inputValue();
    const visitor = await openPage(browser, server.baseUrl, { ...PHONE, javaScriptEnabled: false });
    await visitor.page.goto(url);
    assert.equal(await visitor.page.locator('main img').count(), 1);
    await visitor.page.locator('.ways a').first().tap();
    await visitor.page.locator('.choice', { hasText: story.second.choice ?? '' }).waitFor();
    await visitor.page.locator('a[rel=prev]').waitFor();
    visitor.assertClean();
    await visitor.close();
    const look = await openPage(browser, server.baseUrl, { ...PHONE, colorScheme: 'dark' });
    for (const path of ['?page=2', '?page=all']) {
      await look.page.goto(`${url}${path}`);
      assert.deepEqual(await accessibilityViolations(look.page), [], path);
      assert.equal(await look.page.evaluate('document.documentElement.scrollWidth'), 390, path);
    }
    await look.close();
    assertClean();
    await close();
  });
});
