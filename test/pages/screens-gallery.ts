// The gallery's screens, for people to look at: the wall in both arrangements, a selection, filters, the large view with its
// details, the trash, and nothing that matches.
import type { Page } from 'playwright-core';
import { makePictures, openGallery } from './gallery-pictures.ts';
import type { StudioServer } from './studio-browser.ts';

const PROMPTS = [
  { prompt: 'A lighthouse on a basalt cliff in a winter storm', ratio: '16:9', n: 4 },
  { prompt: '黎明时分，薄雾竹谷之上的小木茶舍，水墨画', ratio: '3:4', n: 4 },
  { prompt: 'A sleeping fox made of layered cut paper', ratio: '1:1', n: 4 },
  { prompt: '海边的城市夜景，霓虹倒影', ratio: '9:16', n: 4 },
  { prompt: 'A glass drawbridge opening over a calm harbour', ratio: '4:3', n: 4 },
];

/** Makes what the screens show; once a server. */
export const prepareGalleryScreens = (server: StudioServer) => makePictures(server, PROMPTS);

/** Shows each screen on a page that is signed in and hands it to `shoot`. */
export async function shootGallery(
  page: Page,
  baseUrl: string,
  shoot: (page: Page, name: string) => Promise<void>,
): Promise<void> {
  await openGallery(page, baseUrl);
  await shoot(page, 'gallery');
  await page.locator('.wall-open').first().focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await page.locator('.selection-bar').waitFor();
  await shoot(page, 'gallery-selection');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /^(Filters|筛选)/ }).click();
  await page.locator('dialog[open] select').first().waitFor();
  await shoot(page, 'gallery-filters');
  await page.keyboard.press('Escape');
  await page.locator('.wall-open').first().click();
  await page.locator('.stage-loaded').waitFor();
  if (!(await page.locator('.lightbox-panel').isVisible())) await page.keyboard.press('i');
  await page.locator('.lightbox-panel').waitFor();
  await shoot(page, 'gallery-large');
  await page.goto(`${baseUrl}/gallery?trashed=true`);
  await page.locator('h2').waitFor();
  await shoot(page, 'gallery-trash');
  await page.goto(`${baseUrl}/gallery?q=zzzz&ratio=portrait`);
  await page.locator('h2').waitFor();
  await shoot(page, 'gallery-nothing');
}
