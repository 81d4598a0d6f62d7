// Writes a picture of every screen in every theme, language and width to a folder, for people to look at:
// `node test/pages/screenshots.ts [folder]` (default ./screenshots).
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { closeAccountScreens, shootAccount } from './screens-account.ts';
import { shootAdmin } from './screens-admin.ts';
import { prepareBatchScreens, shootBatches } from './screens-batch.ts';
import { prepareGalleryScreens, shootGallery } from './screens-gallery.ts';
import { shootShares } from './screens-share.ts';
import {
  type MakerScreens,
  prepareMakerScreens,
  prepareStoryScreens,
  type StoryScreens,
  shootReader,
  shootStories,
} from './screens-story.ts';
import {
  chooseModel,
  launchBrowser,
  openMenu,
  openPage,
  openStudio,
  pageTestsSkipped,
  type StudioServer,
  startStudioServer,
} from './studio-browser.ts';

const DEFAULT_FOLDER = 'screenshots';
const WIDTHS = [390, 768, 1440];
const THEMES = ['light', 'dark'] as const;
const LANGUAGES = {
  en: {
    locale: 'en-US',
    flaky: 'Sandbox, flaky',
    why: 'Why this result',
    one: 'A lighthouse on a basalt cliff in a winter storm, one warm window',
    four: 'A small wooden teahouse above a misty bamboo valley at dawn',
  },
  zh: {
    locale: 'zh-CN',
    flaky: '沙盒(故障演练)',
    why: '为什么是这个结果',
    one: '冬日风暴中，玄武岩悬崖上的一座灯塔，一扇透出暖光的窗',
    four: '黎明时分，薄雾竹谷之上的小木茶舍，水墨画，大片留白',
  },
};

type Words = (typeof LANGUAGES)['en'];
type Shoot = (page: Page, name: string) => Promise<void>;

async function submit(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt);
  await page.locator('#prompt').press('Control+Enter');
  await page
    .locator('article', { hasText: prompt.slice(0, 12) })
    .first()
    .waitFor();
}

/** Waits until the newest card has `count` pictures and shows the first. */
async function newestPictures(page: Page, count: number): Promise<void> {
  const images = page.locator('#feed li:first-child [data-image] img');
  await images.nth(count - 1).waitFor();
  await images.first().evaluate('(image) => image.decode()');
}

async function shootStudio(page: Page, words: Words, shoot: Shoot): Promise<void> {
  await shoot(page, 'studio');
  await chooseModel(page, words.flaky);
  await submit(page, `${words.one} [sandbox:fault=content_blocked]`);
  await page.locator('article .text-alarm').first().waitFor();
  await shoot(page, 'failed');
  await submit(page, words.one);
  await newestPictures(page, 1);
  await page.locator('input[type=radio][value="4"]').check();
  await submit(page, words.four);
  await newestPictures(page, 4);
  await shoot(page, 'finished');
  await page.locator('input[type=radio][value="1"]').check();
  await submit(page, `${words.one} [sandbox:delay=30s]`);
  await shoot(page, 'running');
  await page.locator('article button').first().click();
  await page.getByRole('button', { name: words.why }).first().click();
  await page.locator('dialog[open]').waitFor();
  await shoot(page, 'why');
  await page.keyboard.press('Escape');
  await openMenu(page);
  await shoot(page, 'menu');
  await page.keyboard.press('Escape');
  await page.locator('[data-image]').first().click();
  await page.locator('dialog[open] img').evaluate('(image) => image.decode()');
  await shoot(page, 'large');
}

async function shootAll(
  browser: Browser,
  server: StudioServer,
  folder: string,
  batchId: string,
  stories: StoryScreens & MakerScreens,
): Promise<void> {
  for (const [language, words] of Object.entries(LANGUAGES))
    for (const colorScheme of THEMES)
      for (const width of WIDTHS) {
        const viewport = { width, height: 900 };
        const options = { colorScheme, locale: words.locale, viewport, reducedMotion: 'reduce' } as const;
        const shoot: Shoot = async (page, name) => {
          await page.screenshot({ path: join(folder, `${name}-${language}-${colorScheme}-${width}.png`) });
        };
        const door = await openPage(browser, server.baseUrl, options);
        await door.page.goto(server.baseUrl);
        await door.page.locator('#login').waitFor();
        await shoot(door.page, 'sign-in');
        await door.page.goto(`${server.baseUrl}/setup`);
        await door.page.locator('a.button').waitFor();
        await shoot(door.page, 'set-up');
        await door.close();
        const studio = await openStudio(browser, server, options);
        await shootStudio(studio.page, words, shoot);
        await shootGallery(studio.page, server.baseUrl, shoot);
        await shootBatches(studio.page, server.baseUrl, batchId, shoot);
        await shootStories(studio.page, server.baseUrl, stories, shoot);
        await shootReader(studio.page, server.baseUrl, stories, language === 'zh' ? 'zh' : 'en', shoot);
        await studio.close();
        await shootShares(browser, server, options, shoot);
        await shootAdmin(browser, server, options, shoot);
        await shootAccount(browser, options, shoot);
      }
}

if (pageTestsSkipped) throw new Error(pageTestsSkipped);
const folder = process.argv[2] ?? DEFAULT_FOLDER;
await mkdir(folder, { recursive: true });
const server = await startStudioServer();
const browser = await launchBrowser();
try {
  await prepareGalleryScreens(server);
  const stories = { ...(await prepareStoryScreens(server)), ...(await prepareMakerScreens(server)) };
  await shootAll(browser, server, folder, await prepareBatchScreens(server), stories);
} finally {
  await browser.close();
  await closeAccountScreens();
  await server.close();
}
process.stdout.write(`Screenshots are in ${folder}\n`);
