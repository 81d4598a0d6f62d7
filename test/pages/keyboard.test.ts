// Whole tasks with the keyboard alone, in a real browser on the real program: those that no other page test does without the
// mouse. (Signing in: account.test.ts; writing and generating: studio.test.ts; finding, opening, marking, selecting and
// trashing: gallery.test.ts; batches: batch.test.ts.)
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import {
  launchBrowser,
  openPage,
  openStudio,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
  untilInPage,
  type WatchedPage,
} from './studio-browser.ts';

const MOST_TABS = 80;

const card = (page: Page, prompt: string) => page.locator('article', { hasText: prompt });

/** Goes on with Tab (or back with Shift+Tab) until what has the focus matches: a selector, and words of its text or label. */
async function tabTo(page: Page, selector: string, words = '', key = 'Tab'): Promise<void> {
  const isThere = `(() => {
    const element = document.activeElement;
    const said = (element?.getAttribute('aria-label') ?? '') + (element?.textContent ?? '');
    return Boolean(element?.matches(${JSON.stringify(selector)})) && said.includes(${JSON.stringify(words)});
  })()`;
  for (let step = 0; step < MOST_TABS; step += 1) {
    if (await page.evaluate<boolean>(isThere)) return;
    await page.keyboard.press(key);
  }
  assert.fail(`Tab never came to ${selector} ${words}`);
}

/** Chooses the model whose name comes at or after where the arrow keys start. */
async function chooseModelByKeys(page: Page, title: string): Promise<void> {
  // The form stands before the models are known.
  await page.locator('form button[aria-controls]').waitFor();
  await tabTo(page, 'form button[aria-controls]');
  await page.keyboard.press('Enter');
  await page.locator('form button[aria-controls][aria-expanded=true]').waitFor();
  await page.getByRole('radio', { name: title }).waitFor();
  await tabTo(page, 'form input[type=radio]');
  const chosen = `document.activeElement.closest('label')?.textContent.includes(${JSON.stringify(title)})`;
  for (let step = 0; step < MOST_TABS && !(await page.evaluate(chosen)); step += 1)
    await page.keyboard.press('ArrowDown');
  assert.ok(await page.evaluate(chosen), title);
}

async function write(page: Page, prompt: string): Promise<void> {
  // The composer stands before everything that a test may have been at.
  await tabTo(page, '#prompt', '', 'Shift+Tab');
  await page.keyboard.press('Control+a');
  await page.keyboard.type(prompt);
  await page.keyboard.press('Control+Enter');
  await card(page, prompt).waitFor();
}

describe('by keyboard alone', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  let imageId: string;
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
    const answer = await fetch(`${server.baseUrl}/v1/tasks`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${server.apiKey}`,
        'content-type': 'application/json',
        prefer: 'wait=30',
      },
      body: JSON.stringify({
        prompt: 'a harbour at dusk',
        negative_prompt: 'people',
        seed: 77,
        model: 'sandbox',
      }),
    });
    const task = (await answer.json()) as { images: { id: string }[] };
    imageId = task.images[0]?.id ?? '';
    assert.match(imageId, /^img_/);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });
  const open = async (path: string, locale = 'en-US'): Promise<WatchedPage> => {
    const watched = await openPage(browser, server.baseUrl, { locale, reducedMotion: 'reduce' });
    await watched.page.context().addCookies([await server.sessionCookie()]);
    await watched.page.goto(`${server.baseUrl}${path}`);
    return watched;
  };

  test('a failed picture is tried again; a waiting one says why, in Chinese too, and is cancelled', async () => {
    const { page, assertClean, close } = await openStudio(browser, server, { locale: 'zh-CN' });
    await chooseModelByKeys(page, '故障演练');
    await write(page, 'fails once [sandbox:fault=content_blocked times=1]');
    await card(page, 'fails once').getByRole('button', { name: '重试' }).waitFor();
    await tabTo(page, 'article button', '重试');
    await page.keyboard.press('Enter');
    await card(page, 'fails once').locator('[data-image] img').first().waitFor();
    await write(page, 'waits [sandbox:fault=rate_limited]');
    await card(page, 'waits').getByText('上一次尝试失败').waitFor();
    await tabTo(page, 'article button');
    await page.keyboard.press('Shift+X');
    await card(page, 'waits').getByText('已取消').first().waitFor();
    assertClean();
    await close();
  });

  test('a picture from a file goes into the slot and a new one comes out', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    const file = await sharp({ create: { width: 320, height: 240, channels: 3, background: '#7a4' } })
      .png()
      .toBuffer();
    // Long before the key, since the browser must know by then that the test answers.
    const chooser = page.waitForEvent('filechooser');
    // The form stands before it is known what the model takes.
    await page.locator('form button', { hasText: 'Start from a picture' }).waitFor();
    await tabTo(page, 'form button', 'Start from a picture');
    await page.keyboard.press('Enter');
    await (await chooser).setFiles({ name: 'field.png', mimeType: 'image/png', buffer: file });
    await page.getByText('field.png', { exact: true }).waitFor();
    const sent = page.waitForRequest((request) => request.url().endsWith('/v1/tasks'));
    await write(page, 'a field in the fog');
    assert.equal((await sent).postDataJSON().mode, 'image-to-image');
    await card(page, 'a field in the fog').locator('[data-image] img').first().waitFor();
    assertClean();
    await close();
  });

  test('from the gallery: a picture is shared, then made again with its settings', async () => {
    const { page, assertClean, close } = await open('/gallery?q=harbour');
    await page.locator('.wall-cell:not([hidden]) .wall-open[aria-label*=harbour]').first().waitFor();
    await tabTo(page, '.wall-open', 'harbour');
    await page.keyboard.press('s');
    await page.getByRole('dialog', { name: 'Share this picture' }).waitFor();
    await tabTo(page, 'dialog .button-lamp');
    await page.keyboard.press('Enter');
    await page.getByLabel('Your link').waitFor();
    assert.match(await page.getByLabel('Your link').inputValue(), /\/s\/[a-z2-7]{26}$/);
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await tabTo(page, '.wall-open', 'harbour');
    await page.keyboard.press('r');
    await page.locator('#prompt').waitFor();
    await untilInPage(page, `document.querySelector('#prompt')?.value === 'a harbour at dusk'`);
    await tabTo(page, '#prompt');
    const sent = page.waitForRequest((request) => request.url().endsWith('/v1/tasks'));
    await page.keyboard.press('Control+Enter');
    const { seed, negative_prompt } = (await sent).postDataJSON();
    assert.deepEqual([seed, negative_prompt], [77, 'people']);
    assertClean();
    await close();
  });

  test('the large view of a picture that the feed has not loaded: details, zoom, favourite, and all its settings', async () => {
    const { page, close } = await open('/');
    // As on the second page of a long feed.
    await page.route('**/v1/tasks?*', (route) => route.fulfill({ json: { data: [], next_cursor: null } }));
    await page.goto(`${server.baseUrl}/?view=${imageId}`);
    await page.locator('.stage-loaded').waitFor();
    // The tools and their keys come once it is known what made the picture, perhaps after the picture itself.
    await page.locator('.lightbox-button[aria-label=Favourite]').waitFor();
    await page.keyboard.press('i');
    const panel = page.locator('.lightbox-panel');
    await panel.getByText('people').waitFor();
    await panel.getByText('77', { exact: true }).waitFor();
    await page.keyboard.press('+');
    await page.locator('.stage-zoomed').waitFor();
    await page.keyboard.press('f');
    await page.locator('.lightbox-button[aria-label=Favourite][aria-pressed=true]').waitFor();
    await page.keyboard.press('r');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await untilInPage(page, `document.activeElement?.id === 'prompt'`);
    await untilInPage(page, `document.querySelector('#prompt').value === 'a harbour at dusk'`);
    await close();
  });

  test('a stuck job is looked for in Admin and repaired', async () => {
    const finding = {
      kind: 'dead_owner',
      task_id: `task_${'0'.repeat(32)}`,
      what: 'The node that ran it is gone.',
      evidence: ['lease ended'],
      action: 'resume',
      reason: 'The provider has the job.',
      from: 'running',
      to: 'running',
      note: null,
    };
    const { page, assertClean, close } = await open('/admin/repair');
    const asked: unknown[] = [];
    // No built-in provider leaves a task stuck on demand.
    await page.route('**/v1/admin/watchdog/run', (route) => {
      const body = route.request().postDataJSON();
      asked.push(body);
      const result = body.dry_run ? null : 'done';
      const run = { id: 'run_1', trigger: 'api', node: 'one', started_at: '2026-01-01T00:00:00.000Z' };
      const rest = { ended_at: null, found: 1, repaired: 0, error: null, dry_run: body.dry_run };
      return route.fulfill({ json: { ...run, ...rest, findings: [{ ...finding, result }] } });
    });
    await page.getByRole('button', { name: 'Look for stuck tasks' }).waitFor();
    await tabTo(page, 'button', 'Look for stuck tasks');
    await page.keyboard.press('Enter');
    await page.getByText('The node that ran it is gone.').waitFor();
    await tabTo(page, 'button', 'Repair 1 task');
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor();
    await tabTo(page, 'dialog button', 'Repair 1 task');
    await page.keyboard.press('Enter');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    assert.deepEqual(asked, [{ dry_run: true }, { dry_run: false, task_ids: [finding.task_id] }]);
    assertClean();
    await close();
  });
});
