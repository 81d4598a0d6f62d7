// The admin rooms in a real browser on the real program: a job is found by its id, retried and repaired by keyboard, bulk actions
// say how many they touch, and nobody else gets in.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { openAdmin, prepareAdmin } from './screens-admin.ts';
import {
  eventually,
  launchBrowser,
  openPage,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
  untilInPage,
} from './studio-browser.ts';

const LOOK = { colorScheme: 'light', locale: 'en-US', viewport: { width: 1440, height: 900 } } as const;

describe('admin rooms', { skip: pageTestsSkipped }, () => {
  let server: StudioServer;
  let browser: Browser;
  let taskIds: string[];
  let accountId: string;
  let tests = 0;
  const receiver = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request.setEncoding('utf8')) body += piece;
    const { event } = JSON.parse(body) as { event: string };
    // A slow machine may set off an alert of its own.
    if (event === 'test') tests += 1;
    response.writeHead(event === 'test' && tests === 1 ? 502 : 200).end('{}');
  });
  before(async () => {
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    const more = { DRAWBRIDGE_ALERTS_WEBHOOK_URL: `http://127.0.0.1:${port}/hook` };
    [server, browser] = await Promise.all([startStudioServer(more), launchBrowser()]);
    ({ taskIds, accountId } = await prepareAdmin(server));
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    receiver.close();
  });

  const askAdmin = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${server.baseUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return (await answer.json()) as Record<string, unknown>;
  };

  test('a job is found by its id in two actions, and the filter stays in the address', async () => {
    const { page, close } = await openAdmin(browser, server, LOOK);
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
    await eventually(async () => assert.equal(await page.locator('.admin-row').count(), 1));
    await close();
  });

  test('a figure of the overview leads to its list; a failed job tells why and is retried by keyboard', async () => {
    const { page, assertClean, close } = await openAdmin(browser, server, LOOK);
    await page.goto(`${server.baseUrl}/admin`);
    await page.getByRole('link', { name: 'Failed, 24 h' }).click();
    await page.waitForURL(/view=failed/);
    const row = page.locator('.admin-row');
    await row.getByText('content_blocked', { exact: true }).waitFor();
    await eventually(async () => assert.equal(await row.count(), 1));
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
    const { page, close } = await openAdmin(browser, server, LOOK);
    await page.goto(`${server.baseUrl}/admin/jobs?view=failed`);
    // The job that was asked for again fails too, and stands above this one from then on.
    const row = page.locator('.admin-row').filter({ has: page.locator(`a[href*="${taskIds[2]}"]`) });
    await row.getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Retry 1 job' }).click();
    const dialog = page.getByRole('dialog', { name: 'Retry 1 job' });
    await dialog.getByText(/^One new task is made/).waitFor();
    await dialog.getByRole('button', { name: 'Retry 1 job' }).click();
    await page.getByText('1 job is asked for again.').waitFor();
    await close();
  });

  test('a failed job is moved elsewhere; a test of the alerts says whether it arrived', async () => {
    const { page, assertClean, close } = await openAdmin(browser, server, LOOK);
    await page.goto(`${server.baseUrl}/admin/jobs/${taskIds[2]}`);
    await page.getByRole('button', { name: 'Move to another provider' }).click();
    const dialog = page.getByRole('dialog', { name: 'Move to another provider' });
    await dialog.getByLabel('Where to').selectOption({ label: 'sandbox at sandbox' });
    await dialog.getByRole('button', { name: 'Move to another provider' }).click();
    await page.waitForURL((url) => !url.pathname.endsWith(taskIds[2] ?? ''));
    await page.getByRole('link', { name: taskIds[2] ?? '' }).waitFor();
    await page.getByText('sandbox → sandbox · sandbox').waitFor();
    await page.getByRole('link', { name: 'Alerts' }).click();
    await page.getByText(/^They are sent to 127\.0\.0\.1/).waitFor();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText(/^The test did not arrive: .*502/).waitFor();
    await page.getByRole('button', { name: 'Send a test' }).click();
    await page.getByText('The test arrived.').waitFor();
    assertClean();
    await close();
  });

  test('styles are put in order by dragging and with the arrow keys', async () => {
    const { page, assertClean, close } = await openAdmin(browser, server, LOOK);
    await page.goto(`${server.baseUrl}/admin/styles`);
    const list = page.locator('main section ul').first();
    const names = () => list.locator('.card-link').allTextContents();
    await list.locator('.admin-row').nth(2).waitFor();
    const [one, two, three, ...rest] = await names();
    const handles = list.locator('.grip-handle');
    await handles.first().focus();
    await page.keyboard.press('ArrowDown');
    await list
      .locator('.admin-row')
      .first()
      .getByRole('button', { name: two ?? '', exact: true })
      .waitFor();
    await eventually(async () => assert.deepEqual(await names(), [two, one, three, ...rest]));
    await page.getByText(`${one} is now number 2 of ${rest.length + 3}.`).waitFor();
    await untilInPage(
      page,
      `document.activeElement?.getAttribute('aria-label') === ${JSON.stringify(`Move ${one}: drag, or arrow keys`)}`,
    );
    await handles.nth(2).scrollIntoViewIfNeeded();
    const { x, y, topY } = await page.evaluate<{ x: number; y: number; topY: number }>(`(() => {
      const list = document.querySelector('main section ul');
      const { x, y, width, height } = list.querySelectorAll('.grip-handle')[2].getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2, topY: list.getBoundingClientRect().y };
    })()`);
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x, topY + 4, { steps: 5 });
    await page.mouse.up();
    await list
      .locator('.admin-row')
      .first()
      .getByRole('button', { name: three ?? '', exact: true })
      .waitFor();
    await eventually(async () => assert.deepEqual(await names(), [three, two, one, ...rest]));
    assertClean();
    await close();
  });

  test('repair looks first, and a provider is drained and taken back', async () => {
    const { page, assertClean, close } = await openAdmin(browser, server, LOOK);
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
    const { page, assertClean, close } = await openAdmin(browser, server, LOOK);
    await page.goto(`${server.baseUrl}/admin/people`);
    await page.getByRole('button', { name: 'Invite a person' }).click();
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
