// Share pages as visitors use them, and the dialog and the list as owners do, in a real browser on the real program.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { until } from '../harness/clock.ts';
import { makePictures, makeShare } from './screens-share.ts';
import {
  accessibilityViolations,
  launchBrowser,
  openPage,
  openStudio,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
  untilInPage,
} from './studio-browser.ts';

const LOOKS = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [360, 1440].map((width) => ({ colorScheme, viewport: { width, height: 800 } })),
);

async function allLoaded(page: Page): Promise<void> {
  await page.evaluate(`Promise.all([...document.images].map((image) => {
    image.loading = 'eager';
    return image.decode();
  }))`);
}

describe('share pages', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  let images: string[];
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
    images = await makePictures(server);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('a visitor sees every picture without a script, at every width and in both themes', async () => {
    const url = await makeShare(server, images, { title: 'Four places', show_prompt: true });
    const { page, assertClean, close } = await openPage(browser, server.baseUrl, {
      javaScriptEnabled: false,
    });
    for (const { colorScheme, viewport } of LOOKS) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.goto(url);
      assert.equal(await page.locator('main img').count(), images.length);
    }
    assertClean();
    await close();
    const same = await openPage(browser, server.baseUrl);
    await same.page.goto(url);
    await allLoaded(same.page);
    for (const { colorScheme, viewport } of LOOKS) {
      await same.page.setViewportSize(viewport);
      await same.page.emulateMedia({ colorScheme });
      const overflow = await same.page.evaluate<number>(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      assert.equal(overflow, 0, `${viewport.width} px`);
    }
    same.assertClean();
    await same.close();
  });

  test('several pictures lie in rows of equal height', async () => {
    const url = await makeShare(server, images, {});
    const { page, close } = await openPage(browser, server.baseUrl);
    await page.goto(url);
    await allLoaded(page);
    const boxes = await page.evaluate<{ top: number; height: number }[]>(
      `[...document.querySelectorAll('main img')].map((image) => {
        const { top, height } = image.getBoundingClientRect();
        return { top, height };
      })`,
    );
    const firstRow = boxes.filter(({ top }) => Math.abs(top - (boxes[0]?.top ?? 0)) < 2);
    assert.ok(firstRow.length >= 2, JSON.stringify(boxes));
    const heights = firstRow.map(({ height }) => height);
    assert.ok(Math.max(...heights) - Math.min(...heights) < 12, JSON.stringify(heights));
    await close();
  });

  test('the password form works by keyboard, says what is wrong, and the pass survives a reload', async () => {
    const url = await makeShare(server, images.slice(0, 1), { password: '芝麻开门', title: '秘密' });
    const { page, assertClean, close } = await openPage(browser, server.baseUrl, { locale: 'zh-CN' });
    await page.goto(url);
    assert.deepEqual(await accessibilityViolations(page), []);
    await untilInPage(page, `document.activeElement.id === 'password'`);
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: '密码不对' }).waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.locator('#password').fill('芝麻开门');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: '秘密' }).waitFor();
    await allLoaded(page);
    await page.reload();
    await page.getByRole('heading', { name: '秘密' }).waitFor();
    assertClean();
    await close();
  });

  test('“make one like this” leads to the Studio with the prompt', async () => {
    const url = await makeShare(server, images.slice(0, 1), { show_prompt: true });
    const { page, close } = await openPage(browser, server.baseUrl);
    await page.goto(url);
    const link = page.getByRole('link', { name: 'Make one like this' });
    const target = new URL((await link.getAttribute('href')) ?? '');
    assert.equal(target.origin + target.pathname, `${server.baseUrl}/`);
    assert.match(target.searchParams.get('prompt') ?? '', /^A lighthouse/);
    assert.equal(target.searchParams.get('model'), 'sandbox');
    await page.context().addCookies([await server.sessionCookie()]);
    await link.click();
    await page.locator('#prompt').waitFor();
    await until(async () => (await page.inputValue('#prompt')).startsWith('A lighthouse'));
    await close();
  });

  test('a link is made in the Studio by keyboard, with a title, an end and a password, on a phone too', async () => {
    await makeShare(server, images);
    for (const look of [LOOKS[0], LOOKS[3]]) {
      assert.ok(look);
      const { page, assertClean, close } = await openStudio(browser, server, look);
      await page.locator('[data-image]').first().waitFor();
      const share = page.getByRole('button', { name: 'Share', exact: true }).first();
      await share.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog', { name: 'Share this picture' });
      await dialog.waitFor();
      const title = `From the Studio, ${look.colorScheme} ${look.viewport.width}`;
      await dialog.getByLabel('Title').fill(title);
      await dialog.getByLabel('7 days').check();
      await dialog.getByLabel('Password').fill('abc');
      await dialog.getByLabel('Password').press('Enter');
      await dialog.getByText('At least 4 characters.').waitFor();
      await dialog.getByLabel('Password').fill('abcd');
      await dialog.getByLabel('Show the prompt').check();
      await dialog.getByLabel('Password').press('Enter');
      const address = dialog.getByLabel('Your link');
      await address.waitFor();
      await dialog.getByText(/Links that show/).waitFor();
      const url = await address.inputValue();
      assert.match(url, /\/s\/[a-z2-7]{26}$/);
      await Promise.all([
        dialog.getByRole('button', { name: 'Copied' }).waitFor(),
        dialog.getByRole('button', { name: 'Copy link' }).first().click(),
      ]);
      await dialog.getByText('QR code').press('Enter');
      const code = dialog.getByRole('img', { name: `QR code of ${url}` });
      assert.match((await code.locator('path').getAttribute('d')) ?? '', /^M0 0h7v1H0z/);
      const locked = await fetch(url, { headers: { accept: 'text/html' } });
      assert.match(await locked.text(), /<form method="post"/);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      assertClean();
      await close();
    }
  });

  test('the owner copies, opens and revokes a link in the list, after being asked', async () => {
    const url = await makeShare(server, images.slice(0, 2), { title: 'To be revoked' });
    const { page, assertClean, close } = await openStudio(browser, server);
    await page.goto(`${server.baseUrl}/account/links`);
    const entry = page.locator('li', { hasText: 'To be revoked' });
    await Promise.all([
      entry.getByRole('button', { name: 'Copied' }).waitFor(),
      entry.getByRole('button', { name: 'Copy link' }).click(),
    ]);
    assert.equal(await entry.getByRole('link', { name: 'Open' }).getAttribute('href'), url);
    await entry.getByRole('button', { name: 'Revoke' }).click();
    await entry.getByRole('button', { name: 'Keep it' }).click();
    assert.equal((await fetch(url, { headers: { accept: 'text/html' } })).status, 200);
    await entry.getByRole('button', { name: 'Revoke' }).press('Enter');
    await untilInPage(page, `document.activeElement.closest('[role=alertdialog]') !== null`);
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.keyboard.press('Enter');
    await entry.waitFor({ state: 'detached' });
    assert.equal((await fetch(url, { headers: { accept: 'text/html' } })).status, 404);
    assertClean();
    await close();
  });
});
