// The list of stories and the maker as people use them, in a real browser on the real program: from an idea to the reader by keyboard
// alone, with the mouse and on a phone; a writer whose key has expired; and both languages and themes.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import type { StoryBody } from '../../src/stories/contract.ts';
import { until } from '../harness/clock.ts';
import { chatAnswer, chatError, FakeChat, streamedJson } from '../harness/fake-chat.ts';
import { callApi, outlineStory, proposeStory, storyWhen } from './screens-story.ts';
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

interface Task {
  id: string;
  images: readonly unknown[];
}

const IDEA = 'A kite that did not want to come down';
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
/** The smallest PNG there is: one grey dot. */
const DOT = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
  'base64',
);

const saved = (page: Page) => page.locator('[data-save=saved]');
const titles = (page: Page) =>
  page.evaluate<string[]>(`[...document.querySelectorAll('[data-page-title]')].map(({ value }) => value)`);

/** Goes on with Tab until something has the focus. */
async function tabTo(page: Page, expression: string): Promise<void> {
  for (let step = 0; step < 80; step += 1) {
    if (
      await page.evaluate<boolean>(`Boolean(document.activeElement?.matches(${JSON.stringify(expression)}))`)
    )
      return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab never came to ${expression}`);
}

/** Waits until the server's outline has these titles of pages. */
async function untilTitles(server: StudioServer, id: string, wanted: readonly string[]): Promise<StoryBody> {
  return storyWhen(server, id, ({ outline }) => {
    const now = outline?.pages.map(({ title }) => title);
    return JSON.stringify(now) === JSON.stringify(wanted);
  });
}

describe('stories in the making', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  const open = async (
    path: string,
    options: Parameters<typeof openPage>[2] = {},
    at = server,
  ): Promise<WatchedPage> => {
    const watched = await openPage(browser, at.baseUrl, { reducedMotion: 'reduce', ...options });
    await watched.page.context().addCookies([await at.sessionCookie()]);
    await watched.page.goto(`${at.baseUrl}${path}`);
    return watched;
  };
  before(async () => {
    [server, browser] = await Promise.all([
      startStudioServer({ DRAWBRIDGE_CREDITS_PRICES: 'sandbox=2' }),
      launchBrowser(),
    ]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('by keyboard alone: from an empty list to the first page, and the story deleted again', async () => {
    const { page, assertClean, close } = await open('/gallery');
    await page.locator('h1').first().waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.getByRole('heading', { name: 'No story yet' }).waitFor();
    await page.keyboard.press('n');
    await page.locator('form textarea').waitFor();
    await tabTo(page, 'form textarea');
    await page.keyboard.insertText(IDEA);
    // Enter that confirms a candidate of an input method asks for nothing.
    await page.evaluate(`document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
      { key: 'Enter', keyCode: 229, ctrlKey: true, bubbles: true, cancelable: true }))`);
    assert.match(page.url(), /\/stories\/new$/);
    await page.locator('[data-prices]', { hasText: '12 credits' }).waitFor();
    await page.locator('[data-demo-writer]').waitFor();
    await page.keyboard.press('Control+Enter');
    await page.locator('[data-proposal]').nth(2).waitFor();
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    await tabTo(page, '[data-proposal="2"] .button');
    await page.keyboard.press('Enter');
    await page.locator('[data-outline]').waitFor();
    await untilInPage(page, `document.activeElement.matches('[data-outline] h2')`);
    const before = await titles(page);
    assert.equal(before.length, 6);
    await tabTo(page, '.page-handle');
    await page.keyboard.press('ArrowDown');
    await page.locator('[data-announcer]', { hasText: 'is now 2 of 6' }).waitFor();
    await untilInPage(page, `document.activeElement.closest('[data-page-row]')?.dataset.pageRow === '2'`);
    await page.keyboard.press('End');
    const [first = '', second = '', ...rest] = before;
    await untilTitles(server, id, [second, ...rest, first]);
    await tabTo(page, '[data-page-title]');
    await page.keyboard.press('Control+a');
    await page.keyboard.insertText('The end, at last');
    await saved(page).waitFor();
    const story = await untilTitles(server, id, [second, ...rest, 'The end, at last']);
    assert.equal(story.status, 'ready');
    await page.keyboard.press('Control+Enter');
    await page.locator('.leaf').first().waitFor();
    assert.match(page.url(), /\/read/);
    await storyWhen(server, id, ({ pages }) => pages[0]?.opened === true);
    await page.keyboard.press('g');
    await page.keyboard.press('t');
    await page.locator(`[data-story="${id}"]`, { hasText: 'written' }).waitFor();
    await tabTo(page, '[data-story] .button-icon');
    await page.keyboard.press('Enter');
    await page.locator('[role=menuitem]').first().waitFor();
    await untilInPage(page, `document.activeElement.matches('[role=menuitem]')`);
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]', { hasText: 'stay in the gallery' }).waitFor();
    await tabTo(page, 'dialog .text-alarm');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'No story yet' }).waitFor();
    assertClean();
    await close();
  });

  test('the form outlives a reload; characters bring pictures from a file and from the gallery', async () => {
    const task = await callApi<Task>(server, 'POST', 'tasks', { prompt: 'a red fox', model: 'sandbox' });
    const { page, assertClean, close } = await open('/stories/new?example=true');
    await page.locator('form textarea').first().fill('Pip and Tara cross the river');
    await page.getByRole('radio', { name: 'Español' }).check();
    await page.getByRole('radio', { name: 'Watercolour' }).check();
    await page.locator('summary', { hasText: 'Characters' }).click();
    for (const [at, name] of ['Pip', 'Tara'].entries()) {
      await page.getByRole('button', { name: 'Add a character' }).click();
      await page.getByLabel('Name', { exact: true }).nth(at).fill(name);
    }
    await page.getByRole('button', { name: /^Propose outlines/ }).click();
    await page.getByText('Each character needs a name and a look.').waitFor();
    await page.getByLabel('Look', { exact: true }).nth(0).fill('a red fox with a green scarf');
    await page.getByLabel('Look', { exact: true }).nth(1).fill('an old tortoise');
    const file = page.locator('input[type=file]').first();
    await file.setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('nothing') });
    await page.getByText('This file is not a picture that can be used').waitFor();
    await file.setInputFiles({ name: 'pip.png', mimeType: 'image/png', buffer: DOT });
    await page.getByAltText('Reference picture of Pip').waitFor();
    await until(async () => (await callApi<Task>(server, 'GET', `tasks/${task.id}`)).images.length === 1);
    await page.getByRole('button', { name: 'Choose a picture of Tara from the gallery' }).click();
    await page.getByRole('dialog').getByAltText('a red fox').first().click();
    await page.getByAltText('Reference picture of Tara').waitFor();
    await page.reload();
    await page.getByAltText('Reference picture of Pip').waitFor();
    assert.equal(await page.locator('form textarea').first().inputValue(), 'Pip and Tara cross the river');
    await page.locator('summary', { hasText: 'Made ahead' }).click();
    await page.getByRole('radio', { name: 'Nothing' }).check();
    await page.getByRole('button', { name: /^Propose outlines/ }).click();
    await page.locator('[data-proposal]').first().waitFor();
    const id = new URL(page.url()).pathname.split('/').at(-1) ?? '';
    const story = await callApi<StoryBody>(server, 'GET', `stories/${id}`);
    assert.deepEqual([story.language, story.ahead, story.style !== null], ['es', 'none', true]);
    const [pip, tara] = story.proposals[0]?.characters ?? [];
    assert.deepEqual([pip?.name, pip?.image_id?.slice(0, 3)], ['Pip', 'up_']);
    assert.deepEqual([tara?.name, tara?.image_id?.slice(0, 4)], ['Tara', 'img_']);
    await page.goto(`${server.baseUrl}/stories/new`);
    await page.locator('form textarea').first().waitFor();
    assert.equal(await page.locator('form textarea').first().inputValue(), '', 'what was made is forgotten');
    assertClean();
    await close();
  });

  test('on a phone: pages dragged, added, removed and brought back; another outline taken and undone', async () => {
    const id = await outlineStory(server, { idea: IDEA, pages: 4 });
    const { page, assertClean, close } = await open(`/stories/${id}`, { viewport: PHONE.viewport });
    await page.locator('[data-page-row]').first().waitFor();
    const [one = '', two = '', three = '', four = ''] = await titles(page);
    const handle = page.locator('.page-handle').first();
    await handle.evaluate((element) => element.scrollIntoView({ block: 'center' }));
    // What stands above may still be on its way and push the rows down.
    await page.locator('[data-prices]').waitFor();
    const { x, y, targetY } = await page.evaluate<{ x: number; y: number; targetY: number }>(`(() => {
      const from = document.querySelector('.page-handle').getBoundingClientRect();
      const target = document.querySelector('[data-page-row="2"]').getBoundingClientRect();
      return { x: from.x + from.width / 2, y: from.y + 10, targetY: target.bottom - 10 };
    })()`);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x, targetY, { steps: 4 });
    await page.locator('[data-page-row="2"].page-row-after').waitFor();
    await page.mouse.up();
    await untilTitles(server, id, [two, one, three, four]);
    await page.getByRole('button', { name: `More for “${three}”` }).click();
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    const undo = page.locator('.toast').getByRole('button', { name: 'Undo' });
    // A note goes by itself, but not while it has the focus.
    await undo.focus();
    await untilTitles(server, id, [two, one, four]);
    await undo.click();
    await untilTitles(server, id, [two, one, three, four]);
    await page.getByRole('button', { name: 'Add a page', exact: true }).click();
    await page.locator('[data-save=incomplete]').waitFor();
    await page.getByRole('button', { name: /^Begin the story/ }).click();
    await page.getByText('Fill in what is empty first.').waitFor();
    await page.reload();
    await page.locator('[data-save=incomplete]').waitFor();
    await page.locator('[data-page-title]').nth(4).fill('Home');
    await untilTitles(server, id, [two, one, three, four, 'Home']);
    await page.locator('summary', { hasText: 'Other outlines' }).click();
    await page.locator('[data-proposal="3"] .button').click();
    await undo.focus();
    await storyWhen(server, id, ({ outline }) => outline?.pages.length === 4);
    await undo.click();
    await untilTitles(server, id, [two, one, three, four, 'Home']);
    await page.locator('[data-page-title]').nth(4).waitFor();
    assertClean();
    await close();
  });

  test('a key that expired: cause and fix are said, the proposals come by themselves once there is a new one, and the list in another tab follows', async (t) => {
    const chat = await FakeChat.start();
    t.after(() => chat.close());
    const folder = await mkdtemp(join(tmpdir(), 'drawbridge-maker-'));
    t.after(() => rm(folder, { recursive: true }));
    const config = join(folder, 'drawbridge.yaml');
    await writeFile(config, 'providers:\n  moonshot:\n    price_credits: 0.5\n');
    const scripted = await startStudioServer({
      MOONSHOT_API_KEY: 'sk-canarymoonshot0123456789',
      MOONSHOT_BASE_URL: chat.baseUrl,
      DRAWBRIDGE_CONFIG: config,
    });
    t.after(() => scripted.close());
    chat.script.push(chatAnswer(401, chatError('invalid_authentication_error', 'Invalid Authentication')));
    const { page, assertClean, close } = await open('/stories/new', {}, scripted);
    await page.locator('form textarea').fill(IDEA);
    await page.getByRole('button', { name: 'Propose outlines · 0.5 credits' }).waitFor();
    assert.equal(await page.locator('[data-demo-writer]').count(), 0);
    const list = await page.context().newPage();
    await list.goto(`${scripted.baseUrl}/stories`);
    await list.getByRole('heading', { name: 'No story yet' }).waitFor();
    const card = list.locator('[data-story]').first();
    await page.getByRole('button', { name: 'Propose outlines · 0.5 credits' }).click();
    const reason = card.locator('[data-outlining=waiting]', { hasText: 'The outlines have to wait' });
    await reason.waitFor();
    assert.equal(await reason.getByRole('button').count(), 0, 'it goes on by itself');
    await page.locator('[data-trouble=waiting]', { hasText: 'set-secret' }).waitFor();
    await page.getByText('It goes on by itself once this is mended.').waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    const outlines = [1, 2, 3].map((n) => ({
      title: `Pip and the moon ${n}`,
      summary: 'A fox writes a letter to the moon.',
      characters: [{ name: 'Pip', look: 'a red fox' }],
      pages: Array.from({ length: 6 }, (_, at) => ({
        title: `Part ${at + 1}`,
        summary: '<b>Pip</b> goes on.',
      })),
    }));
    chat.script.push(streamedJson({ outlines }));
    await callApi(scripted, 'PUT', 'admin/providers/moonshot/secret', {
      value: 'sk-canarymoonshot9876543210',
    });
    await page.locator('[data-proposal="2"]', { hasText: 'Pip and the moon 2' }).waitFor();
    await page.locator('[data-announcer]', { hasText: '3 outlines are there.' }).waitFor();
    await page.locator('[data-trouble]').waitFor({ state: 'detached' });
    await card.getByText('Choose an outline').waitFor();
    chat.script.push(chatAnswer(400, chatError('content_filter', 'The request was rejected')));
    chat.script.push(chatAnswer(400, chatError('content_filter', 'The request was rejected')));
    await page.getByText('None of these? Ask for others').click();
    await page.getByRole('button', { name: 'Propose others · 0.5 credits' }).click();
    await page.locator('[data-trouble=failed]').getByRole('button', { name: 'Try again' }).waitFor();
    assert.equal(await page.locator('[data-proposal]').count(), 3, 'what was proposed before stays');
    chat.script.push(chatAnswer(400, chatError('content_filter', 'The request was rejected')));
    chat.script.push(chatAnswer(400, chatError('content_filter', 'The request was rejected')));
    const { id } = await callApi<StoryBody>(scripted, 'POST', 'stories', { idea: 'A second kite' });
    const failed = list.locator(`[data-story="${id}"] [data-outlining=failed]`, { hasText: 'content' });
    await failed.waitFor();
    assert.deepEqual(await accessibilityViolations(list), []);
    chat.script.push(streamedJson({ outlines }));
    await failed.getByRole('button', { name: 'Try again' }).click();
    await list.locator(`[data-story="${id}"]`, { hasText: 'Choose an outline' }).waitFor();
    await callApi(scripted, 'DELETE', `stories/${id}`);
    await list.locator(`[data-story="${id}"]`).waitFor({ state: 'detached' });
    assertClean();
    await close();
  });

  test('no accessibility violations, in both languages and themes, wide and narrow, dialogs included', async () => {
    const ready = await outlineStory(server, { idea: IDEA });
    const choosing = await proposeStory(server, { idea: 'A snail with a sword' });
    const looks = [
      { locale: 'en-US', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
      { locale: 'zh-CN', colorScheme: 'dark', ...PHONE },
    ] as const;
    for (const look of looks) {
      const { page, assertClean, close } = await open('/stories', look);
      const check = async (name: string) =>
        assert.deepEqual(await accessibilityViolations(page), [], `${name} ${look.locale}`);
      await page.locator('[data-story]').first().waitFor();
      await check('list');
      await page.goto(`${server.baseUrl}/stories/new`);
      await page.locator('[data-ideas] button').first().waitFor();
      for (const summary of await page.locator('summary').all()) await summary.click();
      await check('new');
      await page.goto(`${server.baseUrl}/stories/${choosing.id}`);
      await page.locator('[data-proposal] summary').first().click();
      await check('proposals');
      await page.goto(`${server.baseUrl}/stories/${ready}`);
      await page.locator('[data-page-row]').first().waitFor();
      await check('outline');
      await page.locator('[data-outline] .reference + div button').nth(1).click();
      await page.locator('dialog[open] input[type=search]').waitFor();
      await check('picker');
      const overflow = await page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      assert.equal(overflow, 0, `nothing stands out at the side, ${look.locale}`);
      assertClean();
      await close();
    }
  });
});
