// The admin rooms in a real browser on the real program: every room opens clean and accessible on a phone and a wide screen, a job is
// found by its id, retried and repaired by keyboard, bulk actions say how many they touch, and nobody else gets in.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { ADMIN_ROOMS, openAdmin, prepareAdmin } from './screens-admin.ts';
import {
  accessibilityViolations,
  launchBrowser,
  openPage,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
} from './studio-browser.ts';

const LOOKS = [
  { colorScheme: 'light', locale: 'en-US', viewport: { width: 1440, height: 900 } },
  { colorScheme: 'dark', locale: 'zh-CN', viewport: { width: 390, height: 844 } },
] as const;

describe('admin rooms', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  let taskIds: string[];
  let accountId: string;
  before(async () => {
    [server, browser] = await Promise.all([startStudioServer(), launchBrowser()]);
    ({ taskIds, accountId } = await prepareAdmin(server));
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  const askAdmin = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${server.baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await answer.json()) as Record<string, unknown>;
  };

  for (const look of LOOKS)
    test(`every room is clean, accessible and fits at ${look.viewport.width} px`, async () => {
      const { page, assertClean, close } = await openAdmin(browser, server, look);
      const rooms = [
        ...ADMIN_ROOMS,
        ['job', `/admin/jobs/${taskIds[2]}`, 'main svg[role=img]'],
        ['account', `/admin/accounts/${accountId}`, 'main .admin-row'],
      ] as const;
      for (const [name, path, content] of rooms) {
        await page.goto(`${server.baseUrl}${path}`);
        await page.locator(content).first().waitFor();
        assert.deepEqual(await accessibilityViolations(page), [], name);
        const overflow = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        assert.ok(overflow <= 0, `${name} is ${overflow} px too wide`);
      }
      assertClean();
      await close();
    });

  test('a job is found by its id in two actions, and the filter stays in the address', async () => {
    const { page, close } = await openAdmin(browser, server, LOOKS[0]);
    await page.goto(`${server.baseUrl}/admin/jobs`);
    await page.locator('.admin-row').nth(2).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(taskIds[0] ?? '');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=task_/);
    await page.getByText('A lighthouse on a basalt cliff').waitFor();
    await page.locator('.admin-row').nth(1).waitFor({ state: 'detached' });
    await page.reload();
    await page.getByText('A lighthouse on a basalt cliff').waitFor();
    assert.equal(await page.locator('.admin-row').count(), 1);
    await close();
  });

  test('a figure of the overview leads to its list; a failed job tells why and is retried by keyboard', async () => {
    const { page, assertClean, close } = await openAdmin(browser, server, LOOKS[0]);
    await page.goto(`${server.baseUrl}/admin`);
    await page.getByRole('link', { name: 'Failed, 24 h' }).click();
    await page.waitForURL(/view=failed/);
    const row = page.locator('.admin-row');
    await row.getByText('content_blocked', { exact: true }).waitFor();
    assert.equal(await row.count(), 1);
    await row.getByRole('link').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('img', { name: /How its time was spent/ }).waitFor();
    const retry = page.getByRole('button', { name: 'Retry', exact: true });
    await retry.focus();
    await page.keyboard.press('Enter');
    await page.getByText('A new task is on its way.').waitFor();
    await page.waitForURL((url) => !url.pathname.endsWith(taskIds[2] ?? ''));
    await page.getByRole('link', { name: taskIds[2] ?? '' }).waitFor();
    assertClean();
    await close();
  });

  test('a bulk action says how many it touches and does it for the jobs’ own accounts', async () => {
    const { page, close } = await openAdmin(browser, server, LOOKS[0]);
    await page.goto(`${server.baseUrl}/admin/jobs?view=failed`);
    const boxes = page.getByRole('checkbox');
    await boxes.first().check();
    await page.getByRole('button', { name: 'Retry 1 job' }).click();
    const dialog = page.getByRole('dialog', { name: 'Retry 1 job' });
    await dialog.getByText(/^One new task is made/).waitFor();
    await dialog.getByRole('button', { name: 'Retry 1 job' }).click();
    await page.getByText('1 job is asked for again.').waitFor();
    await close();
  });

  test('repair looks first, and a provider is drained and taken back', async () => {
    const { page, assertClean, close } = await openAdmin(browser, server, LOOKS[0]);
    await page.goto(`${server.baseUrl}/admin/repair`);
    await page.getByRole('button', { name: 'Look for stuck tasks' }).click();
    await page.getByText('Nothing is stuck ✓').waitFor();
    await page.goto(`${server.baseUrl}/admin/providers/sandbox`);
    await page.getByRole('button', { name: 'Drain' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
    await page.getByRole('button', { name: 'Give it work again' }).click();
    await page.getByRole('button', { name: 'Drain' }).waitFor();
    await page.goto(`${server.baseUrl}/admin/audit`);
    await page.getByText('providers.undrain').first().waitFor();
    assertClean();
    await close();
  });

  test('an invitation link is shown once, credits are granted with a reason, and the ledger has both', async () => {
    const { page, assertClean, close } = await openAdmin(browser, server, LOOKS[0]);
    await page.goto(`${server.baseUrl}/admin/people`);
    await page.getByRole('button', { name: 'Invite a person' }).click();
    assert.deepEqual(await accessibilityViolations(page), []);
    await page.getByRole('button', { name: 'Make the link' }).click();
    assert.match(await page.getByLabel('One-time link').inputValue(), /^http/);
    await page.goto(`${server.baseUrl}/admin/accounts/${accountId}`);
    await page.getByRole('button', { name: 'Change credits' }).click();
    await page.getByLabel('Credits', { exact: true }).fill('7');
    await page.getByLabel('Reason').fill('a gift');
    await page.getByRole('button', { name: 'Grant 7' }).click();
    await page.getByText('a gift').waitFor();
    await page.getByText('balance 107').waitFor();
    assertClean();
    await close();
  });

  test('somebody without the scope lands in the Studio', async () => {
    const key = await askAdmin('POST', '/v1/keys', { name: 'reader', scopes: ['tasks:read'] });
    const answer = await fetch(`${server.baseUrl}/v1/auth/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ api_key: key.key }),
    });
    const [pair = ''] = (answer.headers.get('set-cookie') ?? '').split(';', 1);
    const [name = '', value = ''] = pair.split('=', 2);
    const { page, close } = await openPage(browser, server.baseUrl);
    await page.context().addCookies([{ name, value, url: server.baseUrl }]);
    await page.goto(`${server.baseUrl}/admin/jobs`);
    await page.locator('#prompt').waitFor();
    assert.equal(new URL(page.url()).pathname, '/');
    await close();
  });
});
