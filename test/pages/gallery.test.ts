// The gallery as people use it: by mouse, by keyboard alone and by touch, in a real browser on the real program. What runs
// inside the page is written as text, since the server's compiler settings know no DOM.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { makePictures, openGallery, pretendPictures } from './gallery-pictures.ts';
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

const MILLION = 1_000_000;
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

const cell = (page: Page, ordinal: number) => page.locator(`.wall-cell[data-ordinal="${ordinal}"]`);
const picture = (page: Page, ordinal: number) => cell(page, ordinal).locator('.wall-open');
const count = (page: Page) => page.locator('[data-count]');
const focusedOrdinal = (page: Page) =>
  page.evaluate<string>(`document.activeElement?.closest('.wall-cell')?.dataset.ordinal ?? ''`);

/** Waits until the picture at this place is this one: its cell may stand before it is known what it shows. */
const pictureSays = (page: Page, ordinal: number, words: string) =>
  cell(page, ordinal).locator(`.wall-open[aria-label*="${words}"]`).waitFor();

const focusComesTo = (page: Page, ordinal: string) =>
  eventually(async () => assert.equal(await focusedOrdinal(page), ordinal));

describe('gallery', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  const open = async (options: Parameters<typeof openPage>[2] = {}, search = ''): Promise<WatchedPage> => {
    const watched = await openPage(browser, server.baseUrl, { reducedMotion: 'reduce', ...options });
    const { page } = watched;
    await page.context().addCookies([await server.sessionCookie()]);
    // Pictures are shown before their list is here, and what is selected by then is let go when it comes.
    const [list] = await Promise.all([
      page.waitForResponse((answer) => answer.url().includes('/v1/gallery/index')),
      openGallery(page, server.baseUrl, search),
    ]);
    await list.finished();
    await count(page).waitFor();
    return watched;
  };
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
    await makePictures(server, [
      { prompt: 'an old stone bridge', ratio: '1:1', n: 4 },
      { prompt: '雨夜里的小巷', ratio: '3:4', n: 4 },
      { prompt: 'a lighthouse at dusk', ratio: '16:9', n: 4 },
    ]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('the newest come first; a large view has its address, Back closes it, and the focus returns', async () => {
    const { page, assertClean, close } = await open();
    await count(page)
      .filter({ hasText: /^12 pictures/ })
      .waitFor();
    await pictureSays(page, 0, 'lighthouse');
    assert.equal(await cell(page, 0).getAttribute('aria-setsize'), '12');
    await picture(page, 1).click();
    await page.locator('.stage-loaded').waitFor();
    assert.match(page.url(), /view=img_/);
    // There is no next picture before this one has its place in the list.
    await page.getByText('2 of 12').waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByText('3 of 12').waitFor();
    const address = page.url();
    await page.goBack();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await focusComesTo(page, '2');
    await page.goto(address);
    await page.getByText('3 of 12').waitFor();
    await page.locator('.stage-loaded').waitFor();
    await page.keyboard.press('i');
    await page.locator('.lightbox-panel', { hasText: 'sandbox' }).waitFor();
    await page.keyboard.press('+');
    await page.locator('.stage-zoomed').waitFor();
    assertClean();
    await close();
  });

  test('by keyboard alone: search, open, next, favourite, select a range, trash, undo', async () => {
    const { page, assertClean, close } = await open();
    await page.keyboard.press('/');
    await page.keyboard.type('lighthouse');
    await page.keyboard.press('Enter');
    await count(page).filter({ hasText: '4 pictures' }).waitFor();
    assert.match(page.url(), /q=lighthouse/);
    await pictureSays(page, 0, 'lighthouse');
    for (let step = 0; step < 20 && (await focusedOrdinal(page)) === ''; step += 1)
      await page.keyboard.press('Tab');
    assert.equal(await focusedOrdinal(page), '0');
    await page.keyboard.press('Enter');
    await page.getByText('1 of 4').waitFor();
    await page.keyboard.press('ArrowRight');
    await page.getByText('2 of 4').waitFor();
    await page.keyboard.press('f');
    await page.locator('.lightbox-button[aria-pressed=true]').first().waitFor();
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await cell(page, 1).locator('.wall-heart:not([hidden])').waitFor();
    await focusComesTo(page, '1');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await page.getByText('3 selected').waitFor();
    await page.keyboard.press('Delete');
    await page.getByText('3 pictures moved to the trash').waitFor();
    const undo = page.getByRole('button', { name: 'Undo' });
    // A note goes by itself, but not while it has the focus.
    await undo.focus();
    await count(page).filter({ hasText: '1 picture' }).waitFor();
    await undo.press('Enter');
    await count(page).filter({ hasText: '4 pictures' }).waitFor();
    assertClean();
    await close();
  });

  test('all that match are trashed on the server, restored, and one is deleted for ever', async () => {
    const { page, assertClean, close } = await open({}, '?q=bridge');
    await picture(page, 0).click({ modifiers: ['ControlOrMeta'] });
    await page.getByRole('button', { name: 'Select all 4 that match' }).click();
    await page.getByText('4 selected').waitFor();
    await page.getByRole('button', { name: 'Move to trash' }).click();
    await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
    await page.getByRole('button', { name: 'Trash', exact: true }).click();
    await count(page).filter({ hasText: '4 pictures' }).waitFor();
    await page.locator('.wall-shown').first().waitFor();
    await cell(page, 0).hover();
    await cell(page, 0).locator('.wall-check').click();
    await picture(page, 1).click();
    await page.getByText('2 selected').waitFor();
    await page.getByRole('button', { name: 'Restore' }).click();
    await count(page).filter({ hasText: '2 pictures' }).waitFor();
    await pictureSays(page, 0, 'bridge');
    await picture(page, 0).focus();
    await page.keyboard.press('Delete');
    await page.getByRole('button', { name: 'Delete 1 picture' }).click();
    await count(page).filter({ hasText: '1 picture' }).waitFor();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await pictureSays(page, 0, 'bridge');
    await picture(page, 0).focus();
    await page.keyboard.press('Space');
    await page.getByRole('button', { name: 'Restore' }).click();
    await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
    assertClean();
    await close();
  });

  test('filters are in the address and say what they would show; Chinese is found by parts of words', async () => {
    const { page, assertClean, close } = await open();
    await count(page)
      .filter({ hasText: /^\d+ pictures/ })
      .waitFor();
    const everything = (await count(page).textContent()) ?? '';
    await page.getByRole('button', { name: 'Filters' }).click();
    const dialog = page.locator('dialog[open]');
    // Whatever is drawn anew between the click and the new address shows the choice before, so it is waited for.
    await dialog.getByRole('button', { name: `Show ${everything}` }).waitFor();
    await dialog.getByRole('radio', { name: /^Portrait/ }).click();
    await dialog.getByRole('radio', { name: /^Portrait/, checked: true }).waitFor();
    await dialog.getByRole('button', { name: 'Show 4 pictures' }).click();
    await count(page).filter({ hasText: '4 pictures' }).waitFor();
    assert.match(page.url(), /ratio=portrait/);
    await page.getByRole('button', { name: 'Remove the filter Portrait' }).click();
    // So many pictures match the next filter too.
    await count(page).filter({ hasText: everything }).waitFor();
    await page.getByLabel('Search prompts').fill('小巷');
    await page.waitForURL(/q=/);
    await count(page).filter({ hasText: '4 pictures' }).waitFor();
    await page.reload();
    assert.equal(await page.inputValue('#gallery-search'), '小巷');
    await count(page).filter({ hasText: '4 pictures' }).waitFor();
    await page.goBack();
    await count(page).filter({ hasText: everything }).waitFor();
    assertClean();
    await close();
  });

  test('new pictures are told, and move nothing until they are asked for', async () => {
    const { page, assertClean, close } = await open();
    await cell(page, 0).locator('.wall-shown').waitFor();
    const before = await count(page).textContent();
    const name = await picture(page, 0).getAttribute('aria-label');
    // What is made before the line is open is told to nobody.
    await page.getByRole('img', { name: 'Live', exact: true }).waitFor();
    await makePictures(server, [{ prompt: 'a paper boat', ratio: '1:1', n: 1 }]);
    const pill = page.getByRole('button', { name: '1 new picture' });
    await pill.waitFor();
    assert.equal(await picture(page, 0).getAttribute('aria-label'), name);
    assert.equal(await count(page).textContent(), before);
    await pill.click();
    await page.locator('.wall-cell[data-ordinal="0"] [aria-label="a paper boat"]').waitFor();
    await pill.waitFor({ state: 'detached' });
    assertClean();
    await close();
  });

  test('a picture goes back to the Studio with its words or all its settings', async () => {
    const { page, assertClean, close } = await open({}, '?q=lighthouse');
    await pictureSays(page, 0, 'lighthouse');
    await picture(page, 0).focus();
    await page.keyboard.press('p');
    await page.locator('#prompt').waitFor();
    await untilInPage(page, `document.querySelector('#prompt')?.value === 'a lighthouse at dusk'`);
    await page.goBack();
    // A click on a place whose picture is not known yet does nothing.
    await pictureSays(page, 0, 'lighthouse');
    await picture(page, 0).click();
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: 'Use as input' }).click();
    await page.locator('#prompt').waitFor();
    assertClean();
    await close();
  });

  test('by touch at 390 px: rest a finger and move it to select, tap the picture to open', async () => {
    const { page, assertClean, close } = await open(PHONE);
    const session = await page.context().newCDPSession(page);
    const centre = async (ordinal: number) => {
      await cell(page, ordinal).locator('.wall-shown').waitFor();
      return page.evaluate<{ x: number; y: number }>(`(() => {
        const cell = document.querySelector('.wall-cell[data-ordinal="${ordinal}"]');
        const { x, y, width, height } = cell.getBoundingClientRect();
        return { x: x + width / 2, y: y + height / 2 };
      })()`);
    };
    const touch = async (
      type: 'touchStart' | 'touchMove' | 'touchEnd',
      points: { x: number; y: number }[],
    ) => {
      await session.send('Input.dispatchTouchEvent', { type, touchPoints: points });
    };
    await touch('touchStart', [await centre(1)]);
    await page.getByText('1 selected').waitFor();
    await touch('touchMove', [await centre(2)]);
    await touch('touchMove', [await centre(4)]);
    await page.getByText('4 selected').waitFor();
    await touch('touchEnd', []);
    await page.getByText('4 selected').waitFor();
    await page.getByRole('button', { name: 'Clear the selection' }).tap();
    await picture(page, 0).tap();
    await page.locator('.stage-loaded').waitFor();
    await page.getByRole('button', { name: 'Next picture' }).tap();
    await page.getByText('2 of').waitFor();
    await page.getByRole('button', { name: 'Close' }).tap();
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    assertClean();
    await close();
  });

  test('a picture whose file cannot be had is explained', async () => {
    const { page, close } = await open();
    await page.route('**/media/final/**', (route) => route.fulfill({ status: 404 }));
    await picture(page, 0).click();
    await page.getByRole('heading', { name: 'The picture could not be loaded' }).waitFor();
    await page.getByRole('button', { name: 'Look for a good copy' }).waitFor();
    await page.goto(`${server.baseUrl}/gallery?view=img_${'0'.repeat(32)}`);
    await page.getByRole('heading', { name: 'This picture is gone' }).waitFor();
    await close();
  });

  test('the first pictures do not wait for the list, nothing moves when it comes, and the place is kept', async () => {
    const { page, assertClean, close } = await openPage(browser, server.baseUrl, { reducedMotion: 'reduce' });
    await page.context().addCookies([await server.sessionCookie()]);
    await pretendPictures(page, server.baseUrl, 5_000);
    const list = Promise.withResolvers<void>();
    const errorTexts = Promise.withResolvers<void>();
    await page.route('**/v1/gallery/index?*', async (route) => {
      await list.promise;
      await route.fallback();
    });
    await page.route('**/assets/errors-*.js', async (route) => {
      await errorTexts.promise;
      await route.fallback();
    });
    const screen = () =>
      page.evaluate<string[]>(`[...document.querySelectorAll('.wall-cell[data-ordinal]')].map((cell) => {
        const { x, y, width, height } = cell.getBoundingClientRect();
        return [cell.dataset.ordinal, x, y, width, height, cell.querySelector('.wall-shown')?.src].join(' ');
      }).filter((line) => Number(line.split(' ')[2]) < innerHeight).sort()`);
    const isDrawn = `[...document.querySelectorAll('.wall-cell[data-ordinal]')].filter((cell) =>
      cell.getBoundingClientRect().y < innerHeight).every((cell) => cell.querySelector('.wall-shown'))`;
    await openGallery(page, server.baseUrl);
    await untilInPage(page, isDrawn);
    assert.equal(await count(page).count(), 0, 'the list is not here');
    const before = await screen();
    assert.ok(before.length > 20, before.join('\n'));
    list.resolve();
    await count(page).filter({ hasText: '5,000 pictures' }).waitFor();
    assert.deepEqual(await screen(), before);
    errorTexts.resolve();
    await page.evaluate(`(async () => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const texts = () => performance.getEntriesByType('resource').find(({ name }) => name.includes('/errors-en'));
      while (!texts()?.responseEnd) await frame();
      await import(texts().name);
      await frame();
      await frame();
    })()`);
    assert.deepEqual(await screen(), before, 'new texts leave the wall alone');

    // The cells of a row end at one height, and the document has them in any order until the page rests.
    const topCell = `[...document.querySelectorAll('.wall-cell[data-ordinal]')].map((cell) =>
        [cell.getBoundingClientRect().bottom, Number(cell.dataset.ordinal)]).filter(([bottom]) => bottom > 200)
        .sort(([a, left], [b, right]) => a - b || left - right)[0]?.[1]`;
    const top = () => page.evaluate<number>(topCell);
    await page.evaluate(`scrollTo({ top: 60_000, behavior: 'instant' })`);
    // The cells of the place before go with the next frame.
    await untilInPage(page, `(${topCell}) !== undefined && ${isDrawn}`);
    const place = await top();
    const windows: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/v1/gallery/window')) windows.push(request.url());
    });
    await page.reload();
    await cell(page, place).locator('.wall-shown').waitFor();
    assert.equal(await top(), place);
    assert.ok(windows.length > 0 && windows.every((url) => url.includes('anchor=')), windows.join('\n'));
    assertClean();
    await close();
  });

  test('first rows of a list that has changed since are replaced', async () => {
    const { page, assertClean, close } = await openPage(browser, server.baseUrl, { reducedMotion: 'reduce' });
    await page.context().addCookies([await server.sessionCookie()]);
    await pretendPictures(page, server.baseUrl, 5_000);
    const list = Promise.withResolvers<void>();
    await page.route('**/v1/gallery/index?*', async (route) => {
      await list.promise;
      await route.fallback();
    });
    // The first rows are those of the list before three more pictures came.
    await page.route('**/v1/gallery/window?limit=*', async (route) => {
      const [url, query] = route.request().url().split('?', 2);
      await route.fallback({ url: `${url}?anchor=img_${'f'.repeat(32)}&offset=3&${query}` });
    });
    await openGallery(page, server.baseUrl);
    await pictureSays(page, 0, 'picture 3');
    list.resolve();
    await count(page).filter({ hasText: '5,000 pictures' }).waitFor();
    for (const ordinal of [0, 1, 12]) await pictureSays(page, ordinal, `picture ${ordinal}`);
    assertClean();
    await close();
  });

  for (const deviceScaleFactor of [1, 2]) {
    test(`a million pictures at ${deviceScaleFactor}×: the last one, few elements, a short page`, async () => {
      const watched = await openPage(browser, server.baseUrl, { deviceScaleFactor });
      const { page, assertClean, close } = watched;
      await page.context().addCookies([await server.sessionCookie()]);
      await pretendPictures(page, server.baseUrl, MILLION);
      await openGallery(page, server.baseUrl);
      await count(page).filter({ hasText: '1,000,000 pictures' }).waitFor();
      // The count is that of the list's beginning; End leads to the last picture of what is here.
      await page.locator(`.wall-cell[data-ordinal="0"][aria-setsize="${MILLION}"]`).waitFor();
      await picture(page, 0).focus();
      await page.keyboard.press('End');
      await page.locator('.wall-open[aria-label="picture 999999"]').waitFor();
      await cell(page, MILLION - 1)
        .locator('.wall-shown')
        .waitFor();
      await eventually(async () => {
        const box = await cell(page, MILLION - 1).boundingBox();
        assert.ok(box && box.y > 100 && box.y + box.height <= 900, JSON.stringify(box));
      });
      assert.ok((await page.locator('.wall-cell').count()) <= 200);
      assert.ok((await page.evaluate<number>('document.documentElement.scrollHeight')) < 8_001_000);
      await page.evaluate('scrollTo(0, 4_000_000)');
      const middle = `[...document.querySelectorAll('.wall-cell[data-ordinal]')].find((one) => {
        const { top } = one.getBoundingClientRect();
        const ordinal = Number(one.dataset.ordinal);
        return top > 300 && top < 700 && ordinal > 400_000 && ordinal < 600_000 && one.querySelector('.wall-shown');
      })`;
      await untilInPage(page, middle);
      const { top, at } = await page.evaluate<{ top: string; at: number }>(
        `((cell) => ({ top: cell.dataset.ordinal, at: cell.getBoundingClientRect().y }))(${middle})`,
      );
      assert.equal(
        await page.locator('.wall-open[tabindex="0"]').count(),
        1,
        'Tab leads to the wall from anywhere',
      );
      await page.mouse.move(400, 400);
      await page.mouse.wheel(0, 120);
      await untilInPage(
        page,
        `document.querySelector('.wall-cell[data-ordinal="${top}"]').getBoundingClientRect().y < ${at}`,
      );
      await page.keyboard.press('Home');
      await page.locator('.wall-open[aria-label="picture 0"]').waitFor();
      assertClean();
      await close();
    });
  }
});
