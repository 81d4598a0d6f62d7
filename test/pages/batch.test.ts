// The Batch room as people use it, in a real browser on the real program: from pasted lines, a table and combinations to a grid
// of items, with the mouse, by keyboard alone and on a phone; and ten thousand items that change fifty times a second.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { PRETEND_ID, pretendBatch } from './batch-pretend.ts';
import { BATCH_LINES, makeBatch, openBatch } from './screens-batch.ts';
import {
  eventually,
  launchBrowser,
  openPage,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
  untilInPage,
  type WatchedPage,
} from './studio-browser.ts';

const MANY = 10_000;
/** Fifty changes a second are asked about at most eight times a second. */
const MS_PER_QUESTION = 125;
/** The model that fails on request also fails now and then on its own and is tried again. */
const END_TIMEOUT_MS = 90_000;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const startButton = (page: Page) => page.getByRole('button', { name: /^Start/ });
const failedChip = (page: Page) => page.locator('[data-show=failed]');
const activeItem = (page: Page) => page.locator('.cell-grid [role=option]');

/** Goes on with Tab until something has the focus. */
async function tabTo(page: Page, expression: string): Promise<void> {
  for (let step = 0; step < 60; step += 1) {
    if (
      await page.evaluate<boolean>(`Boolean(document.activeElement?.matches(${JSON.stringify(expression)}))`)
    )
      return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`Tab never came to ${expression}`);
}

describe('batches', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  let finished: string;
  const open = async (path: string, options: Parameters<typeof openPage>[2] = {}): Promise<WatchedPage> => {
    const watched = await openPage(browser, server.baseUrl, { reducedMotion: 'reduce', ...options });
    await watched.page.context().addCookies([await server.sessionCookie()]);
    await watched.page.goto(`${server.baseUrl}${path}`);
    return watched;
  };
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
    finished = await makeBatch(server, { name: 'Spring catalogue', lines: BATCH_LINES });
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('by keyboard alone: paste lines, see what they make, start paused, resume, open an item, retry the failed one', async () => {
    const { page, assertClean, close } = await open('/batches');
    await page.getByRole('heading', { name: 'Batches' }).waitFor();
    await page.keyboard.press('n');
    await page.locator('textarea').waitFor();
    await tabTo(page, 'textarea');
    await page.keyboard.insertText(
      'a red fox\na {blue|green} teapot\na bridge [sandbox:fault=content_blocked]',
    );
    await page.locator('[data-totals]', { hasText: '4 pictures' }).waitFor();
    // The check can be here before the page's own list of models.
    await page.locator('main select').first().locator('option').nth(1).waitFor({ state: 'attached' });
    await tabTo(page, 'select');
    await page.keyboard.press('End');
    await tabTo(page, 'summary');
    await page.keyboard.press('Enter');
    await tabTo(page, 'input[type=checkbox]');
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Start 4 pictures' }).waitFor();
    await tabTo(page, '.button-lamp');
    await page.keyboard.press('Enter');
    await page.locator('[data-status=paused]').waitFor();
    await page.locator('.cell-grid').waitFor();
    await page.keyboard.press('p');
    await page.locator('[data-status=finished]').waitFor({ timeout: END_TIMEOUT_MS });
    await page.locator('[data-facts]', { hasText: '4 of 4' }).waitFor();
    await tabTo(page, '.cell-grid');
    await page.keyboard.press('End');
    await activeItem(page).filter({ hasText: 'Item 4, Failed' }).waitFor();
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]', { hasText: 'The content filter stopped this picture' }).waitFor();
    await page.keyboard.press('ArrowLeft');
    await page.locator('dialog[open] img').waitFor();
    assert.match(page.url(), /item=3/);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.waitForURL((url) => !url.searchParams.has('item'));
    await untilInPage(page, `document.activeElement.matches('.cell-grid')`);
    await page.keyboard.press('Home');
    await page.keyboard.press('Space');
    await page.keyboard.press('Shift+End');
    await page.getByText('4 selected').waitFor();
    await page.getByRole('button', { name: 'Try 1 again' }).press('Enter');
    await page.getByText('1 item is tried again.').waitFor();
    await page.locator('[data-status=finished]').waitFor({ timeout: END_TIMEOUT_MS });
    await failedChip(page).filter({ hasText: '1' }).waitFor();
    assertClean();
    await close();
  });

  test('a table as Excel in China writes it: read, its columns mapped, wrong rows named; a spreadsheet is turned away', async () => {
    const { page, assertClean, close } = await open('/batches/new');
    await page.getByRole('radio', { name: 'File' }).check();
    const input = page.locator('input[type=file]');
    await input.setInputFiles({ name: 'list.xlsx', mimeType: '', buffer: Buffer.from('PK\u0003\u0004rest') });
    await page.getByText('Save it as CSV first').waitFor();
    assert.equal(await page.locator('[data-totals]').count(), 0);
    // “提示词;张数;甲” and two rows in GB18030, the second with a number that is none.
    const buffer = Buffer.from(
      'cce1cabeb4ca3bd5c5cafd3bbcd70d0abaecbafc3b323b410d0ab2e8bafe3bb6e03b420d0a',
      'hex',
    );
    await input.setInputFiles({ name: 'list.csv', mimeType: 'text/csv', buffer });
    await page.getByText('Encoding GB18030 · Separator ;').waitFor();
    await page.locator('[data-row-errors="1"]', { hasText: 'Row 3' }).waitFor();
    await page.getByLabel('Use “张数” as').selectOption('');
    await page.locator('[data-totals]', { hasText: '2 pictures' }).waitFor();
    await page.getByRole('button', { name: 'Start 2 pictures' }).waitFor();
    assertClean();
    await close();
  });

  test('combinations count along, and a reload keeps what was typed', async () => {
    const { page, assertClean, close } = await open('/batches/new?example=true');
    await untilInPage(page, `document.querySelector('textarea')?.value.includes('teapot')`);
    await page.getByRole('radio', { name: 'Combinations' }).check();
    await page.locator('textarea').fill('a {red|blue} lighthouse\na bridge');
    await page.getByRole('checkbox', { name: '16:9' }).check();
    await page.getByRole('checkbox', { name: '1:1' }).check();
    await page.getByLabel('Seeds').fill('1-3');
    await page.getByText('3 prompts × 2 shapes × 3 seeds = 18 pictures').waitFor();
    await page.locator('[data-totals]', { hasText: '18 pictures' }).waitFor();
    await page.reload();
    await page.getByText('3 prompts × 2 shapes × 3 seeds = 18 pictures').waitFor();
    await page.getByText('Name, budget, file names').click();
    await page.getByLabel('At most, in credits').fill('0');
    await page.getByRole('button', { name: 'Start 18 pictures' }).waitFor();
    assertClean();
    await close();
  });

  test('a wrong line is named, is gone to, and can be left out', async () => {
    const { page, assertClean, close } = await open('/batches/new');
    await page.locator('textarea').fill(`a fox\n\n${'x'.repeat(8001)}\na cat`);
    await page.getByRole('button', { name: 'Row 3' }).click();
    await untilInPage(page, 'document.activeElement.selectionStart === 7');
    // The button says why it does nothing, so it can be pressed.
    await startButton(page).press('Enter');
    await page.getByText('Mend what is marked first.').waitFor();
    await page.getByRole('button', { name: 'Leave these lines out' }).click();
    await page.getByRole('button', { name: 'Start 2 pictures' }).waitFor();
    assert.equal(await page.locator('textarea').inputValue(), 'a fox\n\na cat');
    assertClean();
    await close();
  });

  test('the ZIP is saved, and what is left of a paused batch is cancelled after a question', async () => {
    const paused = await makeBatch(server, { name: 'Later', lines: BATCH_LINES, paused: true });
    const { page, assertClean, close } = await open(`/batches/${paused}`);
    await page.getByRole('button', { name: 'More for this batch' }).click();
    await page.getByRole('menuitem', { name: 'Cancel the rest' }).click();
    await page.getByRole('button', { name: 'Cancel 8 items' }).click();
    await page.locator('[data-status=finished]').waitFor();
    await page.locator('[data-show=cancelled]', { hasText: '8' }).waitFor();
    await openBatch(page, server.baseUrl, finished);
    await page.locator('[data-status=finished]').waitFor();
    await page.getByRole('button', { name: 'Download' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('menuitem', { name: 'Finished pictures (ZIP)' }).click();
    assert.match((await download).suggestedFilename(), /\.zip$/);
    assertClean();
    await close();
  });

  test('on a phone: tap to open, select by tapping, nothing wider than the screen', async () => {
    const { page, assertClean, close } = await open('/', PHONE);
    await page.locator('.rooms a', { hasText: 'Batch' }).tap();
    await page.getByRole('link', { name: 'Spring catalogue' }).tap();
    await page.locator('[data-status=finished]').waitFor();
    const grid = page.locator('.cell-grid');
    await grid.tap({ position: { x: 20, y: 20 } });
    await page.locator('dialog[open] img').waitFor();
    await page.getByRole('button', { name: 'Close' }).tap();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Select', exact: true }).tap();
    await grid.tap({ position: { x: 20, y: 20 } });
    await page.getByText('1 selected').waitFor();
    await page.getByText('Only failed or cancelled items can be tried again.').waitFor();
    for (const path of ['/batches', '/batches/new', `/batches/${finished}`]) {
      await page.goto(`${server.baseUrl}${path}`);
      await page.locator('h1').waitFor();
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390, path);
    }
    assertClean();
    await close();
  });

  test('ten thousand items that change: counts are right to the item, few elements, few questions, keys work, and in Chinese why one waits', async () => {
    const watched = await openPage(browser, server.baseUrl, { reducedMotion: 'reduce' });
    const { page } = watched;
    await page.context().addCookies([await server.sessionCookie()]);
    await pretendBatch(page, { items: MANY, changesPerS: 50 });
    await openBatch(page, server.baseUrl, PRETEND_ID);
    // The changes have gone on since the document began, perhaps long before anything was shown.
    const earlier = await page.evaluate<number>('window.pretend.batchEvents');
    await untilInPage(
      page,
      `window.pretend.batchEvents >= ${earlier + 100} && window.pretend.cellCalls >= 3`,
    );
    const changesMs = await page.evaluate<number>('window.pretend.stop()');
    const shown = `Object.fromEntries([...document.querySelectorAll('[data-show]')].map((chip) =>
      [chip.dataset.show, Number(chip.querySelector('.figures').textContent.replace(/\\D/g, ''))]))`;
    await untilInPage(
      page,
      `((now, truth) => Object.keys(now).every((name) => now[name] === truth[name]))(${shown}, window.pretend.counts())`,
    );
    const calls = await page.evaluate<number>('window.pretend.cellCalls');
    assert.ok(calls >= 3 && calls <= changesMs / MS_PER_QUESTION, `${calls} questions in ${changesMs} ms`);
    assert.ok((await page.evaluate<number>(`document.querySelectorAll('main *').length`)) <= 200);
    await page.locator('.cell-grid').focus();
    await page.keyboard.press('End');
    await activeItem(page).filter({ hasText: 'Item 10,000' }).waitFor();
    assert.equal(await activeItem(page).getAttribute('aria-posinset'), String(MANY));
    await page.keyboard.press('f');
    await failedChip(page).and(page.locator('[aria-pressed=true]')).waitFor();
    await page.keyboard.press('Home');
    await activeItem(page).filter({ hasText: 'Item 8, Failed' }).waitFor();
    assert.match(page.url(), /show=failed/);
    watched.assertClean();
    await watched.close();

    const chinese = await openPage(browser, server.baseUrl, { reducedMotion: 'reduce', locale: 'zh-CN' });
    await chinese.page.context().addCookies([await server.sessionCookie()]);
    await pretendBatch(chinese.page, { items: 100, changesPerS: 0 });
    await chinese.page.goto(`${server.baseUrl}/batches/${PRETEND_ID}?item=100`);
    const reason = chinese.page.locator('[data-item-waiting=provider_stopped]');
    // The server's own words stand there until the texts of errors and remarks have come.
    await eventually(async () =>
      assert.equal(await reason.textContent(), '“sandbox”暂不接单：暂时无法连接服务商'),
    );
    await chinese.close();
  });
});
