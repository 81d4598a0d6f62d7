// The Studio as people use it, in a real browser on the real program. What runs inside the page is written as text,
// since the server's compiler settings know no DOM.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import {
  chooseModel,
  launchBrowser,
  openMenu,
  openPage,
  openStudio,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
  untilInPage,
} from './studio-browser.ts';

const card = (page: Page, prompt: string) => page.locator('article', { hasText: prompt });
const pictures = (page: Page, prompt: string) => card(page, prompt).locator('[data-image] img');

async function pictureArrived(page: Page, prompt: string): Promise<void> {
  const picture = pictures(page, prompt).first();
  await picture.waitFor();
  await picture.evaluate('(image) => image.decode()');
}

function smallPicture(): Promise<Buffer> {
  return sharp({ create: { width: 320, height: 240, channels: 3, background: '#4a7c8c' } })
    .png()
    .toBuffer();
}

/** Hands a file to the page as a paste or a drop. */
async function give(page: Page, kind: 'paste' | 'drop', file: Buffer): Promise<void> {
  // The page listens from its first paint on: then it keeps the browser from opening what is dragged over it.
  await untilInPage(
    page,
    `(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([], 'a.png', { type: 'image/png' }));
      const over = { bubbles: true, cancelable: true, dataTransfer: transfer };
      return !document.body.dispatchEvent(new DragEvent('dragover', over));
    })()`,
  );
  await page.evaluate(`
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array([${[...file].join()}])], '${kind}.png', { type: 'image/png' }));
    const given = { bubbles: true, cancelable: true };
    document.body.dispatchEvent(
      '${kind}' === 'paste'
        ? new ClipboardEvent('paste', { ...given, clipboardData: transfer })
        : new DragEvent('drop', { ...given, dataTransfer: transfer }),
    );
  `);
}

describe('studio', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('from the set-up link to a picture in two clicks, and the link works once', async () => {
    const { page, assertClean, close } = await openPage(browser, server.baseUrl);
    await page.goto(server.setUpUrl);
    await page.locator('#feed button').first().click();
    await untilInPage(page, `document.querySelector('#prompt').value.length > 20`);
    const prompt = await page.inputValue('#prompt');
    await page.getByText('How will you come back?').waitFor();
    await untilInPage(
      page,
      `document.querySelector('form [type=submit]').parentElement.getBoundingClientRect().bottom <= innerHeight`,
    );
    await page.locator('form [type=submit]').click();
    await pictureArrived(page, prompt);
    assert.ok(!page.url().includes('token'), page.url());
    assertClean();
    await close();

    const second = await openPage(browser, server.baseUrl);
    await second.page.goto(server.setUpUrl);
    await second.page.getByRole('link', { name: 'Sign in with a key' }).waitFor();
    await second.close();
  });

  test('a wrong key is explained, a right one enters', async () => {
    const { page, assertClean, close } = await openPage(browser, server.baseUrl);
    await page.goto(server.baseUrl);
    await page.getByText('Sign in with an API key').click();
    await page.getByLabel('API key', { exact: true }).fill('dbk_wrong');
    await page.keyboard.press('Enter');
    const alert = page.getByRole('alert');
    for (const part of ['Likely cause', 'What to do', 'Request'])
      await alert.filter({ hasText: part }).waitFor();
    await page.getByLabel('API key', { exact: true }).fill(server.apiKey);
    await page.keyboard.press('Enter');
    await page.locator('#prompt').waitFor();
    assertClean();
    await close();
  });

  test('the card is there before the server answers, keeps its element, and survives a reload with the draft', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await page.fill('#prompt', 'a quiet harbour at noon');
    let letThrough = () => {};
    const isShown = new Promise<void>((resolve) => {
      letThrough = resolve;
    });
    await page.route('**/v1/tasks', async (route) => {
      await isShown;
      await route.continue();
    });
    await page.locator('form [type=submit]').click();
    await card(page, 'quiet harbour').waitFor();
    await page.evaluate(`document.querySelector('#feed li').setAttribute('data-first', '')`);
    assert.equal(await page.locator('li[data-first]', { hasText: 'quiet harbour' }).count(), 1);
    letThrough();
    await pictureArrived(page, 'quiet harbour');
    assert.equal(await page.locator('li[data-first]', { hasText: 'quiet harbour' }).count(), 1);
    await page.fill('#prompt', '还没写完的提示词');
    await page.reload();
    await pictureArrived(page, 'quiet harbour');
    await untilInPage(page, `document.querySelector('#prompt').value === '还没写完的提示词'`);
    assert.equal(await card(page, 'quiet harbour').count(), 1);
    assertClean();
    await close();
  });

  test('progress is live in two tabs, and cancel works', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await chooseModel(page, 'Sandbox, flaky');
    await page.fill('#prompt', 'a slow river [sandbox:delay=5m]');
    await page.locator('form [type=submit]').click();
    const other = await page.context().newPage();
    await other.goto(server.baseUrl);
    await card(other, 'a slow river').getByText('Painting').waitFor();
    await untilInPage(page, "document.title.startsWith('(1)')");
    await card(page, 'a slow river').getByRole('button', { name: 'Cancel' }).click();
    for (const tab of [page, other])
      await card(tab, 'a slow river').getByText('Cancelled. Nothing was charged.').waitFor();
    await untilInPage(page, "!document.title.startsWith('(')");
    assertClean();
    await close();
  });

  test('a failure says what, why and what to do, and can be tried again', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await chooseModel(page, 'Sandbox, flaky');
    const prompt = 'refused [sandbox:fault=content_blocked]';
    await page.fill('#prompt', prompt);
    await page.locator('form [type=submit]').click();
    const again = card(page, 'refused').getByRole('button', { name: 'Try again' });
    await again.waitFor();
    await card(page, 'refused').getByText('What to do').waitFor();
    await again.click();
    await untilInPage(page, `document.querySelectorAll('#feed article[aria-label*="refused"]').length === 2`);
    assertClean();
    await close();
  });

  test('image-to-image from a file, a paste and a drop; the slot survives a reload', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    const file = await smallPicture();
    const slot = page.getByRole('img', { name: /^Input picture/ });
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'file.png', mimeType: 'image/png', buffer: file });
    await slot.waitFor();
    await page.reload();
    await slot.waitFor();
    for (const kind of ['paste', 'drop'] as const) {
      await page.getByRole('button', { name: 'Remove the picture' }).click();
      await slot.waitFor({ state: 'detached' });
      await give(page, kind, file);
      await page.getByRole('img', { name: `Input picture: ${kind}.png` }).waitFor();
    }
    await page.fill('#prompt', 'the same in autumn');
    const sent = page.waitForRequest(
      (request) => request.method() === 'POST' && request.url().endsWith('/v1/tasks'),
    );
    await page.locator('form [type=submit]').click();
    const body = (await sent).postDataJSON();
    assert.equal(body.mode, 'image-to-image');
    assert.match(body.images[0].upload_id, /^up_/);
    await pictureArrived(page, 'the same in autumn');
    await card(page, 'the same in autumn').getByRole('button', { name: 'More for picture 1' }).click();
    await page.getByRole('menuitem', { name: 'Use as input' }).click();
    await page.getByRole('img', { name: 'Input picture: earlier result' }).waitFor();
    assertClean();
    await close();
  });

  test('a file that is no picture is refused with a reason, before anything is sent', async () => {
    const { page, close } = await openStudio(browser, server);
    await give(page, 'drop', Buffer.from('not a picture'));
    await page.getByText('not a picture that can be used').waitFor();
    await close();
  });

  test('by keyboard alone: write, submit, open large, go through, close, focus comes back', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await page.keyboard.press('Tab');
    await untilInPage(page, `document.activeElement.textContent === 'Skip to content'`);
    await page.keyboard.press('Enter');
    await untilInPage(page, `document.activeElement.id === 'main'`);
    await page.keyboard.press('Tab');
    await untilInPage(page, `document.activeElement.id === 'prompt'`);
    await page.keyboard.type('two cranes in snow');
    await page.locator('form input[type=radio][value="2"]').check();
    await page.locator('#prompt').focus();
    await page.keyboard.press('Control+Enter');
    await pictureArrived(page, 'two cranes');
    const opener = card(page, 'two cranes').locator('[data-image]').first();
    await opener.focus();
    await page.keyboard.press('Enter');
    await page.locator('.stage-loaded').waitFor();
    const first = page.url();
    await page.keyboard.press('ArrowRight');
    await page.waitForURL((url) => url.href !== first);
    await page.keyboard.press('ArrowLeft');
    await page.waitForURL(first);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await opener.and(page.locator(':focus')).waitFor();
    await page.fill('#prompt', 'something new');
    await page.keyboard.press('Alt+ArrowUp');
    await untilInPage(page, `document.querySelector('#prompt').value === 'two cranes in snow'`);
    assertClean();
    await close();
  });

  test('the Enter of an input method never submits', async () => {
    const { page, close } = await openStudio(browser, server);
    let posted = 0;
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().endsWith('/v1/tasks')) posted += 1;
    });
    await page.fill('#prompt', 'shuimohua');
    await page.locator('#prompt').evaluate(`(box) => {
      const key = { key: 'Enter', ctrlKey: true, bubbles: true, cancelable: true };
      box.dispatchEvent(new KeyboardEvent('keydown', { ...key, isComposing: true }));
      box.dispatchEvent(new KeyboardEvent('keydown', { ...key, keyCode: 229 }));
    }`);
    await page.locator('#prompt').press('Enter');
    assert.equal(await page.inputValue('#prompt'), 'shuimohua\n');
    assert.equal(posted, 0);
    assert.equal(await card(page, 'shuimohua').count(), 0);
    await close();
  });

  test('a session that ends keeps the draft and comes back to it', async () => {
    const { page, close } = await openStudio(browser, server);
    await page.fill('#prompt', 'written before the session ended');
    await page.context().clearCookies();
    await page.locator('form [type=submit]').click();
    await page.getByText('Sign in with an API key').click();
    await page.getByLabel('API key', { exact: true }).fill(server.apiKey);
    await page.keyboard.press('Enter');
    await page.locator('#prompt').waitFor();
    await untilInPage(page, `document.querySelector('#prompt').value === 'written before the session ended'`);
    await card(page, 'written before').getByRole('button', { name: 'Send again' }).click();
    await pictureArrived(page, 'written before');
    await close();
  });

  test('the language and the theme are switched at once and kept', async () => {
    const { page, close } = await openStudio(browser, server);
    await openMenu(page);
    await page.getByRole('radio', { name: '简体中文' }).check();
    await page.getByLabel('提示词', { exact: true }).waitFor();
    await page.getByRole('radio', { name: '深色' }).check();
    await page.reload();
    await page.getByLabel('提示词', { exact: true }).waitFor();
    const [language, scheme] = await page.evaluate<[string, string]>(
      '[document.documentElement.lang, getComputedStyle(document.documentElement).colorScheme]',
    );
    assert.deepEqual([language, scheme], ['zh-CN', 'dark']);
    await close();
  });
});
