// The gallery in a real Chromium on a data folder that bench/gallery-seed.ts has filled: what a person waits for and what a
// frame costs, beside the targets. The figures of a machine that others use are upper bounds. First thumbnails are those of first
// visits, nothing in the browser's cache: one right after the server's start, when it has read no pictures yet, and some more.
//   node bench/gallery-seed.ts --pictures 1000000 --data-dir /tmp/many
//   node bench/gallery-browser.ts --data-dir /tmp/many [--web-dist folder] [--style columns]
import { parseArgs } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createApp } from '../src/app.ts';
import { loadConfig } from '../src/kernel/config.ts';
import { createMemoryLogger } from '../src/kernel/log.ts';
import { SEED_ADMIN_KEY } from './gallery-pictures.ts';
import { median, percentile } from './side-by-side.ts';

const CHROMIUM = '/usr/bin/chromium';
/** The key End brings the last picture within this, or it counts as not shown. */
const LAST_PICTURE_WAIT_MS = 5_000;
const VIEWPORT = { width: 1440, height: 900 };
const SCROLL_FRAMES = 300;
const SCROLL_STEP_PX = 48;
const JUMPS = 30;
/** First visits after the one that finds the server cold. */
const VISITS = 7;
/** A list of at least this many is held to the targets of a million. */
const LARGE = 500_000;

const { values } = parseArgs({
  options: {
    'data-dir': { type: 'string' },
    'web-dist': { type: 'string' },
    style: { type: 'string', default: 'rows' },
  },
});

interface Visit {
  firstThumbsMs: number;
  longestTaskMs: number;
  shift: number;
}

interface Figures {
  pictures: number;
  wholeListMs: number;
  layoutMs: number;
  frameP50Ms: number;
  frameP95Ms: number;
  frameCpuMs: number;
  longTasks: number;
  longestTaskMs: number;
  jumpP95Ms: number;
  liveCells: number;
  elements: number;
  heapMb: number;
  domHeightPx: number;
  lastShown: boolean;
}

/** Notes, frame by frame from the first script on, when the first thumbnails are drawn; and every long task. */
const WATCH = `
  window.watched = { firstThumbsMs: 0, longTasks: [], shift: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.watched.shift += entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.watched.longTasks.push(entry.duration);
  }).observe({ type: 'longtask', buffered: true });
  const look = () => {
    if (document.querySelectorAll('.wall-shown').length >= 4) window.watched.firstThumbsMs = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
`;

/** Waits until every picture on the screen has its row and one is drawn; resolves to how long that took. */
const SETTLED = `(async () => {
  const startMs = performance.now();
  const isSettled = () => {
    const cells = [...document.querySelectorAll('.wall-cell[data-ordinal]')].filter((cell) => {
      const box = cell.getBoundingClientRect();
      return box.bottom > 200 && box.top < innerHeight;
    });
    return cells.length > 0 && cells.every((cell) => cell.querySelector('a[href]'))
      && cells.some((cell) => cell.querySelector('.wall-shown'));
  };
  do await new Promise((resolve) => requestAnimationFrame(resolve));
  while (!isSettled());
  return performance.now() - startMs;
})()`;

/** What the page's main thread has computed so far, in ms of its own time, which a busy machine does not stretch. */
async function openCpuMeter(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1_000;
  };
}

async function scroll(page: Page): Promise<number[]> {
  return page.evaluate<number[]>(`(async () => {
    const frames = [];
    let before = await new Promise((resolve) => requestAnimationFrame(resolve));
    for (let frame = 0; frame < ${SCROLL_FRAMES}; frame += 1) {
      scrollBy({ top: ${SCROLL_STEP_PX}, behavior: 'instant' });
      const now = await new Promise((resolve) => requestAnimationFrame(resolve));
      frames.push(now - before);
      before = now;
    }
    return frames;
  })()`);
}

async function jump(page: Page): Promise<number[]> {
  const times: number[] = [];
  for (let n = 1; n <= JUMPS; n += 1) {
    // Evenly spread and in no order, the same each time.
    const share = (n * 0.618033988749895) % 1;
    await page.evaluate(
      `scrollTo({ top: ${share} * (document.documentElement.scrollHeight - innerHeight), behavior: 'instant' })`,
    );
    times.push(await page.evaluate<number>(SETTLED));
  }
  return times;
}

async function heapMb(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize / 1e6;
}

async function openGallery(page: Page, baseUrl: string): Promise<void> {
  await page.addInitScript(WATCH);
  await page.addInitScript(
    `localStorage.setItem('drawbridge.gallery.view', '{"style":"${values.style}","size":2}')`,
  );
  await page.goto(`${baseUrl}/gallery`);
  await page.locator('.wall-shown').first().waitFor();
  await page.locator('[data-count]').waitFor();
}

/** First visits one after the other, each in a browser context of its own. */
async function visit(browser: Browser, baseUrl: string): Promise<Visit[]> {
  const visits: Visit[] = [];
  for (let n = 0; n <= VISITS; n += 1) {
    const page = await signedIn(browser, baseUrl, 1);
    await openGallery(page, baseUrl);
    await page.evaluate(SETTLED);
    visits.push(
      await page.evaluate<Visit>(`({
        firstThumbsMs: watched.firstThumbsMs,
        longestTaskMs: Math.max(0, ...watched.longTasks),
        shift: watched.shift,
      })`),
    );
    await page.context().close();
  }
  return visits;
}

function printVisits([cold, ...others]: readonly Visit[]): void {
  const ms = (value: number) => `${value.toFixed(0)} ms`;
  const thumbs = others.map(({ firstThumbsMs }) => firstThumbsMs);
  const tasks = others.map(({ longestTaskMs }) => longestTaskMs);
  const rows: [name: string, value: string, target: string][] = [
    ['median, server cold', `${ms(median(thumbs))}, ${ms(cold?.firstThumbsMs ?? 0)}`, '500 ms'],
    ['quickest, slowest', `${ms(Math.min(...thumbs))}, ${ms(Math.max(...thumbs))}`, ''],
    ['longest task', `${ms(median(tasks))}, at most ${ms(Math.max(...tasks))}`, '50 ms'],
    ['layout shift', Math.max(...others.map(({ shift }) => shift)).toFixed(3), '0.02'],
  ];
  printRows(`first thumbnails of ${others.length} first visits`, rows);
}

async function measure(page: Page, baseUrl: string): Promise<Figures> {
  await openGallery(page, baseUrl);
  const wholeListMs = await page.evaluate<number>(`(async () => {
    const list = () => Number(document.querySelector('.wall-cell[aria-setsize]')?.getAttribute('aria-setsize'));
    const total = () => Number(document.querySelector('[data-count]').textContent.replace(/\\D/g, ''));
    while (list() !== total()) await new Promise((resolve) => requestAnimationFrame(resolve));
    return performance.now();
  })()`);
  await page.evaluate('watched.longTasks.length = 0');
  const cpuMs = await openCpuMeter(page);
  const beforeMs = await cpuMs();
  const frames = await scroll(page);
  const frameCpuMs = ((await cpuMs()) - beforeMs) / SCROLL_FRAMES;
  const jumps = await jump(page);
  const longTasks = await page.evaluate<number[]>('watched.longTasks');
  await page.locator('.wall-open[tabindex="0"]').first().focus();
  await page.keyboard.press('End');
  const lastShown = await page
    .locator(
      `.wall-cell[aria-posinset="${await page.locator('.wall-cell').first().getAttribute('aria-setsize')}"]`,
    )
    .waitFor({ timeout: LAST_PICTURE_WAIT_MS })
    .then(
      () => true,
      () => false,
    );
  return page.evaluate<Figures>(`({
    pictures: Number(document.querySelector('.wall-cell[aria-setsize]').getAttribute('aria-setsize')),
    wholeListMs: ${wholeListMs},
    layoutMs: Math.max(...performance.getEntriesByName('gallery-layout').map((entry) => entry.duration)),
    frameP50Ms: ${percentile(frames, 0.5)},
    frameP95Ms: ${percentile(frames, 0.95)},
    frameCpuMs: ${frameCpuMs},
    longTasks: ${longTasks.length},
    longestTaskMs: ${Math.max(0, ...longTasks)},
    jumpP95Ms: ${percentile(jumps, 0.95)},
    liveCells: document.querySelectorAll('.wall-cell').length,
    elements: document.querySelectorAll('*').length,
    heapMb: ${await heapMb(page)},
    domHeightPx: document.documentElement.scrollHeight,
    lastShown: ${lastShown},
  })`);
}

function print(title: string, figures: Figures): void {
  const isLarge = figures.pictures >= LARGE;
  const rows: [name: string, value: string, target: string][] = [
    ['whole list there', `${figures.wholeListMs.toFixed(0)} ms`, ''],
    ['layout, slowest', `${figures.layoutMs.toFixed(1)} ms`, isLarge ? '100 ms' : '20 ms'],
    ['scroll frame p50', `${figures.frameP50Ms.toFixed(1)} ms`, ''],
    ['scroll frame p95', `${figures.frameP95Ms.toFixed(1)} ms`, '34 ms'],
    ['computing a frame', `${figures.frameCpuMs.toFixed(1)} ms`, ''],
    ['tasks over 50 ms', `${figures.longTasks} (longest ${figures.longestTaskMs.toFixed(0)} ms)`, '0'],
    ['jump p95', `${figures.jumpP95Ms.toFixed(0)} ms`, '300 ms'],
    ['cells', String(figures.liveCells), '200'],
    ['elements', String(figures.elements), ''],
    ['heap', `${figures.heapMb.toFixed(1)} MB`, '60 MB'],
    ['page height', `${figures.domHeightPx} px`, '8,000,000 px and the bars'],
    ['last picture', figures.lastShown ? 'shown' : 'NOT shown', 'shown'],
  ];
  printRows(`${title}: ${figures.pictures.toLocaleString('en')} pictures`, rows);
}

function printRows(title: string, rows: readonly [name: string, value: string, target: string][]): void {
  process.stdout.write(`\n${title}\n`);
  for (const [name, value, target] of rows)
    process.stdout.write(`  ${name.padEnd(22)}${value.padEnd(26)}${target}\n`);
}

async function signedIn(browser: Browser, baseUrl: string, deviceScaleFactor: number): Promise<Page> {
  const context = await browser.newContext({ viewport: VIEWPORT, deviceScaleFactor, locale: 'en-US' });
  await context.request.post(`${baseUrl}/v1/auth/session`, { data: { api_key: SEED_ADMIN_KEY } });
  return context.newPage();
}

const dataDir = values['data-dir'];
if (!dataDir) throw new Error('Give --data-dir, a folder that bench/gallery-seed.ts has filled');
const { config, problems } = loadConfig({
  env: {
    DRAWBRIDGE_DATA_DIR: dataDir,
    DRAWBRIDGE_HOST: '127.0.0.1',
    DRAWBRIDGE_PORT: '0',
    DRAWBRIDGE_ADMIN_KEY: SEED_ADMIN_KEY,
    DRAWBRIDGE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE: '100000',
  },
  cwd: dataDir,
});
if (!config) throw new Error(JSON.stringify(problems));
const app = await createApp({
  config,
  log: createMemoryLogger({ level: 'warn' }),
  webFolder: values['web-dist'],
});
const baseUrl = `http://127.0.0.1:${await app.listen()}`;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--headless', '--no-sandbox'] });
try {
  printVisits(await visit(browser, baseUrl));
  for (const ratio of [1, 2]) {
    const page = await signedIn(browser, baseUrl, ratio);
    print(`${values.style}, device pixel ratio ${ratio}`, await measure(page, baseUrl));
    await page.context().close();
  }
} finally {
  await browser.close();
  await app.close();
}
