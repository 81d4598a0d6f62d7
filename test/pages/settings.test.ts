// The settings, and a page that talks to a server at another address, in a real browser: from a second origin, from a second
// Drawbridge, and over plain http from this machine's address in its network.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import {
  type AccountServer,
  lanAddress,
  openVisitor,
  type PlainWebServer,
  signInAs,
  startAccountServer,
  startPlainWebServer,
} from './screens-account.ts';
import {
  ACTION_TIMEOUT_MS,
  accessibilityViolations,
  launchBrowser,
  pageTestsSkipped,
  untilInPage,
} from './studio-browser.ts';

/** Opens a page whose only allowed origins are these; returns what else it asked for. */
async function openAt(browser: Browser, origins: readonly string[], locale = 'en-US') {
  const context = await browser.newContext({ locale, viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(ACTION_TIMEOUT_MS);
  const strangers: string[] = [];
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && !origins.includes(origin)) strangers.push(request.url());
  });
  const page = await context.newPage();
  return { page, strangers, close: () => context.close() };
}

async function testServer(page: Page, address: string, key: string): Promise<void> {
  await page.locator('#server-address').fill(address);
  await page.locator('#server-key').fill(key);
  await page.locator('#server-key').press('Enter');
}

const failed = (page: Page, step: string) => page.locator(`[data-step=${step}][data-state=failed]`);

describe('settings and another server', { skip: pageTestsSkipped }, () => {
  let browser: Browser;
  let plain: PlainWebServer;
  let server: AccountServer;
  let dataDir: string;
  before(async () => {
    [plain, browser, dataDir] = await Promise.all([
      startPlainWebServer(),
      launchBrowser(),
      mkdtemp(join(tmpdir(), 'drawbridge-settings-')),
    ]);
    server = await startAccountServer({ DRAWBRIDGE_CORS_ORIGINS: plain.origin }, { dataDir });
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    await plain?.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  test('look and ways of working hold for the browser, by keyboard', async () => {
    const login = await server.addMember();
    const { page, assertClean, close } = await openVisitor(browser, server);
    await signInAs(page, server.baseUrl, login);
    await page.goto(`${server.baseUrl}/settings`);
    await page.getByRole('radio', { name: 'Dark' }).press('Space');
    await page.getByLabel('Enter alone generates').press('Space');
    await page.getByRole('radio', { name: '简体中文' }).press('Space');
    await page.getByRole('heading', { name: '设置' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: '设置' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
    await page.getByText('服务器启动时会打印').waitFor();
    assert.ok(await page.getByLabel('回车键直接生成').isChecked());
    await page.getByText('Drawbridge 0.').waitFor();
    assertClean();
    await close();
  });

  test('a plain web server’s pages find their server, after a test that names what is wrong', async () => {
    const { page, strangers, close } = await openAt(browser, [plain.origin, server.baseUrl]);
    await page.goto(plain.origin);
    await page.getByText('There is no Drawbridge at this address').waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.getByRole('link', { name: 'Use another server' }).first().press('Enter');
    await testServer(page, 'not an address!', server.apiKey);
    await failed(page, 'address').waitFor();
    await testServer(page, plain.origin, server.apiKey);
    await failed(page, 'drawbridge').waitFor();
    await testServer(page, server.baseUrl, 'dbk_wrong');
    await failed(page, 'key').waitFor();
    assert.equal(await page.evaluate(`localStorage.getItem('drawbridge.server')`), null);
    assert.deepEqual(await accessibilityViolations(page), []);
    await testServer(page, server.baseUrl.replace('http://', ''), server.apiKey);
    await page.getByRole('button', { name: 'Use this server' }).press('Enter');
    await page.locator('#prompt').waitFor();

    await page.fill('#prompt', 'a lighthouse seen from another shore');
    await page.locator('#prompt').press('Control+Enter');
    const picture = page.locator('[data-image] img').first();
    await picture.waitFor();
    await picture.evaluate('(image) => image.decode()');
    assert.ok((await picture.getAttribute('src'))?.startsWith(server.baseUrl));
    await page.getByRole('img', { name: 'Live' }).waitFor();
    assert.deepEqual(strangers, []);

    await page.locator('[popovertarget=account-panel]:visible').click();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('This page talks to another server.').waitFor();
    await page.locator('#api-key').fill('dbk_wrong');
    await page.keyboard.press('Enter');
    await page.getByText('This key is not accepted').waitFor();
    await page.locator('#api-key').fill(server.apiKey);
    await page.keyboard.press('Enter');
    await page.locator('#prompt').waitFor();
    await page.goto(`${plain.origin}/settings/server`);
    await page.getByRole('button', { name: 'Use the server of this page again' }).press('Enter');
    await page.getByText('There is no Drawbridge at this address').waitFor();
    await close();
  });

  test('a server that does not know the page, and one that is not there, are told apart', async () => {
    const strict = await startAccountServer();
    const { page, close } = await openAt(browser, []);
    await page.goto(`${plain.origin}/settings/server`);
    await testServer(page, strict.baseUrl, strict.apiKey);
    await failed(page, 'origin').getByText(`Add ${plain.origin} to its DRAWBRIDGE_CORS_ORIGINS`).waitFor();
    await strict.close();
    await testServer(page, strict.baseUrl, strict.apiKey);
    await failed(page, 'reach').waitFor();
    // The policy of a Drawbridge's own pages names the servers that they may talk to.
    await page.goto(`${server.baseUrl}/settings/server`);
    await testServer(page, 'http://127.0.0.1:9', 'dbk_any');
    await failed(page, 'reach')
      .getByText(/does not allow it/)
      .waitFor();
    await close();
  });

  test('a lost server is tried again, its failing step is named after five failures, and it comes back', async () => {
    const { page, close } = await openAt(browser, [plain.origin, server.baseUrl]);
    await page.goto(`${plain.origin}/settings/server`);
    await testServer(page, server.baseUrl, server.apiKey);
    await page.getByRole('button', { name: 'Use this server' }).click();
    await page.getByRole('img', { name: 'Live' }).waitFor();
    const { port, apiKey } = server;
    await server.close();
    const trouble = page.locator('[data-server-trouble]');
    await page.getByText('Reconnecting. Your tasks go on at the server.').waitFor();
    await page.evaluate(`(() => {
      // Whatever wakes the stream ends its wait: five failures need no half minute here.
      globalThis.waker = setInterval(() => dispatchEvent(new Event('online')), 200);
    })()`);
    await trouble.getByText(/“Something answers there” fails/).waitFor();
    assert.deepEqual(await accessibilityViolations(page), []);
    server = await startAccountServer({ DRAWBRIDGE_CORS_ORIGINS: plain.origin }, { dataDir, port, apiKey });
    await trouble.waitFor({ state: 'detached' });
    await page.getByRole('img', { name: 'Live' }).waitFor();
    await page.evaluate('clearInterval(globalThis.waker)');
    await close();
  });

  test('opened as 127.0.0.1, administrators are told where phones find the server, or what keeps them from it', async () => {
    const address = 'http://192.0.2.7:8080';
    const known = await startAccountServer({ DRAWBRIDGE_PUBLIC_URL: address });
    const openSettings = async (at: AccountServer, locale: string) => {
      const visitor = await openVisitor(browser, at, { locale });
      const data = { api_key: at.apiKey };
      await visitor.page.context().request.post(`${at.baseUrl}/v1/auth/session`, { data });
      await visitor.page.goto(`${at.baseUrl}/settings`);
      return visitor;
    };
    const open = await openSettings(known, 'zh-CN');
    const told = open.page.locator(`[data-address="${address}"]`);
    await told.locator('summary').click();
    await told.getByRole('img').waitFor();
    assert.deepEqual(await accessibilityViolations(open.page), []);
    open.assertClean();
    await open.close();
    await known.close();

    const closed = await openSettings(server, 'en-US');
    await closed.page.getByText('set DRAWBRIDGE_HOST=0.0.0.0').waitFor();
    assert.equal(await closed.page.locator('[data-address]').count(), 0);
    await closed.close();
  });

  test('over plain http from this machine’s address in its network', async (context) => {
    const address = lanAddress();
    if (!address) return context.skip('this machine has no address in a network');
    const local = await startAccountServer({
      DRAWBRIDGE_HOST: '0.0.0.0',
      DRAWBRIDGE_CORS_ORIGINS: plain.origin,
    });
    const baseUrl = `http://${address}:${local.port}`;
    const login = await local.addMember();
    const { page, assertClean, close } = await openVisitor(browser, { baseUrl });
    await page.goto(`${baseUrl}/sign-in`);
    await page.getByText('This page is not encrypted').waitFor();
    await signInAs(page, baseUrl, login);
    assert.equal(await page.evaluate('isSecureContext'), false);
    await page.goto(`${baseUrl}/settings`);
    await page.getByText('Over plain http browsers allow no notifications').waitFor();
    await page.getByLabel('Tell me when a task ends').check();
    await page.goto(`${baseUrl}/account/keys`);
    await page.getByRole('button', { name: 'New key' }).click();
    await page.locator('#key-name').fill('From the LAN');
    await page.keyboard.press('Enter');
    await Promise.all([
      page.getByRole('button', { name: 'Copied' }).waitFor(),
      page.getByRole('button', { name: 'Copy the key' }).click(),
    ]);
    assertClean();
    await close();

    const other = await openAt(browser, [plain.origin, baseUrl]);
    await other.page.goto(`${plain.origin}/settings/server`);
    await testServer(other.page, `${address}:${local.port}`, local.apiKey);
    await other.page.getByRole('button', { name: 'Use this server' }).click();
    await other.page.getByRole('img', { name: 'Live' }).waitFor();
    await untilInPage(other.page, `document.querySelector('#prompt') !== null`);
    assert.deepEqual(other.strangers, []);
    await other.close();
    await local.close();
  });
});
