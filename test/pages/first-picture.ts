// From a start with nothing configured to the first picture, as somebody who has never seen Drawbridge does it, filmed as
// screenshots in order, at 390 and 1440 px, in Chinese: `node test/pages/first-picture.ts [folder]` (default ./first-picture).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { launchBrowser, openPage, pageTestsSkipped } from './studio-browser.ts';

const DEFAULT_FOLDER = 'first-picture';
const WIDTHS = [390, 1440];
const WISH = '黎明时分，薄雾竹谷之上的小木茶舍，水墨画';
const SET_UP_LINK = /https?:\/\/\S+\/setup#token=\S+/;
const ROOT = join(import.meta.dirname, '../..');

/** `npm start` as the README says it, over an empty data folder; resolves with the one-time link that it prints. */
async function start(dataDir: string): Promise<{ link: string; server: ChildProcess }> {
  const server = spawn('npm', ['start'], {
    cwd: ROOT,
    // A process group of its own, since npm starts the server as a child.
    detached: true,
    env: { ...process.env, DRAWBRIDGE_DATA_DIR: dataDir, DRAWBRIDGE_PORT: '0', DRAWBRIDGE_LANG: 'zh' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const link = await new Promise<string>((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`npm start ended with ${code}`)));
    for (const stream of [server.stdout, server.stderr])
      createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
        const found = SET_UP_LINK.exec(line)?.[0];
        if (found) resolve(found);
      });
  });
  return { link, server };
}

async function film(folder: string, width: number): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), 'drawbridge-first-'));
  const startedAtMs = performance.now();
  const { link, server } = await start(dataDir);
  const browser = await launchBrowser();
  try {
    const viewport = { width, height: 900 };
    const { page } = await openPage(browser, new URL(link).origin, { locale: 'zh-CN', viewport });
    let shot = 0;
    const shoot = async (name: string) => {
      shot += 1;
      await page.screenshot({ path: join(folder, `${width}-${shot}-${name}.png`) });
    };
    await page.goto(link);
    await page.locator('#prompt').waitFor();
    await page.locator('form [type=submit]').waitFor();
    await shoot('link-opened');
    await page.fill('#prompt', WISH);
    await shoot('wish-typed');
    await page.locator('form [type=submit]').click();
    await page.locator('#feed article').first().waitFor();
    await shoot('card-at-once');
    const picture = page.locator('#feed li:first-child [data-image] img').first();
    await picture.waitFor();
    await picture.evaluate('(image) => image.decode()');
    const seconds = (performance.now() - startedAtMs) / 1000;
    await picture.scrollIntoViewIfNeeded();
    await shoot('first-picture');
    return seconds;
  } finally {
    await browser.close();
    if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM');
    await once(server, 'exit');
    await rm(dataDir, { recursive: true, force: true });
  }
}

if (pageTestsSkipped) throw new Error(pageTestsSkipped);
const folder = process.argv[2] ?? DEFAULT_FOLDER;
await mkdir(folder, { recursive: true });
for (const width of WIDTHS) {
  const seconds = await film(folder, width);
  process.stdout.write(`${width} px: ${seconds.toFixed(1)} s from "npm start" to the first picture\n`);
}
process.stdout.write(`Screenshots are in ${folder}\n`);
