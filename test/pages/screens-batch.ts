// The Batch room's screens, for people to look at: the list, the three sources of a new batch with their checks, a batch in
// both sizes, a failed item, a selection, and ten thousand cells.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { PRETEND_ID, pretendBatch } from './batch-pretend.ts';
import { type StudioServer, untilInPage } from './studio-browser.ts';

export const BATCH_LINES = [
  'A lighthouse on a basalt cliff in a winter storm',
  '黎明时分，薄雾竹谷之上的小木茶舍，水墨画',
  'A sleeping fox made of layered cut paper',
  'A glass drawbridge opening over a calm harbour [sandbox:fault=content_blocked]',
  'A {blue|green|amber} teapot on a linen cloth',
  '海边的城市夜景，霓虹倒影',
].join('\n');

async function callApi<T>(server: StudioServer, method: string, path: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${server.baseUrl}/${path}`, {
    method,
    headers: { authorization: `Bearer ${server.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(answer.ok, `${path}: ${await answer.clone().text()}`);
  return (await answer.json()) as T;
}

/** Makes a batch of lines; those with `[sandbox:fault=…]` go to the model that does what it says, the others to the quick one. */
export async function makeBatch(
  server: StudioServer,
  batch: { name: string; lines: string; paused?: boolean },
): Promise<string> {
  const { lines, ...rest } = batch;
  const items = lines.split('\n').map((prompt) => ({
    prompt,
    model: prompt.includes('[sandbox:fault') ? 'sandbox-flaky' : 'sandbox',
  }));
  const made = await callApi<{ id: string }>(server, 'POST', 'v1/batches', {
    ...rest,
    items,
    templates: true,
  });
  return made.id;
}

/** Makes what the screens show; once a server. */
export async function prepareBatchScreens(server: StudioServer): Promise<string> {
  await makeBatch(server, { name: '春季图册', lines: BATCH_LINES, paused: true });
  return makeBatch(server, { name: 'Spring catalogue', lines: BATCH_LINES });
}

/** Opens a batch and waits for its grid. */
export async function openBatch(page: Page, baseUrl: string, id: string, search = ''): Promise<void> {
  await page.goto(`${baseUrl}/batches/${id}${search}`);
  await page.locator('.cell-grid').waitFor();
}

/** Shows each screen on a page that is signed in and hands it to `shoot`. */
export async function shootBatches(
  page: Page,
  baseUrl: string,
  batchId: string,
  shoot: (page: Page, name: string) => Promise<void>,
): Promise<void> {
  await page.goto(`${baseUrl}/batches`);
  await page.locator('main li').first().waitFor();
  await shoot(page, 'batches');
  await page.goto(`${baseUrl}/batches/new`);
  await page.locator('textarea').fill(`${BATCH_LINES}\n${'x'.repeat(9000)}`);
  await page.locator('[data-row-errors]').waitFor();
  await shoot(page, 'batch-lines');
  await page.locator('input[type=radio][value=file]').check();
  await page.locator('input[type=file]').setInputFiles({
    name: 'products.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('提示词;数量;货号\r\n青瓷茶壶，棚拍光;2;A-17\r\n漆器食盒;1;A-18\r\n'),
  });
  await page.locator('fieldset select').first().waitFor();
  await shoot(page, 'batch-file');
  await page.locator('input[type=radio][value=matrix]').check();
  await page.locator('textarea').fill('a lighthouse at dusk\na glass bridge in the fog');
  await page.locator('input[type=checkbox][value="1:1"]').check();
  await page.locator('input[type=checkbox][value="16:9"]').check();
  await page.locator('[data-totals]').waitFor();
  await shoot(page, 'batch-combinations');
  await openBatch(page, baseUrl, batchId);
  await page.locator('[data-status=finished]').waitFor();
  // The stream never ends, so the network is never idle: the pictures are what is waited for.
  await untilInPage(
    page,
    `performance.getEntriesByType('resource').filter(({ name }) => name.includes('/media/')).length >= 6`,
  );
  await shoot(page, 'batch');
  await page.locator('[data-show=failed]').click();
  await page.locator('.cell-grid').click({ position: { x: 30, y: 30 } });
  await page.locator('dialog[open] [data-item-state=failed]').waitFor();
  await page.locator('dialog[open] .button-lamp').waitFor();
  await shoot(page, 'batch-item');
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await page.keyboard.press('Space');
  await page.locator('.batch-selection').waitFor();
  await shoot(page, 'batch-selection');
  await pretendBatch(page, { items: 10_000, changesPerS: 0 });
  await openBatch(page, baseUrl, PRETEND_ID);
  await shoot(page, 'batch-many');
}
