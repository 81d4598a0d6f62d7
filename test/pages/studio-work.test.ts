// The Studio's finer work in a real browser on the real program: drafts that survive everything, styles, prices, prompt
// history, HD variants, undo, shortcuts, and pictures given in every way. In-page code is text, as in studio.test.ts.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import {
  accessibilityViolations,
  chooseModel,
  eventually,
  launchBrowser,
  openStudio,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
  untilInPage,
} from './studio-browser.ts';

const card = (page: Page, prompt: string) => page.locator('article', { hasText: prompt });
const toast = (page: Page, text: string) => page.locator('.toast', { hasText: text });

async function make(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt);
  await page.locator('#prompt').press('Control+Enter');
  await card(page, prompt).locator('[data-image] img').first().waitFor();
}

/** Waits until this is what the prompt says. */
const promptSays = (page: Page, prompt: string) =>
  untilInPage(page, `document.querySelector('#prompt')?.value === ${JSON.stringify(prompt)}`);

/** The body of the next request that the page sends to this path. */
async function nextBody(
  page: Page,
  path: string,
  act: () => Promise<void>,
): Promise<Record<string, unknown>> {
  const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith(path));
  await act();
  return (await sent).postDataJSON();
}

function smallPicture(colour: string): Promise<Buffer> {
  return sharp({ create: { width: 320, height: 240, channels: 3, background: colour } })
    .png()
    .toBuffer();
}

describe('studio, at work', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('a draft survives a closed tab, navigation and a lost session, and can be discarded and had back', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await page.fill('#prompt', '雪夜的灯塔 half written');
    await page.locator('form input[type=radio][value="16:9"]').check();
    await page.locator('.style-choice').nth(2).click();
    const style = await page.locator('.style-choice:has(:checked)').textContent();
    const closed = page.waitForEvent('close');
    await page.close({ runBeforeUnload: true });
    await closed;
    const again = await page.context().newPage();
    await again.goto(`${server.baseUrl}/gallery/nowhere-at-all`);
    await again.goto(server.baseUrl);
    await again.locator('#prompt').waitFor();
    const afresh = toast(again, 'Your draft is back').getByRole('button', { name: 'Start afresh' });
    // A note goes by itself, but not while it has the focus.
    await afresh.focus();
    await promptSays(again, '雪夜的灯塔 half written');
    await again.locator('form input[type=radio][value="16:9"]:checked').waitFor({ state: 'attached' });
    await eventually(async () =>
      assert.equal(await again.locator('.style-choice:has(:checked)').textContent(), style),
    );
    await afresh.click();
    await promptSays(again, '');
    await toast(again, 'was cleared').getByRole('button', { name: 'Undo' }).click();
    await promptSays(again, '雪夜的灯塔 half written');
    assertClean();
    await close();
  });

  test('what was sent is no lost draft: no note after a reload', async () => {
    const { page, close } = await openStudio(browser, server);
    await make(page, 'a sent heron');
    await page.reload();
    await card(page, 'a sent heron').waitFor();
    assert.equal(await toast(page, 'Your draft is back').count(), 0);
    await close();
  });

  test('an address gives a start, and what was being written can be had back', async () => {
    const { page, close } = await openStudio(browser, server);
    await page.fill('#prompt', 'my own words');
    await page.reload();
    await page.goto(`${server.baseUrl}/?prompt=${encodeURIComponent('1984')}&model=sandbox`);
    await promptSays(page, '1984');
    await page.waitForURL((url) => !url.search.includes('prompt'));
    await toast(page, 'was replaced').getByRole('button', { name: 'Undo' }).click();
    await promptSays(page, 'my own words');
    await close();
  });

  test('styles: arrows choose, search narrows without losing the choice, the request carries it', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await page.locator('.style-choice').nth(2).waitFor();
    const none = page.locator('.style-choice input').first();
    await none.focus();
    await page.keyboard.press('ArrowRight');
    const chosen = page.locator('.style-choice:has(:checked)');
    await chosen.filter({ hasNotText: /^None$/ }).waitFor();
    const name = (await chosen.textContent()) ?? '';
    const all = await page.locator('.style-choice').count();
    const comesTo = (count: number) =>
      eventually(async () => assert.equal(await page.locator('.style-choice').count(), count));
    await page.getByLabel('Search styles').fill('zzzz');
    await comesTo(2);
    assert.equal(await chosen.textContent(), name);
    await page.getByLabel('Search styles').fill('');
    await comesTo(all);
    await page.fill('#prompt', 'a styled boat');
    const body = await nextBody(page, '/v1/tasks', () => page.locator('#prompt').press('Control+Enter'));
    assert.equal(typeof body.style, 'string');
    await card(page, 'a styled boat').locator('[data-image]').first().waitFor();
    await card(page, 'a styled boat').getByRole('button', { name: 'Why this result' }).click();
    const drawer = page.getByRole('dialog', { name: 'Why this result' });
    await drawer.filter({ hasText: /What the provider got.*a styled boat/s }).waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
    assertClean();
    await close();
  });

  test('the price is asked once per change, never while typing', async () => {
    const opened = await openStudio(browser, server);
    const isQuote = (request: { url(): string }) => request.url().endsWith('/v1/tasks/quote');
    // What the form is opened with has its price too. A page of its own: one that is opened anew may still get the answer
    // to what it asked before, and its second question would then be counted.
    const page = await opened.page.context().newPage();
    const first = page.waitForResponse(isQuote);
    await page.goto(server.baseUrl);
    await first;
    const quotes: unknown[] = [];
    page.on('request', (request) => {
      if (isQuote(request)) quotes.push(request.postDataJSON());
    });
    await page.locator('#prompt').pressSequentially('a long sentence, letter by letter');
    assert.deepEqual(quotes, []);
    const answered = page.waitForResponse(isQuote);
    await page.locator('form input[type=radio][value="2"]').check();
    assert.ok((await answered).ok());
    assert.equal(quotes.length, 1);
    await opened.close();
  });

  test('history: walk by keys, search, pin, forget, clear; it never loses what is being written', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    for (const prompt of ['first owl', 'second owl', 'third hare']) await make(page, prompt);
    await page.fill('#prompt', 'unsent words');
    const walked: string[] = [];
    for (const key of ['ArrowUp', 'ArrowUp', 'ArrowDown', 'ArrowDown']) {
      const before = await page.inputValue('#prompt');
      await page.locator('#prompt').press(`Alt+${key}`);
      await untilInPage(page, `document.querySelector('#prompt').value !== ${JSON.stringify(before)}`);
      walked.push(await page.inputValue('#prompt'));
    }
    assert.deepEqual(walked, ['third hare', 'second owl', 'third hare', 'unsent words']);
    await page.getByRole('button', { name: 'Earlier prompts' }).click();
    const list = page.getByRole('dialog', { name: 'Earlier prompts' });
    await list.getByText('first owl').waitFor();
    await list.getByRole('searchbox').fill('owl');
    await list.getByText('third hare').waitFor({ state: 'detached' });
    await list.locator('li', { hasText: 'first owl' }).getByRole('button', { name: 'Pin' }).click();
    await list.locator('li', { hasText: 'second owl' }).getByRole('button', { name: 'Forget' }).click();
    await list.getByText('second owl').waitFor({ state: 'detached' });
    await list.getByRole('searchbox').fill('');
    await list.getByText('third hare').waitFor();
    await list.getByRole('button', { name: 'Forget all' }).click();
    await list.getByText('This cannot be undone.').waitFor();
    await list.getByRole('button', { name: 'Forget all' }).click();
    await list.getByText('third hare').waitFor({ state: 'detached' });
    await list.getByText('first owl').click();
    await promptSays(page, 'first owl');
    await toast(page, 'was replaced').getByRole('button', { name: 'Undo' }).click();
    await promptSays(page, 'unsent words');
    assertClean();
    await close();
  });

  test('an HD variant stands on its picture; vary and delete with undo', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await make(page, 'a small mill');
    const mill = card(page, 'a small mill');
    await mill.getByRole('button', { name: 'HD', exact: true }).click();
    await mill.getByRole('button', { name: 'Open the HD picture' }).waitFor();
    assert.equal(await mill.count(), 1);
    const body = await nextBody(page, '/v1/tasks', () => mill.getByRole('button', { name: 'Vary' }).click());
    assert.deepEqual([body.mode, body.n, body.seed], ['image-to-image', 1, undefined]);
    await mill.nth(1).locator('[data-image]').waitFor();
    await mill.first().getByRole('button', { name: 'More for picture 1' }).click();
    await untilInPage(page, `document.activeElement.matches('[role=menuitem]')`);
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    // A note's time begins anew when the pointer leaves it.
    await toast(page, 'Moved to the trash').hover();
    await mill.nth(1).waitFor({ state: 'detached' });
    // A dialog that opens over the note must not take it away.
    await mill.getByRole('button', { name: 'Why this result' }).click();
    await page.locator('dialog[open]').waitFor();
    await toast(page, 'Moved to the trash').getByRole('button', { name: 'Undo' }).click();
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    await mill.nth(1).locator('[data-image] img').first().waitFor();
    assertClean();
    await close();
  });

  test('shortcuts: the help lists what works, plain keys never fire while typing and can be switched off', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await page.locator('#prompt').press('?');
    assert.equal(await page.inputValue('#prompt'), '?');
    await page.locator('#main').focus();
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
    await help.waitFor();
    for (const label of ['Generate', 'Write the prompt', 'Cancel the newest task', 'Go to Studio'])
      await help.getByText(label, { exact: true }).waitFor();
    await help.getByRole('checkbox', { name: 'Shortcuts of a single key' }).uncheck();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await untilInPage(page, `document.activeElement.id === 'main'`);
    await page.keyboard.press('/');
    assert.equal(await page.evaluate('document.activeElement.id'), 'main');
    await page.evaluate(`localStorage.removeItem('drawbridge.single-keys')`);
    await page.keyboard.press('/');
    assert.equal(await page.evaluate('document.activeElement.id'), 'prompt');
    await chooseModel(page, 'Sandbox, flaky');
    await page.fill('#prompt', 'stopped by a key [sandbox:delay=5m]');
    await page.keyboard.press('Control+Enter');
    await card(page, 'stopped by a key').getByRole('button', { name: 'Cancel' }).waitFor();
    await page.locator('#main').focus();
    await page.keyboard.press('Shift+X');
    await card(page, 'stopped by a key').getByText('Cancelled.').waitFor();
    assertClean();
    await close();
  });

  test('pictures are taken from the feed, as a link of ours, and from a copied page', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await make(page, 'a picture to drag');
    const id = await card(page, 'a picture to drag').locator('[data-image]').getAttribute('data-image');
    const slot = page.getByRole('img', { name: 'Input picture: earlier result' });
    const paste = (type: string, data: string) =>
      page.evaluate(`
        const transfer = new DataTransfer();
        transfer.setData(${JSON.stringify(type)}, ${JSON.stringify(data)});
        document.body.dispatchEvent(
          new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: transfer }),
        );
      `);
    await card(page, 'a picture to drag').locator('[data-image] img').dragTo(page.locator('#prompt'));
    await slot.waitFor();
    await page.getByRole('button', { name: 'Remove the picture' }).click();
    await slot.waitFor({ state: 'detached' });
    await paste('text/plain', `${server.baseUrl}/?view=${id}`);
    await slot.waitFor();
    await page.getByRole('button', { name: 'Remove the picture' }).click();
    await slot.waitFor({ state: 'detached' });
    await paste('text/html', '<meta charset="utf-8"><img src="https://pictures.example/a.png">');
    await page.getByText('pictures.example').waitFor();
    const body = await nextBody(page, '/v1/tasks', async () => {
      await page.fill('#prompt', 'from another page');
      await page.locator('#prompt').press('Control+Enter');
    });
    assert.deepEqual(body.images, [{ url: 'https://pictures.example/a.png' }]);
    await paste('text/plain', 'just words');
    assert.equal(await page.locator('form').getByText('just words').count(), 0);
    assertClean();
    await close();
  });

  test('an upload that a reload interrupts is sent again; a failed one can be tried again', async () => {
    const { page, close } = await openStudio(browser, server);
    let answers = 0;
    await page.route('**/v1/uploads', (route) => {
      answers += 1;
      return answers === 2 ? route.abort() : answers === 1 ? undefined : route.continue();
    });
    const file = { name: 'kept.png', mimeType: 'image/png', buffer: await smallPicture('#704020') };
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByText('Uploading').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('img', { name: 'Input picture: kept.png' }).waitFor();
    assert.equal(answers, 3);
    await close();
  });

  test('only a part is changed: painted by pointer and by keys, sent as a mask', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    const models = await page.evaluate<{ id: string; title: string }[]>(`
      fetch('v1/models').then((answer) => answer.json()).then(({ data }) => data
        .filter(({ drawbridge }) => drawbridge.capabilities.mask)
        .map(({ id, drawbridge }) => ({ id, title: drawbridge.title.en })))`);
    const file = { name: 'part.png', mimeType: 'image/png', buffer: await smallPicture('#205070') };
    if (models.length === 0)
      // No built-in model takes masks: one that says it does shows the form.
      await page.route('**/v1/models', async (route) => {
        const answer = await route.fetch();
        const list = await answer.json();
        for (const { drawbridge } of list.data) drawbridge.capabilities.mask = true;
        await route.fulfill({ response: answer, json: list });
      });
    await page.reload();
    await page.locator('input[type=file]').setInputFiles(file);
    await page.getByRole('button', { name: 'Change only a part' }).click();
    const editor = page.getByRole('dialog', { name: 'Paint over what may change' });
    const canvas = editor.locator('canvas');
    await canvas.waitFor();
    await canvas.hover({ position: { x: 60, y: 60 } });
    await page.mouse.down();
    await canvas.hover({ position: { x: 120, y: 90 } });
    await page.mouse.up();
    await canvas.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press(' ');
    assert.deepEqual(await accessibilityViolations(page), []);
    await editor.getByRole('button', { name: 'Use this part' }).click();
    await page.getByRole('button', { name: 'Edit the part' }).waitFor();
    const body = await nextBody(page, '/v1/tasks', async () => {
      await page.fill('#prompt', 'only there');
      await page.locator('#prompt').press('Control+Enter');
    });
    assert.match((body.mask as { upload_id: string }).upload_id, /^up_/);
    assertClean();
    await close();
  });

  test('the Enter of an input method submits nothing, in every field there is', async () => {
    const { page, close } = await openStudio(browser, server);
    let posted = 0;
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().endsWith('/v1/tasks')) posted += 1;
    });
    await page.fill('#prompt', 'pinyin');
    for (const fold of await page.locator('form details > summary').all()) await fold.click();
    await page.getByRole('button', { name: 'Earlier prompts' }).click();
    await page.getByRole('searchbox', { name: 'Search earlier prompts' }).waitFor();
    const tried = await page.evaluate<number>(`(() => {
      const fields = [...document.querySelectorAll('textarea, input:not([type=radio], [type=file], [type=range])')];
      for (const field of fields)
        for (const how of [{ isComposing: true }, { keyCode: 229 }])
          for (const ctrlKey of [true, false])
            field.dispatchEvent(
              new KeyboardEvent('keydown', { key: 'Enter', ctrlKey, bubbles: true, cancelable: true, ...how }),
            );
      return fields.length;
    })()`);
    assert.ok(tried >= 5, `${tried} fields`);
    assert.equal(posted, 0);
    await close();
  });
});
