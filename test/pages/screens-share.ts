// Pictures of the pages that visitors of links see, and of the owner's list, for `node test/pages/screenshots.ts`.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openPage, openStudio, type StudioServer } from './studio-browser.ts';

const PROMPTS = [
  ['A lighthouse on a basalt cliff in a winter storm, one warm window', '1024x768'],
  ['A small wooden teahouse above a misty bamboo valley at dawn', '768x1024'],
  ['A sleeping fox made of layered cut paper, autumn colours', '1024x1024'],
  ['A glass drawbridge over a calm harbour at blue hour', '1280x720'],
] as const;
const DAY_MS = 86_400_000;

type Shoot = (page: Page, name: string) => Promise<void>;

async function post(
  server: StudioServer,
  path: string,
  body: object,
  prefer = '',
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${server.baseUrl}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${server.apiKey}`, prefer },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as Record<string, unknown>;
}

/** Pictures of several shapes, painted by the sandbox; returns their ids. */
export async function makePictures(server: StudioServer, count = PROMPTS.length): Promise<string[]> {
  const tasks = await Promise.all(
    PROMPTS.slice(0, count).map(([prompt, size]) => post(server, '/v1/tasks', { prompt, size }, 'wait=60')),
  );
  return tasks.map((task) => (task.images as { id: string }[])[0]?.id ?? '');
}

/** A link to these pictures; returns its address. */
export async function makeShare(
  server: StudioServer,
  imageIds: readonly string[],
  body: object = {},
): Promise<string> {
  const share = await post(server, '/v1/shares', { image_ids: imageIds, ...body });
  return String(share.url);
}

async function allLoaded(page: Page): Promise<void> {
  await page.evaluate(`Promise.all([...document.images].map((image) => {
    image.loading = 'eager';
    return image.decode();
  }))`);
}

let links: Promise<{ one: string; many: string; locked: string }> | undefined;

async function makeLinks(server: StudioServer) {
  const images = await makePictures(server);
  const [first = ''] = images;
  const expires_at = new Date(Date.now() + 7 * DAY_MS).toISOString();
  return {
    one: await makeShare(server, [first], {
      title: 'After the storm 风暴之后',
      show_prompt: true,
      expires_at,
    }),
    many: await makeShare(server, images, { title: 'Four places by the water', show_prompt: true }),
    locked: await makeShare(server, [first], { password: 'sesame' }),
  };
}

/** Every page of links: one picture, several, the password form, a link that is gone, and the owner's list. */
export async function shootShares(
  browser: Browser,
  server: StudioServer,
  options: BrowserContextOptions,
  shoot: Shoot,
): Promise<void> {
  links ??= makeLinks(server);
  const { one, many, locked } = await links;
  const visitor = await openPage(browser, server.baseUrl, options);
  for (const [name, url] of Object.entries({
    one,
    many,
    locked,
    gone: `${server.baseUrl}/s/${'a'.repeat(26)}`,
  })) {
    await visitor.page.goto(url);
    await allLoaded(visitor.page);
    await shoot(visitor.page, `share-${name}`);
  }
  await visitor.close();
  const owner = await openStudio(browser, server, options);
  await owner.page.goto(`${server.baseUrl}/account/links`);
  await owner.page.locator('main li img').first().waitFor();
  await allLoaded(owner.page);
  await shoot(owner.page, 'share-links');
  await owner.page.goto(server.baseUrl);
  await owner.page.locator('[data-image] img').first().waitFor();
  await owner.page
    .getByRole('button', { name: /^(Share|分享)$/ })
    .first()
    .click();
  await owner.page.locator('dialog[open] form').waitFor();
  await shoot(owner.page, 'share-dialog');
  await owner.page.locator('dialog[open] button[type=submit]').click();
  await owner.page.locator('dialog[open] input[readonly]').waitFor();
  await shoot(owner.page, 'share-made');
  await owner.close();
}
