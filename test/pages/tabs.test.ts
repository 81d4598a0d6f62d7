// Eight tabs of one browser: all load over plain http, where a browser opens six connections to a server, since one shared stream
// serves them all; and what happens in one is seen in every other, whichever of them is closed.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { type AccountServer, openVisitor, signInAs, startAccountServer } from './screens-account.ts';
import { launchBrowser, pageTestsSkipped } from './studio-browser.ts';

const TABS = 8;

const card = (page: Page, prompt: string) => page.locator('article', { hasText: prompt });

async function generate(page: Page, prompt: string): Promise<void> {
  await page.bringToFront();
  await page.fill('#prompt', prompt);
  await page.locator('#prompt').press('Control+Enter');
}

describe('many tabs', { skip: pageTestsSkipped }, () => {
  let server: AccountServer;
  let browser: Browser;
  before(async () => {
    [server, browser] = await Promise.all([
      // A second stream would be refused, and its tab would not be live.
      startAccountServer({ DRAWBRIDGE_LIMITS_STREAMS_PER_ACCOUNT: '1' }),
      launchBrowser(),
    ]);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  test(`${TABS} tabs all load and are live on one stream, and a task ends in every one of them`, async () => {
    const { page: first, assertClean, close } = await openVisitor(browser, server);
    await signInAs(first, server.baseUrl, await server.addMember());
    const others = await Promise.all(
      Array.from({ length: TABS - 1 }, async () => {
        const page = await first.context().newPage();
        await page.goto(server.baseUrl);
        await page.locator('#prompt').waitFor();
        return page;
      }),
    );
    for (const page of [first, ...others]) await page.getByRole('img', { name: 'Live' }).waitFor();
    await generate(first, 'seen from everywhere');
    for (const page of [first, ...others])
      await card(page, 'seen from everywhere').locator('[data-image] img').first().waitFor();
    // The stream belongs to no tab.
    await first.close();
    const [second, ...rest] = others;
    assert.ok(second);
    await generate(second, 'still seen');
    for (const page of rest) await card(page, 'still seen').locator('[data-image] img').first().waitFor();
    assertClean();
    await close();
  });
});
