// Every state of a card, in a real browser: states that no built-in provider brings about on demand
// are written into the server's answer on its way to the page.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page, Route } from 'playwright-core';
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

type Fields = Record<string, unknown>;

const card = (page: Page, prompt: string) => page.locator('article', { hasText: prompt });

/** Changes the tasks of every list that the page reads. */
async function rewriteTasks(page: Page, rewrite: (tasks: Fields[]) => Fields[]): Promise<void> {
  await page.route('**/v1/tasks?*', async (route: Route) => {
    const answer = await route.fetch();
    const list = await answer.json();
    await route.fulfill({ response: answer, json: { ...list, data: rewrite(list.data) } });
  });
}

async function make(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt);
  await page.locator('#prompt').press('Control+Enter');
  await card(page, prompt).locator('[data-image] img').first().waitFor();
}

const at = (secondsAgo: number) => new Date(Date.now() - secondsAgo * 1000).toISOString();

/** What a task looks like that waits behind three others. */
const queued: Fields = {
  status: 'queued',
  phase: null,
  progress: null,
  queue_position: 4,
  eta_s: 1790,
  images: [],
  started_at: null,
  finished_at: null,
  created_at: at(5),
};

/** What a task looks like that a second provider has taken over. */
const switched: Fields = {
  status: 'running',
  phase: 'waiting',
  progress: 0.42,
  eta_s: 20,
  images: [],
  started_at: at(10),
  finished_at: null,
  attempts: [1, 2].map((n) => ({
    n,
    provider: n === 1 ? 'north' : 'south',
    provider_model: null,
    switched: n === 1 ? null : { from: 'north', reason: 'rate limited' },
    outcome: n === 1 ? 'rejected' : 'open',
    started_at: at(10),
    ended_at: n === 1 ? at(8) : null,
    submit_ms: null,
    wait_ms: null,
    save_ms: null,
    error: null,
  })),
};

describe('studio, states', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test('queue position, time left, attempts and the reason of a switch, preview, and marks of extra and late pictures', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    for (const prompt of ['state queued', 'state switched', 'state extra']) await make(page, prompt);
    await rewriteTasks(page, (tasks) =>
      tasks.map((task) => {
        if (task.prompt === 'state queued') return { ...task, ...queued };
        if (task.prompt === 'state switched')
          return {
            ...task,
            ...switched,
            preview_url: (task.images as { thumb_url: string }[])[0]?.thumb_url,
          };
        const [image] = task.images as Fields[];
        const marked = [
          image,
          { ...image, id: 'img_extra', extra: true },
          { ...image, id: 'img_late', late: true },
        ];
        return { ...task, images: marked, cancel: { state: 'finished_first', note: null } };
      }),
    );
    await page.reload();
    const waiting = card(page, 'state queued');
    await waiting.getByText('3 ahead').waitFor();
    await waiting.getByText(/about 2[89]:\d\d left/).waitFor();
    await waiting.getByRole('button', { name: 'Cancel' }).waitFor();
    const moved = card(page, 'state switched');
    await moved.getByText('Painting · 42 %').waitFor();
    await moved.getByText('Attempt 2, now with south').waitFor();
    await moved.getByText('Moved from north: rate limited').waitFor();
    await moved.locator('.picture-frame img').evaluate('(image) => image.decode()');
    const extra = card(page, 'state extra');
    await extra.getByText('Extra', { exact: true }).waitFor();
    await extra.getByText('Late', { exact: true }).waitFor();
    await extra.getByText('finished before it could be cancelled').waitFor();
    await untilInPage(page, `document.title.startsWith('(2) 42 %')`);
    assert.deepEqual(await accessibilityViolations(page), []);
    assertClean();
    await close();
  });

  test('a picture that is being made keeps its place: nothing moves when it arrives', async () => {
    const { page, close } = await openStudio(browser, server);
    await make(page, 'below the new one');
    await chooseModel(page, 'Sandbox, flaky');
    await page.evaluate(`
      window.shifts = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
      }).observe({ type: 'layout-shift', buffered: false });
    `);
    await page.fill('#prompt', 'stays in place [sandbox:delay=1s]');
    await page.locator('#prompt').press('Control+Enter');
    // Read in one turn of the page, since what is inside the card is drawn anew when the server confirms it.
    const size = () =>
      page.evaluate<{ width: number; height: number }>(`(() => {
        const inFeed = [...document.querySelectorAll('article')];
        const frame = inFeed.find((card) => card.textContent.includes('stays in place')).querySelector('.picture-frame');
        const { width, height } = frame.getBoundingClientRect();
        return { width: Math.round(width), height: Math.round(height) };
      })()`);
    await card(page, 'stays in place').locator('.picture-frame').waitFor();
    const before = await size();
    await card(page, 'stays in place').locator('[data-image] img').first().waitFor();
    assert.ok(before.width > 0 && before.height > 0);
    assert.deepEqual(await size(), before);
    const shifts = await page.evaluate<number>('window.shifts');
    assert.ok(shifts <= 0.02, `${shifts}`);
    await close();
  });

  test('a reload shows the same card while waiting, running, failed and cancelled', async () => {
    const { page, assertClean, close } = await openStudio(browser, server);
    await chooseModel(page, 'Sandbox, flaky');
    const prompts = ['reload running [sandbox:delay=5m]', 'reload failed [sandbox:fault=content_blocked]'];
    for (const prompt of prompts) {
      await page.fill('#prompt', prompt);
      await page.locator('#prompt').press('Control+Enter');
      await card(page, prompt).waitFor();
    }
    await card(page, 'reload failed').getByText('What to do').waitFor();
    await card(page, 'reload running').getByText('Painting').waitFor();
    await page.reload();
    await card(page, 'reload running').getByText('Painting').waitFor();
    await card(page, 'reload failed').getByRole('button', { name: 'Try another model' }).waitFor();
    await card(page, 'reload running').getByRole('button', { name: 'Cancel' }).click();
    await card(page, 'reload running').getByText('Cancelled.').waitFor();
    await page.reload();
    await card(page, 'reload running').getByText('Cancelled.').waitFor();
    for (const prompt of ['reload running', 'reload failed'])
      assert.equal(await card(page, prompt).count(), 1);
    assertClean();
    await close();
  });

  test('by touch at 390 px: write, set, generate, act, without a hand too small', async () => {
    const phone = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true };
    const { page, assertClean, close } = await openStudio(browser, server, phone);
    await page.locator('#prompt').tap();
    await page.keyboard.type('by thumb alone');
    await page.locator('form details > summary').first().tap();
    await page.locator('form label', { hasText: '3:4' }).tap();
    await page.locator('form [type=submit]').tap();
    await card(page, 'by thumb alone').locator('[data-image] img').first().waitFor();
    const small = await page.evaluate<string[]>(`
      [...document.querySelectorAll('header a, header button, nav a, nav button, form button, form label, article button, article a')]
        .filter((element) => element.checkVisibility() && !element.classList.contains('note-on-picture'))
        .map((element) => ({ element, box: element.getBoundingClientRect() }))
        .filter(({ element, box }) => box.width > 0 && (box.height < 43.5 || box.width < 43.5) &&
          !(element.tagName === 'LABEL' && element.className.includes('eyebrow')))
        .map(({ element, box }) => element.outerHTML.slice(0, 90) + ' ' + box.width + '×' + box.height)`);
    assert.deepEqual(small, []);
    await card(page, 'by thumb alone').getByRole('button', { name: 'More for picture 1' }).tap();
    const menu = page.getByRole('menu');
    await eventually(async () => {
      const sheet = await menu.boundingBox();
      assert.equal(Math.round((sheet?.y ?? 0) + (sheet?.height ?? 0)), 780);
    });
    await page.getByRole('menuitem', { name: 'Use seed' }).tap();
    await eventually(async () =>
      assert.notEqual(await page.getByLabel('Seed', { exact: true }).inputValue(), ''),
    );
    await page.getByRole('button', { name: 'More', exact: true }).tap();
    await page.getByRole('radio', { name: 'Dark' }).check();
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth'));
    assertClean();
    await close();
  });
});
